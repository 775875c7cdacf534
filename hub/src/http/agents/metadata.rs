//! What this resource is, for clients that were answered 401 (RFC 9728, as MCP's authorization section asks).

use axum::{Json, Router, extract::State, routing::get};
use delegation::AgentVerb;
use serde_json::{Value, json};

use super::Agents;
use crate::http::site::Site;

const RESOURCE: &str = "/.well-known/oauth-protected-resource";
const SERVER: &str = "/.well-known/oauth-authorization-server";

pub(super) fn routes() -> Router<Agents> {
    Router::new()
        .route(RESOURCE, get(resource))
        .route(&format!("{RESOURCE}/mcp"), get(resource))
        .route(&format!("{RESOURCE}/sse"), get(older))
        .route(SERVER, get(server))
}

/// Where it is said.
pub(super) fn address(site: &Site) -> String {
    format!("{}{RESOURCE}/mcp", site.url())
}

async fn resource(State(agents): State<Agents>) -> Json<Value> {
    Json(of(&agents.0.site, "/mcp"))
}

async fn older(State(agents): State<Agents>) -> Json<Value> {
    Json(of(&agents.0.site, "/sse"))
}

fn of(site: &Site, path: &str) -> Value {
    let verbs: Vec<&str> = AgentVerb::ALL.iter().map(|verb| verb.as_str()).collect();
    json!({
        "resource": format!("{}{path}", site.url()),
        "resource_name": "Audit Otter",
        "authorization_servers": [site.url()],
        "bearer_methods_supported": ["header"],
        "scopes_supported": verbs,
    })
}

/// MCP wants an authorization server named (RFC 8414). There is none that gives anything over HTTP: people lend, in their
/// terminal. This says so, in the words that clients read.
async fn server(State(agents): State<Agents>) -> Json<Value> {
    let issuer = agents.0.site.url();
    Json(json!({
        "issuer": issuer,
        "response_types_supported": [],
        "grant_types_supported": [],
        "code_challenge_methods_supported": ["S256"],
    }))
}
