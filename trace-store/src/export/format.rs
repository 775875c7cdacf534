//! The lines of an export.

use serde::{Deserialize, Serialize};
use vocabulary::{TraceId, WorkspaceId};

use crate::{EntryHash, TreeHash};

/// What the header's `format` says.
pub(super) const FORMAT: &str = "auditotter-trace-export";
/// The version that this code writes and reads.
pub(super) const VERSION: u64 = 1;
/// Longest line, in bytes, its newline included.
pub(super) const MAX_LINE_BYTES: usize = 64 << 20;
/// Most hashes of an inclusion proof: the tree has at most 2^53 leaves.
pub(super) const MAX_PROOF: usize = 64;

/// The first line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Header {
    pub(super) format: String,
    pub(super) version: u64,
    pub(super) workspace: WorkspaceId,
    pub(super) trace: TraceId,
    /// The hub's Ed25519 public key, 64 hexadecimal digits.
    pub(super) hub_key: String,
    /// The signed note, as it is.
    pub(super) checkpoint: String,
    pub(super) counts: Counts,
    /// Earlier states of this ledger for which something in the file vouches, smallest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(super) history: Vec<Earlier>,
}

/// A ledger as it was, and the proof that the one of the checkpoint begins with it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Earlier {
    pub(super) size: u64,
    pub(super) root: TreeHash,
    /// The consistency proof of RFC 6962 section 2.1.2.
    pub(super) proof: Vec<TreeHash>,
}

/// How many lines of each sort follow.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Counts {
    pub(super) trace: u64,
    pub(super) context: u64,
}

/// What every version's first line says.
#[derive(Debug, Deserialize)]
pub(super) struct AnyHeader {
    pub(super) format: String,
    pub(super) version: u64,
}

/// A line for one entry.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EntryLine {
    pub(super) index: u64,
    /// The canonical bytes, as text.
    pub(super) entry: String,
    #[serde(default, skip_serializing_if = "Option::is_none", deserialize_with = "said")]
    pub(super) body: Option<BodyLine>,
    pub(super) proof: Vec<TreeHash>,
}

/// Absent is one thing and `null` another.
fn said<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<Option<BodyLine>, D::Error> {
    BodyLine::deserialize(deserializer).map(Some)
}

/// A body, or that it was erased.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields, untagged)]
pub(super) enum BodyLine {
    /// Salt and bytes in standard base64.
    Present(PresentBody),
    /// `{"erased":true}`.
    Erased(ErasedBody),
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PresentBody {
    pub(super) salt: String,
    pub(super) bytes: String,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ErasedBody {
    pub(super) erased: bool,
}

/// The last line.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Trailer {
    pub(super) end: End,
}

/// What the last line says of all lines before it.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct End {
    /// How many lines there are before this one.
    pub(super) lines: u64,
    /// BLAKE3 of all bytes before this line.
    pub(super) blake3: EntryHash,
    /// Both, signed by the hub's key.
    pub(super) note: String,
}

/// The text that the trailer's note signs.
pub(super) fn seal_text(trace: TraceId, lines: u64, digest: &blake3::Hash) -> String {
    format!("{FORMAT}\n{trace}\n{lines}\n{}\n", digest.to_hex())
}
