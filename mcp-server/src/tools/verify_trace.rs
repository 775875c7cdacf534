//! `verify_trace`.

use protocol::tools::{TraceVerified, VerifyTrace};
use rmcp::model::Tool;

use super::{Effect, define};

pub(super) fn tool() -> Tool {
    define::<VerifyTrace, TraceVerified>(
        VerifyTrace::NAME,
        "Check a trace's hash chain and bodies.",
        Effect::Reads,
    )
}

pub(super) fn text(result: &TraceVerified) -> String {
    match &result.broken {
        None => format!(
            "{} holds: {} entries, head {}",
            result.trace, result.entries, result.head
        ),
        Some(why) => format!("{} does not hold: {why}", result.trace),
    }
}
