//! Slow clients: a connection is not to be held by somebody who says nothing, or says it a byte at a time.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
    time::Duration,
};

use axum::{body::Body, extract::Request};
use axum_server::accept::Accept;
use futures_util::{StreamExt as _, stream};
use hyper_util::{
    rt::{TokioExecutor, TokioTimer},
    server::conn::auto::Builder,
};
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    time::{Instant, Sleep, timeout_at},
};

/// How long a client may take over its request's head, or between two requests.
const HEAD_DEADLINE: Duration = Duration::from_secs(15);

/// How long a body may take to arrive.
pub(super) const BODY_DEADLINE: Duration = Duration::from_secs(30);

/// How long the far end of an HTTP/2 connection may be silent, and then not answer when it is asked.
const SILENCE: Duration = Duration::from_secs(20);

/// What every HTTP/2 connection begins with (RFC 9113, section 3.4). Until as much has come nobody knows what is spoken.
const PREFACE_BYTES: usize = 24;

/// Sets the limits of a server's connections.
pub(super) fn bound(http: &mut Builder<TokioExecutor>) {
    http.http1()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_DEADLINE);
    http.http2()
        .timer(TokioTimer::new())
        .keep_alive_interval(Some(SILENCE))
        .keep_alive_timeout(SILENCE);
}

/// Gives a request's body its deadline.
pub(super) async fn bound_body(request: Request) -> Request {
    let deadline = Instant::now() + BODY_DEADLINE;
    request.map(|body| {
        let read = stream::try_unfold(body.into_data_stream(), move |mut body| async move {
            match timeout_at(deadline, body.next()).await {
                Ok(Some(Ok(bytes))) => Ok(Some((bytes, body))),
                Ok(Some(Err(error))) => Err(io::Error::other(error)),
                Ok(None) => Ok(None),
                Err(_) => Err(io::ErrorKind::TimedOut.into()),
            }
        });
        Body::from_stream(read)
    })
}

/// Takes connections as another does, and lets go of those that do not begin to speak.
#[derive(Debug, Clone)]
pub(super) struct Greeting<A>(pub(super) A);

impl<I, S, A> Accept<I, S> for Greeting<A>
where
    A: Accept<I, S>,
    A::Future: Send + 'static,
{
    type Stream = Greeted<A::Stream>;
    type Service = A::Service;
    type Future = Pin<Box<dyn Future<Output = io::Result<(Self::Stream, Self::Service)>> + Send>>;

    fn accept(&self, stream: I, service: S) -> Self::Future {
        let accepted = self.0.accept(stream, service);
        Box::pin(async move {
            let (stream, service) = accepted.await?;
            Ok((Greeted::new(stream), service))
        })
    }
}

/// A connection that fails where its first bytes do not come in time.
pub(super) struct Greeted<S> {
    stream: S,
    missing: usize,
    deadline: Pin<Box<Sleep>>,
}

impl<S> Greeted<S> {
    fn new(stream: S) -> Self {
        Self {
            stream,
            missing: PREFACE_BYTES,
            deadline: Box::pin(tokio::time::sleep(HEAD_DEADLINE)),
        }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Greeted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let read = Pin::new(&mut self.stream).poll_read(context, buffer);
        if self.missing == 0 {
            return read;
        }
        match read {
            Poll::Ready(done) => {
                self.missing = self.missing.saturating_sub(buffer.filled().len() - before);
                Poll::Ready(done)
            }
            Poll::Pending => self
                .deadline
                .as_mut()
                .poll(context)
                .map(|()| Err(io::ErrorKind::TimedOut.into())),
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Greeted<S> {
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
