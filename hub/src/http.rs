//! The doors over HTTP: one listener, and what every request passes before it comes to a door.
//!
//! Who may come in: anybody who can reach the address may ask; what they get without proving who they are is that
//! there is a hub. A request that names another host than this hub's own is turned away before anything else looks at it:
//! a page somewhere else may have made its own name point here.

mod agents;
mod crowd;
mod guard;
mod listener;
mod pace;
mod problem;
mod site;
mod slow;
#[cfg(test)]
mod tests;

pub use listener::{Listen, ListenError, TlsFiles};
pub use site::{PublicUrl, PublicUrlError, Site};

pub(crate) use agents::Agents;
pub(crate) use guard::only;
pub(crate) use listener::{Listener, Serving};
pub(crate) use problem::Problem;

use axum::{Router, middleware, routing::get};

use crate::inbox::Inbox;

/// Everything that is served over HTTP.
pub(crate) fn doors(agents: &Agents, inbox: Inbox) -> Router {
    Router::new()
        .route("/healthz", get(|| async { "ok\n" }))
        .merge(agents.routes())
        .merge(inbox.routes().layer(middleware::map_request(slow::bound_body)))
        .fallback(problem::not_found)
        .layer(middleware::from_fn_with_state(agents.clone(), guard::own_host))
        .layer(middleware::from_fn_with_state(agents.clone(), pace::of_address))
}
