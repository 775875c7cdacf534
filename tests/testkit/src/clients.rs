//! The real clients, from their npm packages, driven without an account.

mod claude_code;
mod codex;
mod reach;
mod run;
mod wire;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::Command,
};

pub use claude_code::ClaudeCode;
pub use codex::Codex;
pub use reach::Reach;
pub use run::{Session, Working};
pub use wire::Wire;

/// The name under which the clients here know the server.
pub const SERVER: &str = "auditotter";

/// The name under which Claude Code knows it where the plugin brings it.
pub const PLUGIN_SERVER: &str = "plugin_auditotter_auditotter";

/// This repository.
///
/// # Panics
/// Where this crate does not lie in it.
#[must_use]
pub fn repository_root() -> &'static Path {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2);
    root.expect("the test kit lies in the repository")
}

/// Names the folder that holds the clients' `node_modules`, where it is not `tests`.
const CLIENTS_VARIABLE: &str = "AUDITOTTER_CLIENTS";

/// A client's executable. Where it is not installed the test has nothing to run: it says so loudly, and with `CI`
/// set it fails, for there nothing may be skipped.
///
/// # Panics
/// Where the client is missing and `CI` is set.
fn installed(name: &str) -> Option<PathBuf> {
    package(&format!(".bin/{name}"))
}

/// A program of an npm package that wants a newer Node than a machine may have: its script, within `node_modules`. Node
/// itself is a package too.
#[derive(Debug, Clone, Copy)]
pub struct NodeProgram(pub &'static str);

impl NodeProgram {
    /// Runs it, where it is installed.
    ///
    /// # Panics
    /// Where it is missing and `CI` is set.
    #[must_use]
    pub fn command(self) -> Option<Command> {
        let script = package(self.0)?;
        let machine = if cfg!(target_arch = "aarch64") {
            "arm64"
        } else {
            "x64"
        };
        let node = package(&format!("node-linux-{machine}/bin/node"))?;
        let mut command = Command::new(node);
        command.arg(script);
        Some(command)
    }
}

/// A file of an npm package that tests use; `None`, said loudly, where it is not installed.
///
/// # Panics
/// Where it is missing and `CI` is set.
#[must_use]
pub fn package(file: &str) -> Option<PathBuf> {
    let tests = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let folder = std::env::var_os(CLIENTS_VARIABLE)
        .map(PathBuf::from)
        .or_else(|| tests.map(Path::to_owned))?;
    let path = folder.join("node_modules").join(file);
    if path.exists() {
        return Some(path);
    }
    skipped(&format!(
        "{} is missing; run: npm ci --prefix tests",
        path.display()
    ));
    None
}

/// Says that a test has nothing to run here.
///
/// # Panics
/// Where `CI` is set: there nothing may be skipped.
pub(crate) fn skipped(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "{why}");
    // Past the harness, which keeps what a passing test says to itself.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {why}");
}
