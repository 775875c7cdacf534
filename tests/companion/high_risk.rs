//! High risk, the whole way: evidence from an agent, an approval by somebody else, and what an auditor finds of it.

use identity::HumanVerb;
use serde_json::{Value, json};
use testkit::{Home, StdioClient, Terminal, export::Export, home::Lending};
use vocabulary::WorkItemId;

use crate::json_of;

const WHY: &str = "Read it twice; the lock is held throughout.";

fn propose(client: &mut StdioClient) -> (WorkItemId, Value) {
    let proposed = client.call(
        "propose_work_item",
        json!({ "title": "Change how sessions are signed", "paths": ["src/auth/token.rs"], "repository": "acme/shop" }),
    );
    assert!(!proposed.is_error, "{}", proposed.text);
    assert_eq!(proposed.structured["risk"], "high");
    let id = proposed.structured["id"].as_str().unwrap().parse().unwrap();
    (id, proposed.structured)
}

fn evidence(id: WorkItemId, kind: &str, lines: u32) -> Value {
    json!({ "id": id, "kind": kind, "outcome": "passed", "tool": format!("careful-{kind}"), "changed_lines": lines,
            "summary": "Read all of it.\nFound nothing.", "commit": "c0".repeat(20), "digest": "07".repeat(32) })
}

#[test]
fn whoever_is_alone_and_proposes_high_risk_is_told_to_invite_a_second() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let (id, proposed) = propose(&mut client);
    let next = proposed["next"].as_str().unwrap();
    for told in [
        "record_evidence",
        "another member than Alice",
        "auditotter grant-access",
    ] {
        assert!(next.contains(told), "{told}: {next}");
    }
    client.end();
    let mut terminal = Terminal::start(home.auditotter(&["approve", &id.to_string(), "--why", WHY]));
    terminal.expect_secret("Passphrase of Alice, to ");
    terminal.enter(Home::PASSPHRASE);
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(1), "{shown}");
    assert!(
        shown.contains("invite a second with: auditotter grant-access"),
        "{shown}"
    );
    let _bob = home.bob();
    let mut client = home.claude_code();
    let (_, proposed) = propose(&mut client);
    let next = proposed["next"].as_str().unwrap();
    assert!(
        next.contains("another member than Alice approves, by touch") && !next.contains("invite"),
        "{next}"
    );
    let low = client.call("propose_work_item", json!({ "title": "Fix a typo in the docs" }));
    assert!(low.structured.get("next").is_none(), "{}", low.structured);
    client.end();
}

#[test]
fn high_risk_is_approved_by_another_human_after_a_machine_and_verifies_offline() {
    let home = Home::lent();
    let bob = home.bob();
    let mut client = home.claude_code();
    let (id, _) = propose(&mut client);
    for (kind, lines) in [("test", 40), ("review", 42)] {
        let recorded = client.call("record_evidence", evidence(id, kind, lines));
        assert!(!recorded.is_error, "{}", recorded.text);
    }
    // Before anybody decides, the terminal shows what a machine found, and that it is somebody's word.
    let mut terminal = Terminal::start(home.auditotter(&["approve", &id.to_string(), "--why", WHY]));
    terminal.expect_secret("Passphrase of Alice, to ");
    terminal.enter(Home::PASSPHRASE);
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(1), "{shown}");
    for told in [
        "review passed by careful-review, says Alice (via claude-code)",
        "2 passed, 0 failed, as whoever recorded it says",
        "changed lines 42",
        "another human than the one for whom it was proposed",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let row = bob.decide(&home, id, HumanVerb::Approve, Some(WHY)).unwrap();
    assert_eq!(row.state, "approved");
    let decision = &row.decisions[0];
    assert_eq!(
        (
            decision.by.as_str(),
            decision.tier.as_str(),
            decision.changed_lines
        ),
        ("Bob", "T1", Some(42))
    );
    // What runs later is kept beside it, and changes nothing of what was approved.
    assert!(!client.call("record_evidence", evidence(id, "scan", 50)).is_error);
    let seen = client.call("get_work_item", json!({ "id": id })).structured;
    let lines: Vec<&str> = seen["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| line.as_str().unwrap())
        .collect();
    assert_eq!(lines.len(), 3);
    assert!(
        lines[1].starts_with("review passed by careful-review, says Alice (via claude-code): Read all"),
        "{lines:?}"
    );
    client.end();
    home.stop_hub();
    let shown = home.run(&["show", &id.to_string()]).expect_success();
    for told in [
        "approved",
        "evidence     scan passed",
        "after it was shown with 42 changed lines",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let export = Export::of_the_only_trace(&home);
    let file = export.path.to_str().unwrap();
    let verified = json_of(&Home::empty(), &["verify", file, "--json"]);
    assert_eq!(verified["decisions"][0]["name"], "Bob");
    let kinds: Vec<&Value> = verified["evidence"]
        .as_array()
        .unwrap()
        .iter()
        .map(|evidence| &evidence["kind"])
        .collect();
    assert_eq!(kinds, ["test", "review", "scan"]);
    if let Some(ran) = export.verified_by_python() {
        let told = ran.expect_success();
        assert!(told.contains("decisions  1, each signed"), "{told}");
    }
}

#[test]
fn evidence_of_somebody_elses_agent_is_exported_with_what_they_lent() {
    let home = Home::lent();
    let bob = home.bob();
    let mut client = home.claude_code();
    let (id, proposed) = propose(&mut client);
    client.end();
    bob.lends(&home, &Lending::to("claude-code").within("acme/shop", "src/**"));
    let mut client = home.claude_code();
    let recorded = client.call("record_evidence", evidence(id, "review", 42));
    assert!(!recorded.is_error, "{}", recorded.text);
    client.end();
    let row = bob.decide(&home, id, HumanVerb::Approve, Some(WHY)).unwrap();
    assert_eq!(
        (row.state.as_str(), row.evidence[0].by.as_str()),
        ("approved", "Bob (via claude-code)")
    );
    let path = home.file("trace.jsonl");
    let trace = proposed["trace"].as_str().unwrap();
    let file = path.to_str().unwrap().to_owned();
    let _ = home
        .run(&["trace", "export", trace, "-o", &file])
        .expect_success();
    let verified = json_of(&Home::empty(), &["verify", &file, "--json"]);
    assert_eq!(verified["evidence"][0]["by"], "Bob (via claude-code)");
    assert_eq!(verified["delegations"].as_array().unwrap().len(), 2);
    if let Some(ran) = Export::read(path).verified_by_python() {
        assert!(ran.expect_success().contains("decisions  1, each signed"));
    }
}
