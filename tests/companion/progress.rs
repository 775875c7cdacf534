//! What becomes of work after it was approved, or when nobody decides.

use hub::{
    companion::{CompanionRequest, InboxRow, WorkItemRow},
    kind::EntryKind,
};
use identity::HumanVerb;
use serde_json::{Value, json};
use testkit::{Home, StdioClient, export::Export, home::Lending};
use trace_store::{ChainId, NewEntry, Refs};
use vocabulary::WorkItemId;

use crate::json_of;

const PULL: &str = "https://github.com/acme/shop/pull/7";

fn propose(client: &mut StdioClient) -> WorkItemId {
    let proposed = client.call("propose_work_item", json!({ "title": "Fix a typo in the docs" }));
    assert!(!proposed.is_error, "{}", proposed.text);
    proposed.structured["id"].as_str().unwrap().parse().unwrap()
}

fn row(home: &Home, id: WorkItemId) -> WorkItemRow {
    home.ask(&CompanionRequest::WorkItem { id })
}

fn checked_by_both(export: &Export) -> Value {
    if let Some(ran) = export.verified_by_python() {
        let _ = ran.expect_success();
    }
    json_of(
        &Home::empty(),
        &["verify", export.path.to_str().unwrap(), "--json"],
    )
}

#[test]
fn approved_work_goes_on_as_the_agent_says_and_every_verifier_follows() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let id = propose(&mut client);
    let too_early = client.call("report_progress", json!({ "id": id, "state": "in_progress" }));
    assert!(
        too_early.is_error
            && too_early.text.contains("transition_not_allowed")
            && too_early
                .text
                .contains("from there it can become approved, rejected, withdrawn, expired"),
        "{}",
        too_early.text
    );
    home.decide(id, HumanVerb::Approve, None);
    let begun = client.call("report_progress", json!({ "id": id, "state": "in_progress" }));
    assert_eq!(begun.structured["state"], "in_progress", "{}", begun.text);
    assert_eq!(begun.structured["next"], json!(["withdrawn", "in_review"]));
    let submitted = client.call(
        "report_progress",
        json!({ "id": id, "state": "in_review", "pull_request": PULL, "why": "Tests pass." }),
    );
    assert_eq!(submitted.structured["state"], "in_review", "{}", submitted.text);
    let seen = client.call("get_work_item", json!({ "id": id })).structured;
    assert_eq!(
        (&seen["state"], &seen["pull_request"]),
        (&json!("in_review"), &json!(PULL))
    );
    client.end();
    home.stop_hub();
    let shown = home.run(&["show", &id.to_string()]).expect_success();
    for told in ["in_review", "says Alice (via claude-code)", PULL, "| Tests pass."] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let verified = checked_by_both(&Export::of_the_only_trace(&home));
    assert_eq!(
        verified["work_items"],
        json!([{ "id": id, "state": "in_review", "gated": false }])
    );
}

#[test]
fn what_is_withdrawn_waits_for_nobody_and_tells_who_waits() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let id = propose(&mut client);
    let withdrawn = client.call(
        "report_progress",
        json!({ "id": id, "state": "withdrawn", "why": "It was no bug." }),
    );
    assert_eq!(withdrawn.structured["state"], "withdrawn", "{}", withdrawn.text);
    let told = client.call("await_decision", json!({ "id": id })).structured;
    assert_eq!(told["state"], "withdrawn");
    client.end();
    assert_eq!(json_of(&home, &["inbox", "--json"]), json!([]));
    let verified = checked_by_both(&Export::of_the_only_trace(&home));
    assert_eq!(verified["work_items"][0]["state"], "withdrawn");
}

/// Lets the ledger's time go on: an entry that says nothing of work, as of so many days from now.
fn days_pass(home: &Home, days: i64) {
    let workspace = home.workspace();
    home.forge_in(time::Duration::days(days), move |_| {
        let entry = NewEntry {
            kind: EntryKind::AccessDenied.into(),
            on_behalf_of: None,
            via: None,
            delegation: None,
            refs: Refs::new(),
            body: None,
        };
        vec![(ChainId::Workspace(workspace), entry)]
    });
}

#[test]
fn what_nobody_decides_in_two_weeks_ends_and_is_recorded_as_nobodys_word() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let (id, decided) = (propose(&mut client), propose(&mut client));
    client.end();
    home.decide(decided, HumanVerb::Approve, None);
    days_pass(&home, 13);
    let waiting: Vec<InboxRow> = home.ask(&CompanionRequest::Inbox { limit: 9 });
    assert_eq!(waiting.len(), 1, "13 days are not two weeks");
    days_pass(&home, 15);
    let waiting: Vec<InboxRow> = home.ask(&CompanionRequest::Inbox { limit: 9 });
    assert!(waiting.is_empty());
    assert_eq!(row(&home, id).state, "expired");
    assert_eq!(row(&home, decided).state, "approved");
    let shown = home.run(&["show", &id.to_string()]).expect_success();
    assert!(shown.contains("ended"), "{shown}");
    home.stop_hub();
    assert_eq!(
        row(&home, id).state,
        "expired",
        "also after a restart, and recorded once"
    );
    let expired: Vec<_> = home
        .workspace_chain()
        .into_iter()
        .filter(|recorded| recorded.kind == "work_item.expired")
        .collect();
    assert_eq!(expired.len(), 1);
    assert_eq!(expired[0].body, json!({ "work_item": id }));
    assert_eq!(expired[0].stored.entry.on_behalf_of, None);
    let verified = checked_by_both(&Export::of_the_only_trace(&home));
    assert_eq!(verified["work_items"][1]["state"], "expired");
}

#[test]
fn reports_of_another_session_are_exported_with_what_was_lent_to_it() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let id = propose(&mut client);
    client.end();
    home.decide(id, HumanVerb::Approve, None);
    home.lend(&Lending::to("codex"));
    let mut codex = StdioClient::start(&mut home.auditotter_mcp(&[]));
    codex.initialize("2025-11-25", "codex-mcp-client").unwrap();
    let begun = codex.call("report_progress", json!({ "id": id, "state": "in_progress" }));
    assert!(!begun.is_error, "{}", begun.text);
    codex.end();
    let path = home.file("trace.jsonl");
    let file = path.to_str().unwrap().to_owned();
    let trace = row(&home, id).trace.to_string();
    let _ = home
        .run(&["trace", "export", &trace, "-o", &file])
        .expect_success();
    let verified = checked_by_both(&Export::read(path));
    assert_eq!(verified["work_items"][0]["state"], "in_progress");
    assert_eq!(verified["delegations"].as_array().unwrap().len(), 2);
}

#[test]
fn an_approval_after_which_something_failed_is_shown_as_stale() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let id = propose(&mut client);
    home.decide(id, HumanVerb::Approve, None);
    assert!(row(&home, id).stale.is_none());
    let failed = json!({ "id": id, "kind": "test", "outcome": "failed", "tool": "cargo test", "summary": "Two fail." });
    assert!(!client.call("record_evidence", failed).is_error);
    let told = "stale: 1 of 1 pieces of evidence that came later say that something failed";
    let seen = client.call("get_work_item", json!({ "id": id }));
    assert_eq!(seen.structured["stale"], told);
    assert!(seen.text.contains(told), "{}", seen.text);
    client.end();
    let shown = home.run(&["show", &id.to_string()]).expect_success();
    assert!(shown.contains(told), "{shown}");
}

#[test]
fn what_did_not_land_is_not_attested_and_says_so_before_anybody_is_asked_for_anything() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let id = propose(&mut client);
    client.end();
    let arguments = ["attest-deploy", &id.to_string(), "--why", "it works", "--touch"];
    let ran = home.run(&arguments);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stderr.contains("is proposed, and so cannot become attested"),
        "{}",
        ran.stderr
    );
}
