//! What is tried at the inbox's address, with curl or from another site's page.

use anyhow::Context as _;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::{
    Method, Request,
    body::Bytes,
    header::{AUTHORIZATION, CONTENT_TYPE, HOST, ORIGIN},
};
use hyper_util::{
    client::legacy::{Client, connect::HttpConnector},
    rt::TokioExecutor,
};
use serde_json::{Value, json};

use super::{Impostor, judged};
use crate::commands::doctor::Finding;

/// How much of an answer is read.
const MOST_BYTES: usize = 64 * 1024;

const FOREIGN: &str = "https://evil.example";

/// One request of an attacker's, and the answer that keeps the door shut: a status, and the code of the refusal.
struct Knock {
    id: &'static str,
    what: &'static str,
    method: Method,
    path: &'static str,
    host: Option<&'static str>,
    origin: Option<String>,
    credential: Option<&'static str>,
    body: Option<Value>,
    expected: &'static str,
}

/// Knocks at each door in the ways in which it must stay shut.
pub(super) fn tries(url: &str, impostor: &Impostor) -> anyhow::Result<Vec<Finding>> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(async {
        let client = Client::builder(TokioExecutor::new()).build(HttpConnector::new());
        let mut findings = Vec::new();
        for knock in knocks(url, impostor)? {
            let answered = answer(&client, url, &knock)
                .await
                .with_context(|| format!("{url} did not answer {}", knock.path))?;
            findings.push(judged(knock.id, knock.what, &answered, &[knock.expected]));
        }
        Ok(findings)
    })
}

fn knocks(url: &str, impostor: &Impostor) -> anyhow::Result<Vec<Knock>> {
    let (decision, assertion) = impostor.touched()?;
    let decision = json!({ "decision": decision, "assertion": assertion });
    let login = json!({ "nonce": "A".repeat(43), "assertion": assertion });
    let enrolment = serde_json::to_value(impostor.enrolment()?)?;
    let looks = |id, what, path| Knock {
        id,
        what,
        method: Method::GET,
        path,
        host: None,
        origin: None,
        credential: None,
        body: None,
        expected: "303",
    };
    let sends = |id, what, path, body, expected| Knock {
        method: Method::POST,
        origin: Some(url.to_owned()),
        body: Some(body),
        expected,
        ..looks(id, what, path)
    };
    let calls = |id, what, credential, expected| Knock {
        origin: None,
        credential,
        ..sends(id, what, "/mcp", listing(), expected)
    };
    Ok(vec![
        looks("web inbox", "reading the inbox without logging in", "/"),
        looks(
            "web members",
            "reading who is a member without logging in",
            "/members",
        ),
        looks("web news", "listening for news without logging in", "/events"),
        looks(
            "web link",
            "following an invented link without logging in",
            "/d/0",
        ),
        Knock {
            host: Some("evil.example"),
            expected: "421 other_host",
            ..looks(
                "web host",
                "asking under another host's name, as a page that rebinds its own does",
                "/",
            )
        },
        sends(
            "web login",
            "logging in with a passkey that nobody enrolled",
            "/login",
            login,
            "403 login_refused",
        ),
        sends(
            "web touch",
            "approving by a passkey that nobody enrolled",
            "/decisions",
            decision.clone(),
            "403 decision_unproved",
        ),
        sends(
            "web passkey",
            "enrolling a passkey without the member's signature",
            "/passkeys",
            enrolment,
            "403 decision_unproved",
        ),
        Knock {
            origin: Some(FOREIGN.to_owned()),
            ..sends(
                "web origin",
                "deciding from another site's page",
                "/decisions",
                decision,
                "403 foreign_origin",
            )
        },
        calls("mcp", "calling tools without a credential", None, "401"),
        calls(
            "mcp token",
            "calling tools with an invented credential",
            Some("Bearer not-a-token"),
            "401",
        ),
        Knock {
            origin: Some(FOREIGN.to_owned()),
            ..calls(
                "mcp origin",
                "calling tools from another site's page",
                None,
                "403 foreign_origin",
            )
        },
    ])
}

fn listing() -> Value {
    json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/list", "params": {} })
}

/// The status, and the code of what was refused where one is expected.
async fn answer(
    client: &Client<HttpConnector, Full<Bytes>>,
    url: &str,
    knock: &Knock,
) -> anyhow::Result<String> {
    let mut request = Request::builder()
        .method(&knock.method)
        .uri(format!("{url}{}", knock.path));
    if let Some(host) = knock.host {
        request = request.header(HOST, host);
    }
    if let Some(origin) = &knock.origin {
        request = request.header(ORIGIN, origin);
    }
    if let Some(credential) = knock.credential {
        request = request.header(AUTHORIZATION, credential);
    }
    let body = match &knock.body {
        Some(body) => {
            request = request.header(CONTENT_TYPE, "application/json");
            Full::from(body.to_string())
        }
        None => Full::default(),
    };
    let answered = client.request(request.body(body)?).await?;
    let status = answered.status().as_u16().to_string();
    if knock.expected == status {
        return Ok(status);
    }
    let body = Limited::new(answered.into_body(), MOST_BYTES).collect().await;
    let body = body.map_err(|error| anyhow::anyhow!(error))?.to_bytes();
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    Ok(match said["code"].as_str() {
        Some(code) => format!("{status} {code}"),
        None => status,
    })
}
