//! A moment, to the microsecond, in UTC: the only form of time that is recorded.

use std::{fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use time::{Duration, OffsetDateTime, UtcOffset, format_description::well_known::Rfc3339};

use crate::{shown, text_form};

/// A moment in UTC with microseconds, written as `2026-11-21T02:27:37.000000Z` (RFC 3339, always 27
/// characters, so that text sorts as time does). Years 1970 to 9999.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Timestamp(OffsetDateTime);

/// Why a text or number is no [`Timestamp`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TimestampError {
    /// Not `YYYY-MM-DDTHH:MM:SS.ffffffZ`.
    #[error("`{0}` is not a time of the form 2026-11-21T02:27:37.000000Z")]
    Form(String),
    /// Before 1970 or after 9999.
    #[error("that time is outside the years 1970 to 9999")]
    Range,
}

impl Timestamp {
    /// The start of 1970.
    pub const EPOCH: Self = Self(OffsetDateTime::UNIX_EPOCH);

    /// This many microseconds after the start of 1970.
    ///
    /// # Errors
    /// [`TimestampError::Range`] beyond the year 9999.
    pub fn from_unix_micros(micros: u64) -> Result<Self, TimestampError> {
        OffsetDateTime::from_unix_timestamp_nanos(i128::from(micros) * 1_000)
            .map(Self)
            .map_err(|_| TimestampError::Range)
    }

    /// The moment of a wall clock reading, cut to microseconds.
    ///
    /// # Errors
    /// [`TimestampError::Range`] before 1970.
    pub fn from_offset_date_time(moment: OffsetDateTime) -> Result<Self, TimestampError> {
        let micros = moment.unix_timestamp_nanos() / 1_000;
        u64::try_from(micros)
            .map_err(|_| TimestampError::Range)
            .and_then(Self::from_unix_micros)
    }

    /// Microseconds since the start of 1970.
    #[must_use]
    pub fn unix_micros(self) -> u64 {
        u64::try_from(self.0.unix_timestamp_nanos() / 1_000).unwrap_or(0)
    }

    /// Whole milliseconds since the start of 1970.
    #[must_use]
    pub fn unix_millis(self) -> u64 {
        self.unix_micros() / 1_000
    }

    /// Whole seconds since the start of 1970.
    #[must_use]
    pub fn unix_seconds(self) -> u64 {
        self.unix_micros() / 1_000_000
    }

    /// This moment moved by a duration, held within 1970 to 9999.
    #[must_use]
    pub fn saturating_add(self, by: Duration) -> Self {
        let moved = self.0.saturating_add(by);
        Self(moved.max(OffsetDateTime::UNIX_EPOCH))
    }

    /// How long after `earlier` this is; negative where it is before.
    #[must_use]
    pub fn since(self, earlier: Self) -> Duration {
        self.0 - earlier.0
    }

    /// The moment as the `time` crate has it.
    #[must_use]
    pub const fn to_offset_date_time(self) -> OffsetDateTime {
        self.0
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let t = self.0;
        write!(
            f,
            "{:04}-{:02}-{:02}T{:02}:{:02}:{:02}.{:06}Z",
            t.year(),
            u8::from(t.month()),
            t.day(),
            t.hour(),
            t.minute(),
            t.second(),
            t.microsecond()
        )
    }
}

impl FromStr for Timestamp {
    type Err = TimestampError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || TimestampError::Form(shown(text, 48));
        let moment = OffsetDateTime::parse(text, &Rfc3339).map_err(|_| form())?;
        if moment.offset() != UtcOffset::UTC {
            return Err(form());
        }
        let parsed = Self::from_offset_date_time(moment)?;
        // One moment has one text: what would be written differently is refused.
        if parsed.to_string() == text {
            Ok(parsed)
        } else {
            Err(form())
        }
    }
}

text_form!(Timestamp);

impl JsonSchema for Timestamp {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Timestamp".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn one_moment_has_one_text() {
        let text = "2026-11-21T02:27:37.000000Z";
        assert_eq!(text.parse::<Timestamp>().unwrap().to_string(), text);
        for other in [
            "2026-11-21T02:27:37Z",
            "2026-11-21T02:27:37.000000+00:00",
            "2026-11-21t02:27:37.000000z",
            "2026-11-21T03:27:37.000000+01:00",
            "1969-12-31T23:59:59.000000Z",
            "",
        ] {
            assert!(other.parse::<Timestamp>().is_err(), "{other}");
        }
    }

    proptest! {
        #[test]
        fn text_returns_to_the_same_moment_and_sorts_alike(
            a in 0_u64..253_402_300_799_000_000, b in 0_u64..253_402_300_799_000_000,
        ) {
            let (a, b) = (Timestamp::from_unix_micros(a).unwrap(), Timestamp::from_unix_micros(b).unwrap());
            prop_assert_eq!(a.to_string().parse::<Timestamp>().unwrap(), a);
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }
    }
}
