//! The fold: from what happened to what is.

use std::collections::{BTreeMap, btree_map::Entry};

use identity::{Decision, Digest, HumanVerb, Signed, Subject};
use vocabulary::{Risk, WorkItemId, misleads};

use crate::{
    Circumstances, Evidence, Proposed, RiskPolicy, State, WorkItem, assess,
    duties::{self, Missing},
};

/// The most pieces of evidence that agents of one human record on one work item: each of them makes people look again.
const MOST_EVIDENCE: usize = 64;

/// The longest name of what acts, in bytes.
const MOST_VIA_BYTES: usize = 128;

/// Something that happened to a work item.
#[derive(Debug)]
pub enum Event {
    /// It was proposed; the digest is that of what was recorded.
    Proposed(Proposed, Digest),
    /// Something was run on it; the digest is that of what was recorded.
    Evidence(Evidence, Digest),
    /// A human decided.
    Decided(Signed<Decision>, Circumstances),
}

/// What happened cannot have happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// Two with one name.
    #[error("work item {0} was proposed before")]
    Twice(WorkItemId),
    /// Its judgement is not what the rules that it names say.
    #[error("work item {0} is recorded as {1} risk, and the rules that it names judge it otherwise")]
    Misjudged(WorkItemId, Risk),
    /// Who acted is not shown as it is read.
    #[error("work item {0} was proposed via something that would read as something else")]
    Via(WorkItemId),
    /// Evidence that cannot be taken up.
    #[error(transparent)]
    Evidence(#[from] EvidenceError),
    /// A decision that does not stand.
    #[error(transparent)]
    Decision(#[from] DecideError),
}

/// Why evidence is not taken up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EvidenceError {
    /// There is no such work item.
    #[error("there is no work item {0}")]
    Unknown(WorkItemId),
    /// Nobody will look at it any more.
    #[error("{id} is {state}: nothing is recorded on it any more; propose the work again")]
    Closed {
        /// Which work item.
        id: WorkItemId,
        /// Where it stands.
        state: State,
    },
    /// More than people look at.
    #[error(
        "{0} has {MOST_EVIDENCE} pieces of evidence from agents of this human, and takes no more of theirs"
    )]
    TooMuch(WorkItemId),
    /// Who acted is not shown as it is read.
    #[error("evidence on {0} was recorded via something that would read as something else")]
    Via(WorkItemId),
}

/// Why a decision on a work item does not stand.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecideError {
    /// There is no such work item.
    #[error("there is no work item {0}")]
    Unknown(WorkItemId),
    /// Nothing that is decided of work.
    #[error("to {0} is not a decision on a work item")]
    NotOfWork(HumanVerb),
    /// It was decided already.
    #[error("{id} is {state}; from there nobody can {verb} it. What is proposed can be approved or rejected")]
    Transition {
        /// Which work item.
        id: WorkItemId,
        /// Where it stands.
        state: State,
        /// What was tried.
        verb: HumanVerb,
    },
    /// What was shown is not what is there.
    #[error("{0} is not what was shown; look at it again, then decide")]
    Changed(WorkItemId),
    /// It was judged by other rules, or otherwise, than was shown.
    #[error("{id} is of {risk} risk by other rules than was shown; look at it again, then decide")]
    Judged {
        /// Which work item.
        id: WorkItemId,
        /// What it is now.
        risk: Risk,
    },
    /// Nobody here can say whether it was judged rightly.
    #[error("{0} was judged by rules that this version does not have; propose it again")]
    UnknownRules(WorkItemId),
    /// It asks for more.
    #[error("to {verb} {id}, of {risk} risk, takes: {}", listed(missing))]
    Duties {
        /// Which work item.
        id: WorkItemId,
        /// Its risk.
        risk: Risk,
        /// What was tried.
        verb: HumanVerb,
        /// What is missing.
        missing: Vec<Missing>,
    },
}

/// Whether a proposal is judged as the rules say that it names, and shows who acted as it is read. Whoever writes it may
/// write anything. Rules that this version does not have say nothing here; nobody approves by them.
fn check(proposed: &Proposed) -> Result<(), FoldError> {
    let rules = RiskPolicy::built_in();
    let judged = &proposed.assessment;
    if judged.policy_digest == rules.digest() && *judged != assess(&proposed.proposal, rules) {
        return Err(FoldError::Misjudged(proposed.id, judged.risk));
    }
    if !is_legible(&proposed.via) {
        return Err(FoldError::Via(proposed.id));
    }
    Ok(())
}

fn is_legible(via: &str) -> bool {
    via.len() <= MOST_VIA_BYTES && !via.chars().any(misleads)
}

fn listed(missing: &[Missing]) -> String {
    let texts: Vec<String> = missing.iter().map(ToString::to_string).collect();
    texts.join("; ")
}

/// All work items of a workspace. Their identifiers sort by the time at which they were proposed.
#[derive(Debug, Clone, Default)]
pub struct WorkItems(BTreeMap<WorkItemId, WorkItem>);

impl WorkItems {
    /// Takes in what happened.
    ///
    /// # Errors
    /// [`FoldError`]; nothing has changed then.
    pub fn apply(&mut self, event: Event) -> Result<(), FoldError> {
        match event {
            Event::Proposed(proposed, digest) => {
                check(&proposed)?;
                match self.0.entry(proposed.id) {
                    Entry::Occupied(_) => Err(FoldError::Twice(proposed.id)),
                    Entry::Vacant(place) => {
                        place.insert(WorkItem::new(proposed, digest));
                        Ok(())
                    }
                }
            }
            Event::Evidence(evidence, digest) => {
                let id = self.may_record(&evidence)?.proposed.id;
                if let Some(item) = self.0.get_mut(&id) {
                    // What was decided was decided on what there was.
                    if item.weighed.is_none() {
                        item.digest = item.digest.with_evidence(&digest);
                    }
                    item.evidence.push(evidence);
                }
                Ok(())
            }
            Event::Decided(signed, circumstances) => {
                let (item, state) = self.after(signed.get())?;
                let id = item.proposed.id;
                if let Some(item) = self.0.get_mut(&id) {
                    item.state = state;
                    item.weighed = Some(item.evidence.len());
                    item.decisions.push(signed.into_inner());
                    item.circumstances.push(circumstances);
                }
                Ok(())
            }
        }
    }

    /// The work item on which this evidence may be recorded.
    ///
    /// # Errors
    /// [`EvidenceError`].
    pub fn may_record(&self, evidence: &Evidence) -> Result<&WorkItem, EvidenceError> {
        let id = evidence.work_item;
        let item = self.0.get(&id).ok_or(EvidenceError::Unknown(id))?;
        let state = item.state;
        if state == State::Rejected {
            return Err(EvidenceError::Closed { id, state });
        }
        if !is_legible(&evidence.via) {
            return Err(EvidenceError::Via(id));
        }
        let theirs = |before: &&Evidence| before.on_behalf_of == evidence.on_behalf_of;
        if item.evidence.iter().filter(theirs).count() >= MOST_EVIDENCE {
            return Err(EvidenceError::TooMuch(id));
        }
        Ok(item)
    }

    /// Where a work item would stand after this decision, if that may be made.
    ///
    /// # Errors
    /// [`DecideError`] with what would have to be otherwise.
    pub fn after(&self, decision: &Decision) -> Result<(&WorkItem, State), DecideError> {
        let Subject::WorkItem { id, policy, risk } = decision.subject else {
            return Err(DecideError::NotOfWork(decision.verb));
        };
        let item = self.0.get(&id).ok_or(DecideError::Unknown(id))?;
        let verb = decision.verb;
        let state = match verb {
            HumanVerb::Approve => State::Approved,
            HumanVerb::Reject => State::Rejected,
            other => return Err(DecideError::NotOfWork(other)),
        };
        if item.state != State::Proposed {
            return Err(DecideError::Transition {
                id,
                state: item.state,
                verb,
            });
        }
        if decision.subject_digest != item.digest {
            return Err(DecideError::Changed(id));
        }
        let judged = &item.proposed.assessment;
        if (policy, risk) != (judged.policy_digest, judged.risk) {
            return Err(DecideError::Judged {
                id,
                risk: judged.risk,
            });
        }
        if verb == HumanVerb::Approve && !RiskPolicy::is_known(&policy) {
            return Err(DecideError::UnknownRules(id));
        }
        let missing = duties::missing(item, decision);
        if missing.is_empty() {
            Ok((item, state))
        } else {
            Err(DecideError::Duties {
                id,
                risk,
                verb,
                missing,
            })
        }
    }

    /// One work item.
    #[must_use]
    pub fn get(&self, id: WorkItemId) -> Option<&WorkItem> {
        self.0.get(&id)
    }

    /// Work items from the newest on, or from the newest that is older than `after`.
    pub fn newest_first(&self, after: Option<WorkItemId>) -> impl Iterator<Item = &WorkItem> {
        let older = match after {
            Some(id) => self.0.range(..id),
            None => self.0.range(..),
        };
        older.rev().map(|(_, item)| item)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests;
