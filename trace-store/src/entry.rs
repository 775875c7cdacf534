//! Entries: canonical, immutable records, one for each thing that happened.
//!
//! An entry is an RFC 8785 (JCS) JSON object without floats. Its canonical bytes are what is stored, what
//! is hashed and what is exported: there is one form, and every other is refused.

mod canonical;
mod fields;
mod scan;

use vocabulary::{DelegationId, MemberId, Timestamp};

pub use fields::{FieldError, Kind, Refs, Via};
pub(crate) use scan::Scanned;
pub use scan::{ParseError, ParseErrorKind};

use crate::{BodyClaim, ChainId, EntryHash};

/// Largest entry, in bytes of its canonical form.
pub const MAX_ENTRY_BYTES: usize = 64 << 10;

/// Largest sequence number and size: what a JSON number carries exactly everywhere (RFC 7493).
pub const MAX_INTEGER: u64 = (1 << 53) - 1;

/// The context under which entries are hashed.
pub const ENTRY_HASH_CONTEXT: &str = "auditotter 2026 entry v1";

/// One record in a chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    /// The chain it is in.
    pub chain: ChainId,
    /// Its position there, from 0.
    pub seq: u64,
    /// The hash of the entry before it; [`EntryHash::NONE`] for the first.
    pub prev: EntryHash,
    /// When it was recorded, by the ledger's clock.
    pub at: Timestamp,
    /// What happened, as `tool.called`.
    pub kind: Kind,
    /// The member it was done for.
    pub on_behalf_of: Option<MemberId>,
    /// Which agent acted: recorded, never authoritative.
    pub via: Option<Via>,
    /// The delegation it was done under.
    pub delegation: Option<DelegationId>,
    /// What it is about, as identifiers and short values.
    pub refs: Refs,
    /// The body it commits to.
    pub body: Option<BodyClaim>,
}

/// What a caller says of an entry; chain, position, time and hashes are the ledger's to add.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewEntry {
    /// What happened, as `tool.called`.
    pub kind: Kind,
    /// The member it was done for.
    pub on_behalf_of: Option<MemberId>,
    /// Which agent acted.
    pub via: Option<Via>,
    /// The delegation it was done under.
    pub delegation: Option<DelegationId>,
    /// What it is about.
    pub refs: Refs,
    /// The bytes to commit to and keep beside it.
    pub body: Option<Vec<u8>>,
}

impl NewEntry {
    /// An entry of this kind with nothing else said.
    #[must_use]
    pub const fn new(kind: Kind) -> Self {
        Self {
            kind,
            on_behalf_of: None,
            via: None,
            delegation: None,
            refs: Refs::new(),
            body: None,
        }
    }
}

impl Entry {
    /// The canonical bytes: what is stored, hashed and exported.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(512);
        self.write_to(&mut out);
        out
    }

    /// Appends the canonical bytes.
    pub(crate) fn write_to(&self, out: &mut Vec<u8>) {
        canonical::write(self, out);
    }

    /// Reads canonical bytes, and refuses every other form of the same object.
    ///
    /// # Errors
    /// [`ParseError`] says at which byte the bytes stop being those of an entry.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ParseError> {
        Scanned::read(bytes)?.to_entry()
    }

    /// The hash of this entry's canonical bytes.
    #[must_use]
    pub fn hash(&self) -> EntryHash {
        hash(&self.to_bytes())
    }
}

/// The hash of an entry's canonical bytes.
#[must_use]
pub fn hash(bytes: &[u8]) -> EntryHash {
    // Deriving the key from the context costs as much as hashing a small entry: once is enough.
    static CONTEXT: std::sync::LazyLock<blake3::Hasher> =
        std::sync::LazyLock::new(|| blake3::Hasher::new_derive_key(ENTRY_HASH_CONTEXT));
    let mut hasher = CONTEXT.clone();
    hasher.update(bytes);
    EntryHash::from_bytes(*hasher.finalize().as_bytes())
}

#[cfg(test)]
mod tests;
