//! `auditotter-mcp` as any client meets it: a process, its stdin, its stdout, and what it leaves in the ledger.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should stop where it stands"
)]

#[path = "mcp/authority.rs"]
mod authority;
#[path = "mcp/eras.rs"]
mod eras;
#[path = "mcp/rubbish.rs"]
mod rubbish;
#[path = "mcp/schema.rs"]
mod schema;
#[path = "mcp/size.rs"]
mod size;
#[path = "mcp/tools.rs"]
mod tools;

use testkit::{Home, StdioClient, home::Lending};

/// Alice's home, with everything lent to Claude Code.
fn lent() -> Home {
    let home = Home::founded();
    home.lend(&Lending::to("claude-code"));
    home
}

/// Claude Code, at work in this home.
fn at_work(home: &Home) -> StdioClient {
    StdioClient::claude_code(&mut home.auditotter_mcp(&[]))
}

/// The kinds of a home's only trace, in order.
fn kinds(home: &Home) -> Vec<String> {
    let traces = home.traces();
    assert_eq!(traces.len(), 1, "one session has one trace");
    home.trace(traces[0])
        .into_iter()
        .map(|recorded| recorded.kind)
        .collect()
}
