//! What was run on a change, and what came of it, in words of a closed set.

use std::fmt;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// What looked at a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum EvidenceKind {
    /// A machine read it, as a reviewer would.
    Review,
    /// Its tests ran.
    Test,
    /// A linter read it.
    Lint,
    /// Something looked for weaknesses, secrets or licences.
    Scan,
    /// It was built.
    Build,
}

/// What came of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(inline)]
pub enum EvidenceOutcome {
    /// Nothing stands against it.
    Passed,
    /// Something does.
    Failed,
}

impl EvidenceKind {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Review, Self::Test, Self::Lint, Self::Scan, Self::Build];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Review => "review",
            Self::Test => "test",
            Self::Lint => "lint",
            Self::Scan => "scan",
            Self::Build => "build",
        }
    }
}

impl EvidenceOutcome {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Passed, Self::Failed];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Passed => "passed",
            Self::Failed => "failed",
        }
    }
}

impl fmt::Display for EvidenceKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl fmt::Display for EvidenceOutcome {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_as_what_it_stands_for() {
        for kind in EvidenceKind::ALL {
            let text = format!("\"{kind}\"");
            assert_eq!(serde_json::from_str::<EvidenceKind>(&text).unwrap(), kind);
            assert_eq!(serde_json::to_string(&kind).unwrap(), text);
        }
        for outcome in EvidenceOutcome::ALL {
            let text = format!("\"{outcome}\"");
            assert_eq!(serde_json::from_str::<EvidenceOutcome>(&text).unwrap(), outcome);
            assert_eq!(serde_json::to_string(&outcome).unwrap(), text);
        }
    }
}
