//! The link's task: it alone holds the session and the connection, and it knows what is still unanswered.

use std::{collections::VecDeque, error::Error, io, path::PathBuf, time::Duration};

use protocol::{
    AgentMessage, Answer, HubMessage, Outcome, Position, Refusal, Reply, ReplyBody, Request, RequestBody,
    Via,
    autostart::{self, ReachError},
    frame::{self, FrameError},
};
use tokio::{net::UnixStream, sync::mpsc, time::Instant};
use vocabulary::{Timestamp, TraceId};

use super::{
    ATTEMPTS, Asked, Command, LinkError, MOST_WAITING,
    remote::{Remote, RemoteError, RemoteWire},
    wire::{LocalWire, OpenError, Wire, in_time},
};
use crate::{
    clock,
    session::{Lender, Session},
    shared, spool,
};

/// How many requests may be asked and unanswered; further ones wait to be asked. Fewer than the answers that a hub
/// remembers of a session, so that whatever is asked anew is known there; and fewer than it lets be under way, so that
/// it always reads what we write.
const MOST_OPEN: usize = 32;

/// How long a hub elsewhere may be gone before that is said.
const RESTARTING: Duration = Duration::from_secs(10);

/// Between two attempts to reach it.
const PAUSE: Duration = Duration::from_millis(200);

/// The task's state.
pub(super) struct Owner {
    via: Via,
    companion: PathBuf,
    lender: Lender,
    session: Option<Session>,
    /// Whether the client's hooks act in the same session, which is then not ours to end.
    shared: bool,
    /// The session's trace, once a hub has opened it.
    opened: Option<TraceId>,
    /// The hub said that this session or its delegation has ended; the next request looks for another.
    stale: bool,
    wire: Option<Wire>,
    /// The hub, where it is not this machine's.
    remote: Option<Remote>,
    open: VecDeque<Asked>,
}

impl Owner {
    pub(super) fn new(lender: Lender, via: Via, remote: Option<Remote>) -> Self {
        Self {
            via,
            companion: autostart::companion_binary(),
            lender,
            session: None,
            shared: false,
            opened: None,
            stale: false,
            wire: None,
            remote,
            open: VecDeque::new(),
        }
    }

    /// Serves until nobody is left to ask.
    pub(super) async fn run(mut self, mut commands: mpsc::Receiver<Command>) {
        loop {
            let room = self.busy() < MOST_OPEN;
            let event = match &mut self.wire {
                Some(wire) => tokio::select! {
                    command = commands.recv(), if room => Event::Command(command),
                    message = wire.receive() => Event::Message(message),
                },
                None => Event::Command(commands.recv().await),
            };
            match event {
                Event::Command(None) => return,
                Event::Command(Some(Command::Identify(via))) => self.via = via,
                Event::Command(Some(Command::Trace(answer))) => {
                    let _ = answer.send(self.opened);
                }
                Event::Command(Some(Command::Ask(asked))) if self.has_no_room_for(&asked) => {
                    let _ = asked.answer.send(Err(LinkError::TooManyWaiting));
                }
                Event::Command(Some(Command::Ask(asked))) if self.leaves_to_hooks(&asked) => {
                    let told = self.opened.map(|trace| Position { trace, seq: 0 });
                    let _ = asked
                        .answer
                        .send(told.map(ReplyBody::Recorded).ok_or(LinkError::Closing));
                }
                Event::Command(Some(Command::Ask(asked))) => {
                    self.follow(&asked);
                    self.open.push_back(asked);
                    self.ask_newest().await;
                }
                Event::Message(Some(Ok(HubMessage::Reply(reply)))) => self.settle(reply),
                Event::Message(Some(Ok(_))) => self.broken("it sent what was not asked for").await,
                Event::Message(Some(Err(error))) => self.broken(&error.to_string()).await,
                Event::Message(None) => self.broken("it closed").await,
            }
        }
    }

    /// How many requests the hub is to answer by itself.
    fn busy(&self) -> usize {
        self.open.iter().filter(|asked| !asked.waits()).count()
    }

    /// Whoever waits for people is not to keep what the hub can answer from being asked.
    fn has_no_room_for(&self, asked: &Asked) -> bool {
        let waiting = self
            .open
            .iter()
            .filter(|open| open.waits() && !open.answer.is_closed());
        asked.waits() && waiting.count() >= MOST_WAITING
    }

    /// Whether this would end a session that ends with the client.
    fn leaves_to_hooks(&self, asked: &Asked) -> bool {
        self.shared && matches!(asked.body, RequestBody::Close)
    }

    /// Goes on in the session in which the client's hook announced this very call, so that both are one trace. Not while
    /// something else waits for its answer in another.
    fn follow(&mut self, asked: &Asked) {
        let RequestBody::Call(call) = &asked.body else {
            return;
        };
        if self.remote.is_some() || !self.open.is_empty() {
            return;
        }
        let home = self.lender.home();
        let announced = call.call_id.as_deref().and_then(|id| shared::announced(home, id));
        let Some(Ok(Some(session))) = announced.map(|name| shared::find(home, &name)) else {
            return;
        };
        let same = self
            .session
            .as_ref()
            .is_some_and(|current| current.id == session.id);
        if same || !self.lender.accepts(session.grant()) {
            return;
        }
        self.session = Some(session);
        self.shared = true;
        self.opened = None;
        self.wire = None;
        self.stale = false;
    }

    /// Sends the request that was queued last; the ones before it are on their way already.
    async fn ask_newest(&mut self) {
        match self.ready().await {
            Ok(Reached::Already) => {
                let Some(newest) = self.open.pop_back() else {
                    return;
                };
                match send(&mut self.wire, newest).await {
                    Sent::Yes(newest) => self.open.push_back(newest),
                    Sent::Never => {}
                    Sent::Broken(newest, error) => {
                        self.open.push_back(newest);
                        self.broken(&error.to_string()).await;
                    }
                }
            }
            Ok(Reached::Anew) => self.ask_all().await,
            Err(error) => self.give_up(error),
        }
    }

    /// The connection is gone: reaches the hub again and asks anew what is still open.
    async fn broken(&mut self, why: &str) {
        self.lose(why);
        if !self.open.is_empty() {
            self.ask_all().await;
        }
    }

    /// Lets go of the connection, and of what broke it too often.
    fn lose(&mut self, why: &str) {
        self.wire = None;
        for asked in std::mem::take(&mut self.open) {
            if asked.attempts < ATTEMPTS {
                self.open.push_back(asked);
            } else {
                let _ = asked.answer.send(Err(LinkError::Broken(why.to_owned())));
            }
        }
    }

    async fn ask_all(&mut self) {
        'connection: loop {
            if let Err(error) = self.ready().await {
                return self.give_up(error);
            }
            let mut unsent = std::mem::take(&mut self.open);
            while let Some(asked) = unsent.pop_front() {
                match send(&mut self.wire, asked).await {
                    Sent::Yes(asked) => self.open.push_back(asked),
                    Sent::Never => {}
                    Sent::Broken(asked, error) => {
                        self.open.push_back(asked);
                        self.open.append(&mut unsent);
                        self.lose(&error.to_string());
                        continue 'connection;
                    }
                }
            }
            return;
        }
    }

    fn settle(&mut self, reply: Reply) {
        if let Some(position) = self.open.iter().position(|asked| asked.id == reply.id)
            && let Some(asked) = self.open.remove(position)
        {
            if let ReplyBody::Failed(refusal)
            | ReplyBody::Answer(Answer {
                outcome: Outcome::Denied(refusal),
                ..
            }) = &reply.body
            {
                self.stale |= delegation::ends_authority(&refusal.code);
            }
            let _ = asked.answer.send(Ok(reply.body));
        }
    }

    /// Nobody can be asked: everything fails and says so, except that observations go to the spool where it was the
    /// hub that could not be reached.
    fn give_up(&mut self, error: LinkError) {
        self.wire = None;
        // A hub elsewhere does not take in this machine's spool.
        let no_hub =
            matches!(error, LinkError::Unreachable(_) | LinkError::Broken(_)) && self.remote.is_none();
        let why = error.to_string();
        let mut first = Some(error);
        for asked in std::mem::take(&mut self.open) {
            if no_hub
                && let (RequestBody::Observe(observation), Some(session)) = (&asked.body, &self.session)
                && spool::keep(self.lender.home(), session, asked.id, &self.via, observation).is_ok()
            {
                let trace = TraceId::from_uuid(session.id.uuid());
                let _ = asked
                    .answer
                    .send(Ok(ReplyBody::Recorded(Position { trace, seq: 0 })));
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
            let mut early = Vec::new();
            let opened = wire.open(session, &self.via, &mut early).await;
            // Whatever came of the renewal, what was answered before it was answered.
            early.into_iter().for_each(|reply| self.settle(reply));
            return match opened {
                Ok(()) => Ok(Reached::Already),
                Err(OpenError::Refused(refusal)) => Err(self.refused(refusal)),
                Err(OpenError::Frame(_)) => {
                    self.wire = None;
                    self.connect().await.map(|()| Reached::Anew)
                }
            };
        }
        self.connect().await.map(|()| Reached::Anew)
    }

    fn look_for_authority(&mut self, now: Timestamp) -> Result<(), LinkError> {
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
            // Another delegation is another session, with a trace of its own, where what was asked in this one is
            // not known.
            for asked in std::mem::take(&mut self.open) {
                if asked.attempts == 0 {
                    self.open.push_back(asked);
                } else {
                    let _ = asked
                        .answer
                        .send(Err(LinkError::Broken("its session ended".to_owned())));
                }
            }
            self.session = Some(Session::begin(delegation, now)?);
            self.shared = false;
            self.opened = None;
            self.wire = None;
        }
        self.stale = false;
        Ok(())
    }

    async fn connect(&mut self) -> Result<(), LinkError> {
        if let Some(remote) = self.remote.clone() {
            return self.connect_to(remote).await;
        }
        let mut last = String::new();
        for _ in 0..ATTEMPTS {
            let stream = self.dial().await?;
            let Some(session) = &self.session else {
                return Err(LinkError::Closing);
            };
            match LocalWire::begin(stream, session, &self.via).await {
                Ok(wire) => {
                    self.opened = Some(TraceId::from_uuid(session.id.uuid()));
                    self.wire = Some(Wire::Local(wire));
                    return Ok(());
                }
                Err(OpenError::Refused(refusal)) => return Err(self.refused(refusal)),
                // It is there and does nothing; that does not change by asking again.
                Err(OpenError::Frame(FrameError::Io(source))) if source.kind() == io::ErrorKind::TimedOut => {
                    let home = self.lender.home();
                    let (socket, log) = (home.agent_socket(), home.log());
                    return Err(ReachError::Silent { socket, log, source }.into());
                }
                // The hub was ending as we reached it; the next dial starts another.
                Err(OpenError::Frame(error)) => last = error.to_string(),
            }
        }
        Err(LinkError::Broken(last))
    }

    /// Opens the session on a hub elsewhere, which nobody here can start: where it is being started anew, that takes a
    /// moment.
    async fn connect_to(&mut self, remote: Remote) -> Result<(), LinkError> {
        let deadline = Instant::now() + RESTARTING;
        loop {
            let Some(session) = &self.session else {
                return Err(LinkError::Closing);
            };
            match in_time(RemoteWire::begin(remote.clone(), session, &self.via)).await {
                Ok(wire) => {
                    self.opened = Some(TraceId::from_uuid(session.id.uuid()));
                    self.wire = Some(Wire::Remote(wire));
                    return Ok(());
                }
                Err(OpenError::Refused(refusal)) => return Err(self.refused(refusal)),
                Err(OpenError::Frame(error)) if is_for_people(&error) || Instant::now() >= deadline => {
                    let address = remote.address().to_string();
                    let why = causes(&error);
                    return Err(LinkError::Elsewhere { address, why });
                }
                Err(OpenError::Frame(_)) => tokio::time::sleep(PAUSE).await,
            }
        }
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

/// Whether asking again is of no use before somebody has looked: no certificate becomes good by itself.
fn is_for_people(error: &FrameError) -> bool {
    let mut cause: Option<&(dyn Error + 'static)> = Some(error);
    while let Some(this) = cause {
        let inner = this.downcast_ref::<io::Error>().and_then(io::Error::get_ref);
        if inner.is_some_and(|inner| inner.is::<rustls::Error>() || inner.is::<RemoteError>()) {
            return true;
        }
        cause = this.source();
    }
    false
}

/// An error with what caused it: a refused connection stands three levels deep.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(deeper) = cause {
        let words = deeper.to_string();
        if !text.contains(&words) {
            text += &format!(": {words}");
        }
        cause = deeper.source();
    }
    text
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

enum Sent {
    Yes(Asked),
    /// Its asker gave it up or was told why.
    Never,
    Broken(Asked, FrameError),
}

async fn send(wire: &mut Option<Wire>, mut asked: Asked) -> Sent {
    if !asked.fate.send() || asked.answer.is_closed() {
        return Sent::Never;
    }
    asked.attempts += 1;
    let message = AgentMessage::Request(Request {
        id: asked.id,
        body: asked.body.clone(),
    });
    let frame = match frame::encode(&message) {
        Ok(frame) => frame,
        Err(error) => {
            let _ = asked.answer.send(Err(error.into()));
            return Sent::Never;
        }
    };
    let Some(wire) = wire else {
        return Sent::Yes(asked);
    };
    match wire.write(&frame).await {
        Ok(()) => Sent::Yes(asked),
        Err(error) => Sent::Broken(asked, error),
    }
}
