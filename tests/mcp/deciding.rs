//! Waiting for a human: told at once, told again later, and never decided by the one who waits.

use identity::HumanVerb;
use serde_json::json;
use testkit::{Home, StdioClient};
use vocabulary::WorkItemId;

fn propose(client: &mut StdioClient, title: &str) -> WorkItemId {
    let proposed = client.call("propose_work_item", json!({ "title": title }));
    assert!(!proposed.is_error, "{}", proposed.text);
    proposed.structured["id"].as_str().unwrap().parse().unwrap()
}

fn awaiting(id: WorkItemId) -> serde_json::Value {
    json!({ "name": "await_decision", "arguments": { "id": id }, "_meta": { "progressToken": "waiting" } })
}

#[test]
fn whoever_waits_is_told_of_progress_and_then_of_the_decision() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let id = propose(&mut client, "Fix a typo in the docs");
    let asked = client.send("tools/call", awaiting(id));
    let progress = client.notice("notifications/progress");
    assert_eq!(progress["progressToken"], "waiting");
    assert_eq!(progress["message"], "waiting for a human to decide");
    home.decide(id, HumanVerb::Approve, Some("go ahead"));
    let answer = client.answer(asked).unwrap();
    let told = &answer["structuredContent"];
    assert_eq!(told["state"], "approved");
    assert_eq!(told["decision"]["by"], "Alice");
    assert_eq!(told["decision"]["rationale"], "go ahead");
    assert_eq!(told["decision"]["tier"], "T0");
    // What is decided is told at once.
    let again = client.call("await_decision", json!({ "id": id }));
    assert_eq!(again.structured, *told);
    let item = client.call("get_work_item", json!({ "id": id }));
    assert_eq!(item.structured["decisions"][0], told["decision"]);
}

#[test]
fn whoever_is_told_no_is_told_why() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let id = propose(&mut client, "Rewrite everything");
    let asked = client.send("tools/call", awaiting(id));
    home.decide(id, HumanVerb::Reject, Some("not this year"));
    let told = client.answer(asked).unwrap()["structuredContent"].clone();
    assert_eq!(
        (&told["state"], &told["decision"]["rationale"]),
        (&json!("rejected"), &json!("not this year"))
    );
}

#[test]
fn waiting_survives_a_hub_that_is_killed() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let id = propose(&mut client, "Fix a typo in the docs");
    let asked = client.send("tools/call", awaiting(id));
    client.notice("notifications/progress");
    home.kill_hub();
    home.decide(id, HumanVerb::Approve, None);
    let told = client.answer(asked).unwrap()["structuredContent"].clone();
    assert_eq!(told["state"], "approved");
    client.end();
    let trace = home.trace(home.traces()[0]);
    let waited = trace
        .iter()
        .filter(|recorded| recorded.body["tool"] == "await_decision")
        .count();
    assert_eq!(waited, 1, "recorded once, however often it was asked");
}

#[test]
fn a_client_that_waits_no_longer_keeps_nobody_waiting() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let id = propose(&mut client, "Fix a typo in the docs");
    let asked = client.send("tools/call", awaiting(id));
    client.notice("notifications/progress");
    client.cancel(asked, "the user pressed escape");
    let note = client.call("append_trace_note", json!({ "text": "gave up waiting" }));
    assert!(!note.is_error, "{}", note.text);
    client.forget(asked);
    client.end();
    // The hub does not wait on for somebody who left, neither to end nor to start anew.
    home.stop_hub();
    let trace = home.trace(home.traces()[0]);
    assert!(
        trace
            .iter()
            .any(|recorded| recorded.body["observation"]["cancelled"]["reason"] == "the user pressed escape"),
        "{trace:?}"
    );
}

#[test]
fn what_one_may_not_see_is_not_waited_for() {
    let home = Home::founded();
    home.lend(&testkit::home::Lending::to("claude-code").within("acme/shop", "docs/**"));
    let mut client = home.claude_code();
    let unknown = WorkItemId::new(1, [1; 10]);
    let answer = client.call("await_decision", json!({ "id": unknown }));
    assert!(
        answer.is_error && answer.text.contains("not_found"),
        "{}",
        answer.text
    );
}
