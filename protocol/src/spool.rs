//! What is kept on disk while no hub can be reached: one signed record a file, taken in by the next hub.
//!
//! A spooled record proves itself: it carries the session token and the holder's signature over its own
//! bytes, so a file dropped into the folder by somebody else is refused, and a changed one too.

use serde::{Deserialize, Serialize};
use vocabulary::{RequestId, Timestamp};

use crate::{Observation, Via};

/// What happened while nobody was there to record it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spooled {
    /// Taken in once, however often it is found.
    pub id: RequestId,
    /// When the agent side says that it happened. A claim: the entry's own time is when it was taken in.
    pub claimed_at: Timestamp,
    /// What acts.
    pub via: Via,
    /// What happened.
    pub observation: Observation,
}

/// A spool file: the record's exact bytes as text, and what proves them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpoolFile {
    /// The session token under which it happened.
    pub token: String,
    /// [`Spooled`] as JSON; the signature is over these bytes.
    pub record: String,
    /// The holder's signature over the request id and the record, in hex.
    pub proof: String,
}

/// The largest spool file that is taken in, in bytes.
pub const MAX_SPOOL_BYTES: u64 = 64 * 1024;
