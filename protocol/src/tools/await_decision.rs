//! `await_decision`: wait until a human has decided.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vocabulary::WorkItemId;

use super::DecisionView;

/// Arguments of `await_decision`.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct AwaitDecision {
    /// The work item.
    pub id: WorkItemId,
}

impl AwaitDecision {
    /// The tool's name.
    pub const NAME: &'static str = "await_decision";
}

/// Where a work item stands after waiting.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DecisionAwaited {
    /// Which.
    pub id: WorkItemId,
    /// Its state; `proposed`: still waiting, call again.
    pub state: String,
    /// The decision, once there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<DecisionView>,
}
