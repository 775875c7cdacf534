//! Taking in what was spooled while no hub could be reached: in order, once, and only what proves itself.

mod attempt;
mod files;

use std::{
    collections::BTreeSet,
    fs, io,
    path::Path,
    sync::{Arc, Mutex, PoisonError},
};

use delegation::{Revocations, VerifiedToken};
use protocol::{
    ClientEvent, ReplyBody,
    home::Home,
    spool::{Happened, SpoolFile, SpoolSecret, Spooled},
};
use serde_json::value::RawValue;
use trace_store::{ChainId, Draft, Entry, Ledger, ReadError, Refs, Store};
use vocabulary::{RequestId, SessionId, Timestamp, TraceId};

use self::{
    attempt::{Attempt, What},
    files::{put_aside, read, waiting},
};
use crate::{
    aftermath::{Aftermath, Moment},
    deeds::{self, Deed},
    dispatch::{Caller, Scribe},
    events::{self, Told},
    gating::Neighbourhood,
    kind::EntryKind,
    private,
    records::{CaptureGap, SessionOpened},
    session::Session,
    workspace::Workspace,
};

/// How many entries are read at a time where one is looked for.
const PAGE: usize = 256;

/// One at a time: two that take in the same file would get into each other's way.
static TAKING_IN: Mutex<()> = Mutex::new(());

/// Whether something lies in a home's spool.
pub(crate) fn is_waiting(home: &Home) -> bool {
    waiting(home).is_ok_and(|files| !files.is_empty())
}

/// Takes in everything that lies in a home's spool, and says of which sessions something is to be looked at. A file is removed once
/// its entry is durable and it is noted what is to be looked at; what does not prove itself is put aside and named in the log, never
/// dropped. So is what hubs did not survive, once its trace says so. Fails where the spool cannot be read at all, or nothing becomes
/// durable any more; what was taken in before is to be looked at all the same.
pub(crate) fn take_in(
    home: &Home,
    ledger: &Ledger<Workspace>,
    around: &Neighbourhood,
    secret: &SpoolSecret,
    aftermath: &Aftermath,
) -> (BTreeSet<SessionId>, io::Result<()>) {
    let _alone = TAKING_IN.lock().unwrap_or_else(PoisonError::into_inner);
    let mut to_look_at = BTreeSet::new();
    let taken_in = take_in_all(home, ledger, around, secret, aftermath, &mut to_look_at);
    (to_look_at, taken_in)
}

fn take_in_all(
    home: &Home,
    ledger: &Ledger<Workspace>,
    around: &Neighbourhood,
    secret: &SpoolSecret,
    aftermath: &Aftermath,
    to_look_at: &mut BTreeSet<SessionId>,
) -> io::Result<()> {
    for waiting in waiting(home)? {
        let attempt = match Attempt::begin(&waiting) {
            Ok(attempt) => attempt,
            Err(error) if error.kind() == io::ErrorKind::InvalidFilename => {
                put_aside(&waiting, &waiting, "no hub or client of ours names a file so");
                continue;
            }
            Err(error) => {
                tracing::warn!(path = %waiting.display(), %error, "a spooled record cannot be tried, and stays");
                continue;
            }
        };
        let tried = match attempt.what {
            What::TakeIn => {
                let kept = read(&attempt.path).and_then(|file| Kept::of(file, around, secret));
                take_in_one(ledger, around, aftermath, &attempt, kept)
            }
            What::Say => take_in_gap(ledger, &attempt).map(|()| None),
            What::Nothing => {
                put_aside(
                    &attempt.path,
                    &attempt.own,
                    "hubs did not survive saying that it was not taken in",
                );
                Ok(None)
            }
        };
        match tried {
            Ok(session) => to_look_at.extend(session),
            Err(error) => {
                // It stays for the next start, and whoever came back is not counted.
                let _ = private::rename(&attempt.path, &waiting);
                return Err(error);
            }
        }
    }
    Ok(())
}

/// Takes a record in, and says of which session something is to be looked at then.
fn take_in_one(
    ledger: &Ledger<Workspace>,
    around: &Neighbourhood,
    aftermath: &Aftermath,
    attempt: &Attempt,
    read: Result<Kept, String>,
) -> io::Result<Option<SessionId>> {
    let Attempt { path, own, .. } = attempt;
    let kept = match read {
        Ok(kept) => kept,
        Err(why) => {
            put_aside(path, own, &why);
            return Ok(None);
        }
    };
    let (claimed_at, deeds) = (kept.spooled.claimed_at, kept.deeds());
    let (moment, token) = (kept.moment(), kept.file.token.clone());
    let Accepted { caller, at, taken } = match accepted(ledger, kept)? {
        Ok(accepted) => accepted,
        Err(why) => {
            put_aside(path, own, &why);
            return Ok(None);
        }
    };
    let session = caller.token.session();
    // As long as the file is there: if this hub is killed first, it is found again.
    let moment = moment.filter(|moment| taken.is_there() || moment.is_of_an_agent());
    let noted = moment.map(|moment| {
        match taken {
            Taken::In => aftermath.heard_late(&caller, &token, &moment.recorded(at)),
            Taken::Before { .. } | Taken::TooLate(_) => {
                aftermath.found_again(&caller, &token, &moment.recorded(at))
            }
        }
        session
    });
    forget(ledger, session);
    match taken {
        Taken::In => {
            let told = deeds::Told {
                arrived: claimed_at,
                answered: claimed_at,
                permitted: true,
            };
            around.deeds.note(session, &deeds, told);
            remove(path)?;
        }
        Taken::Before { lately: true, .. } => remove(path)?,
        Taken::Before { .. } => put_aside(path, own, "it is there already"),
        Taken::TooLate(_) => put_aside(path, own, "its trace has gone on since it happened"),
    }
    Ok(noted)
}

/// Removes a file; somebody else may have.
fn remove(path: &Path) -> io::Result<()> {
    match fs::remove_file(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        removed => removed,
    }
}

/// Says in its trace that something was told which hubs did not survive, where that is proved; only then is it put aside.
fn take_in_gap(ledger: &Ledger<Workspace>, attempt: &Attempt) -> io::Result<()> {
    let said = match read(&attempt.path).and_then(Kept::gap) {
        Ok(gap) => accepted(ledger, gap)?,
        Err(why) => Err(why),
    };
    match said {
        Ok(accepted) => forget(ledger, accepted.caller.token.session()),
        Err(why) => tracing::warn!(why, "that a spooled record was not taken in is in no trace"),
    }
    put_aside(&attempt.path, &attempt.own, "hubs did not survive taking it in");
    Ok(())
}

/// What became of a record, once that is durable.
fn accepted(ledger: &Ledger<Workspace>, kept: Kept) -> io::Result<Result<Accepted, String>> {
    let accepted = ledger.call(move |workspace, draft| {
        let accepted = accept(workspace, draft, &kept);
        if accepted.is_err() {
            draft.abort();
        }
        accepted
    });
    accepted.map_err(io::Error::other)
}

fn forget(ledger: &Ledger<Workspace>, session: SessionId) {
    let forgotten = ledger.call(move |workspace, draft| workspace.forget(draft, session));
    tracing::trace!(?forgotten, %session, "a spooled record was taken in");
}

/// A spool file, read as far as that can be done before the writer's thread is asked.
struct Kept {
    file: SpoolFile,
    spooled: Spooled,
    /// What a hook told.
    told: Option<Result<Told, CaptureGap>>,
}

impl Kept {
    fn of(file: SpoolFile, around: &Neighbourhood, secret: &SpoolSecret) -> Result<Self, String> {
        let mut spooled: Spooled = serde_json::from_str(&file.record).map_err(|error| error.to_string())?;
        if let Happened::Observed(observation) = &mut spooled.what {
            let mut said = serde_json::to_value(&*observation).map_err(|error| error.to_string())?;
            around.clear(&mut said, None);
            *observation = serde_json::from_value(said).map_err(|error| error.to_string())?;
        }
        let told = match &spooled.what {
            Happened::Observed(_) => None,
            Happened::Told { client, sealed } => {
                let opened = secret
                    .open(sealed)
                    .ok_or("it is sealed to another hub, or was changed")?;
                let text = String::from_utf8(opened).map_err(|error| error.to_string())?;
                let event = RawValue::from_string(text).map_err(|error| error.to_string())?;
                Some(events::read(
                    &ClientEvent {
                        client: *client,
                        event,
                    },
                    around,
                ))
            }
        };
        Ok(Self { file, spooled, told })
    }

    /// That it was not taken in, in its place. What it says is not looked at.
    fn gap(file: SpoolFile) -> Result<Self, String> {
        let spooled: Spooled = serde_json::from_str(&file.record).map_err(|error| error.to_string())?;
        let told = Err(CaptureGap::NotTakenIn {
            claimed_at: spooled.claimed_at,
        });
        Ok(Self {
            file,
            spooled,
            told: Some(told),
        })
    }

    /// What it says of what is changed.
    fn deeds(&self) -> Arc<[Deed]> {
        let told = self.told.as_ref().and_then(|told| told.as_ref().ok());
        told.map_or_else(|| Arc::from([]), Told::deeds)
    }

    /// What is to be looked at afterwards.
    fn moment(&self) -> Option<Moment> {
        let told = self.told.as_ref().and_then(|told| told.as_ref().ok());
        told.and_then(Told::moment).cloned().map(Moment::told_late)
    }
}

/// The same proofs as for a live request, at the time when the record says that it happened; the entry says that this
/// time is a claim. A record comes after everything that its trace has reached, so none is taken in twice, and none
/// once the session was closed.
fn accept(workspace: &mut Workspace, draft: &mut Draft<'_>, kept: &Kept) -> Result<Accepted, String> {
    let Kept { file, spooled, .. } = kept;
    let token = workspace
        .tokens
        .verify(&file.token, workspace.members.keyring())
        .map_err(|denial| denial.to_string())?;
    token
        .check_request(
            spooled.id,
            blake3::hash(file.record.as_bytes()).as_bytes(),
            &file.proof,
        )
        .map_err(|denial| denial.to_string())?;
    spooled.via.check().map_err(|error| error.to_string())?;
    in_its_time(workspace, &token, spooled.claimed_at, draft.now())?;

    let id = token.session();
    let caller = Caller {
        trace: TraceId::from_uuid(id.uuid()),
        token,
        via: spooled.via.clone(),
    };
    let known = workspace.sessions.remove(&id);
    let in_use = known.is_some();
    let mut session = match known {
        Some(session) => session,
        None => match Session::recall(draft.store(), caller.trace).map_err(|error| error.to_string())? {
            Some(session) => session,
            None => open(draft, &caller, spooled)?,
        },
    };
    let taken_in = take_up(&mut session, draft, &caller, kept);
    if in_use || taken_in.is_ok() {
        workspace.sessions.insert(id, session);
    }
    let now = draft.now();
    taken_in.map(|taken| Accepted {
        caller,
        at: match taken {
            Taken::In => now,
            Taken::Before { at, .. } | Taken::TooLate(at) => at,
        },
        taken,
    })
}

/// What was lent had to be good at that moment, its session begun, and that moment is past.
fn in_its_time(
    workspace: &Workspace,
    token: &VerifiedToken,
    claimed_at: Timestamp,
    now: Timestamp,
) -> Result<(), String> {
    let lent = workspace
        .lent(token.grant())
        .ok_or("this workspace's ledger does not know its delegation")?;
    if claimed_at > now {
        return Err("it says that it happened in the future".to_owned());
    }
    if claimed_at < lent.granted_at {
        return Err("it says that it happened before its delegation was recorded".to_owned());
    }
    if token.session().unix_millis() > claimed_at.unix_millis() {
        return Err("it says that it happened before its session began".to_owned());
    }
    if lent.revoked.as_ref().is_some_and(|(at, _)| claimed_at >= *at) {
        return Err("its delegation had been revoked when it happened".to_owned());
    }
    token
        .holding(
            token.session(),
            token.holder(),
            claimed_at,
            &Revocations::default(),
        )
        .map_err(|denial| denial.to_string())
}

/// Opens a session of which no hub has heard yet.
fn open(draft: &mut Draft<'_>, caller: &Caller, spooled: &Spooled) -> Result<Session, String> {
    let mut scribe = Scribe {
        draft,
        caller,
        request: spooled.id,
    };
    scribe
        .write(
            EntryKind::SessionOpened,
            Refs::new(),
            &SessionOpened::under(&caller.token),
        )
        .map_err(|error| error.to_string())?;
    Ok(Session::new(&caller.token))
}

/// The entry of a request that happened then, if it was recorded: entries are never older than what they tell.
fn recorded(
    store: &Store,
    trace: TraceId,
    request: RequestId,
    happened: Timestamp,
) -> Result<Option<Entry>, ReadError> {
    let chain = ChainId::Trace(trace);
    let request = request.to_string();
    let mut end = store.head(chain)?.map_or(0, |head| head.next_seq);
    while end > 0 {
        let from = end.saturating_sub(PAGE as u64);
        let page = store.entries(chain, from, PAGE)?;
        let newest_first = page.into_iter().rev().skip_while(|entry| entry.seq >= end);
        for entry in newest_first {
            if entry.refs.get("request") == Some(&request) {
                return Ok(Some(entry));
            }
            if entry.at < happened {
                return Ok(None);
            }
        }
        end = from;
    }
    Ok(None)
}

/// A record that proved itself.
struct Accepted {
    caller: Caller,
    /// When it was taken in.
    at: Timestamp,
    taken: Taken,
}

/// What became of it.
#[derive(Clone, Copy)]
enum Taken {
    In,
    /// It was there since then: whoever took it in was killed before its file had gone, or somebody put that back.
    Before {
        at: Timestamp,
        /// Whether that is remembered, as it is where a hub was killed.
        lately: bool,
    },
    /// Only that there is such a record could be said, then: its place in the trace is past.
    TooLate(Timestamp),
}

impl Taken {
    const fn is_there(self) -> bool {
        matches!(self, Self::In | Self::Before { .. })
    }
}

fn take_up(
    session: &mut Session,
    draft: &mut Draft<'_>,
    caller: &Caller,
    kept: &Kept,
) -> Result<Taken, String> {
    let Spooled {
        id: request,
        claimed_at,
        ref what,
        ..
    } = kept.spooled;
    if session.holder != *caller.token.holder() || session.delegation != caller.token.grant().id {
        return Err("it is signed by another holder than its session's".to_owned());
    }
    let lately = session.answered(request).is_some();
    if session.closed && !lately {
        return Err("its session has ended".to_owned());
    }
    let late = claimed_at <= session.reached;
    // A trace does not go on with a gap, so that comes late only where more followed.
    let is_gap = matches!(kept.told, Some(Err(_)));
    let before =
        (lately || late || is_gap).then(|| recorded(draft.store(), caller.trace, request, claimed_at));
    let before = before.transpose().map_err(|error| error.to_string())?.flatten();
    let found = before.map(|entry| {
        let is_said = entry.kind.as_str() == EntryKind::CaptureGap.as_str();
        (entry.at, is_said && !is_gap && !lately)
    });
    match found.or_else(|| lately.then(|| (draft.now(), false))) {
        Some((at, true)) => return Ok(Taken::TooLate(at)),
        Some((at, false)) => return Ok(Taken::Before { at, lately }),
        None => {}
    }
    let mut scribe = Scribe {
        draft,
        caller,
        request,
    };
    if late {
        let gap = CaptureGap::TooLate { claimed_at };
        scribe
            .write(EntryKind::CaptureGap, Refs::new(), &gap)
            .map_err(|error| error.to_string())?;
        return Ok(Taken::TooLate(draft.now()));
    }
    let written = match (what, &kept.told) {
        (_, Some(told)) => {
            events::take_in(&mut scribe, told, &mut session.calls, claimed_at).and_then(|()| scribe.newest())
        }
        (Happened::Observed(observation), None) => scribe.observe(observation, Some(claimed_at)),
        (Happened::Told { .. }, None) => return Err("nobody read it".to_owned()),
    };
    let position = written.map_err(|error| error.to_string())?;
    session.went_on(claimed_at);
    session.remember(request, ReplyBody::Recorded(position));
    Ok(Taken::In)
}
