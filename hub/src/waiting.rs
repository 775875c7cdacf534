//! For whom a work item waits, and what an approval takes of this human.

use identity::{Challenge, Decision, Digest, History, HumanVerb, Rationale, Tier};
use vocabulary::{MemberId, Timestamp};
use work_items::{DecideError, Missing, WorkItem};

use crate::workspace::Workspace;

/// Words that say enough, in place of those that nobody has written yet.
const ENOUGH: &str = "as good a reason as there is";

/// For whom it waits.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum For {
    /// For this member, who can approve it.
    You {
        /// What that takes beyond a touch, in words; nothing, where one click is enough.
        still: String,
    },
    /// For something or somebody else.
    Others {
        /// What, in words.
        why: String,
    },
}

/// Asks the rules what would come of an approval by this member, given with a touch and a good reason.
pub(crate) fn of(workspace: &Workspace, item: &WorkItem, member: MemberId) -> For {
    let with = |rationale: Option<Rationale>| Decision {
        workspace: workspace.id,
        verb: HumanVerb::Approve,
        subject: item.subject(),
        subject_digest: item.digest,
        rationale,
        member,
        challenge: Challenge::from_entropy([0; 16]),
        history: History {
            size: 0,
            root: Digest::from_bytes([0; 32]),
        },
        at: Timestamp::EPOCH,
        tier: Tier::T1,
    };
    match workspace.work_items.after(&with(ENOUGH.parse().ok())) {
        Ok(_) => {
            let still = match workspace.work_items.after(&with(None)) {
                Err(DecideError::Duties { missing, .. }) => in_words(&missing),
                Ok(_) | Err(_) => String::new(),
            };
            For::You { still }
        }
        Err(DecideError::Duties { missing, .. }) => For::Others {
            why: in_words(&missing),
        },
        Err(other) => For::Others {
            why: other.to_string(),
        },
    }
}

fn in_words(missing: &[Missing]) -> String {
    let words: Vec<String> = missing.iter().map(ToString::to_string).collect();
    words.join("; ")
}
