//! May this change land? Never answered by the human for whom the agent acted, nor by a committer, alone.

use identity::{Decision, Email, HumanVerb, Signed, Subject};
use vocabulary::{GitObject, MemberId, Risk, Timestamp, WorkItemId};

use super::WorkItems;
use crate::{
    Change, Circumstances, Landing, Missing, ProposedChange, RiskPolicy, Role, State, WorkItem,
    duties::missing_to_land,
};

/// The most changes that are put forward for one work item: whoever has a shell can do it.
const MOST_PROPOSED: usize = 256;

/// Why a decision on a change does not stand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum LandError {
    /// There is no such work item.
    #[error("there is no work item {0}")]
    Unknown(WorkItemId),
    /// Not a decision on this change.
    #[error("the decision is on another change than it comes with, or on none")]
    NotOfChange,
    /// It is not where a change lands.
    #[error(
        "{id} is {state}; whether a change may land is decided of work that was approved and has not landed"
    )]
    NotNow {
        /// Which work item.
        id: WorkItemId,
        /// Where it stands.
        state: State,
    },
    /// What was shown is not what is there.
    #[error("{0}, or what is known of it, is not what was shown; look at it again, then decide")]
    Changed(WorkItemId),
    /// Nobody here can say whether the work was judged rightly.
    #[error("{0} was judged by rules that this version does not have; propose it again")]
    UnknownRules(WorkItemId),
    /// It was put forward more often than people look at.
    #[error(
        "{0} had {MOST_PROPOSED} changes put forward, and takes no more; decide on it in the terminal: auditotter land"
    )]
    ManyProposed(WorkItemId),
    /// The same human said so already.
    #[error("the same member decided on exactly this before")]
    Twice,
    /// Who decides made the change, or had it made, and it is for others.
    #[error("{tree} was made by, or for, whoever decides here; {}", for_others(others))]
    Separation {
        /// What is to land.
        tree: GitObject,
        /// Who can.
        others: Vec<String>,
    },
    /// It asks for more.
    #[error("to {verb} a change of {risk} risk takes: {}", super::error::listed(missing))]
    Duties {
        /// Its risk.
        risk: Risk,
        /// What was tried.
        verb: HumanVerb,
        /// What is missing.
        missing: Vec<Missing>,
    },
}

/// What happened: somebody decided on a change.
#[derive(Debug)]
pub struct LandingDecided {
    /// What was decided.
    pub signed: Signed<Decision>,
    /// On what.
    pub change: Change,
    /// How it came about.
    pub circumstances: Circumstances,
    /// Who was a member then, as far as is known.
    pub members: Vec<(MemberId, Email)>,
}

impl WorkItems {
    /// In what role a member may decide so on a change, of which work item.
    ///
    /// # Errors
    /// [`LandError`] with what would have to be otherwise.
    pub fn may_land(
        &self,
        decision: &Decision,
        change: &Change,
        members: &[(MemberId, Email)],
    ) -> Result<(&WorkItem, Role), LandError> {
        let Subject::Change {
            id,
            tree,
            policy,
            risk,
        } = decision.subject
        else {
            return Err(LandError::NotOfChange);
        };
        if (id, tree) != (change.work_item(), change.tree()) {
            return Err(LandError::NotOfChange);
        }
        let item = self.may_be_judged(change)?;
        let digest = change.digest(&item.whole).map_err(|_| LandError::NotOfChange)?;
        let judged = &item.proposed.assessment;
        if decision.subject_digest != digest || (policy, risk) != (judged.policy_digest, judged.risk) {
            return Err(LandError::Changed(id));
        }
        if decision.verb == HumanVerb::Approve && !RiskPolicy::is_known(&policy) {
            return Err(LandError::UnknownRules(id));
        }
        let same = |landing: &Landing| {
            landing.decision.member == decision.member && landing.decision.subject_digest == digest
        };
        if item.landings.iter().any(same) {
            return Err(LandError::Twice);
        }
        let missing = missing_to_land(item, decision, change);
        if !missing.is_empty() {
            return Err(LandError::Duties {
                risk,
                verb: decision.verb,
                missing,
            });
        }
        Ok((item, role(item, decision, change, members)?))
    }

    /// The work item of a change on which somebody may decide now: one that may land, or that was let through by
    /// exception and waits for a review, whatever became of the work.
    ///
    /// # Errors
    /// [`LandError::Unknown`] or [`LandError::NotNow`].
    pub fn may_be_judged(&self, change: &Change) -> Result<&WorkItem, LandError> {
        let id = change.work_item();
        let item = self.get(id).ok_or(LandError::Unknown(id))?;
        if item.may_still_land() || item.waits_for_review(change.tree()) {
            return Ok(item);
        }
        let state = item.state;
        Err(LandError::NotNow { id, state })
    }

    /// The work item for which this change may be put forward. It gives nobody anything: what counts is what people sign.
    ///
    /// # Errors
    /// [`LandError::Unknown`], [`LandError::NotNow`] or [`LandError::ManyProposed`].
    pub fn may_propose(&self, change: &Change) -> Result<&WorkItem, LandError> {
        let item = self.may_be_judged(change)?;
        if item.proposed_changes.len() >= MOST_PROPOSED {
            return Err(LandError::ManyProposed(item.proposed.id));
        }
        Ok(item)
    }

    pub(super) fn take_up(&mut self, change: Change, at: Timestamp) -> Result<(), LandError> {
        let id = self.may_propose(&change)?.proposed.id;
        self.change(id, |item| {
            item.proposed_changes.push(ProposedChange { change, at })
        });
        Ok(())
    }

    pub(super) fn land(&mut self, decided: LandingDecided) -> Result<(), LandError> {
        let LandingDecided {
            signed,
            change,
            circumstances,
            members,
        } = decided;
        let (item, role) = self.may_land(signed.get(), &change, &members)?;
        let id = item.proposed.id;
        self.change(id, |item| {
            item.landings.push(Landing {
                decision: signed.into_inner(),
                change,
                circumstances,
                role,
            });
        });
        Ok(())
    }
}

fn role(
    item: &WorkItem,
    decision: &Decision,
    change: &Change,
    members: &[(MemberId, Email)],
) -> Result<Role, LandError> {
    // Saying no takes nobody's independence.
    if decision.verb != HumanVerb::Approve {
        return Ok(Role::Objection);
    }
    let independent = item.independent_of(change, members);
    if independent.contains(&decision.member) {
        return Ok(if item.waits_for_review(change.tree()) {
            Role::Review
        } else {
            Role::Independent
        });
    }
    if independent.is_empty() && item.may_still_land() && item.has_nobody_else(change, members) {
        return Ok(Role::Exception);
    }
    let others = members.iter().filter(|(member, _)| independent.contains(member));
    Err(LandError::Separation {
        tree: change.tree(),
        others: others.map(|(_, email)| email.to_string()).collect(),
    })
}

fn for_others(others: &[String]) -> String {
    if others.is_empty() {
        "it is for somebody who did not, and by all that was said of this tree that is nobody here: let somebody in, or amend the change, so that its tree is another".to_owned()
    } else {
        format!("somebody else has to, and can: {}", others.join(", "))
    }
}
