//! Logging in: a touch of a passkey that a member enrolled. It opens pages, and decides nothing.

use axum::{
    Json,
    extract::{Query, State, rejection::JsonRejection},
    http::{HeaderMap, StatusCode, header},
    response::{IntoResponse, Response},
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use identity::{Assertion, Bytes};
use protocol::{Refusal, RefusalCode};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use vocabulary::WorkspaceId;

use super::{
    Inbox,
    door::{Visitor, path_only},
    pages::{Failure, LoginPage, html},
    visitors::Stay,
};
use crate::{clock, http::Problem};

const CONTEXT: &str = "auditotter 2026 inbox login v1";

/// Where to go afterwards.
#[derive(Debug, Deserialize)]
pub(super) struct Next {
    #[serde(default)]
    next: Option<String>,
}

/// What the browser is to have signed.
#[derive(Debug, Serialize)]
pub(super) struct Asked {
    nonce: Bytes,
    challenge: String,
    rp_id: String,
}

/// What it signed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Answered {
    nonce: Bytes,
    assertion: Assertion,
}

pub(super) async fn page(State(inbox): State<Inbox>, Query(next): Query<Next>) -> Result<Response, Failure> {
    let next = next.next.as_deref().map_or("/", path_only).to_owned();
    let rp_id = inbox.site.host().to_owned();
    let anybody = inbox
        .run(move |workspace, _| {
            let mut passkeys = workspace.members.passkeys();
            passkeys.any(|(_, passkey)| passkey.rp_id == rp_id)
        })
        .await?;
    html(&LoginPage {
        next,
        anybody,
        host: inbox.site.host().to_owned(),
    })
}

pub(super) async fn challenge(State(inbox): State<Inbox>) -> Result<Json<Asked>, Problem> {
    let random = clock::random().map_err(|error| Problem::of(&no_entropy(&error)))?;
    let nonce = inbox.asking.ask(clock::now(), random);
    Ok(Json(Asked {
        nonce: Bytes::new(nonce.to_vec()),
        challenge: URL_SAFE_NO_PAD.encode(challenge_of(inbox.workspace, &nonce)),
        rp_id: inbox.site.host().to_owned(),
    }))
}

pub(super) async fn login(
    State(inbox): State<Inbox>,
    headers: HeaderMap,
    answered: Result<Json<Answered>, JsonRejection>,
) -> Result<Response, Problem> {
    let Json(answered) = answered.map_err(|error| Problem::unread(&error))?;
    let refused = |why: String| Refusal::new(RefusalCode::LoginRefused, &why);
    let nonce = <[u8; 32]>::try_from(answered.nonce.as_slice()).unwrap_or_default();
    let credential = answered.assertion.credential.clone();
    let (used, host) = (credential.clone(), inbox.site.host().to_owned());
    let asked = inbox.asking.asked(&nonce, clock::now());
    let found = inbox
        .run(move |workspace, _| {
            if !asked {
                return Err("nobody was asked for this here, or too long ago".to_owned());
            }
            let mut passkeys = workspace.members.passkeys();
            passkeys
                .find(|(_, passkey)| passkey.id == credential && passkey.rp_id == host)
                .map(|(member, passkey)| (member, passkey.clone()))
                .ok_or_else(|| "the passkey is no member's; enrol it first".to_owned())
        })
        .await
        .map_err(Failure::into_problem)?;
    let challenge = challenge_of(inbox.workspace, &nonce);
    let proved = found.and_then(|(member, passkey)| {
        let verified = answered.assertion.verify(&passkey, &challenge);
        verified.map_err(|error| error.to_string())?;
        // Another page of the same machine may ask for a touch as well, and could show what was signed here.
        if !answered.assertion.was_made_at(&inbox.site.url()) {
            return Err(format!("it was not signed on a page of {}", inbox.site.url()));
        }
        Ok(member)
    });
    let secret: [u8; 32] = clock::random().map_err(|error| Problem::of(&no_entropy(&error)))?;
    let entered = match proved {
        Err(why) => Err(why),
        Ok(member) => inbox
            .run(move |workspace, draft| {
                // It may have been removed since it was found.
                if !workspace.members.passkeys_of(member).any(|own| own.id == used) {
                    return Err("the passkey counts no more".to_owned());
                }
                let (passkey, since) = (used, draft.now());
                let stay = Stay {
                    member,
                    passkey,
                    since,
                };
                if workspace.visitors.enter(stay, nonce, &secret) {
                    Ok(())
                } else {
                    Err(
                        "it logged somebody in already, or a hundred others did; wait five minutes"
                            .to_owned(),
                    )
                }
            })
            .await
            .map_err(Failure::into_problem)?,
    };
    if let Err(why) = entered {
        return Err(inbox.turn_away(&headers, refused(why)).await);
    }
    let cookie = inbox.keep(&URL_SAFE_NO_PAD.encode(secret));
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, cookie)]).into_response())
}

pub(super) async fn logout(State(inbox): State<Inbox>, visitor: Visitor) -> Result<Response, Problem> {
    inbox
        .run(move |workspace, _| visitor.leave(workspace))
        .await
        .map_err(Failure::into_problem)?;
    Ok((StatusCode::NO_CONTENT, [(header::SET_COOKIE, inbox.forget())]).into_response())
}

/// No decision has such a challenge: whoever touches a passkey in order to log in decides nothing.
fn challenge_of(workspace: WorkspaceId, nonce: &[u8; 32]) -> [u8; 32] {
    let hasher = Sha256::new_with_prefix(CONTEXT);
    hasher
        .chain_update([0])
        .chain_update(workspace.to_bytes())
        .chain_update(nonce)
        .finalize()
        .into()
}

pub(super) fn no_entropy(error: &getrandom::Error) -> Refusal {
    Refusal::new(RefusalCode::NoEntropy, error)
}
