//! `/sse`: the transport of MCP 2024-11-05 for older clients, which rmcp has no more: a stream of events that a client opens,
//! and an address for its messages, which the stream's first event names.
//!
//! The stream and its messages need the same credential. It ends with its token, with its reader, and with the hub.

use std::{
    collections::HashMap,
    convert::Infallible,
    sync::{Arc, Mutex},
    time::Duration,
};

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    response::{
        IntoResponse as _, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::{StreamExt as _, stream};
use mcp_server::{
    mistakes::{self, MAX_MESSAGE_BYTES, Mistake},
    server::Server,
};
use rmcp::{
    RoleServer, ServiceExt as _,
    model::{
        ClientJsonRpcMessage, GetExtensions as _, JsonRpcMessage, RequestId as MessageId,
        ServerJsonRpcMessage,
    },
    service::{RxJsonRpcMessage, TxJsonRpcMessage},
    transport::Transport,
};
use serde_json::Value;
use tokio::sync::mpsc;
use tokio_util::{sync::CancellationToken, task::task_tracker::TaskTrackerToken};

use super::{
    Agents, answers,
    bound::{MOST_IN_ALL, MOST_OF_DELEGATION},
    entrance::no_such_session,
    guests::{Guest, lock},
    link::Courier,
};
use crate::{clock, http::problem::Problem};

/// How many messages may wait in either direction; whoever sends more is told to wait.
const QUEUE: usize = 64;

/// How many streams one credential may have open.
const MOST_STREAMS: usize = 16;

/// How often a stream says that it is there, for whatever stands between.
const KEEP_ALIVE: Duration = Duration::from_secs(15);

/// How long a client may leave its answers unread.
const READING: Duration = Duration::from_secs(30);

/// The streams that are open.
#[derive(Debug, Default)]
pub(super) struct Streams(Mutex<HashMap<String, Arc<Open>>>);

/// A stream that is open: whose it is, and the way to its server.
#[derive(Debug)]
struct Open {
    guest: Arc<Guest>,
    incoming: mpsc::Sender<ClientJsonRpcMessage>,
    asked: Mutex<HashMap<MessageId, TaskTrackerToken>>,
    ended: CancellationToken,
}

/// `GET /sse`.
pub(super) async fn open(State(agents): State<Agents>, request: Request) -> Response {
    let (parts, _) = request.into_parts();
    let guest = match agents.let_in(&parts).await {
        Ok(guest) => guest,
        Err(response) => return *response,
    };
    let id = match clock::random::<16>() {
        Ok(bytes) if !agents.is_closing() => hex::encode(bytes),
        _ => return unavailable(),
    };
    let (incoming, arriving) = mpsc::channel(QUEUE);
    let (out, leaving) = mpsc::channel(QUEUE);
    let open = Arc::new(Open {
        guest: Arc::clone(&guest),
        incoming,
        asked: Mutex::default(),
        ended: agents.0.ended.child_token(),
    });
    if !agents.0.streams.enter(&id, &open) {
        let detail =
            format!("{MOST_STREAMS} streams are open by this credential, or too many by others; close one");
        return Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_streams", detail).into_response();
    }
    let guard = Leaving {
        agents: agents.clone(),
        id: id.clone(),
    };
    let wire = Wire {
        open: Arc::clone(&open),
        arriving,
        out,
        courier: agents.courier(),
    };
    let server = Server::new(agents.courier());
    let ended = open.ended.clone();
    tokio::spawn(async move {
        if let Ok(running) = server.serve_with_ct(wire, ended.clone()).await {
            let _ = running.waiting().await;
        }
        // A client that did not begin as MCP defines has nothing more to hear.
        ended.cancel();
    });
    let endpoint = Event::default()
        .event("endpoint")
        .data(format!("/sse/messages?session={id}"));
    let messages = stream::unfold((leaving, guard), |(mut leaving, guard)| async move {
        let message: ServerJsonRpcMessage = leaving.recv().await?;
        let event = Event::default().event("message").json_data(message).ok()?;
        Some((event, (leaving, guard)))
    });
    let door = agents.0.door.clone();
    let over = async move {
        tokio::select! {
            () = open.ended.cancelled() => {}
            () = guest.over(&door) => {}
        }
    };
    let events = stream::iter([endpoint])
        .chain(messages)
        .take_until(over)
        .map(Ok::<_, Infallible>);
    let mut response = Sse::new(events)
        .keep_alive(KeepAlive::new().interval(KEEP_ALIVE).text("still here"))
        .into_response();
    let unbuffered = HeaderValue::from_static("no");
    response.headers_mut().insert("x-accel-buffering", unbuffered);
    response
}

/// `POST /sse/messages?session=...`.
pub(super) async fn take(State(agents): State<Agents>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let guest = match agents.let_in(&parts).await {
        Ok(guest) => guest,
        Err(response) => return *response,
    };
    let named = parts.uri.query().and_then(|query| query.strip_prefix("session="));
    let Some(open) = named.and_then(|id| agents.0.streams.find(id)) else {
        return no_such_session();
    };
    if open.guest.name != guest.name {
        return agents.foreign_session(&parts.headers, &parts.extensions).await;
    }
    if agents.is_closing() {
        return unavailable();
    }
    let courier = agents.courier();
    let read = match agents
        .0
        .bodies
        .read(&parts.headers, body, MAX_MESSAGE_BYTES)
        .await
    {
        Ok(read) => read,
        Err(unread) => return unread.recorded(&courier, &guest).await,
    };
    let bytes = &read.bytes;
    let value: Value = serde_json::from_slice(bytes).unwrap_or_default();
    if let Some(oversized) = mistakes::oversized(&value, bytes) {
        return refuse(&courier, &guest, oversized).await;
    }
    drop(value);
    let message = match serde_json::from_slice::<ClientJsonRpcMessage>(bytes) {
        Ok(message) => message,
        Err(error) => match mistakes::explain(bytes, &error.to_string()) {
            Some(mistake) => return refuse(&courier, &guest, mistake).await,
            None => return StatusCode::ACCEPTED.into_response(),
        },
    };
    if let Some(withdrawn) = mistakes::cancellation(&message) {
        courier.observe(&guest, withdrawn).await;
    }
    let message = ours(message, &guest);
    if let JsonRpcMessage::Request(request) = &message {
        lock(&open.asked).insert(request.id.clone(), agents.0.under_way.token());
    }
    match open.incoming.try_send(message) {
        Ok(()) => StatusCode::ACCEPTED.into_response(),
        Err(mpsc::error::TrySendError::Closed(_)) => no_such_session(),
        Err(mpsc::error::TrySendError::Full(message)) => {
            if let JsonRpcMessage::Request(request) = message {
                lock(&open.asked).remove(&request.id);
            }
            let detail = "too many messages wait on this stream; read its answers first".to_owned();
            let mut response =
                Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_fast", detail).into_response();
            let retry = HeaderValue::from_static("1");
            response.headers_mut().insert(header::RETRY_AFTER, retry);
            response
        }
    }
}

fn unavailable() -> Response {
    let detail = "the hub is ending; ask again in a moment".to_owned();
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "closing", detail).into_response()
}

async fn refuse(courier: &Courier, guest: &Guest, mistake: Mistake) -> Response {
    courier.observe(guest, mistake.observation.clone()).await;
    answers::mistake(StatusCode::BAD_REQUEST, mistake)
}

/// The message, with whose it is beside it.
fn ours(mut message: ClientJsonRpcMessage, guest: &Arc<Guest>) -> ClientJsonRpcMessage {
    match &mut message {
        JsonRpcMessage::Request(request) => {
            request.request.extensions_mut().insert(Arc::clone(guest));
        }
        JsonRpcMessage::Notification(notification) => {
            notification
                .notification
                .extensions_mut()
                .insert(Arc::clone(guest));
        }
        JsonRpcMessage::Response(_) | JsonRpcMessage::Error(_) => {}
    }
    message
}

impl Streams {
    fn enter(&self, id: &str, open: &Arc<Open>) -> bool {
        let mut streams = lock(&self.0);
        let of = |is: &dyn Fn(&Guest) -> bool| streams.values().filter(|known| is(&known.guest)).count();
        let (name, delegation) = (open.guest.name, open.guest.delegation());
        let room = streams.len() < MOST_IN_ALL
            && of(&|guest| guest.name == name) < MOST_STREAMS
            && of(&|guest| guest.delegation() == delegation) < MOST_OF_DELEGATION;
        if room {
            streams.insert(id.to_owned(), Arc::clone(open));
        }
        room
    }

    fn find(&self, id: &str) -> Option<Arc<Open>> {
        lock(&self.0).get(id).cloned()
    }
}

/// The stream's reader went away: so does everything that serves it.
struct Leaving {
    agents: Agents,
    id: String,
}

impl Drop for Leaving {
    fn drop(&mut self) {
        if let Some(open) = lock(&self.agents.0.streams.0).remove(&self.id) {
            open.ended.cancel();
        }
    }
}

/// The server's end of a stream.
struct Wire {
    open: Arc<Open>,
    arriving: mpsc::Receiver<ClientJsonRpcMessage>,
    out: mpsc::Sender<ServerJsonRpcMessage>,
    courier: Courier,
}

/// Nobody reads the stream any more.
#[derive(Debug, thiserror::Error)]
#[error("nobody reads the stream")]
struct Unheard;

impl Transport<RoleServer> for Wire {
    type Error = Unheard;

    fn send(
        &mut self,
        message: TxJsonRpcMessage<RoleServer>,
    ) -> impl Future<Output = Result<(), Unheard>> + Send + 'static {
        let (open, out, courier) = (Arc::clone(&self.open), self.out.clone(), self.courier.clone());
        async move {
            if let Some(observation) = mistakes::unrecorded_error(&message) {
                courier.observe(&open.guest, observation).await;
            }
            let answered = match &message {
                JsonRpcMessage::Response(answer) => Some(answer.id.clone()),
                JsonRpcMessage::Error(answer) => answer.id.clone(),
                JsonRpcMessage::Request(_) | JsonRpcMessage::Notification(_) => None,
            };
            let sent = out.send_timeout(message, READING).await;
            if let Some(id) = answered {
                lock(&open.asked).remove(&id);
            }
            sent.map_err(|_| {
                open.ended.cancel();
                Unheard
            })
        }
    }

    async fn receive(&mut self) -> Option<RxJsonRpcMessage<RoleServer>> {
        self.arriving.recv().await
    }

    async fn close(&mut self) -> Result<(), Unheard> {
        self.arriving.close();
        Ok(())
    }
}
