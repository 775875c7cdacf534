//! `propose_work_item`.

use protocol::tools::{ProposeWorkItem, WorkItemProposed};
use rmcp::model::Tool;

use super::{Effect, define};

pub(super) fn tool() -> Tool {
    define::<ProposeWorkItem, WorkItemProposed>(
        ProposeWorkItem::NAME,
        "Propose work to the human you act for, before changing code. Infers type and risk, says why, and \
         returns approval_url: show it to the human. You cannot approve.",
        Effect::Adds,
    )
}

pub(super) fn text(result: &WorkItemProposed) -> String {
    let told = format!(
        "{id} {state}: {item_type}, {risk} risk ({reasons}), on behalf of {who}. A human decides at {url}",
        id = result.id,
        state = result.state,
        item_type = result.item_type,
        risk = result.risk,
        reasons = result.risk_reasons.join("; "),
        who = result.on_behalf_of,
        url = result.approval_url,
    );
    match &result.next {
        Some(next) => format!("{told}. {next}"),
        None => told,
    }
}
