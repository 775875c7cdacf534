//! `propose_work_item`: ask a human for permission to begin.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vocabulary::{Risk, TraceId, WorkItemId};

/// Arguments.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProposeWorkItem {
    /// One line: what will change and why
    pub title: String,
    /// What, why and how, for the human who decides
    #[serde(default)]
    pub description: Option<String>,
    /// Files or folders (`src/auth/**`) that will change
    #[serde(default)]
    pub paths: Vec<String>,
    /// `owner/name`
    #[serde(default)]
    pub repository: Option<String>,
    /// Raises the inferred risk, never lowers it
    #[serde(default)]
    pub risk: Option<Risk>,
}

impl ProposeWorkItem {
    /// The tool's name.
    pub const NAME: &str = "propose_work_item";
}

/// Result.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WorkItemProposed {
    /// The new work item.
    pub id: WorkItemId,
    /// Its state: `proposed`.
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
    /// The human for whom it was proposed, and via what.
    pub on_behalf_of: String,
    /// The AgentTrace that records it.
    pub trace: TraceId,
    /// Where a human decides. Holding it is not enough to decide.
    pub approval_url: String,
    /// What else high risk takes before a human can approve.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<String>,
}
