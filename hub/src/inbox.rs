//! The inbox: what people see and decide in a browser.
//!
//! Who may come in: a member who logged in with a passkey may look, and may take back what was lent. Nobody decides by
//! being logged in: a decision counts by a touch of a passkey over exactly this decision, whoever sends it. Looking (GET)
//! changes nothing. What changes something has to come from a page of this very hub, as JSON, and what comes from
//! elsewhere is turned away and recorded.

mod asking;
mod assets;
mod deciding;
mod door;
mod enrolling;
mod links;
mod live;
mod login;
mod pages;
mod revoking;
mod visitors;

pub(crate) use asking::AskingKey;
pub(crate) use links::LinkKey;
pub(crate) use visitors::Visitors;

use axum::{
    Router,
    extract::DefaultBodyLimit,
    middleware,
    routing::{get, post},
};
use tokio::sync::watch;
use trace_store::Ledger;
use vocabulary::WorkspaceId;

use crate::{http::Site, news::News, workspace::Workspace};

/// A signed decision is a few kilobytes.
const MOST_BODY_BYTES: usize = 64 * 1024;

/// What serving people takes. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Inbox {
    pub(crate) ledger: Ledger<Workspace>,
    pub(crate) workspace: WorkspaceId,
    pub(crate) site: Site,
    pub(crate) links: LinkKey,
    pub(crate) asking: AskingKey,
    pub(crate) news: News,
    /// Turns true when the hub ends: then nobody waits for news any more.
    pub(crate) closing: watch::Receiver<bool>,
}

impl Inbox {
    /// Every page, and everything that can be done on one. A route that stands nowhere else is looked for in the closure
    /// test, which knows them all.
    pub(crate) fn routes(self) -> Router {
        let pages = Router::new()
            .route("/", get(pages::waiting))
            .route("/w/{id}", get(pages::work_item))
            .route("/t/{id}", get(pages::trace))
            .route("/delegations", get(pages::delegations))
            .route("/members", get(pages::members))
            .route("/d/{nonce}", get(pages::link))
            .route("/login", get(login::page))
            .route("/passkeys/new", get(enrolling::page))
            .route("/events", get(live::events));
        let deeds = Router::new()
            .route("/login/challenge", post(login::challenge))
            .route("/login", post(login::login))
            .route("/logout", post(login::logout))
            .route("/w/{id}/challenge", post(deciding::challenge))
            .route("/w/{id}/text", post(deciding::text))
            .route("/w/{id}/landing/challenge", post(deciding::landing_challenge))
            .route("/w/{id}/landing/text", post(deciding::landing_text))
            .route("/decisions", post(deciding::decide))
            .route("/delegations/{id}/revocation", post(revoking::revoke))
            .route("/passkeys", post(enrolling::enrol))
            .layer(middleware::from_fn_with_state(self.clone(), door::own_page))
            .layer(DefaultBodyLimit::max(MOST_BODY_BYTES));
        pages
            .merge(deeds)
            .layer(middleware::from_fn_with_state(self.clone(), door::own_address))
            .with_state(self)
            .merge(assets::routes())
    }
}
