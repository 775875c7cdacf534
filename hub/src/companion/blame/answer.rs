//! What is told of a trace, and of its edits.

use serde::{Deserialize, Serialize};
use vocabulary::{Timestamp, TraceId, WorkItemId};

use crate::companion::answer::TraceRow;

/// What is known of one trace.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TraceOfLines {
    /// Which.
    pub trace: TraceId,
    /// The trace, summed up; not there where the ledger knows no such trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<TraceRow>,
    /// The edits of that file that added one of the lines, in order.
    pub edits: Vec<EditOfLines>,
    /// How many edits of that file are recorded.
    pub edits_of_file: u64,
    /// How many edits, of whatever file, were erased.
    pub erased: u64,
    /// Whether there is more than was looked at.
    pub cut: bool,
}

/// An edit that added some of the lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EditOfLines {
    /// Its place in the trace.
    pub seq: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// Its hash, in hex.
    pub hash: String,
    /// What it is: `file.edited` or `file.changed`.
    pub kind: String,
    /// With which tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The file, as it was named.
    pub path: String,
    /// Whether it is not certain that it is this file: only the end of its name fits.
    pub elsewhere: bool,
    /// Whether that is because nobody recorded in which folder the session worked; else that folder is none of those asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub folder_unknown: bool,
    /// Whether it was found while the agent had no turn, so that somebody else may have made it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub between_turns: bool,
    /// Whose record says so, where no hook told of it: `transcript`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Which of the lines it added, by their place in the question.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adds: Vec<usize>,
    /// Which agent within the session, where it was not the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// What the agent had been told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<PromptOfLines>,
    /// The work that covered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_item: Option<WorkOfLines>,
}

/// What an agent was told before it edited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PromptOfLines {
    /// Its place in the trace.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Its beginning; not there where it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The agent that was told, where another agent told it and no human.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Whose record says so, where no hook told of it: `transcript`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Whether it is of the same turn, as the client numbers them; else it is the newest one before.
    pub same_turn: bool,
}

/// The work that covered an edit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkOfLines {
    /// Which.
    pub id: WorkItemId,
    /// As it was proposed; not there where the ledger knows no such work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Whether it is certain that it plans the file. A call may be made under work that has nothing to do with what it changes.
    #[serde(default)]
    pub plans_path: bool,
    /// What was decided, in order; of work that does not plan the file, nothing: it was not decided on this.
    #[serde(default)]
    pub decisions: Vec<DecisionOfLines>,
}

/// A decision on that work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecisionOfLines {
    /// What.
    pub verb: String,
    /// Who, by name.
    pub by: String,
    /// How it was signed.
    pub tier: String,
    /// When, by the clock of whoever decided.
    pub at: Timestamp,
}
