//! `get_work_item`: one work item, whole.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vocabulary::{RepoPath, Repository, Risk, Timestamp, TraceId, WorkItemId};

/// Arguments.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct GetWorkItem {
    /// `wi_...`
    pub id: WorkItemId,
}

impl GetWorkItem {
    /// The tool's name.
    pub const NAME: &str = "get_work_item";
}

/// Result: a work item as everybody sees it.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WorkItemView {
    /// Which.
    pub id: WorkItemId,
    /// As proposed.
    pub title: String,
    /// As proposed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub description: Option<String>,
    /// Where it stands.
    pub state: String,
    /// Inferred type.
    #[serde(rename = "type")]
    pub item_type: String,
    /// Inferred risk.
    pub risk: Risk,
    /// Why that type.
    pub type_reasons: Vec<String>,
    /// Why that risk.
    pub risk_reasons: Vec<String>,
    /// Where the change would be.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub repository: Option<Repository>,
    /// What would change.
    pub paths: Vec<RepoPath>,
    /// The human for whom it was proposed, and via what.
    pub on_behalf_of: String,
    /// The AgentTrace that records the proposal.
    pub trace: TraceId,
    /// When.
    pub proposed_at: Timestamp,
    /// What people decided.
    pub decisions: Vec<DecisionView>,
    /// Why its approval no longer fits.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub stale: Option<String>,
    /// Where the change is, as reported.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub pull_request: Option<String>,
    /// What was run on it: the newest pieces, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub evidence: Vec<String>,
}

impl WorkItemView {
    /// The most pieces of evidence that are shown.
    pub const MAX_EVIDENCE: usize = 16;
    /// The longest of them, in characters.
    pub const MAX_EVIDENCE_CHARS: usize = 300;
}

/// What a human decided.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct DecisionView {
    /// approve or reject.
    pub verb: String,
    /// Who.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub rationale: Option<String>,
    /// How it was signed: T0 with a key.
    pub tier: String,
}
