//! What a client of `/mcp` may: the same as on stdio, and the same is recorded.

use serde_json::json;
use testkit::{Home, ListeningHub, WebClient, stdio::STATELESS, web::EventClient};

use crate::{kinds, turned_away};

const NOTE: [&str; 3] = ["tool.called", "note.appended", "tool.returned"];

#[test]
fn the_stateless_era_is_served_and_recorded_as_over_stdio() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let mut client = WebClient::lent(&home, &hub);
    let discovered = client.request("server/discover", json!({})).unwrap();
    assert!(
        discovered["supportedVersions"]
            .as_array()
            .unwrap()
            .contains(&json!(STATELESS)),
        "{discovered}"
    );
    let listed = client.request("tools/list", json!({})).unwrap();
    let tools = listed["tools"].as_array().unwrap();
    assert!(
        tools.iter().any(|tool| tool["name"] == "propose_work_item"),
        "{listed}"
    );
    let first = client.call("append_trace_note", json!({ "text": "one" }));
    let second = client.call("append_trace_note", json!({ "text": "two" }));
    assert!(!first.is_error && !second.is_error, "{first:?} {second:?}");
    hub.end();
    let [trace] = home.traces().try_into().unwrap();
    let recorded = home.trace(trace);
    let expected: Vec<&str> = ["session.opened"].into_iter().chain(NOTE).chain(NOTE).collect();
    assert_eq!(kinds(&recorded), expected);
    for entry in &recorded {
        let via = entry.stored.entry.via.as_ref().unwrap();
        assert_eq!(
            (via.agent(), via.version(), via.instance()),
            ("claude-code", Some("2.1.0"), Some("http 127.0.0.1")),
            "{}",
            entry.kind
        );
        assert_eq!(entry.stored.entry.on_behalf_of, Some(home.alice()));
    }
}

#[test]
fn a_client_may_begin_with_initialize_and_each_credential_is_a_session() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let mut client = WebClient::lent(&home, &hub).with_initialize(&json!({}));
    assert!(client.session.as_ref().is_some_and(|session| !session.is_empty()));
    let proposed = client.call("propose_work_item", json!({ "title": "Fix the reset" }));
    assert_eq!(proposed.structured["state"], "proposed", "{proposed:?}");
    let url = proposed.structured["approval_url"].as_str().unwrap();
    assert!(url.starts_with(&format!("{}/d/", hub.url())), "{url}");
    let listed = client.request("resources/list", json!({})).unwrap();
    assert_eq!(listed["resources"].as_array().unwrap().len(), 1);
    let mut other = WebClient::lent(&home, &hub).with_initialize(&json!({}));
    let note = other.call("append_trace_note", json!({ "text": "elsewhere" }));
    assert_ne!(note.structured["trace"], proposed.structured["trace"]);
    assert_eq!(client.delete().status, 202);
    assert_eq!(client.send("tools/list", json!({})).status, 404);
    hub.end();
    assert_eq!(home.traces().len(), 2);
}

#[test]
fn who_only_looks_leaves_no_session() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let mut client = WebClient::lent(&home, &hub).with_initialize(&json!({}));
    assert!(client.request("tools/list", json!({})).is_ok());
    hub.end();
    assert!(home.traces().is_empty());
    assert!(turned_away(&home).is_empty());
}

#[test]
fn what_is_no_mcp_is_answered_in_json_rpc_and_recorded() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let mut client = WebClient::lent(&home, &hub);
    for (bytes, code) in [
        (&b"not json"[..], -32700),
        (b"[]", -32600),
        (
            br#"{"jsonrpc":"2.0","id":7,"method":"tools/call","params":5}"#,
            -32602,
        ),
    ] {
        let answer = client.post_bytes(
            bytes,
            &[("mcp-protocol-version".to_owned(), "2025-11-25".to_owned())],
        );
        assert_eq!(answer.json()["error"]["code"], code, "{answer:?}");
    }
    let unknown = client.request("tools/forget", json!({})).unwrap_err();
    assert_eq!(unknown.code, -32601);
    let tool = client.request("tools/call", json!({ "name": "approve", "arguments": {} }));
    assert_eq!(tool.unwrap_err().code, -32602);
    hub.end();
    let [trace] = home.traces().try_into().unwrap();
    let recorded = home.trace(trace);
    let errors = recorded.iter().filter(|entry| entry.kind == "protocol.error");
    let codes: Vec<i64> = errors
        .map(|entry| {
            entry.body["observation"]["protocol_error"]["code"]
                .as_i64()
                .unwrap()
        })
        .collect();
    assert_eq!(codes, [-32700, -32600, -32602, -32601]);
    assert_eq!(recorded.last().unwrap().kind, "tool.rejected");
}

#[test]
fn a_stream_that_broke_is_taken_up_where_it_was() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let mut client = WebClient::lent(&home, &hub).with_initialize(&json!({}));
    let answer = client.send(
        "tools/call",
        json!({ "name": "describe_delegation", "arguments": {} }),
    );
    let last = answer.json();
    let first = answer
        .text
        .lines()
        .find_map(|line| line.strip_prefix("id:"))
        .map(str::trim)
        .unwrap_or_else(|| panic!("no event has an id: {}", answer.text))
        .to_owned();
    let again = client.clone().saying("last-event-id", &first).get("/mcp");
    assert_eq!(again.status, 200, "{again:?}");
    assert!(again.messages().contains(&last), "{again:?}");
    // Somebody else's events are nobody's business, in whichever session they are asked for.
    let other = WebClient::lent(&home, &hub).with_initialize(&json!({}));
    let mut thief = other.clone();
    thief.session.clone_from(&client.session);
    for client in [other, thief] {
        let refused = client.saying("last-event-id", &first).get("/mcp");
        assert_eq!(refused.status, 404, "{refused:?}");
    }
    hub.end();
    assert_eq!(turned_away(&home).len(), 2);
}

#[test]
fn with_its_delegation_a_session_ends_whatever_it_asks() {
    let home = Home::founded();
    let delegation = home.lend(&testkit::home::Lending::to("claude-code"));
    let hub = ListeningHub::start(&home);
    let mut client = WebClient::lent(&home, &hub);
    let mut idle = WebClient::lent(&home, &hub);
    assert!(
        !client
            .call("append_trace_note", json!({ "text": "before" }))
            .is_error
    );
    assert!(idle.request("tools/list", json!({})).is_ok());
    let later = home.bearer("claude-code");
    let listening = EventClient::open(&hub, later.clone());
    let _ = home.run(&["revoke", &delegation.to_string()]).expect_success();
    let later = WebClient::new(&hub, Some(later));
    for mut refused in [client, idle, later] {
        for (method, params) in [
            (
                "tools/call",
                json!({ "name": "append_trace_note", "arguments": { "text": "after" } }),
            ),
            ("tools/list", json!({})),
            ("ping", json!({})),
        ] {
            let answer = refused.send(method, params);
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (401, "delegation_revoked"),
                "{method}: {answer:?}"
            );
            assert!(
                answer
                    .header("www-authenticate")
                    .ends_with("error=\"invalid_token\"")
            );
        }
        let nonsense = refused.post_bytes(br#"{"nonsense":1}"#, &[]);
        assert_eq!(nonsense.status, 401, "{nonsense:?}");
    }
    assert_eq!(listening.message(), None, "the stream ends with what was lent");
    hub.end();
    let [trace] = home.traces().try_into().unwrap();
    assert_eq!(
        kinds(&home.trace(trace)),
        [&["session.opened"], &NOTE[..]].concat()
    );
    let codes: Vec<String> = turned_away(&home).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["delegation_revoked"; 12]);
}

#[test]
fn a_session_goes_on_after_the_hub_was_killed() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let mut client = WebClient::lent(&home, &hub);
    let before = client.call("append_trace_note", json!({ "text": "before" }));
    let credential = client.credential.clone();
    hub.kill();
    let hub = ListeningHub::start(&home);
    let mut client = WebClient::new(&hub, credential);
    let after = client.call("append_trace_note", json!({ "text": "after" }));
    assert_eq!(before.structured["trace"], after.structured["trace"], "{after:?}");
    hub.end();
    let [trace] = home.traces().try_into().unwrap();
    let recorded = home.trace(trace);
    let resumed = recorded.iter().filter(|entry| entry.kind == "session.resumed");
    assert_eq!(resumed.count(), 1);
}
