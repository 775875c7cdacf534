//! `/sse`, for clients of MCP 2024-11-05: the same calls, recorded alike, behind the same entrance.

use serde_json::json;
use testkit::{Home, ListeningHub, WebClient, web::EventClient};

use crate::{kinds, turned_away};

#[test]
fn an_older_client_is_served_and_recorded_as_over_stdio() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let mut client = EventClient::open(&hub, home.bearer("claude-code")).initialized();
    let note = client.call("append_trace_note", &json!({ "text": "by an older client" }));
    assert!(!note.is_error, "{note:?}");
    let unknown = client.request("tools/forget", &json!({}));
    assert_eq!(unknown["error"]["code"], -32601);
    let answer = client.post(&json!([]));
    assert_eq!(
        (answer.status, &answer.json()["error"]["code"]),
        (400, &json!(-32600))
    );
    drop(client);
    hub.end();
    let [trace] = home.traces().try_into().unwrap();
    assert_eq!(
        kinds(&home.trace(trace)),
        [
            "session.opened",
            "tool.called",
            "note.appended",
            "tool.returned",
            "protocol.error",
            "protocol.error"
        ]
    );
}

#[test]
fn a_stream_takes_messages_of_its_own_credential_only() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let nobody = WebClient::new(&hub, None);
    assert_eq!(nobody.get("/sse").status, 401);
    let mut client = EventClient::open(&hub, home.bearer("claude-code")).initialized();
    let own = client.poster.credential.take();
    let ping = json!({ "jsonrpc": "2.0", "id": 9, "method": "ping" });
    assert_eq!(client.post(&ping).status, 401);
    client.poster.credential = Some(home.bearer("claude-code"));
    assert_eq!(client.post(&ping).status, 404);
    let elsewhere = client
        .poster
        .post_to("/sse/messages?session=00", ping.to_string().as_bytes());
    assert_eq!(elsewhere.status, 404);
    client.poster.credential = own;
    assert!(client.request("ping", &json!({}))["result"].is_object());
    let origin = client.poster.clone().saying("origin", "https://evil.example");
    assert_eq!(origin.get("/sse").status, 403);
    hub.end();
    let codes: Vec<String> = turned_away(&home).into_iter().map(|(code, _)| code).collect();
    assert_eq!(codes, ["session_taken", "foreign_origin"]);
}

#[test]
fn a_stream_ends_with_the_hub_and_what_was_asked_is_answered_before() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let mut client = EventClient::open(&hub, home.bearer("claude-code")).initialized();
    let proposed = client.call("propose_work_item", &json!({ "title": "Fix the reset" }));
    let waiting = client.ask(
        "tools/call",
        &json!({ "name": "await_decision", "arguments": { "id": proposed.structured["id"] } }),
    );
    // What is asked after it on the same stream is answered: so the hub has it by now.
    assert!(client.request("ping", &json!({}))["result"].is_object());
    hub.end();
    let answer = client.answer_to(waiting);
    assert_eq!(answer["result"]["isError"], true, "{answer}");
    assert_eq!(client.message(), None);
}
