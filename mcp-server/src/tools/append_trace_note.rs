//! `append_trace_note`.

use protocol::tools::{AppendTraceNote, NoteAppended};
use rmcp::model::Tool;

use super::{Effect, define};

pub(super) fn tool() -> Tool {
    define::<AppendTraceNote, NoteAppended>(
        AppendTraceNote::NAME,
        "Note a reason, plan or finding in this session's trace, for those who review it. It cannot be \
         changed afterwards.",
        Effect::Adds,
    )
}

pub(super) fn text(note: &NoteAppended) -> String {
    format!("noted at {} #{}", note.trace, note.seq)
}
