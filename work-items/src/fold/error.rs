//! Why something cannot have happened to a work item.

use identity::HumanVerb;
use vocabulary::{Risk, WorkItemId};

use super::{LandError, MOST_EVIDENCE};
use crate::{Missing, State, TransitionError};

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
    /// A report that cannot be taken up.
    #[error(transparent)]
    Reported(#[from] ReportedError),
    /// Something was seen of what there is not.
    #[error("there is no work item {0} of which anything could be seen")]
    Unseen(WorkItemId),
    /// Something was seen that does not come next.
    #[error(transparent)]
    Transition(#[from] TransitionError),
    /// A decision on a change that does not stand.
    #[error(transparent)]
    Landing(#[from] LandError),
    /// It did not end undecided, or not yet.
    #[error("work item {0} cannot have ended undecided then")]
    NotExpired(WorkItemId),
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

/// Why a report is not taken up.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportedError {
    /// There is no such work item.
    #[error("there is no work item {0}")]
    Unknown(WorkItemId),
    /// It is somebody else's.
    #[error("{0} was proposed for another human; only agents of that human report on it")]
    NotTheirs(WorkItemId),
    /// It is not where that comes next.
    #[error(transparent)]
    Transition(#[from] TransitionError),
    /// Who acted is not shown as it is read.
    #[error("a report on {0} was made via something that would read as something else")]
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
    /// It was decided already, or it is not where that is decided.
    #[error(transparent)]
    Transition(#[from] TransitionError),
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

pub(super) fn listed(missing: &[Missing]) -> String {
    let texts: Vec<String> = missing.iter().map(ToString::to_string).collect();
    texts.join("; ")
}
