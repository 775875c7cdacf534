//! What this resource is, for clients that were answered 401 (RFC 9728, as MCP's authorization section asks).

use axum::{Json, Router, extract::State, routing::get};
use delegation::AgentVerb;
use serde_json::{Value, json};

use super::Agents;
use crate::http::site::Site;

const RESOURCE: &str = "/.well-known/oauth-protected-resource";
const MCP: &str = "/mcp";
const SSE: &str = "/sse";
const SERVER: &str = "/.well-known/oauth-authorization-server";

pub(super) fn routes() -> Router<Agents> {
    Router::new()
        .route(RESOURCE, get(hub))
        .route(&format!("{RESOURCE}{MCP}"), get(mcp))
        .route(&format!("{RESOURCE}{SSE}"), get(sse))
        .route(SERVER, get(server))
}

/// Where that is said which belongs to a path. A client has to discard what names another resource than it asked
/// (RFC 9728, section 3.3).
pub(super) fn address(site: &Site, path: &str) -> String {
    let resource = if path.starts_with(SSE) { SSE } else { MCP };
    format!("{}{RESOURCE}{resource}", site.url())
}

async fn hub(State(agents): State<Agents>) -> Json<Value> {
    Json(of(&agents.0.site, ""))
}

async fn mcp(State(agents): State<Agents>) -> Json<Value> {
    Json(of(&agents.0.site, MCP))
}

async fn sse(State(agents): State<Agents>) -> Json<Value> {
    Json(of(&agents.0.site, SSE))
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
/// terminal. This says so, by leaving out what a server without any would leave out: what is empty has no place here
/// (RFC 8414, section 3.2).
async fn server(State(agents): State<Agents>) -> Json<Value> {
    let issuer = agents.0.site.url();
    Json(json!({
        "issuer": issuer,
        "code_challenge_methods_supported": ["S256"],
    }))
}
