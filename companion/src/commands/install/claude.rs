//! Claude Code's own commands: its file for all projects is written by its sessions too, and they know when.

use std::{
    fmt,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

use super::{server_program::ServerProgram, servers::SERVER};

/// One command.
#[derive(Debug)]
pub(super) struct Step {
    program: PathBuf,
    arguments: Vec<String>,
}

impl Step {
    /// Registers our server for this user.
    pub(super) fn add(claude: PathBuf, program: &ServerProgram) -> Self {
        let words = ["mcp", "add", "--scope", "user", SERVER, "--", &program.command].map(str::to_owned);
        Self {
            program: claude,
            arguments: words.into_iter().chain(program.arguments()).collect(),
        }
    }

    /// Takes it out again.
    pub(super) fn remove(claude: PathBuf) -> Self {
        Self {
            program: claude,
            arguments: ["mcp", "remove", "--scope", "user", SERVER]
                .map(str::to_owned)
                .to_vec(),
        }
    }

    /// Runs it.
    ///
    /// # Errors
    /// Where it does not run, or says no, with what it said.
    pub(super) fn run(&self) -> anyhow::Result<()> {
        let ran = Command::new(&self.program)
            .args(&self.arguments)
            .stdin(Stdio::null())
            .output()
            .with_context(|| format!("{} does not run", self.program.display()))?;
        if ran.status.success() {
            return Ok(());
        }
        let (out, err) = (
            String::from_utf8_lossy(&ran.stdout),
            String::from_utf8_lossy(&ran.stderr),
        );
        bail!("`{self}` failed: {} {}", err.trim(), out.trim())
    }

    /// What it did.
    pub(super) fn done(&self) -> String {
        format!("Ran: {self}")
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let words = self.arguments.iter().map(String::as_str);
        let joined = shlex::try_join(std::iter::once("claude").chain(words));
        f.write_str(&joined.map_err(|_| fmt::Error)?)
    }
}
