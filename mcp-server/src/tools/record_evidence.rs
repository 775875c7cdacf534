//! `record_evidence`.

use protocol::tools::{EvidenceRecorded, RecordEvidence};
use rmcp::model::Tool;

use super::{Effect, define};

pub(super) fn tool() -> Tool {
    define::<RecordEvidence, EvidenceRecorded>(
        RecordEvidence::NAME,
        "Record on a work item what you ran and what came of it, failures too. High risk takes a passed review \
         before a human approves.",
        Effect::Adds,
    )
}

pub(super) fn text(result: &EvidenceRecorded) -> String {
    format!(
        "recorded on {}, which is {} and has {} pieces of evidence",
        result.id, result.state, result.evidence
    )
}
