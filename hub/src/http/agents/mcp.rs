//! `/mcp`: MCP's Streamable HTTP, by rmcp, behind our own entrance.

use std::sync::Arc;

use axum::{
    body::Body,
    extract::{Request, State},
    http::{HeaderName, Method, StatusCode, request::Parts},
    response::{IntoResponse as _, Response},
};
use mcp_server::mistakes::{self, MAX_MESSAGE_BYTES, Mistake};
use rmcp::model::ClientJsonRpcMessage;
use serde_json::Value;
use tokio::sync::oneshot;

use super::{
    Agents,
    answers::{self, Answer},
    bodies::Unread,
    bound::{Full, MOST_IN_ALL, Owner},
    entrance::no_such_session,
    guests::{Guest, Name},
    link::Courier,
};
use crate::http::problem::Problem;

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");

const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

pub(super) async fn serve(State(agents): State<Agents>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let guest = match agents.let_in(&parts).await {
        Ok(guest) => guest,
        Err(response) => return *response,
    };
    if agents.is_closing() {
        let detail = "the hub is ending; ask again in a moment".to_owned();
        return Problem::new(StatusCode::SERVICE_UNAVAILABLE, "closing", detail).into_response();
    }
    if let Err(response) = agents.own_session(&parts, &guest).await {
        return *response;
    }
    if agents.asks_for_foreign_events(&parts, &guest) {
        return agents.foreign_session(&parts.headers, &parts.extensions).await;
    }
    parts.extensions.insert(Arc::clone(&guest));
    if parts.method != Method::POST {
        let request = Request::from_parts(parts, Body::empty());
        let answer = agents.0.mcp.handle(request).await;
        return answers::claimed(answer, &agents, &guest);
    }
    let under_way = agents.0.under_way.token();
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
    if let Some(withdrawn) = withdrawn(bytes) {
        courier.observe(&guest, withdrawn).await;
    }
    let message: Value = serde_json::from_slice(bytes).unwrap_or_default();
    if let Some(oversized) = mistakes::oversized(&message, bytes) {
        courier.observe(&guest, oversized.observation.clone()).await;
        return answers::mistake(StatusCode::BAD_REQUEST, oversized);
    }
    let begins = !parts.headers.contains_key(SESSION) && mistakes::begins(&message);
    drop(message);
    let request = Request::from_parts(parts, Body::from(bytes.clone()));
    let response = if begins {
        match agents.begin(&guest, request).await {
            Ok(response) => response,
            Err(refused) => return *refused,
        }
    } else {
        agents.0.mcp.handle(request).await
    };
    // What rmcp cannot read it answers without a word of why, and in no JSON-RPC.
    if response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE
        && let Err(error) = serde_json::from_slice::<ClientJsonRpcMessage>(bytes)
    {
        return match mistakes::explain(bytes, &error.to_string()) {
            Some(mistake) => {
                courier.observe(&guest, mistake.observation.clone()).await;
                answers::mistake(StatusCode::BAD_REQUEST, mistake)
            }
            None => StatusCode::ACCEPTED.into_response(),
        };
    }
    answers::recorded(response, courier, guest, agents.0.events.clone(), under_way)
}

impl Agents {
    pub(super) fn courier(&self) -> Courier {
        Courier::new(self.0.door.clone(), self.0.closing.clone())
    }

    /// A protocol session is of use only to the credential that opened it.
    async fn own_session(&self, parts: &Parts, guest: &Guest) -> Result<(), Box<Response>> {
        let mut named = parts.headers.get_all(SESSION).iter();
        let Some(id) = named.next() else { return Ok(()) };
        if named.next().is_some() {
            return Err(Box::new(no_such_session()));
        }
        let owner = id.to_str().ok().and_then(|id| self.0.bound.owner(id));
        match owner {
            Some(owner) if owner.name == guest.name => Ok(()),
            None => Err(Box::new(no_such_session())),
            // Its credential came to an end, as each does within the hour: the client shows the next and begins anew.
            Some(owner)
                if owner.delegation == guest.delegation()
                    && self.0.guests.remembered(&owner.name).is_none() =>
            {
                Err(Box::new(no_such_session()))
            }
            Some(_) => Err(Box::new(
                self.foreign_session(&parts.headers, &parts.extensions).await,
            )),
        }
    }

    /// Events are replayed only to whom they were sent.
    fn asks_for_foreign_events(&self, parts: &Parts, guest: &Guest) -> bool {
        let mut asked = parts.headers.get_all(LAST_EVENT).iter();
        let Some(event) = asked.next() else { return false };
        let foreign = event
            .to_str()
            .is_ok_and(|event| self.0.events.is_foreign(event, guest.name));
        foreign || asked.next().is_some()
    }

    /// Says whose a session is that rmcp began.
    async fn bind(&self, id: &str, guest: &Guest) -> Result<(), Box<Response>> {
        if self.0.bound.is_to_be_swept() {
            let living = self.0.sessions.sessions.read().await.keys().cloned().collect();
            let guests = &self.0.guests;
            let left = self
                .0
                .bound
                .sweep(&living, |name| guests.remembered(name).is_some());
            self.close(left).await;
        }
        let owner = Owner {
            name: guest.name,
            delegation: guest.delegation(),
        };
        let bound = self.0.bound.bind(id, owner);
        match bound {
            Ok(surplus) => {
                self.close(surplus).await;
                Ok(())
            }
            Err(Full) => {
                self.close(vec![id.into()]).await;
                let detail = format!("there are {MOST_IN_ALL} protocol sessions already; ask again later");
                Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_many_sessions", detail).boxed())
            }
        }
    }

    /// Ends what somebody began who may do nothing any more.
    pub(super) async fn end_sessions_of(&self, name: &Name) {
        self.close(self.0.bound.take(name)).await;
    }

    async fn close(&self, sessions: Vec<Arc<str>>) {
        use rmcp::transport::streamable_http_server::SessionManager as _;
        for id in sessions {
            let _ = self.0.sessions.close_session(&id).await;
        }
    }

    /// Begins a protocol session, and says whose it is before anything is answered. A client that goes away meanwhile
    /// leaves none behind.
    async fn begin(&self, guest: &Arc<Guest>, request: Request) -> Result<Answer, Box<Response>> {
        let (agents, guest) = (self.clone(), Arc::clone(guest));
        let (answered, answer) = oneshot::channel();
        tokio::spawn(async move {
            let _under_way = agents.0.under_way.token();
            let response = agents.0.mcp.handle(request).await;
            let begun = response.headers().get(SESSION).and_then(|id| id.to_str().ok());
            let begun: Option<Arc<str>> = begun.map(Into::into);
            let bound = match &begun {
                Some(id) => agents.bind(id, &guest).await,
                None => Ok(()),
            };
            if answered.send(bound.map(|()| response)).is_err()
                && let Some(id) = begun
            {
                agents.0.bound.forget(&id);
                agents.close(vec![id]).await;
            }
        });
        answer.await.unwrap_or_else(|_| {
            let detail = "the session could not be begun".to_owned();
            Err(Problem::new(StatusCode::INTERNAL_SERVER_ERROR, "not_begun", detail).boxed())
        })
    }
}

impl Unread {
    /// What is answered, once it is recorded.
    pub(super) async fn recorded(self, courier: &Courier, guest: &Guest) -> Response {
        match self {
            Self::TooLong => {
                let mistake = Mistake::too_long();
                courier.observe(guest, mistake.observation.clone()).await;
                answers::mistake(StatusCode::PAYLOAD_TOO_LARGE, mistake)
            }
            Self::Late => {
                let detail = "the body did not arrive in time".to_owned();
                Problem::new(StatusCode::REQUEST_TIMEOUT, "late", detail).into_response()
            }
        }
    }
}

/// What is recorded of a message that withdraws a request.
fn withdrawn(bytes: &[u8]) -> Option<protocol::Observation> {
    const METHOD: &[u8] = b"notifications/cancelled";
    if bytes.len() > MAX_MESSAGE_BYTES / 64 || !bytes.windows(METHOD.len()).any(|part| part == METHOD) {
        return None;
    }
    mistakes::cancellation(&serde_json::from_slice(bytes).ok()?)
}
