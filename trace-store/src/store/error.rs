//! What can be wrong with a store, each with the position where it shows.

use std::{error::Error, fmt, io, path::PathBuf};

use vocabulary::{Timestamp, WorkspaceId};

use crate::{ChainId, EntryHash, ParseError, TreeHash};

/// Why a store was not opened. Nothing was changed.
#[derive(Debug, thiserror::Error)]
pub enum OpenError {
    /// A file or folder could not be used.
    #[error("cannot use {}: {source}", path.display())]
    Io {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// Another process, or this one, has it open.
    #[error("{} is in use{}", dir.display(), pid.map_or_else(String::new, |pid| format!(" by process {pid}")))]
    Locked {
        /// The store's folder.
        dir: PathBuf,
        /// The process that wrote itself into the lock file.
        pid: Option<u32>,
    },
    /// The file is not a ledger, or its header is damaged.
    #[error("{} is not a ledger, or its first 64 bytes are damaged", path.display())]
    NotALedger {
        /// The file.
        path: PathBuf,
    },
    /// It was written by a newer program.
    #[error("{} has format version {found}, this program knows version {supported}; use a newer program", path.display())]
    Version {
        /// The file.
        path: PathBuf,
        /// Its version.
        found: u32,
        /// The version this program reads and writes.
        supported: u32,
    },
    /// It belongs to another workspace.
    #[error("{} is the ledger of {found} and not of {expected}", path.display())]
    Workspace {
        /// The file.
        path: PathBuf,
        /// The workspace that was asked for.
        expected: WorkspaceId,
        /// The workspace it belongs to.
        found: WorkspaceId,
    },
    /// The folder has an index without the ledger that it was made from.
    #[error("{} is missing, though there is an index of it", path.display())]
    LedgerMissing {
        /// The ledger file.
        path: PathBuf,
    },
    /// It cannot be read, or does not verify.
    #[error(transparent)]
    Read(#[from] ReadError),
    /// The state could not be rebuilt from it.
    #[error("the ledger holds, but the state cannot be rebuilt from it: {0}")]
    Fold(Box<dyn Error + Send + Sync>),
    /// The writer thread could not be started.
    #[error("cannot start the ledger's thread: {0}")]
    Thread(io::Error),
}

impl From<Broken> for OpenError {
    fn from(broken: Broken) -> Self {
        Self::Read(broken.into())
    }
}

/// Why something could not be read from a store.
#[derive(Debug, thiserror::Error)]
pub enum ReadError {
    /// The ledger file could not be read.
    #[error("cannot read {}: {source}", path.display())]
    Io {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// What was read does not verify.
    #[error(transparent)]
    Broken(#[from] Broken),
    /// The index cannot be read. It holds nothing that the ledger file does not: moved aside, it is
    /// rebuilt from that when the store is next opened.
    #[error("the index of the ledger cannot be used ({why}); move the folder {} aside to have it rebuilt", path.display())]
    Index {
        /// The index's folder.
        path: PathBuf,
        /// What is wrong with it.
        why: IndexFault,
    },
    /// There are not that many entries.
    #[error("there are {len} entries; {asked} was asked for")]
    Beyond {
        /// What was asked for.
        asked: u64,
        /// How many entries there are.
        len: u64,
    },
}

/// What is wrong with the index.
#[derive(Debug, thiserror::Error)]
pub enum IndexFault {
    /// sled reported an error.
    #[error("{0}")]
    Sled(#[from] sled::Error),
    /// sled panicked, as it does on some damaged files.
    #[error("its database gave up on a damaged file")]
    Panicked,
    /// A record in it is not of its form.
    #[error("a damaged record")]
    Record,
    /// It was closed after an error and could not be opened again.
    #[error("it was closed after an error")]
    Closed,
    /// It was made by another version, or for another workspace.
    #[error("it was made by another version or for another workspace")]
    Foreign,
}

/// Where in a store something is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Position {
    /// Byte in the ledger file.
    pub offset: u64,
    /// Global index of the entry.
    pub index: Option<u64>,
    /// Its chain.
    pub chain: Option<ChainId>,
    /// Its position in that chain.
    pub seq: Option<u64>,
}

impl Position {
    pub(crate) const fn at(offset: u64) -> Self {
        Self {
            offset,
            index: None,
            chain: None,
            seq: None,
        }
    }

    pub(crate) const fn index(self, index: u64) -> Self {
        Self {
            index: Some(index),
            ..self
        }
    }

    pub(crate) const fn entry(self, chain: ChainId, seq: u64) -> Self {
        Self {
            chain: Some(chain),
            seq: Some(seq),
            ..self
        }
    }
}

impl fmt::Display for Position {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let (Some(chain), Some(seq)) = (self.chain, self.seq) {
            write!(f, "entry {seq} of {chain}, ")?;
        }
        if let Some(index) = self.index {
            write!(f, "entry {index} of the ledger, ")?;
        }
        write!(f, "byte {}", self.offset)
    }
}

/// The ledger does not verify: where, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the ledger does not verify at {position}: {why}")]
pub struct Broken {
    /// The first place where it shows.
    pub position: Position,
    /// What is wrong there.
    pub why: Box<Why>,
}

impl Broken {
    pub(crate) fn new(position: Position, why: Why) -> Self {
        Self {
            position,
            why: Box::new(why),
        }
    }
}

/// What does not hold.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// The file ends before what it should contain.
    #[error("the file ends too early")]
    Cut,
    /// A frame's head or table is damaged.
    #[error("a damaged commit")]
    Frame,
    /// A frame's entries are not those that were written.
    #[error("a commit's entries are not those that were written")]
    Content,
    /// A frame does not start at the index where the one before ended.
    #[error("a commit starts at entry {found} where {expected} comes next")]
    Order {
        /// The index that comes next.
        expected: u64,
        /// The index that the frame starts at.
        found: u64,
    },
    /// An entry's bytes are not in the one form.
    #[error("{0}")]
    Entry(#[from] ParseError),
    /// Another entry is where this one should be.
    #[error("entry {found_seq} of {found} is there instead")]
    Misplaced {
        /// The chain of what is there.
        found: ChainId,
        /// Its position in that chain.
        found_seq: u64,
    },
    /// An entry does not name the hash of the one before it.
    #[error("it names {found} as the entry before it, which is {expected}")]
    Link {
        /// The hash of the entry before.
        expected: EntryHash,
        /// The hash that is named.
        found: EntryHash,
    },
    /// An entry is not the one that its chain's head, or the entry after it, names.
    #[error("it has the hash {found}, and what follows names {expected}")]
    Hash {
        /// The hash that is named.
        expected: EntryHash,
        /// The hash that its bytes have.
        found: EntryHash,
    },
    /// Time runs backwards.
    #[error("it is from {found}, before the entry before it at {before}")]
    Time {
        /// When the entry before was recorded.
        before: Timestamp,
        /// When this one says it was.
        found: Timestamp,
    },
    /// The Merkle root is not the one that was recorded.
    #[error("the Merkle root over all entries so far is {found}, and {expected} was recorded")]
    Root {
        /// The root that was recorded.
        expected: TreeHash,
        /// The root over what is there.
        found: TreeHash,
    },
    /// A body is not the one that its entry commits to.
    #[error("its body is not the one it commits to")]
    Body,
    /// An entry commits to a body and none is kept, or the reverse.
    #[error("it and what is kept beside it disagree on whether it has a body, or on its size")]
    BodySize,
    /// A chain ends elsewhere than the index says.
    #[error("the chain ends at {found} entries, and the index says {expected}")]
    End {
        /// What the index says.
        expected: u64,
        /// How many there are.
        found: u64,
    },
}
