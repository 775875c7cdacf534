//! Roots and proofs over what is durable.

use std::sync::PoisonError;

use super::{
    Store,
    error::{Broken, Position, ReadError, Why},
    index::{WINDOW, WINDOW_LEVEL},
    recover,
};
use crate::{
    CheckpointSigner, EntryHash, TreeHash,
    merkle::{self, Peaks},
};

/// What proofs are made from, kept between them.
#[derive(Debug, Default)]
pub(super) struct Cache {
    /// Roots of the windows that the index covers.
    windows: Vec<TreeHash>,
    /// The entries of the window that was asked for last.
    entries: Option<(u64, Vec<EntryHash>)>,
}

impl Store {
    /// The Merkle root over the first `size` entries.
    ///
    /// # Errors
    /// [`ReadError::Beyond`] when there are fewer; otherwise when they cannot be read or do not verify.
    pub fn root(&self, size: u64) -> Result<TreeHash, ReadError> {
        {
            let tail = self.tail();
            if tail.len() == size {
                return Ok(tail.peaks.root());
            }
        }
        self.within(size)?;
        merkle::subtree(0, size, &mut |level, index| self.node(level, index))
    }

    /// The proof that the entry at `index` is among the first `size`.
    ///
    /// # Errors
    /// [`ReadError::Beyond`] when there are fewer; otherwise when they cannot be read or do not verify.
    pub fn inclusion_proof(&self, index: u64, size: u64) -> Result<Vec<TreeHash>, ReadError> {
        self.within(size)?;
        if index >= size {
            return Err(ReadError::Beyond {
                asked: index,
                len: size,
            });
        }
        merkle::inclusion(index, size, &mut |level, index| self.node(level, index))
    }

    /// The proof that the ledger of `new` entries begins with all `old` ones.
    ///
    /// # Errors
    /// [`ReadError::Beyond`] when there are fewer; otherwise when they cannot be read or do not verify.
    pub fn consistency_proof(&self, old: u64, new: u64) -> Result<Vec<TreeHash>, ReadError> {
        self.within(new)?;
        merkle::consistency(old, new, &mut |level, index| self.node(level, index))
    }

    /// Signs the ledger's size and root as they are now.
    ///
    /// # Errors
    /// [`ReadError`] when the root cannot be had.
    pub fn checkpoint(&self, signer: &CheckpointSigner) -> Result<String, ReadError> {
        let (size, root) = {
            let tail = self.tail();
            (tail.len(), tail.peaks.root())
        };
        Ok(signer.sign(size, root))
    }

    fn within(&self, size: u64) -> Result<(), ReadError> {
        let len = self.len();
        if size <= len {
            Ok(())
        } else {
            Err(ReadError::Beyond { asked: size, len })
        }
    }

    /// The root of a perfect subtree, all of whose leaves are durable.
    fn node(&self, level: u32, index: u64) -> Result<TreeHash, ReadError> {
        if level > WINDOW_LEVEL {
            let (left, right) = (
                self.node(level - 1, index * 2)?,
                self.node(level - 1, index * 2 + 1)?,
            );
            return Ok(merkle::node(&left, &right));
        }
        if level == WINDOW_LEVEL && index < self.sealed_windows() {
            return self.window_root(index);
        }
        let (start, end) = (index << level, (index + 1) << level);
        let window = start / WINDOW;
        let mut cache = self.0.tree.lock().unwrap_or_else(PoisonError::into_inner);
        let entries = match &cache.entries {
            Some((cached, entries)) if *cached == window && window * WINDOW + entries.len() as u64 >= end => {
                entries
            }
            _ => {
                let entries = self.window_entries(window)?;
                &cache.entries.insert((window, entries)).1
            }
        };
        let from = usize::try_from(start - window * WINDOW).unwrap_or(usize::MAX);
        let mut tree = Peaks::default();
        for entry in entries.iter().skip(from).take(1 << level) {
            tree.push(entry);
        }
        Ok(tree.root())
    }

    fn window_root(&self, number: u64) -> Result<TreeHash, ReadError> {
        let mut cache = self.0.tree.lock().unwrap_or_else(PoisonError::into_inner);
        let place = usize::try_from(number).unwrap_or(usize::MAX);
        while cache.windows.len() <= place {
            let next = cache.windows.len() as u64;
            let window = self.with_index(|index| index.window(next))?;
            cache.windows.push(window.root);
        }
        Ok(cache
            .windows
            .get(place)
            .copied()
            .unwrap_or_else(merkle::empty_root))
    }

    /// The hashes of all durable entries of a window; those of a full one lead to its recorded root.
    fn window_entries(&self, number: u64) -> Result<Vec<EntryHash>, ReadError> {
        let first = number * WINDOW;
        {
            let tail = self.tail();
            if first >= tail.first {
                let skip = usize::try_from(first - tail.first).unwrap_or(usize::MAX);
                let entries = tail.entries.iter().skip(skip).take(WINDOW as usize);
                return Ok(entries.map(|entry| entry.hash).collect());
            }
        }
        let window = self.with_index(|index| index.window(number))?;
        let mut reader = self.0.file.reader();
        let mut entries = Vec::with_capacity(WINDOW as usize);
        for &(frame_first, offset) in &window.frames {
            let frame = reader.frame(offset)?.clone();
            let hashes = recover::read_entries(&mut reader, &frame)?;
            let within = (frame_first..)
                .zip(hashes)
                .filter(|(index, _)| index / WINDOW == number);
            entries.extend(within.map(|(_, (_, hash))| hash));
        }
        let mut tree = Peaks::default();
        entries.iter().for_each(|entry| tree.push(entry));
        let (expected, found) = (window.root, tree.root());
        if expected == found {
            Ok(entries)
        } else {
            let position = Position::at(window.next_offset).index(first);
            Err(Broken::new(position, Why::Root { expected, found }).into())
        }
    }
}
