//! What is kept of an event: one record, or several where a tool changed several files. The names of the fields are the format:
//! docs/TRACE-FORMAT.md lists them.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::{
    command::{self, CommandRun},
    edit::{self, FileEdited},
    event::{Event, Happened, SubAgent, Used},
};

/// One record of an event, to become an entry of the session's trace.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// The client's id of the tool's use that it is about.
    pub call: Option<String>,
    /// Which turn of the conversation it belongs to.
    pub turn: Option<String>,
    /// By which agent within the session, where it is not the first.
    pub by: Option<SubAgent>,
    /// What it says.
    pub body: Body,
}

/// What a record says. Each has an entry kind of its own.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[serde(untagged)]
pub enum Body {
    /// `session.started`.
    SessionStarted(SessionStarted),
    /// `session.ended`.
    SessionEnded(SessionEnded),
    /// `prompt`.
    Prompt(Prompt),
    /// `tool.called`.
    ToolCalled(ToolCall),
    /// `tool.returned`.
    ToolReturned(Returned),
    /// `tool.failed`.
    ToolFailed(Failed),
    /// `file.edited`.
    FileEdited(FileEdited),
    /// `command.run`.
    CommandRun(CommandRun),
    /// A tool's use whose end was told to the agent; kept only where nothing else told it.
    Ended(Ended),
    /// `permission.asked`.
    PermissionAsked(ToolCall),
    /// `permission.refused`.
    PermissionRefused(Permission),
    /// `subagent.started`.
    SubAgentStarted(SubAgentStep),
    /// `subagent.stopped`.
    SubAgentStopped(SubAgentStep),
    /// `context.compacted`.
    Compacted(Compacted),
    /// `turn.ended`.
    TurnEnded(TurnEnded),
    /// `turn.interrupted`.
    TurnInterrupted(TurnInterrupted),
    /// `client.event`.
    ClientEvent(ClientEvent),
    /// `model.answered`.
    ModelAnswered(Answered),
}

/// Body of `session.started`: the client's session, not ours, which `session.opened` begins.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionStarted {
    /// The client's name of it.
    pub session: String,
    /// How it began: `startup`, `resume`, `clear`, `compact`, `fork`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Which model answers.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// Where the client works.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cwd: Option<String>,
    /// How it asks for permission.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub permission_mode: Option<String>,
}

/// Body of `session.ended`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SessionEnded {
    /// Why, as the client says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Body of `prompt`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Prompt {
    /// What was said.
    pub text: String,
}

/// Body of `tool.called` and `permission.asked`, of a client's own tools.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ToolCall {
    /// The tool's name.
    pub tool: String,
    /// Its input.
    pub arguments: Value,
}

/// Body of `tool.returned`, of a client's own tools.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Returned {
    /// What came of it.
    pub returned: Value,
}

/// Body of `tool.failed`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failed {
    /// The tool's name.
    pub tool: String,
    /// What the client says of it.
    pub error: String,
    /// Whether somebody interrupted it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
}

/// A tool's use, and what the agent was told of its end.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub struct Ended {
    /// The tool's name.
    pub tool: String,
    /// Its input.
    pub arguments: Value,
    /// What the agent was told.
    pub told: String,
}

/// Body of `permission.refused` and `permission.given`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Permission {
    /// The tool's name.
    pub tool: String,
    /// Why, as the client says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// Body of `subagent.started` and `subagent.stopped`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SubAgentStep {
    /// Which.
    pub agent: SubAgent,
    /// The last that it said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message: Option<String>,
}

/// Body of `context.compacted`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Compacted {
    /// Who asked for it: `manual` or `auto`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub trigger: Option<String>,
    /// What is remembered in place of what was said, where the client tells it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<String>,
}

/// Body of `turn.ended`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnEnded {
    /// The last that the agent said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_message: Option<String>,
}

/// Body of `model.answered`: what a transcript says of an answer. What it took is said once, with one of its parts.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answered {
    /// What the model said, where that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Which model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<String>,
    /// The vendor's id of the answer, or of this part of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// What the answer took.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub usage: Option<Usage>,
}

/// What an answer took, in tokens, as the vendor counts them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Usage {
    /// What the model read.
    pub input: u64,
    /// What it wrote.
    pub output: u64,
    /// Of what it read, what was remembered.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_read: Option<u64>,
    /// What was remembered for later.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cache_write: Option<u64>,
    /// Of what it wrote, what it thought.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reasoning: Option<u64>,
}

impl From<Used> for ToolCall {
    fn from(used: Used) -> Self {
        Self {
            tool: used.tool,
            arguments: used.input,
        }
    }
}

/// Body of `client.event`: what has no kind of its own.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientEvent {
    /// What the client called it.
    pub event: String,
    /// What it said, without what every event has.
    pub said: Map<String, Value>,
}

/// Body of `turn.interrupted`.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnInterrupted {
    /// The calls of whose ends the client told nothing: they may have been done, whole or in part.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub unfinished: Vec<String>,
}

impl Event {
    /// What is kept of it.
    #[must_use]
    pub fn records(self) -> Vec<Record> {
        let Self {
            session,
            name,
            cwd,
            turn,
            mode,
            by,
            happened,
            transcript: _,
            agent_transcript: _,
        } = self;
        let record = |call: Option<String>, body| Record {
            call,
            turn: turn.clone(),
            by: by.clone(),
            body,
        };
        let one = |body| vec![record(None, body)];
        match happened {
            Happened::SessionStarted { source, model } => one(Body::SessionStarted(SessionStarted {
                session: session.as_str().to_owned(),
                source,
                model,
                cwd,
                permission_mode: mode,
            })),
            Happened::SessionEnded { reason } => one(Body::SessionEnded(SessionEnded { reason })),
            Happened::Prompt { text } => one(Body::Prompt(Prompt { text })),
            Happened::ToolCalled(Used { call, tool, input }) => {
                vec![record(
                    call,
                    Body::ToolCalled(ToolCall {
                        tool,
                        arguments: input,
                    }),
                )]
            }
            Happened::ToolReturned { used, response } => returned(used, response)
                .into_iter()
                .map(|(call, body)| match body {
                    Body::FileEdited(edit) => (call, Body::FileEdited(edit.named_from(cwd.as_deref()))),
                    body => (call, body),
                })
                .map(|(call, body)| record(call, body))
                .collect(),
            Happened::ToolFailed {
                used,
                error,
                interrupted,
            } => {
                let (call, body) = failed(used, error, interrupted);
                vec![record(call, body)]
            }
            Happened::BatchEnded(calls) => calls
                .into_iter()
                .map(|(Used { call, tool, input }, told)| {
                    let ended = Ended {
                        tool,
                        arguments: input,
                        told,
                    };
                    record(call, Body::Ended(ended))
                })
                .collect(),
            Happened::PermissionAsked(Used { call, tool, input }) => {
                vec![record(
                    call,
                    Body::PermissionAsked(ToolCall {
                        tool,
                        arguments: input,
                    }),
                )]
            }
            Happened::PermissionRefused { used, reason } => {
                let tool = used.tool;
                vec![record(
                    used.call,
                    Body::PermissionRefused(Permission { tool, reason }),
                )]
            }
            Happened::SubAgentStarted(agent) => one(Body::SubAgentStarted(SubAgentStep {
                agent,
                last_message: None,
            })),
            Happened::SubAgentStopped { agent, last_message } => {
                one(Body::SubAgentStopped(SubAgentStep { agent, last_message }))
            }
            Happened::Compacted { trigger, summary } => one(Body::Compacted(Compacted { trigger, summary })),
            Happened::TurnEnded { last_message } => one(Body::TurnEnded(TurnEnded { last_message })),
            Happened::Interrupted => one(Body::TurnInterrupted(TurnInterrupted::default())),
            Happened::SettingsChanged { source, path } => {
                let said = [("source", Some(source)), ("file_path", path)];
                let said = said
                    .into_iter()
                    .filter_map(|(name, text)| Some((name.to_owned(), Value::from(text?))));
                one(Body::ClientEvent(ClientEvent {
                    event: name,
                    said: said.collect(),
                }))
            }
            Happened::Other(said) => one(Body::ClientEvent(ClientEvent { event: name, said })),
        }
    }
}

/// What is kept of a use that failed.
pub(crate) fn failed(used: Used, error: String, interrupted: bool) -> (Option<String>, Body) {
    let body = match command::of(&used) {
        Some(command) => Body::CommandRun(command::failed(command, error, interrupted)),
        None => Body::ToolFailed(Failed {
            tool: used.tool,
            error,
            interrupted,
        }),
    };
    (used.call, body)
}

/// How many files one call is said to have changed one by one; of one that names more, what it told is kept whole.
pub(crate) const MOST_EDITS: usize = 1_000;

/// What is kept of a use that was done.
pub(crate) fn returned(used: Used, response: Value) -> Vec<(Option<String>, Body)> {
    if let Some(edits) = edit::of(&used, &response).filter(|edits| edits.len() <= MOST_EDITS) {
        let records = edits
            .into_iter()
            .map(|edit| (used.call.clone(), Body::FileEdited(edit)));
        return records.collect();
    }
    let body = match command::of(&used) {
        Some(command) => Body::CommandRun(command::ended(command, response)),
        None => Body::ToolReturned(Returned { returned: response }),
    };
    vec![(used.call, body)]
}
