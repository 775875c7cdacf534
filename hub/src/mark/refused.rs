//! Stores that were refused: written down in the home, outside of any store, and recorded by the next hub that serves one.
//!
//! Whoever can write the home can remove the word or write another one, as with the mark: what it proves is no more than that.

use std::{
    fs::{self, File},
    io,
};

use protocol::home::Home;
use serde::{Deserialize, Serialize};
use trace_store::{ChainId, Draft, Ledger, Refs};
use vocabulary::Timestamp;

use super::{Mark, MarkError};
use crate::{
    kind::EntryKind,
    private,
    record::{self, By, RecordError},
    records::StoreRefused,
    workspace::Workspace,
};

/// How many different stores are told one by one: clients start a hub again and again.
const MOST: usize = 64;

/// A file of ours is far shorter.
const MOST_BYTES: u64 = 1 << 20;

/// What waits to be recorded.
#[derive(Debug, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Waiting {
    refused: Vec<StoreRefused>,
}

/// Writes down that a store was refused. Durable when this returns.
pub(super) fn note(home: &Home, mark: &Mark, found: &Mark, now: Timestamp) -> io::Result<()> {
    let mut waiting = read(home)?.unwrap_or_default();
    waiting.add(mark, found, now);
    private::write(&home.refused_stores(), &serde_json::to_vec(&waiting)?)?;
    File::open(home.path())?.sync_all()
}

/// Records what was refused since a store was served last. If the hub dies before the file is gone, it is recorded twice.
///
/// # Errors
/// [`MarkError`]: nobody serves a store and forgets what was refused.
pub(crate) fn record(home: &Home, ledger: &Ledger<Workspace>) -> Result<(), MarkError> {
    let shown = || home.refused_stores().display().to_string();
    let found = read(home).map_err(|error| MarkError::Unreadable(shown(), error.to_string()))?;
    let Some(waiting) = found else { return Ok(()) };
    let recorded = ledger.call(move |workspace, draft| {
        let appended = waiting.append(workspace, draft);
        if appended.is_err() {
            draft.abort();
        }
        appended
    });
    recorded
        .map_err(io::Error::other)
        .and_then(|appended| appended.map_err(io::Error::other))
        .map_err(MarkError::Unrecorded)?;
    fs::remove_file(home.refused_stores())
        .and_then(|()| File::open(home.path())?.sync_all())
        .map_err(|error| MarkError::Left(shown(), error))
}

impl Waiting {
    /// Whether a hub could have written it: so many stores, each with roots that are some, and refused at least once.
    fn is_as_written(&self) -> bool {
        let is_root = |root: &str| root.len() == 64 && root.bytes().all(|digit| digit.is_ascii_hexdigit());
        self.refused.len() <= MOST
            && self
                .refused
                .iter()
                .all(|one| is_root(&one.marked_root) && is_root(&one.found_root) && one.times > 0)
    }

    fn add(&mut self, mark: &Mark, found: &Mark, now: Timestamp) {
        let same = |before: &&mut StoreRefused| {
            (before.found, &before.found_root) == (found.size, &found.root)
                && (before.marked, &before.marked_root) == (mark.size, &mark.root)
        };
        if let Some(before) = self.refused.iter_mut().find(same) {
            before.last_at = before.last_at.max(now);
            before.times = before.times.saturating_add(1);
        } else if self.refused.len() < MOST {
            self.refused.push(StoreRefused {
                marked: mark.size,
                marked_root: mark.root.clone(),
                found: found.size,
                found_root: found.root.clone(),
                first_at: now,
                last_at: now,
                times: 1,
                unrecorded: 0,
            });
        } else if let Some(last) = self.refused.last_mut() {
            last.unrecorded = last.unrecorded.saturating_add(1);
        }
    }

    fn append(&self, workspace: &Workspace, draft: &mut Draft<'_>) -> Result<(), RecordError> {
        let chain = ChainId::Workspace(workspace.id);
        for refused in &self.refused {
            record::append(
                draft,
                chain,
                EntryKind::StoreRefused,
                By::default(),
                Refs::new(),
                refused,
            )?;
        }
        Ok(())
    }
}

fn read(home: &Home) -> io::Result<Option<Waiting>> {
    let Some(bytes) = private::read(&home.refused_stores(), MOST_BYTES)? else {
        return Ok(None);
    };
    let waiting: Waiting = serde_json::from_slice(&bytes)?;
    if !waiting.is_as_written() {
        return Err(io::Error::new(
            io::ErrorKind::InvalidData,
            "it says what no hub writes there",
        ));
    }
    Ok(Some(waiting))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mark(size: u64) -> Mark {
        Mark {
            size,
            root: format!("{size:064x}"),
        }
    }

    #[test]
    fn the_same_store_is_told_once_and_counted_and_ever_new_ones_are_bounded() {
        let at = |seconds: i64| Timestamp::EPOCH.saturating_add(time::Duration::seconds(seconds));
        let mut waiting = Waiting::default();
        for second in 0..3 {
            waiting.add(&mark(9), &mark(4), at(second));
        }
        let told = &waiting.refused[0];
        assert_eq!((told.times, told.first_at, told.last_at), (3, at(0), at(2)));
        for size in 0..1_000 {
            waiting.add(&mark(2_000), &mark(size), at(4));
        }
        let all: u64 = waiting
            .refused
            .iter()
            .map(|told| told.times + told.unrecorded)
            .sum();
        assert_eq!((waiting.refused.len(), all), (MOST, 1_003));
        assert!((serde_json::to_vec(&waiting).unwrap().len() as u64) < MOST_BYTES);
    }
}
