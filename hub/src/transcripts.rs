//! A client's own record of its session, as entries of a trace: while the session lasts, when something in it came to its end; and
//! after the fact, where somebody imports it.
//!
//! It is what the client wrote, in a file that whoever has a shell can write as well: each entry says so (`source`), and when it says
//! that something happened is a claim (`claimed_at`). What hooks told is not said twice.

mod fates;
pub(crate) mod folders;
pub(crate) mod intake;
pub(crate) mod past;
pub(crate) mod reading;

use trace_store::Entry;

/// What `source` says of an entry whose words are a transcript's.
pub(crate) const SOURCE: &str = "transcript";

/// Whether a transcript is all that says what an entry says.
pub(crate) fn is_source_of(entry: &Entry) -> bool {
    entry.refs.get("source") == Some(SOURCE)
}
