//! Where work stands, in the words that are an agent's to say.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Where an agent may say that work stands. Closed: that a human decided, or that a change landed, is none of these.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum ReportedState {
    /// It has begun.
    InProgress,
    /// The change waits for review.
    InReview,
    /// It is wanted no more.
    Withdrawn,
}
