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
    match item.evidence.len() {
        0 => told,
        pieces => format!("{told}; {pieces} pieces of evidence"),
    }
}
