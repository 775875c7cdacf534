//! Opening: what the index does not cover yet is read from the end of the ledger file, and verified.

use std::collections::HashMap;

use vocabulary::Timestamp;

use super::{
    error::{Broken, OpenError, Position, ReadError, Why},
    file::{HEADER_LEN, LedgerFile, Reader},
    frame::{Frame, FrameHead, HEAD_LEN},
    index::{Index, Standing, WINDOW},
    tail::{Tail, TailEntry},
};
use crate::{BodyClaim, ChainId, EntryHash, Head, Salt, entry, entry::Scanned, merkle::Peaks};

/// The tail of a ledger, rebuilt.
pub(super) fn recover(file: &LedgerFile, index: &Index) -> Result<Tail, OpenError> {
    let len = file.len()?;
    let mut tail = match index.last_window()? {
        None => Tail::after(Peaks::default(), HEADER_LEN, Timestamp::EPOCH),
        Some((number, window)) => {
            let first = (number + 1) * WINDOW;
            let broken = || Broken::new(Position::at(window.next_offset), Why::Frame);
            let peaks = Peaks::from_parts(first, window.peaks.clone()).ok_or_else(broken)?;
            Tail::after(peaks, window.next_offset, window.last_at)
        }
    };
    if tail.end > len {
        return Err(Broken::new(Position::at(len), Why::Cut).into());
    }
    let mut reader = file.reader();
    while tail.end < len {
        let at = tail.end;
        if !is_whole(&mut reader, at, len)? {
            file.set_aside(at, len)?;
            break;
        }
        let frame = reader.frame(at)?.clone();
        let last = frame.end == len;
        let entries = read_entries(&mut reader, &frame)?;
        take_up(&mut tail, index, &frame, &entries)?;
        for &erased in &frame.erasures {
            wipe_again(file, &mut reader, &tail, index, erased)?;
            tail.erased.insert(erased);
        }
        if last {
            // The only frame that a power cut could have left with a length and without content.
            for (record, (bytes, _)) in frame.records.iter().zip(&entries) {
                let claim = Scanned::read(bytes).ok().and_then(|scanned| scanned.body);
                if let (Some(claim), Some(body)) = (claim, record.body)
                    && !opens(reader.body(body)?, &claim)
                {
                    return Err(Broken::new(Position::at(body.at), Why::Body).into());
                }
            }
        }
    }
    Ok(tail)
}

/// Whether a commit is there to its end. A damaged head is an error: its length says nothing.
fn is_whole(reader: &mut Reader<'_>, at: u64, len: u64) -> Result<bool, ReadError> {
    if len - at < HEAD_LEN as u64 {
        return Ok(false);
    }
    let head: Result<&[u8; HEAD_LEN], _> = reader.bytes(at, HEAD_LEN)?.try_into();
    let head = head.ok().and_then(|head| FrameHead::decode(head).ok());
    let head = head.ok_or_else(|| Broken::new(Position::at(at), Why::Frame))?;
    Ok(at.checked_add(head.frame_len()).is_some_and(|end| end <= len))
}

/// The canonical bytes and hashes of a frame's entries, which are those that were written.
pub(super) fn read_entries(
    reader: &mut Reader<'_>,
    frame: &Frame,
) -> Result<Vec<(Vec<u8>, EntryHash)>, ReadError> {
    let mut entries = Vec::with_capacity(frame.records.len());
    for record in &frame.records {
        let bytes = reader.bytes(record.entry_at, record.entry_len)?;
        entries.push((bytes.to_vec(), entry::hash(bytes)));
    }
    if frame.holds(entries.iter().map(|(_, hash)| *hash)) {
        Ok(entries)
    } else {
        Err(Broken::new(Position::at(frame.offset), Why::Content).into())
    }
}

/// Adds a frame's entries to the tail, each verified to follow the one before it.
fn take_up(
    tail: &mut Tail,
    index: &Index,
    frame: &Frame,
    entries: &[(Vec<u8>, EntryHash)],
) -> Result<(), ReadError> {
    let next = tail.len();
    let position = Position::at(frame.offset);
    let known = next
        .checked_sub(frame.head.first)
        .filter(|&known| known == 0 || (tail.entries.is_empty() && known < entries.len() as u64))
        .ok_or_else(|| {
            let why = Why::Order {
                expected: next,
                found: frame.head.first,
            };
            Broken::new(position, why)
        })?;
    let mut standings: HashMap<ChainId, Standing> = HashMap::new();
    let mut taken = Vec::with_capacity(entries.len());
    let mut peaks = tail.peaks.clone();
    let mut last_at = tail.last_at;
    let new = entries.iter().zip(&frame.records).zip(frame.head.first..);
    for (((bytes, hash), record), global) in new.skip(usize::try_from(known).unwrap_or(usize::MAX)) {
        let position = Position::at(record.entry_at).index(global);
        let scanned = Scanned::read(bytes).map_err(|error| Broken::new(position, error.into()))?;
        let standing = match standings.get(&scanned.chain) {
            Some(standing) => Some(*standing),
            None => match tail.chains.get(&scanned.chain) {
                Some(chain) => Some(chain.standing),
                None => index.standing(&scanned.chain)?,
            },
        };
        let head = standing.map_or(Head::EMPTY, |standing| standing.head);
        follows(&scanned, head, last_at, position)?;
        let first_at = standing.map_or(scanned.at, |standing| standing.first_at);
        last_at = scanned.at;
        peaks.push(hash);
        standings.insert(
            scanned.chain,
            Standing {
                head: Head {
                    next_seq: scanned.seq + 1,
                    hash: *hash,
                },
                first_at,
                last_at,
            },
        );
        let entry = TailEntry {
            chain: scanned.chain,
            seq: scanned.seq,
            hash: *hash,
            at: scanned.at,
        };
        taken.push((entry, first_at));
    }
    let found = peaks.root();
    if found != frame.head.root {
        let expected = frame.head.root;
        return Err(Broken::new(position, Why::Root { expected, found }).into());
    }
    tail.extend(frame.offset, frame.end, peaks, taken.into_iter());
    if known > 0 {
        tail.frame_began(frame.head.first);
    }
    Ok(())
}

/// Whether an entry is the one that comes next in its chain, and not before the time that was reached.
pub(super) fn follows(
    scanned: &Scanned<'_>,
    head: Head,
    last_at: Timestamp,
    position: Position,
) -> Result<(), Broken> {
    let position = position.entry(scanned.chain, scanned.seq);
    if scanned.seq != head.next_seq {
        let why = Why::Misplaced {
            found: scanned.chain,
            found_seq: scanned.seq,
        };
        return Err(Broken::new(position, why));
    }
    if scanned.prev != head.hash {
        let why = Why::Link {
            expected: head.hash,
            found: scanned.prev,
        };
        return Err(Broken::new(position, why));
    }
    if scanned.at < last_at {
        let why = Why::Time {
            before: last_at,
            found: scanned.at,
        };
        return Err(Broken::new(position, why));
    }
    Ok(())
}

/// Whether a salt and the body after it are those that an entry commits to.
pub(super) fn opens(salted: &[u8], claim: &BodyClaim) -> bool {
    let Some((salt, body)) = salted.split_first_chunk::<{ Salt::LEN }>() else {
        return false;
    };
    body.len() as u64 == claim.size && Salt::from_bytes(*salt).opens(&claim.commitment, body)
}

/// Erasing is recorded first and done second; a crash between the two is made up for here.
fn wipe_again(
    file: &LedgerFile,
    reader: &mut Reader<'_>,
    tail: &Tail,
    index: &Index,
    erased: u64,
) -> Result<(), ReadError> {
    let (offset, place) = match tail.locate(erased) {
        Some(location) => location,
        None => super::locate_sealed(index, erased)?,
    };
    let body = reader
        .frame(offset)?
        .records
        .get(place)
        .and_then(|record| record.body);
    let Some(body) = body else {
        return Ok(());
    };
    if reader.body(body)?.iter().any(|&byte| byte != 0) {
        file.wipe_durably(body)?;
    }
    Ok(())
}
