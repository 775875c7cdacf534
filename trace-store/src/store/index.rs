//! The index: where in the ledger file each chain's entries are, window by window.
//!
//! It holds nothing that the ledger file does not. Windows of [`WINDOW`] entries are written to it once they
//! are full; what is newer is in memory, and found again by reading the end of the ledger file. So it is
//! never on the path of a commit, and how long an open takes does not depend on how much there is.
//!
//! Keys (numbers big-endian, so that they sort): `w` window; `c` chain, first sequence number within a window;
//! `h` chain; `e` erased index; `m` the index's own version and workspace.

use std::{
    panic::{AssertUnwindSafe, catch_unwind},
    path::{Path, PathBuf},
    thread,
    time::{Duration, Instant},
};

use uuid::Uuid;
use vocabulary::{Timestamp, TraceId, WorkspaceId};

use super::{
    error::{IndexFault, ReadError},
    frame::{Input, Malformed},
};
use crate::{ChainId, EntryHash, Head, TreeHash};

/// Entries a window.
pub(super) const WINDOW: u64 = 1 << WINDOW_LEVEL;
/// Level of a window's root in the Merkle tree.
pub(super) const WINDOW_LEVEL: u32 = 10;
const VERSION: u32 = 1;

/// The open index.
pub(super) struct Index {
    db: sled::Db,
    path: PathBuf,
}

/// A full window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Window {
    /// Where the frame of the next window's first entry starts, or where the file ended.
    pub(super) next_offset: u64,
    /// When its last entry was recorded.
    pub(super) last_at: Timestamp,
    /// The root over its entries.
    pub(super) root: TreeHash,
    /// The perfect subtrees of the ledger up to its end.
    pub(super) peaks: Vec<TreeHash>,
    /// First index and offset of each frame that has entries in it.
    pub(super) frames: Vec<(u64, u64)>,
}

/// One chain's entries within one window.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Run {
    /// Their first sequence number.
    pub(super) first_seq: u64,
    /// The last one's hash.
    pub(super) last_hash: EntryHash,
    /// Their global indices.
    pub(super) indices: Vec<u64>,
}

/// Where a chain stood when its last window was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Standing {
    pub(crate) head: Head,
    pub(crate) first_at: Timestamp,
    pub(crate) last_at: Timestamp,
}

/// What one full window adds.
#[derive(Debug)]
pub(super) struct Sealed {
    pub(super) number: u64,
    pub(super) window: Window,
    pub(super) chains: Vec<(ChainId, Run, Standing)>,
    pub(super) erased: Vec<u64>,
}

impl Index {
    /// Opens the index of a workspace's ledger, or makes an empty one.
    pub(super) fn open(dir: &Path, workspace: WorkspaceId) -> Result<Self, ReadError> {
        let path = Self::path(dir);
        let mut meta = VERSION.to_be_bytes().to_vec();
        meta.extend_from_slice(&workspace.to_bytes());
        let opened = guarded(|| {
            let db = open_db(&path)?;
            match db.get(b"m")? {
                None if db.is_empty() => {
                    db.insert(b"m", meta.as_slice())?;
                    Ok(db)
                }
                Some(found) if found == meta => Ok(db),
                _ => Err(IndexFault::Foreign),
            }
        });
        match opened {
            Ok(db) => Ok(Self { db, path }),
            Err(why) => Err(ReadError::Index { path, why }),
        }
    }

    /// Where the index of a store is.
    pub(super) fn path(dir: &Path) -> PathBuf {
        dir.join("index")
    }

    /// Writes a full window, all of it or nothing.
    pub(super) fn seal(&self, sealed: &Sealed) -> Result<(), ReadError> {
        let mut batch = sled::Batch::default();
        batch.insert(
            window_key(sealed.number).as_slice(),
            encode_window(&sealed.window),
        );
        for (chain, run, standing) in &sealed.chains {
            batch.insert(run_key(chain, run.first_seq), encode_run(run));
            batch.insert(standing_key(chain), encode_standing(standing));
        }
        for index in &sealed.erased {
            batch.insert(erased_key(*index).as_slice(), Vec::new());
        }
        self.ask(|| {
            self.db.apply_batch(batch)?;
            self.db.flush()?;
            Ok(())
        })
    }

    /// The last full window and its number.
    pub(super) fn last_window(&self) -> Result<Option<(u64, Window)>, ReadError> {
        self.ask(|| {
            let Some((key, value)) = self.db.scan_prefix(b"w").next_back().transpose()? else {
                return Ok(None);
            };
            let number = key.get(1..).ok_or(Malformed)?.try_into().map_err(|_| Malformed)?;
            Ok(Some((u64::from_be_bytes(number), decode_window(&value)?)))
        })
    }

    /// A full window.
    pub(super) fn window(&self, number: u64) -> Result<Window, ReadError> {
        self.ask(|| {
            let value = self.db.get(window_key(number))?.ok_or(IndexFault::Record)?;
            Ok(decode_window(&value)?)
        })
    }

    /// The run of a chain's entries that holds this sequence number.
    pub(super) fn run(&self, chain: &ChainId, seq: u64) -> Result<Option<Run>, ReadError> {
        self.ask(|| {
            let range = run_key(chain, 0)..=run_key(chain, seq);
            let Some((key, value)) = self.db.range(range).next_back().transpose()? else {
                return Ok(None);
            };
            let first_seq = *key.last_chunk::<8>().ok_or(Malformed)?;
            let run = decode_run(u64::from_be_bytes(first_seq), &value)?;
            Ok((seq - run.first_seq < run.indices.len() as u64).then_some(run))
        })
    }

    /// Where a chain stood when its last window was written.
    pub(super) fn standing(&self, chain: &ChainId) -> Result<Option<Standing>, ReadError> {
        self.ask(|| {
            let value = self.db.get(standing_key(chain))?;
            Ok(value.map(|value| decode_standing(&value)).transpose()?)
        })
    }

    /// Up to `limit` chains after this one, in order.
    pub(super) fn standings(
        &self,
        after: Option<&ChainId>,
        limit: usize,
    ) -> Result<Vec<(ChainId, Standing)>, ReadError> {
        self.ask(|| {
            let start = after.map_or_else(|| b"h".to_vec(), standing_key);
            let found = self.db.range(start..b"i".to_vec());
            let mut standings = Vec::new();
            for found in found {
                let (key, value) = found?;
                let chain = decode_chain(key.get(1..).unwrap_or_default())?;
                if Some(&chain) != after {
                    standings.push((chain, decode_standing(&value)?));
                }
                if standings.len() >= limit {
                    break;
                }
            }
            Ok(standings)
        })
    }

    /// Whether the body of this entry was erased.
    pub(super) fn is_erased(&self, index: u64) -> Result<bool, ReadError> {
        self.ask(|| Ok(self.db.contains_key(erased_key(index))?))
    }

    /// The error for a record that does not say what it must.
    pub(super) fn damaged(&self) -> ReadError {
        ReadError::Index {
            path: self.path.clone(),
            why: IndexFault::Record,
        }
    }

    fn ask<T>(&self, question: impl FnOnce() -> Result<T, IndexFault>) -> Result<T, ReadError> {
        guarded(question).map_err(|why| ReadError::Index {
            path: self.path.clone(),
            why,
        })
    }
}

impl Window {
    /// The frame of an entry, and its place in that frame.
    pub(super) fn locate(&self, index: u64) -> Option<(u64, usize)> {
        let after = self.frames.partition_point(|&(first, _)| first <= index);
        let &(first, offset) = self.frames.get(after.checked_sub(1)?)?;
        Some((offset, usize::try_from(index - first).ok()?))
    }
}

/// Opens the database. The store's own lock is held by now, so that nobody else can have it: where its lock
/// is still taken, a thread of sled's own is about to let go of a handle that was dropped.
fn open_db(path: &Path) -> sled::Result<sled::Db> {
    let patience = Instant::now() + Duration::from_secs(2);
    loop {
        let opened = sled::Config::default()
            .path(path)
            .cache_capacity(1 << 20)
            .mode(sled::Mode::LowSpace)
            .flush_every_ms(None)
            .open();
        match opened {
            Err(sled::Error::Io(error))
                if error.to_string().contains("could not acquire lock") && Instant::now() < patience =>
            {
                thread::sleep(Duration::from_millis(2));
            }
            opened => return opened,
        }
    }
}

/// The one door to sled. It panics on some damaged files, in code of its own that cannot be made to
/// return; what is found broken must be reported, and must not take the process down.
fn guarded<T>(action: impl FnOnce() -> Result<T, IndexFault>) -> Result<T, IndexFault> {
    catch_unwind(AssertUnwindSafe(action)).unwrap_or(Err(IndexFault::Panicked))
}

impl From<Malformed> for IndexFault {
    fn from(_: Malformed) -> Self {
        Self::Record
    }
}

fn window_key(number: u64) -> [u8; 9] {
    tagged(b'w', number)
}

fn erased_key(index: u64) -> [u8; 9] {
    tagged(b'e', index)
}

fn tagged(tag: u8, number: u64) -> [u8; 9] {
    let [a, b, c, d, e, f, g, h] = number.to_be_bytes();
    [tag, a, b, c, d, e, f, g, h]
}

fn standing_key(chain: &ChainId) -> Vec<u8> {
    let mut key = vec![b'h'];
    push_chain(&mut key, chain);
    key
}

fn run_key(chain: &ChainId, first_seq: u64) -> Vec<u8> {
    let mut key = vec![b'c'];
    push_chain(&mut key, chain);
    key.extend_from_slice(&first_seq.to_be_bytes());
    key
}

/// Sorts as [`ChainId`] does.
fn push_chain(out: &mut Vec<u8>, chain: &ChainId) {
    let (tag, id) = match chain {
        ChainId::Workspace(id) => (0, id.to_bytes()),
        ChainId::Trace(id) => (1, id.to_bytes()),
    };
    out.push(tag);
    out.extend_from_slice(&id);
}

fn decode_chain(bytes: &[u8]) -> Result<ChainId, Malformed> {
    let (tag, id) = bytes.split_first().ok_or(Malformed)?;
    let id = Uuid::from_bytes(id.try_into().map_err(|_| Malformed)?);
    match tag {
        0 => Ok(ChainId::Workspace(WorkspaceId::from_uuid(id))),
        1 => Ok(ChainId::Trace(TraceId::from_uuid(id))),
        _ => Err(Malformed),
    }
}

fn encode_window(window: &Window) -> Vec<u8> {
    let mut out = Vec::with_capacity(1024);
    out.extend_from_slice(&window.next_offset.to_le_bytes());
    out.extend_from_slice(&window.last_at.unix_micros().to_le_bytes());
    out.extend_from_slice(window.root.as_bytes());
    push_varint(&mut out, window.peaks.len() as u64);
    for peak in &window.peaks {
        out.extend_from_slice(peak.as_bytes());
    }
    let (mut index, mut offset) = (0, 0);
    for &(first, at) in &window.frames {
        push_varint(&mut out, first - index);
        push_varint(&mut out, at - offset);
        (index, offset) = (first, at);
    }
    out
}

fn decode_window(bytes: &[u8]) -> Result<Window, Malformed> {
    let mut input = Input(bytes);
    let next_offset = input.u64()?;
    let last_at = input.timestamp()?;
    let root = TreeHash::from_bytes(input.array()?);
    let count = input.varint()?;
    if count > 64 {
        return Err(Malformed);
    }
    let peaks = (0..count)
        .map(|_| input.array().map(TreeHash::from_bytes))
        .collect::<Result<_, _>>()?;
    let mut frames = Vec::new();
    let (mut index, mut offset) = (0_u64, 0_u64);
    while !input.0.is_empty() {
        index = index.checked_add(input.varint()?).ok_or(Malformed)?;
        offset = offset.checked_add(input.varint()?).ok_or(Malformed)?;
        frames.push((index, offset));
    }
    Ok(Window {
        next_offset,
        last_at,
        root,
        peaks,
        frames,
    })
}

fn encode_run(run: &Run) -> Vec<u8> {
    let mut out = run.last_hash.as_bytes().to_vec();
    let mut last = 0;
    for &index in &run.indices {
        push_varint(&mut out, index - last);
        last = index;
    }
    out
}

fn decode_run(first_seq: u64, bytes: &[u8]) -> Result<Run, Malformed> {
    let mut input = Input(bytes);
    let last_hash = EntryHash::from_bytes(input.array()?);
    let mut indices = Vec::new();
    let mut index = 0_u64;
    while !input.0.is_empty() {
        index = index.checked_add(input.varint()?).ok_or(Malformed)?;
        indices.push(index);
    }
    Ok(Run {
        first_seq,
        last_hash,
        indices,
    })
}

fn encode_standing(standing: &Standing) -> Vec<u8> {
    let mut out = standing.head.next_seq.to_le_bytes().to_vec();
    out.extend_from_slice(standing.head.hash.as_bytes());
    out.extend_from_slice(&standing.first_at.unix_micros().to_le_bytes());
    out.extend_from_slice(&standing.last_at.unix_micros().to_le_bytes());
    out
}

fn decode_standing(bytes: &[u8]) -> Result<Standing, Malformed> {
    let mut input = Input(bytes);
    Ok(Standing {
        head: Head {
            next_seq: input.u64()?,
            hash: EntryHash::from_bytes(input.array()?),
        },
        first_at: input.timestamp()?,
        last_at: input.timestamp()?,
    })
}

/// LEB128.
fn push_varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push((value & 0x7f) as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

impl Input<'_> {
    fn varint(&mut self) -> Result<u64, Malformed> {
        let mut value = 0_u64;
        for shift in (0..63).step_by(7) {
            let [byte] = self.array()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(Malformed)
    }

    fn timestamp(&mut self) -> Result<Timestamp, Malformed> {
        Timestamp::from_unix_micros(self.u64()?).map_err(|_| Malformed)
    }
}
