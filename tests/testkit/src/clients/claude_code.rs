//! Claude Code, headless.

use std::{fs, path::PathBuf, process::Command};

use serde_json::json;

use super::{SERVER, installed, run};
use crate::{
    Home, ScriptedModel,
    clients::Session,
    program::{self, Ran},
};

/// An installed Claude Code.
#[derive(Debug)]
pub struct ClaudeCode(PathBuf);

impl ClaudeCode {
    /// The pinned one, or a loud word on how to install it.
    #[must_use]
    pub fn installed() -> Option<Self> {
        installed("claude").map(Self)
    }

    /// `claude` with these arguments, in this home.
    ///
    /// # Panics
    /// Where it does not end.
    #[must_use]
    pub fn run(&self, home: &Home, arguments: &[&str]) -> Ran {
        let mut command = self.command(home);
        command.args(arguments);
        run::to_the_end(command)
    }

    /// Its version, as it says it.
    ///
    /// # Panics
    /// Where it does not say it.
    #[must_use]
    pub fn version(&self, home: &Home) -> String {
        let said = self.run(home, &["--version"]).expect_success();
        said.split_whitespace().next().unwrap_or_default().to_owned()
    }

    /// Lets it work under a scripted model, with `auditotter-mcp` as its only server.
    ///
    /// # Panics
    /// Where it does not end.
    #[must_use]
    pub fn work(&self, home: &Home, model: &ScriptedModel, prompt: &str, more: &[(&str, &str)]) -> Session {
        let servers = json!({ "mcpServers": { SERVER: { "command": program::path("auditotter-mcp") } } });
        let config = home.file("claude-mcp.json");
        fs::write(&config, servers.to_string()).expect("a file can be written");
        let mut command = self.command(home);
        command
            .args([
                "-p",
                prompt,
                "--output-format",
                "stream-json",
                "--verbose",
                "--strict-mcp-config",
            ])
            .args(["--allowedTools", &format!("mcp__{SERVER}__*")])
            .arg("--mcp-config")
            .arg(config)
            .env("ANTHROPIC_BASE_URL", model.url())
            .env("ANTHROPIC_API_KEY", "anything")
            .envs(more.iter().copied());
        Session::of(command)
    }

    fn command(&self, home: &Home) -> Command {
        let mut command = home.command(&self.0);
        command
            .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
            .env("DISABLE_AUTOUPDATER", "1");
        command
    }
}
