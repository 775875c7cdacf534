//! What an agent says of work that was proposed for its human: that it goes on, or that it is wanted no more.

use serde::{Deserialize, Serialize};
use vocabulary::{DelegationId, MemberId, ReportedState, Timestamp, TraceId, WorkItemId, joins, misleads};

use crate::{State, Step};

const MOST_URL_BYTES: usize = 300;
const MOST_WHY_BYTES: usize = 1_000;

/// A report as it came.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawReport {
    /// Where the work stands.
    pub state: ReportedState,
    /// Where the change can be looked at.
    #[serde(default)]
    pub pull_request: Option<String>,
    /// Why.
    #[serde(default)]
    pub why: Option<String>,
}

/// Where the work stands, as an agent says. It cannot say that a human decided, nor that a change landed. What is read back
/// from a ledger comes through the same door as what an agent sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawReport")]
pub struct Report {
    state: ReportedState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pull_request: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    why: Option<String>,
}

/// Why a report was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ReportError {
    /// Not an address that people open.
    #[error("pull_request is no https address of at most {MOST_URL_BYTES} printable ASCII characters")]
    PullRequest,
    /// Too long, or nothing.
    #[error("why has {0} bytes; say it in 1 to {MOST_WHY_BYTES}")]
    Why(usize),
    /// It would not be shown as it is read.
    #[error(
        "why holds U+{:04X}, a control character or one that hides or turns what is read; leave it out",
        u32::from(*.0)
    )]
    Misleads(char),
}

/// What the ledger records of a report: the word of whoever reported it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reported {
    /// On which work item.
    pub work_item: WorkItemId,
    /// What was said.
    pub report: Report,
    /// The human for whom.
    pub on_behalf_of: MemberId,
    /// The agent, as it calls itself.
    pub via: String,
    /// Under which delegation.
    pub delegation: DelegationId,
    /// In which session's trace the call stands.
    pub trace: TraceId,
    /// When.
    pub reported_at: Timestamp,
}

impl Report {
    /// Parses a report.
    ///
    /// # Errors
    /// [`ReportError`] with the field, its limit, and what to do.
    pub fn parse(raw: RawReport) -> Result<Self, ReportError> {
        let printable = |url: &String| {
            url.len() <= MOST_URL_BYTES
                && url.strip_prefix("https://").is_some_and(|rest| !rest.is_empty())
                && url.bytes().all(|b| b.is_ascii_graphic())
        };
        if raw.pull_request.as_ref().is_some_and(|url| !printable(url)) {
            return Err(ReportError::PullRequest);
        }
        if let Some(why) = &raw.why {
            let says = why.chars().any(|c| !c.is_whitespace() && !joins(c));
            if !says || why.len() > MOST_WHY_BYTES {
                return Err(ReportError::Why(why.len()));
            }
            if let Some(character) = why.chars().find(|c| misleads(*c) && *c != '\n') {
                return Err(ReportError::Misleads(character));
            }
        }
        Ok(Self {
            state: raw.state,
            pull_request: raw.pull_request,
            why: raw.why,
        })
    }

    /// Where the work stands.
    #[must_use]
    pub const fn state(&self) -> State {
        self.step().leads_to()
    }

    /// The step that it says was taken. None of these leads to where only humans lead.
    #[must_use]
    pub const fn step(&self) -> Step {
        match self.state {
            ReportedState::InProgress => Step::Begin,
            ReportedState::InReview => Step::Submit,
            ReportedState::Withdrawn => Step::Withdraw,
        }
    }

    /// Where the change can be looked at.
    #[must_use]
    pub fn pull_request(&self) -> Option<&str> {
        self.pull_request.as_deref()
    }

    /// Why.
    #[must_use]
    pub fn why(&self) -> Option<&str> {
        self.why.as_deref()
    }
}

impl TryFrom<RawReport> for Report {
    type Error = ReportError;

    fn try_from(raw: RawReport) -> Result<Self, ReportError> {
        Self::parse(raw)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn raw(pull_request: Option<&str>, why: Option<&str>) -> Result<Report, ReportError> {
        Report::parse(RawReport {
            state: ReportedState::InReview,
            pull_request: pull_request.map(str::to_owned),
            why: why.map(str::to_owned),
        })
    }

    /// What the ledger holds of a report: written once, read for years.
    #[test]
    fn what_is_recorded_of_a_report_is_fixed() {
        let reported = Reported {
            work_item: WorkItemId::new(1, [1; 10]),
            report: raw(Some("https://github.com/acme/shop/pull/7"), Some("Ready.")).unwrap(),
            on_behalf_of: MemberId::new(2, [2; 10]),
            via: "claude-code".into(),
            delegation: DelegationId::new(3, [3; 10]),
            trace: TraceId::new(4, [4; 10]),
            reported_at: "2026-11-21T02:27:37.000000Z".parse().unwrap(),
        };
        let golden = include_str!("report/recorded.json").trim_end();
        assert_eq!(serde_json::to_string_pretty(&reported).unwrap(), golden);
        assert_eq!(serde_json::from_str::<Reported>(golden).unwrap(), reported);
        for gated in [
            "approved", "merged", "attested", "deployed", "verified", "proposed",
        ] {
            let forged = golden.replacen("in_review", gated, 1);
            let refused = serde_json::from_str::<Reported>(&forged).unwrap_err().to_string();
            assert!(refused.starts_with("unknown variant"), "{refused}");
        }
    }

    #[test]
    fn each_limit_is_told_with_what_to_do() {
        for bad in [
            "http://example.com/1",
            "https://",
            "https://a b",
            "https://é.example",
            &format!("https://{}", "x".repeat(300)),
            "javascript:alert(1)",
        ] {
            assert_eq!(raw(Some(bad), None), Err(ReportError::PullRequest), "{bad}");
        }
        assert_eq!(raw(None, Some(" ")), Err(ReportError::Why(1)));
        assert_eq!(raw(None, Some(&"x".repeat(1_001))), Err(ReportError::Why(1_001)));
        assert_eq!(
            raw(None, Some("a\u{202e}b")),
            Err(ReportError::Misleads('\u{202e}'))
        );
        assert_eq!(raw(None, Some("two\nlines")).unwrap().why(), Some("two\nlines"));
    }
}
