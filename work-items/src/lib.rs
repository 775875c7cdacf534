//! What is proposed: lifecycle, type and risk, with the reason for each.
//!
//! Pure. A [`Proposal`] is parsed at the door, [`assess`] says what it is and how much it could hurt, and
//! [`WorkItems`] is the fold over what the ledger says happened to it. The judgement is recorded with the proposal,
//! so that later rules do not change what was decided under earlier ones.

mod assess;
mod change;
mod duties;
mod evidence;
mod fold;
mod item;
mod landing;
mod lifecycle;
mod observed;
mod policy;
mod proposal;
mod report;
mod stale;
mod words;

pub use assess::{Assessment, assess};
pub use change::{Change, ChangeError, RawChange};
pub use duties::{Missing, asks_much};
pub use evidence::{Evidence, Finding, FindingError, RawFinding};
pub use fold::{
    DecideError, Event, EvidenceError, FoldError, LandError, LandingDecided, ReportedError, WorkItems,
};
pub use item::{Circumstances, ItemType, Proposed, UNDECIDED_FOR, WorkItem};
pub use landing::{Landing, ProposedChange, REVIEW_DUE_AFTER, Role, Verdict};
pub use lifecycle::{State, StateError, Step, TransitionError};
pub use observed::{Observed, Seen, Source};
pub use policy::{PolicyError, RiskPolicy};
pub use proposal::{Description, Proposal, ProposalError, RawProposal, Title};
pub use report::{RawReport, Report, ReportError, Reported};
pub use stale::Stale;
