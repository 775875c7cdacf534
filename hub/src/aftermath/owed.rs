//! What is owed to sessions that may outlive this hub: the newest moments that were not looked at yet, kept in the home, so that the
//! next hub does what a killed one did not come to.
//!
//! Who may come in: notes that a hub of this home wrote; what was changed, or put there by others, is not of its key. Each holds its
//! session's own token, for what is found is written under that: whoever holds no key of the session can do nothing with it.

use std::{
    fmt,
    fs::{self, DirBuilder, OpenOptions},
    io::{self, Write as _},
    os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
    time::SystemTime,
};

use protocol::Via;
use serde::{Deserialize, Serialize};
use vocabulary::SessionId;
use zeroize::Zeroizing;

use super::{Moment, When};
use crate::{dispatch::Caller, gating::place};

/// What the key of the notes is derived for.
const KEY_CONTEXT: &str = "auditotter 2026 owed looks key v1";

/// Of how many sessions notes are gone through at a hub's start; the others' go.
const MOST_NOTES: usize = 1_024;

/// How many agents of a session are waited for that came to their ends.
const MOST_AGENTS: usize = 32;

/// How often a hub begins to look, and does not come back, before that is left alone: what kills it would kill the next one too.
const MOST_TRIES: u8 = 3;

/// How a note's file is named.
const EXTENSION: &str = "json";

/// What says that a note is this home's.
pub(crate) struct OwedKey(Zeroizing<[u8; 32]>);

impl OwedKey {
    /// Follows from the hub's own.
    pub(crate) fn derive(seed: &[u8; 32]) -> Self {
        Self(Zeroizing::new(blake3::derive_key(KEY_CONTEXT, seed)))
    }

    /// Whether these bytes stand behind what says so of them. Compared in constant time.
    fn opens<'b>(&self, bytes: &'b [u8]) -> Option<&'b [u8]> {
        let end = bytes.iter().position(|byte| *byte == b'\n')?;
        let (shown, text) = (bytes.get(..end)?, bytes.get(end + 1..)?);
        let shown = blake3::Hash::from_hex(shown).ok()?;
        (self.over(text) == shown).then_some(text)
    }

    fn over(&self, text: &[u8]) -> blake3::Hash {
        blake3::keyed_hash(&self.0, text)
    }
}

impl fmt::Debug for OwedKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OwedKey(..)")
    }
}

/// What is owed to one session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Note {
    pub(super) session: SessionId,
    pub(super) token: String,
    pub(super) via: Via,
    /// The newest moment of the session itself: it began, went on, or came to its end.
    pub(super) newest: Option<Moment>,
    /// Whether the working tree was compared then.
    pub(super) compared: bool,
    /// The ends of agents that it started.
    pub(super) agents: Vec<Moment>,
    /// How often a hub has begun to look at it since one came back.
    tries: u8,
}

/// The notes of a home.
#[derive(Debug)]
pub(super) struct Owed {
    folder: PathBuf,
    key: std::sync::Arc<OwedKey>,
    /// Each note is read, changed and written by one at a time; and whose was begun last.
    alone: Mutex<Option<SessionId>>,
}

impl Owed {
    pub(super) fn of(folder: PathBuf, key: std::sync::Arc<OwedKey>) -> Self {
        Self {
            folder,
            key,
            alone: Mutex::default(),
        }
    }

    /// Takes note of a moment that is to be looked at, before whoever told it is answered: if this hub is killed first, it is told again.
    pub(super) fn note(&self, caller: &Caller, token: &str, moment: &Moment) {
        let session = caller.token.session();
        self.change(session, |note| {
            let mut note = note.unwrap_or_else(|| Note {
                session,
                token: String::new(),
                via: caller.via.clone(),
                newest: None,
                compared: false,
                agents: Vec::new(),
                tries: 0,
            });
            token.clone_into(&mut note.token);
            note.via = caller.via.clone();
            if moment.is_of_an_agent() {
                if moment.when != When::Begins {
                    let over = (note.agents.len() + 1).saturating_sub(MOST_AGENTS);
                    note.agents.drain(..over);
                    note.agents.push(moment.clone());
                }
            } else if note.newest.as_ref().is_none_or(|newest| newest.at <= moment.at) {
                let anew = note.newest.as_ref().is_some_and(Moment::is_anew);
                note.newest = Some(moment.clone().or_anew(anew));
                note.compared = false;
            }
            Some(note)
        });
    }

    /// The working tree was compared at a moment.
    pub(super) fn compared(&self, session: SessionId, moment: &Moment) {
        self.change(session, |note| {
            let mut note = note?;
            let same = note.newest.as_ref().is_some_and(|newest| newest.is(moment));
            // From a beginning on, more may change.
            note.compared |= same && moment.when != When::Begins;
            Some(note)
        });
    }

    /// A moment was looked at.
    pub(super) fn done(&self, session: SessionId, moment: &Moment) {
        self.change(session, |note| {
            let mut note = note?;
            note.tries = 0;
            if moment.is_of_an_agent() {
                note.agents.retain(|agent| !agent.is(moment));
            } else if note.newest.as_ref().is_some_and(|newest| newest.is(moment)) {
                if moment.when == When::SessionEnds {
                    return None;
                }
                note.newest = note.newest.map(Moment::looked_at);
            }
            Some(note)
        });
    }

    /// Nothing is owed to a session until it speaks again; unless it did since that moment.
    pub(super) fn settle(&self, session: SessionId, moment: &Moment) {
        self.change(session, |note| {
            note.filter(|note| {
                let same = note.newest.as_ref().is_some_and(|newest| newest.is(moment));
                !same || !note.agents.is_empty()
            })
        });
    }

    /// There is nobody under whose name anything of it could be written.
    pub(super) fn let_go(&self, session: SessionId) {
        self.change(session, |_| None);
    }

    /// The files of notes, of those that were written last first.
    pub(super) fn files(&self) -> Vec<PathBuf> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Vec::new(),
            Err(error) => {
                tracing::warn!(%error, folder = %self.folder.display(), "what is owed to sessions cannot be read");
                return Vec::new();
            }
        };
        let written = |path: &Path| fs::symlink_metadata(path).and_then(|about| about.modified());
        let mut files: Vec<(SystemTime, PathBuf)> = entries
            .filter_map(Result::ok)
            .map(|entry| entry.path())
            .filter(|path| path.extension().is_some_and(|extension| extension == EXTENSION))
            .map(|path| (written(&path).unwrap_or(SystemTime::UNIX_EPOCH), path))
            .collect();
        files.sort_by(|a, b| b.cmp(a));
        let too_many = files.split_off(files.len().min(MOST_NOTES));
        if !too_many.is_empty() {
            tracing::warn!(
                notes = too_many.len(),
                "more sessions are owed a look than are looked at"
            );
        }
        for (_, path) in too_many {
            let _ = fs::remove_file(path);
        }
        files.into_iter().map(|(_, path)| path).collect()
    }

    /// A note that is to be gone through now; before, it is noted that somebody tries. What is none of ours goes, as does what
    /// hubs did not survive.
    pub(super) fn begin(&self, path: &Path) -> Option<Note> {
        let mut alone = self.alone();
        let Some(mut note) = self.read(path).filter(|note| self.file(note.session) == path) else {
            tracing::warn!(path = %path.display(), "this is no note of this home's hub, and is removed");
            let _ = fs::remove_file(path);
            return None;
        };
        if note.tries >= MOST_TRIES {
            tracing::error!(session = %note.session, tries = note.tries, "hubs did not survive looking at this session; it is looked at when it speaks again");
            let _ = fs::remove_file(path);
            return None;
        }
        note.tries += 1;
        *alone = Some(note.session);
        let written = self.write(path, &note);
        drop(alone);
        match written {
            Ok(()) => Some(note),
            // Where it cannot be noted that somebody tries, it might be tried for ever.
            Err(error) => {
                tracing::warn!(%error, path = %path.display(), "a note cannot be written");
                None
            }
        }
    }

    /// This hub ends by itself: what it did not come to the end of is not what it did not survive.
    pub(super) fn came_back(&self) {
        let begun = *self.alone();
        if let Some(session) = begun {
            self.change(session, |note| note.map(|note| Note { tries: 0, ..note }));
        }
    }

    fn change(&self, session: SessionId, change: impl FnOnce(Option<Note>) -> Option<Note>) {
        let _alone = self.alone();
        let path = self.file(session);
        let before = self.read(&path);
        let after = change(before.clone());
        let written = match &after {
            Some(note) if before.as_ref() != Some(note) => self.write(&path, note),
            None if before.is_some() => fs::remove_file(&path),
            _ => Ok(()),
        };
        if let Err(error) = written {
            tracing::warn!(%error, path = %path.display(), "what is owed to a session was not noted");
        }
    }

    fn alone(&self) -> MutexGuard<'_, Option<SessionId>> {
        self.alone.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn file(&self, session: SessionId) -> PathBuf {
        self.folder.join(session.to_string()).with_extension(EXTENSION)
    }

    fn read(&self, path: &Path) -> Option<Note> {
        let bytes = place::read(path).ok()?;
        serde_json::from_slice(self.key.opens(&bytes)?).ok()
    }

    /// Appears whole or not at all. A machine that fails may forget it; a hub that is killed does not.
    fn write(&self, path: &Path, note: &Note) -> io::Result<()> {
        let text = serde_json::to_vec(note)?;
        let unfinished = path.with_extension("part");
        let write = || {
            let mut options = OpenOptions::new();
            options.write(true).create(true).truncate(true).mode(0o600);
            let mut file = options.open(&unfinished)?;
            file.write_all(format!("{}\n", self.key.over(&text).to_hex()).as_bytes())?;
            file.write_all(&text)?;
            fs::rename(&unfinished, path)
        };
        match write() {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                DirBuilder::new()
                    .recursive(true)
                    .mode(0o700)
                    .create(&self.folder)?;
                write()
            }
            written => written,
        }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use vocabulary::{Client, Timestamp};

    use super::*;

    fn owed() -> (Owed, tempfile::TempDir) {
        let folder = tempfile::tempdir().unwrap();
        let owed = Owed::of(folder.path().join("owed"), Arc::new(OwedKey::derive(&[7; 32])));
        (owed, folder)
    }

    fn note(number: u64) -> Note {
        Note {
            session: SessionId::new(number, [1; 10]),
            token: "token".to_owned(),
            via: Via {
                agent: "claude-code".to_owned(),
                version: String::new(),
                instance: "s1".to_owned(),
            },
            newest: Some(Moment {
                when: When::Begins,
                client: Client::ClaudeCode,
                cwd: Some("/home/alice/shop".into()),
                transcript: None,
                at: Timestamp::EPOCH,
            }),
            compared: false,
            agents: Vec::new(),
            tries: 0,
        }
    }

    fn written(owed: &Owed, note: &Note) -> PathBuf {
        owed.change(note.session, |_| Some(note.clone()));
        owed.file(note.session)
    }

    #[test]
    fn what_hubs_do_not_survive_is_tried_so_often_and_then_left_alone() {
        let (owed, _folder) = owed();
        let path = written(&owed, &note(1));
        for tries in 1..=MOST_TRIES {
            assert_eq!(owed.begin(&path).unwrap().tries, tries);
        }
        assert_eq!(owed.begin(&path), None);
        assert_eq!(owed.files(), Vec::<PathBuf>::new());
        // Whoever comes back is not counted.
        let path = written(&owed, &note(2));
        for time in 0..3 * MOST_TRIES {
            let begun = owed.begin(&path).unwrap();
            match time % 2 {
                0 => owed.done(begun.session, &begun.newest.unwrap()),
                _ => owed.came_back(),
            }
        }
    }

    #[test]
    fn what_no_hub_of_this_home_wrote_is_not_followed() {
        let (owed, _folder) = owed();
        let path = written(&owed, &note(1));
        let text = fs::read_to_string(&path).unwrap();
        let elsewhere = owed.file(note(2).session);
        for (path, text) in [
            (&path, text.replace("shop", "secrets")),
            (&path, text.replacen(|digit: char| digit.is_ascii_digit(), "", 1)),
            (&path, String::new()),
            (&path, "\n".to_owned()),
            (&path, text.lines().nth(1).unwrap().to_owned()),
            // That of another session.
            (&elsewhere, text.clone()),
        ] {
            fs::write(path, &text).unwrap();
            assert_eq!(owed.begin(path), None, "{text}");
            assert!(!path.exists(), "{text}");
        }
        let path = written(&owed, &note(1));
        let another = Owed::of(owed.folder, Arc::new(OwedKey::derive(&[8; 32])));
        assert_eq!(another.begin(&path), None, "it is of another key");
    }

    #[test]
    fn no_more_are_gone_through_than_so_many_and_those_are_the_newest() {
        let (owed, _folder) = owed();
        let most = u64::try_from(MOST_NOTES).unwrap();
        for number in 0..most + 3 {
            let path = written(&owed, &note(number));
            let at = SystemTime::UNIX_EPOCH + std::time::Duration::from_secs(number + 1);
            fs::File::open(&path).unwrap().set_modified(at).unwrap();
        }
        let files = owed.files();
        assert_eq!(files.len(), MOST_NOTES);
        assert_eq!(files[0], owed.file(note(most + 2).session));
        assert_eq!(fs::read_dir(&owed.folder).unwrap().count(), MOST_NOTES);
    }
}
