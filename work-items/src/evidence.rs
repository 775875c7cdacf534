//! Evidence: what was run on a change, as whoever ran it says.

use identity::Digest;
use serde::{Deserialize, Serialize};
use vocabulary::{
    DelegationId, EvidenceKind, EvidenceOutcome, GitObject, GitObjectError, MemberId, Timestamp, TraceId,
    WorkItemId, joins, misleads,
};

const MOST_TOOL_CHARS: usize = 100;
const MOST_SUMMARY_BYTES: usize = 2_000;

/// A finding as it came.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawFinding {
    /// What looked.
    pub kind: EvidenceKind,
    /// What came of it.
    pub outcome: EvidenceOutcome,
    /// What ran, by name.
    pub tool: String,
    /// What it found.
    pub summary: String,
    /// The digest of the whole report.
    #[serde(default)]
    pub digest: Option<String>,
    /// How many lines the change has.
    #[serde(default)]
    pub changed_lines: Option<u32>,
    /// The commit on which it ran.
    #[serde(default)]
    pub commit: Option<String>,
    /// The tree on which it ran.
    #[serde(default)]
    pub tree: Option<String>,
}

/// What was run, and what came of it. What is read back from a ledger comes through the same door as what an agent sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawFinding")]
pub struct Finding {
    kind: EvidenceKind,
    outcome: EvidenceOutcome,
    tool: String,
    summary: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<Digest>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_lines: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    commit: Option<GitObject>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tree: Option<GitObject>,
}

/// Why a finding was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FindingError {
    /// Nothing there.
    #[error("{0} is empty; say what ran, and what it found")]
    Empty(&'static str),
    /// Too long for a line that people read.
    #[error("tool has {0} characters of at most {MOST_TOOL_CHARS}; name what ran")]
    LongTool(usize),
    /// Too long.
    #[error("summary has {0} bytes of at most {MOST_SUMMARY_BYTES}; keep the report, and give its digest")]
    LongSummary(usize),
    /// It would not be shown as it is read.
    #[error(
        "{field} holds U+{:04X}, a control character or one that hides or turns what is read; leave it out",
        u32::from(*.character)
    )]
    Misleads {
        /// Which field.
        field: &'static str,
        /// Which character.
        character: char,
    },
    /// Not a digest.
    #[error("digest is no 64 hexadecimal digits in lower case, as of SHA-256 or BLAKE3")]
    Digest,
    /// Not an object of git.
    #[error("{field}: {source}")]
    Git {
        /// Which field.
        field: &'static str,
        /// What is wrong.
        source: GitObjectError,
    },
}

/// What the ledger records of a finding. It is the word of whoever recorded it: nobody else saw it run.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Evidence {
    /// On which work item.
    pub work_item: WorkItemId,
    /// What was found.
    pub finding: Finding,
    /// The human for whom it was recorded.
    pub on_behalf_of: MemberId,
    /// The agent, as it calls itself.
    pub via: String,
    /// Under which delegation.
    pub delegation: DelegationId,
    /// In which session's trace the call stands.
    pub trace: TraceId,
    /// When.
    pub recorded_at: Timestamp,
}

impl Evidence {
    /// Whether something stands against the change.
    #[must_use]
    pub fn failed(&self) -> bool {
        self.finding.outcome == EvidenceOutcome::Failed
    }
}

impl Finding {
    /// Parses a finding.
    ///
    /// # Errors
    /// [`FindingError`] with the field, its limit, and what to do.
    pub fn parse(raw: RawFinding) -> Result<Self, FindingError> {
        let object = |field, text: Option<String>| {
            let parsed = text.map(|text| text.parse()).transpose();
            parsed.map_err(|source| FindingError::Git { field, source })
        };
        let tool = text("tool", raw.tool.trim(), |_| false)?;
        let characters = tool.chars().count();
        if characters > MOST_TOOL_CHARS {
            return Err(FindingError::LongTool(characters));
        }
        let summary = text("summary", raw.summary.trim(), |c| matches!(c, '\n' | '\r' | '\t'))?;
        if summary.len() > MOST_SUMMARY_BYTES {
            return Err(FindingError::LongSummary(summary.len()));
        }
        let digest = raw.digest.map(|text| text.parse()).transpose();
        Ok(Self {
            kind: raw.kind,
            outcome: raw.outcome,
            tool,
            summary,
            digest: digest.map_err(|_| FindingError::Digest)?,
            changed_lines: raw.changed_lines,
            commit: object("commit", raw.commit)?,
            tree: object("tree", raw.tree)?,
        })
    }

    /// What looked.
    #[must_use]
    pub const fn kind(&self) -> EvidenceKind {
        self.kind
    }

    /// What came of it.
    #[must_use]
    pub const fn outcome(&self) -> EvidenceOutcome {
        self.outcome
    }

    /// What ran, by name.
    #[must_use]
    pub fn tool(&self) -> &str {
        &self.tool
    }

    /// What it found.
    #[must_use]
    pub fn summary(&self) -> &str {
        &self.summary
    }

    /// The digest of the whole report, which stands elsewhere.
    #[must_use]
    pub const fn digest(&self) -> Option<Digest> {
        self.digest
    }

    /// How many lines the change has.
    #[must_use]
    pub const fn changed_lines(&self) -> Option<u32> {
        self.changed_lines
    }

    /// The commit on which it ran.
    #[must_use]
    pub const fn commit(&self) -> Option<&GitObject> {
        self.commit.as_ref()
    }

    /// The tree on which it ran.
    #[must_use]
    pub const fn tree(&self) -> Option<&GitObject> {
        self.tree.as_ref()
    }
}

impl TryFrom<RawFinding> for Finding {
    type Error = FindingError;

    fn try_from(raw: RawFinding) -> Result<Self, FindingError> {
        Self::parse(raw)
    }
}

fn text(field: &'static str, text: &str, fine: impl Fn(char) -> bool) -> Result<String, FindingError> {
    if text.chars().all(|c| c.is_whitespace() || joins(c)) {
        return Err(FindingError::Empty(field));
    }
    match text.chars().find(|c| misleads(*c) && !fine(*c)) {
        Some(character) => Err(FindingError::Misleads { field, character }),
        None => Ok(text.to_owned()),
    }
}

#[cfg(test)]
mod tests;
