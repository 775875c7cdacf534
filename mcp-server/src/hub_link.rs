//! The link to the hub: one task that owns the connection, the session and what is still unanswered.
//!
//! When the hub is gone the link starts it again, proves itself anew and asks once more what was still open,
//! under the same request ids, so that nothing is applied twice and the client never notices.

mod address;
mod owner;
mod remote;
mod wire;

pub use address::{HubAddress, HubAddressError};
pub use remote::{Remote, RemoteError};

use std::{
    sync::{
        Arc,
        atomic::{AtomicU8, Ordering},
    },
    time::Duration,
};

use protocol::{
    Answer, Call, Observation, Refusal, RefusalCode, ReplyBody, RequestBody, VERSION, Via,
    autostart::ReachError, frame::FrameError, tools::AwaitDecision,
};
use rmcp::model::{Extensions, Implementation};
use tokio::sync::{mpsc, oneshot};
use vocabulary::{RequestId, TraceId};

use self::owner::Owner;
use crate::{
    clock,
    hub::Hub,
    session::{Lender, NoAuthority},
};

/// How long a call waits for its answer. Clients give up after a minute; they should hear from us first.
const ANSWER_DEADLINE: Duration = Duration::from_secs(45);

/// How long merely looking at the link may take while it is busy reaching the hub.
const LOOKING_DEADLINE: Duration = Duration::from_secs(2);

/// How many times one request is asked anew when the connection breaks under it.
const ATTEMPTS: u32 = 4;

/// How many decisions may be awaited at a time, beside what else is asked.
const MOST_WAITING: usize = 16;

/// A handle to the link; cheap to clone.
#[derive(Debug, Clone)]
pub struct HubLink {
    commands: mpsc::Sender<Command>,
    instance: Arc<str>,
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
    /// A hub elsewhere cannot be reached.
    #[error("no hub answers at {address}: {why} (not recorded, nothing done)")]
    Elsewhere {
        /// Where it should be.
        address: String,
        /// Why.
        why: String,
    },
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
    /// The hub is there and silent, and this was never asked.
    #[error(
        "the hub could not be asked within 45 s; `auditotter doctor` says more (not recorded, nothing done)"
    )]
    NeverAsked,
    /// Waiting takes room, and that is bounded.
    #[error("{MOST_WAITING} decisions are awaited already; wait for one of them (nothing done)")]
    TooManyWaiting,
    /// The hub would not read it.
    #[error("{0} (nothing done)")]
    Unsendable(#[from] FrameError),
    /// The hub would not read it either.
    #[error("the arguments are nested over {levels} levels deep (nothing done)")]
    TooDeep {
        /// How deep they may be.
        levels: usize,
    },
    /// This process is ending.
    #[error("the session is closing (not recorded, nothing done)")]
    Closing,
}

#[derive(Debug)]
enum Command {
    Identify(Via),
    Trace(oneshot::Sender<Option<TraceId>>),
    Ask(Asked),
}

/// A request on its way, until it is answered.
#[derive(Debug)]
struct Asked {
    id: RequestId,
    body: RequestBody,
    fate: Arc<Fate>,
    answer: oneshot::Sender<Result<ReplyBody, LinkError>>,
    attempts: u32,
}

impl Asked {
    /// Whether it is answered when a human says so, and not by the hub alone.
    fn waits(&self) -> bool {
        matches!(&self.body, RequestBody::Call(call) if call.tool == AwaitDecision::NAME)
    }
}

/// Whether a request went out before its asker gave it up: the one thing that decides what can be said of it.
#[derive(Debug, Default)]
struct Fate(AtomicU8);

impl Fate {
    const UNDECIDED: u8 = 0;
    const SENT: u8 = 1;
    const GIVEN_UP: u8 = 2;

    /// May it be sent? From then on it counts as sent.
    fn send(&self) -> bool {
        self.decide(Self::SENT)
    }

    /// Is it certain that it is never sent?
    fn give_up(&self) -> bool {
        self.decide(Self::GIVEN_UP)
    }

    fn decide(&self, fate: u8) -> bool {
        let before = self
            .0
            .compare_exchange(Self::UNDECIDED, fate, Ordering::AcqRel, Ordering::Acquire);
        before.is_ok() || before == Err(fate)
    }
}

impl HubLink {
    /// Starts the link's task, to the hub of the lender's home or to one elsewhere. Nothing is connected before the first
    /// request.
    #[must_use]
    pub fn start(lender: Lender, instance: &str, remote: Option<Remote>) -> Self {
        let (commands, inbox) = mpsc::channel(64);
        let via = Via::from_client("unknown", "", instance);
        tokio::spawn(Owner::new(lender, via, remote).run(inbox));
        Self {
            commands,
            instance: instance.into(),
        }
    }

    /// This session's trace, where a hub has opened the session.
    pub async fn opened(&self) -> Option<TraceId> {
        let (answer, trace) = oneshot::channel();
        let asked = async {
            self.commands.send(Command::Trace(answer)).await.ok()?;
            trace.await.ok()?
        };
        tokio::time::timeout(LOOKING_DEADLINE, asked).await.ok()?
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
        let fate = Arc::new(Fate::default());
        let asked = async {
            let command = Command::Ask(Asked {
                id,
                body,
                fate: Arc::clone(&fate),
                answer,
                attempts: 0,
            });
            self.commands
                .send(command)
                .await
                .map_err(|_| LinkError::Closing)?;
            reply.await.map_err(|_| LinkError::Closing)?
        };
        match tokio::time::timeout(ANSWER_DEADLINE, asked).await {
            Ok(answered) => answered,
            Err(_) if fate.give_up() => Err(LinkError::NeverAsked),
            Err(_) => Err(LinkError::Late),
        }
    }
}

impl Hub for HubLink {
    async fn identify(&self, client: &Implementation, _: &Extensions) {
        let via = Via::from_client(&client.name, &client.version, &self.instance);
        let _ = self.commands.send(Command::Identify(via)).await;
    }

    async fn call(&self, call: Call, _: &Extensions) -> Result<Answer, LinkError> {
        match self.ask(RequestBody::Call(call)).await? {
            ReplyBody::Answer(answer) => Ok(answer),
            ReplyBody::Failed(refusal) => Err(LinkError::Failed(refusal)),
            ReplyBody::Recorded(_) | ReplyBody::Heard(_) => {
                Err(LinkError::Broken("the answer is not one to a call".to_owned()))
            }
        }
    }

    async fn trace(&self, _: &Extensions) -> Option<TraceId> {
        self.opened().await
    }
}

fn recorded(reply: ReplyBody) -> Result<(), LinkError> {
    match reply {
        ReplyBody::Failed(refusal) => Err(LinkError::Failed(refusal)),
        ReplyBody::Answer(_) | ReplyBody::Recorded(_) | ReplyBody::Heard(_) => Ok(()),
    }
}

/// What is said of a hub that is of another release.
pub(crate) fn other_version(found: u32) -> Refusal {
    Refusal::new(
        RefusalCode::ProtocolVersion,
        &format!(
            "the hub speaks version {found} and this auditotter-mcp version {VERSION}; install both from one release"
        ),
    )
}
