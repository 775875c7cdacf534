//! What a delegation says.

use std::{collections::BTreeSet, fmt, str::FromStr};

use time::Duration;
use vocabulary::{DelegationId, MemberId, Risk, Timestamp};

use crate::{AgentVerb, PathGlobs, Repositories};

/// The longest for which something can be lent.
pub const MAX_DELEGATION_TTL: Duration = Duration::days(30);

/// Everything a delegation says: who lends what to which agent, where, on what, up to what risk, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Grant {
    /// Which delegation.
    pub id: DelegationId,
    /// The member who lends, and answers for what is done.
    pub on_behalf_of: MemberId,
    /// The agent's name: what it is lent to; which process holds it, no token can tell.
    pub agent: AgentName,
    /// What may be done.
    pub verbs: BTreeSet<AgentVerb>,
    /// Where.
    pub repositories: Repositories,
    /// On what.
    pub paths: PathGlobs,
    /// Up to what risk.
    pub risk_ceiling: Risk,
    /// When it ends; whole seconds, for Biscuit's dates have no others.
    pub expires_at: Timestamp,
}

/// An agent's name: lower-case letters, digits, `.`, `_` and `-`, at most 64.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct AgentName(String);

/// Why a text is no agent's name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no agent's name; write it in lower-case letters, digits, `.`, `_` and `-`, as claude-code")]
pub struct AgentNameError(String);

const MAX_NAME_BYTES: usize = 64;

impl AgentName {
    /// The name of an agent that does not say one.
    #[must_use]
    pub fn unnamed() -> Self {
        Self("unnamed".to_owned())
    }

    /// The name.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for AgentName {
    type Err = AgentNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let letter = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit();
        let whole = text.len() <= MAX_NAME_BYTES
            && text.bytes().next().is_some_and(letter)
            && text.bytes().all(|b| letter(b) || matches!(b, b'.' | b'_' | b'-'));
        if whole {
            Ok(Self(text.to_owned()))
        } else {
            Err(AgentNameError(text.chars().take(48).collect()))
        }
    }
}

impl fmt::Display for AgentName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
