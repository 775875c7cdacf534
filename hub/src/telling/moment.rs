//! A moment of a session, as people write it.

use time::{Duration, Time, macros::format_description};
use vocabulary::Timestamp;

/// Why a text is no moment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no moment; write 14:05, 14:05:30 or 2026-01-31T14:05:30Z, in UTC")]
pub struct MomentError(String);

/// Reads a moment: a whole one, or a time of day in a session that began at `began`. A time of day before that is the next day's.
///
/// # Errors
/// [`MomentError`] where it is neither.
pub fn moment(text: &str, began: Timestamp) -> Result<Timestamp, MomentError> {
    if let Ok(exact) = text.parse() {
        return Ok(exact);
    }
    let error = || MomentError(vocabulary::shown(text, 40));
    // Without fractions, as people write them.
    if let Some(whole) = text.strip_suffix('Z')
        && let Ok(exact) = format!("{whole}.000000Z").parse()
    {
        return Ok(exact);
    }
    let minutes = format_description!("[hour]:[minute]");
    let seconds = format_description!("[hour]:[minute]:[second]");
    let of_day = Time::parse(text, seconds).or_else(|_| Time::parse(text, minutes));
    let of_day = of_day.map_err(|_| error())?;
    let day = began.to_offset_date_time();
    let mut at = day.replace_time(of_day);
    if at < day.replace_nanosecond(0).unwrap_or(day) {
        at = at.checked_add(Duration::DAY).ok_or_else(error)?;
    }
    Timestamp::from_offset_date_time(at).map_err(|_| error())
}

/// A moment's time of day, to the second.
#[must_use]
pub fn clock(at: Timestamp) -> String {
    let text = at.to_string();
    text.get(11..19).unwrap_or(&text).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_time_of_day_is_one_of_the_session_s() {
        let began: Timestamp = "2026-01-31T14:05:30.250000Z".parse().unwrap();
        for (text, read) in [
            ("2026-02-01T00:00:00.000001Z", "2026-02-01T00:00:00.000001Z"),
            ("2026-02-01T00:00:00Z", "2026-02-01T00:00:00.000000Z"),
            ("14:05:30", "2026-01-31T14:05:30.000000Z"),
            ("14:06", "2026-01-31T14:06:00.000000Z"),
            ("00:10", "2026-02-01T00:10:00.000000Z"),
        ] {
            assert_eq!(moment(text, began).unwrap().to_string(), read, "{text}");
        }
        for text in [
            "",
            "25:00",
            "14",
            "yesterday",
            "\u{1b}[2J",
            "14:05:30:00",
            "-1:00",
        ] {
            assert!(moment(text, began).is_err(), "{text}");
        }
    }
}
