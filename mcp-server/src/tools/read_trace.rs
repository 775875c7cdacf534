//! `read_trace`.

use std::fmt::Write as _;

use protocol::tools::{ReadTrace, TracePage};
use rmcp::model::Tool;

use super::{Effect, define};

pub(super) fn tool() -> Tool {
    define::<ReadTrace, TracePage>(
        ReadTrace::NAME,
        "Entries of a trace, in order, by page.",
        Effect::Reads,
    )
}

pub(super) fn text(page: &TracePage) -> String {
    let mut text = format!("{} has {} entries", page.trace, page.length);
    if let (Some(first), Some(last)) = (page.entries.first(), page.entries.last()) {
        let _ = write!(text, "; #{} to #{}:", first.seq, last.seq);
    }
    for entry in &page.entries {
        let _ = write!(text, "\n#{} {} {}", entry.seq, entry.kind, entry.summary);
    }
    if let Some(next) = page.next {
        let _ = write!(text, "\nmore: from={next}");
    }
    text
}
