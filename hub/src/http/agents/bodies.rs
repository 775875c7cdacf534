//! Bodies of requests: bounded in size, in time and, all of them together, in memory. Who sends one has shown a token, and
//! has not always proved yet that it is theirs.

use std::sync::Arc;

use axum::{
    body::{Body, to_bytes},
    http::{HeaderMap, header},
};
use bytes::Bytes;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::http::slow::BODY_DEADLINE;

/// The unit in which room is counted.
const PIECE: usize = 1024;

/// How much room all bodies have together: 128 MiB, which is 16 of the longest messages.
const PIECES: usize = 128 * 1024;

/// The room that all bodies share. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Bodies(Arc<Semaphore>);

/// A body, and the room that it takes.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) bytes: Bytes,
    _room: OwnedSemaphorePermit,
}

/// Why there is no body.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unread {
    TooLong,
    Late,
}

impl Default for Bodies {
    fn default() -> Self {
        Self(Arc::new(Semaphore::new(PIECES)))
    }
}

impl Bodies {
    /// Reads a body of at most so many bytes. One that says how long it is takes so much room, another as much as it
    /// might need; where there is none, it waits, as long as it may take to arrive.
    pub(super) async fn read(&self, headers: &HeaderMap, body: Body, most: usize) -> Result<Read, Unread> {
        let announced = headers
            .get(header::CONTENT_LENGTH)
            .and_then(|length| length.to_str().ok()?.parse::<usize>().ok());
        if announced.is_some_and(|length| length > most) {
            return Err(Unread::TooLong);
        }
        let pieces = announced.unwrap_or(most).div_ceil(PIECE).min(PIECES);
        let reading = async {
            let pieces = u32::try_from(pieces).unwrap_or(u32::MAX);
            let room = Arc::clone(&self.0).acquire_many_owned(pieces).await;
            // It is never closed.
            let mut room = room.map_err(|_| Unread::Late)?;
            // Or it broke off; then nobody reads the answer.
            let bytes = to_bytes(body, most).await.map_err(|_| Unread::TooLong)?;
            // What may wait long for its answer keeps no more than it needs.
            let needed = room.split(bytes.len().div_ceil(PIECE));
            Ok(Read {
                bytes,
                _room: needed.unwrap_or(room),
            })
        };
        let read = tokio::time::timeout(BODY_DEADLINE, reading).await;
        read.unwrap_or(Err(Unread::Late))
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;
    use futures_util::FutureExt as _;

    use super::*;

    fn announcing(length: usize) -> HeaderMap {
        HeaderMap::from_iter([(header::CONTENT_LENGTH, HeaderValue::from(length))])
    }

    #[tokio::test]
    async fn all_bodies_share_the_room_and_give_it_back() {
        let bodies = Bodies::default();
        const MOST: usize = 8 * 1024 * 1024;
        let whole = Bytes::from(vec![b' '; MOST]);
        let read = |headers, body: Body| bodies.read(headers, body, MOST).now_or_never();
        let (none, all, two) = (HeaderMap::new(), announcing(MOST), announcing(2));
        let mut held: Vec<_> = (0..16)
            .map(|_| read(&all, Body::from(whole.clone())).unwrap().unwrap())
            .collect();
        assert!(read(&none, Body::from("{}")).is_none(), "it waits");
        assert!(read(&two, Body::from("{}")).is_none(), "it waits");
        held.pop();
        let short = read(&two, Body::from("{}")).unwrap().unwrap();
        assert_eq!(short.bytes, "{}");
        assert!(
            read(&none, Body::from("{}")).is_none(),
            "it might need more than there is"
        );
        held.pop();
        let unannounced = read(&none, Body::from("{}")).unwrap().unwrap();
        assert_eq!(unannounced.bytes, "{}");
        // What was not needed is there again while they are answered.
        assert_eq!(bodies.0.available_permits(), 2 * MOST / PIECE - 2);
        drop((short, unannounced, held));
        assert_eq!(bodies.0.available_permits(), PIECES);
    }

    #[tokio::test]
    async fn what_is_too_long_takes_no_room() {
        let bodies = Bodies::default();
        for headers in [announcing(11), HeaderMap::new()] {
            let long = bodies.read(&headers, Body::from("12345678901"), 10).await;
            assert_eq!(long.unwrap_err(), Unread::TooLong);
        }
        assert_eq!(bodies.0.available_permits(), PIECES);
    }
}
