//! One event as a client's hook tells it. The shapes are those of Claude Code 2.1 and Codex 0.169, which share most of them;
//! what they may grow tomorrow is kept, not refused.

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

/// The longest name, identifier or word of an event that is taken as such, in bytes.
const MOST_WORD_BYTES: usize = 256;

/// What a client calls its session.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize)]
#[serde(transparent)]
pub struct ClientSession(String);

impl ClientSession {
    /// The client's own name for it.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// An agent that another started.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SubAgent {
    /// The client's name for this one.
    pub id: String,
    /// What kind it is of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
}

/// One event.
#[derive(Debug, Clone, PartialEq)]
pub struct Event {
    /// In which session of the client.
    pub session: ClientSession,
    /// What the client called the event.
    pub name: String,
    /// Where the client works.
    pub cwd: Option<String>,
    /// Where the client keeps its own record.
    pub transcript: Option<String>,
    /// Where it keeps that of an agent that came to its end.
    pub agent_transcript: Option<String>,
    /// Which turn of the conversation it belongs to.
    pub turn: Option<String>,
    /// How the client asks for permission at the moment.
    pub mode: Option<String>,
    /// By which agent within the session, where it is not the first.
    pub by: Option<SubAgent>,
    /// What it was.
    pub happened: Happened,
}

/// What an event says.
#[derive(Debug, Clone, PartialEq)]
pub enum Happened {
    /// The session began, or went on after a pause.
    SessionStarted {
        /// How: `startup`, `resume`, `clear`, `compact`, `fork`.
        source: Option<String>,
        /// Which model answers.
        model: Option<String>,
    },
    /// The session ended.
    SessionEnded {
        /// Why, as the client says.
        reason: Option<String>,
    },
    /// A human, or whoever runs the client, said something.
    Prompt {
        /// What.
        text: String,
    },
    /// A tool is about to be used. The only event that is waited for and may be denied.
    ToolCalled(Used),
    /// A tool was used.
    ToolReturned {
        /// The use.
        used: Used,
        /// What came of it.
        response: Value,
    },
    /// A tool was used and failed.
    ToolFailed {
        /// The use.
        used: Used,
        /// What the client says of it.
        error: String,
        /// Whether somebody interrupted it.
        interrupted: bool,
    },
    /// The tools that the agent asked for in one go came to their ends, and what the agent was told of each.
    BatchEnded(Vec<(Used, String)>),
    /// The client asks a human whether a tool may be used.
    PermissionAsked(Used),
    /// It may not.
    PermissionRefused {
        /// The use.
        used: Used,
        /// Why.
        reason: Option<String>,
    },
    /// An agent was started by this one.
    SubAgentStarted(SubAgent),
    /// It came to its end.
    SubAgentStopped {
        /// Which.
        agent: SubAgent,
        /// The last that it said.
        last_message: Option<String>,
    },
    /// What the agent remembers of the session was shortened.
    Compacted {
        /// Who asked for it: `manual` or `auto`.
        trigger: Option<String>,
        /// What is remembered in its place.
        summary: Option<String>,
    },
    /// The agent had nothing more to do.
    TurnEnded {
        /// The last that it said.
        last_message: Option<String>,
    },
    /// A human stopped the agent in the middle of something.
    Interrupted,
    /// The client's settings changed; those it takes up only where its hooks let it.
    SettingsChanged {
        /// Which, as the client says: `user_settings`, `project_settings`, `local_settings` and the like.
        source: String,
        /// In which file.
        path: Option<String>,
    },
    /// Everything else that the client tells.
    Other(Map<String, Value>),
}

/// A tool and how it is used.
#[derive(Debug, Clone, PartialEq)]
pub struct Used {
    /// The client's own id of this use; asking for permission has none.
    pub call: Option<String>,
    /// The tool's name.
    pub tool: String,
    /// Its input.
    pub input: Value,
}

/// Why something is no event.
#[derive(Debug, thiserror::Error)]
pub enum EventError {
    /// Not JSON.
    #[error("the hook's input is no JSON object: {0}")]
    NotJson(#[from] serde_json::Error),
    /// Without what every event has.
    #[error("the hook's input has no `{0}` that is a text of 1 to {MOST_WORD_BYTES} bytes")]
    Missing(&'static str),
}

impl Event {
    /// Whether the client waits to be told whether it may use a tool.
    #[must_use]
    pub fn asks(&self) -> bool {
        self.name == "PreToolUse"
    }

    /// Reads what a client gave to its hook.
    ///
    /// # Errors
    /// [`EventError`] where it does not say whose session it is and what happened.
    pub fn parse(json: &[u8]) -> Result<Self, EventError> {
        let mut said = Said(serde_json::from_slice(json)?);
        let session = ClientSession(said.word("session_id").ok_or(EventError::Missing("session_id"))?);
        let name = said
            .word("hook_event_name")
            .ok_or(EventError::Missing("hook_event_name"))?;
        let prompt = said.word("prompt_id");
        let turn = said.word("turn_id").or(prompt);
        let event = Self {
            session,
            cwd: said.text("cwd"),
            transcript: said.text("transcript_path"),
            agent_transcript: None,
            turn,
            mode: said.word("permission_mode"),
            by: None,
            happened: Happened::Other(Map::new()),
            name,
        };
        let agent = said.agent();
        let stopped = event.name == "SubagentStop";
        let agent_transcript = stopped.then(|| said.text("agent_transcript_path")).flatten();
        let (by, happened) = match event.name.as_str() {
            "SubagentStart" => match agent {
                Some(agent) => (None, Happened::SubAgentStarted(agent)),
                None => (None, Happened::Other(said.0)),
            },
            "SubagentStop" => match agent {
                Some(agent) => {
                    let last_message = said.text("last_assistant_message");
                    (None, Happened::SubAgentStopped { agent, last_message })
                }
                None => (None, Happened::Other(said.0)),
            },
            _ => (agent, said.happened(&event.name)),
        };
        Ok(Self {
            by,
            happened,
            agent_transcript,
            ..event
        })
    }
}

/// An event's members, taken out one by one; what is left is what nobody here knows.
struct Said(Map<String, Value>);

impl Said {
    fn text(&mut self, name: &str) -> Option<String> {
        match self.0.remove(name)? {
            Value::String(text) => Some(text),
            Value::Null => None,
            other => {
                self.0.insert(name.to_owned(), other);
                None
            }
        }
    }

    fn word(&mut self, name: &str) -> Option<String> {
        let fits = |text: &&str| !text.is_empty() && text.len() <= MOST_WORD_BYTES;
        self.0.get(name).and_then(Value::as_str).filter(fits)?;
        self.text(name)
    }

    fn flag(&mut self, name: &str) -> bool {
        self.0
            .remove(name)
            .and_then(|value| value.as_bool())
            .unwrap_or_default()
    }

    fn value(&mut self, name: &str) -> Value {
        self.0.remove(name).unwrap_or_default()
    }

    fn agent(&mut self) -> Option<SubAgent> {
        let id = self.word("agent_id")?;
        let kind = self.word("agent_type");
        Some(SubAgent { id, kind })
    }

    fn used(&mut self) -> Option<Used> {
        let tool = self.word("tool_name")?;
        Some(Used {
            call: self.word("tool_use_id"),
            tool,
            input: self.value("tool_input"),
        })
    }

    fn batch(&mut self) -> Option<Vec<(Used, String)>> {
        let Value::Array(calls) = self.0.get("tool_calls")? else {
            return None;
        };
        let told = |call: &Value| {
            let mut call = Self(call.as_object()?.clone());
            let told = match call.value("tool_response") {
                Value::String(text) => text,
                other => other.to_string(),
            };
            Some((call.used()?, told))
        };
        calls.iter().map(told).collect()
    }

    fn happened(mut self, name: &str) -> Happened {
        let known = match name {
            "SessionStart" => Some(Happened::SessionStarted {
                source: self.word("source"),
                model: self.word("model"),
            }),
            "SessionEnd" => Some(Happened::SessionEnded {
                reason: self.word("reason"),
            }),
            "UserPromptSubmit" => self.text("prompt").map(|text| Happened::Prompt { text }),
            "PreToolUse" => self.used().map(Happened::ToolCalled),
            "PostToolUse" => self.used().map(|used| Happened::ToolReturned {
                used,
                response: self.value("tool_response"),
            }),
            "PostToolUseFailure" => self.used().map(|used| Happened::ToolFailed {
                used,
                error: self.text("error").unwrap_or_default(),
                interrupted: self.flag("is_interrupt"),
            }),
            "PostToolBatch" => self.batch().map(Happened::BatchEnded),
            "PermissionRequest" => self.used().map(Happened::PermissionAsked),
            "PermissionDenied" => self.used().map(|used| Happened::PermissionRefused {
                used,
                reason: self.text("reason"),
            }),
            "PostCompact" => Some(Happened::Compacted {
                trigger: self.word("trigger"),
                summary: self.text("compact_summary"),
            }),
            "Stop" => Some(Happened::TurnEnded {
                last_message: self.text("last_assistant_message"),
            }),
            "Interrupt" => Some(Happened::Interrupted),
            "ConfigChange" => self.word("source").map(|source| Happened::SettingsChanged {
                source,
                path: self.text("file_path"),
            }),
            _ => None,
        };
        known.unwrap_or(Happened::Other(self.0))
    }
}
