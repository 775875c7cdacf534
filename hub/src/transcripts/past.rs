//! What a trace says already: which calls were announced and came to their ends, of which turns something was told, how far each
//! transcript was read, and when something was heard last. A fold over the trace, so it is the same after any restart.

use std::collections::{HashMap, HashSet};

use capture::SessionStarted;
use trace_store::{BodyState, ChainId, Entry, ReadError, Store};
use vocabulary::{Timestamp, TraceId};

use super::{fates::Fates, is_source_of};
use crate::{
    kind::EntryKind,
    records::{self, CaptureGap, ImportEnded, TranscriptRead},
};

/// How many entries are read at a time, without their bodies.
const PAGE: usize = 256;

/// The most files whose state is remembered: a session and the agents that it started.
const MOST_FILES: usize = 4_096;

/// The past of a trace.
#[derive(Debug)]
pub(crate) struct Past {
    trace: TraceId,
    next: u64,
    /// What is known of its calls.
    pub(crate) calls: Fates,
    turns: HashSet<String>,
    reads: HashMap<String, TranscriptRead>,
    /// When a hook told something last.
    pub(crate) heard: Option<Timestamp>,
    /// Whether a turn goes on, as far as was told.
    pub(crate) in_a_turn: bool,
    /// Whether the client's session began and did not end.
    running: bool,
    /// The newest request of a hook, and when something had been heard before it.
    newest: Option<(String, Option<Timestamp>)>,
    /// Since when nothing had been heard, when a session began again that had not ended.
    pub(crate) began_again: Option<Timestamp>,
    /// The newest silence that was said.
    pub(crate) said_silent: Option<Timestamp>,
    /// Whether nothing more may be written.
    pub(crate) closed: bool,
    /// Of which file all was taken in, where it was.
    pub(crate) imported: Option<ImportEnded>,
}

impl Past {
    pub(crate) fn of(trace: TraceId) -> Self {
        Self {
            trace,
            next: 0,
            calls: Fates::default(),
            turns: HashSet::new(),
            reads: HashMap::new(),
            heard: None,
            in_a_turn: false,
            running: false,
            newest: None,
            began_again: None,
            said_silent: None,
            closed: false,
            imported: None,
        }
    }

    /// That of one that is imported: nothing else tells of its calls, so they are not followed.
    pub(crate) fn of_import(trace: TraceId) -> Self {
        Self::following(trace, 0)
    }

    /// One in which so many calls are followed.
    pub(super) fn following(trace: TraceId, most: usize) -> Self {
        Self {
            calls: Fates::of_most(most),
            ..Self::of(trace)
        }
    }

    /// Takes up what was recorded since.
    pub(crate) fn catch_up(&mut self, store: &Store) -> Result<(), ReadError> {
        loop {
            let page = store.entries(ChainId::Trace(self.trace), self.next, PAGE)?;
            let Some(last) = page.last() else { return Ok(()) };
            self.next = last.seq + 1;
            for entry in &page {
                self.take_up(store, entry)?;
            }
        }
    }

    /// Whether a hook told anything of a turn.
    pub(crate) fn knows_turn(&self, turn: &str) -> bool {
        self.turns.contains(turn)
    }

    /// How far a file was read.
    pub(crate) fn read_of(&self, path: &str) -> Option<&TranscriptRead> {
        self.reads.get(path)
    }

    /// How far the file was read that reaches farthest: an import has one, whatever it was called each time.
    pub(crate) fn newest_read(&self) -> Option<&TranscriptRead> {
        self.reads.values().max_by_key(|read| read.bytes)
    }

    /// Whether one more file may be read.
    pub(crate) fn has_room(&self, path: &str) -> bool {
        self.reads.contains_key(path) || self.reads.len() < MOST_FILES
    }

    fn take_up(&mut self, store: &Store, entry: &Entry) -> Result<(), ReadError> {
        let Ok(kind) = entry.kind.as_str().parse::<EntryKind>() else {
            return Ok(());
        };
        let from_transcript = is_source_of(entry);
        let (calls, ends) = (kind == EntryKind::ToolCalled, kind.ends_a_call());
        if let (true, Some(call)) = (calls || ends, entry.refs.get("call"))
            && let Some(fate) = self.calls.of_mut(call)
        {
            fate.called |= calls;
            fate.announced |= !from_transcript;
            fate.ended |= ends;
        }
        match kind {
            EntryKind::TranscriptRead => {
                if let Some(read) = body::<TranscriptRead>(store, entry)? {
                    self.reads.insert(read.path.clone(), read);
                }
                return Ok(());
            }
            EntryKind::CaptureGap => {
                if let Some(CaptureGap::Silent { since }) = body(store, entry)? {
                    self.said_silent = Some(since);
                }
                return Ok(());
            }
            // It goes on with a shorter memory.
            EntryKind::SessionStarted if is_compacted(store, entry)? => return Ok(()),
            EntryKind::SessionClosed => self.closed = true,
            EntryKind::ImportEnded => self.imported = body(store, entry)?,
            _ => {}
        }
        if from_transcript {
            return Ok(());
        }
        if let Some(turn) = entry.refs.get("turn") {
            self.turns.insert(turn.to_owned());
        }
        self.hear(kind, entry);
        Ok(())
    }

    /// What a hook told says of whether the session and a turn go on.
    fn hear(&mut self, kind: EntryKind, entry: &Entry) {
        let of_the_first_agent = entry.refs.get("agent").is_none();
        let request = entry.refs.get("request").unwrap_or_default();
        if self.newest.as_ref().is_none_or(|(newest, _)| newest != request) {
            self.newest = Some((request.to_owned(), self.heard));
        }
        match kind {
            EntryKind::SessionStarted => {
                // What follows from an event stands before it, under the same request.
                let before = self.newest.as_ref().and_then(|(_, before)| *before);
                self.began_again = before.filter(|_| self.running);
                (self.running, self.in_a_turn) = (true, false);
            }
            EntryKind::SessionEnded => {
                self.began_again = None;
                (self.running, self.in_a_turn) = (false, false);
            }
            EntryKind::TurnEnded | EntryKind::TurnInterrupted if of_the_first_agent => self.in_a_turn = false,
            EntryKind::Prompt | EntryKind::ToolCalled if of_the_first_agent => self.in_a_turn = true,
            _ => {}
        }
        if kind.is_told_by_a_client() || kind == EntryKind::ToolCalled || kind == EntryKind::ToolReturned {
            self.heard = Some(entry.at);
        }
    }
}

/// What stands in a trace of a transcript's parts, to tell them again: where it was written anew, it is read from its beginning.
pub(crate) fn told_of(store: &Store, trace: TraceId) -> Result<HashSet<Telling>, ReadError> {
    let (mut told, mut next) = (HashSet::new(), 0);
    loop {
        let page = store.entries(ChainId::Trace(trace), next, PAGE)?;
        let Some(last) = page.last() else { return Ok(told) };
        next = last.seq + 1;
        let of = |entry: &&Entry, name: &str| entry.refs.get(name).map(str::to_owned);
        let own = page.iter().filter(|entry| is_source_of(entry));
        told.extend(own.map(|entry| (of(&entry, "item"), of(&entry, "claimed_at"))));
    }
}

/// The client's id of a part of a transcript, and when it says that it was.
pub(crate) type Telling = (Option<String>, Option<String>);

/// What an entry's body says; nothing, where it was erased.
fn body<T: serde::de::DeserializeOwned>(store: &Store, entry: &Entry) -> Result<Option<T>, ReadError> {
    let stored = store.entry(entry.chain, entry.seq)?;
    Ok(match stored.map(|stored| stored.body) {
        Some(BodyState::Present(bytes)) => records::read(entry.kind.as_str(), &bytes).ok(),
        _ => None,
    })
}

/// Whether a session is said to have begun only because what its agent remembers was shortened.
fn is_compacted(store: &Store, entry: &Entry) -> Result<bool, ReadError> {
    let started = body::<SessionStarted>(store, entry)?;
    Ok(started.is_some_and(|started| started.source.as_deref() == Some("compact")))
}
