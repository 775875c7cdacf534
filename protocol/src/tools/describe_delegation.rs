//! `describe_delegation`: what this session may do, for whom, and until when.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vocabulary::{DelegationId, Risk, SessionId, Timestamp, TraceId};

/// Arguments: none.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct DescribeDelegation {}

impl DescribeDelegation {
    /// The tool's name.
    pub const NAME: &str = "describe_delegation";
}

/// Result.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct DelegationDescription {
    /// Which delegation.
    pub delegation: DelegationId,
    /// The human who lent it and answers for what is done under it.
    pub on_behalf_of: String,
    /// The agent it was lent to.
    pub agent: String,
    /// What may be done.
    pub verbs: Vec<String>,
    /// Where; `*` is every repository.
    pub repositories: Vec<String>,
    /// On what.
    pub paths: Vec<String>,
    /// Up to what risk.
    pub risk_ceiling: Risk,
    /// When the delegation ends.
    pub expires_at: Timestamp,
    /// This session.
    pub session: SessionId,
    /// When this session's token ends; it is renewed by itself while the delegation lives.
    pub session_expires_at: Timestamp,
    /// This session's trace.
    pub trace: TraceId,
    /// What no agent can be lent.
    pub never: Vec<String>,
}
