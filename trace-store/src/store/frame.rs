//! Frames: what one group commit appends to the ledger file.
//!
//! ```text
//! head     120 bytes, see below
//! table    for each entry: length of its bytes, u32; length of salt and body, u32, or 0xffffffff for no body
//! erased   for each body that this commit erases: its entry's global index, u64
//! entries  the canonical bytes, one after another
//! bodies   salt (32 bytes) and body, one after another
//! ```
//!
//! All numbers are little-endian. The head carries a checksum of its own, so that a damaged length is never
//! taken for a commit that was cut short, and one over the table, the erasures and the entries. Bodies are
//! outside of both: their entries commit to them, and erasing overwrites them in place.

use std::sync::LazyLock;

use blake3::Hasher;

use crate::{EntryHash, Salt, TreeHash, body::MAX_BODY_BYTES, entry::MAX_ENTRY_BYTES};

/// First bytes of every frame.
const MAGIC: [u8; 4] = *b"AOF1";
/// Bytes of a frame's head.
pub(super) const HEAD_LEN: usize = 120;
/// Where the head's own checksum starts.
const CHECK_AT: usize = HEAD_LEN - 16;
/// What stands in the table for an entry without a body.
const NO_BODY: u32 = u32::MAX;
/// Most entries and most erasures of a frame.
pub(super) const MAX_RECORDS: usize = 1 << 16;
const HEAD_CONTEXT: &str = "auditotter 2026 frame head v1";
const CONTENT_CONTEXT: &str = "auditotter 2026 frame content v1";

/// What is written before a frame's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct FrameHead {
    /// How many entries.
    pub(super) records: u32,
    /// How many erasures.
    pub(super) erasures: u32,
    /// Global index of the first entry.
    pub(super) first: u64,
    /// Length of all entries.
    pub(super) entries_len: u64,
    /// Length of all salts and bodies.
    pub(super) bodies_len: u64,
    /// The ledger's Merkle root after this frame.
    pub(super) root: TreeHash,
    /// Checksum over table, erasures and the entries' hashes.
    pub(super) content: [u8; 32],
}

/// Lengths of one entry and its salted body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct RecordLen {
    pub(super) entry: u32,
    pub(super) body: Option<u32>,
}

/// A frame's head and table, with the places of what they describe.
#[derive(Debug, Clone)]
pub(super) struct Frame {
    /// Where it starts in the ledger file.
    pub(super) offset: u64,
    pub(super) head: FrameHead,
    pub(super) records: Vec<Record>,
    pub(super) erasures: Vec<u64>,
    /// Where it ends.
    pub(super) end: u64,
    table: Vec<u8>,
}

/// Where an entry and its body are.
#[derive(Debug, Clone, Copy)]
pub(super) struct Record {
    pub(super) entry_at: u64,
    pub(super) entry_len: usize,
    pub(super) body: Option<BodyAt>,
}

/// Where a salt and the body after it are.
#[derive(Debug, Clone, Copy)]
pub(super) struct BodyAt {
    pub(super) at: u64,
    pub(super) len: usize,
}

/// What a frame's head or table cannot be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Malformed;

impl FrameHead {
    /// Reads a head whose checksum holds.
    pub(super) fn decode(bytes: &[u8; HEAD_LEN]) -> Result<Self, Malformed> {
        let (covered, check) = bytes.split_at(CHECK_AT);
        if check != check_of(covered) {
            return Err(Malformed);
        }
        let mut input = Input(covered);
        let magic = input.array::<4>()?;
        let head = Self {
            records: input.u32()?,
            erasures: input.u32()?,
            first: input.u64()?,
            entries_len: input.u64()?,
            bodies_len: input.u64()?,
            root: TreeHash::from_bytes(input.array()?),
            content: input.array()?,
        };
        let in_bounds = |count: u32| count as usize <= MAX_RECORDS;
        let possible = in_bounds(head.records)
            && in_bounds(head.erasures)
            && head.entries_len <= u64::from(head.records) * MAX_ENTRY_BYTES as u64
            && head.bodies_len <= u64::from(head.records) * (MAX_BODY_BYTES + Salt::LEN) as u64;
        if magic == MAGIC && possible {
            Ok(head)
        } else {
            Err(Malformed)
        }
    }

    /// The head's bytes.
    pub(super) fn encode(&self, out: &mut Vec<u8>) {
        let start = out.len();
        out.extend_from_slice(&MAGIC);
        out.extend_from_slice(&self.records.to_le_bytes());
        out.extend_from_slice(&self.erasures.to_le_bytes());
        out.extend_from_slice(&self.first.to_le_bytes());
        out.extend_from_slice(&self.entries_len.to_le_bytes());
        out.extend_from_slice(&self.bodies_len.to_le_bytes());
        out.extend_from_slice(self.root.as_bytes());
        out.extend_from_slice(&self.content);
        out.resize(start + CHECK_AT, 0);
        let check = check_of(out.get(start..).unwrap_or_default());
        out.extend_from_slice(&check);
    }

    /// Length of table and erasures.
    pub(super) const fn table_len(&self) -> usize {
        self.records as usize * 8 + self.erasures as usize * 8
    }

    /// Length of the whole frame.
    pub(super) const fn frame_len(&self) -> u64 {
        HEAD_LEN as u64 + self.table_len() as u64 + self.entries_len + self.bodies_len
    }
}

impl Frame {
    /// Reads the table that follows a head.
    pub(super) fn decode(offset: u64, head: FrameHead, table: &[u8]) -> Result<Self, Malformed> {
        let mut input = Input(table);
        let entries_at = offset + HEAD_LEN as u64 + head.table_len() as u64;
        let bodies_at = entries_at + head.entries_len;
        let end = bodies_at + head.bodies_len;
        let (mut entry_at, mut body_at) = (entries_at, bodies_at);
        let mut records = Vec::with_capacity(head.records as usize);
        for _ in 0..head.records {
            let (entry, body) = (input.u32()? as usize, input.u32()?);
            if entry > MAX_ENTRY_BYTES {
                return Err(Malformed);
            }
            let body = match body as usize {
                _ if body == NO_BODY => None,
                len @ Salt::LEN.. if len <= MAX_BODY_BYTES + Salt::LEN => Some(BodyAt { at: body_at, len }),
                _ => return Err(Malformed),
            };
            records.push(Record {
                entry_at,
                entry_len: entry,
                body,
            });
            entry_at += entry as u64;
            body_at += body.map_or(0, |body| body.len as u64);
        }
        let erasures = (0..head.erasures)
            .map(|_| input.u64())
            .collect::<Result<_, _>>()?;
        if entry_at != bodies_at || body_at != end {
            return Err(Malformed);
        }
        Ok(Self {
            offset,
            head,
            records,
            erasures,
            end,
            table: table.to_vec(),
        })
    }

    /// Whether the head's checksum is that of this table and these entries.
    pub(super) fn holds(&self, entries: impl Iterator<Item = EntryHash>) -> bool {
        content(&self.table, entries) == self.head.content
    }
}

/// The table and erasures of a frame.
pub(super) fn encode_table(records: impl Iterator<Item = RecordLen>, erasures: &[u64]) -> Vec<u8> {
    let mut table = Vec::new();
    for record in records {
        table.extend_from_slice(&record.entry.to_le_bytes());
        table.extend_from_slice(&record.body.unwrap_or(NO_BODY).to_le_bytes());
    }
    for index in erasures {
        table.extend_from_slice(&index.to_le_bytes());
    }
    table
}

/// The checksum over a frame's table, erasures and entries.
pub(super) fn content(table: &[u8], entries: impl Iterator<Item = EntryHash>) -> [u8; 32] {
    static CONTEXT: LazyLock<Hasher> = LazyLock::new(|| Hasher::new_derive_key(CONTENT_CONTEXT));
    let mut hasher = CONTEXT.clone();
    hasher.update(table);
    for entry in entries {
        hasher.update(entry.as_bytes());
    }
    *hasher.finalize().as_bytes()
}

fn check_of(head: &[u8]) -> [u8; 16] {
    static CONTEXT: LazyLock<Hasher> = LazyLock::new(|| Hasher::new_derive_key(HEAD_CONTEXT));
    let mut hasher = CONTEXT.clone();
    hasher.update(head);
    let mut check = [0; 16];
    hasher.finalize_xof().fill(&mut check);
    check
}

/// Little-endian numbers taken from the front of bytes.
pub(super) struct Input<'a>(pub(super) &'a [u8]);

impl Input<'_> {
    pub(super) fn array<const N: usize>(&mut self) -> Result<[u8; N], Malformed> {
        let (taken, rest) = self.0.split_first_chunk::<N>().ok_or(Malformed)?;
        self.0 = rest;
        Ok(*taken)
    }

    pub(super) fn u32(&mut self) -> Result<u32, Malformed> {
        self.array().map(u32::from_le_bytes)
    }

    pub(super) fn u64(&mut self) -> Result<u64, Malformed> {
        self.array().map(u64::from_le_bytes)
    }
}
