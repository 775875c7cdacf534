//! The link to the hub: one task that owns the connection, the session and what is still unanswered.
//!
//! When the hub is gone the link starts it again, proves itself anew and asks once more what was still open,
//! under the same request ids, so that nothing is applied twice and the client never notices.

use std::{collections::VecDeque, path::PathBuf, time::Duration};

use delegation::HandshakeSubject;
use protocol::{
    AgentMessage, Answer, Call, Challenge, HubMessage, Observation, Open, OpenReply, Opened, Refusal,
    RefusalCode, Reply, ReplyBody, Request, RequestBody, VERSION, Via,
    autostart::{self, ReachError},
    frame::{self, FrameError},
};
use tokio::{
    io::BufReader,
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::{mpsc, oneshot},
};
use vocabulary::{RequestId, TraceId};

use crate::{
    clock,
    session::{Lender, NoAuthority, Session},
    spool,
};

/// How long a call waits for its answer. Clients give up after a minute; they should hear from us first.
const ANSWER_DEADLINE: Duration = Duration::from_secs(45);

/// How many times one request is asked anew when the connection breaks under it.
const ATTEMPTS: u32 = 4;

/// How many requests may be asked and unanswered; further ones wait to be asked. Fewer than the answers that a hub
/// remembers of a session, so that whatever is asked anew is known there; and fewer than it lets be under way, so that
/// it always reads what we write.
const MOST_OPEN: usize = 32;

/// A handle to the link; cheap to clone.
#[derive(Debug, Clone)]
pub struct HubLink {
    commands: mpsc::Sender<Command>,
}

/// Why a request has no answer from the hub.
#[derive(Debug, thiserror::Error)]
pub enum LinkError {
    /// There is nothing to act under.
    #[error("{0} (not recorded, nothing done)")]
    NoAuthority(#[from] NoAuthority),
    /// The hub does not open the session.
    #[error("{} [{}] (nothing done)", .0.message, .0.code)]
    Refused(Refusal),
    /// The hub could not do it.
    #[error("{} [{}] (not recorded, nothing done)", .0.message, .0.code)]
    Failed(Refusal),
    /// No hub can be reached.
    #[error("{0} (not recorded, nothing done)")]
    Unreachable(#[from] ReachError),
    /// The connection broke after the request had been sent, again and again.
    #[error(
        "the hub broke the connection {ATTEMPTS} times ({0}); whether this was recorded is unknown: look with read_trace before calling again"
    )]
    Broken(String),
    /// The hub is there and silent.
    #[error(
        "the hub did not answer within 45 s; whether this was recorded is unknown: look with read_trace before calling again"
    )]
    Late,
    /// This process is ending.
    #[error("the session is closing (not recorded, nothing done)")]
    Closing,
}

#[derive(Debug)]
enum Command {
    Identify(Via),
    Trace(oneshot::Sender<Option<TraceId>>),
    Ask {
        id: RequestId,
        body: RequestBody,
        answer: oneshot::Sender<Result<ReplyBody, LinkError>>,
    },
}

impl HubLink {
    /// Starts the link's task. Nothing is connected before the first request.
    #[must_use]
    pub fn start(lender: Lender, instance: String) -> Self {
        let (commands, inbox) = mpsc::channel(64);
        let owner = Owner {
            via: Via::from_client("unknown", "", &instance),
            companion: autostart::companion_binary(),
            lender,
            session: None,
            opened: None,
            stale: false,
            wire: None,
            open: VecDeque::new(),
        };
        tokio::spawn(owner.run(inbox));
        Self { commands }
    }

    /// Says who the client is, as soon as it has said so itself.
    pub async fn identify(&self, via: Via) {
        let _ = self.commands.send(Command::Identify(via)).await;
    }

    /// This session's trace, where a hub has opened the session.
    pub async fn trace(&self) -> Option<TraceId> {
        let (answer, trace) = oneshot::channel();
        self.commands.send(Command::Trace(answer)).await.ok()?;
        trace.await.ok()?
    }

    /// Calls a tool.
    ///
    /// # Errors
    /// [`LinkError`], which says whether the call was recorded.
    pub async fn call(&self, call: Call) -> Result<Answer, LinkError> {
        match self.ask(RequestBody::Call(call)).await? {
            ReplyBody::Answer(answer) => Ok(answer),
            ReplyBody::Failed(refusal) => Err(LinkError::Failed(refusal)),
            ReplyBody::Recorded(_) => Err(LinkError::Broken("the answer is not one to a call".to_owned())),
        }
    }

    /// Records what the client did that is no call; spooled where no hub can be reached.
    ///
    /// # Errors
    /// [`LinkError`] where it could neither be recorded nor spooled.
    pub async fn observe(&self, observation: Observation) -> Result<(), LinkError> {
        recorded(self.ask(RequestBody::Observe(observation)).await?)
    }

    /// Ends the session: its token is worth nothing afterwards.
    ///
    /// # Errors
    /// [`LinkError`] where the hub was not told.
    pub async fn close(&self) -> Result<(), LinkError> {
        recorded(self.ask(RequestBody::Close).await?)
    }

    async fn ask(&self, body: RequestBody) -> Result<ReplyBody, LinkError> {
        let id = clock::new_id().map_err(NoAuthority::from)?;
        let (answer, reply) = oneshot::channel();
        let asked = async {
            let command = Command::Ask { id, body, answer };
            self.commands
                .send(command)
                .await
                .map_err(|_| LinkError::Closing)?;
            reply.await.map_err(|_| LinkError::Closing)?
        };
        tokio::time::timeout(ANSWER_DEADLINE, asked)
            .await
            .unwrap_or(Err(LinkError::Late))
    }
}

fn recorded(reply: ReplyBody) -> Result<(), LinkError> {
    match reply {
        ReplyBody::Failed(refusal) => Err(LinkError::Failed(refusal)),
        ReplyBody::Answer(_) | ReplyBody::Recorded(_) => Ok(()),
    }
}

/// A request that was asked and is not answered.
struct Unanswered {
    id: RequestId,
    body: RequestBody,
    answer: oneshot::Sender<Result<ReplyBody, LinkError>>,
    attempts: u32,
}

/// An open connection: what to write to, what arrives, and the challenge for the next opening.
struct Wire {
    out: OwnedWriteHalf,
    incoming: mpsc::Receiver<Result<HubMessage, FrameError>>,
    next: Challenge,
}

struct Owner {
    via: Via,
    companion: PathBuf,
    lender: Lender,
    session: Option<Session>,
    /// The session's trace, once a hub has opened it.
    opened: Option<TraceId>,
    /// The hub said that this session or its delegation has ended; the next request looks for another.
    stale: bool,
    wire: Option<Wire>,
    open: VecDeque<Unanswered>,
}

impl Owner {
    async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            let event = match &mut self.wire {
                Some(wire) => tokio::select! {
                    command = commands.recv(), if self.open.len() < MOST_OPEN => Event::Command(command),
                    message = wire.incoming.recv() => Event::Message(message),
                },
                None => Event::Command(commands.recv().await),
            };
            match event {
                Event::Command(None) => return,
                Event::Command(Some(Command::Identify(via))) => self.via = via,
                Event::Command(Some(Command::Trace(answer))) => {
                    let _ = answer.send(self.opened);
                }
                Event::Command(Some(Command::Ask { id, body, answer })) => {
                    self.open.push_back(Unanswered {
                        id,
                        body,
                        answer,
                        attempts: 0,
                    });
                    self.ask_newest().await;
                }
                Event::Message(Some(Ok(HubMessage::Reply(reply)))) => self.settle(reply),
                Event::Message(Some(Ok(_))) => self.broken("it sent what was not asked for").await,
                Event::Message(Some(Err(error))) => self.broken(&error.to_string()).await,
                Event::Message(None) => self.broken("it closed").await,
            }
        }
    }

    /// Sends the request that was queued last; the ones before it are on their way already.
    async fn ask_newest(&mut self) {
        match self.ready().await {
            Ok(Reached::Already) => {
                let sent = match self.open.back_mut() {
                    Some(newest) => send(&mut self.wire, newest).await,
                    None => Ok(()),
                };
                if let Err(error) = sent {
                    self.broken(&error.to_string()).await;
                }
            }
            Ok(Reached::Anew) => self.ask_all().await,
            Err(error) => self.give_up(error),
        }
    }

    /// The connection is gone: reaches the hub again and asks anew what is still open.
    async fn broken(&mut self, why: &str) {
        self.wire = None;
        let (hopeless, open): (Vec<_>, Vec<_>) = std::mem::take(&mut self.open)
            .into_iter()
            .partition(|asked| asked.attempts >= ATTEMPTS);
        self.open = open.into();
        for asked in hopeless {
            let _ = asked.answer.send(Err(LinkError::Broken(why.to_owned())));
        }
        if !self.open.is_empty() {
            self.ask_all().await;
        }
    }

    async fn ask_all(&mut self) {
        // Nobody waits any more for what was told to be late.
        self.open.retain(|asked| !asked.answer.is_closed());
        loop {
            if let Err(error) = self.ready().await {
                return self.give_up(error);
            }
            let mut failure = None;
            for asked in &mut self.open {
                if asked.attempts < ATTEMPTS
                    && let Err(error) = send(&mut self.wire, asked).await
                {
                    failure = Some(error);
                    break;
                }
            }
            match failure {
                None => return,
                Some(error) => {
                    self.wire = None;
                    let why = error.to_string();
                    let (hopeless, open): (Vec<_>, Vec<_>) = std::mem::take(&mut self.open)
                        .into_iter()
                        .partition(|asked| asked.attempts >= ATTEMPTS);
                    self.open = open.into();
                    for asked in hopeless {
                        let _ = asked.answer.send(Err(LinkError::Broken(why.clone())));
                    }
                }
            }
        }
    }

    fn settle(&mut self, reply: Reply) {
        if let Some(position) = self.open.iter().position(|asked| asked.id == reply.id)
            && let Some(asked) = self.open.remove(position)
        {
            if let ReplyBody::Answer(Answer {
                outcome: protocol::Outcome::Denied(refusal),
                ..
            }) = &reply.body
            {
                self.stale |= delegation::ends_authority(&refusal.code);
            }
            let _ = asked.answer.send(Ok(reply.body));
        }
    }

    /// Nobody can be asked: observations go to the spool, everything else fails and says so.
    fn give_up(&mut self, error: LinkError) {
        self.wire = None;
        let why = error.to_string();
        let mut first = Some(error);
        for asked in std::mem::take(&mut self.open) {
            if let (RequestBody::Observe(observation), Some(session)) = (&asked.body, &self.session)
                && spool::keep(self.lender.home(), session, asked.id, &self.via, observation).is_ok()
            {
                let trace = TraceId::from_uuid(session.id.uuid());
                let _ = asked
                    .answer
                    .send(Ok(ReplyBody::Recorded(protocol::Position { trace, seq: 0 })));
                continue;
            }
            let error = if asked.attempts > 0 { None } else { first.take() };
            let _ = asked
                .answer
                .send(Err(error.unwrap_or_else(|| LinkError::Broken(why.clone()))));
        }
    }

    /// Makes sure that there is a session, a token that is good, and a connection on which it is open.
    async fn ready(&mut self) -> Result<Reached, LinkError> {
        let now = clock::now();
        if self.session.is_none() || self.stale {
            self.look_for_authority(now)?;
        }
        let Some(session) = &mut self.session else {
            return Err(LinkError::Closing);
        };
        let renewed = session.renew(now)?;
        if let Some(wire) = &mut self.wire {
            if !renewed {
                return Ok(Reached::Already);
            }
            let answered = open(wire, session, &self.via).await;
            return match answered {
                Ok((opened, early)) => {
                    wire.next = opened.next;
                    early.into_iter().for_each(|reply| self.settle(reply));
                    Ok(Reached::Already)
                }
                Err(OpenError::Refused(refusal)) => Err(self.refused(refusal)),
                Err(OpenError::Frame(_)) => {
                    self.wire = None;
                    self.connect().await.map(|()| Reached::Anew)
                }
            };
        }
        self.connect().await.map(|()| Reached::Anew)
    }

    fn look_for_authority(&mut self, now: vocabulary::Timestamp) -> Result<(), LinkError> {
        let delegation = match (self.lender.choose(&self.via.agent, now), &self.session) {
            (Ok(delegation), _) => delegation,
            // Nothing else is lent: the hub says no under what there is, and records that it was asked.
            (Err(_), Some(_)) => return Ok(()),
            (Err(error), None) => return Err(error.into()),
        };
        let same = self
            .session
            .as_ref()
            .is_some_and(|session| session.grant().id == delegation.grant().id);
        if !same {
            // Another delegation is another session, with a trace of its own.
            self.session = Some(Session::begin(delegation, now)?);
            self.opened = None;
            self.wire = None;
        }
        self.stale = false;
        Ok(())
    }

    async fn connect(&mut self) -> Result<(), LinkError> {
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            let stream = self.dial().await?;
            let Some(session) = &self.session else {
                return Err(LinkError::Closing);
            };
            match handshake(stream, session, &self.via).await {
                Ok(wire) => {
                    self.opened = Some(TraceId::from_uuid(session.id.uuid()));
                    self.wire = Some(wire);
                    return Ok(());
                }
                Err(OpenError::Refused(refusal)) => return Err(self.refused(refusal)),
                // The hub was ending as we reached it; the next dial starts another.
                Err(OpenError::Frame(error)) => last = error.to_string(),
            }
        }
        Err(LinkError::Broken(last))
    }

    async fn dial(&self) -> Result<UnixStream, LinkError> {
        let home = self.lender.home().clone();
        let companion = self.companion.clone();
        let dialed =
            tokio::task::spawn_blocking(move || autostart::connect(&home, &home.agent_socket(), &companion));
        let stream = dialed.await.map_err(|_| LinkError::Closing)??;
        let nonblocking = stream
            .set_nonblocking(true)
            .and_then(|()| UnixStream::from_std(stream));
        nonblocking.map_err(|error| LinkError::Broken(error.to_string()))
    }

    fn refused(&mut self, refusal: Refusal) -> LinkError {
        self.stale |= delegation::ends_authority(&refusal.code);
        LinkError::Refused(refusal)
    }
}

enum Event {
    Command(Option<Command>),
    Message(Option<Result<HubMessage, FrameError>>),
}

enum Reached {
    /// On the connection that stood already.
    Already,
    /// On a new one, which knows nothing of what was asked before.
    Anew,
}

enum OpenError {
    Refused(Refusal),
    Frame(FrameError),
}

impl From<FrameError> for OpenError {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

async fn send(wire: &mut Option<Wire>, asked: &mut Unanswered) -> Result<(), FrameError> {
    let Some(wire) = wire else { return Ok(()) };
    asked.attempts += 1;
    frame::send(
        &mut wire.out,
        &AgentMessage::Request(Request {
            id: asked.id,
            body: asked.body.clone(),
        }),
    )
    .await
}

async fn handshake(stream: UnixStream, session: &Session, via: &Via) -> Result<Wire, OpenError> {
    let (read, out) = stream.into_split();
    let (arrived, mut incoming) = mpsc::channel(64);
    tokio::spawn(pump(read, arrived));
    let challenge = match incoming.recv().await {
        Some(Ok(HubMessage::Challenge(challenge))) => challenge,
        Some(Err(error)) => return Err(error.into()),
        Some(Ok(_)) | None => return Err(ended()),
    };
    let mut wire = Wire {
        out,
        incoming,
        next: challenge,
    };
    let (opened, _) = open(&mut wire, session, via).await?;
    wire.next = opened.next;
    Ok(wire)
}

/// Opens or renews the session on a connection. Replies that arrive in between are handed back.
async fn open(wire: &mut Wire, session: &Session, via: &Via) -> Result<(Opened, Vec<Reply>), OpenError> {
    let challenge = &wire.next;
    if challenge.version != VERSION {
        return Err(OpenError::Refused(Refusal::new(
            RefusalCode::ProtocolVersion,
            &format!(
                "the hub speaks version {} and this auditotter-mcp version {VERSION}; install both from one release",
                challenge.version
            ),
        )));
    }
    let nonce = <[u8; 32]>::try_from(hex::decode(&challenge.nonce).unwrap_or_default())
        .map_err(|_| FrameError::Io(std::io::ErrorKind::InvalidData.into()))?;
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
    frame::send(&mut wire.out, &AgentMessage::Open(opening)).await?;
    let mut early = Vec::new();
    loop {
        match wire.incoming.recv().await {
            Some(Ok(HubMessage::Opening(OpenReply::Opened(opened)))) => return Ok((opened, early)),
            Some(Ok(HubMessage::Opening(OpenReply::Refused(refusal)))) => {
                return Err(OpenError::Refused(refusal));
            }
            Some(Ok(HubMessage::Reply(reply))) => early.push(reply),
            Some(Err(error)) => return Err(error.into()),
            Some(Ok(HubMessage::Challenge(_))) | None => return Err(ended()),
        }
    }
}

fn ended() -> OpenError {
    FrameError::Io(std::io::ErrorKind::UnexpectedEof.into()).into()
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
