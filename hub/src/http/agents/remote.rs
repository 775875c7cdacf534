//! `POST /agents`: for an `auditotter-mcp` on another machine. The messages are those of the socket; each request proves
//! that the token's key is held, over a nonce of the hub's (the idea of RFC 9449), and each proof counts once.

use std::sync::Arc;

use axum::{
    Json,
    extract::{Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, StatusCode, header},
    response::{IntoResponse as _, Response},
};
use delegation::Denial;
use protocol::{
    AgentMessage, Challenge, HubMessage, Open, OpenReply, Refusal, RefusalCode, Reply, RequestBody, VERSION,
    frame::MAX_FRAME_BYTES,
    tools::AwaitDecision,
    web::{ATTEMPT, NONCE, PATH, PROOF, SCHEME},
};

use super::{
    Agents,
    bodies::Unread,
    guests::{Guest, Guests},
    nonces::{Nonce, Standing},
};
use crate::{
    admission::Proved,
    http::{
        guard::{address, only},
        problem::Problem,
    },
};

/// The longest message of somebody whose session is not open.
const MOST_OPENING_BYTES: usize = 64 * 1024;

pub(super) async fn take(State(agents): State<Agents>, request: Request) -> Response {
    match agents.take(request).await {
        Ok(message) => agents.with_nonce(Json(message).into_response()),
        Err(response) => agents.with_nonce(*response),
    }
}

/// The token that a request names, and the nonce that its proof is made over.
fn shown(headers: &HeaderMap) -> Option<(&str, Nonce)> {
    let (scheme, token) = only(headers, &header::AUTHORIZATION)?.split_once(' ')?;
    let mut nonce = [0; 32];
    hex::decode_to_slice(only(headers, &HeaderName::from_static(NONCE))?, &mut nonce).ok()?;
    scheme.eq_ignore_ascii_case(SCHEME).then_some((token, nonce))
}

impl Agents {
    async fn take(&self, request: Request) -> Result<HubMessage, Box<Response>> {
        let (parts, body) = request.into_parts();
        let address = address(&parts.extensions);
        self.own_origin(&parts.headers, address).await?;
        let from = format!("; asked over HTTP from {address}");
        // Who shows nothing yet asks for something to make a proof over.
        let Some((token, nonce)) = shown(&parts.headers) else {
            return Err(self.give_nonce());
        };
        match self.0.nonces.standing(&nonce) {
            Standing::Good => {}
            Standing::Unknown => return Err(self.give_nonce()),
            Standing::Over => {
                let message = format!("the proof is over a number that is not given out any more{from}");
                let refusal = Refusal::new(RefusalCode::StaleProof, &message);
                let refusal = self.0.door.turn_away(refusal, token.to_owned()).await;
                let recorded = refusal.is(RefusalCode::StaleProof);
                return Err(if recorded {
                    self.give_nonce()
                } else {
                    turned_away(&refusal)
                });
            }
        }
        if self.is_closing() {
            return Err(unavailable());
        }
        let _under_way = self.0.under_way.token();
        // Each request asks the ledger, which says whether it still stands.
        let guest = self.0.guests.remembered(&Guests::name_of_token(token));
        let most = if guest.is_some() {
            MAX_FRAME_BYTES
        } else {
            MOST_OPENING_BYTES
        };
        let read = self.0.bodies.read(&parts.headers, body, most);
        let read = read.await.map_err(|unread| not_read(&unread, most))?;
        let text = |name| only(&parts.headers, &HeaderName::from_static(name));
        let Some((attempt, proof)) = text(ATTEMPT).and_then(|id| id.parse().ok()).zip(text(PROOF)) else {
            let mut refusal = Refusal::from(&Denial::BadProof);
            refusal.message += &from;
            return Err(self.refuse(refusal, token).await);
        };
        let proved = Arc::new(Proved {
            token: token.to_owned(),
            method: parts.method.to_string(),
            path: PATH,
            nonce,
            attempt,
            body: read.bytes.clone(),
            proof: proof.to_owned(),
            from,
        });
        self.prove(&proved, guest.as_deref()).await?;
        // Only who proved itself: nobody uses up another's.
        if let Some(guest) = &guest {
            self.keep_pace(guest, address).await?;
        }
        match serde_json::from_slice(&proved.body) {
            Ok(AgentMessage::Open(open)) => self.open(&proved, open, guest.is_some()).await,
            Ok(AgentMessage::Request(request)) => match guest {
                Some(guest) => self.ask(request, &guest).await,
                None => Err(not_opened()),
            },
            // Over HTTP each request is one anyway.
            Ok(AgentMessage::Tell(_)) => Err(not_opened()),
            Err(error) => {
                let detail = format!("that is no message of this protocol: {error}");
                let code = RefusalCode::MalformedArguments.as_str();
                Err(Problem::new(StatusCode::BAD_REQUEST, code, detail).boxed())
            }
        }
    }

    /// Lets pass what the token's key signed, once.
    async fn prove(&self, proved: &Arc<Proved>, guest: Option<&Guest>) -> Result<(), Box<Response>> {
        match guest {
            Some(guest) => {
                let subject = proved.subject(self.0.door.workspace());
                if let Err(denial) = guest.check(&subject, &proved.proof) {
                    let mut refusal = Refusal::from(&denial);
                    refusal.message += &proved.from;
                    return Err(self.refuse(refusal, &proved.token).await);
                }
            }
            None => {
                let known = self.0.door.prove(Arc::clone(proved)).await;
                known.map_err(|refusal| turned_away(&refusal))?;
            }
        }
        if self.0.nonces.spend(&proved.nonce, proved.attempt).is_err() {
            let message = format!("this very proof was shown before{}", proved.from);
            let refusal = Refusal::new(RefusalCode::Replayed, &message);
            return Err(self.refuse(refusal, &proved.token).await);
        }
        Ok(())
    }

    async fn open(&self, proved: &Proved, open: Open, known: bool) -> Result<HubMessage, Box<Response>> {
        if open.token != proved.token {
            let message = format!(
                "the message opens another session than the one that the request shows{}",
                proved.from
            );
            let refusal = Refusal::new(RefusalCode::SessionTaken, &message);
            return Err(self.refuse(refusal, &proved.token).await);
        }
        let via = open.via.clone();
        Ok(HubMessage::Opening(
            match self.0.door.open_remote(open, proved.nonce, known).await {
                Ok((caller, mut opened)) => {
                    opened.next = self.fresh().ok_or_else(unavailable)?;
                    self.0.guests.open(&proved.token, caller.token, via);
                    OpenReply::Opened(opened)
                }
                Err(refusal) => OpenReply::Refused(refusal),
            },
        ))
    }

    async fn ask(&self, request: protocol::Request, guest: &Guest) -> Result<HubMessage, Box<Response>> {
        let waits = matches!(&request.body, RequestBody::Call(call) if call.tool == AwaitDecision::NAME);
        let _waiting = match waits.then(|| guest.wait()) {
            Some(None) => {
                let detail = "too many decisions are awaited already; wait for one of them".to_owned();
                return Err(Problem::new(StatusCode::TOO_MANY_REQUESTS, "too_fast", detail).boxed());
            }
            waiting => waiting,
        };
        let caller = match guest.enter(&self.0.door).await {
            Ok(caller) => caller,
            Err(refusal) => return Ok(HubMessage::Opening(OpenReply::Refused(refusal))),
        };
        let id = request.id;
        let body = self.0.door.ask(caller, request, self.0.closing.clone()).await;
        body.map(|body| HubMessage::Reply(Reply { id, body }))
            .ok_or_else(unavailable)
    }

    /// Records that somebody was turned away, and says so.
    async fn refuse(&self, refusal: Refusal, token: &str) -> Box<Response> {
        turned_away(&self.0.door.turn_away(refusal, token.to_owned()).await)
    }

    /// The answer to a request whose nonce is not given out any more, or that has none (RFC 9449, section 8).
    fn give_nonce(&self) -> Box<Response> {
        let Some(challenge) = self.fresh() else {
            return unavailable();
        };
        let mut response = (StatusCode::UNAUTHORIZED, Json(HubMessage::Challenge(challenge))).into_response();
        let how = HeaderValue::from_static("AuditOtter error=\"use_nonce\"");
        response.headers_mut().insert(header::WWW_AUTHENTICATE, how);
        Box::new(response)
    }

    fn fresh(&self) -> Option<Challenge> {
        Some(Challenge {
            version: VERSION,
            workspace: self.0.door.workspace(),
            nonce: hex::encode(self.0.nonces.current().ok()?),
        })
    }

    fn with_nonce(&self, mut response: Response) -> Response {
        let current = self.0.nonces.current().ok().map(hex::encode);
        if let Some(value) = current.and_then(|nonce| HeaderValue::from_str(&nonce).ok()) {
            response.headers_mut().insert(NONCE, value);
        }
        response
    }
}

fn turned_away(refusal: &Refusal) -> Box<Response> {
    let status = if refusal.is(RefusalCode::NotRecorded) {
        StatusCode::SERVICE_UNAVAILABLE
    } else {
        StatusCode::UNAUTHORIZED
    };
    Problem::new(status, &refusal.code, refusal.message.clone()).boxed()
}

fn not_opened() -> Box<Response> {
    let detail = "the session is not open on this hub; open it first".to_owned();
    Problem::new(StatusCode::UNAUTHORIZED, "not_opened", detail).boxed()
}

fn not_read(unread: &Unread, most: usize) -> Box<Response> {
    match unread {
        Unread::TooLong => {
            let detail = format!("a message is of {most} bytes at most here");
            Problem::new(StatusCode::PAYLOAD_TOO_LARGE, "too_large", detail).boxed()
        }
        Unread::Late => {
            let detail = "the message did not arrive in time".to_owned();
            Problem::new(StatusCode::REQUEST_TIMEOUT, "late", detail).boxed()
        }
    }
}

fn unavailable() -> Box<Response> {
    let detail = "the hub is ending; ask again in a moment".to_owned();
    Problem::new(StatusCode::SERVICE_UNAVAILABLE, "closing", detail).boxed()
}
