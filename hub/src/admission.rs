//! Letting an agent session in: a token that a member's key stands behind, a proof that its key is held here, and a
//! delegation that the ledger knows and nobody has taken back. Whoever is not let in is told why not, and recorded.

use std::sync::Arc;

use bytes::Bytes;
use delegation::{Bearer, HandshakeSubject, MAX_SESSION_TTL, VerifiedToken, WebRequestSubject};
use protocol::{Challenge, Open, Opened, Party, Refusal, RefusalCode, VERSION, Via};
use trace_store::{ChainId, Draft, Refs};
use vocabulary::{RequestId, SessionId, Timestamp, TraceId, WorkspaceId};

use crate::{
    dispatch::{Caller, unreadable},
    kind::EntryKind,
    record::{self, By, not_recorded},
    records::{AccessDenied, ResumeReason, SessionOpened, SessionResumed},
    session::Session,
    workspace::Workspace,
};

/// The longest token that is looked at; the exact limit is the delegation room's.
const MAX_TOKEN_BYTES: usize = 16 * 1024;

/// How far the agent side's clock may be from the hub's: they are one machine's, and a session waits for its first
/// call. Traces sort by when their sessions say that they began, so that is not the agent's to choose.
const CLOCK_TOLERANCE: time::Duration = time::Duration::minutes(5);

/// Why a session is opened.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Opening {
    /// On a new connection.
    Connecting,
    /// On the connection on which this trace's session is open.
    Renewing(TraceId),
    /// For one request only.
    Telling,
}

/// Somebody who was turned away: why, and who it was, where a token and a proof say that.
struct TurnedAway {
    refusal: Refusal,
    known: Option<Arc<VerifiedToken>>,
}

impl From<Refusal> for TurnedAway {
    fn from(refusal: Refusal) -> Self {
        Self { refusal, known: None }
    }
}

/// Somebody who knocks: what was shown, and what it says of itself.
#[derive(Debug, Clone, Copy)]
struct Knock<'a> {
    token: &'a str,
    via: Option<&'a Via>,
}

/// What a client shows over HTTP that cannot sign.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) bearer: Bearer,
    /// Where it knocks from, in words.
    pub(crate) from: String,
}

/// What an agent side elsewhere shows with a request.
#[derive(Debug)]
pub(crate) struct Proved {
    pub(crate) token: String,
    pub(crate) method: String,
    pub(crate) path: &'static str,
    pub(crate) nonce: [u8; 32],
    pub(crate) attempt: RequestId,
    pub(crate) body: Bytes,
    pub(crate) proof: String,
    /// Where it knocks from, in words.
    pub(crate) from: String,
}

impl Proved {
    /// What the proof has to be over.
    pub(crate) fn subject(&self, hub: WorkspaceId) -> WebRequestSubject<'_> {
        WebRequestSubject {
            workspace: hub,
            method: &self.method,
            path: self.path,
            nonce: self.nonce,
            token: &self.token,
            body: &self.body,
            attempt: self.attempt,
        }
    }
}

/// Says that a member's key stands behind the token, and that its own key signed this request, or records that not.
pub(crate) fn prove(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    hub: WorkspaceId,
    proved: &Proved,
) -> Result<(), Refusal> {
    workspace
        .tokens
        .verify(&proved.token, workspace.members.keyring())
        .and_then(|token| token.check_web_request(&proved.subject(hub), &proved.proof))
        .map_err(|denial| {
            let mut refusal = Refusal::from(&denial);
            refusal.message += &proved.from;
            turn_away(workspace, draft, refusal, &proved.token)
        })
}

/// Says whose session it is that a token and its key were shown for, or records that nobody was recognized.
pub(crate) fn recognize(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    shown: &Shown,
) -> Result<Arc<VerifiedToken>, Refusal> {
    let knock = Knock {
        token: &shown.bearer.token,
        via: None,
    };
    let recognized = workspace
        .tokens
        .verify(&shown.bearer.token, workspace.members.keyring())
        .and_then(|token| match &shown.bearer.key {
            Some(key) => token.check_key(key).map(|()| token),
            None => Err(delegation::Denial::BadProof),
        })
        .map_err(|denial| {
            let mut refusal = Refusal::from(&denial);
            refusal.message += &shown.from;
            TurnedAway::from(refusal)
        })
        .and_then(|token| match standing(workspace, draft, &token) {
            Ok(()) => Ok(token),
            Err(mut refusal) => {
                refusal.message += &shown.from;
                Err(TurnedAway {
                    refusal,
                    known: Some(token),
                })
            }
        });
    recognized.map_err(|turned_away| recorded(workspace, draft, knock, turned_away))
}

/// Opens the session of somebody who was recognized, or takes it up again.
pub(crate) fn enter_recognized(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    token: &Arc<VerifiedToken>,
    text: &str,
    via: &Via,
) -> Result<Caller, Refusal> {
    let entered = standing(workspace, draft, token)
        .and_then(|()| enter(workspace, draft, via, Arc::clone(token), Opening::Connecting));
    entered.map(|(caller, _)| caller).map_err(|refusal| {
        let knock = Knock {
            token: text,
            via: Some(via),
        };
        let known = Some(Arc::clone(token));
        recorded(workspace, draft, knock, TurnedAway { refusal, known })
    })
}

/// Records that somebody was turned away who showed nothing that says who it is.
pub(crate) fn turn_away(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    refusal: Refusal,
    token: &str,
) -> Refusal {
    let knock = Knock { token, via: None };
    recorded(workspace, draft, knock, TurnedAway::from(refusal))
}

/// Records that a session was turned away that is known.
pub(crate) fn turn_away_known(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    refusal: Refusal,
    token: Arc<VerifiedToken>,
    text: &str,
    via: &Via,
) -> Refusal {
    let knock = Knock {
        token: text,
        via: Some(via),
    };
    let known = Some(token);
    recorded(workspace, draft, knock, TurnedAway { refusal, known })
}

/// Lets a caller in, or records that it was not.
pub(crate) fn admit(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    open: &Open,
    hub: WorkspaceId,
    nonce: [u8; 32],
    opening: Opening,
) -> Result<(Caller, Opened), Refusal> {
    let admitted = identify(workspace, open, hub, nonce)
        .map_err(TurnedAway::from)
        .and_then(|token| {
            let entered = standing(workspace, draft, &token)
                .and_then(|()| enter(workspace, draft, &open.via, Arc::clone(&token), opening));
            entered.map_err(|refusal| TurnedAway {
                refusal,
                known: Some(token),
            })
        });
    admitted.map_err(|turned_away| {
        let knock = Knock {
            token: &open.token,
            via: Some(&open.via),
        };
        recorded(workspace, draft, knock, turned_away)
    })
}

/// What is answered to somebody who was turned away, once that is recorded.
fn recorded(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    knock: Knock<'_>,
    turned_away: TurnedAway,
) -> Refusal {
    draft.abort();
    match record_denial(workspace, draft, knock, &turned_away) {
        Ok(()) => turned_away.refusal,
        Err(not_recorded) => not_recorded,
    }
}

/// Who it is: what a member's key stands behind, in the hands of whom it was made for.
fn identify(
    workspace: &mut Workspace,
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
        .verify(&open.token, workspace.members.keyring())
        .map_err(denied)?;
    let subject = HandshakeSubject {
        workspace: hub,
        nonce,
        token: &open.token,
    };
    token.check_handshake(&subject, &open.proof).map_err(denied)?;
    Ok(token)
}

/// Whether that is good now.
pub(crate) fn standing(
    workspace: &Workspace,
    draft: &Draft<'_>,
    token: &VerifiedToken,
) -> Result<(), Refusal> {
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
        let mut refusal = Refusal::from(&denial);
        if denial.code().is_remedied_by_lending() {
            let who = workspace.name_of(grant.on_behalf_of);
            refusal.message += &format!("; ask {who} to run: auditotter delegate --agent {}", grant.agent);
        }
        return Err(refusal);
    }
    if workspace.lent(grant).is_none() {
        let message = format!(
            "delegation {} is signed, but this workspace's ledger does not know it; lend anew with: auditotter delegate",
            grant.id
        );
        return Err(Refusal::new(RefusalCode::DelegationNotRecorded, &message));
    }
    Ok(())
}

fn enter(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    via: &Via,
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
        via: Some(via),
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
        // Each of many requests opens it; only another token says something new.
        Some(session) if matches!(opening, Opening::Telling) && session.token == Some(token.digest()) => None,
        Some(_) => {
            let reason = match opening {
                Opening::Connecting => ResumeReason::Reconnected,
                Opening::Renewing(_) | Opening::Telling => ResumeReason::Renewed,
            };
            let body = SessionResumed {
                reason,
                token_digest,
                expires_at,
            };
            let resumed = EntryKind::SessionResumed;
            Some(record::append(draft, chain, resumed, by, Refs::new(), &body))
        }
        None => {
            begins_now(id, draft.now())?;
            let opened = SessionOpened::under(&token);
            Some(record::append(
                draft,
                chain,
                EntryKind::SessionOpened,
                by,
                Refs::new(),
                &opened,
            ))
        }
    };
    let written = written.transpose().map_err(|error| not_recorded(&error))?;
    let session = workspace
        .sessions
        .entry(id)
        .or_insert_with(|| recalled.unwrap_or_else(|| Session::new(&token)));
    session.token = Some(token.digest());
    if let Some(written) = written {
        session.went_on(written.at);
    }
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
            via: via.clone(),
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

/// Who is turned away is recorded, and bounded: nobody may fill the ledger. Strangers and those whose token is known are
/// counted apart, so that no flood of strangers hides that a revoked session tried again.
/// Records that somebody was turned away who proved nothing, by what they showed.
pub(crate) fn record_stranger(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    refusal: &Refusal,
    shown: &[u8],
) -> Result<(), Refusal> {
    let Some(unrecorded) = workspace.strangers.admit(draft.now()) else {
        return Ok(());
    };
    let body = AccessDenied {
        refusal: refusal.clone(),
        token_digest: blake3::hash(shown).to_hex().to_string(),
        unrecorded,
    };
    let chain = ChainId::Workspace(workspace.id);
    record::append(
        draft,
        chain,
        EntryKind::AccessDenied,
        By::default(),
        Refs::new(),
        &body,
    )
    .map(drop)
    .map_err(|error| not_recorded(&error))
}

fn record_denial(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    knock: Knock<'_>,
    turned_away: &TurnedAway,
) -> Result<(), Refusal> {
    let throttle = match &turned_away.known {
        Some(_) => &mut workspace.turned_away,
        None => &mut workspace.strangers,
    };
    let Some(unrecorded) = throttle.admit(draft.now()) else {
        return Ok(());
    };
    let shown = &knock.token.as_bytes()[..knock.token.len().min(MAX_TOKEN_BYTES)];
    let body = AccessDenied {
        refusal: turned_away.refusal.clone(),
        token_digest: blake3::hash(shown).to_hex().to_string(),
        unrecorded,
    };
    let grant = turned_away.known.as_ref().map(|token| token.grant());
    let by = By {
        on_behalf_of: grant.map(|grant| grant.on_behalf_of),
        via: knock.via.filter(|via| via.check().is_ok()),
        delegation: grant.map(|grant| grant.id),
    };
    let chain = ChainId::Workspace(workspace.id);
    record::append(draft, chain, EntryKind::AccessDenied, by, Refs::new(), &body)
        .map(drop)
        .map_err(|error| not_recorded(&error))
}
