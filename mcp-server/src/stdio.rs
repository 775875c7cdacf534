//! The stdio transport: one JSON-RPC message a line, nothing else on stdout, and nothing unrecorded.
//!
//! rmcp's own stdio transport drops lines that are not JSON and keeps quiet about what it refuses. Here each
//! such line, each error that is answered and each cancellation is told to the hub before the client hears.

use std::{io, sync::Arc};

use protocol::Observation;
use rmcp::{
    RoleServer,
    model::{
        ClientJsonRpcMessage, ClientRequest, ErrorCode, ErrorData, JsonRpcMessage, RequestId,
        ServerJsonRpcMessage,
    },
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};
use serde_json::Value;
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    sync::Mutex,
};

use crate::hub_link::HubLink;

/// The longest line that is read, in bytes; longer ones are refused and skipped.
pub const MAX_LINE_BYTES: usize = 4 * 1024 * 1024;

/// How much of an unreadable message is kept in the record, in bytes.
const KEPT_BYTES: usize = 512;

/// Under this key of an error's `data` stands where it was recorded; such an error is not recorded again.
pub const RECORDED: &str = "recorded";

/// Line-framed JSON-RPC over a pair of streams, recording what goes wrong.
#[derive(Debug)]
pub struct Stdio<R, W> {
    lines: Lines<R>,
    out: Arc<Mutex<W>>,
    hub: HubLink,
    /// Until a request arrived there is no lifecycle, and notifications have nobody to go to.
    begun: bool,
    /// A message that is read and waits for its observation to be recorded; `receive` may be cancelled.
    held: Option<Held>,
}

#[derive(Debug)]
enum Held {
    Deliver(Box<ClientJsonRpcMessage>, Observation),
    Refuse(Option<RequestId>, ErrorData, Observation),
}

impl<R: AsyncRead + Unpin + Send, W: AsyncWrite + Unpin + Send + 'static> Stdio<R, W> {
    /// Reads from one stream and writes to the other.
    pub fn new(read: R, write: W, hub: HubLink) -> Self {
        Self {
            lines: Lines {
                read: BufReader::new(read),
                line: Vec::new(),
                skipping: false,
            },
            out: Arc::new(Mutex::new(write)),
            hub,
            begun: false,
            held: None,
        }
    }

    fn judge(&self, line: &Line) -> Judged {
        let bytes = match line {
            Line::Whole(bytes) => bytes,
            Line::TooLong => {
                let message = format!("the message is over {MAX_LINE_BYTES} bytes; send less at once");
                return Judged::refuse(None, ErrorCode::INVALID_REQUEST, message, None, &[]);
            }
        };
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Judged::Ignore;
        }
        match serde_json::from_slice::<ClientJsonRpcMessage>(bytes) {
            Ok(JsonRpcMessage::Notification(_)) if !self.begun => Judged::Ignore,
            // rmcp takes what does not fit a method that it knows for a method that it does not know.
            Ok(JsonRpcMessage::Request(request)) if misshapen(&request.request) => {
                explain(bytes, "`params` do not fit")
            }
            Ok(message) => match cancellation(&message) {
                Some(observation) => Judged::Hold(Held::Deliver(Box::new(message), observation)),
                None => Judged::Deliver(message),
            },
            Err(error) => explain(bytes, &error.to_string()),
        }
    }
}

enum Judged {
    Deliver(ClientJsonRpcMessage),
    Hold(Held),
    Ignore,
}

impl Judged {
    fn refuse(
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
        Self::Hold(Held::Refuse(id, ErrorData::new(code, message, None), observation))
    }
}

/// Whether this is one of the methods that we serve, with parameters that are not its own.
fn misshapen(request: &ClientRequest) -> bool {
    matches!(request, ClientRequest::CustomRequest(custom)
        if matches!(custom.method.as_str(), "initialize" | "tools/call" | "resources/read"))
}

/// What is wrong with a line that is no MCP message, and to which request the answer belongs.
fn explain(bytes: &[u8], error: &str) -> Judged {
    let value: Value = match serde_json::from_slice(bytes) {
        Ok(value) => value,
        Err(syntax) => {
            let message = format!("the line is not JSON in UTF-8: {syntax}");
            return Judged::refuse(None, ErrorCode::PARSE_ERROR, message, None, bytes);
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
        // A notification that we do not know is for somebody else; JSON-RPC forbids to answer it.
        (Some(_), None) if value.get("id").is_none() => Judged::Ignore,
        (Some(name), Some(_)) => {
            let message = format!("the parameters of {name} are not what MCP defines: {error}");
            Judged::refuse(id, ErrorCode::INVALID_PARAMS, message, method, bytes)
        }
        _ => {
            let message = format!("the message is not JSON-RPC 2.0 as MCP uses it (no batches): {error}");
            Judged::refuse(id, ErrorCode::INVALID_REQUEST, message, method, bytes)
        }
    }
}

fn cancellation(message: &ClientJsonRpcMessage) -> Option<Observation> {
    let JsonRpcMessage::Notification(notification) = message else {
        return None;
    };
    let rmcp::model::ClientNotification::CancelledNotification(cancelled) = &notification.notification else {
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

impl<R, W> Transport<RoleServer> for Stdio<R, W>
where
    R: AsyncRead + Unpin + Send,
    W: AsyncWrite + Unpin + Send + 'static,
{
    type Error = io::Error;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Self::Error>> + Send + 'static {
        let (out, hub) = (Arc::clone(&self.out), self.hub.clone());
        async move {
            if let Some(observation) = unrecorded_error(&message) {
                record(&hub, observation).await;
            }
            write(&out, &message).await
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            if let Some(held) = &self.held {
                let (Held::Deliver(_, observation) | Held::Refuse(_, _, observation)) = held;
                record(&self.hub, observation.clone()).await;
                match self.held.take()? {
                    Held::Deliver(message, _) => return Some(*message),
                    Held::Refuse(id, error, _) => {
                        write(&self.out, &ServerJsonRpcMessage::error(error, id))
                            .await
                            .ok()?;
                    }
                }
            }
            let line = self.lines.next().await?;
            match self.judge(&line) {
                Judged::Ignore => {}
                Judged::Hold(held) => self.held = Some(held),
                Judged::Deliver(message) => {
                    self.begun |= matches!(message, JsonRpcMessage::Request(_));
                    return Some(message);
                }
            }
        }
    }

    async fn close(&mut self) -> Result<(), Self::Error> {
        self.out.lock().await.shutdown().await
    }
}

async fn write<W: AsyncWrite + Unpin>(out: &Mutex<W>, message: &ServerJsonRpcMessage) -> io::Result<()> {
    let mut line = serde_json::to_vec(message)?;
    line.push(b'\n');
    let mut out = out.lock().await;
    out.write_all(&line).await?;
    out.flush().await
}

/// An error that rmcp answers by itself, as to a method that we do not have.
fn unrecorded_error(message: &ServerJsonRpcMessage) -> Option<Observation> {
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

/// A protocol error has no effect that could be withheld, so the client hears of it even where the record
/// could not be made; our log then says that it was not.
async fn record(hub: &HubLink, observation: Observation) {
    if let Err(error) = hub.observe(observation).await {
        tracing::warn!(%error, "a protocol error was not recorded");
    }
}

#[derive(Debug)]
struct Lines<R> {
    read: BufReader<R>,
    line: Vec<u8>,
    skipping: bool,
}

enum Line {
    Whole(Vec<u8>),
    TooLong,
}

impl<R: AsyncRead + Unpin> Lines<R> {
    /// The next line without its end; `None` at the end of input. Cancelling loses nothing: what was
    /// consumed is kept in `self`.
    async fn next(&mut self) -> Option<Line> {
        loop {
            let available = self.read.fill_buf().await.ok()?;
            if available.is_empty() {
                return None;
            }
            let end = available.iter().position(|&byte| byte == b'\n');
            let take = end.map_or(available.len(), |position| position + 1);
            if !self.skipping {
                self.line.extend_from_slice(&available[..take]);
            }
            self.read.consume(take);
            let too_long = self.line.len() > MAX_LINE_BYTES;
            if too_long {
                self.line = Vec::new();
                self.skipping = true;
            }
            if end.is_some() {
                if std::mem::take(&mut self.skipping) {
                    return Some(Line::TooLong);
                }
                self.line.pop();
                return Some(Line::Whole(std::mem::take(&mut self.line)));
            }
        }
    }
}
