//! What a job appends, before it is durable.

use vocabulary::Timestamp;

use super::Entropy;
use crate::{
    ChainId, Entry, EntryHash, Head, NewEntry, ReadError, Salt, SaltedBody, Store,
    body::MAX_BODY_BYTES,
    entry::{self, MAX_ENTRY_BYTES, MAX_INTEGER},
    store::{Batch, Pending, Standing},
};

/// What a job has in hand while it runs: the ledger as it will be once this batch is durable.
pub struct Draft<'a> {
    pub(super) store: &'a Store,
    pub(super) batch: &'a mut Batch,
    pub(super) entropy: &'a mut Entropy,
    pub(super) now: Timestamp,
    /// How much of the batch is older jobs'.
    start: Mark,
    /// What this job's appends replaced among the batch's chains, oldest first.
    replaced: Vec<(ChainId, Option<Standing>)>,
}

#[derive(Debug, Clone, Copy)]
struct Mark {
    pending: usize,
    entries: usize,
    erasures: usize,
    body_bytes: usize,
}

/// Where an entry will be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Appended {
    /// Its global index.
    pub index: u64,
    /// Its position in its chain.
    pub seq: u64,
    /// Its hash.
    pub hash: EntryHash,
    /// When it was recorded.
    pub at: Timestamp,
}

/// Why an entry was not appended. What the job appended before stands, until [`Draft::abort`].
#[derive(Debug, thiserror::Error)]
pub enum AppendError {
    /// The body is too large.
    #[error("a body has {found} bytes; at most {MAX_BODY_BYTES} are allowed")]
    Body {
        /// How large it is.
        found: usize,
    },
    /// The entry is too large.
    #[error("an entry has {found} bytes; at most {MAX_ENTRY_BYTES} are allowed")]
    Entry {
        /// How large it is.
        found: usize,
    },
    /// The chain has as many entries as sequence numbers go.
    #[error("the chain {0} is full")]
    Full(ChainId),
    /// Too many entries for one commit.
    #[error("a request appends too many entries at once")]
    TooMany,
    /// The ledger cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Why a body was not erased.
#[derive(Debug, thiserror::Error)]
pub enum EraseError {
    /// There is no such entry yet.
    #[error("there is no entry {seq} in {chain}")]
    NoEntry {
        /// The chain.
        chain: ChainId,
        /// The position in it.
        seq: u64,
    },
    /// The entry never had a body.
    #[error("entry {seq} of {chain} has no body")]
    NoBody {
        /// The chain.
        chain: ChainId,
        /// The position in it.
        seq: u64,
    },
    /// The ledger cannot be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Most entries that one batch takes, a little below what a frame holds.
pub(super) const MAX_BATCH: usize = 60_000;

impl<'a> Draft<'a> {
    pub(super) fn new(
        store: &'a Store,
        batch: &'a mut Batch,
        entropy: &'a mut Entropy,
        now: Timestamp,
    ) -> Self {
        let start = Mark {
            pending: batch.pending.len(),
            entries: batch.entries.len(),
            erasures: batch.erasures.len(),
            body_bytes: batch.body_bytes,
        };
        Self {
            store,
            batch,
            entropy,
            now,
            start,
            replaced: Vec::new(),
        }
    }

    /// The ledger's clock, which never goes backwards: the same throughout a job, and the time of what it appends.
    #[must_use]
    pub const fn now(&self) -> Timestamp {
        self.now
    }

    /// What is durable; it does not show what this batch appended.
    #[must_use]
    pub const fn store(&self) -> &Store {
        self.store
    }

    /// Where a chain stands, with what this batch appended; `None` when it has no entries.
    ///
    /// # Errors
    /// [`ReadError`] when the index cannot be read.
    pub fn head(&self, chain: ChainId) -> Result<Option<Head>, ReadError> {
        Ok(self.standing(chain)?.map(|standing| standing.head))
    }

    fn standing(&self, chain: ChainId) -> Result<Option<Standing>, ReadError> {
        match self.batch.chains.get(&chain) {
            Some(standing) => Ok(Some(*standing)),
            None => self.store.standing(&chain),
        }
    }

    /// Appends an entry to a chain.
    ///
    /// # Errors
    /// [`AppendError`], and then nothing was appended; what the job appended before stands.
    pub fn append(&mut self, chain: impl Into<ChainId>, mut new: NewEntry) -> Result<Appended, AppendError> {
        let body = new.body.take().map(|bytes| {
            let mut salt = [0; Salt::LEN];
            (self.entropy)(&mut salt);
            SaltedBody::new(Salt::from_bytes(salt), bytes)
        });
        self.append_entry(chain.into(), new, body)
    }

    /// Appends an entry whose body was committed to beforehand, in place of `new.body`.
    ///
    /// # Errors
    /// As [`Draft::append`].
    pub fn append_salted(
        &mut self,
        chain: impl Into<ChainId>,
        new: NewEntry,
        body: SaltedBody,
    ) -> Result<Appended, AppendError> {
        self.append_entry(chain.into(), new, Some(body))
    }

    fn append_entry(
        &mut self,
        chain: ChainId,
        new: NewEntry,
        body: Option<SaltedBody>,
    ) -> Result<Appended, AppendError> {
        let size = body.as_ref().map(|body| body.bytes().len());
        if let Some(found) = size.filter(|&size| size > MAX_BODY_BYTES) {
            return Err(AppendError::Body { found });
        }
        if self.batch.pending.len() >= MAX_BATCH {
            return Err(AppendError::TooMany);
        }
        let (head, first_at) = match self.standing(chain)? {
            Some(standing) => (standing.head, standing.first_at),
            None => (Head::EMPTY, self.now),
        };
        if head.next_seq >= MAX_INTEGER {
            return Err(AppendError::Full(chain));
        }
        let entry = Entry {
            chain,
            seq: head.next_seq,
            prev: head.hash,
            at: self.now,
            kind: new.kind,
            on_behalf_of: new.on_behalf_of,
            via: new.via,
            delegation: new.delegation,
            refs: new.refs,
            body: body.as_ref().map(SaltedBody::claim),
        };
        let start = self.batch.entries.len();
        entry.write_to(&mut self.batch.entries);
        let bytes = self.batch.entries.get(start..).unwrap_or_default();
        if bytes.len() > MAX_ENTRY_BYTES {
            let found = bytes.len();
            self.batch.entries.truncate(start);
            return Err(AppendError::Entry { found });
        }
        let hash = entry::hash(bytes);
        let appended = Appended {
            index: self.store.len() + self.batch.pending.len() as u64,
            seq: entry.seq,
            hash,
            at: self.now,
        };
        let standing = Standing {
            head: Head {
                next_seq: entry.seq + 1,
                hash,
            },
            first_at,
            last_at: self.now,
        };
        self.replaced
            .push((chain, self.batch.chains.insert(chain, standing)));
        self.batch.body_bytes += body.as_ref().map_or(0, SaltedBody::stored_len);
        self.batch.pending.push(Pending {
            chain,
            seq: entry.seq,
            hash,
            at: self.now,
            first_at,
            entry_len: bytes.len() as u32,
            body,
        });
        Ok(appended)
    }

    /// Erases the body and the salt of a durable entry, together with this batch: afterwards the entry
    /// still verifies and its body reads as erased. Erasing twice is erasing once.
    ///
    /// # Errors
    /// [`EraseError`], and then nothing is erased.
    pub fn erase_body(&mut self, chain: impl Into<ChainId>, seq: u64) -> Result<(), EraseError> {
        let chain = chain.into();
        let stored = self
            .store
            .entry(chain, seq)?
            .ok_or(EraseError::NoEntry { chain, seq })?;
        if stored.entry.body.is_none() {
            return Err(EraseError::NoBody { chain, seq });
        }
        if !self.batch.erasures.contains(&stored.index) {
            self.batch.erasures.push(stored.index);
        }
        Ok(())
    }

    /// Whether this job has appended or erased something so far.
    #[must_use]
    pub const fn changes_something(&self) -> bool {
        self.batch.entries.len() > self.start.entries || self.batch.erasures.len() > self.start.erasures
    }

    /// Takes back everything that this job has appended and erased so far. The state that the job changed is
    /// the job's own to restore: check first, then change.
    pub fn abort(&mut self) {
        for (chain, before) in self.replaced.drain(..).rev() {
            match before {
                Some(standing) => self.batch.chains.insert(chain, standing),
                None => self.batch.chains.remove(&chain),
            };
        }
        self.batch.pending.truncate(self.start.pending);
        self.batch.entries.truncate(self.start.entries);
        self.batch.erasures.truncate(self.start.erasures);
        self.batch.body_bytes = self.start.body_bytes;
    }
}

impl std::fmt::Debug for Draft<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Draft")
            .field("store", &self.store)
            .field("now", &self.now)
            .finish_non_exhaustive()
    }
}
