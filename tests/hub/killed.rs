//! The hub dies at the worst moment, and nobody notices.

use hub::clock;
use serde_json::json;
use testkit::{Home, home::Lending};

use crate::{
    count,
    wire::{Agent, call, returned},
};

#[test]
fn a_client_whose_hub_is_killed_goes_on_in_the_same_trace() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let before = client
        .call("append_trace_note", json!({ "text": "before" }))
        .structured;
    let killed = home.hub();
    assert!(home.kill_hub());
    let after = client.call("append_trace_note", json!({ "text": "after" }));
    assert!(!after.is_error, "{}", after.text);
    assert_eq!(after.structured["trace"], before["trace"]);
    assert_ne!(home.hub(), killed);
    let verified = client.call("verify_trace", json!({})).structured;
    assert_eq!(verified["holds"], true, "{verified}");
    client.end();
    let trace = home.trace(home.traces()[0]);
    assert_eq!(count(&trace, "session.opened"), 1);
    let resumed = trace
        .iter()
        .find(|recorded| recorded.kind == "session.resumed")
        .expect("that it was interrupted is on record");
    assert_eq!(resumed.body["reason"], "reconnected");
    assert_eq!(count(&trace, "note.appended"), 2);
}

#[test]
fn work_that_was_proposed_before_a_kill_is_there_after_it() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let proposed = client
        .call("propose_work_item", json!({ "title": "Fix the crash" }))
        .structured;
    assert!(home.kill_hub());
    let seen = client.call("get_work_item", json!({ "id": proposed["id"] }));
    assert!(!seen.is_error, "{}", seen.text);
    for field in ["title", "state", "type", "risk", "risk_reasons"] {
        assert!(!seen.structured[field].is_null(), "{field}");
    }
    assert_eq!(seen.structured["type_reasons"], proposed["type_reasons"]);
}

#[test]
fn a_retry_whose_answer_was_lost_is_answered_and_not_applied_again() {
    let home = Home::founded();
    let delegation = home.mint(&home.grant(&Lending::to("claude-code")));
    home.register(&delegation);
    let agent = Agent::under(&delegation);
    let id = clock::new_id().unwrap();
    let asked = || call("propose_work_item", json!({ "title": "Once" }));

    let mut wire = agent.open(&home).unwrap();
    let first = returned(wire.ask(id, asked()));
    // Durable and answered; that the answer never arrived is for us to say.
    drop(wire);
    assert!(home.kill_hub());
    let mut wire = agent.open(&home).unwrap();
    let again = returned(wire.ask(id, asked()));
    assert_eq!(again, first);
    let other = returned(wire.ask(clock::new_id().unwrap(), asked()));
    assert_ne!(other["id"], first["id"], "another request is another proposal");
    let trace = home.trace(wire.opened.trace);
    assert_eq!(count(&trace, "tool.called"), 2);
    let proposed = home
        .workspace_chain()
        .iter()
        .filter(|recorded| recorded.kind == "work_item.proposed")
        .count();
    assert_eq!(proposed, 2);
}

#[test]
fn a_retry_after_a_kill_in_the_middle_is_applied_exactly_once() {
    let home = Home::founded();
    let delegation = home.mint(&home.grant(&Lending::to("claude-code")));
    home.register(&delegation);
    let agent = Agent::under(&delegation);
    let mut trace = None;
    const ROUNDS: usize = 20;
    for round in 0..ROUNDS {
        let id = clock::new_id().unwrap();
        let text = format!("round {round}");
        let mut wire = agent.open(&home).unwrap();
        wire.send(id, call("append_trace_note", json!({ "text": text })));
        assert!(home.kill_hub());
        let mut wire = agent.open(&home).unwrap();
        returned(wire.ask(id, call("append_trace_note", json!({ "text": text }))));
        trace = Some(wire.opened.trace);
    }
    let trace = home.trace(trace.unwrap());
    let mut notes: Vec<&str> = trace
        .iter()
        .filter(|recorded| recorded.kind == "note.appended")
        .map(|recorded| recorded.body["text"].as_str().unwrap())
        .collect();
    let written = notes.len();
    notes.dedup();
    assert_eq!((written, notes.len()), (ROUNDS, ROUNDS));
    assert_eq!(count(&trace, "tool.called"), ROUNDS);
    assert_eq!(count(&trace, "tool.returned"), ROUNDS);
}
