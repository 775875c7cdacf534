//! The working tree, compared with the edits that were recorded: what changed of it otherwise is said.
//!
//! It is looked at when a session or a turn begins and when one ends. What is found when a turn begins changed while none was
//! under way: by a human, or by what the agent left running.

mod compare;
mod git;
mod snapshot;
mod tell;
mod walk;

use std::{
    collections::HashSet,
    fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use blake3::Hash;
use serde_json::Value;
use trace_store::{BodyState, ChainId, ReadError, Refs, Store};
use vocabulary::SessionId;

use self::{
    compare::{Compared, Given, compare, path_of},
    git::Git,
    snapshot::{Limits, Name, Snapshot},
    tell::{Contents, Entry, entries},
};
use super::{AftermathError, Eye, Moment, When};
use crate::{
    deeds::{Edit, Since},
    dispatch::Caller,
    gating::place,
    kind::EntryKind,
    record::RecordError,
    records::{CaptureGap, Unwatched},
};

/// Of how many sessions the trees are remembered.
const MOST_SESSIONS: usize = 32;

/// And how many files of all of them; one look remembers its own, however many others it makes the hub forget.
const MOST_FILES: usize = 300_000;

/// In how many repositories one session is watched.
const MOST_TREES: usize = 4;

/// How many changes are told of one look.
const MOST_CHANGES: usize = 500;

/// How many entries are written in one go: others wait for the writer too.
const AT_ONCE: usize = 50;

/// How many entries of a trace are searched for what was done before.
pub(super) const SEARCHED: u64 = 256;

/// The working trees as they were seen last, by session.
#[derive(Debug, Default)]
pub(super) struct Trees {
    known: Mutex<Vec<(SessionId, Watched)>>,
    limits: Limits,
}

/// What is watched of a session.
#[derive(Debug, Default)]
struct Watched {
    trees: Vec<Tree>,
    /// Folders that are not watched, as was said.
    said: HashSet<PathBuf>,
    /// What is to be said as soon as something may have been written.
    owed: Vec<(PathBuf, Unwatched)>,
    /// Whether a turn ended and none began since; more is also said to an agent that is at work.
    idle: bool,
}

/// One working tree.
#[derive(Debug)]
struct Tree {
    root: PathBuf,
    snapshot: Arc<Snapshot>,
    /// What decides outside of the tree which files are ignored.
    rules: Option<Hash>,
    /// From where to go on with what was told.
    next: u64,
    /// Edits of what may have been under way at the last look.
    pending: Vec<Edit>,
}

/// Compares the working trees of a session with what they were.
pub(super) fn look(eye: &Eye, caller: &Caller, moment: &Moment) -> Result<(), AftermathError> {
    let session = caller.token.session();
    let known = eye.trees.take(session);
    let is_new = known.is_none();
    let mut watched = known.unwrap_or_default();
    let between_turns = watched.idle && moment.when == When::Begins;
    watched.idle = moment.when != When::Begins;
    for tree in std::mem::take(&mut watched.trees) {
        let root = tree.root.clone();
        match tree.compared(eye, caller, moment, between_turns)? {
            Ok(tree) => watched.trees.push(tree),
            Err(why) => {
                watched.said.insert(root.clone());
                eye.say(caller, vec![gap(eye, &root, why)?])?;
            }
        }
    }
    let here = moment.cwd.as_deref().and_then(|cwd| cwd.canonicalize().ok());
    if let Some(here) = here {
        watched.begin(eye, caller, moment, &here, is_new)?;
    }
    if !watched.owed.is_empty() && eye.around.deeds.wrote(session) {
        let owed = std::mem::take(&mut watched.owed);
        let gaps: Result<_, _> = owed.iter().map(|(folder, why)| gap(eye, folder, *why)).collect();
        eye.say(caller, gaps?)?;
    }
    if moment.when != When::SessionEnds {
        eye.trees.keep(session, watched);
    }
    Ok(())
}

/// Says of a session that a hub left open, and that does not go on, that nobody compared what its working tree is with what it was.
pub(super) fn tell_unwatched(eye: &Eye, caller: &Caller, moment: &Moment) -> Result<(), AftermathError> {
    let here = moment.cwd.as_deref().and_then(|cwd| cwd.canonicalize().ok());
    let Some(root) = here.as_deref().and_then(root_of) else {
        return Ok(());
    };
    if eye.trees.knows(caller.token.session()) || is_untouched(eye, caller, moment, root)? {
        return Ok(());
    }
    eye.say(caller, vec![gap(eye, root, Unwatched::Forgotten)?])
}

/// The nearest folder with a repository of git's.
fn root_of(folder: &Path) -> Option<&Path> {
    let mut above = folder.ancestors();
    above.find(|folder| fs::symlink_metadata(folder.join(".git")).is_ok())
}

impl Watched {
    /// Begins to watch where the client works, if that is not done yet.
    fn begin(
        &mut self,
        eye: &Eye,
        caller: &Caller,
        moment: &Moment,
        here: &Path,
        is_new: bool,
    ) -> Result<(), AftermathError> {
        let root = root_of(here);
        let folder = root.unwrap_or(here);
        if self.trees.iter().any(|tree| tree.root == folder) {
            return Ok(());
        }
        let begun = match root {
            None => Err(Unwatched::NoRepository),
            Some(_) if self.trees.len() == MOST_TREES => Err(Unwatched::TooManyFolders),
            Some(root) => Tree::begun(eye, root),
        };
        match begun {
            Ok(tree) => {
                let files = tree.snapshot.files.len();
                let took = tree
                    .snapshot
                    .until
                    .since(tree.snapshot.since)
                    .whole_milliseconds();
                tracing::info!(trace = %caller.trace, files, took, "a working tree is watched");
                self.trees.push(tree);
                let owed = self.owed.len();
                self.owed.retain(|(owed, _)| owed != folder);
                let owed = self.owed.len() < owed;
                if self.said.remove(folder) && !(owed && eye.around.deeds.wrote(caller.token.session())) {
                    // That nobody watched until now was said, or nothing was done until now.
                    return Ok(());
                }
                let why = if !is_new {
                    Unwatched::BeganLate
                } else if is_untouched(eye, caller, moment, folder)? {
                    return Ok(());
                } else {
                    Unwatched::Forgotten
                };
                eye.say(caller, vec![gap(eye, folder, why)?])
            }
            Err(why) => {
                if self.said.insert(folder.to_owned()) {
                    self.owed.push((folder.to_owned(), why));
                }
                Ok(())
            }
        }
    }
}

/// Whether nothing was done in this session before this moment, or since it ended the last time, or since it was said that
/// a folder was not watched.
fn is_untouched(eye: &Eye, caller: &Caller, moment: &Moment, folder: &Path) -> Result<bool, AftermathError> {
    let (chain, at) = (ChainId::Trace(caller.trace), moment.at);
    let (_, said) = gap(eye, folder, Unwatched::Forgotten)?;
    let searched = eye.ledger.call(move |_, draft| {
        let store = draft.store();
        let Some(head) = store.head(chain)? else {
            return Ok(true);
        };
        let mut from = head.next_seq.saturating_sub(SEARCHED);
        let mut untouched = from == 0;
        loop {
            let page = store.entries(chain, from, 64)?;
            let Some(last) = page.last() else { break };
            from = last.seq + 1;
            for entry in &page {
                let kind = entry.kind.as_str().parse();
                // That is said after the moment that it is about.
                if matches!(kind, Ok(EntryKind::CaptureGap)) {
                    untouched |= says(store, entry, &said.body)?;
                }
                if entry.at >= at {
                    continue;
                }
                match kind {
                    Ok(EntryKind::SessionEnded) => untouched = true,
                    Ok(
                        EntryKind::ToolCalled
                        | EntryKind::ToolReturned
                        | EntryKind::ToolFailed
                        | EntryKind::FileEdited
                        | EntryKind::CommandRun,
                    ) => untouched = false,
                    _ => {}
                }
            }
        }
        Ok(untouched)
    })?;
    searched.map_err(AftermathError::Read)
}

/// Whether an entry's body is this one.
pub(super) fn says(store: &Store, entry: &trace_store::Entry, body: &Value) -> Result<bool, ReadError> {
    let stored = store.entry(entry.chain, entry.seq)?;
    Ok(match stored.map(|stored| stored.body) {
        Some(BodyState::Present(bytes)) => {
            serde_json::from_slice::<Value>(&bytes).is_ok_and(|said| said == *body)
        }
        _ => false,
    })
}

impl Tree {
    /// A tree as it is now.
    fn begun(eye: &Eye, root: &Path) -> Result<Self, Unwatched> {
        let next = eye.around.deeds.next();
        let git = Git::at(root)?;
        let rules = rules_of(root);
        let other = eye.trees.of(root);
        let (snapshot, _) = Snapshot::take(root, &git, other.as_deref(), &eye.trees.limits)?;
        Ok(Self {
            root: root.to_owned(),
            snapshot: Arc::new(snapshot),
            rules,
            next,
            pending: Vec::new(),
        })
    }

    /// The same tree as it is now, when it was told what changed of it; or why that cannot be told.
    fn compared(
        self,
        eye: &Eye,
        caller: &Caller,
        moment: &Moment,
        between_turns: bool,
    ) -> Result<Result<Self, Unwatched>, AftermathError> {
        let Self {
            root,
            snapshot: before,
            rules,
            next,
            pending,
        } = self;
        let limits = &eye.trees.limits;
        let taken = Git::at(&root).and_then(|git| {
            let rules = rules_of(&root);
            let (now, fresh) = Snapshot::take(&root, &git, Some(&before), limits)?;
            // After the look: what was told meanwhile is known then.
            let since = eye.around.deeds.since(next).ok_or(Unwatched::TooMuchTold)?;
            Ok((git, rules, now, fresh, since))
        });
        let (git, rules_now, mut now, fresh, since) = match taken {
            Ok(taken) => taken,
            Err(why) => return Ok(Err(why)),
        };
        let Since {
            edits: told,
            calls,
            next,
            blurred,
        } = since;
        let last = moment.when == When::SessionEnds;
        let here = told
            .into_iter()
            .filter(|edit| edit.edited.path.starts_with(&root));
        let edits: Vec<Edit> = pending.into_iter().chain(here).collect();
        // What began after the look is for the next one.
        let (edits, after): (Vec<Edit>, Vec<Edit>) = edits
            .into_iter()
            .partition(|edit| last || edit.begun.unwrap_or(edit.ended) <= now.until);
        let took = now.until.since(now.since).whole_milliseconds();
        tracing::debug!(trace = %caller.trace, files = now.files.len(), took, "a working tree was looked at");
        let Compared { mut changes, later } = compare(Given {
            root: &root,
            session: caller.token.session(),
            before: &before,
            now: &now,
            edits: &edits,
            calls: &calls,
            blurred,
            last,
        });
        let left_out = changes.len().saturating_sub(MOST_CHANGES);
        changes.truncate(MOST_CHANGES);
        let contents = Contents::of(&changes, &before, &fresh, &git, limits);
        let mut all: Vec<Told> = entries(&changes, &contents, &eye.around, &root, between_turns)?
            .into_iter()
            .map(|entry| (EntryKind::FileChanged, entry))
            .collect();
        if left_out > 0 {
            let changes = left_out as u64;
            all.push(entry_of(&CaptureGap::LeftOut { changes })?);
        }
        if rules_now != rules {
            all.push(gap(eye, &root, Unwatched::RulesChanged)?);
        }
        eye.say(caller, all)?;
        let pending = still_pending(&root, &edits, &later, &before, &now)
            .chain(after)
            .collect();
        now.keep(&later, &before);
        Ok(Ok(Self {
            root,
            snapshot: Arc::new(now),
            rules: rules_now,
            next,
            pending,
        }))
    }
}

/// The edits that the next look needs: of what may be under way, and of what a look came too early for.
fn still_pending<'e>(
    root: &Path,
    edits: &'e [Edit],
    later: &[Name],
    before: &'e Snapshot,
    now: &'e Snapshot,
) -> impl Iterator<Item = Edit> + use<'e> {
    let later: HashSet<PathBuf> = later.iter().map(|name| path_of(root, name)).collect();
    let seen: HashSet<PathBuf> = if edits.is_empty() {
        HashSet::new()
    } else {
        let names = before.files.keys().chain(now.files.keys());
        names.map(|name| path_of(root, name)).collect()
    };
    let needed = move |edit: &&Edit| {
        let path = &edit.edited.path;
        later.contains(path) || (!seen.contains(path) && edit.ended >= now.since)
    };
    edits.iter().filter(needed).cloned()
}

/// What git takes from outside of the tree to say which files are ignored, as far as the repository has it: whoever changes
/// that hides new files, and no file of the tree shows it.
fn rules_of(root: &Path) -> Option<Hash> {
    let folder = place::git_folder(root)?;
    // What is there and is not read here, git may read all the same.
    let read = |name: &str| match place::read(&folder.join(name)) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => b"path = unreadable".to_vec(),
        read => read.unwrap_or_default(),
    };
    let mut hasher = blake3::Hasher::new();
    hasher.update(&read("info/exclude"));
    for name in ["config", "config.worktree"] {
        for line in read(name).split(|byte| *byte == b'\n') {
            let line = String::from_utf8_lossy(line).to_ascii_lowercase();
            let says = ["excludesfile", "[include", "worktreeconfig"];
            if says.iter().any(|word| line.contains(word)) || line.trim().starts_with("path") {
                hasher.update(b"\n").update(line.trim().as_bytes());
            }
        }
    }
    Some(hasher.finalize())
}

type Told = (EntryKind, Entry);

fn entry_of(gap: &CaptureGap) -> Result<Told, AftermathError> {
    let body = serde_json::to_value(gap).map_err(RecordError::from)?;
    let refs = Refs::new();
    Ok((EntryKind::CaptureGap, Entry { refs, body }))
}

fn gap(eye: &Eye, folder: &Path, why: Unwatched) -> Result<Told, AftermathError> {
    let (kind, mut entry) = entry_of(&CaptureGap::Unwatched {
        folder: folder.to_string_lossy().into_owned(),
        why,
    })?;
    eye.around.clear(&mut entry.body, folder.to_str());
    Ok((kind, entry))
}

impl Eye {
    /// Writes entries, some at a time.
    fn say(&self, caller: &Caller, all: Vec<Told>) -> Result<(), AftermathError> {
        let mut all = all.into_iter();
        loop {
            let some: Vec<Told> = all.by_ref().take(AT_ONCE).collect();
            if some.is_empty() {
                return Ok(());
            }
            self.write(caller, move |_, scribe| {
                for (kind, Entry { refs, body }) in some {
                    let _: &Value = &body;
                    scribe.write(kind, refs, &body)?;
                }
                Ok(())
            })?;
        }
    }
}

impl Trees {
    fn known(&self) -> MutexGuard<'_, Vec<(SessionId, Watched)>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Whether a session is watched.
    pub(super) fn knows(&self, session: SessionId) -> bool {
        self.known().iter().any(|(of, _)| *of == session)
    }

    fn take(&self, session: SessionId) -> Option<Watched> {
        let mut known = self.known();
        let place = known.iter().position(|(of, _)| *of == session)?;
        Some(known.remove(place).1)
    }

    /// Keeps a session's, and lets go of those that were not looked at for longest.
    fn keep(&self, session: SessionId, watched: Watched) {
        let files = |watched: &Watched| {
            let trees = watched.trees.iter();
            trees.map(|tree| tree.snapshot.files.len()).sum::<usize>()
        };
        let mut known = self.known();
        known.push((session, watched));
        let mut all: usize = known.iter().map(|(_, watched)| files(watched)).sum();
        while known.len() > MOST_SESSIONS || (all > MOST_FILES && known.len() > 1) {
            all -= files(&known.remove(0).1);
        }
    }

    /// The same tree, as another session saw it last: what has not changed since need not be read again.
    fn of(&self, root: &Path) -> Option<Arc<Snapshot>> {
        let known = self.known();
        let mut trees = known.iter().rev().flat_map(|(_, watched)| &watched.trees);
        let tree = trees.find(|tree| tree.root == root)?;
        Some(Arc::clone(&tree.snapshot))
    }
}
