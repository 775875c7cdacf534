//! The tools' arguments and results: one file a tool, shared by the server that offers it and the hub that
//! does it.

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

use delegation::AgentVerb;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub use append_trace_note::{AppendTraceNote, NoteAppended};
pub use await_decision::{AwaitDecision, DecisionAwaited};
pub use describe_delegation::{DelegationDescription, DescribeDelegation};
pub use get_work_item::{DecisionView, GetWorkItem, WorkItemView};
pub use list_work_items::{ListWorkItems, WorkItemPage, WorkItemRow};
pub use propose_work_item::{ProposeWorkItem, WorkItemProposed};
pub use read_trace::{EntryView, ReadTrace, TracePage};
pub use record_evidence::{EvidenceRecorded, RecordEvidence};
pub use report_progress::{ProgressReported, ReportProgress};
pub use verify_trace::{TraceVerified, VerifyTrace};

/// How much is said of what is wrong with arguments, which may repeat them.
const MOST_PROBLEM_CHARS: usize = 500;

/// A call of one of the tools, its arguments parsed.
#[derive(Debug, Clone)]
pub enum ToolCall {
    /// Propose work.
    ProposeWorkItem(ProposeWorkItem),
    /// Wait for a human's decision.
    AwaitDecision(AwaitDecision),
    /// Look at one work item.
    GetWorkItem(GetWorkItem),
    /// Look at many.
    ListWorkItems(ListWorkItems),
    /// Say what was run on a change.
    RecordEvidence(RecordEvidence),
    /// Say what became of work.
    ReportProgress(ReportProgress),
    /// Write a note into the session's trace.
    AppendTraceNote(AppendTraceNote),
    /// Read a trace.
    ReadTrace(ReadTrace),
    /// Check a trace's chain.
    VerifyTrace(VerifyTrace),
    /// Say what was lent.
    DescribeDelegation(DescribeDelegation),
}

/// Why a call is none of the tools'.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ToolCallError {
    /// No tool has this name.
    #[error("there is no tool `{0}`; the tools are {names}", names = TOOL_NAMES.join(", "))]
    Unknown(String),
    /// The arguments are not those of the tool.
    #[error("{tool}: {problem}; correct the arguments and call again")]
    Arguments {
        /// The tool.
        tool: &'static str,
        /// What is wrong with them.
        problem: String,
    },
}

/// The tools' names, in the order in which they are listed.
pub const TOOL_NAMES: [&str; 10] = [
    ProposeWorkItem::NAME,
    AwaitDecision::NAME,
    GetWorkItem::NAME,
    ListWorkItems::NAME,
    RecordEvidence::NAME,
    ReportProgress::NAME,
    AppendTraceNote::NAME,
    ReadTrace::NAME,
    VerifyTrace::NAME,
    DescribeDelegation::NAME,
];

impl ToolCall {
    /// Parses a call at the door.
    ///
    /// # Errors
    /// [`ToolCallError`] with what the caller has to change.
    pub fn parse(tool: &str, arguments: Value) -> Result<Self, ToolCallError> {
        match tool {
            ProposeWorkItem::NAME => read(ProposeWorkItem::NAME, arguments).map(Self::ProposeWorkItem),
            AwaitDecision::NAME => read(AwaitDecision::NAME, arguments).map(Self::AwaitDecision),
            GetWorkItem::NAME => read(GetWorkItem::NAME, arguments).map(Self::GetWorkItem),
            ListWorkItems::NAME => read(ListWorkItems::NAME, arguments).map(Self::ListWorkItems),
            RecordEvidence::NAME => read(RecordEvidence::NAME, arguments).map(Self::RecordEvidence),
            ReportProgress::NAME => read(ReportProgress::NAME, arguments).map(Self::ReportProgress),
            AppendTraceNote::NAME => read(AppendTraceNote::NAME, arguments).map(Self::AppendTraceNote),
            ReadTrace::NAME => read(ReadTrace::NAME, arguments).map(Self::ReadTrace),
            VerifyTrace::NAME => read(VerifyTrace::NAME, arguments).map(Self::VerifyTrace),
            DescribeDelegation::NAME => {
                read(DescribeDelegation::NAME, arguments).map(Self::DescribeDelegation)
            }
            unknown => Err(ToolCallError::Unknown(unknown.chars().take(80).collect())),
        }
    }

    /// The verb that has to be lent for this call; `None` where holding any valid token is enough.
    #[must_use]
    pub const fn verb(&self) -> Option<AgentVerb> {
        match self {
            Self::ProposeWorkItem(_) | Self::ReportProgress(_) => Some(AgentVerb::ProposeWorkItem),
            Self::AwaitDecision(_) | Self::GetWorkItem(_) | Self::ListWorkItems(_) => {
                Some(AgentVerb::ReadWorkItems)
            }
            Self::RecordEvidence(_) => Some(AgentVerb::RecordEvidence),
            Self::AppendTraceNote(_) => Some(AgentVerb::AppendTraceNote),
            Self::ReadTrace(_) | Self::VerifyTrace(_) => Some(AgentVerb::ReadTrace),
            Self::DescribeDelegation(_) => None,
        }
    }
}

fn read<T: DeserializeOwned>(tool: &'static str, arguments: Value) -> Result<T, ToolCallError> {
    serde_json::from_value(arguments).map_err(|error| ToolCallError::Arguments {
        tool,
        problem: error.to_string().chars().take(MOST_PROBLEM_CHARS).collect(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use serde_json::json;

    #[test]
    fn an_unknown_tool_is_told_which_exist() {
        let error = ToolCall::parse("approve", json!({})).unwrap_err();
        assert!(
            error
                .to_string()
                .starts_with("there is no tool `approve`; the tools are propose_work_item, ")
        );
    }

    #[test]
    fn a_missing_or_surplus_argument_is_named() {
        let missing = ToolCall::parse("propose_work_item", json!({}))
            .unwrap_err()
            .to_string();
        assert!(missing.contains("missing field `title`"), "{missing}");
        let arguments = json!({"id": "wi_00000000000000000000000000", "state": "approved"});
        let surplus = ToolCall::parse("get_work_item", arguments).unwrap_err();
        assert!(surplus.to_string().contains("unknown field `state`"), "{surplus}");
    }

    #[test]
    fn every_listed_name_is_a_tool() {
        for name in TOOL_NAMES {
            assert!(
                !matches!(ToolCall::parse(name, json!({})), Err(ToolCallError::Unknown(_))),
                "{name}"
            );
            assert!(
                format!("mcp__plugin_auditotter_auditotter__{name}").len() <= 64,
                "{name}"
            );
        }
    }

    proptest! {
        #[test]
        fn no_name_or_arguments_make_parsing_panic(index in 0..TOOL_NAMES.len(), text: String, number: i64) {
            for arguments in [json!(text), json!(number), json!(null), json!({ "id": text, "title": number })] {
                let _ = ToolCall::parse(TOOL_NAMES[index], arguments.clone());
                let _ = ToolCall::parse(&text, arguments);
            }
        }
    }
}
