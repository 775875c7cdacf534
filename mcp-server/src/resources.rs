//! Work items and traces as resources: `auditotter://work-items/wi_…`, `auditotter://traces/tr_…`.

use protocol::tools::{GetWorkItem, ReadTrace};
use rmcp::model::{Resource, ResourceTemplate};
use serde_json::{Map, Value, json};
use vocabulary::{TraceId, WorkItemId};

const WORK_ITEMS: &str = "auditotter://work-items/";
const TRACES: &str = "auditotter://traces/";
const JSON: &str = "application/json";

/// The forms of address that can be read.
pub(crate) fn templates() -> Vec<ResourceTemplate> {
    vec![
        ResourceTemplate::new(format!("{WORK_ITEMS}{{id}}"), "work-item")
            .with_description("A work item: proposal, type, risk, state")
            .with_mime_type(JSON),
        ResourceTemplate::new(format!("{TRACES}{{id}}"), "trace")
            .with_description("The first page of a trace's entries")
            .with_mime_type(JSON),
    ]
}

/// The resource that is this session's own trace.
pub(crate) fn of_trace(trace: TraceId) -> Resource {
    Resource::new(format!("{TRACES}{trace}"), "this-session").with_mime_type(JSON)
}

/// The tool call by which a resource is read: the same door, checked and recorded alike.
pub(crate) fn call_for(uri: &str) -> Option<(&'static str, Map<String, Value>)> {
    let (tool, arguments) = if let Some(id) = uri.strip_prefix(WORK_ITEMS) {
        (GetWorkItem::NAME, json!({ "id": id.parse::<WorkItemId>().ok()? }))
    } else {
        let id = uri.strip_prefix(TRACES)?;
        (ReadTrace::NAME, json!({ "trace": id.parse::<TraceId>().ok()? }))
    };
    match arguments {
        Value::Object(arguments) => Some((tool, arguments)),
        _ => None,
    }
}
