//! `report_progress`: what became of work that was proposed.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vocabulary::{ReportedState, WorkItemId};

/// Arguments.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ReportProgress {
    /// The work item
    pub id: WorkItemId,
    /// Where it stands now
    pub state: ReportedState,
    /// Its https address
    #[serde(default)]
    pub pull_request: Option<String>,
    /// Why
    #[serde(default)]
    pub why: Option<String>,
}

impl ReportProgress {
    /// The tool's name.
    pub const NAME: &str = "report_progress";
}

/// Result.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct ProgressReported {
    /// Which work item.
    pub id: WorkItemId,
    /// Where it stands.
    pub state: String,
    /// Where it can go from there.
    pub next: Vec<String>,
}
