//! One trace as one file that anybody can verify offline: JSON Lines, specified in `docs/TRACE-FORMAT.md`.
//!
//! A header with a signed checkpoint; a line for each entry of the trace and for each context entry, with its
//! body and its inclusion proof; a trailer that counts and hashes all before it, so that a file cut short is
//! told from one that was changed.

mod format;
mod verify;
mod write;

pub use verify::{BadLine, Verified, VerifiedEntry, VerifyError, WhyNot, verify, verify_each};
pub use write::{ExportError, Written, write};

#[cfg(test)]
mod tests;
