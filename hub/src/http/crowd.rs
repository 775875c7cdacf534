//! How many connections there may be: each takes one of the files that this process may have open, and the sockets of
//! this machine's own agents and people need some as well.

use std::{
    collections::HashMap,
    io,
    net::IpAddr,
    pin::Pin,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    task::{Context, Poll},
};

use axum_server::accept::Accept;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::TcpStream,
};

use super::guard::network;

/// How many connections there may be where the system does not set a lower bound.
const MOST: usize = 8_192;

/// How many of one address elsewhere: an office of many agents is one address.
const MOST_OF_ADDRESS: usize = 1_024;

/// How many open files are kept for everything else: at least so many, and at least this part of all.
const FILES_KEPT: usize = 64;
const PART_KEPT: usize = 8;

/// How many files this process asks to have open.
const MOST_FILES: u64 = 65_536;

/// Counts who is connected. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Crowd(Arc<Room>);

#[derive(Debug)]
struct Room {
    most: usize,
    present: Mutex<Present>,
}

#[derive(Debug, Default)]
struct Present {
    all: usize,
    of: HashMap<IpAddr, usize>,
}

/// The right to be connected; ends with this value.
#[derive(Debug)]
struct Place {
    room: Arc<Room>,
    from: IpAddr,
}

impl Crowd {
    /// As many as this process has room for, once it has all the files that it may.
    pub(super) fn of_this_process() -> Self {
        Self::of(room_in(open_files()))
    }

    fn of(most: usize) -> Self {
        Self(Arc::new(Room {
            most,
            present: Mutex::default(),
        }))
    }

    /// Takes one more in, where there is room. This machine's own addresses tell nobody apart.
    fn enter(&self, from: IpAddr) -> Option<Place> {
        let from = network(from);
        let mut present = self.0.present();
        let of_address = present.of.get(&from).copied().unwrap_or_default();
        if present.all >= self.0.most || (!from.is_loopback() && of_address >= MOST_OF_ADDRESS) {
            return None;
        }
        present.all += 1;
        present.of.insert(from, of_address + 1);
        Some(Place {
            room: Arc::clone(&self.0),
            from,
        })
    }
}

impl Room {
    fn present(&self) -> MutexGuard<'_, Present> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let mut present = self.room.present();
        present.all -= 1;
        if let Some(count) = present.of.get_mut(&self.from) {
            *count -= 1;
            if *count == 0 {
                present.of.remove(&self.from);
            }
        }
    }
}

/// How many files this process may have open, after it asked for as many as it may ask for.
fn open_files() -> usize {
    let limit = getrlimit(Resource::Nofile);
    let asked = limit.maximum.unwrap_or(MOST_FILES).min(MOST_FILES);
    if limit.current.is_some_and(|current| current < asked) {
        // What is not given is not there to be used: the limit is read anew below.
        let _ = setrlimit(
            Resource::Nofile,
            Rlimit {
                current: Some(asked),
                maximum: limit.maximum,
            },
        );
    }
    let given = getrlimit(Resource::Nofile).current.unwrap_or(MOST_FILES);
    usize::try_from(given).unwrap_or(usize::MAX)
}

fn room_in(files: usize) -> usize {
    files.saturating_sub(FILES_KEPT.max(files / PART_KEPT)).min(MOST)
}

/// Takes connections as another does, while there is room. Whoever finds none is let go of before anything is read.
#[derive(Debug, Clone)]
pub(super) struct Counting<A> {
    pub(super) crowd: Crowd,
    pub(super) acceptor: A,
}

impl<S, A> Accept<TcpStream, S> for Counting<A>
where
    A: Accept<TcpStream, S>,
    A::Future: Send + 'static,
{
    type Stream = Counted<A::Stream>;
    type Service = A::Service;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: TcpStream, service: S) -> Self::Future {
        let from = stream.peer_addr();
        let Some(place) = from.ok().and_then(|from| self.crowd.enter(from.ip())) else {
            return Box::pin(async { Err(io::ErrorKind::ConnectionRefused.into()) });
        };
        let accepted = self.acceptor.accept(stream, service);
        Box::pin(async move {
            let (stream, service) = accepted.await?;
            let counted = Counted {
                stream,
                _place: place,
            };
            Ok((counted, service))
        })
    }
}

/// A connection, and its place.
pub(super) struct Counted<S> {
    stream: S,
    _place: Place,
}

impl<S: AsyncRead + Unpin> AsyncRead for Counted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_read(context, buffer)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Counted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write_vectored(context, slices)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn many(crowd: &Crowd, from: &str, most: usize) -> Vec<Place> {
        let from = from.parse().unwrap();
        (0..most).map_while(|_| crowd.enter(from)).collect()
    }

    #[test]
    fn one_address_leaves_room_for_others_and_whoever_goes_makes_room() {
        let crowd = Crowd::of(3_000);
        let office = many(&crowd, "203.0.113.7", 2_000);
        assert_eq!(office.len(), MOST_OF_ADDRESS);
        assert!(crowd.enter("::ffff:203.0.113.7".parse().unwrap()).is_none());
        let six = many(&crowd, "2001:db8:0:1::1", 1_000);
        let neighbours = many(&crowd, "2001:db8:0:1:ffff::2", 1_000);
        assert_eq!(six.len() + neighbours.len(), MOST_OF_ADDRESS);
        assert!(crowd.enter("2001:db8:0:2::1".parse().unwrap()).is_some());
        drop((office, six, neighbours));
        assert_eq!(crowd.0.present().all, 0);
        assert!(crowd.0.present().of.is_empty());
    }

    #[test]
    fn this_machine_is_bounded_only_with_everybody() {
        let crowd = Crowd::of(3_000);
        let own = [many(&crowd, "127.0.0.1", 2_000), many(&crowd, "::1", 2_000)];
        assert_eq!(own.iter().map(Vec::len).sum::<usize>(), 3_000);
        assert!(crowd.enter("203.0.113.7".parse().unwrap()).is_none());
    }

    #[test]
    fn some_files_are_kept_for_everything_else() {
        assert_eq!([0, 64, 256, 1_024, 65_536].map(room_in), [0, 0, 192, 896, MOST]);
        assert!(open_files() >= 64);
    }
}
