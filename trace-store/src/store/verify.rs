//! Verifying what is stored: one chain, or everything.

use std::collections::HashMap;

use vocabulary::Timestamp;

use super::{
    Store,
    error::{Broken, Position, ReadError, Why},
    file::{HEADER_LEN, Reader},
    frame::Record,
    read::scan,
    recover::{follows, opens},
};
use crate::{ChainId, Head, TreeHash, entry, entry::Scanned, merkle::Peaks};

/// A chain that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct ChainReport {
    /// Which.
    pub chain: ChainId,
    /// How many entries it has.
    pub entries: u64,
    /// Where it stands.
    pub head: Head,
    /// How many of its entries' bodies were erased.
    pub erased_bodies: u64,
}

/// A ledger that holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct LedgerReport {
    /// How many entries it has.
    pub entries: u64,
    /// In how many chains.
    pub chains: u64,
    /// The Merkle root over them.
    pub root: TreeHash,
    /// How many entries' bodies were erased.
    pub erased_bodies: u64,
}

impl Store {
    /// Verifies a chain from its first entry to its head: form, position, links, times and bodies. A chain
    /// without entries holds.
    ///
    /// # Errors
    /// [`ReadError::Broken`] with the first position that does not hold.
    pub fn verify_chain(&self, chain: ChainId) -> Result<ChainReport, ReadError> {
        /// Entries looked up at once.
        const STRIDE: usize = 4096;
        let end = self.head(chain)?.unwrap_or(Head::EMPTY);
        let mut head = Head::EMPTY;
        let (mut last_at, mut erased_bodies) = (Timestamp::EPOCH, 0);
        let mut reader = self.0.file.reader();
        let mut places = Places::new(self);
        while head.next_seq < end.next_seq {
            let indices = self.indices(chain, head.next_seq, STRIDE)?;
            if indices.is_empty() {
                break;
            }
            // Entries may have been added since: only those up to the head are in question.
            let left = usize::try_from(end.next_seq - head.next_seq).unwrap_or(STRIDE);
            for index in indices.into_iter().take(left) {
                let (record, offset) = places.record(&mut reader, index)?;
                let position = Position::at(offset).index(index).entry(chain, head.next_seq);
                let bytes = reader.bytes(record.entry_at, record.entry_len)?;
                let hash = entry::hash(bytes);
                let scanned = scan(bytes, chain, head.next_seq, position)?;
                follows(&scanned, head, last_at, position)?;
                let body = scanned.body;
                last_at = scanned.at;
                head = Head {
                    next_seq: head.next_seq + 1,
                    hash,
                };
                erased_bodies += u64::from(self.verify_body(&mut reader, index, body, &record, position)?);
            }
        }
        if head != end {
            let position = Position::default().entry(chain, head.next_seq);
            let why = if head.next_seq == end.next_seq {
                Why::Hash {
                    expected: end.hash,
                    found: head.hash,
                }
            } else {
                Why::End {
                    expected: end.next_seq,
                    found: head.next_seq,
                }
            };
            return Err(Broken::new(position, why).into());
        }
        Ok(ChainReport {
            chain,
            entries: head.next_seq,
            head,
            erased_bodies,
        })
    }

    /// Verifies everything: every commit, chain, body and Merkle root, and that the index agrees.
    ///
    /// # Errors
    /// [`ReadError::Broken`] with the first position that does not hold.
    pub fn verify_all(&self) -> Result<LedgerReport, ReadError> {
        let (end, len, root) = {
            let tail = self.tail();
            (tail.end, tail.len(), tail.peaks.root())
        };
        let mut heads: HashMap<ChainId, Head> = HashMap::new();
        let mut peaks = Peaks::default();
        let (mut offset, mut last_at, mut erased_bodies) = (HEADER_LEN, Timestamp::EPOCH, 0);
        let mut reader = self.0.file.reader();
        while offset < end {
            let frame = reader.frame(offset)?.clone();
            let at = Position::at(offset);
            if frame.head.first != peaks.size() {
                let why = Why::Order {
                    expected: peaks.size(),
                    found: frame.head.first,
                };
                return Err(Broken::new(at, why).into());
            }
            let mut hashes = Vec::with_capacity(frame.records.len());
            for (record, index) in frame.records.iter().zip(frame.head.first..) {
                let position = Position::at(record.entry_at).index(index);
                let bytes = reader.bytes(record.entry_at, record.entry_len)?;
                let hash = entry::hash(bytes);
                let scanned = Scanned::read(bytes).map_err(|error| Broken::new(position, error.into()))?;
                let head = heads.entry(scanned.chain).or_insert(Head::EMPTY);
                follows(&scanned, *head, last_at, position)?;
                let (chain, seq, body) = (scanned.chain, scanned.seq, scanned.body);
                last_at = scanned.at;
                *head = Head {
                    next_seq: seq + 1,
                    hash,
                };
                hashes.push(hash);
                peaks.push(&hash);
                let position = position.entry(chain, seq);
                erased_bodies += u64::from(self.verify_body(&mut reader, index, body, record, position)?);
            }
            if !frame.holds(hashes.into_iter()) {
                return Err(Broken::new(at, Why::Content).into());
            }
            root_is(frame.head.root, peaks.root(), at)?;
            offset = frame.end;
        }
        root_is(root, peaks.root(), Position::at(end))?;
        for (chain, found) in &heads {
            // Entries may have been added since: what was there must still be.
            let indexed = self.head(*chain)?.unwrap_or(Head::EMPTY);
            let is_last = indexed.next_seq == found.next_seq;
            if indexed.next_seq < found.next_seq || (is_last && indexed.hash != found.hash) {
                let why = Why::End {
                    expected: indexed.next_seq,
                    found: found.next_seq,
                };
                return Err(Broken::new(Position::at(end).entry(*chain, found.next_seq), why).into());
            }
        }
        Ok(LedgerReport {
            entries: len,
            chains: heads.len() as u64,
            root,
            erased_bodies,
        })
    }

    /// Whether the body was erased; a body that is there opens its commitment.
    fn verify_body(
        &self,
        reader: &mut Reader<'_>,
        index: u64,
        claim: Option<crate::BodyClaim>,
        record: &Record,
        position: Position,
    ) -> Result<bool, ReadError> {
        match (claim, record.body) {
            (None, None) => Ok(false),
            (Some(claim), Some(at)) => {
                if opens(reader.body(at)?, &claim) {
                    Ok(false)
                } else if self.is_erased(index)? {
                    Ok(true)
                } else {
                    Err(Broken::new(position, Why::Body).into())
                }
            }
            _ => Err(Broken::new(position, Why::BodySize).into()),
        }
    }
}

fn root_is(expected: TreeHash, found: TreeHash, position: Position) -> Result<(), Broken> {
    if expected == found {
        Ok(())
    } else {
        Err(Broken::new(position, Why::Root { expected, found }))
    }
}

/// Where entries are, asked for in order: a window of the index is decoded once and not for each entry.
struct Places<'a> {
    store: &'a Store,
    window: Option<(u64, super::index::Window)>,
}

impl<'a> Places<'a> {
    const fn new(store: &'a Store) -> Self {
        Self { store, window: None }
    }

    fn record(&mut self, reader: &mut Reader<'_>, index: u64) -> Result<(Record, u64), ReadError> {
        let number = index / super::index::WINDOW;
        let located = match &self.window {
            Some((cached, window)) if *cached == number => window.locate(index),
            _ if number < self.store.sealed_windows() => {
                let window = self.store.with_index(|index| index.window(number))?;
                self.window.insert((number, window)).1.locate(index)
            }
            _ => None,
        };
        let (offset, place) = match located {
            Some(located) => located,
            None => self.store.locate(index)?,
        };
        let record = reader.frame(offset)?.records.get(place).copied();
        let record = record.ok_or_else(|| Broken::new(Position::at(offset).index(index), Why::Frame))?;
        Ok((record, record.entry_at))
    }
}
