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

/// How many bytes the events of all streams together may have, as JSON.
const MOST_BYTES: usize = 16 * 1024 * 1024;

/// The streams of the last minutes. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(super) struct Events(Arc<Mutex<Kept>>);

#[derive(Default)]
struct Kept {
    streams: HashMap<Arc<str>, Stream>,
    order: VecDeque<(Instant, Arc<str>)>,
    bytes: usize,
}

#[derive(Default)]
struct Stream {
    owner: Option<Name>,
    next: u64,
    events: VecDeque<Event>,
}

struct Event {
    number: u64,
    bytes: usize,
    said: ServerSseMessage,
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
                self.let_go_of_oldest();
            }
            self.order.push_back((now, name.into()));
        }
        self.streams.entry(name.into()).or_default()
    }

    fn let_go_of_oldest(&mut self) {
        if let Some((_, gone)) = self.order.pop_front()
            && let Some(gone) = self.streams.remove(&gone)
        {
            self.bytes -= gone.events.iter().map(|event| event.bytes).sum::<usize>();
        }
    }

    fn keep(&mut self, name: &str, said: &ServerSseMessage, bytes: usize) -> EventId {
        let stream = self.stream(name);
        let number = stream.next;
        stream.next += 1;
        let id = format!("{name}/{number}");
        let mut said = said.clone();
        said.event_id = Some(id.clone());
        stream.events.push_back(Event { number, bytes, said });
        let surplus = if stream.events.len() > MOST_EVENTS {
            stream.events.pop_front()
        } else {
            None
        };
        self.bytes += bytes;
        self.bytes -= surplus.map_or(0, |event| event.bytes);
        // The stream that goes on may be the oldest: then it cannot be taken up again.
        while self.bytes > MOST_BYTES {
            self.let_go_of_oldest();
        }
        id
    }
}

/// How many bytes an event has on its way to a client.
fn size(event: &ServerSseMessage) -> usize {
    let said = event.message.as_ref();
    said.and_then(|message| serde_json::to_vec(message).ok())
        .map_or(0, |json| json.len())
}

#[async_trait::async_trait]
impl EventStore for Events {
    async fn store_event(
        &self,
        stream_id: &str,
        event: &ServerSseMessage,
    ) -> Result<EventId, EventStoreError> {
        let bytes = size(event);
        Ok(lock(&self.0).keep(stream_id, event, bytes))
    }

    async fn replay_events_after(&self, last_event_id: &str) -> Result<EventStream, EventStoreError> {
        let kept = lock(&self.0);
        let after: Vec<ServerSseMessage> = parse(last_event_id)
            .and_then(|(stream, last)| Some((kept.streams.get(stream)?, last)))
            .map(|(stream, last)| {
                let after = stream.events.iter().filter(|event| event.number > last);
                after.map(|event| event.said.clone()).collect()
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

    #[tokio::test(flavor = "current_thread")]
    async fn what_is_kept_is_bounded_in_bytes_whoever_said_it() {
        let events = Events::default();
        let text = "x".repeat(1024 * 1024);
        let long = serde_json::json!({ "jsonrpc": "2.0", "id": text, "result": {} });
        let said = ServerSseMessage::from_message(serde_json::from_value(long).unwrap());
        for number in 0..40 {
            let stream = (number % 20).to_string();
            let _ = events.store_event(&stream, &said).await.unwrap();
            let kept = lock(&events.0);
            let sum: usize = kept
                .streams
                .values()
                .flat_map(|stream| &stream.events)
                .map(|event| event.bytes)
                .sum();
            assert_eq!(sum, kept.bytes);
            assert!(kept.bytes <= MOST_BYTES, "{}", kept.bytes);
        }
        assert!(lock(&events.0).bytes > MOST_BYTES / 2);
        for _ in 0..20 {
            let _ = events.store_event("one", &said).await.unwrap();
        }
        let kept = lock(&events.0);
        assert!(kept.bytes <= MOST_BYTES && kept.streams.len() == kept.order.len());
    }
}
