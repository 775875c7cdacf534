//! A change that is to land: a tree of git, how it came about, and who made it.

use identity::{Digest, Email, Subject};
use serde::{Deserialize, Serialize};
use vocabulary::{GitObject, WorkItemId, misleads};

use crate::Proposed;

const MOST_COMMITTERS: usize = 100;
const MOST_ADDRESS_BYTES: usize = 254;

/// A change as it came.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawChange {
    /// For which work item.
    pub work_item: WorkItemId,
    /// What is to land.
    pub tree: GitObject,
    /// The commit that has this tree.
    pub head: GitObject,
    /// The commit on which it is to land.
    pub base: GitObject,
    /// How many commits lie between.
    pub commits: u32,
    /// The addresses of their authors and committers.
    pub committers: Vec<String>,
    /// How many lines were added and removed.
    #[serde(default)]
    pub changed_lines: Option<u32>,
}

/// A change that is to land, as whoever decides on it read it from git. What is read back from a ledger comes through the same
/// door, in its one form.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawChange")]
pub struct Change {
    work_item: WorkItemId,
    tree: GitObject,
    head: GitObject,
    base: GitObject,
    commits: u32,
    committers: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    changed_lines: Option<u32>,
}

/// Why a change was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// Nothing would land.
    #[error("there is no commit between {base} and {head}; say with --base where the change begins")]
    Nothing {
        /// The commit on which it is to land.
        base: GitObject,
        /// The commit that is to land.
        head: GitObject,
    },
    /// Nobody made it.
    #[error("the change has no committers; every commit has one")]
    Nobody,
    /// Not as it would be recorded.
    #[error("the change's committers are not in lower case, in order, each once")]
    OneForm,
    /// More than people look at.
    #[error("the change has {0} committers of at most {MOST_COMMITTERS}; land less at once")]
    ManyCommitters(usize),
    /// Nothing that could be signed.
    #[error("the change has no JSON form")]
    Form,
    /// Not an address that reads as it is.
    #[error(
        "a committer's address is empty, longer than {MOST_ADDRESS_BYTES} bytes, or would read as another"
    )]
    Committer,
}

impl Change {
    /// Parses a change. Addresses are in lower case, sorted and named once.
    ///
    /// # Errors
    /// [`ChangeError`].
    pub fn parse(raw: RawChange) -> Result<Self, ChangeError> {
        let (base, head) = (raw.base, raw.head);
        if raw.commits == 0 || base == head {
            return Err(ChangeError::Nothing { base, head });
        }
        let mut committers: Vec<String> = raw
            .committers
            .iter()
            .map(|address| address.trim().to_ascii_lowercase())
            .collect();
        committers.sort();
        committers.dedup();
        if committers.is_empty() {
            return Err(ChangeError::Nobody);
        }
        if committers.len() > MOST_COMMITTERS {
            return Err(ChangeError::ManyCommitters(committers.len()));
        }
        let reads_so = |address: &String| {
            !address.is_empty() && address.len() <= MOST_ADDRESS_BYTES && !address.chars().any(misleads)
        };
        if !committers.iter().all(reads_so) {
            return Err(ChangeError::Committer);
        }
        Ok(Self {
            work_item: raw.work_item,
            tree: raw.tree,
            head,
            base,
            commits: raw.commits,
            committers,
            changed_lines: raw.changed_lines,
        })
    }

    /// For which work item.
    #[must_use]
    pub const fn work_item(&self) -> WorkItemId {
        self.work_item
    }

    /// What is to land.
    #[must_use]
    pub const fn tree(&self) -> GitObject {
        self.tree
    }

    /// The commit that has this tree.
    #[must_use]
    pub const fn head(&self) -> GitObject {
        self.head
    }

    /// The commit on which it is to land.
    #[must_use]
    pub const fn base(&self) -> GitObject {
        self.base
    }

    /// How many commits lie between.
    #[must_use]
    pub const fn commits(&self) -> u32 {
        self.commits
    }

    /// The addresses of their authors and committers.
    #[must_use]
    pub fn committers(&self) -> &[String] {
        &self.committers
    }

    /// How many lines were added and removed.
    #[must_use]
    pub const fn changed_lines(&self) -> Option<u32> {
        self.changed_lines
    }

    /// Whether somebody with this address made it, or part of it.
    #[must_use]
    pub fn is_of(&self, email: &Email) -> bool {
        let email = email.to_string().to_ascii_lowercase();
        self.committers.contains(&email)
    }

    /// What a decision on it has to name, as the work was judged.
    #[must_use]
    pub const fn subject_of(&self, proposed: &Proposed) -> Subject {
        Subject::Change {
            id: self.work_item,
            tree: self.tree,
            policy: proposed.assessment.policy_digest,
            risk: proposed.assessment.risk,
        }
    }

    /// The digest of what is decided on: the change in canonical JSON, with everything that is known of its work item.
    ///
    /// # Errors
    /// [`ChangeError::Form`], which nothing that was parsed causes.
    pub fn digest(&self, known: &Digest) -> Result<Digest, ChangeError> {
        let text = serde_json_canonicalizer::to_vec(self).map_err(|_| ChangeError::Form)?;
        Ok(Digest::of_subject(&text).with_evidence(known))
    }
}

impl TryFrom<RawChange> for Change {
    type Error = ChangeError;

    fn try_from(raw: RawChange) -> Result<Self, ChangeError> {
        let written = raw.committers.clone();
        let change = Self::parse(raw)?;
        if change.committers == written {
            Ok(change)
        } else {
            Err(ChangeError::OneForm)
        }
    }
}

#[cfg(test)]
mod tests;
