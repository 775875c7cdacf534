//! What a session is open on: a connection to the hub of this machine, or a hub elsewhere.

use std::{io, time::Duration};

use delegation::HandshakeSubject;
use protocol::{
    AgentMessage, Challenge, HubMessage, Open, OpenReply, Refusal, Reply, VERSION, Via,
    frame::{self, FrameError},
};
use tokio::{
    io::{AsyncWriteExt as _, BufReader},
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::mpsc,
};

use super::remote::RemoteWire;
use crate::session::Session;

/// How long the hub may take to let us in, or to take what we write: it does nothing else meanwhile, so one that takes
/// longer has stopped.
const HUB_DEADLINE: Duration = Duration::from_secs(10);

/// What an open session is asked over.
pub(super) enum Wire {
    Local(LocalWire),
    Remote(RemoteWire),
}

impl Wire {
    /// The next message that arrives.
    pub(super) async fn receive(&mut self) -> Option<Result<HubMessage, FrameError>> {
        match self {
            Self::Local(wire) => wire.incoming.recv().await,
            Self::Remote(wire) => wire.incoming.recv().await,
        }
    }

    /// Renews the session's token. Replies that arrive in between are handed out.
    pub(super) async fn open(
        &mut self,
        session: &Session,
        via: &Via,
        early: &mut Vec<Reply>,
    ) -> Result<(), OpenError> {
        match self {
            Self::Local(wire) => wire.open(session, via, early).await,
            Self::Remote(wire) => in_time(wire.open(session, via)).await,
        }
    }

    /// Writes a message's bytes.
    pub(super) async fn write(&mut self, frame: &[u8]) -> Result<(), FrameError> {
        match self {
            Self::Local(wire) => wire.write(frame).await,
            Self::Remote(wire) => {
                wire.write(frame);
                Ok(())
            }
        }
    }
}

/// An open connection: what to write to, what arrives, and the challenge for the next opening.
pub(super) struct LocalWire {
    out: OwnedWriteHalf,
    incoming: mpsc::Receiver<Result<HubMessage, FrameError>>,
    next: Challenge,
}

/// Why a session is not open on a connection.
pub(super) enum OpenError {
    Refused(Refusal),
    Frame(FrameError),
}

impl From<FrameError> for OpenError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

impl LocalWire {
    /// Opens a session, or takes it up again, on a new connection.
    pub(super) async fn begin(stream: UnixStream, session: &Session, via: &Via) -> Result<Self, OpenError> {
        let (read, out) = stream.into_split();
        let (arrived, mut incoming) = mpsc::channel(64);
        tokio::spawn(pump(read, arrived));
        let challenge = match in_time(async { Ok(incoming.recv().await) }).await? {
            Some(Ok(HubMessage::Challenge(challenge))) => challenge,
            Some(Err(error)) => return Err(error.into()),
            Some(Ok(_)) | None => return Err(ended()),
        };
        let mut wire = Self {
            out,
            incoming,
            next: challenge,
        };
        wire.open(session, via, &mut Vec::new()).await?;
        Ok(wire)
    }

    /// Opens the session, or renews its token. Replies that arrive in between are handed out.
    async fn open(&mut self, session: &Session, via: &Via, early: &mut Vec<Reply>) -> Result<(), OpenError> {
        in_time(self.ask_to_open(session, via, early)).await
    }

    async fn ask_to_open(
        &mut self,
        session: &Session,
        via: &Via,
        early: &mut Vec<Reply>,
    ) -> Result<(), OpenError> {
        let challenge = &self.next;
        if challenge.version != VERSION {
            return Err(OpenError::other_version(challenge.version));
        }
        let nonce = challenge_of(challenge)?;
        let proof = session.holder().sign_handshake(&HandshakeSubject {
            workspace: challenge.workspace,
            nonce,
            token: session.token().as_str(),
        });
        let opening = Open {
            token: session.token().as_str().to_owned(),
            proof: proof.to_string(),
            via: via.clone(),
        };
        frame::send(&mut self.out, &AgentMessage::Open(opening)).await?;
        loop {
            match self.incoming.recv().await {
                Some(Ok(HubMessage::Opening(OpenReply::Opened(opened)))) => {
                    self.next = opened.next;
                    return Ok(());
                }
                Some(Ok(HubMessage::Opening(OpenReply::Refused(refusal)))) => {
                    return Err(OpenError::Refused(refusal));
                }
                Some(Ok(HubMessage::Reply(reply))) => early.push(reply),
                Some(Err(error)) => return Err(error.into()),
                Some(Ok(HubMessage::Challenge(_))) | None => return Err(ended()),
            }
        }
    }

    /// Writes a message's bytes.
    pub(super) async fn write(&mut self, frame: &[u8]) -> Result<(), FrameError> {
        match tokio::time::timeout(HUB_DEADLINE, self.out.write_all(frame)).await {
            Ok(written) => Ok(written?),
            Err(_) => Err(stopped()),
        }
    }
}

/// The nonce's bytes.
pub(super) fn challenge_of(challenge: &Challenge) -> Result<[u8; 32], FrameError> {
    <[u8; 32]>::try_from(hex::decode(&challenge.nonce).unwrap_or_default())
        .map_err(|_| FrameError::Io(io::ErrorKind::InvalidData.into()))
}

pub(super) async fn in_time<T>(
    waited_for: impl Future<Output = Result<T, OpenError>>,
) -> Result<T, OpenError> {
    tokio::time::timeout(HUB_DEADLINE, waited_for)
        .await
        .unwrap_or_else(|_| Err(stopped().into()))
}

fn stopped() -> FrameError {
    let why = "the hub does nothing; has its process been stopped?";
    FrameError::Io(io::Error::new(io::ErrorKind::TimedOut, why))
}

fn ended() -> OpenError {
    FrameError::Io(io::ErrorKind::UnexpectedEof.into()).into()
}

/// Reads messages off the socket for as long as somebody wants them.
async fn pump(socket: OwnedReadHalf, arrived: mpsc::Sender<Result<HubMessage, FrameError>>) {
    let mut socket = BufReader::new(socket);
    while let Some(message) = frame::receive(&mut socket).await.transpose() {
        let last = message.is_err();
        if arrived.send(message).await.is_err() || last {
            return;
        }
    }
}
