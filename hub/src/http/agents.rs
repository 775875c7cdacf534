//! The doors for agents over HTTP: `/mcp` for clients that speak MCP's Streamable HTTP, `/sse` for older ones, and
//! `/agents` for an `auditotter-mcp` on another machine.
//!
//! Who may come in: who shows a session token that a member's key stands behind, and with it the key that the token is
//! bound to. Pages of other origins may not, whatever they show. What is asked is then authorized and recorded as it is
//! on the socket. A protocol session is of use only with the credential that opened it.

mod answers;
mod bodies;
mod bound;
mod credential;
mod entrance;
mod events;
mod guests;
mod link;
mod mcp;
mod metadata;
mod nonces;
mod remote;
mod sse;

use std::{io, net::IpAddr, sync::Arc, time::Duration};

use axum::{Router, http::HeaderMap, response::Response, routing};
use mcp_server::server::Server;
use protocol::Refusal;
use rmcp::transport::streamable_http_server::{
    StreamableHttpServerConfig, StreamableHttpService, session::local::LocalSessionManager,
};
use tokio::sync::watch;
use tokio_util::{sync::CancellationToken, task::TaskTracker};
use vocabulary::SessionId;

use self::{
    bodies::Bodies,
    bound::Bound,
    credential::token_in,
    events::Events,
    guests::{Guest, Guests},
    link::Courier,
    nonces::Nonces,
    sse::Streams,
};
use super::{
    pace::{self, Pace},
    site::Site,
};
use crate::agents::AgentDoor;

/// How long a protocol session is kept that nobody uses: as long as a session token lives at most.
const IDLE_SESSION: Duration = Duration::from_secs(60 * 60);

/// What serving agents over HTTP takes. Cheap to clone.
#[derive(Clone)]
pub(crate) struct Agents(Arc<Inner>);

struct Inner {
    site: Site,
    door: AgentDoor,
    guests: Guests,
    mcp: StreamableHttpService<Server<Courier>, LocalSessionManager>,
    sessions: Arc<LocalSessionManager>,
    bound: Bound,
    events: Events,
    streams: Streams,
    nonces: Nonces,
    bodies: Bodies,
    addresses: Pace<IpAddr>,
    paces: Pace<SessionId>,
    closing: watch::Receiver<bool>,
    under_way: TaskTracker,
    ended: CancellationToken,
}

impl Agents {
    /// Doors to the same room as `door`; `closing` turns true when nothing more is to be taken.
    ///
    /// # Errors
    /// Where the system has no randomness.
    pub(crate) fn new(site: Site, door: AgentDoor, closing: watch::Receiver<bool>) -> io::Result<Self> {
        let events = Events::default();
        let mut sessions = LocalSessionManager::default().with_event_store(Arc::new(events.clone()));
        sessions.session_config.keep_alive = Some(IDLE_SESSION);
        let sessions = Arc::new(sessions);
        let ended = CancellationToken::new();
        let mut config = StreamableHttpServerConfig::default().with_allowed_hosts(site.hosts());
        config.cancellation_token = ended.clone();
        config.json_response = true;
        config.max_request_body_bytes = mcp_server::mistakes::MAX_MESSAGE_BYTES;
        let server = Server::new(Courier::new(door.clone(), closing.clone()));
        let mcp = StreamableHttpService::new(move || Ok(server.clone()), Arc::clone(&sessions), config);
        Ok(Self(Arc::new(Inner {
            site,
            guests: Guests::new(door.clone()),
            door,
            mcp,
            sessions,
            bound: Bound::default(),
            events,
            streams: Streams::default(),
            nonces: Nonces::new().map_err(io::Error::other)?,
            bodies: Bodies::default(),
            addresses: Pace::new(pace::OF_ADDRESS),
            paces: Pace::new(pace::OF_SESSION),
            closing,
            under_way: TaskTracker::new(),
            ended,
        })))
    }

    /// The routes behind which agents are served.
    pub(crate) fn routes(&self) -> Router {
        Router::new()
            .route("/mcp", routing::any(mcp::serve))
            .route(protocol::web::PATH, routing::post(remote::take))
            .route("/sse", routing::get(sse::open))
            .route("/sse/messages", routing::post(sse::take))
            .merge(metadata::routes())
            .with_state(self.clone())
    }

    /// Waits until what was asked is answered, as long as that may take, and ends what only listens.
    pub(crate) async fn finish(&self, grace: Duration) {
        self.0.under_way.close();
        let _ = tokio::time::timeout(grace, self.0.under_way.wait()).await;
        self.0.ended.cancel();
    }

    /// The names of this hub.
    pub(crate) fn site(&self) -> &Site {
        &self.0.site
    }

    /// How fast each address is.
    pub(super) fn addresses(&self) -> &Pace<IpAddr> {
        &self.0.addresses
    }

    /// Lets pass whose session is not too fast.
    async fn keep_pace(&self, guest: &Guest, from: IpAddr) -> Result<(), Box<Response>> {
        let session = guest.session();
        let Err(too_fast) = self.0.paces.check(&session) else {
            return Ok(());
        };
        if let Some(refusal) = too_fast.refusal(&format!("session {session}, over HTTP from {from},")) {
            guest.turn_away(&self.0.door, refusal).await;
        }
        Err(too_fast.answer())
    }

    /// Records that somebody was turned away; the answer says why.
    pub(crate) async fn turn_away(&self, refusal: Refusal, headers: &HeaderMap) -> Refusal {
        self.0.door.turn_away(refusal, token_in(headers)).await
    }

    /// Whether nothing more is taken.
    fn is_closing(&self) -> bool {
        *self.0.closing.borrow()
    }
}
