//! What clients tell their hooks lands in the trace of their session, entry by entry.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should stop where it stands"
)]

#[path = "capture/beginning.rs"]
mod beginning;
#[path = "capture/claude_code.rs"]
mod claude_code;
#[path = "capture/codex.rs"]
mod codex;
#[path = "capture/gate.rs"]
mod gate;
#[path = "capture/hook.rs"]
mod hook;
#[path = "capture/import.rs"]
mod import;
#[path = "capture/interrupted.rs"]
mod interrupted;
#[path = "capture/long.rs"]
mod long;
#[path = "capture/owed.rs"]
mod owed;
#[path = "capture/plugin.rs"]
mod plugin;
#[path = "capture/secrets.rs"]
mod secrets;
#[path = "capture/spooled.rs"]
mod spooled;
#[path = "capture/transcript.rs"]
mod transcript;
#[path = "capture/worktree.rs"]
mod worktree;

use serde_json::Value;
use testkit::{Home, export::Export};

/// The kinds of the entries of the only trace, which both verifiers accept.
fn recorded(home: &Home) -> Export {
    let export = Export::of_the_only_trace(home);
    let _ = export.verified_by_us().expect_success();
    if let Some(judged) = export.verified_by_python() {
        let _ = judged.expect_success();
    }
    export
}

/// The same once everything was looked at that came to its end: the hub waits for that when it ends.
fn settled(home: &Home) -> Export {
    assert!(home.stop_hub(), "a hub was started by a hook");
    recorded(home)
}

/// What the only entry of a kind says.
fn only(export: &Export, kind: &str) -> Value {
    match export.of_kind(kind).as_slice() {
        [entry] => entry.body.clone(),
        entries => panic!("{kind}: {entries:#?}"),
    }
}
