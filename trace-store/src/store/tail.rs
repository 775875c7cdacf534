//! The newest entries, in memory: those that no full window of the index covers yet.

use std::collections::{BTreeSet, HashMap, VecDeque};

use vocabulary::Timestamp;

use super::index::{Run, Sealed, Standing, WINDOW, WINDOW_LEVEL, Window};
use crate::{ChainId, EntryHash, Head, merkle::Peaks};

/// What is known of the entries from index `first` on, and of the ledger's end.
#[derive(Debug)]
pub(super) struct Tail {
    /// Global index of the first entry here.
    pub(super) first: u64,
    pub(super) entries: VecDeque<TailEntry>,
    /// First index and offset of each frame that has entries here.
    frames: VecDeque<(u64, u64)>,
    pub(super) chains: HashMap<ChainId, TailChain>,
    /// Entries whose bodies were erased, not yet in the index.
    pub(super) erased: BTreeSet<u64>,
    /// The tree over all entries before `first`.
    sealed: Peaks,
    /// The tree over all entries.
    pub(super) peaks: Peaks,
    /// Where the next frame goes.
    pub(super) end: u64,
    /// When the last entry was recorded.
    pub(super) last_at: Timestamp,
}

/// An entry that is durable.
#[derive(Debug, Clone, Copy)]
pub(super) struct TailEntry {
    pub(super) chain: ChainId,
    pub(super) seq: u64,
    pub(super) hash: EntryHash,
    pub(super) at: Timestamp,
}

/// A chain that has entries here.
#[derive(Debug, Clone)]
pub(super) struct TailChain {
    pub(super) standing: Standing,
    /// Sequence number of its first entry here.
    pub(super) first_seq: u64,
    pub(super) indices: VecDeque<u64>,
}

impl Tail {
    /// Nothing yet, after what the index covers.
    pub(super) fn after(sealed: Peaks, end: u64, last_at: Timestamp) -> Self {
        Self {
            first: sealed.size(),
            entries: VecDeque::new(),
            frames: VecDeque::new(),
            chains: HashMap::new(),
            erased: BTreeSet::new(),
            peaks: sealed.clone(),
            sealed,
            end,
            last_at,
        }
    }

    /// How many entries the ledger has.
    pub(super) fn len(&self) -> u64 {
        self.first + self.entries.len() as u64
    }

    /// Takes up a durable frame. `first_at` tells when a chain that has no entries here yet began.
    pub(super) fn extend(
        &mut self,
        offset: u64,
        end: u64,
        peaks: Peaks,
        entries: impl Iterator<Item = (TailEntry, Timestamp)>,
    ) {
        let before = self.len();
        for (entry, first_at) in entries {
            let index = self.len();
            let standing = Standing {
                head: Head {
                    next_seq: entry.seq + 1,
                    hash: entry.hash,
                },
                first_at,
                last_at: entry.at,
            };
            let chain = self.chains.entry(entry.chain).or_insert_with(|| TailChain {
                standing,
                first_seq: entry.seq,
                indices: VecDeque::new(),
            });
            chain.standing = standing;
            chain.indices.push_back(index);
            self.last_at = entry.at;
            self.entries.push_back(entry);
        }
        if self.len() > before {
            self.frames.push_back((before, offset));
        }
        self.peaks = peaks;
        self.end = end;
    }

    /// Like the first frame of [`Self::extend`], for one that began before `first`.
    pub(super) fn frame_began(&mut self, first: u64) {
        if let Some(frame) = self.frames.back_mut() {
            frame.0 = first;
        }
    }

    /// The frame of an entry that is here, and its place in that frame.
    pub(super) fn locate(&self, index: u64) -> Option<(u64, usize)> {
        if index < self.first || index >= self.len() {
            return None;
        }
        let after = self.frames.partition_point(|&(first, _)| first <= index);
        let &(first, offset) = self.frames.get(after.checked_sub(1)?)?;
        Some((offset, usize::try_from(index - first).ok()?))
    }

    /// The first full window here, if there is one.
    pub(super) fn full_window(&self) -> Option<Sealed> {
        if (self.entries.len() as u64) < WINDOW {
            return None;
        }
        let boundary = self.first + WINDOW;
        let mut runs: HashMap<ChainId, (Run, Standing)> = HashMap::new();
        let mut tree = Peaks::default();
        let mut last_at = self.last_at;
        for (index, entry) in (self.first..boundary).zip(&self.entries) {
            tree.push(&entry.hash);
            last_at = entry.at;
            let head = Head {
                next_seq: entry.seq + 1,
                hash: entry.hash,
            };
            // The chain's entry in `chains` stands for all that is here; what it began with holds for this window too.
            let first_at = self
                .chains
                .get(&entry.chain)
                .map_or(entry.at, |c| c.standing.first_at);
            let (run, standing) = runs.entry(entry.chain).or_insert_with(|| {
                let run = Run {
                    first_seq: entry.seq,
                    last_hash: entry.hash,
                    indices: Vec::new(),
                };
                let standing = Standing {
                    head,
                    first_at,
                    last_at: entry.at,
                };
                (run, standing)
            });
            run.indices.push(index);
            run.last_hash = entry.hash;
            standing.head = head;
            standing.last_at = entry.at;
        }
        let root = tree.root();
        let mut peaks = self.sealed.clone();
        peaks.push_perfect(WINDOW_LEVEL, root);
        let next_offset = self.locate(boundary).map_or(self.end, |(offset, _)| offset);
        Some(Sealed {
            number: self.first / WINDOW,
            window: Window {
                next_offset,
                last_at,
                root,
                peaks: peaks.as_slice().to_vec(),
                frames: self
                    .frames
                    .iter()
                    .copied()
                    .take_while(|&(first, _)| first < boundary)
                    .collect(),
            },
            chains: runs
                .into_iter()
                .map(|(chain, (run, standing))| (chain, run, standing))
                .collect(),
            erased: self.erased.iter().copied().collect(),
        })
    }

    /// Forgets a window that is now in the index.
    pub(super) fn forget(&mut self, sealed: &Sealed) {
        let boundary = self.first + WINDOW;
        let keep_frames_from = self.locate(boundary).map_or(u64::MAX, |(offset, _)| offset);
        self.frames.retain(|&(_, offset)| offset >= keep_frames_from);
        self.entries.drain(..self.entries.len().min(WINDOW as usize));
        for (chain, run, _) in &sealed.chains {
            if let Some(kept) = self.chains.get_mut(chain) {
                kept.indices.drain(..kept.indices.len().min(run.indices.len()));
                kept.first_seq += run.indices.len() as u64;
                if kept.indices.is_empty() {
                    self.chains.remove(chain);
                }
            }
        }
        for index in &sealed.erased {
            self.erased.remove(index);
        }
        self.sealed.push_perfect(WINDOW_LEVEL, sealed.window.root);
        self.first = boundary;
    }
}
