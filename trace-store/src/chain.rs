//! Which chain an entry is in, and where that chain stands.

use std::{fmt, str::FromStr};

use vocabulary::{IdError, TraceId, WorkspaceId};

use crate::EntryHash;

/// A hash chain: that of the workspace, or that of one agent session.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum ChainId {
    /// Members, delegations, work items, decisions: what concerns the whole team.
    Workspace(WorkspaceId),
    /// One agent session: an AgentTrace.
    Trace(TraceId),
}

/// Where a chain stands: what the next entry must carry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct Head {
    /// The next entry's sequence number, which is also how many entries there are.
    pub next_seq: u64,
    /// The last entry's hash, which the next one names as `prev`.
    pub hash: EntryHash,
}

impl Head {
    /// Of a chain without entries.
    pub const EMPTY: Self = Self {
        next_seq: 0,
        hash: EntryHash::NONE,
    };
}

impl fmt::Display for ChainId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Workspace(id) => id.fmt(f),
            Self::Trace(id) => id.fmt(f),
        }
    }
}

impl FromStr for ChainId {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.starts_with("ws_") {
            text.parse().map(Self::Workspace)
        } else {
            text.parse().map(Self::Trace)
        }
    }
}

impl From<WorkspaceId> for ChainId {
    fn from(id: WorkspaceId) -> Self {
        Self::Workspace(id)
    }
}

impl From<TraceId> for ChainId {
    fn from(id: TraceId) -> Self {
        Self::Trace(id)
    }
}

impl serde::Serialize for ChainId {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de> serde::Deserialize<'de> for ChainId {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}
