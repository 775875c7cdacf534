//! What the hub remembers of an agent session, and how it finds that again in the session's trace.

use std::collections::VecDeque;

use delegation::HolderPublicKey;
use protocol::{Answer, Outcome, Position, ReplyBody};
use trace_store::{BodyState, ChainId, ReadError, Store, Stored};
use vocabulary::{DelegationId, RequestId, TraceId};

use crate::{
    kind::EntryKind,
    records::{self, SessionOpened},
};

/// How many answers are kept for a retry: as many as one connection can have under way.
const REMEMBERED_ANSWERS: usize = crate::outbox::UNDER_WAY as usize;

/// How many entries of the trace are searched for them after a restart.
const SEARCHED_ENTRIES: u64 = 4 * REMEMBERED_ANSWERS as u64;

/// How many entries are read at a time: their bodies may be large.
const PAGE: usize = 16;

/// One agent session.
#[derive(Debug)]
pub(crate) struct Session {
    pub(crate) trace: TraceId,
    pub(crate) delegation: DelegationId,
    pub(crate) holder: HolderPublicKey,
    pub(crate) closed: bool,
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
    pub(crate) const fn new(trace: TraceId, delegation: DelegationId, holder: HolderPublicKey) -> Self {
        Self {
            trace,
            delegation,
            holder,
            closed: false,
            answers: VecDeque::new(),
        }
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
        let mut session = Self::new(
            trace,
            first.entry.delegation.ok_or_else(no_opening)?,
            opened.holder.parse().map_err(|_| no_opening())?,
        );
        let from = head.next_seq.saturating_sub(SEARCHED_ENTRIES);
        let mut next = from;
        while next < head.next_seq {
            let page = store.chain(chain, next, PAGE)?;
            let Some(last) = page.last() else { break };
            next = last.entry.seq + 1;
            page.iter().for_each(|stored| session.replay(stored));
        }
        Ok(Some(session))
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

    fn replay(&mut self, stored: &Stored) {
        let Ok(kind) = stored.entry.kind.as_str().parse::<EntryKind>() else {
            return;
        };
        let recorded = Position {
            trace: self.trace,
            seq: stored.entry.seq,
        };
        let answer = match kind {
            EntryKind::ToolReturned | EntryKind::ToolDenied | EntryKind::ToolRejected => {
                let BodyState::Present(bytes) = &stored.body else {
                    return;
                };
                let Ok(outcome) = records::read::<Outcome>(kind.as_str(), bytes) else {
                    return;
                };
                ReplyBody::Answer(Answer { recorded, outcome })
            }
            EntryKind::SessionClosed => {
                self.closed = true;
                ReplyBody::Recorded(recorded)
            }
            EntryKind::ProtocolError | EntryKind::CallCancelled => ReplyBody::Recorded(recorded),
            _ => return,
        };
        if let Some(id) = stored.entry.refs.get("request").and_then(|id| id.parse().ok()) {
            self.remember(id, answer);
        }
    }
}
