//! `read_trace`: what a trace holds, a page at a time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vocabulary::{Timestamp, TraceId};

/// Arguments.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReadTrace {
    /// `tr_...`, else this session's
    #[serde(default)]
    pub trace: Option<TraceId>,
    /// First seq, else 0
    #[serde(default)]
    pub from: Option<u64>,
    /// 1 to 100, else 50
    #[serde(default)]
    pub limit: Option<u16>,
    /// With bodies
    #[serde(default)]
    pub bodies: bool,
}

impl ReadTrace {
    /// The tool's name.
    pub const NAME: &str = "read_trace";
    /// The largest page.
    pub const MAX_PAGE: u16 = 100;
    /// The page where none was asked for.
    pub const DEFAULT_PAGE: u16 = 50;
}

/// Result.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct TracePage {
    /// The trace.
    pub trace: TraceId,
    /// How many entries it has.
    pub length: u64,
    /// This page, in order.
    pub entries: Vec<EntryView>,
    /// Pass as `from` for more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
}

/// An entry as it is shown.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct EntryView {
    /// Its place in the chain.
    pub seq: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// What it is.
    pub kind: String,
    /// In a few words.
    pub summary: String,
    /// The body's text, cut where it is long.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}
