//! What those meet who may not come in: each attempt is refused, and leaves an entry that says what was tried.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
};

use serde_json::json;
use testkit::{Home, ListeningHub, WebClient, home::Lending};

use crate::turned_away;

fn tries(client: &mut WebClient) -> (u16, String) {
    let answer = client.send("tools/list", json!({}));
    (answer.status, answer.code())
}

#[test]
fn who_shows_nothing_is_told_what_to_show_and_where_that_is_said() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let mut nobody = WebClient::new(&hub, None);
    let answer = nobody.send("tools/list", json!({}));
    assert_eq!(answer.status, 401);
    let older = nobody.get("/sse");
    assert_eq!(older.status, 401);
    for (answer, path) in [(answer, "/mcp"), (older, "/sse")] {
        let metadata = format!("{}/.well-known/oauth-protected-resource{path}", hub.url());
        assert_eq!(
            answer.header("www-authenticate"),
            format!("Bearer realm=\"auditotter\", resource_metadata=\"{metadata}\"")
        );
    }
    for path in ["", "/mcp", "/sse"] {
        let said = nobody
            .get(&format!("/.well-known/oauth-protected-resource{path}"))
            .json();
        assert_eq!(said["resource"], format!("{}{path}", hub.url()));
        assert_eq!(said["bearer_methods_supported"], json!(["header"]));
        assert_eq!(said["authorization_servers"], json!([hub.url()]));
        assert!(
            said["scopes_supported"]
                .as_array()
                .unwrap()
                .contains(&json!("propose_work_item"))
        );
    }
    let server = nobody.get("/.well-known/oauth-authorization-server").json();
    assert_eq!(server["issuer"], hub.url());
    let empty = |value: &&serde_json::Value| **value == json!([]);
    let said = server.as_object().unwrap();
    assert!(said.values().find(empty).is_none(), "{server}");
    hub.end();
    assert!(
        turned_away(&home).is_empty(),
        "whoever shows nothing tried nothing"
    );
}

#[test]
fn a_stolen_token_without_its_key_opens_nothing() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let (stolen, own) = (home.bearer("claude-code"), home.bearer("claude-code"));
    let (token, _) = stolen.split_once('.').unwrap();
    let (_, other_key) = own.split_once('.').unwrap();
    for shown in [token.to_owned(), format!("{token}.{other_key}")] {
        let answer = WebClient::new(&hub, Some(shown)).send("tools/list", json!({}));
        assert_eq!((answer.status, answer.code().as_str()), (401, "bad_proof"));
        assert!(
            answer
                .header("www-authenticate")
                .ends_with("error=\"invalid_token\"")
        );
    }
    for (shown, code) in [
        (format!("{token}.AAAA"), "token_malformed"),
        (format!("{token}."), "token_malformed"),
        ("x.y".to_owned(), "token_malformed"),
        ("A".repeat(6_000), "token_too_large"),
    ] {
        let refused = tries(&mut WebClient::new(&hub, Some(shown)));
        assert_eq!(refused, (401, code.to_owned()));
    }
    assert_eq!(tries(&mut WebClient::new(&hub, Some(stolen))).0, 200);
    hub.end();
    let recorded = turned_away(&home);
    let codes: Vec<&str> = recorded.iter().map(|(code, _)| code.as_str()).collect();
    assert_eq!(
        codes,
        [
            "bad_proof",
            "bad_proof",
            "token_malformed",
            "token_malformed",
            "token_malformed",
            "token_too_large"
        ]
    );
    assert!(
        recorded
            .iter()
            .all(|(_, message)| message.ends_with("shown over HTTP from 127.0.0.1")),
        "{recorded:#?}"
    );
}

#[test]
fn who_shows_it_wrongly_is_told_so_and_who_shows_something_else_only_how_to_ask() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let nobody = WebClient::new(&hub, None);
    for scheme in ["Basic YWxpY2U6eA==", "Bearer-ish x", "DPoP"] {
        let answer = nobody
            .clone()
            .saying("authorization", scheme)
            .send("ping", json!({}));
        assert_eq!(answer.status, 401, "{scheme}");
        assert!(!answer.header("www-authenticate").contains("error"), "{answer:?}");
    }
    let twice = nobody
        .clone()
        .saying("authorization", "Bearer x")
        .saying("authorization", "Bearer x");
    for mut client in [nobody.saying("authorization", "Bearer"), twice] {
        let answer = client.send("ping", json!({}));
        assert_eq!(answer.status, 400, "{answer:?}");
        assert!(
            answer
                .header("www-authenticate")
                .ends_with("error=\"invalid_request\""),
            "{answer:?}"
        );
    }
    hub.end();
}

#[test]
fn the_delegation_itself_is_no_credential() {
    let home = Home::founded();
    let token = home.mint(&home.grant(&Lending::to("claude-code")));
    home.register(&token);
    home.stop_hub();
    let hub = ListeningHub::start(&home);
    let refused = tries(&mut WebClient::new(
        &hub,
        Some(token.expose().trim_end_matches('=').to_owned()),
    ));
    assert_eq!(refused, (401, "not_a_session_token".to_owned()));
    hub.end();
}

#[test]
fn a_page_of_another_origin_gets_nowhere_even_with_a_credential() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let client = WebClient::lent(&home, &hub);
    for origin in [
        "https://evil.example".to_owned(),
        "null".to_owned(),
        "http://localhost".to_owned(),
        format!("https://{}", hub.host()),
        format!("http://{}.evil.example", hub.host()),
    ] {
        let refused = tries(&mut client.clone().saying("origin", &origin));
        assert_eq!(refused, (403, "foreign_origin".to_owned()), "{origin}");
    }
    let mut raw = TcpStream::connect(("127.0.0.1", hub.port())).unwrap();
    let misleading = format!(
        "GET /sse HTTP/1.1\r\nhost: {}\r\norigin: https://\u{202e}elpmaxe\r\nconnection: close\r\n\r\n",
        hub.host()
    );
    raw.write_all(misleading.as_bytes()).unwrap();
    let mut answer = String::new();
    raw.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 403 "), "{answer}");
    let own = tries(&mut client.saying("origin", hub.url()));
    assert_eq!(own.0, 200);
    hub.end();
    let recorded = turned_away(&home);
    assert_eq!(recorded.len(), 6);
    assert!(recorded[5].1.contains("https:// elpmaxe"), "{recorded:#?}");
    assert!(recorded[0].1.contains("https://evil.example"), "{recorded:#?}");
}

#[test]
fn a_rebound_name_gets_nowhere_even_with_a_credential() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let client = WebClient::lent(&home, &hub);
    let rebound = format!("evil.example:{}", hub.port());
    let refused = tries(&mut client.saying("host", &rebound));
    assert_eq!(refused, (421, "other_host".to_owned()));
    hub.end();
    let recorded = turned_away(&home);
    assert_eq!(recorded.len(), 1, "{recorded:#?}");
    assert_eq!(recorded[0].0, "other_host");
    assert!(recorded[0].1.contains(&rebound), "{recorded:#?}");
}

#[test]
fn a_protocol_session_is_of_no_use_to_another_credential() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let client = WebClient::lent(&home, &hub).with_initialize(&json!({}));
    let mut thief = WebClient::lent(&home, &hub);
    thief.session.clone_from(&client.session);
    let refused = thief.post_bytes(
        br#"{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{}}"#,
        &[("mcp-protocol-version".to_owned(), "2025-11-25".to_owned())],
    );
    assert_eq!(refused.status, 404);
    assert_eq!(thief.delete().status, 404);
    let mut client = client;
    assert!(client.request("tools/list", json!({})).is_ok());
    hub.end();
    let recorded = turned_away(&home);
    assert_eq!(recorded.len(), 2, "{recorded:#?}");
    assert!(recorded.iter().all(|(code, _)| code == "session_taken"));
}

#[test]
fn a_body_that_is_too_long_is_refused_and_recorded() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let shown = home.bearer("claude-code");
    let mut raw = TcpStream::connect(("127.0.0.1", hub.port())).unwrap();
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {shown}\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\nconnection: close\r\ncontent-length: {}\r\n\r\n",
        hub.host(),
        4 * 1024 * 1024 + 1
    );
    raw.write_all(head.as_bytes()).unwrap();
    let mut answer = String::new();
    raw.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 413 "), "{answer}");
    assert!(answer.contains("\"code\":-32600"), "{answer}");
    hub.end();
    let [trace] = home.traces().try_into().unwrap();
    assert_eq!(home.trace(trace).last().unwrap().kind, "protocol.error");
}
