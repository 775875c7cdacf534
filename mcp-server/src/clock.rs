//! The one place where this process asks the machine for time and randomness.

use time::OffsetDateTime;
use vocabulary::{Id, Kind, Timestamp};

/// The machine's wall clock. What the hub accepts is judged by the hub's own.
pub(crate) fn now() -> Timestamp {
    Timestamp::from_offset_date_time(OffsetDateTime::now_utc()).unwrap_or(Timestamp::EPOCH)
}

/// Random bytes from the operating system.
///
/// # Errors
/// Where the system has none to give.
pub(crate) fn random<const N: usize>() -> Result<[u8; N], getrandom::Error> {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes)?;
    Ok(bytes)
}

/// A new identifier of this moment.
///
/// # Errors
/// Where the system has no randomness to give.
pub(crate) fn new_id<K: Kind>() -> Result<Id<K>, getrandom::Error> {
    Ok(Id::new(now().unix_millis(), random()?))
}
