//! A hub on another machine: one HTTP request for each message, each with a proof that the session's key is held.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
    time::{Duration, Instant},
};

use bytes::Bytes;
use delegation::{HandshakeSubject, WebRequestSubject};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Request, StatusCode, Uri,
    header::{AUTHORIZATION, CONTENT_TYPE, RETRY_AFTER},
    http::response,
};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use protocol::{
    AgentMessage, Challenge, HubMessage, Open, OpenReply, VERSION, Via,
    frame::{self, FrameError, MAX_FRAME_BYTES},
    web,
};
use rustls::{
    ClientConfig, RootCertStore,
    pki_types::{CertificateDer, pem::PemObject as _},
};
use tokio::sync::{OnceCell, mpsc};

use super::{
    address::HubAddress,
    wire::{OpenError, challenge_of},
};
use crate::{
    clock,
    session::{Key, Session},
};

/// How long reaching the hub may take.
const CONNECT_DEADLINE: Duration = Duration::from_secs(10);

/// How long one answer may take: a decision is waited for, and the asker gives up before that.
const ANSWER_DEADLINE: Duration = Duration::from_secs(50);

/// How often a request is signed anew because the hub's nonce changed under it, or sent again because it was too fast.
const ATTEMPTS: u32 = 4;

/// The longest that a hub may have us wait before we send again.
const LONGEST_PAUSE: Duration = Duration::from_secs(10);

/// A hub elsewhere, and how it is asked. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Remote(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    address: HubAddress,
    agents: Uri,
    authorities: Option<PathBuf>,
    client: OnceCell<Client<HttpsConnector<HttpConnector>, Full<Bytes>>>,
    /// What the hub gave out last, and when.
    challenge: Mutex<Option<(Challenge, Instant)>>,
}

/// Why a hub elsewhere cannot be asked at all.
#[derive(Debug, thiserror::Error)]
pub enum RemoteError {
    /// The file of certificates cannot be used.
    #[error("the certificates in {path} cannot be used: {problem}; look at {variable}", variable = web::AUTHORITIES_VARIABLE)]
    Authorities {
        /// Which file.
        path: String,
        /// Why.
        problem: String,
    },
    /// TLS cannot be set up.
    #[error("TLS cannot be used: {0}")]
    Tls(#[from] rustls::Error),
    /// The address is none.
    #[error("the hub's address cannot be asked: {0}")]
    Address(#[from] hyper::http::Error),
}

impl Remote {
    /// A hub at this address; the certificates in `authorities` are trusted beside the system's. Nothing is asked yet,
    /// and no file is read: a client that starts us waits for our first answer, not for the hub's.
    ///
    /// # Errors
    /// [`RemoteError`].
    pub fn new(address: HubAddress, authorities: Option<PathBuf>) -> Result<Self, RemoteError> {
        Ok(Self(Arc::new(Inner {
            agents: address.at(web::PATH)?,
            address,
            authorities,
            client: OnceCell::new(),
            challenge: Mutex::new(None),
        })))
    }

    /// Where it is.
    pub(super) fn address(&self) -> &HubAddress {
        &self.0.address
    }

    /// Sends one message; what it is depends on the nonce, so it is made anew where that changed.
    async fn ask(
        &self,
        token: &str,
        key: &Key,
        message: impl Fn(&Challenge, [u8; 32]) -> Result<Bytes, FrameError>,
    ) -> Result<HubMessage, Unanswered> {
        let mut last = None;
        for _ in 0..ATTEMPTS {
            let (challenge, nonce) = self.challenge(token).await?;
            let body = message(&challenge, nonce)?;
            let attempt = clock::new_id().map_err(io::Error::other)?;
            let subject = WebRequestSubject {
                workspace: challenge.workspace,
                method: "POST",
                path: web::PATH,
                nonce,
                token,
                body: &body,
                attempt,
            };
            let request = Request::post(self.0.agents.clone())
                .header(AUTHORIZATION, format!("{} {token}", web::SCHEME))
                .header(web::NONCE, &challenge.nonce)
                .header(web::ATTEMPT, attempt.to_string())
                .header(CONTENT_TYPE, "application/json")
                .header(web::PROOF, key.sign_web_request(&subject).to_string())
                .body(Full::new(body))
                .map_err(io::Error::other)?;
            let answered = self.send(request).await?;
            match answered {
                Answered::Message(HubMessage::Challenge(fresh)) => {
                    self.remember(fresh);
                    last = None;
                }
                Answered::Message(message) => return Ok(message),
                Answered::Later(pause, why) => {
                    last = Some(why);
                    tokio::time::sleep(pause.min(LONGEST_PAUSE)).await;
                }
                Answered::Problem(why) => return Err(io::Error::other(why).into()),
            }
        }
        let why = last.unwrap_or_else(|| "the hub's nonce changes with each request".to_owned());
        Err(io::Error::other(why).into())
    }

    /// What the hub gave out last, or gives out now.
    async fn challenge(&self, token: &str) -> Result<(Challenge, [u8; 32]), Unanswered> {
        let known = lock(&self.0.challenge).clone();
        let challenge = match known {
            // What is older goes on record as an old proof.
            Some((challenge, since)) if since.elapsed() < web::NONCE_LIFE / 2 => challenge,
            _ => {
                let request = Request::post(self.0.agents.clone())
                    .header(AUTHORIZATION, format!("{} {token}", web::SCHEME))
                    .body(Full::default())
                    .map_err(io::Error::other)?;
                match self.send(request).await? {
                    Answered::Message(HubMessage::Challenge(fresh)) => {
                        self.remember(fresh.clone());
                        fresh
                    }
                    Answered::Message(_) => return Err(io::Error::from(io::ErrorKind::InvalidData).into()),
                    Answered::Later(_, why) | Answered::Problem(why) => {
                        return Err(io::Error::other(why).into());
                    }
                }
            }
        };
        if challenge.version != VERSION {
            return Err(Unanswered::Version(challenge.version));
        }
        let nonce = challenge_of(&challenge)?;
        Ok((challenge, nonce))
    }

    fn remember(&self, challenge: Challenge) {
        *lock(&self.0.challenge) = Some((challenge, Instant::now()));
    }

    /// Each answer brings what the next proof is made over (RFC 9449, section 8.2).
    fn renew(&self, head: &response::Parts) {
        let given = head.headers.get(web::NONCE).and_then(|nonce| nonce.to_str().ok());
        if let (Some(nonce), Some((challenge, since))) = (given, &mut *lock(&self.0.challenge)) {
            nonce.clone_into(&mut challenge.nonce);
            *since = Instant::now();
        }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answered, FrameError> {
        let asked = async {
            let client = self
                .0
                .client
                .get_or_try_init(|| async {
                    let authorities = self.0.authorities.clone();
                    tokio::task::spawn_blocking(move || client(authorities.as_deref()))
                        .await
                        .map_err(io::Error::other)?
                        .map_err(io::Error::other)
                })
                .await?;
            let response = client.request(request).await.map_err(io::Error::other)?;
            let (head, body) = response.into_parts();
            self.renew(&head);
            let bytes = Limited::new(body, MAX_FRAME_BYTES)
                .collect()
                .await
                .map_err(io::Error::other)?
                .to_bytes();
            if let Ok(message) = serde_json::from_slice::<HubMessage>(&bytes) {
                return Ok(Answered::Message(message));
            }
            let shown = vocabulary::shown(&String::from_utf8_lossy(&bytes), 300);
            let why = format!("it answered {}: {shown}", head.status);
            let pause = head
                .headers
                .get(RETRY_AFTER)
                .and_then(|pause| pause.to_str().ok()?.parse().ok());
            Ok(match (head.status, pause) {
                (StatusCode::TOO_MANY_REQUESTS, pause) => {
                    Answered::Later(Duration::from_secs(pause.unwrap_or(1)), why)
                }
                _ => Answered::Problem(why),
            })
        };
        tokio::time::timeout(ANSWER_DEADLINE, asked)
            .await
            .unwrap_or_else(|_| Err(io::Error::from(io::ErrorKind::TimedOut).into()))
    }
}

enum Answered {
    Message(HubMessage),
    Later(Duration, String),
    Problem(String),
}

/// Why there is no message in answer.
enum Unanswered {
    Frame(FrameError),
    Version(u32),
}

impl From<FrameError> for Unanswered {
    fn from(error: FrameError) -> Self {
        Self::Frame(error)
    }
}

impl From<io::Error> for Unanswered {
    fn from(error: io::Error) -> Self {
        Self::Frame(error.into())
    }
}

impl From<Unanswered> for OpenError {
    fn from(unanswered: Unanswered) -> Self {
        match unanswered {
            Unanswered::Frame(error) => Self::Frame(error),
            Unanswered::Version(found) => Self::other_version(found),
        }
    }
}

/// A session that is open on a hub elsewhere.
pub(super) struct RemoteWire {
    remote: Remote,
    token: Arc<str>,
    key: Key,
    arrived: mpsc::Sender<Result<HubMessage, FrameError>>,
    pub(super) incoming: mpsc::Receiver<Result<HubMessage, FrameError>>,
}

impl RemoteWire {
    /// Opens a session, or takes it up again.
    pub(super) async fn begin(remote: Remote, session: &Session, via: &Via) -> Result<Self, OpenError> {
        let (arrived, incoming) = mpsc::channel(64);
        let mut wire = Self {
            remote,
            token: "".into(),
            key: session.key(),
            arrived,
            incoming,
        };
        wire.open(session, via).await?;
        Ok(wire)
    }

    /// Opens the session, or renews its token.
    pub(super) async fn open(&mut self, session: &Session, via: &Via) -> Result<(), OpenError> {
        let (token, key) = (session.token().as_str(), session.key());
        let opening = |challenge: &Challenge, nonce| {
            let subject = HandshakeSubject {
                workspace: challenge.workspace,
                nonce,
                token,
            };
            bytes_of(&AgentMessage::Open(Open {
                token: token.to_owned(),
                proof: key.sign_handshake(&subject).to_string(),
                via: via.clone(),
            }))
        };
        match self.remote.ask(token, &key, opening).await? {
            HubMessage::Opening(OpenReply::Opened(_)) => {
                self.token = token.into();
                Ok(())
            }
            HubMessage::Opening(OpenReply::Refused(refusal)) => Err(OpenError::Refused(refusal)),
            HubMessage::Challenge(_) | HubMessage::Reply(_) => {
                Err(FrameError::Io(io::ErrorKind::InvalidData.into()).into())
            }
        }
    }

    /// Sends a message, whose answer arrives with the others.
    pub(super) fn write(&self, frame: &[u8]) {
        let body = Bytes::copy_from_slice(frame.get(frame::HEADER_BYTES..).unwrap_or_default());
        let (remote, token, key) = (
            self.remote.clone(),
            Arc::clone(&self.token),
            Arc::clone(&self.key),
        );
        let arrived = self.arrived.clone();
        // Ends with its answer, and its answer has nobody left to read it where the link let go of this wire.
        tokio::spawn(async move {
            let answered = remote.ask(&token, &key, |_, _| Ok(body.clone())).await;
            let message = match answered {
                Ok(HubMessage::Reply(reply)) => Ok(HubMessage::Reply(reply)),
                Ok(HubMessage::Opening(OpenReply::Refused(refusal))) => {
                    Err(io::Error::other(refusal.message).into())
                }
                Ok(_) => Err(io::Error::from(io::ErrorKind::InvalidData).into()),
                Err(Unanswered::Frame(error)) => Err(error),
                Err(Unanswered::Version(_)) => Err(io::Error::from(io::ErrorKind::InvalidData).into()),
            };
            let _ = arrived.send(message).await;
        });
    }
}

fn bytes_of(message: &AgentMessage) -> Result<Bytes, FrameError> {
    Ok(serde_json::to_vec(message)?.into())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

fn client(
    authorities: Option<&Path>,
) -> Result<Client<HttpsConnector<HttpConnector>, Full<Bytes>>, RemoteError> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_root_certificates(trusted(authorities)?)
        .with_no_client_auth();
    let mut http = HttpConnector::new();
    http.enforce_http(false);
    http.set_connect_timeout(Some(CONNECT_DEADLINE));
    let connector = HttpsConnectorBuilder::new()
        .with_tls_config(tls)
        .https_or_http()
        .enable_http1()
        .wrap_connector(http);
    Ok(Client::builder(TokioExecutor::new()).build(connector))
}

/// Whom to believe that it is the hub: those whom this machine trusts, and those in a file.
fn trusted(authorities: Option<&Path>) -> Result<RootCertStore, RemoteError> {
    let mut roots = RootCertStore::empty();
    let system = rustls_native_certs::load_native_certs();
    for error in &system.errors {
        tracing::debug!(%error, "some of the system's certificates cannot be read");
    }
    roots.add_parsable_certificates(system.certs);
    if let Some(path) = authorities {
        let unusable = |problem: String| RemoteError::Authorities {
            path: path.display().to_string(),
            problem,
        };
        let file = CertificateDer::pem_file_iter(path).map_err(|error| unusable(error.to_string()))?;
        let mut found = false;
        for certificate in file {
            let certificate = certificate.map_err(|error| unusable(error.to_string()))?;
            roots
                .add(certificate)
                .map_err(|error| unusable(error.to_string()))?;
            found = true;
        }
        if !found {
            return Err(unusable("there is none".to_owned()));
        }
    }
    Ok(roots)
}

/// The refusal of a hub that speaks another version.
impl OpenError {
    pub(super) fn other_version(found: u32) -> Self {
        Self::Refused(super::other_version(found))
    }
}
