//! The tools as a client sees them: one file a tool, with its definition and the short text of its result.

mod append_trace_note;
mod await_decision;
mod describe_delegation;
mod get_work_item;
mod list_work_items;
mod propose_work_item;
mod read_trace;
mod record_evidence;
mod report_progress;
mod verify_trace;

use protocol::tools::{
    AppendTraceNote, AwaitDecision, DescribeDelegation, GetWorkItem, ListWorkItems, ProposeWorkItem,
    ReadTrace, RecordEvidence, ReportProgress, VerifyTrace,
};
use rmcp::model::{Tool, ToolAnnotations};
use schemars::JsonSchema;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::schema;

/// Every tool, in a fixed order.
#[must_use]
pub fn all() -> Vec<Tool> {
    vec![
        propose_work_item::tool(),
        await_decision::tool(),
        get_work_item::tool(),
        list_work_items::tool(),
        record_evidence::tool(),
        report_progress::tool(),
        append_trace_note::tool(),
        read_trace::tool(),
        verify_trace::tool(),
        describe_delegation::tool(),
    ]
}

/// The short text that stands beside a tool's structured result; a client that shows no structure, and the
/// model behind it, read this.
#[must_use]
pub fn text_of(tool: &str, result: &Value) -> String {
    let text = match tool {
        ProposeWorkItem::NAME => render(result, propose_work_item::text),
        AwaitDecision::NAME => render(result, await_decision::text),
        GetWorkItem::NAME => render(result, get_work_item::text),
        ListWorkItems::NAME => render(result, list_work_items::text),
        RecordEvidence::NAME => render(result, record_evidence::text),
        ReportProgress::NAME => render(result, report_progress::text),
        AppendTraceNote::NAME => render(result, append_trace_note::text),
        ReadTrace::NAME => render(result, read_trace::text),
        VerifyTrace::NAME => render(result, verify_trace::text),
        DescribeDelegation::NAME => render(result, describe_delegation::text),
        _ => None,
    };
    text.unwrap_or_else(|| result.to_string())
}

fn render<T: DeserializeOwned>(result: &Value, text: impl Fn(&T) -> String) -> Option<String> {
    T::deserialize(result).ok().map(|result| text(&result))
}

/// What a tool does to the world, said honestly.
#[derive(Clone, Copy)]
enum Effect {
    /// Changes nothing but the record that it was called.
    Reads,
    /// Adds to the record; nothing is changed or removed.
    Adds,
}

fn define<Arguments: JsonSchema, Output: JsonSchema>(
    name: &'static str,
    description: &'static str,
    effect: Effect,
) -> Tool {
    let annotations = ToolAnnotations::new().open_world(false);
    // The other hints say something of tools that write only, and repeating a default costs context.
    let annotations = match effect {
        Effect::Reads => annotations.read_only(true),
        Effect::Adds => annotations.read_only(false).destructive(false),
    };
    Tool::new(name, description, schema::of_arguments::<Arguments>())
        .with_raw_output_schema(schema::of_result::<Output>().into())
        .with_annotations(annotations)
}

#[cfg(test)]
mod tests;
