//! What goes wrong before a request reaches a method, in the words of the record and of the answer.

use protocol::Observation;
use rmcp::model::{
    ClientJsonRpcMessage, ClientNotification, ClientRequest, ErrorCode, ErrorData, JsonRpcMessage, RequestId,
    ServerJsonRpcMessage,
};
use serde_json::Value;

/// The longest message that is read, in bytes.
pub const MAX_MESSAGE_BYTES: usize = 4 * 1024 * 1024;

/// Under this key of an error's `data` stands where it was recorded; such an error is not recorded again.
pub const RECORDED: &str = "recorded";

/// The longest message that begins a session, in bytes: what it says of the client is remembered as long as that lasts.
const MAX_INITIALIZE_BYTES: usize = 64 * 1024;

/// The longest identifier of a request, in bytes. It is repeated in every answer.
const MAX_ID_BYTES: usize = 128;

/// How much of an unreadable message is kept in the record, in bytes.
const KEPT_BYTES: usize = 512;

/// Something that is no message of MCP.
#[derive(Debug)]
pub struct Mistake {
    /// The request that it was to be, where it says so.
    pub id: Option<RequestId>,
    /// What is answered.
    pub error: ErrorData,
    /// What is recorded.
    pub observation: Observation,
}

impl Mistake {
    fn new(
        id: Option<RequestId>,
        code: ErrorCode,
        message: String,
        method: Option<String>,
        bytes: &[u8],
    ) -> Self {
        let observation = Observation::ProtocolError {
            method,
            code: i64::from(code.0),
            message: message.clone(),
            received: String::from_utf8_lossy(&bytes[..bytes.len().min(KEPT_BYTES)]).into_owned(),
        };
        Self {
            id,
            error: ErrorData::new(code, message, None),
            observation,
        }
    }

    /// A message of over [`MAX_MESSAGE_BYTES`].
    #[must_use]
    pub fn too_long() -> Self {
        let message = format!("the message is over {MAX_MESSAGE_BYTES} bytes; send less at once");
        Self::new(None, ErrorCode::INVALID_REQUEST, message, None, &[])
    }

    /// The JSON-RPC message that answers it.
    #[must_use]
    pub fn answer(self) -> ServerJsonRpcMessage {
        ServerJsonRpcMessage::error(self.error, self.id)
    }
}

/// Whether a message would begin a session.
#[must_use]
pub fn begins(message: &Value) -> bool {
    message["method"] == "initialize"
}

/// What is wrong with a message that would have a server repeat or remember more than it needs to.
#[must_use]
pub fn oversized(message: &Value, bytes: &[u8]) -> Option<Mistake> {
    let names = [message.get("id"), message.pointer("/params/_meta/progressToken")];
    let mut names = names.into_iter().flatten().filter_map(Value::as_str);
    let message = if names.any(|name| name.len() > MAX_ID_BYTES) {
        format!("an id or progress token is over {MAX_ID_BYTES} bytes; choose shorter ones")
    } else if begins(message) && bytes.len() > MAX_INITIALIZE_BYTES {
        format!("an initialize is over {MAX_INITIALIZE_BYTES} bytes; say less of the client")
    } else {
        return None;
    };
    Some(Mistake::new(
        None,
        ErrorCode::INVALID_REQUEST,
        message,
        None,
        bytes,
    ))
}

/// Whether this is one of the methods that we serve, with parameters that are not its own. rmcp takes what does not fit
/// a method that it knows for a method that it does not know.
#[must_use]
pub fn misshapen(request: &ClientRequest) -> bool {
    matches!(request, ClientRequest::CustomRequest(custom) if is_ours(&custom.method))
}

pub(crate) fn is_ours(method: &str) -> bool {
    matches!(method, "initialize" | "tools/call" | "resources/read")
}

/// What is wrong with bytes that are no MCP message, and to which request the answer belongs. Nothing is, where they are
/// a notification that we do not know: it is for somebody else, and JSON-RPC forbids to answer it.
#[must_use]
pub fn explain(bytes: &[u8], error: &str) -> Option<Mistake> {
    let value: Value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(syntax) => {
            let message = format!("the line is not JSON in UTF-8: {syntax}");
            return Some(Mistake::new(None, ErrorCode::PARSE_ERROR, message, None, bytes));
        }
    };
    let method = value
        .get("method")
        .and_then(Value::as_str)
        .map(|text| text.chars().take(80).collect());
    let id = value
        .get("id")
        .and_then(|id| serde_json::from_value(id.clone()).ok());
    match (&method, &id) {
        (Some(_), None) if value.get("id").is_none() => None,
        (Some(name), Some(_)) => {
            let message = format!("the parameters of {name} are not what MCP defines: {error}");
            Some(Mistake::new(
                id,
                ErrorCode::INVALID_PARAMS,
                message,
                method,
                bytes,
            ))
        }
        _ => {
            let message = format!("the message is not JSON-RPC 2.0 as MCP uses it (no batches): {error}");
            Some(Mistake::new(
                id,
                ErrorCode::INVALID_REQUEST,
                message,
                method,
                bytes,
            ))
        }
    }
}

/// What is recorded of a message that withdraws a request.
#[must_use]
pub fn cancellation(message: &ClientJsonRpcMessage) -> Option<Observation> {
    let JsonRpcMessage::Notification(notification) = message else {
        return None;
    };
    let ClientNotification::CancelledNotification(cancelled) = &notification.notification else {
        return None;
    };
    let request = cancelled
        .params
        .request_id
        .as_ref()
        .map_or_else(String::new, ToString::to_string);
    Some(Observation::Cancelled {
        request: request.chars().take(80).collect(),
        reason: cancelled
            .params
            .reason
            .as_ref()
            .map(|text| text.chars().take(KEPT_BYTES).collect()),
    })
}

/// What is recorded of an answer that is an error which rmcp gives by itself, as to a method that we do not have.
#[must_use]
pub fn unrecorded_error(message: &ServerJsonRpcMessage) -> Option<Observation> {
    let JsonRpcMessage::Error(answer) = message else {
        return None;
    };
    let data = answer.error.data.as_ref();
    if data.is_some_and(|data| data.get(RECORDED).is_some()) {
        return None;
    }
    Some(Observation::ProtocolError {
        method: None,
        code: i64::from(answer.error.code.0),
        message: answer.error.message.chars().take(KEPT_BYTES).collect(),
        received: String::new(),
    })
}
