//! `list_work_items`.

use std::fmt::Write as _;

use protocol::tools::{ListWorkItems, WorkItemPage};
use rmcp::model::Tool;

use super::{Effect, define};

pub(super) fn tool() -> Tool {
    define::<ListWorkItems, WorkItemPage>(
        ListWorkItems::NAME,
        "Work items, newest first, by page.",
        Effect::Reads,
    )
}

pub(super) fn text(page: &WorkItemPage) -> String {
    let mut text = match page.items.len() {
        0 => "no work items".to_owned(),
        1 => "1 work item".to_owned(),
        count => format!("{count} work items"),
    };
    for item in &page.items {
        let _ = write!(
            text,
            "\n{} {} {} {}: {}",
            item.id, item.state, item.item_type, item.risk, item.title
        );
    }
    if let Some(next) = page.next {
        let _ = write!(text, "\nmore: after={next}");
    }
    text
}
