//! `record_evidence`: what was run on a change, and what came of it.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vocabulary::{EvidenceKind, EvidenceOutcome, WorkItemId};

/// Arguments.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct RecordEvidence {
    /// The work item
    pub id: WorkItemId,
    /// What it was
    pub kind: EvidenceKind,
    /// What came of it
    pub outcome: EvidenceOutcome,
    /// What ran, by name
    pub tool: String,
    /// What it found
    pub summary: String,
    /// Of the full report, 64 hex digits
    #[serde(default)]
    pub digest: Option<String>,
    /// Lines added and removed
    #[serde(default)]
    pub changed_lines: Option<u32>,
    /// Ran on it, full hash
    #[serde(default)]
    pub commit: Option<String>,
    /// Same
    #[serde(default)]
    pub tree: Option<String>,
}

impl RecordEvidence {
    /// The tool's name.
    pub const NAME: &str = "record_evidence";
}

/// Result.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct EvidenceRecorded {
    /// On which work item.
    pub id: WorkItemId,
    /// Where it stands.
    pub state: String,
    /// How many pieces of evidence it has now.
    pub evidence: u32,
}
