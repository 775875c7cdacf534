//! What the companion can ask. Each request has one typed answer; an export is answered with its bytes.

use identity::{Bytes, Fingerprint, SignedDecision, SignedEnrolment, SignedRegistration};
use serde::{Deserialize, Serialize};
use vocabulary::{Client, DelegationId, MemberId, Timestamp, TraceId, WorkItemId};
use work_items::Change;

use super::blame::AskedLines;

/// A request of the companion; one connection carries one.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum CompanionRequest {
    /// How the hub and its workspace are. Answer: [`Status`](super::Status).
    Status,
    /// Register what a member's key has signed. Answer: [`DelegationRow`](super::DelegationRow).
    Grant {
        /// Proof of the grant without its power.
        witness: String,
    },
    /// Take a delegation back. Answer: [`RevokeOutcome`](super::RevokeOutcome).
    Revoke {
        /// Which.
        delegation: DelegationId,
        /// Why.
        why: Option<String>,
    },
    /// What was lent. Answer: a list of [`DelegationRow`](super::DelegationRow).
    Delegations,
    /// What waits for somebody to decide, newest first. Answer: a list of [`InboxRow`](super::InboxRow).
    Inbox {
        /// At most so many.
        limit: usize,
    },
    /// The changes that were put forward and wait for somebody to say whether they may land, newest work first. Answer: a list of
    /// [`ToLandRow`](super::ToLandRow).
    ToLand,
    /// A work item, and what was decided. Answer: [`WorkItemRow`](super::WorkItemRow).
    WorkItem {
        /// Which.
        id: WorkItemId,
    },
    /// Show a work item to somebody who may decide. Answer: [`ShownWorkItem`](super::ShownWorkItem).
    Pose {
        /// Which.
        id: WorkItemId,
    },
    /// Show somebody who is to be a member to one who may let them in. Answer: [`PosedRow`](super::PosedRow).
    PoseNewcomer {
        /// What they say of themselves.
        registration: SignedRegistration,
    },
    /// Let somebody in. Answer: [`MemberRow`](super::MemberRow).
    LetIn {
        /// What they say of themselves.
        registration: SignedRegistration,
        /// The decision of a member, that it is true.
        signed: SignedDecision,
    },
    /// Whose passkeys there are. Answer: a list of [`PasskeyRow`](super::PasskeyRow).
    Passkeys,
    /// Take up a passkey or touch key that a member said is theirs. Answer: a list of [`PasskeyRow`](super::PasskeyRow) or [`TouchKeyRow`](super::TouchKeyRow).
    Enrol {
        /// What the member signed.
        signed: SignedEnrolment,
    },
    /// Let go of a passkey. Answer: a list of [`PasskeyRow`](super::PasskeyRow).
    RemovePasskey {
        /// Which.
        credential: Bytes,
    },
    /// Whose touch keys there are. Answer: a list of [`TouchKeyRow`](super::TouchKeyRow).
    TouchKeys,
    /// Let go of a touch key. Answer: a list of [`TouchKeyRow`](super::TouchKeyRow).
    RemoveTouchKey {
        /// Which.
        fingerprint: Fingerprint,
    },
    /// Show a member who is to be one no longer. Answer: [`PosedRow`](super::PosedRow).
    PoseDeparture {
        /// Who.
        member: MemberId,
    },
    /// Let go of a member. Answer: a list of [`MemberRow`](super::MemberRow), of who stays.
    LetGo {
        /// The decision of a member.
        signed: SignedDecision,
    },
    /// Show an entry whose body is to be erased. Answer: [`ShownEntry`](super::ShownEntry).
    PoseErasure {
        /// In which trace.
        trace: TraceId,
        /// Where in it.
        seq: u64,
    },
    /// Erase a body. Answer: [`EntryRow`](super::EntryRow).
    Erase {
        /// The decision of a member.
        signed: SignedDecision,
    },
    /// Record what somebody decided. Answer: [`WorkItemRow`](super::WorkItemRow).
    Decide {
        /// What was signed.
        signed: SignedDecision,
    },
    /// Put a change forward, for members to say in the inbox whether it may land. Answer: [`WorkItemRow`](super::WorkItemRow).
    ProposeChange {
        /// What git says of it.
        change: Change,
    },
    /// Show a change that is to land to somebody who may decide. Answer: [`ShownChange`](super::ShownChange).
    PoseChange {
        /// What git says of it.
        change: Change,
    },
    /// Record what somebody decided on a change. Answer: [`WorkItemRow`](super::WorkItemRow).
    DecideChange {
        /// What git says of it.
        change: Change,
        /// What was signed.
        signed: SignedDecision,
    },
    /// Changes that were let through by exception, newest first. Answer: a list of [`ExceptionRow`](super::ExceptionRow).
    Exceptions,
    /// Would a token be accepted now? Answer: [`InspectVerdict`](super::InspectVerdict).
    Inspect {
        /// The token's text.
        token: String,
    },
    /// The newest traces. Answer: a list of [`TraceRow`](super::TraceRow).
    Traces {
        /// At most so many.
        limit: usize,
    },
    /// A trace's entries from a position on. Answer: a list of [`EntryRow`](super::EntryRow), empty at the end.
    Entries {
        /// Which trace.
        trace: TraceId,
        /// From which sequence number.
        from: u64,
        /// At most so many.
        limit: usize,
    },
    /// Those of a trace's entries that are of something, whole calls, from a position on. Answer: a list of [`EntryRow`](super::EntryRow), empty
    /// at the end.
    EntriesOf {
        /// Which trace.
        trace: TraceId,
        /// Of what.
        of: Of,
        /// From which sequence number.
        from: u64,
        /// At most so many.
        limit: usize,
    },
    /// What a trace has, without what it says. Answer: [`OutlineRow`](super::OutlineRow).
    Outline {
        /// Which trace.
        trace: TraceId,
    },
    /// The first entry that was recorded at a moment or after it. Answer: its sequence number; after the last, the number of entries.
    Seek {
        /// In which trace.
        trace: TraceId,
        /// When.
        at: Timestamp,
    },
    /// One trace, summed up. Answer: [`TraceRow`](super::TraceRow).
    Trace {
        /// Which.
        trace: TraceId,
    },
    /// Verify one trace, or all chains and the tree over them. Answer: a list of [`VerifiedChain`](super::VerifiedChain).
    Verify {
        /// Which trace.
        trace: Option<TraceId>,
    },
    /// Take a client's own record of a past session into a trace. Answer: [`ImportRow`](super::ImportRow), and where it goes on, one more
    /// after each [`ImportPiece`](super::ImportPiece).
    Import {
        /// Whose record.
        client: Client,
        /// What the client calls the session.
        session: String,
        /// What it calls the agent, where that was started by another.
        agent: Option<String>,
        /// The file's name.
        file: String,
        /// How long it is.
        bytes: u64,
        /// The plain BLAKE3, in hex, of all of it.
        digest: String,
    },
    /// Which recorded edits lines of a file may come from. Answer: a list of [`TraceOfLines`](super::TraceOfLines), in order.
    Blame {
        /// In which traces, and which lines.
        asked: Vec<AskedLines>,
    },
    /// A trace as a file that verifies offline. Answer: its bytes.
    Export {
        /// Which trace.
        trace: TraceId,
    },
}

/// Of what entries are.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Of {
    /// A file that was changed: the path that the client gave, or its end.
    File(String),
    /// A work item.
    WorkItem(WorkItemId),
    /// What should have been recorded and was not.
    Gaps,
}
