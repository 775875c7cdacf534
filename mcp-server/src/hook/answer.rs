//! What a hook answers: nothing, where the client may go on, for what it prints becomes part of the session.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    sync::atomic::{AtomicBool, Ordering},
    thread,
};

use serde_json::json;

use super::telling::NotTold;

/// How both clients are told that something is not to happen, whatever else is wrong.
pub(super) const BLOCKS: u8 = 2;

/// Whether somebody has answered: two answers are none.
static ANSWERED: AtomicBool = AtomicBool::new(false);

/// Waits for ever where another thread of this process is answering, and ends it.
fn alone() {
    while ANSWERED.swap(true, Ordering::AcqRel) {
        thread::park();
    }
}

/// The tool is not to be used.
pub(super) fn denied(why: &str) -> ExitCode {
    alone();
    let answer = json!({
        "hookSpecificOutput": {
            "hookEventName": "PreToolUse",
            "permissionDecision": "deny",
            "permissionDecisionReason": why,
        }
    });
    match writeln!(io::stdout(), "{answer}") {
        Ok(()) => ExitCode::SUCCESS,
        // Codex lets pass what blocks without a word on stderr.
        Err(error) => block(&format!("{why} (the answer could not be written: {error})")),
    }
}

/// The client is to go on with the settings that it has.
pub(super) fn kept(why: &str) -> ExitCode {
    alone();
    block(why)
}

/// What it is about cannot be told, so that it cannot be allowed either.
pub(super) fn unreadable(why: &str) -> ExitCode {
    block(&format!("auditotter: {why}"))
}

/// It happened and is not on record, or not yet.
pub(super) fn not_recorded(event: &str, why: &NotTold) -> ExitCode {
    if matches!(why, NotTold::Kept(_)) {
        return ExitCode::SUCCESS;
    }
    let _ = writeln!(io::stderr(), "auditotter: {event} was not recorded: {why}");
    ExitCode::SUCCESS
}

fn block(why: &str) -> ExitCode {
    let _ = writeln!(io::stderr(), "{why}");
    ExitCode::from(BLOCKS)
}
