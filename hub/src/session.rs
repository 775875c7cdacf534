//! What the hub remembers of an agent session, and how it finds that again in the session's trace.

use std::collections::VecDeque;

use delegation::{HolderPublicKey, TokenDigest, VerifiedToken};
use protocol::{Answer, Heard, Outcome, Position, ReplyBody};
use serde::de::DeserializeOwned;
use trace_store::{BodyState, ChainId, Entry, ReadError, Store};
use vocabulary::{DelegationId, RequestId, Timestamp, TraceId};

use crate::{
    calls::Calls,
    gating::{Approved, GateDenied},
    kind::EntryKind,
    records::{self, Observed, SessionOpened},
    transcripts,
};

/// How many answers are kept for a retry: as many as one connection can have under way.
const REMEMBERED_ANSWERS: usize = crate::outbox::UNDER_WAY as usize;

/// How many entries of the trace are searched for them after a restart.
const SEARCHED_ENTRIES: u64 = 4 * REMEMBERED_ANSWERS as u64;

/// How many entries are read at a time, without their bodies.
const PAGE: usize = 64;

/// One agent session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) trace: TraceId,
    pub(crate) delegation: DelegationId,
    pub(crate) holder: HolderPublicKey,
    pub(crate) closed: bool,
    /// The token under which it was opened last, where that is known.
    pub(crate) token: Option<TokenDigest>,
    /// Its approved work, where the gate was asked for it.
    pub(crate) approved: Option<Approved>,
    /// Whether its client's hooks tell what it does.
    pub(crate) hooked: bool,
    /// What became of the tools that its client uses; of a session that is found in its trace again, which were spoken of lately.
    pub(crate) calls: Calls,
    /// What its trace has reached: when the newest entry was recorded or, where that is a claim, when it says that it
    /// happened.
    pub(crate) reached: Timestamp,
    answers: VecDeque<(RequestId, ReplyBody)>,
}

/// Why a session's past cannot be taken up.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecallError {
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("{trace} does not begin as a session's trace does")]
    NoOpening { trace: TraceId },
}

impl Session {
    /// The session of a token, before anything happened in it.
    pub(crate) fn new(token: &VerifiedToken) -> Self {
        let trace = TraceId::from_uuid(token.session().uuid());
        Self::found(trace, token.grant().id, *token.holder())
    }

    fn found(trace: TraceId, delegation: DelegationId, holder: HolderPublicKey) -> Self {
        Self {
            trace,
            delegation,
            holder,
            closed: false,
            token: None,
            approved: None,
            hooked: false,
            calls: Calls::default(),
            reached: Timestamp::EPOCH,
            answers: VecDeque::new(),
        }
    }

    /// Something more was recorded, or claimed to have happened.
    pub(crate) fn went_on(&mut self, at: Timestamp) {
        self.reached = self.reached.max(at);
    }

    /// Finds a session in its trace; `None` where there is no such trace.
    pub(crate) fn recall(store: &Store, trace: TraceId) -> Result<Option<Self>, RecallError> {
        let chain = ChainId::Trace(trace);
        let Some(head) = store.head(chain)? else {
            return Ok(None);
        };
        let no_opening = || RecallError::NoOpening { trace };
        let first = store.entry(chain, 0)?.ok_or_else(no_opening)?;
        let opened: SessionOpened = match &first.body {
            BodyState::Present(bytes) if first.entry.kind.as_str() == EntryKind::SessionOpened.as_str() => {
                records::read(EntryKind::SessionOpened.as_str(), bytes).map_err(|_| no_opening())?
            }
            _ => return Err(no_opening()),
        };
        let mut session = Self::found(
            trace,
            first.entry.delegation.ok_or_else(no_opening)?,
            opened.holder.parse().map_err(|_| no_opening())?,
        );
        let searched = head.next_seq.saturating_sub(SEARCHED_ENTRIES);
        let mut next = searched;
        loop {
            let page = store.entries(chain, next, PAGE)?;
            let Some(last) = page.last() else { break };
            next = last.seq + 1;
            for entry in &page {
                session.replay(store, entry)?;
            }
        }
        session.look_further_back(store, searched)?;
        Ok(Some(session))
    }

    /// Where nothing that was searched says what the trace has reached, what stands before that does, however far back.
    fn look_further_back(&mut self, store: &Store, searched: u64) -> Result<(), ReadError> {
        let mut end = searched;
        while self.reached == Timestamp::EPOCH && end > 0 {
            let from = end.saturating_sub(PAGE as u64);
            let page = store.entries(ChainId::Trace(self.trace), from, PAGE)?;
            for entry in page.iter().filter(|entry| entry.seq < end) {
                if let Some(at) = reached_with(store, entry)? {
                    self.went_on(at);
                }
            }
            end = from;
        }
        Ok(())
    }

    /// What was answered to this request, if it was.
    pub(crate) fn answered(&self, id: RequestId) -> Option<&ReplyBody> {
        self.answers
            .iter()
            .rev()
            .find(|(known, _)| *known == id)
            .map(|(_, answer)| answer)
    }

    /// Remembers an answer for a retry.
    pub(crate) fn remember(&mut self, id: RequestId, answer: ReplyBody) {
        if self.answers.len() == REMEMBERED_ANSWERS {
            self.answers.pop_front();
        }
        self.answers.push_back((id, answer));
    }

    /// What a client's own record said: no hook told it, it answers nobody, and when it says that it happened opens no spool.
    fn take_up<E>(&mut self, kind: Result<EntryKind, E>, entry: &Entry) {
        self.hooked = true;
        let ends = kind.is_ok_and(EntryKind::ends_a_call);
        let call = entry
            .refs
            .get("call")
            .filter(|call| ends && self.calls.knows(call));
        if let Some(call) = call.map(str::to_owned) {
            self.calls.end(&call);
        }
    }

    fn replay(&mut self, store: &Store, entry: &Entry) -> Result<(), ReadError> {
        let kind: Result<EntryKind, _> = entry.kind.as_str().parse();
        if let Some(at) = reached_with(store, entry)? {
            self.went_on(at);
        }
        let recorded = Position {
            trace: self.trace,
            seq: entry.seq,
        };
        if transcripts::is_source_of(entry) {
            self.take_up(kind, entry);
            return Ok(());
        }
        let answer = match kind {
            Ok(kind @ (EntryKind::ToolReturned | EntryKind::ToolDenied | EntryKind::ToolRejected)) => {
                body::<Outcome>(store, entry, kind)?
                    .map(|outcome| ReplyBody::Answer(Answer { recorded, outcome }))
            }
            Ok(EntryKind::ProtocolError | EntryKind::CallCancelled) => Some(ReplyBody::Recorded(recorded)),
            Ok(EntryKind::SessionClosed) => {
                self.closed = true;
                Some(ReplyBody::Recorded(recorded))
            }
            // What came of a call of our own tools stands behind it, under the same request.
            Ok(kind @ EntryKind::GateDenied) => body::<GateDenied>(store, entry, kind)?.map(|denied| {
                ReplyBody::Heard(Heard {
                    recorded,
                    denied: Some(denied.refusal()),
                })
            }),
            Ok(kind) if kind == EntryKind::ToolCalled || kind.is_told_by_a_client() => {
                Some(ReplyBody::Heard(Heard {
                    recorded,
                    denied: None,
                }))
            }
            _ => None,
        };
        self.hooked |= kind.as_ref().is_ok_and(|kind| kind.is_told_by_a_client());
        if let (Ok(EntryKind::ToolCalled), Some(call)) = (&kind, entry.refs.get("call")) {
            self.calls.begin(call, "", &serde_json::Value::Null);
        }
        match &kind {
            Ok(EntryKind::Prompt) if entry.refs.get("agent").is_none() => self.calls.turn_begins(),
            Ok(EntryKind::TurnEnded | EntryKind::TurnInterrupted) if entry.refs.get("agent").is_none() => {
                self.calls.turn_ends();
            }
            _ => {}
        }
        if let (true, Some(call)) = (kind.is_ok_and(EntryKind::ends_a_call), entry.refs.get("call")) {
            self.calls.end(call);
        }
        let request = entry.refs.get("request").and_then(|id| id.parse().ok());
        if let (Some(id), Some(answer)) = (request, answer) {
            self.remember(id, answer);
        }
        Ok(())
    }
}

/// What a trace has reached with an entry: when it was recorded or, where that is a claim, when it says that it happened. With what
/// was found later, or says that something is missing, it reached nothing.
fn reached_with(store: &Store, entry: &Entry) -> Result<Option<Timestamp>, ReadError> {
    if transcripts::is_source_of(entry) {
        return Ok(Some(entry.at));
    }
    let kind: Result<EntryKind, _> = entry.kind.as_str().parse();
    let claimed = match kind {
        _ if entry.refs.get("source").is_some() => return Ok(None),
        Ok(
            EntryKind::FileChanged
            | EntryKind::ModelAnswered
            | EntryKind::TranscriptRead
            | EntryKind::CaptureGap,
        ) => return Ok(None),
        // Written for a spooled record, before that: it says that there was no hub, and not when the session began.
        Ok(EntryKind::SessionOpened) if entry.refs.get("request").is_some() => return Ok(None),
        Ok(kind @ (EntryKind::ProtocolError | EntryKind::CallCancelled)) => {
            body::<Observed>(store, entry, kind)?.and_then(|seen| seen.claimed_at)
        }
        _ => None,
    };
    let claimed = claimed.or_else(|| entry.refs.get("claimed_at").and_then(|at| at.parse().ok()));
    Ok(Some(claimed.unwrap_or(entry.at)))
}

/// What an entry's body says; nothing, where it was erased.
fn body<T: DeserializeOwned>(store: &Store, entry: &Entry, kind: EntryKind) -> Result<Option<T>, ReadError> {
    let stored = store.entry(entry.chain, entry.seq)?;
    Ok(match stored.map(|stored| stored.body) {
        Some(BodyState::Present(bytes)) => records::read(kind.as_str(), &bytes).ok(),
        _ => None,
    })
}
