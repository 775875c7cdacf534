//! The one place where the hub asks the machine for time and randomness.

use time::OffsetDateTime;
use vocabulary::{Id, Kind, Timestamp};

/// The machine's wall clock. What is recorded is the ledger's own, which never goes back.
#[must_use]
pub fn now() -> Timestamp {
    Timestamp::from_offset_date_time(OffsetDateTime::now_utc()).unwrap_or(Timestamp::EPOCH)
}

/// Random bytes from the operating system.
///
/// # Errors
/// Where the system has none to give.
pub fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// Fills bytes with randomness for salts.
///
/// # Panics
/// Where the system has none to give: the ledger then refuses the request whose entry it was for, and a body that
/// is committed to with a guessable salt never comes to be.
#[expect(clippy::expect_used, reason = "the ledger's writer turns it into a refusal")]
pub(crate) fn fill(bytes: &mut [u8]) {
    getrandom::fill(bytes).expect("the system gives randomness");
}

/// A new identifier of this moment.
///
/// # Errors
/// Where the system has no randomness to give.
pub fn new_id<K: Kind>() -> Result<Id<K>, getrandom::Error> {
    Ok(Id::new(now().unix_millis(), random()?))
}
