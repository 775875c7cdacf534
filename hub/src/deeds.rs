//! What clients told that they change, and when: kept for as long as it takes to compare it with what lies on disk. It is never
//! written, so it may hold digests that a trace leaves out.

mod reach;

use std::{
    collections::VecDeque,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use blake3::Hash;
use capture::{Body, Change, FileEdited, Record};
use vocabulary::{SessionId, Timestamp};

pub(crate) use self::reach::Reach;
use crate::calls;

/// How many edits are remembered, of all sessions. Who comes back later learns that some were forgotten.
const MOST_EDITS: usize = 8_192;

/// How many calls are remembered, of all sessions.
const MOST_CALLS: usize = 2_048;

/// What an event says of what is changed.
#[derive(Debug, Clone)]
pub(crate) enum Deed {
    /// A tool is about to be used that may write there.
    Begun(Begun),
    /// A human is asked whether a tool may be used so.
    Asked(Hash),
    /// It was used, or came to nothing.
    Ended { call: String, how: End },
    /// It changed a file.
    Edited(Edited),
    /// An agent does nothing more: the first of the session, or the one of this name.
    Over(Option<String>),
    /// No agent of the session does anything more.
    AllOver,
}

/// A call that may write.
#[derive(Debug, Clone)]
pub(crate) struct Begun {
    pub(crate) call: String,
    /// By which agent within the session, where it is not the first.
    pub(crate) by: Option<String>,
    /// Of the tool and what it was given.
    pub(crate) what: Hash,
    pub(crate) reach: Arc<Reach>,
}

/// How a call came to its end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    /// A command that ended.
    Command,
    /// A command that goes on in the background.
    Background,
    /// Something else.
    Other,
    /// Nobody told: its agent had nothing more to do.
    Untold,
}

/// What a file is said to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Held {
    /// There is no file.
    Nothing,
    /// Something with this digest.
    Digest(Hash),
}

/// One file that a tool changed; what is not told is not there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edited {
    pub(crate) call: Option<String>,
    /// Absolute, without links.
    pub(crate) path: PathBuf,
    pub(crate) before: Option<Held>,
    pub(crate) after: Option<Held>,
}

/// An edit, and between which moments it was done.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Edit {
    pub(crate) session: SessionId,
    pub(crate) edited: Edited,
    pub(crate) begun: Option<Timestamp>,
    pub(crate) ended: Timestamp,
}

/// A call, and between which moments it was under way.
#[derive(Debug, Clone)]
pub(crate) struct Call {
    pub(crate) session: SessionId,
    pub(crate) begun: Begun,
    /// Whether a human was asked first: then it began nobody knows when.
    pub(crate) asked: bool,
    pub(crate) since: Timestamp,
    pub(crate) ended: Option<(Timestamp, End)>,
}

/// When something was told.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Told {
    /// When it came.
    pub(crate) arrived: Timestamp,
    /// When who told it was about to be answered, and not before.
    pub(crate) answered: Timestamp,
    /// Whether what it announces may happen.
    pub(crate) permitted: bool,
}

/// What was told since a moment.
#[derive(Debug, Default)]
pub(crate) struct Since {
    pub(crate) edits: Vec<Edit>,
    pub(crate) calls: Vec<Call>,
    /// From where to go on.
    pub(crate) next: u64,
    /// Until when calls were under way that are remembered no more.
    pub(crate) blurred: Option<Timestamp>,
}

/// All that is remembered.
#[derive(Debug, Default)]
pub(crate) struct Deeds(Mutex<Inner>);

#[derive(Debug, Default)]
struct Inner {
    edits: VecDeque<Edit>,
    /// How many edits were forgotten.
    forgotten: u64,
    calls: VecDeque<Call>,
    blurred: Option<Timestamp>,
}

impl Deed {
    /// Those of an event: of what is kept of it, before it is cleared of secrets, and of where it would write.
    pub(crate) fn of(records: &[Record], cwd: Option<&str>, reach: &Arc<Reach>) -> Vec<Self> {
        records
            .iter()
            .flat_map(|record| Self::of_record(record, cwd, reach))
            .collect()
    }

    fn of_record(record: &Record, cwd: Option<&str>, reach: &Arc<Reach>) -> Vec<Self> {
        let by = || record.by.as_ref().map(|by| by.id.clone());
        let ended = |how| {
            let call = record.call.clone();
            call.map(|call| Self::Ended { call, how }).into_iter().collect()
        };
        match (&record.body, &record.call) {
            (Body::ToolCalled(_), _) if reach.is_nothing() => Vec::new(),
            (Body::ToolCalled(used), Some(call)) => vec![Self::Begun(Begun {
                call: call.clone(),
                by: by(),
                what: calls::what(&used.tool, &used.arguments),
                reach: Arc::clone(reach),
            })],
            (Body::PermissionAsked(used), _) => {
                vec![Self::Asked(calls::what(&used.tool, &used.arguments))]
            }
            (Body::CommandRun(run), _) if run.background => ended(End::Background),
            (Body::CommandRun(_), _) => ended(End::Command),
            (
                Body::ToolReturned(_) | Body::ToolFailed(_) | Body::Ended(_) | Body::PermissionRefused(_),
                _,
            ) => ended(End::Other),
            (Body::FileEdited(edit), call) => {
                let cwd = cwd.map(Path::new);
                let edited = edits_of(edit, call.as_ref(), cwd).into_iter().map(Self::Edited);
                edited.chain(ended(End::Other)).collect()
            }
            // Not when more is said to it: it may be at work.
            (Body::TurnEnded(_), _) => vec![Self::Over(by())],
            (Body::TurnInterrupted(_) | Body::SessionEnded(_), _) => vec![Self::AllOver],
            // Begun again without having ended: it was killed.
            (Body::SessionStarted(begun), _) if begun.source.as_deref() != Some("compact") => {
                vec![Self::AllOver]
            }
            (Body::SubAgentStopped(step), _) => vec![Self::Over(Some(step.agent.id.clone()))],
            _ => Vec::new(),
        }
    }
}

/// What an edit says of each file that it names.
fn edits_of(edit: &FileEdited, call: Option<&String>, cwd: Option<&Path>) -> Vec<Edited> {
    let digest = |text: &Option<String>| {
        let hash = text.as_ref().and_then(|text| Hash::from_hex(text).ok());
        hash.map(Held::Digest)
    };
    let (before, after) = match edit.change {
        Change::Created => (Some(Held::Nothing), digest(&edit.after)),
        Change::Changed => (digest(&edit.before), digest(&edit.after)),
        Change::Deleted => (digest(&edit.before), Some(Held::Nothing)),
    };
    let at = |path: &str, before, after| {
        Some(Edited {
            call: call.cloned(),
            path: real(&cwd.unwrap_or_else(|| Path::new("")).join(path))?,
            before,
            after,
        })
    };
    let edits = match &edit.moved_to {
        None => [at(&edit.path, before, after), None],
        Some(to) => [at(&edit.path, before, Some(Held::Nothing)), at(to, None, after)],
    };
    edits.into_iter().flatten().collect()
}

/// Where a file lies without links. Of one that is gone, its folder says so; of a folder that is gone, its name.
fn real(path: &Path) -> Option<PathBuf> {
    if !path.is_absolute() {
        return None;
    }
    let named = || {
        let folder = path.parent()?.canonicalize().ok()?;
        Some(folder.join(path.file_name()?))
    };
    let real = path.canonicalize().ok().or_else(named);
    Some(real.unwrap_or_else(|| path.to_owned()))
}

impl Deeds {
    /// Takes note of what a session told.
    pub(crate) fn note(&self, session: SessionId, deeds: &[Deed], told: Told) {
        if deeds.is_empty() {
            return;
        }
        let mut inner = self.inner();
        for deed in deeds {
            inner.take(session, deed, told);
        }
    }

    /// From where to go on for who begins to look.
    pub(crate) fn next(&self) -> u64 {
        self.inner().next()
    }

    /// What was told since then; `None` where some of it is remembered no more.
    pub(crate) fn since(&self, from: u64) -> Option<Since> {
        let inner = self.inner();
        let skipped = usize::try_from(from.checked_sub(inner.forgotten)?).ok()?;
        Some(Since {
            edits: inner.edits.iter().skip(skipped).cloned().collect(),
            calls: inner.calls.iter().cloned().collect(),
            next: inner.next(),
            blurred: inner.blurred,
        })
    }

    /// Whether a session told of something that may write.
    pub(crate) fn wrote(&self, session: SessionId) -> bool {
        let inner = self.inner();
        let by_call = inner.calls.iter().any(|call| call.session == session);
        by_call || inner.edits.iter().any(|edit| edit.session == session)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn next(&self) -> u64 {
        self.forgotten + self.edits.len() as u64
    }

    fn take(&mut self, session: SessionId, deed: &Deed, told: Told) {
        match deed {
            Deed::Begun(begun) if told.permitted => self.begin(session, begun, told.answered),
            Deed::Begun(_) => {}
            Deed::Asked(what) => {
                let mut open = self.open(session);
                if let Some(call) = open.find(|call| call.begun.what == *what) {
                    call.asked = true;
                }
            }
            Deed::Ended { call, how } => {
                // What was untold may be told yet.
                let untold = |known: &&mut Call| {
                    let open = known.ended.is_none_or(|(_, how)| how == End::Untold);
                    known.session == session && open && known.begun.call == *call
                };
                if let Some(known) = self.calls.iter_mut().rev().find(untold) {
                    known.ended = Some((told.arrived, *how));
                }
            }
            Deed::Edited(edited) => self.edit(session, edited, told.arrived),
            Deed::AllOver => {
                for call in self.open(session) {
                    call.ended = Some((told.arrived, End::Untold));
                }
            }
            Deed::Over(by) => {
                for call in self.open(session).filter(|call| call.begun.by == *by) {
                    call.ended = Some((told.arrived, End::Untold));
                }
            }
        }
    }

    /// The calls of a session that nobody said to have ended, the newest first.
    fn open(&mut self, session: SessionId) -> impl Iterator<Item = &mut Call> {
        let calls = self.calls.iter_mut().rev();
        calls.filter(move |call| call.session == session && call.ended.is_none())
    }

    fn begin(&mut self, session: SessionId, begun: &Begun, since: Timestamp) {
        if self.calls.len() == MOST_CALLS
            && let Some(gone) = self.calls.pop_front()
        {
            // One that is still under way counts as if it had ended now.
            let until = match gone.ended {
                Some((at, how)) if how != End::Background => at,
                _ => since,
            };
            self.blurred = self.blurred.max(Some(until));
        }
        self.calls.push_back(Call {
            session,
            begun: begun.clone(),
            asked: false,
            since,
            ended: None,
        });
    }

    fn edit(&mut self, session: SessionId, edited: &Edited, ended: Timestamp) {
        let of_call =
            |call: &&Call| call.session == session && Some(&call.begun.call) == edited.call.as_ref();
        let begun = self.calls.iter().rev().find(of_call).map(|call| call.since);
        // A hook that asked again tells nothing new.
        let again =
            |known: &Edit| known.session == session && known.edited == *edited && known.edited.call.is_some();
        if self.edits.iter().rev().take(64).any(again) {
            return;
        }
        if self.edits.len() == MOST_EDITS {
            self.edits.pop_front();
            self.forgotten += 1;
        }
        self.edits.push_back(Edit {
            session,
            edited: edited.clone(),
            begun,
            ended,
        });
    }
}

#[cfg(test)]
mod tests;
