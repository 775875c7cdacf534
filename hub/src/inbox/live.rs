//! Pages hear that something changed, and fetch themselves anew. What changed is not said here: whoever asks for the page is asked who
//! they are.

use std::{convert::Infallible, time::Duration};

use axum::{
    extract::State,
    response::{
        IntoResponse, Response,
        sse::{Event, KeepAlive, Sse},
    },
};
use futures_util::stream;
use tokio::time::Instant;

use super::{Inbox, door::Visitor};

/// How long one page is told; then its browser asks again, and is asked again who looks.
const TELLING: Duration = Duration::from_secs(10 * 60);

/// How long a page that was told is left alone: what changes meanwhile is told as one.
const REST: Duration = Duration::from_secs(1);

/// How often a page hears that nothing changed: what stands between it and the hub may cut a silent line.
const ALIVE: Duration = Duration::from_secs(20);

pub(super) async fn events(State(inbox): State<Inbox>, _visitor: Visitor) -> Response {
    let until = Instant::now() + TELLING;
    let (changes, closing) = (inbox.news.changes(), inbox.closing);
    let told = stream::unfold(
        (changes, closing, None),
        move |(mut changes, mut closing, rested)| async move {
            if let Some(rested) = rested {
                tokio::time::sleep_until(rested).await;
            }
            let changed = tokio::select! {
                changed = changes.changed() => changed.is_ok(),
                _ = closing.wait_for(|closing| *closing) => false,
                () = tokio::time::sleep_until(until) => false,
            };
            // An event without data is none (HTML, section 9.2.6).
            let event = Event::default().event("changed").data("look");
            changed.then_some((
                Ok::<_, Infallible>(event),
                (changes, closing, Some(Instant::now() + REST)),
            ))
        },
    );
    Sse::new(told)
        .keep_alive(KeepAlive::new().interval(ALIVE))
        .into_response()
}
