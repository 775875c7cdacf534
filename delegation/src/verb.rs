//! What an agent may be lent.

use std::{fmt, str::FromStr};

/// An agent verb. Closed: a token that names another is refused whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum AgentVerb {
    /// Ask a human for permission to begin.
    ProposeWorkItem,
    /// Look at work items.
    ReadWorkItems,
    /// Write into the session's own trace.
    AppendTraceNote,
    /// Read and verify traces of the same delegation.
    ReadTrace,
    /// Say on a work item what was run on the change, and what came of it.
    RecordEvidence,
}

/// A word that is no agent verb.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` cannot be lent to an agent; what can is propose_work_item, read_work_items, append_trace_note, read_trace, \
     record_evidence"
)]
pub struct AgentVerbError(String);

impl AgentVerb {
    /// Every agent verb.
    pub const ALL: [Self; 5] = [
        Self::ProposeWorkItem,
        Self::ReadWorkItems,
        Self::AppendTraceNote,
        Self::ReadTrace,
        Self::RecordEvidence,
    ];

    /// The word that stands in tokens.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::ProposeWorkItem => "propose_work_item",
            Self::ReadWorkItems => "read_work_items",
            Self::AppendTraceNote => "append_trace_note",
            Self::ReadTrace => "read_trace",
            Self::RecordEvidence => "record_evidence",
        }
    }

    /// What it means, for the person who lends it.
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::ProposeWorkItem => "ask for permission to begin work",
            Self::ReadWorkItems => "look at your work items and those of the repositories",
            Self::AppendTraceNote => "write notes into its own trace",
            Self::ReadTrace => "read the traces of its sessions under this delegation",
            Self::RecordEvidence => "record what it ran on a change, and what came of it",
        }
    }
}

impl fmt::Display for AgentVerb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for AgentVerb {
    type Err = AgentVerbError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|verb| verb.as_str() == word)
            .ok_or_else(|| AgentVerbError(word.chars().take(48).collect()))
    }
}
