//! `auditotter-mcp` with a hub on another machine: it does what it does with its own, and the hub lives on there.

use identity::HumanVerb;
use serde_json::{Value, json};
use testkit::{Certificates, Elsewhere, Home, ListeningHub, StdioClient, home::Lending, program};
use vocabulary::WorkItemId;

use crate::{kinds, turned_away};

fn propose(client: &mut StdioClient) -> WorkItemId {
    let proposed = client.call("propose_work_item", json!({ "title": "Fix a typo in the docs" }));
    assert!(!proposed.is_error, "{}", proposed.text);
    proposed.structured["id"].as_str().unwrap().parse().unwrap()
}

fn begin_to_wait(client: &mut StdioClient, id: WorkItemId) -> u64 {
    let asked = client.send(
        "tools/call",
        json!({ "name": "await_decision", "arguments": { "id": id }, "_meta": { "progressToken": "waiting" } }),
    );
    client.notice("notifications/progress");
    asked
}

fn told(client: &mut StdioClient, asked: u64) -> Value {
    client.answer(asked).unwrap()["structuredContent"].clone()
}

/// From the first call to the decision, and to the end of the session.
fn works(home: &Home, elsewhere: &Elsewhere<'_>) {
    let mut client = elsewhere.claude_code();
    let id = propose(&mut client);
    let asked = begin_to_wait(&mut client, id);
    // Whoever waits keeps nobody waiting.
    let note = client.call("append_trace_note", json!({ "text": "meanwhile" }));
    assert!(!note.is_error, "{}", note.text);
    home.decide(id, HumanVerb::Approve, Some("go ahead"));
    assert_eq!(told(&mut client, asked)["state"], "approved");
    let resources = client.request("resources/list", json!({})).unwrap();
    assert_eq!(resources["resources"].as_array().unwrap().len(), 1);
    let refused = client.try_call("approve", json!({ "id": id })).unwrap_err();
    assert_eq!(refused.code, -32602);
    let (status, said) = client.end();
    assert!(status.success(), "{status}: {said}");
    let [trace] = home.traces().try_into().unwrap();
    let recorded = home.trace(trace);
    assert_eq!(
        (recorded[0].kind.as_str(), recorded.last().unwrap().kind.as_str()),
        ("session.opened", "session.closed")
    );
    let kinds = kinds(&recorded);
    for kind in ["note.appended", "tool.rejected"] {
        assert!(kinds.contains(&kind), "{kinds:?}");
    }
    assert!(turned_away(home).is_empty());
    assert!(
        !protocol::home::Home::from(elsewhere.folder().to_owned())
            .lock()
            .exists(),
        "no hub was started where the client is"
    );
}

#[test]
fn a_hub_elsewhere_is_worked_with_as_the_one_at_home() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    works(&home, &Elsewhere::of(&home, hub.url()));
    hub.end();
}

#[test]
fn a_hub_with_a_certificate_of_its_own_is_believed_where_that_is_said() {
    let home = Home::lent();
    let certificates = Certificates::make(&home, "own");
    let hub = ListeningHub::start_encrypted(&home, &certificates);
    assert!(hub.url().starts_with("https://localhost:"), "{}", hub.url());
    works(
        &home,
        &Elsewhere::of(&home, hub.url()).trusting(certificates.authority()),
    );
    hub.end();
}

#[test]
fn a_hub_that_nobody_vouches_for_is_told_nothing() {
    let home = Home::lent();
    let hub = ListeningHub::start_encrypted(&home, &Certificates::make(&home, "own"));
    let others = Certificates::make(&home, "others");
    for elsewhere in [
        Elsewhere::of(&home, hub.url()),
        Elsewhere::of(&home, hub.url()).trusting(others.authority()),
        Elsewhere::of(&home, &hub.url().replace("https:", "http:")),
    ] {
        let mut client = elsewhere.claude_code();
        let answer = client.call("append_trace_note", json!({ "text": "hello" }));
        assert!(answer.is_error, "{answer:?}");
        assert!(
            answer.text.contains("not recorded, nothing done"),
            "{}",
            answer.text
        );
    }
    hub.end();
    assert!(home.traces().is_empty());
}

#[test]
fn a_certificate_file_that_is_none_is_named() {
    let home = Home::lent();
    let hub = ListeningHub::start_encrypted(&home, &Certificates::make(&home, "own"));
    for (name, text) in [("missing.pem", None), ("empty.pem", Some("nothing\n"))] {
        let file = home.file(name);
        if let Some(text) = text {
            std::fs::write(&file, text).unwrap();
        }
        let mut client = Elsewhere::of(&home, hub.url()).trusting(&file).claude_code();
        let answer = client.call("append_trace_note", json!({ "text": "hello" }));
        assert!(answer.is_error, "{answer:?}");
        assert!(
            answer.text.contains(name) && answer.text.contains("AUDITOTTER_HUB_CA"),
            "{}",
            answer.text
        );
    }
    hub.end();
}

#[test]
fn nothing_is_sent_in_the_clear_to_another_machine() {
    let home = Home::lent();
    for hub in [
        "http://otter.example.com",
        "otter.example.com",
        "https://alice@localhost",
    ] {
        let mut command = Elsewhere::of(&home, hub).auditotter_mcp();
        command.stdin(std::process::Stdio::null());
        let ran = program::run(command);
        assert_ne!(ran.code, Some(0));
        assert!(ran.stderr.contains("AUDITOTTER_HUB"), "{}", ran.stderr);
    }
}

#[test]
fn a_hub_that_is_killed_and_comes_again_is_gone_on_with_in_the_same_trace() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let port = hub.port();
    let mut client = Elsewhere::of(&home, hub.url()).claude_code();
    let id = propose(&mut client);
    let asked = begin_to_wait(&mut client, id);
    hub.kill();
    // Asked while there is none, and answered by the next.
    let note = client.send(
        "tools/call",
        json!({ "name": "append_trace_note", "arguments": { "text": "after" } }),
    );
    let hub = ListeningHub::start_again(&home, port);
    assert_eq!(client.answer(note).unwrap()["isError"], false);
    home.decide(id, HumanVerb::Approve, None);
    assert_eq!(told(&mut client, asked)["state"], "approved");
    client.end();
    hub.end();
    let [trace] = home.traces().try_into().unwrap();
    let recorded = home.trace(trace);
    let count = |kind: &str| recorded.iter().filter(|recorded| recorded.kind == kind).count();
    assert_eq!((count("session.opened"), count("note.appended")), (1, 1));
    assert!(count("session.resumed") >= 1);
    let waited = recorded
        .iter()
        .filter(|recorded| recorded.body["tool"] == "await_decision")
        .count();
    assert_eq!(waited, 1, "recorded once, however often it was asked");
    assert!(turned_away(&home).is_empty(), "{:?}", turned_away(&home));
}

#[test]
fn a_hub_that_stays_away_is_named() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let url = hub.url().to_owned();
    let elsewhere = Elsewhere::of(&home, &url);
    hub.end();
    let mut client = elsewhere.claude_code();
    let answer = client.call("append_trace_note", json!({ "text": "hello" }));
    assert!(answer.is_error);
    assert!(
        answer.text.contains(&url) && answer.text.contains("nothing done"),
        "{}",
        answer.text
    );
}

#[test]
fn what_is_taken_back_counts_elsewhere_from_the_next_call_on() {
    let home = Home::founded();
    let lent = home.lend(&Lending::to("claude-code"));
    let hub = ListeningHub::start(&home);
    let mut client = Elsewhere::of(&home, hub.url()).claude_code();
    assert!(
        !client
            .call("append_trace_note", json!({ "text": "one" }))
            .is_error
    );
    assert_eq!(home.run(&["revoke", &lent.to_string()]).code, Some(0));
    let answer = client.call("append_trace_note", json!({ "text": "two" }));
    assert!(
        answer.is_error && answer.text.contains("delegation_revoked"),
        "{}",
        answer.text
    );
    hub.end();
    let [trace] = home.traces().try_into().unwrap();
    assert!(kinds(&home.trace(trace)).contains(&"tool.denied"));
}
