//! For whom a work item, or a change that is to land, waits, and what an approval takes of this human.

use identity::{Challenge, Decision, Digest, Email, History, HumanVerb, Rationale, Tier};
use vocabulary::{MemberId, Timestamp};
use work_items::{
    Change, DecideError, LandError, Landing, Missing, ProposedChange, RiskPolicy, Role, Verdict, WorkItem,
};

use crate::{decisions, workspace::Workspace};

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
        rationale,
        ..sample(workspace, item, member)
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

/// An approval that nobody signs, to ask the rules about.
fn sample(workspace: &Workspace, item: &WorkItem, member: MemberId) -> Decision {
    Decision {
        workspace: workspace.id,
        verb: HumanVerb::Approve,
        subject: item.subject(),
        subject_digest: item.digest,
        rationale: None,
        member,
        challenge: Challenge::from_entropy([0; 16]),
        history: History {
            size: 0,
            root: Digest::from_bytes([0; 32]),
        },
        at: Timestamp::EPOCH,
        tier: Tier::T1,
    }
}

/// For whom a change waits that is to land.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ToLand {
    /// For this member.
    You {
        /// As whom they would say yes.
        role: Role,
        /// What that takes beyond a touch, in words; nothing, where one click is enough.
        still: String,
    },
    /// For something or somebody else.
    Others {
        /// What, in words.
        why: String,
    },
    /// For nobody: this member said something of exactly this.
    Said,
}

impl ToLand {
    /// The word for as whom somebody would say yes, which a page shows and a challenge is posed with.
    pub(crate) const fn said_as(&self) -> &'static str {
        match self {
            Self::You { role, .. } => role.as_str(),
            Self::Others { .. } | Self::Said => "nobody",
        }
    }
}

/// The change of a work item that was put forward last, where nobody's word on its tree stands.
pub(crate) fn for_a_word(item: &WorkItem) -> Option<&ProposedChange> {
    let newest = item.proposed_changes.last().filter(|_| item.may_still_land())?;
    let verdict = item.verdict(newest.change.tree(), RiskPolicy::built_in());
    matches!(verdict, Verdict::Undecided | Verdict::Stale(_)).then_some(newest)
}

/// Asks the rules what would come of a yes by this member to this change, given with a touch and a good reason.
pub(crate) fn to_land(workspace: &Workspace, item: &WorkItem, change: &Change, member: MemberId) -> ToLand {
    if let Err(refusal) = decisions::still_fits(item) {
        return ToLand::Others { why: refusal.message };
    }
    let Ok(subject_digest) = change.digest(&item.known()) else {
        return ToLand::Others {
            why: "something that can be signed: this change has no JSON form".to_owned(),
        };
    };
    let electors = decisions::electors(&workspace.members);
    let with = |rationale: Option<Rationale>| Decision {
        subject: change.subject_of(&item.proposed),
        subject_digest,
        rationale,
        ..sample(workspace, item, member)
    };
    let after = |decision: &Decision| {
        let decided = workspace.work_items.may_land(decision, change, &electors);
        decided.map(|(_, role)| role)
    };
    match after(&with(ENOUGH.parse().ok())) {
        Ok(Role::Exception) if !is_alone_by_signatures(item, change, &electors) => ToLand::Others {
            why: format!(
                "a look at its repository: that everybody else here made it is nobody's word so far. Where the repository is: auditotter land {}",
                item.proposed.id
            ),
        },
        Ok(role) => {
            let still = match after(&with(None)) {
                Err(LandError::Duties { missing, .. }) => in_words(&missing),
                Ok(_) | Err(_) => String::new(),
            };
            ToLand::You { role, still }
        }
        Err(LandError::Twice) => ToLand::Said,
        Err(LandError::Duties { missing, .. }) => ToLand::Others {
            why: in_words(&missing),
        },
        Err(LandError::Separation { others, .. }) => {
            let named = |email: &String| {
                let mut members = workspace.members.all();
                let known = members.find(|member| member.email.to_string() == *email);
                known.map_or_else(|| email.clone(), |member| member.name.to_string())
            };
            let others: Vec<String> = others.iter().map(named).collect();
            let who = if others.is_empty() {
                "and by all that was said of this tree that is nobody here: amended, it is another tree"
                    .to_owned()
            } else {
                others.join(" or ")
            };
            ToLand::Others {
                why: format!("somebody who neither made it nor had it made: {who}"),
            }
        }
        Err(other) => ToLand::Others {
            why: other.to_string(),
        },
    }
}

/// Whether somebody signed that nobody else could say yes: the members' list says so by itself, or a member let exactly this through
/// before. A list of who made it that was only put forward excepts nobody: whoever has a shell can put it forward.
fn is_alone_by_signatures(item: &WorkItem, change: &Change, electors: &[(MemberId, Email)]) -> bool {
    let mut others = electors
        .iter()
        .filter(|(member, _)| *member != item.proposed.on_behalf_of);
    let let_through = |landing: &Landing| landing.role != Role::Objection && landing.change == *change;
    others.next().is_none() || item.landings.iter().any(let_through)
}

fn in_words(missing: &[Missing]) -> String {
    let words: Vec<String> = missing.iter().map(ToString::to_string).collect();
    words.join("; ")
}
