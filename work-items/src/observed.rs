//! What was seen of a change once it left the agent's hands: that it landed, was deployed, and does what it should.

use identity::Digest;
use serde::Serialize;
use vocabulary::{GitObject, MemberId, Timestamp, WorkItemId};

use crate::Step;

/// What was seen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Seen {
    /// The change landed, as this commit.
    Merged(GitObject),
    /// It was deployed to the environment of this name.
    Deployed(String),
    /// It was seen to do what it should.
    Verified,
}

/// Who saw it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Source {
    /// GitHub, in the delivery of this identifier.
    GitHub(String),
}

/// Something that was seen, and the member to whom it is attributed.
///
/// No code makes one: this version can prove of no message that it is from where it says. So no work item becomes
/// merged, deployed or verified with it, whoever asks.
///
/// ```compile_fail,E0451
/// fn made_up(other: work_items::Observed) -> work_items::Observed {
///     work_items::Observed { work_item: other.work_item(), ..other }
/// }
/// ```
/// ```compile_fail,E0277
/// let read: work_items::Observed = serde_json::from_str("{}").unwrap();
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Observed {
    work_item: WorkItemId,
    seen: Seen,
    by: MemberId,
    source: Source,
    at: Timestamp,
    #[serde(skip)]
    digest: Digest,
}

impl Observed {
    /// What somebody would have seen who can see it.
    #[cfg(test)]
    pub(crate) fn supposed(work_item: WorkItemId, seen: Seen, by: MemberId) -> Self {
        Self {
            work_item,
            digest: Digest::of_subject(format!("{seen:?}").as_bytes()),
            seen,
            by,
            source: Source::GitHub("supposed".to_owned()),
            at: Timestamp::EPOCH,
        }
    }

    /// Of which work item.
    #[must_use]
    pub const fn work_item(&self) -> WorkItemId {
        self.work_item
    }

    /// What was seen.
    #[must_use]
    pub const fn seen(&self) -> &Seen {
        &self.seen
    }

    /// The member who did it.
    #[must_use]
    pub const fn by(&self) -> MemberId {
        self.by
    }

    /// Who saw it.
    #[must_use]
    pub const fn source(&self) -> &Source {
        &self.source
    }

    /// When.
    #[must_use]
    pub const fn at(&self) -> Timestamp {
        self.at
    }

    /// The digest of what was recorded of it: what is decided later is decided on that, too.
    #[must_use]
    pub const fn digest(&self) -> &Digest {
        &self.digest
    }

    /// The step that was seen.
    #[must_use]
    pub const fn step(&self) -> Step {
        match self.seen {
            Seen::Merged(_) => Step::Merge,
            Seen::Deployed(_) => Step::Deploy,
            Seen::Verified => Step::Verify,
        }
    }
}
