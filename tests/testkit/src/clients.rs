//! The real clients, from their npm packages, driven without an account.

mod claude_code;
mod codex;
mod run;

use std::{io::Write as _, path::PathBuf};

pub use claude_code::ClaudeCode;
pub use codex::Codex;
pub use run::Session;

/// The name under which the clients here know the server.
pub const SERVER: &str = "auditotter";

/// Names the folder that holds the clients' `node_modules`, where it is not `tests`.
const CLIENTS_VARIABLE: &str = "AUDITOTTER_CLIENTS";

/// A client's executable. Where it is not installed the test has nothing to run: it says so loudly, and with `CI`
/// set it fails, for there nothing may be skipped.
///
/// # Panics
/// Where the client is missing and `CI` is set.
fn installed(name: &str) -> Option<PathBuf> {
    let folder = std::env::var_os(CLIENTS_VARIABLE).map_or_else(
        || PathBuf::from(concat!(env!("CARGO_MANIFEST_DIR"), "/..")),
        PathBuf::from,
    );
    let path = folder.join("node_modules/.bin").join(name);
    if path.exists() {
        return Some(path);
    }
    let missing = format!("{name} is not in {}; run: npm ci --prefix tests", path.display());
    assert!(std::env::var_os("CI").is_none(), "{missing}");
    // Past the harness, which keeps what a passing test says to itself.
    let _ = writeln!(std::io::stderr(), "SKIPPED: {missing}");
    None
}
