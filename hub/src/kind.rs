//! The kinds of entry that this hub writes, each with the body of its name in [`crate::records`].

use std::{fmt, str::FromStr};

macro_rules! kinds {
    ($($(#[$doc:meta])* $name:ident = $text:literal;)*) => {
        /// What an entry is.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum EntryKind {
            $($(#[$doc])* $name,)*
        }

        impl EntryKind {
            /// The text that stands in the ledger.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        impl FromStr for EntryKind {
            type Err = UnknownKind;

            fn from_str(text: &str) -> Result<Self, UnknownKind> {
                match text {
                    $($text => Ok(Self::$name),)*
                    _ => Err(UnknownKind(text.chars().take(64).collect())),
                }
            }
        }
    };
}

kinds! {
    /// The workspace's first entry: what it is called and which key signs its checkpoints.
    WorkspaceCreated = "workspace.created";
    /// A member and the public halves of the member's keys, signed by the member.
    MemberAdded = "member.added";
    /// Somebody who is a member no longer, by a member's signed decision.
    MemberRevoked = "member.revoked";
    /// What an entry of a trace said is gone, by a member's signed decision.
    BodyErased = "body.erased";
    /// A passkey that a member said is theirs.
    PasskeyEnrolled = "passkey.enrolled";
    /// A passkey that counts no more.
    PasskeyRemoved = "passkey.removed";
    /// A touch key, one of OpenSSH's, that a member said is theirs.
    TouchKeyEnrolled = "touch_key.enrolled";
    /// A touch key that counts no more.
    TouchKeyRemoved = "touch_key.removed";
    /// What a member lent, proved by the member's own signature.
    DelegationGranted = "delegation.granted";
    /// A delegation was taken back.
    DelegationRevoked = "delegation.revoked";
    /// The hub refused an older or another store that lay in this one's place.
    StoreRefused = "store.refused";
    /// Somebody knocked and was not let in.
    AccessDenied = "access.denied";
    /// Work was proposed.
    WorkItemProposed = "work_item.proposed";
    /// What was run on a change, as whoever ran it says.
    EvidenceRecorded = "work_item.evidence";
    /// What became of work, as an agent says.
    ProgressReported = "work_item.reported";
    /// Nobody decided on it in time.
    WorkItemExpired = "work_item.expired";
    /// A human decided, and signed it.
    DecisionMade = "decision.made";
    /// A change was put forward, for people to say whether it may land.
    ChangeProposed = "change.proposed";
    /// A human decided whether a change may land, and signed it.
    ChangeDecided = "change.decided";
    /// Somebody tried to decide what, or as, they may not.
    DecisionRefused = "decision.refused";
    /// An agent session began: the first entry of its trace.
    SessionOpened = "session.opened";
    /// A session went on over a new connection or with a new token.
    SessionResumed = "session.resumed";
    /// A session ended; its tokens are worth nothing from here on.
    SessionClosed = "session.closed";
    /// A tool was called.
    ToolCalled = "tool.called";
    /// The call was done; its result.
    ToolReturned = "tool.returned";
    /// The call was not allowed.
    ToolDenied = "tool.denied";
    /// The call was allowed and not possible.
    ToolRejected = "tool.rejected";
    /// The agent's own words.
    NoteAppended = "note.appended";
    /// The client sent what is no MCP, or was answered with a protocol error.
    ProtocolError = "protocol.error";
    /// The client withdrew a request.
    CallCancelled = "call.cancelled";
    /// The client's own session began, or went on after a pause.
    SessionStarted = "session.started";
    /// The client's own session ended.
    SessionEnded = "session.ended";
    /// Somebody said something to the agent.
    Prompt = "prompt";
    /// A tool of the client's failed.
    ToolFailed = "tool.failed";
    /// A tool of the client's changed a file.
    FileEdited = "file.edited";
    /// A file changed otherwise, as comparing the working tree showed.
    FileChanged = "file.changed";
    /// A shell ran a command.
    CommandRun = "command.run";
    /// The gate denied the use of a tool.
    GateDenied = "gate.denied";
    /// The gate would have denied it, where the repository had it enforced.
    GateObserved = "gate.observed";
    /// The rules of a repository, as the session met them.
    GateRules = "gate.rules";
    /// The client asked a human whether a tool may be used.
    PermissionAsked = "permission.asked";
    /// It was allowed, for the tool was used.
    PermissionGiven = "permission.given";
    /// A tool was not allowed.
    PermissionRefused = "permission.refused";
    /// The agent started another.
    SubAgentStarted = "subagent.started";
    /// That one came to its end.
    SubAgentStopped = "subagent.stopped";
    /// What the agent remembers of its session was shortened.
    ContextCompacted = "context.compacted";
    /// The agent had nothing more to do.
    TurnEnded = "turn.ended";
    /// A human stopped the agent in the middle of something.
    TurnInterrupted = "turn.interrupted";
    /// Something else that the client told.
    ClientEvent = "client.event";
    /// What should have been recorded and was not.
    CaptureGap = "capture.gap";
    /// What the model said and what that took, as the client's own record says.
    ModelAnswered = "model.answered";
    /// How far the client's own record was read.
    TranscriptRead = "transcript.read";
    /// A client's own record of a session was taken in after the fact: the first entry of its trace.
    SessionImported = "session.imported";
    /// All of it was taken in.
    ImportEnded = "import.ended";
}

impl EntryKind {
    /// Whether it says how the call that it names came to its end.
    #[must_use]
    pub const fn ends_a_call(self) -> bool {
        matches!(
            self,
            Self::ToolReturned
                | Self::ToolFailed
                | Self::FileEdited
                | Self::CommandRun
                | Self::PermissionRefused
        )
    }

    /// Whether a client's hook told it, and nobody else can.
    #[must_use]
    pub const fn is_told_by_a_client(self) -> bool {
        matches!(
            self,
            Self::SessionStarted
                | Self::SessionEnded
                | Self::Prompt
                | Self::ToolFailed
                | Self::FileEdited
                | Self::CommandRun
                | Self::GateDenied
                | Self::GateObserved
                | Self::GateRules
                | Self::PermissionAsked
                | Self::PermissionGiven
                | Self::PermissionRefused
                | Self::SubAgentStarted
                | Self::SubAgentStopped
                | Self::ContextCompacted
                | Self::TurnEnded
                | Self::TurnInterrupted
                | Self::ClientEvent
                | Self::CaptureGap
        )
    }
}

/// A kind that this version does not know.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("this version knows no entry kind `{0}`; a newer auditotter wrote it")]
pub struct UnknownKind(String);

impl fmt::Display for EntryKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl From<EntryKind> for trace_store::Kind {
    fn from(kind: EntryKind) -> Self {
        Self::from_static(kind.as_str())
    }
}
