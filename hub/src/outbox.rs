//! What a connection is answered: written at once by whoever has the answer, so that no second thread has to wake for
//! it, and by a task of the connection's own where its socket has no room.

use std::{
    io,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
};

use protocol::{HubMessage, frame};
use tokio::{
    net::unix::OwnedWriteHalf,
    sync::{Notify, OwnedSemaphorePermit, Semaphore},
    task::JoinHandle,
};

/// How many answers of one connection may be under way; further requests wait in its socket.
pub(crate) const UNDER_WAY: u32 = 64;

/// The way out of one connection.
#[derive(Debug)]
pub(crate) struct Outbox {
    out: Arc<Out>,
    pouring: JoinHandle<()>,
}

/// The right to one answer.
#[derive(Debug)]
pub(crate) struct Place {
    out: Arc<Out>,
    permit: OwnedSemaphorePermit,
}

#[derive(Debug)]
struct Out {
    socket: OwnedWriteHalf,
    places: Arc<Semaphore>,
    waiting: Mutex<Waiting>,
    more: Notify,
}

/// What the socket had no room for, in order, and whose places it takes.
#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    places: Vec<OwnedSemaphorePermit>,
    /// The other side went away; nothing is kept for it.
    gone: bool,
}

impl Outbox {
    pub(crate) fn new(socket: OwnedWriteHalf) -> Self {
        let out = Arc::new(Out {
            socket,
            places: Arc::new(Semaphore::new(UNDER_WAY as usize)),
            waiting: Mutex::default(),
            more: Notify::new(),
        });
        let pouring = tokio::spawn(pour(Arc::clone(&out)));
        Self { out, pouring }
    }

    /// Waits for a place: who asks too much waits here.
    pub(crate) async fn place(&self) -> Option<Place> {
        let permit = Arc::clone(&self.out.places).acquire_owned().await.ok()?;
        let out = Arc::clone(&self.out);
        Some(Place { out, permit })
    }

    /// Waits until everything that has a place is answered and written, or has nobody left to read it.
    pub(crate) async fn finish(self) {
        let _all = self.out.places.acquire_many(UNDER_WAY).await;
        self.pouring.abort();
    }
}

impl Place {
    /// Answers. May be called on any thread, and does not block it.
    pub(crate) fn send(self, message: &HubMessage) {
        let frame = match frame::encode(message) {
            Ok(frame) => frame,
            Err(error) => {
                // The request stays unanswered, and its sender's deadline says so.
                tracing::error!(%error, "an answer could not be written as a frame");
                return;
            }
        };
        let mut waiting = self.out.waiting();
        if waiting.gone {
            return;
        }
        let written = if waiting.bytes.is_empty() {
            self.out.write(&frame)
        } else {
            Ok(0)
        };
        match written {
            Ok(written) if written == frame.len() => {}
            Ok(written) => {
                waiting.bytes.extend_from_slice(&frame[written..]);
                waiting.places.push(self.permit);
                self.out.more.notify_one();
            }
            Err(error) => waiting.give_up(&error),
        }
    }
}

impl Out {
    fn waiting(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Writes as much as there is room for.
    fn write(&self, bytes: &[u8]) -> io::Result<usize> {
        let mut written = 0;
        while written < bytes.len() {
            match self.socket.try_write(&bytes[written..]) {
                Ok(count) => written += count,
                Err(error) if error.kind() == io::ErrorKind::WouldBlock => break,
                Err(error) => return Err(error),
            }
        }
        Ok(written)
    }

    /// Writes of what waits as much as there is room for; says whether something still waits.
    fn pour_some(&self) -> bool {
        let mut waiting = self.waiting();
        match self.write(&waiting.bytes) {
            Ok(written) => {
                waiting.bytes.drain(..written);
                if waiting.bytes.is_empty() {
                    waiting.places.clear();
                }
            }
            Err(error) => waiting.give_up(&error),
        }
        !waiting.bytes.is_empty()
    }
}

impl Waiting {
    fn give_up(&mut self, error: &io::Error) {
        tracing::debug!(%error, "an agent side went away before its answer");
        *self = Self {
            gone: true,
            ..Self::default()
        };
    }
}

async fn pour(out: Arc<Out>) {
    loop {
        out.more.notified().await;
        while out.pour_some() {
            // Fails only where the runtime is ending.
            if out.socket.writable().await.is_err() {
                return;
            }
        }
    }
}
