//! What was said on event streams lately, for clients whose connection broke.
//!
//! An event is replayed only to whom its stream was opened for. A stream's name is rmcp's, a random one.

use std::{
    collections::{HashMap, VecDeque},
    sync::{Arc, Mutex},
    time::{Duration, Instant},
};

use futures_util::stream;
use rmcp::transport::streamable_http_server::session::{
    EventId, EventStore, EventStoreError, EventStream, ServerSseMessage,
};

use super::guests::{Name, lock};

/// How long a stream may be taken up again after it began.
const KEPT: Duration = Duration::from_secs(2 * 60);

/// How many streams are kept, of all sessions together.
const MOST_STREAMS: usize = 512;

/// How many events of one stream are kept.
const MOST_EVENTS: usize = 64;

/// The streams of the last minutes. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Events(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    streams: HashMap<Arc<str>, Stream>,
    order: VecDeque<(Instant, Arc<str>)>,
}

#[derive(Default)]
struct Stream {
    owner: Option<Name>,
    next: u64,
    events: VecDeque<(u64, ServerSseMessage)>,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{} streams", self.streams.len())
    }
}

impl Events {
    /// Says for whom the stream of this event was opened: whoever says so first.
    pub(super) fn claim(&self, event: &str, name: Name) {
        if let Some((stream, _)) = parse(event)
            && let Some(stream) = lock(&self.0).streams.get_mut(stream)
        {
            stream.owner.get_or_insert(name);
        }
    }

    /// Whether the stream of this event was opened for somebody else.
    pub(super) fn is_foreign(&self, event: &str, name: Name) -> bool {
        let kept = lock(&self.0);
        let stream = parse(event).and_then(|(stream, _)| kept.streams.get(stream));
        stream.is_some_and(|stream| stream.owner != Some(name))
    }
}

fn parse(event: &str) -> Option<(&str, u64)> {
    let (stream, number) = event.rsplit_once('/')?;
    Some((stream, number.parse().ok()?))
}

impl Kept {
    fn stream(&mut self, name: &str) -> &mut Stream {
        if !self.streams.contains_key(name) {
            let now = Instant::now();
            while self
                .order
                .front()
                .is_some_and(|(began, _)| self.order.len() >= MOST_STREAMS || now - *began >= KEPT)
            {
                if let Some((_, gone)) = self.order.pop_front() {
                    self.streams.remove(&gone);
                }
            }
            self.order.push_back((now, name.into()));
        }
        self.streams.entry(name.into()).or_default()
    }
}

#[async_trait::async_trait]
impl EventStore for Events {
    async fn store_event(
        &self,
        stream_id: &str,
        event: &ServerSseMessage,
    ) -> Result<EventId, EventStoreError> {
        let mut kept = lock(&self.0);
        let stream = kept.stream(stream_id);
        let number = stream.next;
        stream.next += 1;
        let id = format!("{stream_id}/{number}");
        if stream.events.len() == MOST_EVENTS {
            stream.events.pop_front();
        }
        let mut event = event.clone();
        event.event_id = Some(id.clone());
        stream.events.push_back((number, event));
        Ok(id)
    }

    async fn replay_events_after(&self, last_event_id: &str) -> Result<EventStream, EventStoreError> {
        let kept = lock(&self.0);
        let after: Vec<ServerSseMessage> = parse(last_event_id)
            .and_then(|(stream, last)| Some((kept.streams.get(stream)?, last)))
            .map(|(stream, last)| {
                let after = stream.events.iter().filter(|(number, _)| *number > last);
                after.map(|(_, event)| event.clone()).collect()
            })
            .unwrap_or_default();
        Ok(Box::pin(stream::iter(after)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(flavor = "current_thread")]
    async fn streams_and_their_events_are_bounded_and_each_is_one_guests_only() {
        let events = Events::default();
        let said = ServerSseMessage::default();
        let first = events.store_event("first", &said).await.unwrap();
        events.claim(&first, [1; 32]);
        events.claim(&first, [2; 32]);
        assert!(events.is_foreign(&first, [2; 32]) && !events.is_foreign(&first, [1; 32]));
        for _ in 0..2 * MOST_EVENTS {
            let _ = events.store_event("first", &said).await.unwrap();
        }
        for number in 0..MOST_STREAMS - 1 {
            let _ = events.store_event(&number.to_string(), &said).await.unwrap();
        }
        assert_eq!(lock(&events.0).streams["first"].events.len(), MOST_EVENTS);
        let _ = events.store_event("one more", &said).await.unwrap();
        let kept = lock(&events.0);
        assert!(!kept.streams.contains_key("first"));
        assert_eq!(
            (kept.streams.len(), kept.order.len()),
            (MOST_STREAMS, MOST_STREAMS)
        );
    }
}
