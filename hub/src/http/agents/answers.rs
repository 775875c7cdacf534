//! What leaves: errors are recorded before the client hears of them, and what is under way is known until it has left.

use std::{convert::Infallible, sync::Arc};

use axum::{
    body::Body,
    http::{HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use bytes::Bytes;
use futures_util::{StreamExt as _, stream};
use http_body_util::{BodyExt as _, combinators::BoxBody};
use mcp_server::mistakes::{self, Mistake};
use protocol::Observation;
use rmcp::model::ServerJsonRpcMessage;
use tokio_util::task::task_tracker::TaskTrackerToken;

use super::{
    Agents,
    events::Events,
    guests::{Guest, Name},
    link::Courier,
};

/// How every JSON-RPC error shows itself.
const ERROR: &[u8] = b"\"error\":";

/// How an event's identifier shows itself.
const ID: &[u8] = b"id:";

/// What rmcp answers.
pub(super) type Answer = axum::http::Response<BoxBody<Bytes, Infallible>>;

/// An answer of rmcp's, on whose way out errors are recorded, and its stream is claimed for whom it is sent to.
pub(super) fn recorded(
    answer: Answer,
    courier: Courier,
    guest: Arc<Guest>,
    events: Events,
    under_way: TaskTrackerToken,
) -> Response {
    let streams = is_stream(&answer);
    answer.map(|body| {
        Body::from_stream(stream::unfold(
            (body, courier, guest, events, under_way),
            move |(mut body, courier, guest, events, under_way)| async move {
                let bytes = next(&mut body).await?;
                if streams {
                    claim(&bytes, &events, guest.name);
                }
                for seen in errors(&bytes) {
                    courier.observe(&guest, seen).await;
                }
                Some((
                    Ok::<_, Infallible>(bytes),
                    (body, courier, guest, events, under_way),
                ))
            },
        ))
    })
}

/// A stream that only listens, claimed for whom it is sent to. It ends when that guest may do nothing any more.
pub(super) fn claimed(answer: Answer, agents: &Agents, guest: &Arc<Guest>) -> Response {
    if !is_stream(&answer) {
        return answer.map(Body::new);
    }
    let (events, name) = (agents.0.events.clone(), guest.name);
    let (guest, door) = (Arc::clone(guest), agents.0.door.clone());
    answer.map(|body| {
        let heard = stream::unfold((body, events), move |(mut body, events)| async move {
            let bytes = next(&mut body).await?;
            claim(&bytes, &events, name);
            Some((Ok::<_, Infallible>(bytes), (body, events)))
        });
        Body::from_stream(heard.take_until(async move { guest.over(&door).await }))
    })
}

fn is_stream(answer: &Answer) -> bool {
    let kind = answer.headers().get(header::CONTENT_TYPE);
    kind.is_some_and(|kind| kind.as_bytes().starts_with(b"text/event-stream"))
}

async fn next(body: &mut BoxBody<Bytes, Infallible>) -> Option<Bytes> {
    loop {
        let Ok(frame) = body.frame().await?;
        if let Ok(bytes) = frame.into_data() {
            return Some(bytes);
        }
    }
}

fn claim(frame: &[u8], events: &Events, name: Name) {
    for line in frame.split(|byte| *byte == b'\n') {
        if let Some(id) = line.strip_prefix(ID).and_then(|id| std::str::from_utf8(id).ok()) {
            events.claim(id.trim(), name);
        }
    }
}

/// The errors in a frame, which holds whole messages: as JSON, or as events with one in each `data:` line.
fn errors(frame: &[u8]) -> Vec<Observation> {
    if !frame.windows(ERROR.len()).any(|part| part == ERROR) {
        return Vec::new();
    }
    frame
        .split(|byte| *byte == b'\n')
        .filter_map(|line| {
            let json = line.strip_prefix(b"data:").unwrap_or(line);
            let message: ServerJsonRpcMessage = serde_json::from_slice(json).ok()?;
            mistakes::unrecorded_error(&message)
        })
        .collect()
}

/// The answer to what is no message of MCP.
pub(super) fn mistake(status: StatusCode, mistake: Mistake) -> Response {
    match serde_json::to_vec(&mistake.answer()) {
        Ok(json) => {
            let kind = HeaderValue::from_static("application/json");
            (status, [(header::CONTENT_TYPE, kind)], json).into_response()
        }
        Err(_) => status.into_response(),
    }
}
