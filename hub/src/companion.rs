//! The door for what a human types, and the link through which the companion uses it.
//!
//! Who may come in: any process of the same user; an agent with a shell is one. So nothing here needs or
//! gives a secret, and nothing here can add power: a grant is registered only with the member's own signature,
//! which was made elsewhere, and everything else reads, takes power away, or adds what nobody proved and says so.

mod answer;
mod blame;
pub(crate) mod deciding;
mod door;
mod export;
mod importing;
pub(crate) mod landing;
pub(crate) mod lending;
mod link;
mod request;
pub(crate) mod traces;

pub use answer::{
    ChainSummary, DecisionRow, DelegationRow, EntryRow, EvidenceRow, ExceptionRow, ImportPiece, ImportRow,
    ImportState, InboxRow, InspectVerdict, LandingRow, MemberRow, OutlineRow, PasskeyRow, PosedRow,
    ReportRow, RevokeOutcome, ShownChange, ShownEntry, ShownWorkItem, Status, ToLandRow, TouchKeyRow,
    TouchedRow, TraceRow, TurnRow, VerdictRow, VerifiedChain, WorkItemRow,
};
pub use blame::{
    AskedLines, DecisionOfLines, EditOfLines, MOST_LINES, MOST_QUESTIONS, PromptOfLines, TraceOfLines,
    WorkOfLines, line_digest,
};
pub use door::CompanionDoor;
pub use importing::{MOST_IMPORTED_BYTES, Whose, whose};
pub use link::{CompanionLink, LinkError, Upload};
pub use request::{CompanionRequest, Of};
