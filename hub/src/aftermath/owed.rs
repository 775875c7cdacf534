//! What is owed to sessions that may outlive this hub: the newest moments that were not looked at yet, kept in the home, so that the
//! next hub does what a killed one did not come to.
//!
//! Who may come in: notes that a hub of this home wrote; what was changed, or put there by others, is not of its key. Each holds its
//! session's own token, for what is found is written under that: whoever holds no key of the session can do nothing with it. Whoever
//! can write the home can remove a note, or put an older one back.

mod key;
mod note;

use std::{
    collections::HashSet,
    fs::{self, DirBuilder},
    io,
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use rustix::io::Errno;
use vocabulary::{SessionId, Timestamp};

pub(crate) use self::key::OwedKey;
pub(super) use self::note::Note;
use super::{Moment, When};
use crate::{dispatch::Caller, private};

/// Of how many sessions notes are gone through at a hub's start; of the others it is said that nobody looked.
pub(super) const MOST_NOTES: usize = 1_024;

/// How often a hub begins to look, and does not come back, before that is left alone: what kills it would kill the next one too.
const MOST_TRIES: u8 = 3;

/// How a note's file is named.
const EXTENSION: &str = "json";

/// More than any note has: the longest paths of as many agents as are waited for.
const MOST_BYTES: u64 = 4 * 1024 * 1024;

/// A note that is to be gone through.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Begun {
    /// It is looked at.
    Look(Note),
    /// Hubs did not survive that, or there are too many: it is only said that nobody looked.
    Leave(Note),
}

impl Begun {
    pub(super) const fn note(&self) -> &Note {
        match self {
            Self::Look(note) | Self::Leave(note) => note,
        }
    }
}

/// The notes of a home.
#[derive(Debug)]
pub(super) struct Owed {
    folder: PathBuf,
    key: Arc<OwedKey>,
    /// Each note is read, changed and written by one at a time.
    alone: Mutex<()>,
    /// What this hub began to look at and has not come back from. No file is waited for while this is held.
    begun: Mutex<HashSet<SessionId>>,
}

impl Owed {
    pub(super) fn of(folder: PathBuf, key: Arc<OwedKey>) -> Self {
        Self {
            folder,
            key,
            alone: Mutex::default(),
            begun: Mutex::default(),
        }
    }

    /// Takes note of a moment that is to be looked at, before whoever told it is answered: if this hub is killed first, it is told again.
    pub(super) fn note(&self, caller: &Caller, token: &str, moment: &Moment) {
        self.change(caller.token.session(), |note| {
            let note = note.unwrap_or_else(|| Note::of(caller));
            Some(note.with(caller, token, moment))
        });
    }

    /// The working tree was compared at a moment.
    pub(super) fn compared(&self, session: SessionId, moment: &Moment) {
        // From a beginning on, more may change.
        if moment.when != When::Begins {
            self.said_unwatched(session, moment);
        }
    }

    /// It was said that nobody compared the working tree since a moment.
    pub(super) fn said_unwatched(&self, session: SessionId, moment: &Moment) {
        self.change(session, |note| {
            let mut note = note?;
            note.compared |= note.is_newest(moment);
            Some(note)
        });
    }

    /// It was said that nobody looked at the agents for which there was no room.
    pub(super) fn said_left_out(&self, session: SessionId) {
        self.change(session, |note| note?.without_left_out());
    }

    /// A moment was looked at. Says when the first agent ended for which there was no room, once all others were looked at.
    pub(super) fn done(&self, session: SessionId, moment: &Moment) -> Option<Timestamp> {
        let left = self.change(session, |note| note?.without(moment))?;
        left.left_out.filter(|_| left.agents.is_empty())
    }

    /// The newest moment of a note as it was begun, unless something was told since; and whether the working tree was compared then.
    pub(super) fn still_newest(&self, begun: &Note) -> Option<(Moment, bool)> {
        let _alone = self.alone();
        let note = self.read_now(&self.file(begun.session))?;
        let still = begun.newest.as_ref().is_some_and(|newest| note.is_newest(newest));
        Some((note.newest.filter(|_| still)?, note.compared))
    }

    /// Nothing is owed to a session until it speaks again; unless it did since that moment.
    pub(super) fn settle(&self, session: SessionId, moment: &Moment) {
        self.change(session, |note| {
            note.filter(|note| !note.is_newest(moment) || !note.agents.is_empty() || note.left_out.is_some())
        });
    }

    /// It was said of a note that nobody looked; unless something was told since, that is all.
    pub(super) fn left(&self, left: &Note) {
        self.change(left.session, |note| {
            note.filter(|note| (&note.newest, &note.agents) != (&left.newest, &left.agents))
                .map(Note::untried)
        });
    }

    /// There is nobody under whose name anything of it could be written.
    pub(super) fn let_go(&self, session: SessionId) {
        self.change(session, |_| None);
    }

    /// The sessions to which something is owed, those first that spoke last. What is no note of this home's hub is removed.
    pub(super) fn sessions(&self) -> Vec<SessionId> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                tracing::warn!(%error, folder = %self.folder.display(), "what is owed to sessions cannot be read");
                return Vec::new();
            }
        };
        let mut removed = 0_u64;
        let mut sessions = Vec::new();
        for path in entries.filter_map(Result::ok).map(|entry| entry.path()) {
            let _alone = self.alone();
            match self.read(&path) {
                Ok(Some(note)) => sessions.push((note.until(), note.session)),
                Ok(None) => removed += u64::from(fs::remove_file(&path).is_ok()),
                Err(error) => {
                    tracing::warn!(%error, path = %path.display(), "what is owed to a session cannot be read now");
                }
            }
        }
        if removed > 0 {
            tracing::warn!(removed, folder = %self.folder.display(), "what lay there was no note of this home's hub");
        }
        sessions.sort_by(|one, other| other.cmp(one));
        sessions.into_iter().map(|(_, session)| session).collect()
    }

    /// The note of a session that is to be looked at now; before, it is noted that somebody tries.
    pub(super) fn begin(&self, session: SessionId) -> Option<Begun> {
        let _alone = self.alone();
        let path = self.file(session);
        let mut note = self.read_now(&path)?;
        if note.tries >= MOST_TRIES {
            tracing::error!(%session, tries = note.tries, "hubs did not survive looking at this session; it is looked at when it speaks again");
            return Some(Begun::Leave(note));
        }
        note.tries += 1;
        self.begun().insert(session);
        match self.write(&path, &note) {
            Ok(()) => Some(Begun::Look(note)),
            // Where it cannot be noted that somebody tries, it might be tried for ever.
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "a note cannot be written");
                None
            }
        }
    }

    /// The note of a session that is not looked at, for too many others are.
    pub(super) fn leave(&self, session: SessionId) -> Option<Begun> {
        let _alone = self.alone();
        self.read_now(&self.file(session)).map(Begun::Leave)
    }

    /// This hub came back from looking at a session, whatever it found.
    pub(super) fn came_back(&self, session: SessionId) {
        self.begun().remove(&session);
        self.change(session, |note| note.map(Note::untried));
    }

    /// Looking at a session does not come to its end: if this hub ends before that does, it has not survived it.
    pub(super) fn hangs(&self, session: SessionId) {
        self.begun().remove(&session);
    }

    /// This hub ends by itself: what it did not come to the end of is not what it did not survive.
    pub(super) fn all_came_back(&self) {
        let begun = std::mem::take(&mut *self.begun());
        for session in begun {
            self.change(session, |note| note.map(Note::untried));
        }
    }

    /// Says what is noted then.
    fn change(&self, session: SessionId, change: impl FnOnce(Option<Note>) -> Option<Note>) -> Option<Note> {
        let _alone = self.alone();
        let path = self.file(session);
        let before = match self.read(&path) {
            Ok(before) => before,
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "what is owed to a session cannot be read now, and stays as it is");
                return None;
            }
        };
        let after = change(before.clone());
        let written = match &after {
            Some(note) if before.as_ref() != Some(note) => self.write(&path, note),
            None if before.is_some() => fs::remove_file(&path),
            _ => Ok(()),
        };
        if let Err(error) = written {
            tracing::warn!(%error, path = %path.display(), "what is owed to a session was not noted");
        }
        after
    }

    fn alone(&self) -> MutexGuard<'_, ()> {
        self.alone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn begun(&self) -> MutexGuard<'_, HashSet<SessionId>> {
        self.begun.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, session: SessionId) -> PathBuf {
        self.folder.join(session.to_string()).with_extension(EXTENSION)
    }

    /// The note that lies there, if it is this home's, and that of the session after which its file is named. Fails where nobody can
    /// say what lies there: then it stays.
    fn read(&self, path: &Path) -> io::Result<Option<Note>> {
        let bytes = match private::read(path, MOST_BYTES) {
            Err(error) if is_foreign(&error) => None,
            read => read?,
        };
        let note = bytes.and_then(|bytes| serde_json::from_slice(self.key.opens(&bytes)?).ok());
        Ok(note.filter(|note: &Note| self.file(note.session) == path))
    }

    /// The same, where nothing follows from a note that cannot be read now.
    fn read_now(&self, path: &Path) -> Option<Note> {
        self.read(path).unwrap_or_else(|error| {
            tracing::warn!(%error, path = %path.display(), "what is owed to a session cannot be read now");
            None
        })
    }

    /// Appears whole or not at all. A machine that fails may forget it; a hub that is killed does not.
    fn write(&self, path: &Path, note: &Note) -> io::Result<()> {
        let bytes = self.key.seal(&serde_json::to_vec(note)?);
        match private::write_quickly(path, &bytes) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(&self.folder)?;
                private::write_quickly(path, &bytes)
            }
            written => written,
        }
    }
}

/// Whether what lies there is no file that a hub wrote, however often it is read: not so where there is no room to open it now, or a
/// disk fails.
fn is_foreign(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::InvalidData | io::ErrorKind::PermissionDenied
    ) || [Errno::LOOP, Errno::NXIO]
        .map(Some)
        .contains(&Errno::from_io_error(error))
}

#[cfg(test)]
mod tests;
