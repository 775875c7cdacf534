//! Taking in what was spooled while no hub could be reached: in order, once, and only what proves itself.

mod attempt;

use std::{
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use delegation::{Revocations, VerifiedToken};
use protocol::{
    ClientEvent, ReplyBody,
    home::Home,
    spool::{Happened, MAX_SPOOL_BYTES, SpoolFile, SpoolSecret, Spooled},
};
use serde_json::value::RawValue;
use trace_store::{ChainId, Draft, Ledger, ReadError, Refs, Store};
use vocabulary::{RequestId, SessionId, Timestamp, TraceId};

use self::attempt::Attempt;
use crate::{
    deeds::{self, Deed},
    dispatch::{Caller, Scribe},
    events::{self, Told},
    gating::Neighbourhood,
    kind::EntryKind,
    records::{CaptureGap, SessionOpened},
    session::Session,
    workspace::Workspace,
};

/// The folder within the spool where what cannot be taken in is put aside for a human.
const REFUSED: &str = "refused";

/// How many entries are read at a time where one is looked for.
const PAGE: usize = 256;

/// One at a time: two that take in the same file would get into each other's way.
static TAKING_IN: Mutex<()> = Mutex::new(());

/// Whether something lies in a home's spool.
pub(crate) fn is_waiting(home: &Home) -> bool {
    waiting(home).is_ok_and(|files| !files.is_empty())
}

/// Takes in everything that lies in a home's spool. A file is removed once its entry is durable; what does
/// not prove itself is put aside and named in the log, never dropped. So is what hubs did not survive, and that is a gap.
///
/// # Errors
/// Where the spool cannot be read at all, or nothing becomes durable.
pub(crate) fn take_in(
    home: &Home,
    ledger: &Ledger<Workspace>,
    around: &Neighbourhood,
    secret: &SpoolSecret,
) -> io::Result<()> {
    let _alone = TAKING_IN.lock().unwrap_or_else(PoisonError::into_inner);
    for waiting in waiting(home)? {
        match Attempt::begin(&waiting) {
            Ok(Attempt::Begun { path, own }) => {
                let read = read(&path).and_then(|file| Kept::of(file, around, secret));
                if let Err(error) = take_in_one(ledger, around, &path, &own, read) {
                    // It stays for the next start, and whoever came back is not counted.
                    let _ = fs::rename(&path, &own);
                    return Err(error);
                }
            }
            Ok(Attempt::Fatal { own }) => {
                // First of all: what is read of it here may be just that.
                let aside = put_aside(&waiting, &own, "hubs did not survive taking it in");
                let gap = aside.and_then(|aside| read(&aside).and_then(Kept::gap).ok());
                if let Some(gap) = gap {
                    take_in_gap(ledger, gap)?;
                }
            }
            Err(error) => {
                tracing::warn!(path = %waiting.display(), %error, "a spooled record cannot be tried, and stays");
            }
        }
    }
    Ok(())
}

fn take_in_one(
    ledger: &Ledger<Workspace>,
    around: &Neighbourhood,
    path: &Path,
    own: &Path,
    read: Result<Kept, String>,
) -> io::Result<()> {
    let kept = match read {
        Ok(kept) => kept,
        Err(why) => {
            put_aside(path, own, &why);
            return Ok(());
        }
    };
    let (claimed_at, deeds) = (kept.spooled.claimed_at, kept.deeds());
    match accepted(ledger, kept)? {
        Ok((session, Taken::In)) => {
            let told = deeds::Told {
                arrived: claimed_at,
                answered: claimed_at,
                permitted: true,
            };
            around.deeds.note(session, &deeds, told);
            fs::remove_file(path)?;
            forget(ledger, session);
        }
        Ok((session, Taken::TooLate)) => {
            put_aside(path, own, "its trace has gone on since it happened");
            forget(ledger, session);
        }
        Err(why) => {
            put_aside(path, own, &why);
        }
    }
    Ok(())
}

/// Says in its trace that something was told which hubs did not survive, where that is proved.
fn take_in_gap(ledger: &Ledger<Workspace>, gap: Kept) -> io::Result<()> {
    match accepted(ledger, gap)? {
        Ok((session, _)) => forget(ledger, session),
        Err(why) => tracing::warn!(why, "that a spooled record was not taken in is in no trace"),
    }
    Ok(())
}

/// What became of a record, once that is durable.
fn accepted(ledger: &Ledger<Workspace>, kept: Kept) -> io::Result<Result<(SessionId, Taken), String>> {
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
}

/// What waits, in the order in which it happened: names begin with when.
fn waiting(home: &Home) -> io::Result<Vec<PathBuf>> {
    let mut files: Vec<PathBuf> = match fs::read_dir(home.spool()) {
        Ok(entries) => entries
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == "json"))
            .collect(),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Vec::new(),
        Err(error) => return Err(error),
    };
    files.sort();
    Ok(files)
}

fn read(path: &Path) -> Result<SpoolFile, String> {
    let size = fs::symlink_metadata(path).map_err(|error| error.to_string())?;
    if !size.is_file() || size.len() > MAX_SPOOL_BYTES {
        return Err(format!("it is no file of at most {MAX_SPOOL_BYTES} bytes"));
    }
    let bytes = fs::read(path).map_err(|error| error.to_string())?;
    serde_json::from_slice(&bytes).map_err(|error| error.to_string())
}

/// Puts a file where a human finds it, under its own name or one like it that nothing there has, and says under which. What cannot
/// be put aside stays, and keeps nothing else waiting.
fn put_aside(path: &Path, own: &Path, why: &str) -> Option<PathBuf> {
    let aside = (|| {
        let (folder, name) = own.parent().zip(own.file_name())?;
        let refused = folder.join(REFUSED);
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&refused)
            .ok()?;
        let mut names = (0..1_000).map(|number| match number {
            0 => refused.join(name),
            more => refused.join(format!("{more}-{}", name.to_string_lossy())),
        });
        let free = names.find(|path| fs::symlink_metadata(path).is_err())?;
        fs::rename(path, &free).ok()?;
        Some(free)
    })();
    let shown = aside.as_ref().map(|aside| aside.display().to_string());
    tracing::warn!(path = %own.display(), why, aside = ?shown, "a spooled record was refused");
    aside
}

/// The same proofs as for a live request, at the time when the record says that it happened; the entry says that this
/// time is a claim. A record comes after everything that its trace has reached, so none is taken in twice, and none
/// once the session was closed.
fn accept(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    kept: &Kept,
) -> Result<(SessionId, Taken), String> {
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
    taken_in.map(|taken| (id, taken))
}

/// What was lent had to be good at that moment, and that moment is past.
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
    if caller.token.session().unix_millis() > spooled.claimed_at.unix_millis() {
        return Err("it says that it happened before its session began".to_owned());
    }
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

/// Whether a request that happened then was recorded: entries are never older than what they tell.
fn is_recorded(
    store: &Store,
    trace: TraceId,
    request: RequestId,
    happened: Timestamp,
) -> Result<bool, ReadError> {
    let chain = ChainId::Trace(trace);
    let request = request.to_string();
    let mut end = store.head(chain)?.map_or(0, |head| head.next_seq);
    while end > 0 {
        let from = end.saturating_sub(PAGE as u64);
        let page = store.entries(chain, from, PAGE)?;
        let newest_first = page.iter().rev().skip_while(|entry| entry.seq >= end);
        for entry in newest_first {
            if entry.refs.get("request") == Some(&request) {
                return Ok(true);
            }
            if entry.at < happened {
                return Ok(false);
            }
        }
        end = from;
    }
    Ok(false)
}

/// What became of a record that proved itself.
enum Taken {
    In,
    /// Only that there is such a record could be said: its place in the trace is past.
    TooLate,
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
    if session.answered(request).is_some() {
        return Ok(Taken::In);
    }
    if session.closed {
        return Err("its session has ended".to_owned());
    }
    let late = claimed_at <= session.reached;
    if late
        && is_recorded(draft.store(), caller.trace, request, claimed_at).map_err(|error| error.to_string())?
    {
        return Err("it is there already".to_owned());
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
        return Ok(Taken::TooLate);
    }
    let recorded = match (what, &kept.told) {
        (_, Some(told)) => {
            events::take_in(&mut scribe, told, &mut session.calls, claimed_at).and_then(|()| scribe.newest())
        }
        (Happened::Observed(observation), None) => scribe.observe(observation, Some(claimed_at)),
        (Happened::Told { .. }, None) => return Err("nobody read it".to_owned()),
    };
    let position = recorded.map_err(|error| error.to_string())?;
    session.went_on(claimed_at);
    session.remember(request, ReplyBody::Recorded(position));
    Ok(Taken::In)
}
