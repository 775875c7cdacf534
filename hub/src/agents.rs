//! The door for agent-side processes.
//!
//! Who may come in: a process of the same user that shows a session token which a member's key stands behind,
//! and proves with a signature over this connection's nonce that it holds the token's key. Everybody else is
//! told why not, and the attempt is recorded.

mod asking;
mod hearing;

use std::time::Duration;

use protocol::{
    AgentMessage, Challenge, HubMessage, Open, OpenReply, Opened, Refusal, RefusalCode, Reply, ReplyBody,
    Request, Tell, VERSION,
    frame::{self, FrameError},
    home::Home,
};
use tokio::{
    io::BufReader,
    net::{
        UnixStream,
        unix::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
};
use trace_store::{ChainId, CommitError, Draft, Ledger};
use vocabulary::{SessionId, WorkItemId, WorkspaceId};
use work_items::State;

use crate::{
    admission::{Opening, admit},
    aftermath::Aftermath,
    clock,
    dispatch::{self, Caller, Step, Surroundings},
    expiry,
    news::News,
    outbox::{Outbox, Place},
    spool,
    tools::{First, Prepared},
    workspace::Workspace,
};

/// How long a connection may take to open its session.
const OPENING_DEADLINE: Duration = Duration::from_secs(10);

/// How long a decision is waited for. Clients give a call up after a minute, and the agent side before that.
const LONGEST_WAIT: Duration = Duration::from_secs(40);

/// How often it is looked for those.
const WATCH: Duration = Duration::from_secs(60);

/// How a connection begins.
enum Begun {
    Open(Open),
    Tell(Tell),
}

/// What serving agents takes.
#[derive(Debug, Clone)]
pub struct AgentDoor {
    home: Home,
    ledger: Ledger<Workspace>,
    workspace: WorkspaceId,
    around: Surroundings,
    news: News,
    aftermath: Aftermath,
}

impl AgentDoor {
    /// A door of this home to this ledger; `news` tells who waits, and `aftermath` looks at what was told.
    #[must_use]
    pub(crate) fn new(
        home: Home,
        ledger: Ledger<Workspace>,
        workspace: WorkspaceId,
        around: Surroundings,
        news: News,
        aftermath: Aftermath,
    ) -> Self {
        Self {
            home,
            ledger,
            workspace,
            around,
            news,
            aftermath,
        }
    }

    /// Serves one connection until it ends, or until `closing` turns true: then what is under way is answered and
    /// nothing more is taken.
    ///
    /// # Errors
    /// [`FrameError`] where the other side broke the protocol or went away within a message.
    pub async fn serve(&self, stream: UnixStream, closing: watch::Receiver<bool>) -> Result<(), FrameError> {
        let (read, mut write) = stream.into_split();
        let mut read = BufReader::new(read);
        let nonce = fresh_nonce()?;
        frame::send(&mut write, &HubMessage::Challenge(self.challenge(&nonce))).await?;
        let opened = tokio::time::timeout(OPENING_DEADLINE, frame::receive(&mut read)).await;
        let begun = match opened {
            Ok(Ok(Some(AgentMessage::Open(open)))) => Begun::Open(open),
            Ok(Ok(Some(AgentMessage::Tell(tell)))) => Begun::Tell(tell),
            Ok(Ok(Some(AgentMessage::Request(_)))) => {
                return Err(FrameError::Io(std::io::ErrorKind::InvalidData.into()));
            }
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(FrameError::Io(std::io::ErrorKind::TimedOut.into())),
        };
        // What happened while no hub could be reached comes before what happens now.
        if spool::is_waiting(&self.home) {
            self.take_in_spool().await;
        }
        let open = match begun {
            Begun::Open(open) => open,
            Begun::Tell(tell) => return frame::send(&mut write, &self.hear(tell, nonce).await).await,
        };
        match self.open(open, nonce, Opening::Connecting).await {
            Ok((caller, opened)) => {
                let session = caller.token.session();
                let served = self.attend(read, write, caller, opened, closing).await;
                self.forget(session).await;
                served
            }
            Err(refusal) => frame::send(&mut write, &HubMessage::Opening(OpenReply::Refused(refusal))).await,
        }
    }

    async fn take_in_spool(&self) {
        let (home, ledger, around) = (self.home.clone(), self.ledger.clone(), self.around.clone());
        let aftermath = self.aftermath.clone();
        let taking_in =
            move || spool::take_in(&home, &ledger, &around.neighbourhood, &around.spool, &aftermath);
        let failed = match tokio::task::spawn_blocking(taking_in).await {
            Ok((told, taken_in)) => {
                told.into_iter()
                    .for_each(|session| self.aftermath.look_at_owed(session));
                taken_in.err().map(|error| error.to_string())
            }
            Err(error) => Some(error.to_string()),
        };
        if let Some(failed) = failed {
            tracing::warn!(
                failed,
                "not all of the spool was taken in; the rest stays for the next opening"
            );
        }
    }

    /// Serves an open session on its connection.
    async fn attend(
        &self,
        mut read: BufReader<OwnedReadHalf>,
        mut write: OwnedWriteHalf,
        mut caller: Caller,
        mut opened: Opened,
        mut closing: watch::Receiver<bool>,
    ) -> Result<(), FrameError> {
        let mut nonce = fresh_nonce()?;
        opened.next = self.challenge(&nonce);
        frame::send(&mut write, &HubMessage::Opening(OpenReply::Opened(opened))).await?;
        let outbox = Outbox::new(write);
        let served = loop {
            let received = tokio::select! {
                received = frame::receive(&mut read) => received,
                _ = closing.wait_for(|closing| *closing) => break Ok(()),
            };
            match received {
                Ok(None) => break Ok(()),
                Ok(Some(AgentMessage::Request(request))) => {
                    let Some(place) = outbox.place().await else {
                        break Ok(());
                    };
                    self.answer(caller.clone(), request, place, closing.clone());
                }
                // That is for a connection of its own.
                Ok(Some(AgentMessage::Tell(_))) => {
                    break Err(FrameError::Io(std::io::ErrorKind::InvalidData.into()));
                }
                Ok(Some(AgentMessage::Open(open))) => {
                    let used = std::mem::replace(&mut nonce, fresh_nonce()?);
                    let reply = match self.open(open, used, Opening::Renewing(caller.trace)).await {
                        Ok((renewed, mut opened)) => {
                            caller = renewed;
                            opened.next = self.challenge(&nonce);
                            OpenReply::Opened(opened)
                        }
                        Err(refusal) => OpenReply::Refused(refusal),
                    };
                    let refused = matches!(reply, OpenReply::Refused(_));
                    let Some(place) = outbox.place().await else {
                        break Ok(());
                    };
                    place.send(&HubMessage::Opening(reply));
                    if refused {
                        break Ok(());
                    }
                }
                Err(error) => break Err(error),
            }
        };
        outbox.finish().await;
        served
    }

    /// Looks at what the hub before this one owed, and meanwhile and from then on at the sessions that fall silent, until the hub closes.
    pub(crate) async fn watch(&self, mut closing: watch::Receiver<bool>) {
        let owed = self.aftermath.go_on(closing.clone());
        let silent = async {
            while tokio::time::timeout(WATCH, closing.wait_for(|closing| *closing))
                .await
                .is_err()
            {
                self.aftermath.look_after_silence();
            }
        };
        tokio::join!(owed, silent);
    }

    /// Waits until everything was looked at that came to its end, or for so long.
    pub(crate) async fn finish(&self, grace: Duration) {
        self.aftermath.finish(grace).await;
    }

    /// Whoever takes a session up again finds it in its trace; until then it takes no memory.
    async fn forget(&self, session: SessionId) {
        let forgotten = self
            .run(move |workspace, draft| workspace.forget(draft, session))
            .await;
        tracing::trace!(?forgotten, %session, "a connection ended");
    }

    fn challenge(&self, nonce: &[u8; 32]) -> Challenge {
        Challenge {
            version: VERSION,
            workspace: self.workspace,
            nonce: hex::encode(nonce),
        }
    }

    async fn open(&self, open: Open, nonce: [u8; 32], opening: Opening) -> Result<(Caller, Opened), Refusal> {
        let hub = self.workspace;
        self.run(move |workspace, draft| admit(workspace, draft, &open, hub, nonce, opening))
            .await
            .map_err(|error| Refusal::new(RefusalCode::NotRecorded, &error))?
    }

    /// Carries a request out; its reply takes the reserved place.
    fn answer(&self, caller: Caller, request: Request, place: Place, closing: watch::Receiver<bool>) {
        let (id, around) = (request.id, self.around.clone());
        let (door, news) = (self.clone(), self.news.clone());
        let asked = request.clone();
        let asking = caller.clone();
        let runtime = tokio::runtime::Handle::current();
        // Whoever asks of a work item whose time is over learns so. A failure is the next job's as well, which says so.
        let _ = self.ledger.submit(expiry::take_note, |noted| {
            tracing::trace!(?noted, "what ended undecided");
        });
        let submitted = self.ledger.submit(
            move |workspace, draft| {
                let before = said(workspace, draft);
                let step = dispatch::request(workspace, draft, &asking, &around, &asked, None);
                (step, said(workspace, draft) != before)
            },
            move |committed: Result<(Step, bool), CommitError>| match committed {
                Ok((Step::Done(body), changed)) => {
                    place.send(&HubMessage::Reply(Reply { id, body }));
                    if changed {
                        news.changed();
                    }
                }
                Ok((Step::First(first), _)) => {
                    runtime.spawn(async move {
                        // Without an answer the connection ends, and the client asks the next hub.
                        if let Some(prepared) = door.prepare(first, closing).await {
                            door.answer_prepared(caller, request, prepared, place).await;
                        }
                    });
                }
                Err(error) => {
                    let body = ReplyBody::Failed(Refusal::new(RefusalCode::NotRecorded, &error));
                    place.send(&HubMessage::Reply(Reply { id, body }));
                }
            },
        );
        // A closed ledger drops the job and with it the place: the connection ends and the client, which
        // finds no hub, starts the next.
        if submitted.is_err() {
            tracing::warn!("the ledger is closed; a request was dropped unrecorded");
        }
    }

    /// Does what has to come first; nothing comes of it where the hub is closing.
    async fn prepare(&self, first: First, mut closing: watch::Receiver<bool>) -> Option<Prepared> {
        match first {
            First::Verify(trace) => {
                let ledger = self.ledger.clone();
                let verifying = tokio::task::spawn_blocking(move || {
                    ledger
                        .store()
                        .verify_chain(ChainId::Trace(trace))
                        .map_err(|broken| broken.to_string())
                });
                let verified = verifying.await;
                let interrupted = |_| Err("verification was interrupted".to_owned());
                Some(Prepared::Verified(verified.unwrap_or_else(interrupted)))
            }
            First::Await(id) => tokio::select! {
                () = self.decided(id) => Some(Prepared::Awaited),
                () = tokio::time::sleep(LONGEST_WAIT) => Some(Prepared::Awaited),
                _ = closing.wait_for(|closing| *closing) => None,
            },
        }
    }

    /// Waits until somebody has decided on a work item.
    async fn decided(&self, id: WorkItemId) {
        let mut decisions = self.news.decisions();
        loop {
            let waiting = self
                .run(move |workspace, _| {
                    let item = workspace.work_items.get(id);
                    item.is_some_and(|item| item.state == State::Proposed)
                })
                .await;
            if !matches!(waiting, Ok(true)) || decisions.changed().await.is_err() {
                return;
            }
        }
    }

    async fn answer_prepared(&self, caller: Caller, request: Request, prepared: Prepared, place: Place) {
        let (id, around) = (request.id, self.around.clone());
        let done = self
            .run(move |workspace, draft| {
                dispatch::request(workspace, draft, &caller, &around, &request, Some(prepared))
            })
            .await;
        let body = match done {
            Ok(Step::Done(body)) => body,
            Ok(Step::First(_)) => ReplyBody::Failed(Refusal::new(
                RefusalCode::Conflict,
                &"what has to come first did not settle",
            )),
            Err(error) => ReplyBody::Failed(Refusal::new(RefusalCode::NotRecorded, &error)),
        };
        place.send(&HubMessage::Reply(Reply { id, body }));
    }

    async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Workspace, &mut Draft<'_>) -> T + Send + 'static,
    ) -> Result<T, CommitError> {
        crate::serve::run(&self.ledger, job).await
    }
}

/// How much the workspace's own chain says.
fn said(workspace: &Workspace, draft: &Draft<'_>) -> Option<u64> {
    let head = draft.head(ChainId::Workspace(workspace.id)).ok()??;
    Some(head.next_seq)
}

fn fresh_nonce() -> Result<[u8; 32], FrameError> {
    clock::random().map_err(|error| FrameError::Io(std::io::Error::other(error)))
}
