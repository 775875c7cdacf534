//! Committing: a batch of entries becomes one frame, durable or not there.

use std::{collections::HashMap, io};

use vocabulary::Timestamp;

use super::{
    Store,
    error::ReadError,
    file::AppendFailure,
    frame::{self, FrameHead, RecordLen},
    index::Standing,
    tail::TailEntry,
};
use crate::{ChainId, EntryHash, SaltedBody};

/// Entries on their way into one frame.
#[derive(Debug, Default)]
pub(crate) struct Batch {
    pub(crate) pending: Vec<Pending>,
    /// Their canonical bytes, one after another.
    pub(crate) entries: Vec<u8>,
    /// Global indices of the entries whose bodies this erases.
    pub(crate) erasures: Vec<u64>,
    /// How many bytes of bodies there are.
    pub(crate) body_bytes: usize,
    /// Where the touched chains stand with this batch.
    pub(crate) chains: HashMap<ChainId, Standing>,
}

/// An entry on its way.
#[derive(Debug)]
pub(crate) struct Pending {
    pub(crate) chain: ChainId,
    pub(crate) seq: u64,
    pub(crate) hash: EntryHash,
    pub(crate) at: Timestamp,
    /// When its chain began.
    pub(crate) first_at: Timestamp,
    pub(crate) entry_len: u32,
    pub(crate) body: Option<SaltedBody>,
}

impl Batch {
    pub(crate) fn is_empty(&self) -> bool {
        self.pending.is_empty() && self.erasures.is_empty()
    }

    /// How large the frame will be, without head and table.
    pub(crate) fn bytes(&self) -> usize {
        self.entries.len() + self.body_bytes
    }

    /// When its last entry was recorded.
    pub(crate) fn last_at(&self) -> Timestamp {
        self.pending.last().map_or(Timestamp::EPOCH, |entry| entry.at)
    }

    pub(crate) fn clear(&mut self) {
        *self = Self {
            entries: {
                self.entries.clear();
                std::mem::take(&mut self.entries)
            },
            ..Self::default()
        };
    }
}

/// How a commit failed. Nothing of the batch is visible.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CommitFailure {
    /// The ledger is as it was; the next commit may well succeed.
    #[error("the ledger could not be written, and is unchanged: {0}")]
    Clean(io::Error),
    /// What is on disk is unknown until it is opened again.
    #[error("the ledger could not be made durable: {0}")]
    Unknown(io::Error),
    /// The index or the ledger could not be read.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// Above this many bytes the buffer of a commit is given back.
const KEEP_BUFFER: usize = 1 << 20;

impl Store {
    /// Appends a batch as one frame and makes it durable; only then can it be read.
    pub(crate) fn commit(&self, batch: &Batch, buffer: &mut Vec<u8>) -> Result<(), CommitFailure> {
        let (first, end, mut peaks) = {
            let tail = self.tail();
            (tail.len(), tail.end, tail.peaks.clone())
        };
        for entry in &batch.pending {
            peaks.push(&entry.hash);
        }
        let lengths = batch.pending.iter().map(|entry| RecordLen {
            entry: entry.entry_len,
            body: entry.body.as_ref().map(|body| body.stored_len() as u32),
        });
        let table = frame::encode_table(lengths, &batch.erasures);
        buffer.clear();
        let head = FrameHead {
            records: batch.pending.len() as u32,
            erasures: batch.erasures.len() as u32,
            first,
            entries_len: batch.entries.len() as u64,
            bodies_len: batch.body_bytes as u64,
            root: peaks.root(),
            content: frame::content(&table, batch.pending.iter().map(|entry| entry.hash)),
        };
        head.encode(buffer);
        buffer.extend_from_slice(&table);
        buffer.extend_from_slice(&batch.entries);
        for body in batch.pending.iter().filter_map(|entry| entry.body.as_ref()) {
            buffer.extend_from_slice(body.salt().as_bytes());
            buffer.extend_from_slice(body.bytes());
        }
        let appended = self.0.file.append(buffer, end);
        let frame_end = end + buffer.len() as u64;
        if buffer.capacity() > KEEP_BUFFER {
            *buffer = Vec::new();
        }
        appended.map_err(|failure| match failure {
            AppendFailure::Clean(source) => CommitFailure::Clean(source),
            AppendFailure::Unknown(source) => CommitFailure::Unknown(source),
        })?;
        // From here on the frame is in the ledger: a failure may not let the next one overwrite it.
        self.wipe(&batch.erasures)
            .map_err(|error| CommitFailure::Unknown(io::Error::other(error)))?;
        let entries = batch.pending.iter().map(|entry| {
            let first_at = entry.first_at;
            let entry = TailEntry {
                chain: entry.chain,
                seq: entry.seq,
                hash: entry.hash,
                at: entry.at,
            };
            (entry, first_at)
        });
        let mut tail = self.tail_mut();
        tail.extend(end, frame_end, peaks, entries);
        tail.erased.extend(&batch.erasures);
        Ok(())
    }

    /// Overwrites bodies whose erasure is now on record.
    fn wipe(&self, erasures: &[u64]) -> Result<(), ReadError> {
        if erasures.is_empty() {
            return Ok(());
        }
        let mut reader = self.0.file.reader();
        for &index in erasures {
            let (offset, place) = self.locate(index)?;
            let body = reader
                .frame(offset)?
                .records
                .get(place)
                .and_then(|record| record.body);
            if let Some(body) = body {
                self.0.file.wipe_durably(body)?;
            }
        }
        Ok(())
    }
}
