//! `/mcp`: MCP's Streamable HTTP, by rmcp, behind our own entrance.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex},
};

use axum::{
    body::{Body, to_bytes},
    extract::{Request, State},
    http::{HeaderMap, HeaderName, Method, StatusCode, request::Parts},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use mcp_server::mistakes::{self, MAX_MESSAGE_BYTES, Mistake};
use rmcp::model::ClientJsonRpcMessage;
use vocabulary::DelegationId;

use super::{
    Agents, answers,
    entrance::no_such_session,
    guests::{Guest, Name, lock},
    link::Courier,
};
use crate::http::{problem::Problem, slow::BODY_DEADLINE};

const SESSION: HeaderName = HeaderName::from_static("mcp-session-id");

const LAST_EVENT: HeaderName = HeaderName::from_static("last-event-id");

/// How many protocol sessions one credential may have; beyond that its oldest ends.
const MOST_SESSIONS: usize = 16;

/// How many protocol sessions are remembered before those that ended are looked for.
const SWEEP_AT: usize = 1_024;

/// Whose each protocol session is.
#[derive(Debug, Default)]
pub(super) struct Bound(Mutex<HashMap<Arc<str>, Owner>>);

#[derive(Debug, Clone, Copy)]
struct Owner {
    name: Name,
    delegation: DelegationId,
    order: u64,
}

pub(super) async fn serve(State(agents): State<Agents>, request: Request) -> Response {
    let (mut parts, body) = request.into_parts();
    let guest = match agents.let_in(&parts.headers, &parts.extensions).await {
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
    let bytes = match read(&parts.headers, body).await {
        Ok(bytes) => bytes,
        Err(unread) => return unread.recorded(&courier, &guest).await,
    };
    if let Some(withdrawn) = withdrawn(&bytes) {
        courier.observe(&guest, withdrawn).await;
    }
    let opens = !parts.headers.contains_key(SESSION);
    let request = Request::from_parts(parts, Body::from(bytes.clone()));
    let response = agents.0.mcp.handle(request).await;
    if opens && let Some(id) = response.headers().get(SESSION).and_then(|id| id.to_str().ok()) {
        agents.bind(id, &guest).await;
    }
    // What rmcp cannot read it answers without a word of why, and in no JSON-RPC.
    if response.status() == StatusCode::UNSUPPORTED_MEDIA_TYPE
        && let Err(error) = serde_json::from_slice::<ClientJsonRpcMessage>(&bytes)
    {
        return match mistakes::explain(&bytes, &error.to_string()) {
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
        let owner = id
            .to_str()
            .ok()
            .and_then(|id| lock(&self.0.bound.0).get(id).copied());
        match owner {
            Some(owner) if owner.name == guest.name => Ok(()),
            None => Err(Box::new(no_such_session())),
            // Its credential came to an end, as each does within the hour: the client shows the next and begins anew.
            Some(owner)
                if owner.delegation == guest.delegation() && self.0.guests.remembered(&owner.name).is_none() =>
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

    async fn bind(&self, id: &str, guest: &Guest) {
        let living: Option<Vec<Arc<str>>> = if lock(&self.0.bound.0).len() >= SWEEP_AT {
            Some(self.0.sessions.sessions.read().await.keys().cloned().collect())
        } else {
            None
        };
        let surplus = {
            let mut bound = lock(&self.0.bound.0);
            if let Some(living) = living {
                bound.retain(|id, _| living.contains(id));
            }
            let order = bound.values().map(|owner| owner.order).max().unwrap_or_default() + 1;
            let owner = Owner {
                name: guest.name,
                delegation: guest.delegation(),
                order,
            };
            bound.insert(id.into(), owner);
            let own: Vec<(u64, Arc<str>)> = bound
                .iter()
                .filter(|(_, owner)| owner.name == guest.name)
                .map(|(id, owner)| (owner.order, Arc::clone(id)))
                .collect();
            let oldest = if own.len() > MOST_SESSIONS {
                own.into_iter().min()
            } else {
                None
            };
            oldest.map(|(_, id)| {
                bound.remove(&id);
                id
            })
        };
        if let Some(id) = surplus {
            use rmcp::transport::streamable_http_server::SessionManager as _;
            let _ = self.0.sessions.close_session(&id).await;
        }
    }
}

/// Why there is no body.
pub(super) enum Unread {
    TooLong,
    Late,
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

/// A message of MCP's, bounded in size and time.
pub(super) async fn read(headers: &HeaderMap, body: Body) -> Result<Bytes, Unread> {
    read_up_to(headers, body, MAX_MESSAGE_BYTES).await
}

/// A body, bounded in size and time.
pub(super) async fn read_up_to(headers: &HeaderMap, body: Body, most: usize) -> Result<Bytes, Unread> {
    let announced = headers
        .get(axum::http::header::CONTENT_LENGTH)
        .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
    if announced.is_some_and(|length| length > most) {
        return Err(Unread::TooLong);
    }
    match tokio::time::timeout(BODY_DEADLINE, to_bytes(body, most)).await {
        Ok(Ok(bytes)) => Ok(bytes),
        // Or it broke off; then nobody reads the answer.
        Ok(Err(_)) => Err(Unread::TooLong),
        Err(_) => Err(Unread::Late),
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
