//! Who comes in: the address that is asked, the page that asks, and the member behind it.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderName, HeaderValue, Method, StatusCode, header, request::Parts},
    middleware::Next,
    response::{IntoResponse, Redirect, Response},
};
use protocol::{Refusal, RefusalCode};
use trace_store::Draft;
use vocabulary::MemberId;

use super::{
    Inbox,
    pages::Failure,
    visitors::{Pass, STAY},
};
use crate::{
    admission, expiry,
    http::{Problem, only},
    workspace::Workspace,
};

/// Nothing of elsewhere is loaded, nothing runs that is not a file of the hub's, and nobody frames a page.
const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; \
     base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

/// Pages have one address: passkeys are made for its name, and browsers keep apart what belongs to it.
pub(super) async fn own_address(State(inbox): State<Inbox>, request: Request, next: Next) -> Response {
    let host = only(request.headers(), &header::HOST).unwrap_or_default();
    if !inbox.site.is_own(host) {
        let elsewhere = request.uri().path_and_query().map_or("/", |path| path.as_str());
        // `//somewhere` would be an address of its own.
        if request.method() == Method::GET && !elsewhere.starts_with("//") {
            return Redirect::temporary(&format!("{}{elsewhere}", inbox.site.url())).into_response();
        }
        let detail = format!("people are served at {} only", inbox.site.url());
        return Problem::new(StatusCode::MISDIRECTED_REQUEST, "other_host", detail).into_response();
    }
    let mut response = next.run(request).await;
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-store"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::X_FRAME_OPTIONS, "DENY"),
        (
            HeaderName::from_static("cross-origin-opener-policy"),
            "same-origin",
        ),
        (
            HeaderName::from_static("cross-origin-resource-policy"),
            "same-origin",
        ),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    // Of `localhost` a browser would remember it for every port, and so for whatever else is served there.
    if inbox.site.is_encrypted() && !inbox.site.is_own_machine() {
        let year = HeaderValue::from_static("max-age=31536000");
        headers.insert(header::STRICT_TRANSPORT_SECURITY, year);
    }
    response
}

/// Turns away what another site's page sends in the name of whoever looks at it ("cross-site request forgery").
pub(super) async fn own_page(State(inbox): State<Inbox>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    let origin = only(headers, &header::ORIGIN);
    let json = only(headers, &header::CONTENT_TYPE) == Some("application/json");
    if origin == Some(inbox.site.url().as_str()) && json {
        return next.run(request).await;
    }
    let from: String = origin.unwrap_or("no page").chars().take(120).collect();
    let path: String = request.uri().path().chars().take(120).collect();
    let refusal = Refusal::new(
        RefusalCode::ForeignOrigin,
        &format!(
            "{path} was asked by {from}; only a page of {} may, as JSON",
            inbox.site.url()
        ),
    );
    inbox.turn_away(headers, refusal).await.into_response()
}

/// A member who is logged in.
#[derive(Debug, Clone)]
pub(super) struct Visitor {
    pub(super) member: MemberId,
    pub(super) name: String,
    pass: Pass,
}

impl Visitor {
    /// Ends the stay.
    pub(super) fn leave(&self, workspace: &mut Workspace) {
        workspace.visitors.leave(self.pass);
    }
}

impl FromRequestParts<Inbox> for Visitor {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, inbox: &Inbox) -> Result<Self, Response> {
        let nobody = || inbox.ask_to_log_in(&parts.method, parts.uri.path());
        let shown = passes_of(&parts.headers, inbox.cookie());
        if shown.is_empty() {
            return Err(nobody());
        }
        // Whoever looks sees what ended meanwhile. A failure is the next job's as well, which says so.
        let _ = inbox.run(expiry::take_note).await;
        let found = inbox.run(move |workspace, draft| {
            let known = |pass: &Pass| Some((*pass, workspace.visitors.who(*pass, draft.now())?));
            let mut stays = shown.iter().filter_map(known);
            let (pass, stay) = stays.next()?;
            // Two that count would leave open who it is.
            if stays.any(|(_, other)| other.member != stay.member) {
                return None;
            }
            // Who is a member no longer looks no longer, and nobody by a passkey that counts no more.
            let mut own = workspace.members.passkeys_of(stay.member);
            let counts = own.any(|passkey| passkey.id == stay.passkey);
            let member = workspace.members.get(stay.member).filter(|_| counts)?;
            Some((member.id, member.name.to_string(), pass))
        });
        match found.await {
            Ok(Some((member, name, pass))) => Ok(Self { member, name, pass }),
            Ok(None) => Err(nobody()),
            Err(failure) => Err(failure.into_response()),
        }
    }
}

/// The most cookies of one name that are looked at.
const MOST_PASSES: usize = 8;

/// What the browser shows under this name. A page on another port of the same machine can have it show others beside its
/// own; they are nobody's.
fn passes_of(headers: &HeaderMap, name: &str) -> Vec<Pass> {
    let cookies = headers.get_all(header::COOKIE).iter();
    cookies
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(';'))
        .filter_map(|cookie| cookie.trim().split_once('='))
        .filter(|(found, _)| *found == name)
        .filter_map(|(_, value)| Pass::read(value))
        .take(MOST_PASSES)
        .collect()
}

impl Inbox {
    /// What the browser keeps the pass under. With encryption, the prefix keeps other hosts from setting it.
    fn cookie(&self) -> &'static str {
        if self.site.is_encrypted() {
            "__Host-auditotter"
        } else {
            "auditotter"
        }
    }

    /// Has the browser keep a pass, out of reach for scripts.
    pub(super) fn keep(&self, pass: &str) -> String {
        let secure = if self.site.is_encrypted() { "; Secure" } else { "" };
        let (name, long) = (self.cookie(), STAY.whole_seconds());
        format!("{name}={pass}; Path=/; Max-Age={long}; HttpOnly; SameSite=Lax{secure}")
    }

    /// Has the browser forget it.
    pub(super) fn forget(&self) -> String {
        let secure = if self.site.is_encrypted() { "; Secure" } else { "" };
        format!(
            "{}=; Path=/; Max-Age=0; HttpOnly; SameSite=Lax{secure}",
            self.cookie()
        )
    }

    /// Who looks is led to where they log in, and back; who does something is told.
    pub(super) fn ask_to_log_in(&self, method: &Method, path: &str) -> Response {
        if matches!(*method, Method::GET | Method::HEAD) {
            return Redirect::to(&format!("/login?next={}", path_only(path))).into_response();
        }
        let detail = "nobody is logged in here; log in, then do it again".to_owned();
        Problem::new(StatusCode::UNAUTHORIZED, "not_logged_in", detail).into_response()
    }

    /// Records that somebody was turned away who proved nothing, and says so to them.
    pub(super) async fn turn_away(&self, headers: &HeaderMap, refusal: Refusal) -> Problem {
        let agent = only(headers, &header::USER_AGENT).unwrap_or_default();
        let agent = agent.chars().take(200).collect::<String>();
        let told = refusal.clone();
        let recorded = self
            .run(move |workspace, draft| {
                admission::record_stranger(workspace, draft, &refusal, agent.as_bytes())
            })
            .await;
        match recorded {
            Ok(Ok(())) => Problem::new(StatusCode::FORBIDDEN, &told.code, told.message),
            Ok(Err(refusal)) => Problem::of(&refusal),
            Err(failure) => failure.into_problem(),
        }
    }

    /// Runs a job on the ledger's thread.
    pub(super) async fn run<T: Send + 'static>(
        &self,
        job: impl FnOnce(&mut Workspace, &mut Draft<'_>) -> T + Send + 'static,
    ) -> Result<T, Failure> {
        self.news.run(&self.ledger, job).await.map_err(Failure::from)
    }
}

/// A path of this hub's own, as it may stand in a link: whatever else somebody wrote there leads to the inbox.
pub(super) fn path_only(path: &str) -> &str {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'/' | b'_' | b'-');
    if path.starts_with('/') && !path.starts_with("//") && path.bytes().all(plain) {
        path
    } else {
        "/"
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_logging_in_nobody_is_sent_elsewhere() {
        for own in ["/", "/w/wi_1", "/d/0a", "/delegations"] {
            assert_eq!(path_only(own), own);
        }
        for other in [
            "//evil.example",
            "https://evil.example",
            "/\\evil",
            "/x?y",
            "",
            "/w/%2f",
            "x",
        ] {
            assert_eq!(path_only(other), "/", "{other}");
        }
    }

    #[test]
    fn only_cookies_of_the_name_are_passes_and_no_more_than_a_few() {
        let pass = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
        let passes = |cookies: &[String]| {
            let mut headers = HeaderMap::new();
            for cookie in cookies {
                headers.append(header::COOKIE, cookie.parse().unwrap());
            }
            passes_of(&headers, "auditotter").len()
        };
        assert_eq!(passes(&[format!("other=1; auditotter={pass}")]), 1);
        assert_eq!(passes(&[format!("auditotter=x; auditotter={pass}")]), 1);
        assert_eq!(
            passes(&[format!("auditotter={pass}"), format!("auditotter={pass}")]),
            2
        );
        assert_eq!(passes(&[format!("xauditotter={pass}")]), 0);
        assert_eq!(passes(&vec![format!("auditotter={pass}"); 100]), MOST_PASSES);
    }
}
