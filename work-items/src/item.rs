//! A work item: what was proposed, how it was judged, and where it stands.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use vocabulary::{DelegationId, MemberId, Timestamp, TraceId, WorkItemId};

use crate::{Assessment, Proposal};

/// What kind of work it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemType {
    /// Something that should work does not.
    Bug,
    /// Something new.
    Feature,
    /// Upkeep that users do not notice.
    Chore,
    /// Words for people.
    Docs,
    /// A weakness, or what protects against one.
    Security,
    /// Something is broken for users right now.
    Incident,
}

impl ItemType {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bug => "bug",
            Self::Feature => "feature",
            Self::Chore => "chore",
            Self::Docs => "docs",
            Self::Security => "security",
            Self::Incident => "incident",
        }
    }
}

/// Where a work item stands. What people decide, and what follows from it, is not part of this version: a work item
/// is proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A human has yet to decide.
    Proposed,
}

/// A word that is no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no state; the states are: proposed")]
pub struct StateError(String);

impl State {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
        }
    }
}

impl FromStr for State {
    type Err = StateError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "proposed" => Ok(Self::Proposed),
            other => Err(StateError(other.chars().take(48).collect())),
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// What the ledger records when work is proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposed {
    /// Which work item.
    pub id: WorkItemId,
    /// What was proposed.
    pub proposal: Proposal,
    /// How it was judged then.
    pub assessment: Assessment,
    /// The human for whom.
    pub on_behalf_of: MemberId,
    /// The agent, as it calls itself.
    pub via: String,
    /// Under which delegation.
    pub delegation: DelegationId,
    /// In which trace.
    pub trace: TraceId,
    /// When.
    pub proposed_at: Timestamp,
}

/// A work item, as everything that happened to it leaves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkItem {
    /// As it was proposed.
    pub proposed: Proposed,
    /// Where it stands.
    pub state: State,
}

impl From<Proposed> for WorkItem {
    fn from(proposed: Proposed) -> Self {
        Self {
            proposed,
            state: State::Proposed,
        }
    }
}
