//! A trace as a file that verifies offline, sent in pieces as it is made.

use std::{
    collections::BTreeSet,
    io::{self, Write},
    sync::Arc,
};

use protocol::{
    Refusal,
    frame::{self, FrameError},
};
use serde::{Deserialize, Serialize};
use tokio::{net::UnixStream, sync::mpsc};
use trace_store::{BodyState, ChainId, Ledger, ReadError, Store, export};
use vocabulary::{MemberId, TraceId};

use super::{door::Reply, traces::no_trace};
use crate::{
    dispatch::unreadable,
    kind::EntryKind,
    records::{self, ChangeDecided, DecisionMade, MemberAdded},
    settings::HubKey,
    workspace::Workspace,
};

/// How much of an export travels in one message, in bytes.
const CHUNK_BYTES: usize = 256 * 1024;

/// How many entries of the workspace's chain are looked at at once.
const PAGE: usize = 1_000;

/// A part of a long answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Chunk {
    /// Some of it; exports are text.
    Text(String),
    /// That was all.
    End,
    /// It cannot be finished.
    Refused(Refusal),
}

/// Sends the export of a trace, made on a thread of its own from what is durable.
pub(super) async fn send(
    stream: &mut UnixStream,
    ledger: Ledger<Workspace>,
    key: Arc<HubKey>,
    trace: TraceId,
) -> Result<(), FrameError> {
    let (pieces, mut made) = mpsc::channel(4);
    tokio::task::spawn_blocking(move || {
        let context = match context_of(ledger.store(), trace) {
            Ok(context) => context,
            Err(refusal) => return drop(pieces.blocking_send(Piece::Not(refusal))),
        };
        if pieces.blocking_send(Piece::Begins).is_err() {
            return;
        }
        let mut out = Chunks {
            pieces: &pieces,
            text: Vec::new(),
        };
        let written = export::write(
            ledger.store(),
            trace,
            &context.entries,
            &context.history,
            key.signer(),
            &mut out,
        );
        let last = match written
            .map_err(|error| unreadable(&error))
            .and_then(|_| out.flush().map_err(|error| unreadable(&error)))
        {
            Ok(()) => Chunk::End,
            Err(refusal) => Chunk::Refused(refusal),
        };
        let _ = pieces.blocking_send(Piece::Part(last));
    });
    while let Some(piece) = made.recv().await {
        match piece {
            Piece::Not(refusal) => return frame::send(stream, &Reply::Refused(refusal)).await,
            Piece::Begins => frame::send(stream, &Reply::Bytes).await?,
            Piece::Part(chunk) => frame::send(stream, &chunk).await?,
        }
    }
    Ok(())
}

/// What the thread that makes an export hands over.
enum Piece {
    Not(Refusal),
    Begins,
    Part(Chunk),
}

/// What an export has beside its trace.
#[derive(Debug, Default)]
struct Context {
    entries: Vec<(ChainId, u64)>,
    /// The sizes of the ledger for which decisions vouch.
    history: Vec<u64>,
}

/// The workspace entries without which a trace cannot be understood: who the humans are, what was lent, whether it
/// was taken back, what was proposed in it and what was decided.
fn context_of(store: &Store, trace: TraceId) -> Result<Context, Refusal> {
    let failed = |error: ReadError| unreadable(&error);
    let begun = store.entries(ChainId::Trace(trace), 0, 1).map_err(failed)?;
    let Some(first) = begun.first() else {
        return Err(no_trace(trace));
    };
    let (delegation, chain) = (first.delegation, ChainId::Workspace(store.workspace()));
    let mut context = Context::default();
    let mut humans = BTreeSet::from_iter(first.on_behalf_of);
    // Evidence may come from other sessions, under what others lent.
    let mut delegations = BTreeSet::from_iter(delegation);
    let mut lendings = Vec::new();
    let (mut members, mut departures, mut credentials) = (Vec::new(), Vec::new(), Vec::new());
    let (mut next, mut everybody) = (0, false);
    loop {
        let page = store.entries(chain, next, PAGE).map_err(failed)?;
        let Some(last) = page.last() else { break };
        next = last.seq + 1;
        for entry in &page {
            let of_trace = || entry.refs.get("trace") == Some(trace.to_string().as_str());
            let concerns = match entry.kind.as_str().parse() {
                Ok(EntryKind::WorkspaceCreated) => true,
                Ok(EntryKind::MemberAdded) => {
                    let newcomer = entry.refs.get("member").and_then(|id| id.parse().ok());
                    // The founder's entry is the founder's own.
                    let member = newcomer.or(entry.on_behalf_of);
                    members.extend(member.map(|member| (member, entry.on_behalf_of, entry.seq)));
                    false
                }
                Ok(EntryKind::BodyErased) if of_trace() => {
                    humans.extend(entry.on_behalf_of);
                    context
                        .history
                        .extend(vouched_for(store, chain, entry.seq).map_err(failed)?);
                    true
                }
                Ok(EntryKind::MemberRevoked) => {
                    let member = entry.refs.get("member").and_then(|id| id.parse().ok());
                    departures.extend(member.map(|member: MemberId| (member, entry.on_behalf_of, entry.seq)));
                    false
                }
                Ok(
                    EntryKind::PasskeyEnrolled
                    | EntryKind::PasskeyRemoved
                    | EntryKind::TouchKeyEnrolled
                    | EntryKind::TouchKeyRemoved,
                ) => {
                    let member = entry.refs.get("member").and_then(|id| id.parse().ok());
                    credentials.extend(member.map(|member: MemberId| (member, entry.seq)));
                    false
                }
                Ok(EntryKind::DelegationGranted | EntryKind::DelegationRevoked) => {
                    lendings.extend(entry.delegation.map(|delegation| (delegation, entry.seq)));
                    false
                }
                Ok(EntryKind::WorkItemProposed) => of_trace(),
                Ok(EntryKind::WorkItemExpired) => of_trace(),
                Ok(EntryKind::EvidenceRecorded | EntryKind::ProgressReported) if of_trace() => {
                    humans.extend(entry.on_behalf_of);
                    delegations.extend(entry.delegation);
                    true
                }
                Ok(EntryKind::ChangeDecided) if of_trace() => {
                    // Whether there was nobody else shows in who was a member.
                    everybody = true;
                    humans.extend(entry.on_behalf_of);
                    context
                        .history
                        .extend(vouched_for(store, chain, entry.seq).map_err(failed)?);
                    true
                }
                Ok(EntryKind::DecisionMade) if of_trace() => {
                    humans.extend(entry.on_behalf_of);
                    context
                        .history
                        .extend(vouched_for(store, chain, entry.seq).map_err(failed)?);
                    true
                }
                _ => false,
            };
            if concerns {
                context.entries.push((chain, entry.seq));
            }
        }
    }
    if everybody {
        humans.extend(members.iter().map(|(member, _, _)| *member));
    }
    let lent = lendings
        .into_iter()
        .filter(|(delegation, _)| delegations.contains(delegation));
    context.entries.extend(lent.map(|(_, seq)| (chain, seq)));
    for (member, by, seq) in departures {
        if humans.contains(&member) {
            humans.extend(by);
            context.entries.push((chain, seq));
            context
                .history
                .extend(vouched_for(store, chain, seq).map_err(failed)?);
        }
    }
    // Newest first: whoever let somebody in has to be known as well.
    for (member, by, seq) in members.into_iter().rev() {
        if humans.contains(&member) {
            humans.extend(by);
            context.entries.push((chain, seq));
            context
                .history
                .extend(vouched_for(store, chain, seq).map_err(failed)?);
        }
    }
    let theirs = credentials
        .into_iter()
        .filter(|(member, _)| humans.contains(member));
    context.entries.extend(theirs.map(|(_, seq)| (chain, seq)));
    Ok(context)
}

/// The size of the ledger for which an entry's decision vouches; nothing, where there is none or its body was erased.
fn vouched_for(store: &Store, chain: ChainId, seq: u64) -> Result<Option<u64>, ReadError> {
    let Some(stored) = store.entry(chain, seq)? else {
        return Ok(None);
    };
    let BodyState::Present(bytes) = &stored.body else {
        return Ok(None);
    };
    let kind = stored.entry.kind.as_str();
    let made = match kind.parse() {
        Ok(EntryKind::DecisionMade | EntryKind::MemberRevoked | EntryKind::BodyErased) => {
            records::read::<DecisionMade>(kind, bytes).ok()
        }
        Ok(EntryKind::ChangeDecided) => records::read::<ChangeDecided>(kind, bytes)
            .ok()
            .map(|decided| decided.made),
        Ok(EntryKind::MemberAdded) => records::read::<MemberAdded>(kind, bytes)
            .ok()
            .and_then(|added| added.granted),
        _ => None,
    };
    Ok(made.and_then(|made| made.signed.vouches_for()))
}

/// Collects an export's text into messages; blocks while the other side is slow.
struct Chunks<'a> {
    pieces: &'a mpsc::Sender<Piece>,
    text: Vec<u8>,
}

impl Write for Chunks<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.text.extend_from_slice(bytes);
        if self.text.len() >= CHUNK_BYTES && self.text.ends_with(b"\n") {
            self.flush()?;
        }
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        let text = String::from_utf8(std::mem::take(&mut self.text)).map_err(io::Error::other)?;
        // A single line can be larger than a message may be.
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let mut end = rest.len().min(frame::MAX_FRAME_BYTES / 8);
            while !rest.is_char_boundary(end) {
                end -= 1;
            }
            let (part, later) = rest.split_at(end);
            self.pieces
                .blocking_send(Piece::Part(Chunk::Text(part.to_owned())))
                .map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
            rest = later;
        }
        Ok(())
    }
}
