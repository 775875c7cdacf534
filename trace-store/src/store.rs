//! The store: all there is of a ledger on disk, and reading it.
//!
//! ```text
//! ledger      every commit, one frame after another: the truth
//! index/      sled: where each chain's entries are, in windows; can be rebuilt from the above
//! lock        held while open
//! ```
//!
//! Commits are appended to one file and not inserted into sled, because durability cannot be had from sled
//! 0.34 at an acceptable price. Its flush is `sync_file_range`, which does not make data durable, and with an
//! `fdatasync` after it a commit of 1.4 kB took 83 us where a plain file took 48; what is larger than a quarter of
//! a segment goes to files of its own that it never syncs; after an unclean death it reads its whole log again;
//! and what is deleted stays readable on disk, where erasing must erase.

mod append;
mod error;
mod file;
mod frame;
mod index;
mod read;
mod recover;
mod seal;
mod tail;
mod tree;
mod verify;

use std::{
    fs::{DirBuilder, File, TryLockError},
    io::{self, Read, Seek, Write},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard},
};

use vocabulary::{Timestamp, WorkspaceId};

pub(crate) use append::{Batch, CommitFailure, Pending};
pub use error::{Broken, IndexFault, OpenError, Position, ReadError, Why};
use file::LedgerFile;
pub(crate) use index::Standing;
use index::{Index, WINDOW};
pub use read::{ChainSummary, Stored};
use tail::Tail;
pub use verify::{ChainReport, LedgerReport};

/// A ledger on disk, open for reading what is durable. Cheap to clone; the folder stays locked until the
/// last clone is dropped. Writing is [`Ledger`](crate::Ledger)'s.
#[derive(Clone)]
pub struct Store(Arc<Shared>);

struct Shared {
    dir: PathBuf,
    workspace: WorkspaceId,
    file: LedgerFile,
    /// `None` after an error from which it could not be opened again.
    index: RwLock<Option<Index>>,
    tail: RwLock<Tail>,
    tree: Mutex<tree::Cache>,
    _lock: File,
}

impl Store {
    /// Opens the ledger in this folder, or makes an empty one.
    ///
    /// Whatever of the ledger the index does not cover yet is verified; [`Store::verify_all`] verifies everything.
    ///
    /// # Errors
    /// [`OpenError`] when another process has it, when it is another workspace's or from a newer program, and
    /// when it does not verify. Nothing is repaired by dropping: only a commit that was cut short, and so was
    /// never acknowledged, is moved aside into a file of its own.
    pub fn open(dir: &Path, workspace: WorkspaceId) -> Result<Self, OpenError> {
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(dir)
            .map_err(|source| OpenError::Io {
                path: dir.to_owned(),
                source,
            })?;
        let lock = lock(dir)?;
        let path = LedgerFile::path(dir);
        let exists = path.try_exists().map_err(|source| OpenError::Io {
            path: path.clone(),
            source,
        })?;
        if !exists {
            if Index::path(dir).exists() {
                return Err(OpenError::LedgerMissing { path });
            }
            LedgerFile::create(dir, workspace)?;
        }
        let file = LedgerFile::open(dir, workspace)?;
        let index = Index::open(dir, workspace)?;
        let tail = recover::recover(&file, &index)?;
        let store = Self(Arc::new(Shared {
            dir: dir.to_owned(),
            workspace,
            file,
            index: RwLock::new(Some(index)),
            tail: RwLock::new(tail),
            tree: Mutex::default(),
            _lock: lock,
        }));
        store.seal_full_windows()?;
        Ok(store)
    }

    /// The workspace that this ledger belongs to.
    #[must_use]
    pub fn workspace(&self) -> WorkspaceId {
        self.0.workspace
    }

    /// The folder it is in.
    #[must_use]
    pub fn dir(&self) -> &Path {
        &self.0.dir
    }

    /// How many entries there are, over all chains.
    #[must_use]
    pub fn len(&self) -> u64 {
        self.tail().len()
    }

    /// Whether there are no entries.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// When the last entry was recorded; the ledger's clock never goes below this.
    #[must_use]
    pub fn last_at(&self) -> Timestamp {
        self.tail().last_at
    }

    // A panic while one of these locks is held is a bug in this crate; what they guard is replaced in whole
    // steps, so that what a later holder finds is consistent.
    fn tail(&self) -> RwLockReadGuard<'_, Tail> {
        self.0.tail.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn tail_mut(&self) -> RwLockWriteGuard<'_, Tail> {
        self.0.tail.write().unwrap_or_else(PoisonError::into_inner)
    }

    fn with_index<T>(&self, action: impl FnOnce(&Index) -> Result<T, ReadError>) -> Result<T, ReadError> {
        let index = self.0.index.read().unwrap_or_else(PoisonError::into_inner);
        match &*index {
            Some(index) => action(index),
            None => Err(ReadError::Index {
                path: Index::path(&self.0.dir),
                why: IndexFault::Closed,
            }),
        }
    }
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Store")
            .field("dir", &self.0.dir)
            .field("workspace", &self.0.workspace)
            .finish_non_exhaustive()
    }
}

/// The frame of an entry that the index covers, and its place in that frame.
fn locate_sealed(index: &Index, entry: u64) -> Result<(u64, usize), ReadError> {
    let window = index.window(entry / WINDOW)?;
    window.locate(entry).ok_or_else(|| index.damaged())
}

/// Takes the folder's lock, or says who has it.
fn lock(dir: &Path) -> Result<File, OpenError> {
    let path = dir.join("lock");
    let io = |source: io::Error| OpenError::Io {
        path: path.clone(),
        source,
    };
    let mut file = File::options()
        .read(true)
        .write(true)
        .create(true)
        .truncate(false)
        .open(&path)
        .map_err(io)?;
    match file.try_lock() {
        Ok(()) => {}
        Err(TryLockError::WouldBlock) => {
            let mut holder = String::new();
            // Whoever holds it may not have written itself into it yet.
            let _ = file.read_to_string(&mut holder);
            return Err(OpenError::Locked {
                dir: dir.to_owned(),
                pid: holder.trim().parse().ok(),
            });
        }
        Err(TryLockError::Error(source)) => return Err(io(source)),
    }
    // The number is a courtesy to whoever finds the lock taken: on a full disk it may be missing.
    let _ = file
        .set_len(0)
        .and_then(|()| file.rewind())
        .and_then(|()| writeln!(file, "{}", std::process::id()));
    Ok(file)
}

#[cfg(test)]
mod tests;
