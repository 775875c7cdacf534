//! Canonical entries in hash chains, one Merkle ledger over them, and the store that keeps both.
//!
//! The pure half knows no clock, file or randomness: [`entry`], [`merkle`], [`checkpoint`] and
//! [`export::verify`]. The other half is all the I/O there is: [`Store`] reads what is durable, [`Ledger`] owns
//! the one thread that writes.

mod body;
mod chain;
pub mod checkpoint;
pub mod entry;
pub mod export;
mod hash;
mod ledger;
pub mod merkle;
mod store;

pub use body::{BodyClaim, BodyState, MAX_BODY_BYTES, Salt, SaltedBody};
pub use chain::{ChainId, Head};
pub use checkpoint::{Checkpoint, CheckpointError, CheckpointSigner, CheckpointVerifier};
pub use entry::{Entry, FieldError, Kind, MAX_ENTRY_BYTES, NewEntry, ParseError, Refs, Via};
pub use hash::{Commitment, EntryHash, HashError, TreeHash};
pub use ledger::{
    AppendError, Appended, Clock, Closed, CommitError, Config, Draft, Entropy, EraseError, Ledger,
    LedgerError,
};
pub use store::{
    Broken, ChainReport, ChainSummary, IndexFault, LedgerReport, OpenError, Position, ReadError, Store,
    Stored, Why,
};
