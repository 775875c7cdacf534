//! How much a change could hurt.

use std::{fmt, str::FromStr};

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::shown;

/// The risk class of a work item, lowest first; comparing is ordering by harm.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum Risk {
    /// One approval, one click.
    Low,
    /// One approval, one click; shown apart.
    Medium,
    /// Evidence, a rationale, a second human and an attestation before deployment.
    High,
    /// As high; what an incident would be made of.
    Critical,
}

/// A word that is no risk class.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a risk; say low, medium, high or critical")]
pub struct RiskError(String);

impl Risk {
    /// Every class, lowest first.
    pub const ALL: [Self; 4] = [Self::Low, Self::Medium, Self::High, Self::Critical];

    /// The word for this class.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Low => "low",
            Self::Medium => "medium",
            Self::High => "high",
            Self::Critical => "critical",
        }
    }
}

impl fmt::Display for Risk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl FromStr for Risk {
    type Err = RiskError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|risk| risk.as_str() == word)
            .ok_or_else(|| RiskError(shown(word, 48)))
    }
}
