//! How far the ledger had come. Whoever puts an older copy of the store back would have what was taken back since count again,
//! and who was let go be a member again; beside the store lies a mark that such a copy does not reach.
//!
//! Whoever can write the home can put an older mark back as well: what shows that is a checkpoint kept elsewhere.
//!
//! A store that is refused cannot take the entry that says so. The word waits beside the mark, until a store is served again.

mod refused;

use std::{io, time::Duration};

use protocol::home::Home;
use serde::{Deserialize, Serialize};
use tokio::sync::watch;
use trace_store::{Ledger, ReadError, Store};

pub(crate) use self::refused::record as record_refused;
use crate::{clock, news::News, private, workspace::Workspace};

/// How often the mark moves at most.
const REST: Duration = Duration::from_secs(1);

/// A mark is far shorter.
const MOST_BYTES: u64 = 4 << 10;

/// A size of the ledger, and its root at that size, in hex.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Mark {
    size: u64,
    root: String,
}

/// Why a store is not taken for this home's.
#[derive(Debug, thiserror::Error)]
pub enum MarkError {
    /// An older copy, or another ledger.
    #[error(
        "the ledger in {store} is not the one that was here: it had {marked} entries, and this one {found}; somebody put an older copy or \
         another store in its place, and what was revoked since would count again. Put back the newest store. If the newest was lost and this \
         is your backup, revoke again what you revoked since, by removing {mark} and starting the hub"
    )]
    Older {
        /// Where the store is.
        store: String,
        /// Where the mark is.
        mark: String,
        /// How many entries there were.
        marked: u64,
        /// How many entries there are, or how many are the same.
        found: String,
    },
    /// The mark cannot be read.
    #[error("{0} is damaged: {1}; restore it from a backup of the home")]
    Damaged(String, String),
    /// What is to be recorded of a refused store cannot be read.
    #[error(
        "{0} says which stores were refused, is to be recorded, and cannot be read: {1}; look at it, then restore or remove it"
    )]
    Unreadable(String, String),
    /// What is to be recorded of a refused store was not.
    #[error("that a store was refused is not recorded: {0}")]
    Unrecorded(#[source] io::Error),
    /// The same, as its file is in the way.
    #[error("{0} cannot be removed after it was recorded: {1}")]
    Left(String, io::Error),
    /// The store cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

impl Mark {
    fn of(store: &Store, size: u64) -> Result<Self, ReadError> {
        let root = hex::encode(store.root(size)?.as_bytes());
        Ok(Self { size, root })
    }
}

/// Whether this store has come at least as far as it once had, by the same way.
pub(crate) fn check(home: &Home, store: &Store) -> Result<(), MarkError> {
    let path = home.mark();
    let shown = path.display().to_string();
    let bytes = match private::read(&path, MOST_BYTES) {
        Ok(Some(bytes)) => bytes,
        Ok(None) => return Ok(()),
        Err(error) => return Err(MarkError::Damaged(shown, error.to_string())),
    };
    let mark: Mark = serde_json::from_slice(&bytes)
        .map_err(|error| MarkError::Damaged(shown.clone(), error.to_string()))?;
    let older = |found: String| {
        // Refused it is either way.
        let noted = Mark::of(store, store.len())
            .map_err(io::Error::other)
            .and_then(|own| refused::note(home, &mark, &own, clock::now()));
        if let Err(error) = noted {
            tracing::error!(%error, "that this store is refused could not be written down, and will not be recorded");
        }
        MarkError::Older {
            store: home.store().display().to_string(),
            mark: shown,
            marked: mark.size,
            found,
        }
    };
    if store.len() < mark.size {
        return Err(older(format!("has {}", store.len())));
    }
    if Mark::of(store, mark.size)? != mark {
        return Err(older("has others".to_owned()));
    }
    Ok(())
}

/// Moves the mark to where the ledger is now.
pub(crate) fn set(home: &Home, store: &Store) -> io::Result<()> {
    let mark = Mark::of(store, store.len()).map_err(io::Error::other)?;
    let bytes = serde_json::to_vec(&mark).map_err(io::Error::other)?;
    private::write(&home.mark(), &bytes)
}

/// Moves the mark after whatever the workspace's own chain says anew, until the hub ends. Nobody else may move it until this
/// has returned.
pub(crate) async fn follow(
    home: Home,
    ledger: Ledger<Workspace>,
    news: News,
    mut closing: watch::Receiver<bool>,
) {
    let mut changes = news.changes();
    loop {
        tokio::select! {
            changed = changes.changed() => if changed.is_err() { return },
            _ = closing.wait_for(|closing| *closing) => return,
        }
        let (home, ledger) = (home.clone(), ledger.clone());
        let moved = tokio::task::spawn_blocking(move || set(&home, ledger.store())).await;
        if let Ok(Err(error)) = moved {
            tracing::error!(%error, "the mark beside the store did not move; it is tried again with the next change");
        }
        tokio::select! {
            () = tokio::time::sleep(REST) => {}
            _ = closing.wait_for(|closing| *closing) => return,
        }
    }
}
