//! Reading entries back. What is returned was verified: an entry's hash is the one that the next entry of
//! its chain, or the chain's head, names; a body opens the commitment of its entry.

use std::collections::BTreeMap;

use vocabulary::Timestamp;

use super::{
    Store,
    error::{Broken, Position, ReadError, Why},
    file::Reader,
    frame::Record,
    index::{Standing, WINDOW},
    locate_sealed, recover,
};
use crate::{BodyState, ChainId, Entry, EntryHash, Head, Salt, entry, entry::Scanned};

/// An entry as it is stored.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Stored {
    /// Its global index.
    pub index: u64,
    /// What it says.
    pub entry: Entry,
    /// The hash of its canonical bytes.
    pub hash: EntryHash,
    /// Its canonical bytes.
    pub bytes: Vec<u8>,
    /// Its body.
    pub body: BodyState,
    /// The salt of a body that is present.
    pub salt: Option<Salt>,
}

/// A chain, and where it stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct ChainSummary {
    /// Which.
    pub chain: ChainId,
    /// Where it stands; `next_seq` is its number of entries.
    pub head: Head,
    /// When its first entry was recorded.
    pub first_at: Timestamp,
    /// When its last entry was recorded.
    pub last_at: Timestamp,
}

/// An entry on the way along its chain.
struct Found<'a> {
    index: u64,
    scanned: Scanned<'a>,
    bytes: &'a [u8],
    hash: EntryHash,
    record: Record,
    position: Position,
}

impl Found<'_> {
    fn entry(&self) -> Result<Entry, Broken> {
        self.scanned
            .to_entry()
            .map_err(|error| Broken::new(self.position, error.into()))
    }
}

impl Store {
    /// Up to `limit` entries of a chain from this sequence number on, in order.
    ///
    /// # Errors
    /// [`ReadError`] when they cannot be read or do not verify.
    pub fn chain(&self, chain: ChainId, from_seq: u64, limit: usize) -> Result<Vec<Stored>, ReadError> {
        self.walk(chain, from_seq, limit, |reader, found| {
            let (body, salt) =
                self.body(reader, found.index, &found.scanned, &found.record, found.position)?;
            Ok(Stored {
                index: found.index,
                entry: found.entry()?,
                hash: found.hash,
                bytes: found.bytes.to_vec(),
                body,
                salt,
            })
        })
    }

    /// As [`Self::chain`], but without bodies, however large these are.
    ///
    /// # Errors
    /// [`ReadError`] when they cannot be read or do not verify.
    pub fn entries(&self, chain: ChainId, from_seq: u64, limit: usize) -> Result<Vec<Entry>, ReadError> {
        self.walk(chain, from_seq, limit, |_, found| Ok(found.entry()?))
    }

    /// Goes along a chain and checks that each entry names the hash of the one before it.
    fn walk<T>(
        &self,
        chain: ChainId,
        from_seq: u64,
        limit: usize,
        mut make: impl FnMut(&mut Reader<'_>, Found<'_>) -> Result<T, ReadError>,
    ) -> Result<Vec<T>, ReadError> {
        // The entry after the last is read too, for it names the last one's hash.
        let indices = self.indices(chain, from_seq, limit.saturating_add(1))?;
        let mut reader = self.0.file.reader();
        let mut made = Vec::with_capacity(indices.len());
        let mut before: Option<(u64, u64, EntryHash)> = None;
        for (&index, seq) in indices.iter().zip(from_seq..) {
            let (record, position) = self.record(&mut reader, index)?;
            let position = position.entry(chain, seq);
            let bytes = reader.bytes(record.entry_at, record.entry_len)?.to_vec();
            let scanned = scan(&bytes, chain, seq, position)?;
            if let Some((index, seq, hash)) = before {
                names(scanned.prev, hash, position.index(index).entry(chain, seq))?;
            }
            if made.len() == limit {
                return Ok(made);
            }
            let hash = entry::hash(&bytes);
            made.push(make(
                &mut reader,
                Found {
                    index,
                    scanned,
                    bytes: &bytes,
                    hash,
                    record,
                    position,
                },
            )?);
            before = Some((index, seq, hash));
        }
        if let Some((index, seq, hash)) = before
            && let Some(head) = self.head(chain)?
            && head.next_seq == seq + 1
        {
            names(
                head.hash,
                hash,
                Position::default().index(index).entry(chain, seq),
            )?;
        }
        Ok(made)
    }

    /// One entry of a chain, if there is one at this sequence number.
    ///
    /// # Errors
    /// [`ReadError`] when it cannot be read or does not verify.
    pub fn entry(&self, chain: ChainId, seq: u64) -> Result<Option<Stored>, ReadError> {
        self.chain(chain, seq, 1).map(|mut entries| entries.pop())
    }

    /// Up to `limit` entries of all chains in global order, from this index on.
    ///
    /// # Errors
    /// [`ReadError`] when they cannot be read or do not verify.
    pub fn range(&self, from: u64, limit: usize) -> Result<Vec<Stored>, ReadError> {
        let end = self.len().min(from.saturating_add(limit as u64));
        let mut reader = self.0.file.reader();
        let mut read = Vec::new();
        let mut checked = None;
        for index in from..end {
            let (offset, place) = self.locate(index)?;
            let frame = reader.frame(offset)?.clone();
            if checked != Some(offset) {
                recover::read_entries(&mut reader, &frame)?;
                checked = Some(offset);
            }
            let position = Position::at(offset).index(index);
            let Some(record) = frame.records.get(place).copied() else {
                return Err(Broken::new(position, Why::Frame).into());
            };
            let bytes = reader.bytes(record.entry_at, record.entry_len)?.to_vec();
            let scanned = Scanned::read(&bytes).map_err(|error| Broken::new(position, error.into()))?;
            let position = position.entry(scanned.chain, scanned.seq);
            let entry = scanned
                .to_entry()
                .map_err(|error| Broken::new(position, error.into()))?;
            let (body, salt) = self.body(&mut reader, index, &scanned, &record, position)?;
            read.push(Stored {
                index,
                entry,
                hash: entry::hash(&bytes),
                bytes,
                body,
                salt,
            });
        }
        Ok(read)
    }

    /// Where a chain stands; `None` when it has no entries.
    ///
    /// # Errors
    /// [`ReadError`] when the index cannot be read.
    pub fn head(&self, chain: ChainId) -> Result<Option<Head>, ReadError> {
        Ok(self.standing(&chain)?.map(|standing| standing.head))
    }

    /// Up to `limit` chains after this one, in order of their identifiers: page on with the last one's.
    ///
    /// # Errors
    /// [`ReadError`] when the index cannot be read.
    pub fn chains(&self, after: Option<ChainId>, limit: usize) -> Result<Vec<ChainSummary>, ReadError> {
        // The tail first: what it forgets meanwhile is in the index by then.
        let newest: BTreeMap<ChainId, Standing> = {
            let tail = self.tail();
            let chains = tail.chains.iter().map(|(chain, kept)| (*chain, kept.standing));
            chains
                .filter(|(chain, _)| after.is_none_or(|after| *chain > after))
                .collect()
        };
        let mut chains: BTreeMap<ChainId, Standing> = self
            .with_index(|index| index.standings(after.as_ref(), limit))?
            .into_iter()
            .collect();
        for (chain, standing) in newest {
            let known = chains.entry(chain).or_insert(standing);
            if known.head.next_seq < standing.head.next_seq {
                *known = standing;
            }
        }
        let summary = |(chain, standing): (ChainId, Standing)| ChainSummary {
            chain,
            head: standing.head,
            first_at: standing.first_at,
            last_at: standing.last_at,
        };
        Ok(chains.into_iter().take(limit).map(summary).collect())
    }

    pub(crate) fn standing(&self, chain: &ChainId) -> Result<Option<Standing>, ReadError> {
        if let Some(kept) = self.tail().chains.get(chain) {
            return Ok(Some(kept.standing));
        }
        self.with_index(|index| index.standing(chain))
    }

    /// Global indices of up to `limit` entries of a chain.
    pub(super) fn indices(&self, chain: ChainId, from: u64, limit: usize) -> Result<Vec<u64>, ReadError> {
        // The tail first: what it forgets meanwhile is in the index by then.
        let kept = self.tail().chains.get(&chain).map(|kept| {
            let skip = usize::try_from(from.saturating_sub(kept.first_seq)).unwrap_or(usize::MAX);
            let indices: Vec<u64> = kept.indices.iter().skip(skip).take(limit).copied().collect();
            (kept.first_seq, indices)
        });
        let (sealed_end, newest) = kept.unwrap_or((u64::MAX, Vec::new()));
        let mut indices = Vec::new();
        let mut seq = from;
        while seq < sealed_end && indices.len() < limit {
            let Some(run) = self.with_index(|index| index.run(&chain, seq))? else {
                break;
            };
            let skip = usize::try_from(seq - run.first_seq).unwrap_or(usize::MAX);
            let left = usize::try_from(sealed_end - seq)
                .unwrap_or(usize::MAX)
                .min(limit - indices.len());
            let before = indices.len();
            indices.extend(run.indices.iter().skip(skip).take(left));
            seq += (indices.len() - before) as u64;
        }
        let left = limit - indices.len();
        indices.extend(newest.into_iter().take(left));
        Ok(indices)
    }

    /// The frame of an entry, and its place in that frame.
    pub(super) fn locate(&self, index: u64) -> Result<(u64, usize), ReadError> {
        {
            let tail = self.tail();
            if index >= tail.first {
                let beyond = ReadError::Beyond {
                    asked: index,
                    len: tail.len(),
                };
                return tail.locate(index).ok_or(beyond);
            }
        }
        self.with_index(|sealed| locate_sealed(sealed, index))
    }

    /// Where an entry and its body are.
    pub(super) fn record(
        &self,
        reader: &mut Reader<'_>,
        index: u64,
    ) -> Result<(Record, Position), ReadError> {
        let (offset, place) = self.locate(index)?;
        let record = reader.frame(offset)?.records.get(place).copied();
        let record = record.ok_or_else(|| Broken::new(Position::at(offset).index(index), Why::Frame))?;
        Ok((record, Position::at(record.entry_at).index(index)))
    }

    fn body(
        &self,
        reader: &mut Reader<'_>,
        index: u64,
        scanned: &Scanned<'_>,
        record: &Record,
        position: Position,
    ) -> Result<(BodyState, Option<Salt>), ReadError> {
        let (claim, at) = match (&scanned.body, record.body) {
            (None, None) => return Ok((BodyState::None, None)),
            (Some(claim), Some(at)) => (claim, at),
            _ => return Err(Broken::new(position, Why::BodySize).into()),
        };
        let salted = reader.body(at)?;
        if recover::opens(salted, claim)
            && let Some((salt, body)) = salted.split_first_chunk::<{ Salt::LEN }>()
        {
            return Ok((BodyState::Present(body.to_vec()), Some(Salt::from_bytes(*salt))));
        }
        if self.is_erased(index)? {
            Ok((BodyState::Erased, None))
        } else {
            Err(Broken::new(position, Why::Body).into())
        }
    }

    /// Whether the erasure of this entry's body is on record.
    pub(super) fn is_erased(&self, index: u64) -> Result<bool, ReadError> {
        if self.tail().erased.contains(&index) {
            return Ok(true);
        }
        self.with_index(|sealed| sealed.is_erased(index))
    }

    /// The window that an entry is in, once the index covers it.
    pub(super) fn sealed_windows(&self) -> u64 {
        self.tail().first / WINDOW
    }
}

/// Reads an entry that must be this one.
pub(super) fn scan(
    bytes: &[u8],
    chain: ChainId,
    seq: u64,
    position: Position,
) -> Result<Scanned<'_>, Broken> {
    let scanned = Scanned::read(bytes).map_err(|error| Broken::new(position, error.into()))?;
    if (scanned.chain, scanned.seq) == (chain, seq) {
        Ok(scanned)
    } else {
        let why = Why::Misplaced {
            found: scanned.chain,
            found_seq: scanned.seq,
        };
        Err(Broken::new(position, why))
    }
}

/// Whether what follows an entry names the hash that it has.
fn names(expected: EntryHash, found: EntryHash, position: Position) -> Result<(), Broken> {
    if expected == found {
        Ok(())
    } else {
        Err(Broken::new(position, Why::Hash { expected, found }))
    }
}
