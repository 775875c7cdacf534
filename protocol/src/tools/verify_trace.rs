//! `verify_trace`: check a trace's chain from its first entry to its head.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vocabulary::TraceId;

/// Arguments.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct VerifyTrace {
    /// `tr_...`, else this session's
    #[serde(default)]
    pub trace: Option<TraceId>,
}

impl VerifyTrace {
    /// The tool's name.
    pub const NAME: &str = "verify_trace";
}

/// Result.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TraceVerified {
    /// The trace.
    pub trace: TraceId,
    /// Whether every entry, link and body holds.
    pub holds: bool,
    /// How many entries were checked.
    pub entries: u64,
    /// The hash of the last entry, in hex.
    pub head: String,
    /// How many bodies were erased by a human decision.
    pub erased: u64,
    /// Where it does not hold, and why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken: Option<String>,
}
