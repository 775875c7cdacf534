//! What every request of an agent passes: whose page it comes from, and who it is.

use std::{net::IpAddr, sync::Arc};

use axum::{
    http::{Extensions, HeaderMap, HeaderValue, StatusCode, header, request::Parts},
    response::{IntoResponse as _, Response},
};
use delegation::Bearer;
use protocol::{Refusal, RefusalCode};
use vocabulary::shown;

use super::{
    Agents,
    credential::Credential,
    guests::{Guest, Guests},
    metadata,
};
use crate::http::{guard::address, problem::Problem};

/// How much of a foreign text is repeated.
const SHOWN_CHARS: usize = 120;

impl Agents {
    /// Says who asks, or what to answer instead.
    pub(super) async fn let_in(&self, parts: &Parts) -> Result<Arc<Guest>, Box<Response>> {
        let (headers, path) = (&parts.headers, parts.uri.path());
        let from = address(&parts.extensions);
        self.own_origin(headers, from).await?;
        let shown = match Credential::of(headers) {
            Credential::Bearer(shown) => shown,
            Credential::None | Credential::OtherScheme => {
                let detail = "show a session's credential: auditotter-mcp bearer prints one".to_owned();
                let problem = Problem::new(StatusCode::UNAUTHORIZED, "unauthorized", detail);
                return Err(self.challenged(problem.boxed(), path, None));
            }
            Credential::Malformed => {
                let detail = "one `Authorization: Bearer ...` is what is asked for here".to_owned();
                let code = "invalid_request";
                let problem = Problem::new(StatusCode::BAD_REQUEST, code, detail);
                return Err(self.challenged(problem.boxed(), path, Some(code)));
            }
        };
        let name = Guests::name(shown);
        if let Some(guest) = self.0.guests.find(&name) {
            self.keep_pace(&guest, from).await?;
            return Ok(guest);
        }
        let recognized = match Bearer::parse(shown) {
            Ok(bearer) => {
                let recognized = self.0.guests.recognize(name, bearer, from).await;
                if recognized.is_err() {
                    self.end_sessions_of(&name).await;
                }
                recognized
            }
            Err(denial) => {
                let mut refusal = Refusal::from(&denial);
                refusal.message += &format!("; shown over HTTP from {from}");
                Err(self.turn_away(refusal, headers).await)
            }
        };
        recognized.map_err(|refusal| self.refused(&refusal, path))
    }

    /// A page of another origin has no business here, whatever it shows ("DNS rebinding", and MCP's transport section,
    /// which asks for 403). Programs name no origin.
    pub(super) async fn own_origin(&self, headers: &HeaderMap, from: IpAddr) -> Result<(), Box<Response>> {
        let mut origins = headers.get_all(header::ORIGIN).iter();
        let Some(origin) = origins.next() else {
            return Ok(());
        };
        let own = origin
            .to_str()
            .is_ok_and(|origin| self.0.site.is_own_origin(origin));
        if own && origins.next().is_none() {
            return Ok(());
        }
        let shown = shown(&String::from_utf8_lossy(origin.as_bytes()), SHOWN_CHARS);
        let message = format!("a page of another origin asked over HTTP from {from}: {shown}");
        let refusal = Refusal::new(RefusalCode::ForeignOrigin, &message);
        let refusal = self.turn_away(refusal, headers).await;
        Err(problem(StatusCode::FORBIDDEN, &refusal))
    }

    /// The answer to somebody who was not let in.
    fn refused(&self, refusal: &Refusal, path: &str) -> Box<Response> {
        // Our own failures are not for the client to amend.
        let ours = [RefusalCode::NotRecorded, RefusalCode::StoreRefused];
        if ours.iter().any(|code| refusal.is(*code)) {
            return problem(StatusCode::SERVICE_UNAVAILABLE, refusal);
        }
        let response = problem(StatusCode::UNAUTHORIZED, refusal);
        self.challenged(response, path, Some("invalid_token"))
    }

    /// RFC 6750, section 3, and RFC 9728, section 5.1: how to ask, and where that is said. Who did not try to show a
    /// credential is told no error.
    fn challenged(&self, mut response: Box<Response>, path: &str, error: Option<&str>) -> Box<Response> {
        let mut challenge = format!(
            "Bearer realm=\"auditotter\", resource_metadata=\"{}\"",
            metadata::address(&self.0.site, path)
        );
        if let Some(error) = error {
            challenge += &format!(", error=\"{error}\"");
        }
        if let Ok(value) = HeaderValue::from_str(&challenge) {
            response.headers_mut().insert(header::WWW_AUTHENTICATE, value);
        }
        response
    }

    /// Records that a credential was used on somebody else's protocol session, and answers as if there were none.
    pub(super) async fn foreign_session(&self, headers: &HeaderMap, extensions: &Extensions) -> Response {
        let message = format!(
            "the protocol session belongs to another credential; asked over HTTP from {}",
            address(extensions)
        );
        let refusal = Refusal::new(RefusalCode::SessionTaken, &message);
        self.turn_away(refusal, headers).await;
        no_such_session()
    }
}

/// MCP's transport section: a client that is answered 404 begins a new session.
pub(super) fn no_such_session() -> Response {
    let detail = "there is no such session; initialize another".to_owned();
    Problem::new(StatusCode::NOT_FOUND, "not_found", detail).into_response()
}

pub(super) fn problem(status: StatusCode, refusal: &Refusal) -> Box<Response> {
    Box::new(Problem::new(status, &refusal.code, refusal.message.clone()).into_response())
}
