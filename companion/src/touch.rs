//! A page on this machine, open for one touch of a passkey, in the browser of whoever sits here.
//!
//! Who may come in: whoever has the address, which is shown on the terminal only and holds 128 random bits, from a page of
//! this very address. What comes in is worth nothing by itself: an assertion counts only over what was asked, by a
//! passkey that its owner's key enrolled; and a new passkey counts only once that key has signed it.

use std::{
    io,
    net::{Ipv4Addr, Ipv6Addr, TcpListener},
    sync::{Arc, Mutex, PoisonError, mpsc},
    thread::{self, JoinHandle},
    time::Duration,
};

use anyhow::{Context as _, bail};
use askama::Template;
use axum::{
    Router,
    body::Bytes as Body,
    extract::{DefaultBodyLimit, State},
    http::{HeaderMap, HeaderValue, StatusCode, header},
    response::{Html, IntoResponse as _, Response},
    routing::get,
};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use futures_util::FutureExt as _;
use identity::{Assertion, Bytes, Passkey};
use serde::{Serialize, de::DeserializeOwned};
use sha2::{Digest as _, Sha256};
use tokio::sync::oneshot;

use crate::{output, shown::Shown, terminal};

/// The host name of every page on this machine, and so of the passkeys that are made there.
pub(crate) const RP_ID: &str = "localhost";

/// How long the page stays open.
const OPEN: Duration = Duration::from_secs(5 * 60);

/// How many ports are tried until one is free on every loopback address.
const PORTS: usize = 16;

/// How long a browser may take to read that its answer was taken.
const CLOSING: Duration = Duration::from_secs(2);

/// An assertion or a public key is a few hundred bytes.
const MOST_BYTES: usize = 16 * 1024;

/// What a page shows, and what it asks the browser for.
#[derive(Debug, Template)]
#[template(path = "touch.html")]
struct Page {
    title: String,
    lead: String,
    introduction: String,
    words: Vec<String>,
    facts: Vec<(&'static str, String)>,
    button: String,
    asked: String,
    nonce: String,
}

#[derive(Debug, Serialize)]
struct Asked<'a> {
    rp_id: &'a str,
    challenge: String,
    credentials: Vec<String>,
    /// The member, where a passkey is to be made.
    #[serde(skip_serializing_if = "Option::is_none")]
    user: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    name: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    email: Option<String>,
}

/// Has the browser make a passkey for somebody; what there is already is not made again.
pub(crate) fn new_passkey(
    member: &hub::companion::MemberRow,
    known: &[Bytes],
) -> anyhow::Result<Answered<Passkey>> {
    let asked = Asked {
        rp_id: RP_ID,
        challenge: URL_SAFE_NO_PAD.encode(hub::clock::random::<32>()?),
        credentials: known.iter().map(ToString::to_string).collect(),
        user: Some(URL_SAFE_NO_PAD.encode(member.id.to_bytes())),
        name: Some(member.name.to_string()),
        email: Some(member.email.to_string()),
    };
    let shown = Shown {
        heading: "Make a passkey".to_owned(),
        words: None,
        facts: vec![
            ("for", format!("{} <{}>", member.name, member.email)),
            ("member", member.id.to_string()),
        ],
        advice: None,
    };
    let lead = "A passkey decides in your name. It counts once you have signed it with your passphrase, in the terminal.";
    let page = Page::new(&shown, lead, "Make a passkey", &asked)?;
    let made = ask_once(&page, |passkey: &Passkey| {
        format!(
            "Made. Go back to the terminal: it has to show the code {}",
            code_of(passkey)
        )
    })?;
    if made.answer.rp_id != RP_ID {
        bail!("the passkey was made for {}, not for {RP_ID}", made.answer.rp_id);
    }
    made.answer.check()?;
    Ok(made)
}

/// What the page and the terminal both show of a new passkey, for a human to compare: the page that was open may have been
/// answered by somebody else. 80 bits, so that nobody makes another key with the same code.
pub(crate) fn code_of(passkey: &Passkey) -> String {
    let digest = hex::encode(Sha256::digest(passkey.public_key.as_slice()));
    let groups: Vec<&str> = (0..5).map(|group| &digest[group * 4..][..4]).collect();
    groups.join("-")
}

/// Has a passkey sign: its challenge is that of the decision whose text is shown.
pub(crate) fn assertion(shown: &Shown, challenge: &[u8], passkeys: &[Bytes]) -> anyhow::Result<Assertion> {
    let asked = Asked {
        rp_id: RP_ID,
        challenge: URL_SAFE_NO_PAD.encode(challenge),
        credentials: passkeys.iter().map(ToString::to_string).collect(),
        user: None,
        name: None,
        email: None,
    };
    let lead = "This is what your passkey signs. The terminal shows the same.";
    let page = Page::new(shown, lead, "Sign with a passkey", &asked)?;
    let signed = ask_once(&page, |_: &Assertion| {
        "Signed. Go back to the terminal.".to_owned()
    })?;
    Ok(signed.answer.clone())
}

impl Page {
    fn new(shown: &Shown, lead: &str, button: &str, asked: &Asked<'_>) -> anyhow::Result<Self> {
        let (introduction, words) = shown.words.clone().unwrap_or_default();
        Ok(Self {
            title: shown.heading.clone(),
            lead: lead.to_owned(),
            introduction,
            words: words.iter().map(|line| output::escaped(line)).collect(),
            facts: shown.facts.clone(),
            button: button.to_owned(),
            // Within a script element nothing but the end of one has a meaning, and comments.
            asked: serde_json::to_string(asked)?.replace('<', "\\u003c"),
            nonce: URL_SAFE_NO_PAD.encode(hub::clock::random::<16>()?),
        })
    }
}

/// The page while it is open.
#[derive(Debug)]
struct Open<T> {
    host: String,
    html: String,
    policy: HeaderValue,
    thanks: fn(&T) -> String,
    answers: Arc<Mutex<Option<mpsc::Sender<T>>>>,
}

impl<T> Clone for Open<T> {
    fn clone(&self) -> Self {
        Self {
            host: self.host.clone(),
            html: self.html.clone(),
            policy: self.policy.clone(),
            thanks: self.thanks,
            answers: Arc::clone(&self.answers),
        }
    }
}

/// A page that was answered. It stays open, and with it its port, until this is dropped: nobody else is to answer a
/// browser that still looks there.
pub(crate) struct Answered<T> {
    pub(crate) answer: T,
    close: Option<oneshot::Sender<()>>,
    serving: Option<JoinHandle<()>>,
}

impl<T> Drop for Answered<T> {
    fn drop(&mut self) {
        drop(self.close.take());
        if let Some(serving) = self.serving.take() {
            let _ = serving.join();
        }
    }
}

/// Opens the page, says on the terminal where, and waits for the one answer.
fn ask_once<T: DeserializeOwned + Send + 'static>(
    page: &Page,
    thanks: fn(&T) -> String,
) -> anyhow::Result<Answered<T>> {
    let (port, listeners) = loopback().context("the page cannot be opened")?;
    let host = format!("{RP_ID}:{port}");
    let path = format!("/{}", URL_SAFE_NO_PAD.encode(hub::clock::random::<16>()?));
    let (answers, answered) = mpsc::channel();
    let open = Open {
        host: host.clone(),
        policy: policy(&page.nonce)?,
        html: page.render()?,
        thanks,
        answers: Arc::new(Mutex::new(Some(answers))),
    };
    let pages = Router::new()
        .route(&path, get(show::<T>).post(take::<T>))
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .with_state(open);
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the page cannot be opened")?;
    let (close, closed) = oneshot::channel::<()>();
    let serving = thread::spawn(move || runtime.block_on(serve(listeners, pages, closed)));
    let mut open = Answered {
        answer: (),
        close: Some(close),
        serving: Some(serving),
    };
    terminal::show(&format!("Open this in your browser:\n\n  http://{host}{path}\n"))?;
    match answered.recv_timeout(OPEN) {
        Ok(answer) => Ok(Answered {
            answer,
            close: open.close.take(),
            serving: open.serving.take(),
        }),
        Err(_) => bail!("nobody touched a passkey within 5 minutes; nothing was signed"),
    }
}

/// One port on every loopback address that there is: `localhost` may mean either, and whoever had the other would be
/// asked in our place.
fn loopback() -> io::Result<(u16, Vec<TcpListener>)> {
    for _ in 0..PORTS {
        let first = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?;
        let port = first.local_addr()?.port();
        let listeners = match TcpListener::bind((Ipv6Addr::LOCALHOST, port)) {
            Ok(second) => vec![first, second],
            Err(taken) if taken.kind() == io::ErrorKind::AddrInUse => continue,
            // This machine has no such address, and so nobody else has it.
            Err(_) => vec![first],
        };
        for listener in &listeners {
            listener.set_nonblocking(true)?;
        }
        return Ok((port, listeners));
    }
    Err(io::ErrorKind::AddrInUse.into())
}

async fn serve(listeners: Vec<TcpListener>, pages: Router, closed: oneshot::Receiver<()>) {
    let closed = async { drop(closed.await) }.shared();
    let serving = listeners.into_iter().filter_map(|listener| {
        let listener = tokio::net::TcpListener::from_std(listener).ok()?;
        let closed = closed.clone();
        let serving = axum::serve(listener, pages.clone()).with_graceful_shutdown(closed);
        Some(tokio::spawn(async move { serving.await }))
    });
    let serving: Vec<_> = serving.collect();
    closed.clone().await;
    // The browser is still to read that its answer was taken.
    let _ = tokio::time::timeout(CLOSING, async {
        for served in serving {
            let _ = served.await;
        }
    })
    .await;
}

fn policy(nonce: &str) -> anyhow::Result<HeaderValue> {
    let policy = format!(
        "default-src 'none'; script-src 'nonce-{nonce}'; style-src 'nonce-{nonce}'; connect-src 'self'; \
         base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    );
    Ok(HeaderValue::from_str(&policy)?)
}

async fn show<T>(State(open): State<Open<T>>, headers: HeaderMap) -> Response {
    if !is(&headers, &header::HOST, &open.host) {
        return (StatusCode::MISDIRECTED_REQUEST, "this page is not of that host").into_response();
    }
    let mut response = Html(open.html).into_response();
    let own = response.headers_mut();
    own.insert(header::CONTENT_SECURITY_POLICY, open.policy);
    own.insert(header::REFERRER_POLICY, HeaderValue::from_static("no-referrer"));
    own.insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    own.insert(
        header::X_CONTENT_TYPE_OPTIONS,
        HeaderValue::from_static("nosniff"),
    );
    response
}

async fn take<T: DeserializeOwned>(State(open): State<Open<T>>, headers: HeaderMap, body: Body) -> Response {
    let own = is(&headers, &header::HOST, &open.host)
        && is(&headers, &header::ORIGIN, &format!("http://{}", open.host))
        && is(&headers, &header::CONTENT_TYPE, "application/json");
    if !own {
        return (StatusCode::FORBIDDEN, "only this page itself may answer").into_response();
    }
    match serde_json::from_slice::<T>(&body) {
        Ok(answer) => {
            let words = (open.thanks)(&answer);
            let answers = open.answers.lock().unwrap_or_else(PoisonError::into_inner).take();
            match answers.map(|answers| answers.send(answer)) {
                Some(Ok(())) => words.into_response(),
                Some(Err(_)) | None => (StatusCode::CONFLICT, "it was answered already").into_response(),
            }
        }
        Err(error) => (
            StatusCode::BAD_REQUEST,
            format!("the answer cannot be read: {error}"),
        )
            .into_response(),
    }
}

fn is(headers: &HeaderMap, name: &header::HeaderName, expected: &str) -> bool {
    let mut values = headers.get_all(name).iter();
    let only = values
        .next()
        .is_some_and(|value| value.as_bytes() == expected.as_bytes());
    only && values.next().is_none()
}
