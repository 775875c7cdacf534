//! The client's own record of its session, read as far as it goes: it says what no hook tells.
//!
//! Who may come in: a file that belongs to us, is named as a client's record is, and lies where a hook said. Whoever can run a hook can name
//! any file, so nothing of it is taken but lines that are recognized as such a record's, and as this very session's; a file without any
//! leaves no trace, not even its length.

mod file;

use std::{
    collections::HashMap,
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use capture::{Event, Happened};
use serde::{Deserialize, Serialize};
use trace_store::{ChainId, ReadError, Refs, Store};
use vocabulary::{Client, SessionId, Timestamp, TraceId};

use self::file::Opened;
use super::{
    AftermathError, Eye, Moment, When,
    worktree::{self, SEARCHED},
};
use crate::{
    dispatch::{Caller, Scribe},
    kind::EntryKind,
    records::CaptureGap,
    transcripts::{
        intake::{CHUNK, Intake, Prepared, Purpose},
        past::{self, Past},
        reading::Reading,
    },
    workspace::Workspace,
};

/// Of how many sessions it is remembered how far things are; the others' traces say it.
const MOST_SESSIONS: usize = 64;

/// Of how many sessions it is remembered that something was heard.
const MOST_HEARD: usize = 1_024;

/// How much of a file is read in one look; the rest in the next.
const MOST_NEW_BYTES: u64 = 64 * 1024 * 1024;

/// How long a turn has to be silent until nothing more is expected of it: what it did may be written down before a hook tells it.
const SETTLED: Duration = Duration::from_secs(5 * 60);

/// A client's own record, as an event told of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Told {
    path: PathBuf,
    /// What the client calls the session.
    session: String,
    /// Whether it is that of an agent which another started.
    pub(super) of_an_agent: bool,
    /// How long it was then. What came after it, hooks were still to tell.
    until: u64,
    /// Whether the client's session begins, and does not only go on.
    pub(super) anew: bool,
}

impl Told {
    /// Looked up while the client waits for its hook.
    pub(super) fn of(event: &Event) -> Option<Self> {
        let stopped = matches!(event.happened, Happened::SubAgentStopped { .. });
        let path = if stopped {
            &event.agent_transcript
        } else {
            &event.transcript
        };
        let path = super::place(path.as_deref())?;
        Some(Self {
            until: file::length_of(&path),
            session: event.session.as_str().to_owned(),
            of_an_agent: stopped || event.by.is_some(),
            anew: matches!(&event.happened, Happened::SessionStarted { source, .. } if source.as_deref() != Some("compact")),
            path,
        })
    }

    /// How long it was then, nobody knows: nothing is read of it until more is told, or nothing is for long.
    pub(super) const fn forget_length(&mut self) {
        self.until = 0;
    }
}

/// What is remembered between two looks.
#[derive(Debug, Default)]
pub(super) struct Transcripts {
    known: Mutex<HashMap<SessionId, Known>>,
    heard: Mutex<HashMap<SessionId, Heard>>,
}

#[derive(Debug)]
struct Known {
    past: Past,
    readings: HashMap<PathBuf, Reading>,
}

/// A session that did not end, as far as was told.
#[derive(Debug)]
struct Heard {
    caller: Caller,
    /// Where its own record lies.
    moment: Option<Moment>,
    at: Instant,
    /// How long nothing had been heard of it then: under the hub before this one.
    before: Duration,
    /// Whether it was looked at since.
    looked: bool,
}

impl Heard {
    fn silence(&self) -> Duration {
        self.before.saturating_add(self.at.elapsed())
    }
}

impl Transcripts {
    /// Takes note that something was heard.
    pub(super) fn hear(&self, caller: &Caller, moment: Option<&Moment>) {
        let mut heard = locked(&self.heard);
        let session = caller.token.session();
        if moment.is_some_and(|moment| moment.when == When::SessionEnds) {
            heard.remove(&session);
            return;
        }
        let entry = place(&mut heard, session, caller);
        (entry.at, entry.before, entry.looked) = (Instant::now(), Duration::ZERO, false);
        let of_the_first_agent = |moment: &&Moment| {
            let told = moment.transcript.as_ref();
            told.is_some_and(|told| !told.of_an_agent)
        };
        if let Some(moment) = moment.filter(of_the_first_agent) {
            entry.caller = caller.clone();
            entry.moment = Some(moment.clone());
        }
    }

    /// Takes note of a session that the hub before this one left open, and of which nothing was heard for so long. What this one heard
    /// counts more.
    pub(super) fn hear_of(&self, caller: &Caller, moment: &Moment, silence: Duration) {
        let mut heard = locked(&self.heard);
        let session = caller.token.session();
        if let Some(heard) = heard.get_mut(&session) {
            heard.moment.get_or_insert_with(|| moment.clone());
        } else {
            let entry = place(&mut heard, session, caller);
            (entry.moment, entry.before) = (Some(moment.clone()), silence);
        }
    }

    /// Forgets how far things are with a session: its trace says it.
    pub(super) fn forget(&self, session: SessionId) {
        locked(&self.known).remove(&session);
    }

    /// The sessions of which nothing was heard for so long, each once.
    pub(super) fn silent_for(&self, silence: Duration) -> Vec<(Caller, Moment)> {
        let mut heard = locked(&self.heard);
        let silent = heard
            .values_mut()
            .filter(|heard| !heard.looked && heard.silence() >= silence);
        let looked_at = silent.filter_map(|heard| {
            let moment = heard.moment.clone()?;
            heard.looked = true;
            Some((heard.caller.clone(), moment))
        });
        looked_at.collect()
    }

    /// How long nothing was heard of a session.
    fn silence_of(&self, session: SessionId) -> Option<Duration> {
        locked(&self.heard).get(&session).map(Heard::silence)
    }

    fn take(&self, caller: &Caller) -> Known {
        let known = locked(&self.known).remove(&caller.token.session());
        known.unwrap_or_else(|| Known {
            past: Past::of(caller.trace),
            readings: HashMap::new(),
        })
    }

    /// Remembers how far things are, unless something was not written that is remembered as if it were.
    fn keep_after(&self, read: &Result<(), AftermathError>, caller: &Caller, known: Known) {
        if !matches!(read, Ok(()) | Err(AftermathError::Transcript { .. })) {
            return;
        }
        let session = caller.token.session();
        let mut all = locked(&self.known);
        if all.len() >= MOST_SESSIONS {
            all.clear();
        }
        all.insert(session, known);
    }
}

/// The place of a session among those that are remembered; the one that was heard of longest ago makes room.
fn place<'h>(heard: &'h mut HashMap<SessionId, Heard>, session: SessionId, caller: &Caller) -> &'h mut Heard {
    if heard.len() >= MOST_HEARD && !heard.contains_key(&session) {
        let oldest = heard.iter().max_by_key(|(_, heard)| heard.silence());
        if let Some(oldest) = oldest.map(|(session, _)| *session) {
            heard.remove(&oldest);
        }
    }
    heard.entry(session).or_insert_with(|| Heard {
        caller: caller.clone(),
        moment: None,
        at: Instant::now(),
        before: Duration::ZERO,
        looked: false,
    })
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes up what a client's own record says since it was read last.
pub(super) fn look(eye: &Eye, caller: &Caller, moment: &Moment) -> Result<(), AftermathError> {
    let mut known = eye.transcripts.take(caller);
    known.past.catch_up(eye.ledger.store())?;
    let told = moment.transcript.as_ref();
    // Somebody began a session again that had not ended: it was killed, or its hooks were off.
    let anew = told.is_some_and(|told| told.anew);
    if let Some(since) = known.past.began_again.filter(|_| anew) {
        say_silent(eye, caller, &mut known.past, since)?;
    }
    let read = told.map_or(Ok(()), |told| read(eye, caller, moment, told, &mut known));
    eye.transcripts.keep_after(&read, caller, known);
    read
}

/// When a session's hooks told something last, as its trace says.
pub(super) fn heard(eye: &Eye, caller: &Caller) -> Result<Option<Timestamp>, AftermathError> {
    let mut known = eye.transcripts.take(caller);
    known.past.catch_up(eye.ledger.store())?;
    let heard = known.past.heard;
    eye.transcripts.keep_after(&Ok(()), caller, known);
    Ok(heard)
}

/// The same of a session of which nothing more is heard, and that did not end. Says whether that is all that can be told of it.
pub(super) fn look_after_silence(
    eye: &Eye,
    caller: &Caller,
    moment: &Moment,
) -> Result<bool, AftermathError> {
    let mut known = eye.transcripts.take(caller);
    known.past.catch_up(eye.ledger.store())?;
    let silence = eye.transcripts.silence_of(caller.token.session());
    let settled = silence.is_some_and(|silence| silence >= SETTLED);
    if known.past.in_a_turn && !settled {
        return Ok(false);
    }
    if let Some(since) = known.past.heard.filter(|_| known.past.in_a_turn) {
        say_silent(eye, caller, &mut known.past, since)?;
    }
    let now = moment.transcript.as_ref().map(|told| Told {
        until: file::length_of(&told.path),
        ..told.clone()
    });
    let read = now.map_or(Ok(()), |now| read(eye, caller, moment, &now, &mut known));
    eye.transcripts.keep_after(&read, caller, known);
    read.map(|()| true)
}

fn say_silent(eye: &Eye, caller: &Caller, past: &mut Past, since: Timestamp) -> Result<(), AftermathError> {
    if past.said_silent.is_some_and(|said| said >= since) {
        return Ok(());
    }
    let body =
        serde_json::to_value(CaptureGap::Silent { since }).map_err(crate::record::RecordError::from)?;
    let silent = Prepared {
        kind: EntryKind::CaptureGap,
        refs: Refs::new(),
        body,
    };
    write(eye, caller, past, vec![silent])
}

/// Reads a file from where it was read last.
fn read(
    eye: &Eye,
    caller: &Caller,
    moment: &Moment,
    told: &Told,
    known: &mut Known,
) -> Result<(), AftermathError> {
    let at = |source| AftermathError::Transcript {
        path: told.path.clone(),
        source,
    };
    let Some(mut opened) = file::open(&told.path).map_err(at)? else {
        return Ok(());
    };
    let path = shown(eye, &told.path);
    if !known.past.has_room(&path) {
        return Ok(());
    }
    let before = known.past.read_of(&path).cloned();
    let kept = known.readings.remove(&told.path);
    let begun = Begun::of(&mut opened, before.as_ref(), kept, moment.client, told).map_err(at)?;
    let Begun { mut reading, changed } = begun;
    let cwd = moment.cwd.as_deref().and_then(Path::to_str);
    // What was written anew may be shorter than it was when the hook told of it.
    // What was before the first event is told apart in one go.
    let most = before
        .as_ref()
        .map_or(u64::MAX, |_| reading.bytes() + MOST_NEW_BYTES);
    let until = told.until.min(opened.length).min(most);
    if until <= reading.bytes() && !changed {
        if before.is_some() {
            known.readings.insert(told.path.clone(), reading);
        }
        return Ok(());
    }
    let around = std::sync::Arc::clone(&eye.around);
    let mut left = until - reading.bytes();
    let again = changed || before.as_ref().is_some_and(|read| read.bytes == 0);
    let mut told_before = again
        .then(|| past::told_of(eye.ledger.store(), caller.trace))
        .transpose()?;
    let mut first = true;
    let mut before_hooks = (before.is_none() && !told.of_an_agent).then(Default::default);
    while left > 0 || first {
        let mut intake = Intake::new(&mut known.past, &around, cwd, Purpose::Rest);
        intake.resume(before_hooks.take(), told_before.take());
        if let (true, true, Some(read)) = (first, changed, &before) {
            intake.gap(&CaptureGap::TranscriptChanged {
                path: path.clone(),
                bytes: read.bytes,
            })?;
        }
        first = false;
        let mut failed = None;
        while left > 0 && !intake.is_full() {
            // What cannot be read now is as if it were not there yet.
            let chunk = opened.read(left.min(CHUNK as u64)).unwrap_or_default();
            if chunk.is_empty() {
                left = 0;
                break;
            }
            left -= chunk.len() as u64;
            reading.feed(&chunk, &mut |line| {
                if let Err(error) = intake.take(line) {
                    failed.get_or_insert(error);
                }
            });
        }
        if let Some(error) = failed {
            return Err(error.into());
        }
        let entries = intake.close(&path, &reading, left == 0)?;
        (before_hooks, told_before) = intake.pause();
        write(eye, caller, &mut known.past, entries)?;
    }
    reading.let_go();
    if known.past.read_of(&path).is_some() {
        known.readings.insert(told.path.clone(), reading);
    }
    Ok(())
}

/// A file, at where it goes on.
struct Begun {
    reading: Reading,
    /// Whether what was read of it before is not there any more: then it is read from its beginning.
    changed: bool,
}

impl Begun {
    fn of(
        opened: &mut Opened,
        before: Option<&crate::records::TranscriptRead>,
        kept: Option<Reading>,
        client: Client,
        told: &Told,
    ) -> std::io::Result<Self> {
        let anew = || Reading::of(client, Some(told.session.clone()));
        let Some(before) = before else {
            return Ok(Self {
                reading: anew(),
                changed: false,
            });
        };
        // Read once more, to see that it is what it was; and to find the calls that are open, where that is forgotten.
        let mut kept = kept.filter(|kept| kept.bytes() == before.bytes && kept.digest() == before.digest);
        let (mut fresh, mut hasher) = (anew(), blake3::Hasher::new());
        let mut left = before.bytes;
        while left > 0 {
            let chunk = opened.read(left.min(CHUNK as u64))?;
            if chunk.is_empty() {
                break;
            }
            left -= chunk.len() as u64;
            hasher.update(&chunk);
            if kept.is_none() {
                fresh.feed(&chunk, &mut |_| {});
            }
        }
        if left == 0 && hasher.finalize().to_hex().to_string() == before.digest {
            return Ok(Self {
                reading: kept.take().unwrap_or(fresh),
                changed: false,
            });
        }
        opened.rewind()?;
        Ok(Self {
            reading: anew(),
            changed: true,
        })
    }
}

/// Writes what was read, unless what was lent is over or nothing more may be written.
fn write(eye: &Eye, caller: &Caller, past: &mut Past, entries: Vec<Prepared>) -> Result<(), AftermathError> {
    if entries.is_empty() || past.closed {
        return Ok(());
    }
    eye.write(caller, move |workspace, scribe| {
        if is_over(workspace, scribe) {
            return Ok(());
        }
        let known = workspace.sessions.get_mut(&scribe.caller.token.session());
        let ended = entries.iter().filter(|entry| entry.kind.ends_a_call());
        let ended = ended.filter_map(|entry| entry.refs.get("call"));
        if let Some(session) = known {
            for call in ended {
                if session.calls.knows(call) {
                    session.calls.end(call);
                }
            }
        }
        for entry in &entries {
            scribe.write(entry.kind, entry.refs.clone(), &entry.body)?;
        }
        Ok(())
    })?;
    past.catch_up(eye.ledger.store())?;
    Ok(())
}

/// Says of a session that nobody looked at what was told since then, once, without opening any file, or reading more of its trace
/// than its newest entries.
pub(super) fn tell_unread(eye: &Eye, caller: &Caller, since: Timestamp) -> Result<(), AftermathError> {
    eye.write(caller, move |workspace, scribe| {
        if is_over(workspace, scribe) {
            return Ok(());
        }
        let gap = CaptureGap::NotLookedAt { since };
        let body = serde_json::to_value(&gap)?;
        if !is_said_or_closed(scribe.draft.store(), scribe.caller.trace, &body)? {
            scribe.write(EntryKind::CaptureGap, Refs::new(), &gap)?;
        }
        Ok(())
    })
}

/// Whether a trace's newest entries hold this gap, or end it. Whoever said it before may have been killed before it took note of that.
fn is_said_or_closed(store: &Store, trace: TraceId, gap: &serde_json::Value) -> Result<bool, ReadError> {
    let chain = ChainId::Trace(trace);
    let Some(head) = store.head(chain)? else {
        return Ok(false);
    };
    let mut from = head.next_seq.saturating_sub(SEARCHED);
    loop {
        let page = store.entries(chain, from, 64)?;
        let Some(last) = page.last() else {
            return Ok(false);
        };
        from = last.seq + 1;
        for entry in &page {
            let found = match entry.kind.as_str().parse() {
                Ok(EntryKind::SessionClosed) => true,
                Ok(EntryKind::CaptureGap) => worktree::says(store, entry, gap)?,
                _ => false,
            };
            if found {
                return Ok(true);
            }
        }
    }
}

/// Whether what was lent is over, or nothing more may be written.
fn is_over(workspace: &Workspace, scribe: &Scribe<'_, '_>) -> bool {
    let (grant, now) = (scribe.caller.token.grant(), scribe.draft.now());
    let lent = workspace.lent(grant);
    let known = workspace.sessions.get(&scribe.caller.token.session());
    let over = now >= grant.expires_at || lent.is_none_or(|lent| lent.revoked.is_some());
    let over = over || known.is_some_and(|session| session.closed);
    if over {
        tracing::info!(trace = %scribe.caller.trace, "what was lent is over; the client's own record is not taken up");
    }
    over
}

/// A path as it is recorded.
fn shown(eye: &Eye, path: &Path) -> String {
    let mut shown = serde_json::Value::String(path.to_string_lossy().into_owned());
    eye.around.clear(&mut shown, None);
    match shown {
        serde_json::Value::String(shown) => shown,
        other => other.to_string(),
    }
}
