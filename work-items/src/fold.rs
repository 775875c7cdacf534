//! The fold: from what happened to what is.

use std::collections::{BTreeMap, BTreeSet, btree_map::Entry};

use identity::{Decision, Digest, HumanVerb, Signed, Subject};
use vocabulary::{Timestamp, WorkItemId, misleads};

pub use self::{
    error::{DecideError, EvidenceError, FoldError, ReportedError},
    landing::{LandError, LandingDecided},
};
use crate::{
    Change, Circumstances, Evidence, Observed, Proposed, Reported, RiskPolicy, State, Step, TransitionError,
    WorkItem, assess, duties,
};

mod error;
mod landing;

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
    /// An agent of its human said what became of it.
    Reported(Reported),
    /// Something was seen of it, and is attributed to a member.
    Observed(Observed),
    /// Nobody had decided at this moment of the ledger's.
    Expired(WorkItemId, Timestamp),
    /// A change was put forward at this moment, for people to say whether it may land. Nobody's word.
    ChangeProposed(Change, Timestamp),
    /// A human decided on a change that is to land.
    Landing(Box<LandingDecided>),
    /// A human decided.
    Decided(Signed<Decision>, Circumstances),
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

/// Where a work item would stand after a step.
fn take(item: &WorkItem, step: Step) -> Result<State, TransitionError> {
    let risk = item.risk();
    item.state.after(step, risk).ok_or_else(|| TransitionError {
        id: item.proposed.id,
        state: item.state,
        risk,
        wanted: step.leads_to(),
    })
}

/// All work items of a workspace. Their identifiers sort by the time at which they were proposed.
#[derive(Debug, Clone, Default)]
pub struct WorkItems {
    items: BTreeMap<WorkItemId, WorkItem>,
    /// Those that nobody has decided on yet.
    undecided: BTreeSet<WorkItemId>,
    /// How much was applied.
    applied: u64,
}

impl WorkItems {
    /// Takes in what happened.
    ///
    /// # Errors
    /// [`FoldError`]; nothing has changed then.
    pub fn apply(&mut self, event: Event) -> Result<(), FoldError> {
        match event {
            Event::Proposed(proposed, digest) => {
                check(&proposed)?;
                let id = proposed.id;
                match self.items.entry(id) {
                    Entry::Occupied(_) => return Err(FoldError::Twice(id)),
                    Entry::Vacant(place) => place.insert(WorkItem::new(proposed, digest)),
                };
                self.undecided.insert(id);
            }
            Event::Evidence(evidence, digest) => {
                let id = self.may_record(&evidence)?.proposed.id;
                self.change(id, |item| {
                    // What was decided was decided on what there was.
                    if item.weighed.is_none() {
                        item.digest = item.digest.with_evidence(&digest);
                    }
                    item.whole = item.whole.with_evidence(&digest);
                    item.evidence.push(evidence);
                });
            }
            Event::Reported(reported) => {
                let (item, state) = self.may_report(&reported)?;
                let id = item.proposed.id;
                self.change(id, |item| {
                    item.weighed.get_or_insert(item.evidence.len());
                    item.state = state;
                    item.reports.push(reported);
                });
            }
            Event::Observed(observed) => {
                let id = observed.work_item();
                let item = self.items.get(&id).ok_or(FoldError::Unseen(id))?;
                let state = take(item, observed.step())?;
                self.change(id, |item| {
                    item.state = state;
                    item.whole = item.whole.with_evidence(observed.digest());
                    item.observed.push(observed);
                });
            }
            Event::Expired(id, at) => {
                let state = self.may_expire(id, at)?;
                self.change(id, |item| {
                    item.weighed.get_or_insert(item.evidence.len());
                    item.state = state;
                    item.expired_at = Some(at);
                });
            }
            Event::ChangeProposed(change, at) => self.take_up(change, at)?,
            Event::Landing(decided) => self.land(*decided)?,
            Event::Decided(signed, circumstances) => {
                let (item, state) = self.after(signed.get())?;
                let id = item.proposed.id;
                self.change(id, |item| {
                    item.weighed.get_or_insert(item.evidence.len());
                    item.state = state;
                    item.decisions.push(signed.into_inner());
                    item.circumstances.push(circumstances);
                });
            }
        }
        self.applied += 1;
        Ok(())
    }

    /// Where a work item would stand if nobody had decided at this moment.
    ///
    /// # Errors
    /// [`FoldError::NotExpired`].
    pub fn may_expire(&self, id: WorkItemId, at: Timestamp) -> Result<State, FoldError> {
        let item = self.items.get(&id);
        item.filter(|item| at >= item.expires_at())
            .and_then(|item| item.state.after(Step::Expire, item.risk()))
            .ok_or(FoldError::NotExpired(id))
    }

    fn change(&mut self, id: WorkItemId, change: impl FnOnce(&mut WorkItem)) {
        if let Some(item) = self.items.get_mut(&id) {
            change(item);
            if item.state != State::Proposed {
                self.undecided.remove(&id);
            }
        }
    }

    /// Those that ended undecided by this moment, and are not known to yet; oldest first.
    pub fn overdue(&self, now: Timestamp) -> impl Iterator<Item = &WorkItem> {
        let waiting = self.undecided.iter().filter_map(|id| self.items.get(id));
        waiting.take_while(move |item| item.expires_at() <= now)
    }

    /// The work item that a report is on, and where it would stand then.
    ///
    /// # Errors
    /// [`ReportedError`].
    pub fn may_report(&self, reported: &Reported) -> Result<(&WorkItem, State), ReportedError> {
        let id = reported.work_item;
        let item = self.items.get(&id).ok_or(ReportedError::Unknown(id))?;
        if item.proposed.on_behalf_of != reported.on_behalf_of {
            return Err(ReportedError::NotTheirs(id));
        }
        if !is_legible(&reported.via) {
            return Err(ReportedError::Via(id));
        }
        Ok((item, take(item, reported.report.step())?))
    }

    /// The work item on which this evidence may be recorded.
    ///
    /// # Errors
    /// [`EvidenceError`].
    pub fn may_record(&self, evidence: &Evidence) -> Result<&WorkItem, EvidenceError> {
        let id = evidence.work_item;
        let item = self.items.get(&id).ok_or(EvidenceError::Unknown(id))?;
        let state = item.state;
        if matches!(state, State::Rejected | State::Withdrawn | State::Expired) {
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
        let item = self.items.get(&id).ok_or(DecideError::Unknown(id))?;
        let verb = decision.verb;
        let step = match verb {
            HumanVerb::Approve => Step::Approve,
            HumanVerb::Reject => Step::Reject,
            HumanVerb::AttestDeploy => Step::Attest,
            other => return Err(DecideError::NotOfWork(other)),
        };
        let state = take(item, step)?;
        if decision.subject_digest != item.at_stake() {
            return Err(DecideError::Changed(id));
        }
        let judged = &item.proposed.assessment;
        if (policy, risk) != (judged.policy_digest, judged.risk) {
            return Err(DecideError::Judged {
                id,
                risk: judged.risk,
            });
        }
        if verb != HumanVerb::Reject && !RiskPolicy::is_known(&policy) {
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

    /// Another number whenever something was applied: what was made of the work items before may not hold any more.
    #[must_use]
    pub const fn applied(&self) -> u64 {
        self.applied
    }

    /// One work item.
    #[must_use]
    pub fn get(&self, id: WorkItemId) -> Option<&WorkItem> {
        self.items.get(&id)
    }

    /// Work items from the newest on, or from the newest that is older than `after`.
    pub fn newest_first(&self, after: Option<WorkItemId>) -> impl Iterator<Item = &WorkItem> {
        let older = match after {
            Some(id) => self.items.range(..id),
            None => self.items.range(..),
        };
        older.rev().map(|(_, item)| item)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.items.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.items.is_empty()
    }
}

#[cfg(test)]
mod tests;
