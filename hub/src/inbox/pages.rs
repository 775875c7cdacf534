//! The pages, one file each, and what they share.

mod delegations;
mod landing;
mod link;
mod members;
mod trace;
mod waiting;
mod work_item;

pub(super) use delegations::delegations;
pub(super) use link::link;
pub(super) use members::members;
pub(super) use trace::trace;
pub(super) use waiting::waiting;
pub(super) use work_item::work_item;

use askama::Template;
use axum::{
    http::StatusCode,
    response::{Html, IntoResponse, Response},
};
use protocol::{Refusal, RefusalCode};
use time::Duration;
use trace_store::CommitError;
use vocabulary::Timestamp;

use crate::http::Problem;

/// Where people log in.
#[derive(Debug, Template)]
#[template(path = "login.html")]
pub(super) struct LoginPage {
    pub(super) next: String,
    /// Whether anybody has a passkey for this host.
    pub(super) anybody: bool,
    pub(super) host: String,
}

/// Where a passkey is made.
#[derive(Debug, Template)]
#[template(path = "enrol.html")]
pub(super) struct EnrolPage {
    pub(super) workspace: String,
    pub(super) host: String,
}

/// Nothing to show.
#[derive(Debug, Template)]
#[template(path = "failure.html")]
struct FailurePage {
    heading: &'static str,
    words: String,
}

/// Why a page is not shown.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// What was asked for cannot be answered.
    #[error("{}", .0.message)]
    Refused(Refusal),
    /// The ledger does not answer.
    #[error("the ledger does not answer: {0}")]
    Ledger(#[from] CommitError),
    /// A page cannot be written.
    #[error("the page cannot be written: {0}")]
    Page(#[from] askama::Error),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Failure {
    /// The same, for a script.
    pub(super) fn into_problem(self) -> Problem {
        match self {
            Self::Refused(refusal) => Problem::of(&refusal),
            Self::Ledger(error) => Problem::of(&Refusal::new(RefusalCode::NotRecorded, &error)),
            Self::Page(error) => Problem::of(&Refusal::new(RefusalCode::NotExpressible, &error)),
        }
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        let words = self.to_string();
        let status = self.into_problem().status();
        let heading = match status {
            StatusCode::NOT_FOUND => "There is no such thing here",
            StatusCode::SERVICE_UNAVAILABLE => "The ledger cannot be read",
            _ => "This cannot be shown",
        };
        match (FailurePage { heading, words }).render() {
            Ok(page) => (status, Html(page)).into_response(),
            Err(_) => status.into_response(),
        }
    }
}

/// A page.
pub(super) fn html(page: &impl Template) -> Result<Response, Failure> {
    Ok(Html(page.render()?).into_response())
}

/// A moment, as people read it, and as programs do.
#[derive(Debug, Clone)]
pub(super) struct Moment {
    at: Timestamp,
    exact: String,
    ago: String,
}

impl Moment {
    fn new(at: Timestamp, now: Timestamp) -> Self {
        Self {
            at,
            exact: crate::words::moment(at),
            ago: ago(now.since(at)),
        }
    }
}

/// How long something is past, as people say it.
fn ago(past: Duration) -> String {
    let (minutes, hours, days) = (past.whole_minutes(), past.whole_hours(), past.whole_days());
    let some = |number: i64, unit: &str| match number {
        1 => format!("1 {unit} ago"),
        _ => format!("{number} {unit}s ago"),
    };
    match (days, hours, minutes) {
        (days, ..) if days >= 2 => some(days, "day"),
        (_, hours, _) if hours >= 1 => some(hours, "hour"),
        (.., minutes) if minutes >= 1 => some(minutes, "minute"),
        _ => "just now".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_past_is_said_as_people_say_it() {
        for (past, said) in [
            (Duration::seconds(-3), "just now"),
            (Duration::seconds(59), "just now"),
            (Duration::seconds(60), "1 minute ago"),
            (Duration::minutes(59), "59 minutes ago"),
            (Duration::minutes(61), "1 hour ago"),
            (Duration::hours(47), "47 hours ago"),
            (Duration::hours(49), "2 days ago"),
        ] {
            assert_eq!(ago(past), said);
        }
    }
}
