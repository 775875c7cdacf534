//! Where a work item can stand, and how it gets from there to elsewhere.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use vocabulary::{Risk, WorkItemId, shown};

use crate::asks_much;

/// Where a work item stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A human has yet to decide.
    Proposed,
    /// A human said that the work may begin.
    Approved,
    /// A human said that it may not.
    Rejected,
    /// Those who proposed it want it no more.
    Withdrawn,
    /// Nobody decided in time.
    Expired,
    /// An agent says that it has begun.
    InProgress,
    /// An agent says that the change waits for review.
    InReview,
    /// The change landed.
    Merged,
    /// A human said that what landed may be deployed.
    Attested,
    /// It runs where people use it.
    Deployed,
    /// It does there what it should.
    Verified,
}

/// A word that is no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no state; the states are: {words}", words = words(&State::ALL))]
pub struct StateError(String);

/// What can happen to a work item.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Step {
    /// A human lets it begin.
    Approve,
    /// A human does not.
    Reject,
    /// Its proposers take it back.
    Withdraw,
    /// Its time runs out.
    Expire,
    /// Work begins.
    Begin,
    /// The change waits for review.
    Submit,
    /// The change lands.
    Merge,
    /// A human lets it be deployed.
    Attest,
    /// It is deployed.
    Deploy,
    /// It is seen to do what it should.
    Verify,
}

/// Something that cannot happen to a work item where it stands.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{id} is {state}, and so cannot become {wanted}; {}", from_there(*state, *risk))]
pub struct TransitionError {
    /// Which work item.
    pub id: WorkItemId,
    /// Where it stands.
    pub state: State,
    /// Its risk, on which depends what comes next.
    pub risk: Risk,
    /// Where it was to go.
    pub wanted: State,
}

impl State {
    /// Every state.
    pub const ALL: [Self; 11] = [
        Self::Proposed,
        Self::Approved,
        Self::Rejected,
        Self::Withdrawn,
        Self::Expired,
        Self::InProgress,
        Self::InReview,
        Self::Merged,
        Self::Attested,
        Self::Deployed,
        Self::Verified,
    ];

    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
            Self::Approved => "approved",
            Self::Rejected => "rejected",
            Self::Withdrawn => "withdrawn",
            Self::Expired => "expired",
            Self::InProgress => "in_progress",
            Self::InReview => "in_review",
            Self::Merged => "merged",
            Self::Attested => "attested",
            Self::Deployed => "deployed",
            Self::Verified => "verified",
        }
    }

    /// Whether only a member's decision, or what was seen and is attributed to a member, leads here.
    #[must_use]
    pub const fn is_gated(self) -> bool {
        match self {
            Self::Approved
            | Self::Rejected
            | Self::Merged
            | Self::Attested
            | Self::Deployed
            | Self::Verified => true,
            Self::Proposed | Self::Withdrawn | Self::Expired | Self::InProgress | Self::InReview => false,
        }
    }

    /// Where a step leads from here, at this risk; nowhere, where it cannot be taken.
    #[must_use]
    pub fn after(self, step: Step, risk: Risk) -> Option<Self> {
        let may = match step {
            Step::Approve | Step::Reject | Step::Expire => self == Self::Proposed,
            Step::Withdraw => matches!(
                self,
                Self::Proposed | Self::Approved | Self::InProgress | Self::InReview
            ),
            Step::Begin => self == Self::Approved,
            Step::Submit => self == Self::InProgress,
            Step::Merge => self == Self::InReview,
            Step::Attest => self == Self::Merged && asks_much(risk),
            Step::Deploy if asks_much(risk) => self == Self::Attested,
            Step::Deploy => self == Self::Merged,
            Step::Verify => self == Self::Deployed,
        };
        may.then(|| step.leads_to())
    }

    /// Where work of this risk can go from here.
    #[must_use]
    pub fn next(self, risk: Risk) -> Vec<Self> {
        let steps = Step::ALL.into_iter();
        steps.filter_map(|step| self.after(step, risk)).collect()
    }
}

impl Step {
    /// Every step.
    pub const ALL: [Self; 10] = [
        Self::Approve,
        Self::Reject,
        Self::Withdraw,
        Self::Expire,
        Self::Begin,
        Self::Submit,
        Self::Merge,
        Self::Attest,
        Self::Deploy,
        Self::Verify,
    ];

    /// Where it leads; a state tells by which step it was reached.
    #[must_use]
    pub const fn leads_to(self) -> State {
        match self {
            Self::Approve => State::Approved,
            Self::Reject => State::Rejected,
            Self::Withdraw => State::Withdrawn,
            Self::Expire => State::Expired,
            Self::Begin => State::InProgress,
            Self::Submit => State::InReview,
            Self::Merge => State::Merged,
            Self::Attest => State::Attested,
            Self::Deploy => State::Deployed,
            Self::Verify => State::Verified,
        }
    }
}

impl FromStr for State {
    type Err = StateError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        Self::ALL
            .into_iter()
            .find(|state| state.as_str() == word)
            .ok_or_else(|| StateError(shown(word, 48)))
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

fn words(states: &[State]) -> String {
    let words: Vec<&str> = states.iter().map(|state| state.as_str()).collect();
    words.join(", ")
}

fn from_there(state: State, risk: Risk) -> String {
    match state.next(risk).as_slice() {
        [] => "nothing comes after that".to_owned(),
        next => format!("from there it can become {}", words(next)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_word_reads_back_as_what_it_stands_for() {
        for state in State::ALL {
            assert_eq!(state.as_str().parse(), Ok(state));
            let text = format!("\"{}\"", state.as_str());
            assert_eq!(serde_json::from_str::<State>(&text).unwrap(), state);
            assert_eq!(serde_json::to_string(&state).unwrap(), text);
        }
        assert_eq!(
            "done".parse::<State>().unwrap_err().to_string(),
            "`done` is no state; the states are: proposed, approved, rejected, withdrawn, expired, in_progress, \
             in_review, merged, attested, deployed, verified"
        );
    }

    /// The whole table, so that whoever changes it says so here.
    #[test]
    fn from_each_state_these_can_be_reached_and_no_others() {
        use State::{
            Approved, Attested, Deployed, Expired, InProgress, InReview, Merged, Proposed, Rejected,
            Verified, Withdrawn,
        };
        for risk in Risk::ALL {
            let landed = if asks_much(risk) { Attested } else { Deployed };
            let table: [(State, &[State]); 11] = [
                (Proposed, &[Approved, Rejected, Withdrawn, Expired]),
                (Approved, &[Withdrawn, InProgress]),
                (Rejected, &[]),
                (Withdrawn, &[]),
                (Expired, &[]),
                (InProgress, &[Withdrawn, InReview]),
                (InReview, &[Withdrawn, Merged]),
                (Merged, &[landed]),
                (Attested, if asks_much(risk) { &[Deployed] } else { &[] }),
                (Deployed, &[Verified]),
                (Verified, &[]),
            ];
            for (state, next) in table {
                assert_eq!(state.next(risk), next, "{state} at {risk}");
            }
        }
    }

    #[test]
    fn what_cannot_happen_says_what_can() {
        let refused = |state| {
            TransitionError {
                id: WorkItemId::new(1, [0; 10]),
                state,
                risk: Risk::High,
                wanted: State::Deployed,
            }
            .to_string()
        };
        let id = WorkItemId::new(1, [0; 10]);
        assert_eq!(
            refused(State::Merged),
            format!("{id} is merged, and so cannot become deployed; from there it can become attested")
        );
        assert_eq!(
            refused(State::Rejected),
            format!("{id} is rejected, and so cannot become deployed; nothing comes after that")
        );
    }
}
