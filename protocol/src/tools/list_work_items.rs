//! `list_work_items`: work items, newest first, a page at a time.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use vocabulary::{Risk, Timestamp, WorkItemId};

/// Arguments.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ListWorkItems {
    /// Only those in this state
    #[serde(default)]
    pub state: Option<String>,
    /// `next` of the page before
    #[serde(default)]
    pub after: Option<WorkItemId>,
    /// 1 to 50, else 20
    #[serde(default)]
    pub limit: Option<u16>,
}

impl ListWorkItems {
    /// The tool's name.
    pub const NAME: &str = "list_work_items";
    /// The largest page.
    pub const MAX_PAGE: u16 = 50;
    /// The page where none was asked for.
    pub const DEFAULT_PAGE: u16 = 20;
}

/// Result.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
pub struct WorkItemPage {
    /// Newest first.
    pub items: Vec<WorkItemRow>,
    /// Pass as `after` for more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<WorkItemId>,
}

/// A line of the list.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[schemars(inline)]
pub struct WorkItemRow {
    /// Which.
    pub id: WorkItemId,
    /// As proposed.
    pub title: String,
    /// Where it stands.
    pub state: String,
    /// Inferred type.
    #[serde(rename = "type")]
    pub item_type: String,
    /// Inferred risk.
    pub risk: Risk,
    /// When.
    pub proposed_at: Timestamp,
}
