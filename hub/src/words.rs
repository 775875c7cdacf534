//! Grants and moments, in words that people read.

use std::fmt::Write as _;

use delegation::Grant;
use identity::HumanVerb;
use vocabulary::Timestamp;

/// A grant, a line for each thing that it says.
#[must_use]
pub fn of_grant(grant: &Grant, lender: &str) -> String {
    let mut text = format!(
        "{lender} lends {}, until {}:\n",
        grant.agent,
        moment(grant.expires_at)
    );
    for verb in &grant.verbs {
        let _ = writeln!(text, "  {:<20} {}", verb.as_str(), verb.description());
    }
    let _ = writeln!(text, "  in repositories      {}", grant.repositories);
    let _ = writeln!(text, "  on paths             {}", grant.paths);
    let _ = writeln!(text, "  up to                {} risk", grant.risk_ceiling);
    let never: Vec<&str> = HumanVerb::ALL.iter().map(|verb| verb.as_str()).collect();
    let _ = write!(text, "It can never lend {}: only people can.", never.join(", "));
    text
}

/// A grant on one line.
#[must_use]
pub fn of_grant_in_short(grant: &Grant) -> String {
    let verbs: Vec<&str> = grant.verbs.iter().map(|verb| verb.as_str()).collect();
    format!(
        "{} lent to {}: {}; repositories {}; paths {}; up to {} risk; until {}",
        grant.id,
        grant.agent,
        verbs.join(", "),
        grant.repositories,
        grant.paths,
        grant.risk_ceiling,
        moment(grant.expires_at)
    )
}

/// A moment cut to whole seconds, which is all that a token can say.
#[must_use]
pub fn whole_seconds(at: Timestamp) -> Timestamp {
    Timestamp::from_unix_micros(at.unix_seconds() * 1_000_000).unwrap_or(at)
}

/// A moment as people write it.
#[must_use]
pub fn moment(at: Timestamp) -> String {
    let text = at.to_string();
    let (date, time) = text.split_once('T').unwrap_or((&text, ""));
    let time = time.split_once('.').map_or(time, |(seconds, _)| seconds);
    format!("{date} {time} UTC")
}

/// A span of time as people say it.
#[must_use]
pub fn span(seconds: u64) -> String {
    match seconds {
        0..120 => format!("{seconds} s"),
        120..7_200 => format!("{} min", seconds / 60),
        _ => format!("{} h", seconds / 3_600),
    }
}
