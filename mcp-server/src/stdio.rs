//! The stdio transport: one JSON-RPC message a line, nothing else on stdout, and nothing unrecorded.
//!
//! rmcp's own stdio transport drops lines that are not JSON and keeps quiet about what it refuses. Here each
//! such line, each error that is answered and each cancellation is told to the hub before the client hears.

use std::{io, sync::Arc};

use protocol::Observation;
use rmcp::{
    RoleServer,
    model::{ClientJsonRpcMessage, JsonRpcMessage, ServerJsonRpcMessage},
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};
use tokio::{
    io::{AsyncBufReadExt as _, AsyncRead, AsyncWrite, AsyncWriteExt as _, BufReader},
    sync::Mutex,
};

use crate::{
    hub_link::HubLink,
    mistakes::{self, MAX_MESSAGE_BYTES, Mistake},
};

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
    Refuse(Mistake),
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
            Line::TooLong => return Judged::Hold(Held::Refuse(Mistake::too_long())),
        };
        if bytes.iter().all(u8::is_ascii_whitespace) {
            return Judged::Ignore;
        }
        match serde_json::from_slice::<ClientJsonRpcMessage>(bytes) {
            Ok(JsonRpcMessage::Notification(_)) if !self.begun => Judged::Ignore,
            Ok(JsonRpcMessage::Request(request)) if mistakes::misshapen(&request.request) => {
                Judged::of(mistakes::explain(bytes, "`params` do not fit"))
            }
            Ok(message) => match mistakes::cancellation(&message) {
                Some(observation) => Judged::Hold(Held::Deliver(Box::new(message), observation)),
                None => Judged::Deliver(message),
            },
            Err(error) => Judged::of(mistakes::explain(bytes, &error.to_string())),
        }
    }
}

enum Judged {
    Deliver(ClientJsonRpcMessage),
    Hold(Held),
    Ignore,
}

impl Judged {
    fn of(mistake: Option<Mistake>) -> Self {
        mistake.map_or(Self::Ignore, |mistake| Self::Hold(Held::Refuse(mistake)))
    }
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
            if let Some(observation) = mistakes::unrecorded_error(&message) {
                record(&hub, observation).await;
            }
            write(&out, &message).await
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        loop {
            if let Some(held) = &self.held {
                let (Held::Deliver(_, observation) | Held::Refuse(Mistake { observation, .. })) = held;
                record(&self.hub, observation.clone()).await;
                match self.held.take()? {
                    Held::Deliver(message, _) => return Some(*message),
                    Held::Refuse(mistake) => write(&self.out, &mistake.answer()).await.ok()?,
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
            let too_long = self.line.len() > MAX_MESSAGE_BYTES;
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
