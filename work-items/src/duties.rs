//! What a decision asks of who makes it. Never configurable.

use identity::{Decision, HumanVerb, Rationale, Tier};
use vocabulary::Risk;

use crate::{Change, WorkItem};

/// The least that a rationale says where one is asked for.
const LEAST_WORDS: usize = 5;

/// Something that a decision lacks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Missing {
    /// Nothing has looked at the work before a human does.
    #[error("evidence of a machine's review that passed, recorded before the human's")]
    Evidence,
    /// What was looked at is not what is to land.
    #[error("evidence of a machine's review that passed and names exactly this tree")]
    EvidenceOfTree,
    /// No reason, or hardly one.
    #[error("a rationale of at least {LEAST_WORDS} words")]
    Rationale,
    /// No reason at all.
    #[error("a word on why")]
    Why,
    /// The author of the work would be its judge.
    #[error("another human than the one for whom it was proposed")]
    AnotherHuman,
    /// Nothing shows that a human touched something.
    #[error("a signature by touch (T1): a passkey or a touch key, as with --touch or --touch-key")]
    Touch,
}

/// Whether work of this risk takes more than one human's word.
#[must_use]
pub fn asks_much(risk: Risk) -> bool {
    risk >= Risk::High
}

/// What this decision on this work item lacks; nothing, where it may be made.
#[must_use]
pub(crate) fn missing(item: &WorkItem, decision: &Decision) -> Vec<Missing> {
    match decision.verb {
        HumanVerb::Approve if asks_much(item.risk()) => {
            let reviewed = item.was_reviewed_by_a_machine();
            of_much(item, decision, (!reviewed).then_some(Missing::Evidence))
        }
        HumanVerb::AttestDeploy => {
            let mut missing = Vec::new();
            if decision.rationale.is_none() {
                missing.push(Missing::Why);
            }
            if decision.tier < Tier::T1 {
                missing.push(Missing::Touch);
            }
            missing
        }
        // Whoever is told no should be told why.
        HumanVerb::Reject if decision.rationale.is_none() => vec![Missing::Why],
        _ => Vec::new(),
    }
}

/// What this decision on a change that is to land for this work item lacks.
#[must_use]
pub(crate) fn missing_to_land(item: &WorkItem, decision: &Decision, change: &Change) -> Vec<Missing> {
    match decision.verb {
        HumanVerb::Approve if asks_much(item.risk()) => {
            let reviewed = item.was_reviewed_as(change);
            of_much(item, decision, (!reviewed).then_some(Missing::EvidenceOfTree))
        }
        HumanVerb::Approve => Vec::new(),
        _ if decision.rationale.is_none() => vec![Missing::Why],
        _ => Vec::new(),
    }
}

fn of_much(item: &WorkItem, decision: &Decision, unreviewed: Option<Missing>) -> Vec<Missing> {
    let mut missing = Vec::from_iter(unreviewed);
    if !decision.rationale.as_ref().is_some_and(is_substantial) {
        missing.push(Missing::Rationale);
    }
    if decision.member == item.proposed.on_behalf_of {
        missing.push(Missing::AnotherHuman);
    }
    if decision.tier < Tier::T1 {
        missing.push(Missing::Touch);
    }
    missing
}

fn is_substantial(rationale: &Rationale) -> bool {
    let text = rationale.to_string();
    let words = text
        .split_whitespace()
        // A letter of any script; `examples/verify.py` counts the same.
        .filter(|word| word.chars().any(|c| c.is_ascii_alphanumeric() || !c.is_ascii()));
    words.count() >= LEAST_WORDS
}
