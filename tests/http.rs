//! Agents over HTTP: what they may, what they meet who may not, and that all of it is on record.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it stands"
)]

#[path = "http/bounds.rs"]
mod bounds;
#[path = "http/conformance.rs"]
mod conformance;
#[path = "http/doors.rs"]
mod doors;
#[path = "http/encrypted.rs"]
mod encrypted;
#[path = "http/inspector.rs"]
mod inspector;
#[path = "http/limits.rs"]
mod limits;
#[path = "http/mcp.rs"]
mod mcp;
#[path = "http/pages.rs"]
mod pages;
#[path = "http/proofs.rs"]
mod proofs;
#[path = "http/remote.rs"]
mod remote;
#[path = "http/sse.rs"]
mod sse;
#[path = "http/telling.rs"]
mod telling;

use testkit::{Home, home::Recorded};

/// The kinds of a trace's entries.
fn kinds(trace: &[Recorded]) -> Vec<&str> {
    trace.iter().map(|recorded| recorded.kind.as_str()).collect()
}

/// Code and message of everybody who was turned away.
fn turned_away(home: &Home) -> Vec<(String, String)> {
    home.workspace_chain()
        .iter()
        .filter(|recorded| recorded.kind == "access.denied")
        .map(|recorded| {
            let refusal = &recorded.body["refusal"];
            let text = |name: &str| refusal[name].as_str().unwrap().to_owned();
            (text("code"), text("message"))
        })
        .collect()
}
