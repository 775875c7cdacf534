//! What is asked within an open session, and what is answered.

use serde::{Deserialize, Serialize};
use serde_json::Value;
use serde_json::value::RawValue;
use vocabulary::{Client, RequestId, TraceId};

use crate::Refusal;

/// One request. A retry after a broken connection carries the same id and is applied once.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Request {
    /// Chosen by the asking side.
    pub id: RequestId,
    /// What is asked.
    pub body: RequestBody,
}

/// What can be asked.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum RequestBody {
    /// Call a tool. Recorded whatever comes of it, also where no such tool exists.
    Call(Call),
    /// Record what the agent side saw and the hub could not.
    Observe(Observation),
    /// Record what the client's hook told, and say whether it may go on.
    Event(ClientEvent),
    /// End the session: its token is worth nothing from here on.
    Close,
}

/// What a client gave to its hook.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ClientEvent {
    /// Whose hook it is.
    pub client: Client,
    /// The event, as it came; the hub reads it.
    pub event: Box<RawValue>,
}

/// A tool call as the client sent it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Call {
    /// The tool's name, unchecked.
    pub tool: String,
    /// The arguments, unchecked; the hub parses them into [`crate::tools::ToolCall`].
    pub arguments: Value,
    /// The client's own id for this call, where it gave one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_id: Option<String>,
    /// The resource whose reading this call serves, where it is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// What the client said of its own session and turn, where it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client: Option<Value>,
}

/// Something that happened on the agent's side of the MCP connection.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Observation {
    /// A message was not valid MCP, or was answered with a JSON-RPC error.
    ProtocolError {
        /// The method, where it could be read.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        method: Option<String>,
        /// The JSON-RPC error code that was answered.
        code: i64,
        /// What was wrong.
        message: String,
        /// The first bytes of what was received, as text, lossy.
        received: String,
    },
    /// The client withdrew a request that it had sent.
    Cancelled {
        /// The JSON-RPC id of the withdrawn request.
        request: String,
        /// The client's reason, where it gave one.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
}

impl Observation {
    /// The same, each of its texts cut after so many characters: it is told by those whom it is about.
    #[must_use]
    pub fn cut(&self, most: usize) -> Self {
        let cut = |text: &str| text.chars().take(most).collect::<String>();
        match self {
            Self::ProtocolError {
                method,
                code,
                message,
                received,
            } => Self::ProtocolError {
                method: method.as_deref().map(cut),
                code: *code,
                message: cut(message),
                received: cut(received),
            },
            Self::Cancelled { request, reason } => Self::Cancelled {
                request: cut(request),
                reason: reason.as_deref().map(cut),
            },
        }
    }
}

/// The answer to one [`Request`].
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reply {
    /// The request's id.
    pub id: RequestId,
    /// What came of it.
    pub body: ReplyBody,
}

/// What can be answered.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum ReplyBody {
    /// To a [`Call`]: recorded, with its outcome.
    Answer(Answer),
    /// To an [`Observation`] or a close: recorded.
    Recorded(Position),
    /// To an [`ClientEvent`]: recorded, and what is to become of what it announces.
    Heard(Heard),
    /// Nothing was recorded and nothing was done.
    Failed(Refusal),
}

/// What comes of a client's event.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Heard {
    /// Where it was recorded.
    pub recorded: Position,
    /// Why what it announces is not to happen, where that is so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub denied: Option<Refusal>,
}

/// Where in a trace something was recorded.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Position {
    /// The trace.
    pub trace: TraceId,
    /// The sequence number of the last entry that belongs to the request.
    pub seq: u64,
}

/// A recorded call's outcome.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Answer {
    /// Where it was recorded.
    pub recorded: Position,
    /// What came of it.
    pub outcome: Outcome,
}

/// What came of a call. This is also, word for word, what the ledger keeps of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Outcome {
    /// Done; the tool's structured result.
    Returned(Value),
    /// The delegation does not allow it.
    Denied(Refusal),
    /// Allowed, but not possible: malformed arguments, no such tool, nothing found.
    Rejected(Refusal),
}
