//! `append_trace_note`: the agent's own words, in its session's trace.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vocabulary::TraceId;

/// Arguments.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AppendTraceNote {
    /// What a reviewer should know
    pub text: String,
    /// Ids, paths or links it is about
    #[serde(default)]
    pub refs: Vec<String>,
}

impl AppendTraceNote {
    /// The tool's name.
    pub const NAME: &str = "append_trace_note";
    /// Longest text, in bytes.
    pub const MAX_TEXT_BYTES: usize = 16 * 1024;
    /// Most references.
    pub const MAX_REFS: usize = 16;
    /// Longest reference, in bytes.
    pub const MAX_REF_BYTES: usize = 256;
}

/// Result.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct NoteAppended {
    /// The trace.
    pub trace: TraceId,
    /// The note's place in it.
    pub seq: u64,
    /// The note's entry hash, in hex.
    pub hash: String,
}
