//! `get_work_item`.

use protocol::tools::{GetWorkItem, WorkItemView};
use rmcp::model::Tool;

use super::{Effect, define};

pub(super) fn tool() -> Tool {
    define::<GetWorkItem, WorkItemView>(GetWorkItem::NAME, "One work item and its state.", Effect::Reads)
}

pub(super) fn text(item: &WorkItemView) -> String {
    let told = format!(
        "{}: {} ({}, {} risk) is {}, proposed on behalf of {}",
        item.id, item.title, item.item_type, item.risk, item.state, item.on_behalf_of
    );
    let stale = item.stale.as_ref().map(|stale| format!("; {stale}"));
    let stale = stale.unwrap_or_default();
    match item.evidence.len() {
        0 => format!("{told}{stale}"),
        pieces => format!("{told}; {pieces} pieces of evidence{stale}"),
    }
}
