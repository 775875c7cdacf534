//! What changed of a working tree that no recorded edit explains. Nothing here looks at a disk or a clock.

use std::{
    collections::HashMap,
    ffi::OsStr,
    os::unix::ffi::OsStrExt as _,
    path::{Path, PathBuf},
};

use blake3::Hash;
use time::Duration;
use vocabulary::{SessionId, Timestamp};

use super::snapshot::{Holds, Name, Seen, Snapshot};
use crate::deeds::{Call, Edit, End, Held};

/// How much earlier than it was a change may be dated: file systems are told the time a hundred times a second or oftener.
const TICK: Duration = Duration::milliseconds(10);

/// What is compared, and for whom.
#[derive(Debug, Clone, Copy)]
pub(super) struct Given<'g> {
    pub(super) root: &'g Path,
    pub(super) session: SessionId,
    pub(super) before: &'g Snapshot,
    pub(super) now: &'g Snapshot,
    /// The edits of files in this tree since then, whoever's, in their order.
    pub(super) edits: &'g [Edit],
    pub(super) calls: &'g [Call],
    /// Until when calls were under way that are remembered no more.
    pub(super) blurred: Option<Timestamp>,
    /// Whether there will be another look.
    pub(super) last: bool,
}

/// What was found.
#[derive(Debug, Default)]
pub(super) struct Compared {
    pub(super) changes: Vec<Unexplained>,
    /// What may be under way: it stays as it was until the next look.
    pub(super) later: Vec<Name>,
}

/// A change that nobody told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Unexplained {
    pub(super) name: Name,
    /// What was there.
    pub(super) before: State,
    /// What was there then.
    pub(super) after: State,
    /// Whether it can be run now, where that changed.
    pub(super) executable: Option<bool>,
    /// The call that did it, where that is certain.
    pub(super) call: Option<Followed>,
}

/// A call that a change followed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Followed {
    pub(super) call: String,
    pub(super) by: Option<String>,
}

/// What is known of what was at a path.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum State {
    Nothing,
    /// As it was seen.
    Seen(Seen),
    /// As a client told.
    Told(Hash),
    /// Something that nobody told.
    Untold,
}

impl State {
    pub(super) fn digest(&self) -> Option<Hash> {
        match self {
            Self::Seen(seen) => seen.digest(),
            Self::Told(digest) => Some(*digest),
            Self::Nothing | Self::Untold => None,
        }
    }

    fn of(seen: Option<&Seen>) -> Self {
        seen.map_or(Self::Nothing, |seen| Self::Seen(seen.clone()))
    }

    fn told(held: Option<Held>) -> Self {
        match held {
            None => Self::Untold,
            Some(Held::Nothing) => Self::Nothing,
            Some(Held::Digest(digest)) => Self::Told(digest),
        }
    }

    /// Whether it is what an edit says it began with; yes, where it says nothing.
    fn begins(&self, before: Option<Held>) -> bool {
        match (self, before) {
            (_, None) | (Self::Untold, _) | (Self::Nothing, Some(Held::Nothing)) => true,
            (Self::Nothing, Some(Held::Digest(_))) | (Self::Told(_), Some(Held::Nothing)) => false,
            // A new file takes the place of what is no file that a client could read.
            (Self::Seen(seen), Some(Held::Nothing)) => !matches!(seen.holds, Holds::File(_)),
            (Self::Told(one), Some(Held::Digest(other))) => *one == other,
            (Self::Seen(seen), Some(Held::Digest(digest))) => {
                seen.is_told_as(digest) || seen.digest().is_none()
            }
        }
    }
}

/// Compares what was with what is.
pub(super) fn compare(given: Given<'_>) -> Compared {
    let mut edits: HashMap<&Path, Vec<&Edit>> = HashMap::new();
    for edit in given.edits {
        edits.entry(&edit.edited.path).or_default().push(edit);
    }
    let mut names: Vec<&Name> = given.before.files.keys().chain(given.now.files.keys()).collect();
    names.sort_unstable();
    names.dedup();
    let mut found = Compared::default();
    for name in names {
        let path = path_of(given.root, name);
        let edits = edits.get(&*path).map(Vec::as_slice).unwrap_or_default();
        if edits.is_empty() && alike(given.before.files.get(name), given.now.files.get(name)) {
            continue;
        }
        if !given.last && may_be_under_way(&given, &path) {
            found.later.push(name.clone());
            continue;
        }
        follow(&given, name, &path, edits, &mut found.changes);
    }
    tell_of_moves(&mut found.changes);
    found
}

/// The path of a file of the tree.
pub(super) fn path_of(root: &Path, name: &[u8]) -> PathBuf {
    root.join(OsStr::from_bytes(name))
}

fn alike(before: Option<&Seen>, now: Option<&Seen>) -> bool {
    match (before, now) {
        (Some(before), Some(now)) => before.is_like(now),
        (before, now) => before.is_none() && now.is_none(),
    }
}

/// Whether a call may write a file while it is looked at, or did so and nobody heard of it yet. What another session calls counts
/// where it names the file.
fn may_be_under_way(given: &Given<'_>, path: &Path) -> bool {
    given.calls.iter().any(|call| {
        let over = call.ended.is_some_and(|(at, _)| at < given.now.since);
        let reach = &call.begun.reach;
        let reaches = (call.session == given.session && reach.may_write(path)) || reach.names(path);
        !over && call.since <= given.now.until && reaches
    })
}

/// Goes from what was, from edit to edit, to what is.
fn follow(given: &Given<'_>, name: &Name, path: &Path, edits: &[&Edit], changes: &mut Vec<Unexplained>) {
    let (first, now) = (given.before.files.get(name), given.now.files.get(name));
    let mut state = State::of(first);
    for edit in edits {
        let begins = state.begins(edit.edited.before);
        // It was under way when the tree was looked at before, and was seen then.
        let seen = edit.begun.unwrap_or(edit.ended) <= given.before.until
            && matches!((&state, edit.edited.after), (State::Seen(seen), Some(Held::Digest(after))) if seen.is_told_as(after));
        if !begins && seen {
            continue;
        }
        if !begins {
            changes.push(Unexplained {
                name: name.clone(),
                before: state,
                after: State::told(edit.edited.before),
                executable: None,
                call: None,
            });
        }
        state = State::told(edit.edited.after);
    }
    // An edit makes nothing executable, nor the other way round.
    let executable = now
        .map(Seen::executable)
        .filter(|executable| first.is_some_and(Seen::executable) != *executable);
    let told = |now: &Seen| edits.last().is_some_and(|edit| did_it(edit, now));
    let explained = match (&state, now) {
        (State::Nothing, None) => true,
        (State::Seen(seen), Some(now)) => seen.is_like(now),
        (State::Told(digest), Some(now)) => now.is_told_as(*digest) || (now.digest().is_none() && told(now)),
        (State::Untold, Some(now)) => told(now),
        (State::Nothing, Some(_)) | (_, None) => false,
    };
    if !explained || executable.is_some() {
        changes.push(Unexplained {
            name: name.clone(),
            before: state,
            after: State::of(now),
            executable,
            call: now.and_then(|now| whose(given, path, now)),
        });
    }
}

/// Whether it was within an edit that a file changed last, where the edit does not tell what it made of it.
fn did_it(edit: &Edit, now: &Seen) -> bool {
    now.changed().is_some_and(|changed| {
        let since = edit
            .begun
            .is_none_or(|begun| begun <= changed.saturating_add(TICK));
        since && changed <= edit.ended
    })
}

/// The call by which a file was changed last: the only one that may have been under way then and may write it, if it is a
/// command of this session that surely was. A file may be dated a tick too early, so what changed right after a command's end, or
/// right before its beginning, is not told apart from it.
fn whose(given: &Given<'_>, path: &Path, now: &Seen) -> Option<Followed> {
    let dated = now.changed()?;
    let latest = dated.saturating_add(TICK);
    if given.blurred.is_some_and(|until| dated <= until) {
        return None;
    }
    let may_be = |call: &&Call| {
        let over = call
            .ended
            .is_some_and(|(at, how)| how != End::Background && at < dated);
        call.since <= latest && !over && call.begun.reach.may_write(path)
    };
    let mut calls = given.calls.iter().filter(may_be);
    let only = calls.next().filter(|_| calls.next().is_none())?;
    let was = only.since <= dated && matches!(only.ended, Some((at, End::Command)) if latest <= at);
    let certain = was && only.session == given.session && !only.asked;
    certain.then(|| Followed {
        call: only.begun.call.clone(),
        by: only.begun.by.clone(),
    })
}

/// What is gone from one place and lies in another, the very same file, was moved by whoever changed it last.
fn tell_of_moves(changes: &mut [Unexplained]) {
    let same = |seen: &Seen| {
        let mark = seen.mark.as_ref()?;
        Some((mark.device, mark.inode, seen.digest()?))
    };
    let moved: HashMap<_, _> = changes
        .iter()
        .filter_map(|change| match (&change.before, &change.after) {
            (State::Nothing, State::Seen(seen)) => Some((same(seen)?, change.call.clone()?)),
            _ => None,
        })
        .collect();
    for change in changes {
        if let (State::Seen(seen), State::Nothing) = (&change.before, &change.after) {
            change.call = same(seen).and_then(|file| moved.get(&file).cloned());
        }
    }
}

#[cfg(test)]
mod tests;
