//! `report_progress`.

use protocol::tools::{ProgressReported, ReportProgress};
use rmcp::model::Tool;

use super::{Effect, define};

pub(super) fn tool() -> Tool {
    define::<ReportProgress, ProgressReported>(
        ReportProgress::NAME,
        "Say that approved work is in_progress, then in_review, or that you withdraw what you proposed.",
        Effect::Adds,
    )
}

pub(super) fn text(result: &ProgressReported) -> String {
    format!("{} is {}", result.id, result.state)
}
