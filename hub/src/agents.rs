//! The door for agent-side processes.
//!
//! Who may come in: a process of the same user that shows a session token which a member's key stands behind,
//! and proves with a signature over this connection's nonce that it holds the token's key. Everybody else is
//! told why not, and the attempt is recorded.

use std::{sync::Arc, time::Duration};

use delegation::{HandshakeSubject, MAX_SESSION_TTL, VerifiedToken};
use protocol::{
    AgentMessage, Challenge, HubMessage, Open, OpenReply, Opened, Party, Refusal, RefusalCode, Reply,
    ReplyBody, Request, VERSION,
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
use trace_store::{ChainId, CommitError, Draft, Ledger, Refs};
use vocabulary::{SessionId, Timestamp, TraceId, WorkspaceId};

use crate::{
    clock,
    dispatch::{self, Caller, Step, Surroundings, unreadable},
    kind::EntryKind,
    outbox::{Outbox, Place},
    record::{self, By, not_recorded},
    records::{AccessDenied, ResumeReason, SessionOpened, SessionResumed},
    session::Session,
    spool,
    workspace::Workspace,
};

/// How long a connection may take to open its session.
const OPENING_DEADLINE: Duration = Duration::from_secs(10);

/// How far the agent side's clock may be from the hub's: they are one machine's, and a session waits for its first
/// call. Traces sort by when their sessions say that they began, so that is not the agent's to choose.
const CLOCK_TOLERANCE: time::Duration = time::Duration::minutes(5);

/// The longest token that is looked at; the exact limit is the delegation room's.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// What serving agents takes.
#[derive(Debug, Clone)]
pub struct AgentDoor {
    home: Home,
    ledger: Ledger<Workspace>,
    workspace: WorkspaceId,
    around: Surroundings,
}

impl AgentDoor {
    /// A door of this home to this ledger; `inbox` is the address under which people reach the inbox.
    #[must_use]
    pub fn new(home: Home, ledger: Ledger<Workspace>, workspace: WorkspaceId, inbox: &str) -> Self {
        Self {
            home,
            ledger,
            workspace,
            around: Surroundings { inbox: inbox.into() },
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
        let open = match opened {
            Ok(Ok(Some(AgentMessage::Open(open)))) => open,
            Ok(Ok(Some(AgentMessage::Request(_)))) => {
                return Err(FrameError::Io(std::io::ErrorKind::InvalidData.into()));
            }
            Ok(Ok(None)) => return Ok(()),
            Ok(Err(error)) => return Err(error),
            Err(_) => return Err(FrameError::Io(std::io::ErrorKind::TimedOut.into())),
        };
        // What happened while no hub could be reached comes before what happens now.
        if spool::is_waiting(&self.home) {
            let (home, ledger) = (self.home.clone(), self.ledger.clone());
            let taken_in = tokio::task::spawn_blocking(move || spool::take_in(&home, &ledger)).await;
            tracing::debug!(?taken_in, "the spool was looked through");
        }
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
                    self.answer(caller.clone(), request, place);
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
    fn answer(&self, caller: Caller, request: Request, place: Place) {
        let (id, around) = (request.id, self.around.clone());
        let door = self.clone();
        let asked = request.clone();
        let asking = caller.clone();
        let runtime = tokio::runtime::Handle::current();
        let submitted = self.ledger.submit(
            move |workspace, draft| dispatch::request(workspace, draft, &asking, &around, &asked, None),
            move |committed: Result<Step, CommitError>| match committed {
                Ok(Step::Done(body)) => {
                    place.send(&HubMessage::Reply(Reply { id, body }));
                }
                Ok(Step::VerifyFirst(trace)) => {
                    runtime.spawn(async move { door.verify_and_answer(caller, request, trace, place).await });
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

    async fn verify_and_answer(&self, caller: Caller, request: Request, trace: TraceId, place: Place) {
        let ledger = self.ledger.clone();
        let verifying = tokio::task::spawn_blocking(move || {
            ledger
                .store()
                .verify_chain(ChainId::Trace(trace))
                .map_err(|broken| broken.to_string())
        });
        let checked = verifying
            .await
            .unwrap_or_else(|_| Err("verification was interrupted".to_owned()));
        let (id, around) = (request.id, self.around.clone());
        let done = self
            .run(move |workspace, draft| {
                dispatch::request(workspace, draft, &caller, &around, &request, Some(checked))
            })
            .await;
        let body = match done {
            Ok(Step::Done(body)) => body,
            Ok(Step::VerifyFirst(_)) => ReplyBody::Failed(Refusal::new(
                RefusalCode::Conflict,
                &"verification did not settle",
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

#[derive(Debug, Clone, Copy)]
enum Opening {
    Connecting,
    Renewing(TraceId),
}

/// Lets a caller in, or records that it was not.
fn admit(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    open: &Open,
    hub: WorkspaceId,
    nonce: [u8; 32],
    opening: Opening,
) -> Result<(Caller, Opened), Refusal> {
    let admitted = identify(workspace, draft, open, hub, nonce)
        .and_then(|token| enter(workspace, draft, open, token, opening));
    if let Err(refusal) = &admitted {
        draft.abort();
        record_denial(workspace, draft, open, refusal)?;
    }
    admitted
}

fn identify(
    workspace: &mut Workspace,
    draft: &Draft<'_>,
    open: &Open,
    hub: WorkspaceId,
    nonce: [u8; 32],
) -> Result<Arc<VerifiedToken>, Refusal> {
    let denied = |denial: delegation::Denial| Refusal::from(&denial);
    open.via
        .check()
        .map_err(|error| Refusal::new(RefusalCode::MalformedVia, &error))?;
    let token = workspace
        .tokens
        .verify(&open.token, &workspace.keyring)
        .map_err(denied)?;
    let subject = HandshakeSubject {
        workspace: hub,
        nonce,
        token: &open.token,
    };
    token.check_handshake(&subject, &open.proof).map_err(denied)?;
    let longest = draft
        .now()
        .saturating_add(MAX_SESSION_TTL)
        .saturating_add(CLOCK_TOLERANCE);
    if token.expires_at() > longest {
        let message = format!(
            "the session token ends at {}, more than an hour from now ({}); check the machine's clock",
            token.expires_at(),
            draft.now()
        );
        return Err(Refusal::new(RefusalCode::ClockMismatch, &message));
    }
    let grant = token.grant();
    let holding = token.holding(
        token.session(),
        token.holder(),
        draft.now(),
        &workspace.revocations,
    );
    if let Err(denial) = holding {
        let mut refusal = denied(denial.clone());
        if denial.code().is_remedied_by_lending() {
            let who = workspace.name_of(grant.on_behalf_of);
            refusal.message += &format!("; ask {who} to run: auditotter delegate --agent {}", grant.agent);
        }
        return Err(refusal);
    }
    if !workspace.delegations.contains_key(&grant.id) {
        let message = format!(
            "delegation {} is signed, but this workspace's ledger does not know it; lend anew with: auditotter delegate",
            grant.id
        );
        return Err(Refusal::new(RefusalCode::DelegationNotRecorded, &message));
    }
    Ok(token)
}

fn enter(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    open: &Open,
    token: Arc<VerifiedToken>,
    opening: Opening,
) -> Result<(Caller, Opened), Refusal> {
    let (id, grant) = (token.session(), token.grant().clone());
    let trace = TraceId::from_uuid(id.uuid());
    if let Opening::Renewing(current) = opening
        && current != trace
    {
        return Err(Refusal::new(
            RefusalCode::SessionTaken,
            &"a connection serves one session; open another connection",
        ));
    }
    let recalled = match workspace.sessions.get(&id) {
        Some(_) => None,
        None => Session::recall(draft.store(), trace).map_err(|error| unreadable(&error))?,
    };
    let expires_at = token.expires_at();
    let token_digest = token.digest().to_string();
    let by = By {
        on_behalf_of: Some(grant.on_behalf_of),
        via: Some(&open.via),
        delegation: Some(grant.id),
    };
    let chain = ChainId::Trace(trace);
    let known = workspace.sessions.get(&id).or(recalled.as_ref());
    let written = match known {
        Some(session) if session.delegation != grant.id || session.holder != *token.holder() => {
            return Err(Refusal::new(
                RefusalCode::SessionTaken,
                &format!("session {id} belongs to another holder"),
            ));
        }
        Some(session) if session.closed => {
            let message = format!("session {id} has ended; start the MCP server anew for another");
            return Err(Refusal::new(RefusalCode::SessionClosed, &message));
        }
        Some(_) => {
            let reason = match opening {
                Opening::Connecting => ResumeReason::Reconnected,
                Opening::Renewing(_) => ResumeReason::Renewed,
            };
            let body = SessionResumed {
                reason,
                token_digest,
                expires_at,
            };
            record::append(draft, chain, EntryKind::SessionResumed, by, Refs::new(), &body)
        }
        None => {
            begins_now(id, draft.now())?;
            record::append(
                draft,
                chain,
                EntryKind::SessionOpened,
                by,
                Refs::new(),
                &SessionOpened::under(&token),
            )
        }
    };
    let written = written.map_err(|error| not_recorded(&error))?;
    workspace
        .sessions
        .entry(id)
        .or_insert_with(|| recalled.unwrap_or_else(|| Session::new(&token)))
        .went_on(written.at);
    let opened = Opened {
        session: id,
        trace,
        delegation: grant.id,
        on_behalf_of: Party {
            id: grant.on_behalf_of,
            name: workspace.name_of(grant.on_behalf_of),
        },
        expires_at,
        // The connection puts its next nonce in before this is sent.
        next: Challenge {
            version: VERSION,
            workspace: workspace.id,
            nonce: String::new(),
        },
    };
    Ok((
        Caller {
            token,
            via: open.via.clone(),
            trace,
        },
        opened,
    ))
}

fn begins_now(id: SessionId, now: Timestamp) -> Result<(), Refusal> {
    let off = i128::from(id.unix_millis()) - i128::from(now.unix_millis());
    if off.abs() <= CLOCK_TOLERANCE.whole_milliseconds() {
        return Ok(());
    }
    let message = format!(
        "session {id} says that it began {} s from now ({now}); check the machine's clock, then start the MCP server anew",
        off / 1_000
    );
    Err(Refusal::new(RefusalCode::ClockMismatch, &message))
}

/// Strangers are recorded, and bounded: what nobody vouches for must not fill the ledger.
fn record_denial(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    open: &Open,
    denial: &Refusal,
) -> Result<(), Refusal> {
    let Some(unrecorded) = workspace.strangers.admit(draft.now()) else {
        return Ok(());
    };
    let shown = &open.token.as_bytes()[..open.token.len().min(MAX_TOKEN_BYTES)];
    let body = AccessDenied {
        refusal: denial.clone(),
        token_digest: blake3::hash(shown).to_hex().to_string(),
        unrecorded,
    };
    let by = By {
        via: Some(&open.via).filter(|via| via.check().is_ok()),
        ..By::default()
    };
    let chain = ChainId::Workspace(workspace.id);
    record::append(draft, chain, EntryKind::AccessDenied, by, Refs::new(), &body)
        .map(drop)
        .map_err(|error| not_recorded(&error))
}

fn fresh_nonce() -> Result<[u8; 32], FrameError> {
    clock::random().map_err(|error| FrameError::Io(std::io::Error::other(error)))
}
