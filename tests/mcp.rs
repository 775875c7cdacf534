//! `auditotter-mcp` as any client meets it: a process, its stdin, its stdout, and what it leaves in the ledger.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should stop where it stands"
)]

#[path = "mcp/authority.rs"]
mod authority;
#[path = "mcp/deciding.rs"]
mod deciding;
#[path = "mcp/eras.rs"]
mod eras;
#[path = "mcp/pages.rs"]
mod pages;
#[path = "mcp/rubbish.rs"]
mod rubbish;
#[path = "mcp/schema.rs"]
mod schema;
#[path = "mcp/size.rs"]
mod size;
#[path = "mcp/tools.rs"]
mod tools;

use testkit::Home;

/// The kinds of a home's only trace, in order.
fn kinds(home: &Home) -> Vec<String> {
    let traces = home.traces();
    assert_eq!(traces.len(), 1, "one session has one trace");
    home.trace(traces[0])
        .into_iter()
        .map(|recorded| recorded.kind)
        .collect()
}
