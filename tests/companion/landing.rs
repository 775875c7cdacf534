//! May this change land? Decided where its repository is, listed where nobody else could, and checked offline.

use std::path::Path;

use identity::HumanVerb;
use serde_json::{Value, json};
use testkit::{
    Home, Repository, StdioClient, Terminal, Visitor,
    export::Export,
    home::{Person, change},
};
use time::Duration;
use trace_store::{ChainId, Kind, NewEntry};
use vocabulary::WorkItemId;
use work_items::{Change, RawChange};

use crate::json_of;

#[path = "landing/repository.rs"]
mod repository;

const ALICE: &str = "alice@example.com";
const BOB: &str = "bob@example.com";

fn begun(home: &Home, client: &mut StdioClient) -> WorkItemId {
    let proposed = client.call("propose_work_item", json!({ "title": "Fix a typo in the docs" }));
    let id = proposed.structured["id"].as_str().unwrap().parse().unwrap();
    home.decide(id, HumanVerb::Approve, None);
    id
}

fn land(home: &Home, arguments: &[&str], who: &str) -> (Option<i32>, String) {
    let mut terminal = Terminal::start(home.auditotter(arguments));
    terminal.expect_secret(&format!("Passphrase of {who}, to "));
    terminal.enter(Home::PASSPHRASE);
    terminal.end()
}

fn lands(home: &Home, arguments: &[&str], who: &str) -> String {
    let (code, shown) = land(home, arguments, who);
    assert_eq!(code, Some(0), "{shown}");
    shown
}

fn text(path: &Path) -> String {
    path.to_str().unwrap().to_owned()
}

/// Both verifiers judge the only trace; returns what ours says of changes, and what the other says.
fn verified(home: &Home) -> (Value, Option<String>) {
    let export = Export::of_the_only_trace(home);
    let ours = json_of(
        &Home::empty(),
        &["verify", export.path.to_str().unwrap(), "--json"],
    );
    let theirs = export
        .verified_by_python()
        .map(testkit::program::Ran::expect_success);
    (ours["landings"].clone(), theirs)
}

/// Days later: the ledger's time goes on by what is written then.
fn days_later(home: &Home, days: i64) {
    let chain = ChainId::Trace(hub::clock::new_id().unwrap());
    let entry = NewEntry::new(Kind::from_static("note.appended"));
    home.forge_in(Duration::days(days), move |_| vec![(chain, entry)]);
}

#[test]
fn what_the_agent_s_human_and_a_committer_cannot_let_through_a_third_member_plainly_does() {
    let home = Home::lent();
    let (bob, carol) = (home.bob(), home.lets_in("Carol", "carol@example.com", 12));
    let mut client = home.claude_code();
    let id = begun(&home, &mut client).to_string();
    client.end();
    let repository = home.repository();
    repository.commit(BOB, "docs.md", "otters are neat\n", "Fix it");
    let (folder, tree) = (text(&repository.folder), repository.name("HEAD^{tree}"));
    let arguments = ["land", &id, "--repo", &folder];
    let (code, shown) = land(&home, &arguments, "Alice");
    assert_eq!(code, Some(1), "{shown}");
    for told in [
        "Alice decides to APPROVE what is to land for wi_",
        &format!("tree          {tree}"),
        "made by       bob@example.com (Bob)",
        "for           Alice",
        "it will be refused, for it is for others",
        "somebody else has to, and can: carol@example.com",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let key = text(&bob.key_file(&home));
    let (code, shown) = land(&home, &[&arguments[..], &["--key", &key]].concat(), "Bob");
    assert_eq!(code, Some(1), "{shown}");
    assert!(
        shown.contains("somebody else has to, and can: carol@example.com"),
        "{shown}"
    );

    let key = text(&carol.key_file(&home));
    let shown = lands(
        &home,
        &[&arguments[..], &["--key", &key, "--why", "reads well"]].concat(),
        "Carol",
    );
    for told in [
        "decided as    somebody who did not make it",
        &format!("approve {tree} for {id}"),
        "May it land: yes\n",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let shown = home.run(&["show", &id]).expect_success();
    for told in [
        &format!("may land     tree {tree}: yes\n"),
        "by Carol (independent)",
        "made by      bob@example.com, commits ",
        "> reads well",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    assert_eq!(json_of(&home, &["exceptions", "--all", "--json"]), json!([]));
    let (ours, theirs) = verified(&home);
    assert_eq!(
        (
            &ours[0]["name"],
            &ours[0]["role"],
            &ours[0]["tree"],
            &ours[0]["committers"]
        ),
        (
            &json!("Carol"),
            &json!("independent"),
            &json!(tree),
            &json!([BOB])
        )
    );
    assert!(ours[0].get("review_due").is_none(), "{ours}");
    if let Some(told) = theirs {
        assert!(
            told.contains("1 decisions on what was to land, 0 by exception"),
            "{told}"
        );
    }
}

#[test]
fn whoever_is_alone_lands_by_exception_which_is_listed_until_somebody_independent_has_looked() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let id = begun(&home, &mut client).to_string();
    client.end();
    let repository = home.repository();
    repository.commit(ALICE, "docs.md", "otters are neat\n", "Fix it");
    let folder = text(&repository.folder);
    let arguments = ["land", &id, "--repo", &folder];
    let shown = lands(&home, &arguments, "Alice");
    for told in [
        "an exception, listed and due for a review in 7 days",
        "By exception: nobody independent could. Somebody else has to review it by ",
        "May it land: yes, by exception of Alice",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let listed = home.run(&["exceptions"]).expect_success();
    assert!(listed.contains(&id) && listed.contains("due by "), "{listed}");
    let inbox = home.run(&["inbox"]).expect_success();
    assert!(inbox.contains("waiting for a review: 1 (0 overdue)"), "{inbox}");
    let (ours, theirs) = verified(&home);
    assert_eq!(ours[0]["role"], "exception");
    assert!(
        ours[0]["review_due"].is_string() && ours[0].get("reviewed_by").is_none(),
        "{ours}"
    );
    if let Some(told) = theirs {
        assert!(
            told.contains("1 by exception, of which 1 wait for a review"),
            "{told}"
        );
    }

    days_later(&home, 8);
    let listed = home.run(&["exceptions"]).expect_success();
    assert!(listed.contains("OVERDUE since "), "{listed}");
    let inbox = home.run(&["inbox"]).expect_success();
    assert!(inbox.contains("waiting for a review: 1 (1 overdue)"), "{inbox}");
    assert_eq!(json_of(&home, &["exceptions", "--json"])[0]["overdue"], true);
}

#[test]
fn a_review_after_the_fact_is_recorded_and_closes_the_exception() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let id = begun(&home, &mut client).to_string();
    let repository = home.repository();
    repository.commit(ALICE, "docs.md", "otters are neat\n", "Fix it");
    let folder = text(&repository.folder);
    let arguments = ["land", &id, "--repo", &folder];
    lands(&home, &arguments, "Alice");
    // Bob is let in later, and the agent has withdrawn the work by then: the exception is looked at all the same.
    let withdrawn = client.call(
        "report_progress",
        json!({ "id": id, "state": "withdrawn", "why": "landed" }),
    );
    assert!(!withdrawn.is_error, "{}", withdrawn.text);
    client.end();
    let bob = home.bob();
    let key = text(&bob.key_file(&home));
    let with_key = [&arguments[..], &["--key", &key]].concat();
    let no = [&with_key[..], &["--reject", "--why", "teh is back"]].concat();
    let shown = lands(&home, &no, "Bob");
    assert!(shown.contains("May it land: no, says Bob"), "{shown}");
    let listed = home.run(&["exceptions"]).expect_success();
    assert!(
        listed.contains("due by ") && listed.contains("; Bob said no"),
        "{listed}"
    );
    let (ours, _) = verified(&home);
    assert_eq!(
        (&ours[1]["role"], ours[0].get("reviewed_by")),
        (&json!("objection"), None)
    );
    // The same again he cannot say otherwise, of exactly the same.
    let (code, shown) = land(&home, &with_key, "Bob");
    assert!(
        code == Some(1) && shown.contains("decided on exactly this before"),
        "{shown}"
    );
}

#[test]
fn what_was_put_forward_is_listed_until_somebody_says_whether_it_may_land() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let id = begun(&home, &mut client).to_string();
    client.end();
    let nothing = home.run(&["inbox"]).expect_success();
    assert!(!nothing.contains("Put forward"), "{nothing}");
    let repository = home.repository();
    repository.commit(ALICE, "docs.md", "otters are neat\n", "Fix it");
    let (tree, folder) = (repository.name("HEAD^{tree}"), text(&repository.folder));
    let _ = home
        .run(&["land", &id, "--propose", "--repo", &folder])
        .expect_success();
    let listed = home.run(&["inbox"]).expect_success();
    assert!(
        listed.contains("Put forward to land, as nobody's word:")
            && listed.contains(&tree)
            && listed.contains(&id),
        "{listed}"
    );
    assert_eq!(
        json_of(&home, &["inbox", "--json"]),
        json!([]),
        "nothing waits to begin"
    );
    let to_land = json_of(&home, &["show", &id, "--json"])["to_land"].take();
    assert_eq!(
        (&to_land["tree"], &to_land["committers"]),
        (&json!(tree), &json!([ALICE]))
    );
    let shown = home.run(&["show", &id]).expect_success();
    assert!(
        shown.contains(&format!("to land      tree {tree} of commit")),
        "{shown}"
    );
    lands(&home, &["land", &id, "--repo", &folder], "Alice");
    let listed = home.run(&["inbox"]).expect_success();
    assert!(!listed.contains("Put forward"), "{listed}");
    assert_eq!(json_of(&home, &["show", &id, "--json"])["to_land"], Value::Null);
}

#[test]
fn somebody_independent_who_approves_of_the_same_tree_closes_an_exception() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let id = begun(&home, &mut client).to_string();
    client.end();
    let repository = home.repository();
    repository.commit(ALICE, "docs.md", "otters are neat\n", "Fix it");
    let folder = text(&repository.folder);
    let arguments = ["land", &id, "--repo", &folder];
    lands(&home, &arguments, "Alice");
    let bob = home.bob();
    let key = text(&bob.key_file(&home));
    let shown = lands(&home, &[&arguments[..], &["--key", &key]].concat(), "Bob");
    assert!(
        shown.contains("somebody who reviews what was let through by exception"),
        "{shown}"
    );
    assert_eq!(
        home.run(&["exceptions"]).expect_success(),
        "No exception waits for a review.\n"
    );
    let listed = home.run(&["exceptions", "--all"]).expect_success();
    assert!(listed.contains("approved by Bob"), "{listed}");
    assert!(
        !home
            .run(&["inbox"])
            .expect_success()
            .contains("waiting for a review")
    );
    let (ours, theirs) = verified(&home);
    assert_eq!(
        (&ours[0]["reviewed_by"], &ours[1]["role"]),
        (&json!("Bob"), &json!("review"))
    );
    if let Some(told) = theirs {
        assert!(
            told.contains("1 by exception, of which 0 wait for a review"),
            "{told}"
        );
    }
    // Bob goes; what he looked at stays looked at.
    home.let_go(bob.member, "left the team");
    let (ours, _) = verified(&home);
    assert_eq!(ours[0]["reviewed_by"], "Bob");
}

#[test]
fn an_approval_to_land_is_stale_once_more_is_known_and_says_so() {
    let home = Home::lent();
    let bob = home.bob();
    let mut client = home.claude_code();
    let id = begun(&home, &mut client);
    let repository = home.repository();
    repository.commit(ALICE, "docs.md", "otters are neat\n", "Fix it");
    let (folder, key) = (text(&repository.folder), text(&bob.key_file(&home)));
    let id_text = id.to_string();
    let arguments = ["land", &id_text, "--repo", &folder, "--key", &key];
    lands(&home, &arguments, "Bob");
    let failed = client.call(
        "record_evidence",
        json!({ "id": id, "kind": "test", "outcome": "failed", "tool": "cargo test", "summary": "1 failed" }),
    );
    assert!(!failed.is_error, "{}", failed.text);
    client.end();
    let shown = home.run(&["show", &id_text]).expect_success();
    for told in [
        "no more; stale: more was recorded",
        "stale        stale: more was recorded",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let verdict = json_of(&home, &["show", &id_text, "--json"])["verdicts"][0].clone();
    assert_eq!(verdict["may_land"], false);
    // Who looks again is shown what failed.
    let shown = lands(&home, &arguments, "Bob");
    assert!(shown.contains("test failed by cargo test"), "{shown}");
    let verdict = json_of(&home, &["show", &id_text, "--json"])["verdicts"][0].clone();
    assert_eq!(verdict["may_land"], true);
    let (ours, theirs) = verified(&home);
    assert_eq!(ours.as_array().unwrap().len(), 2);
    assert!(theirs.is_none_or(|told| told.contains("2 decisions on what was to land")));
}

/// What Bob sees on a page of the inbox.
fn page(home: &Home, bob: &Person, path: &str) -> String {
    let served = home.serve();
    let page = Visitor::logged_in(&served, &bob.device).get(path);
    assert_eq!(page.status, 200, "{page:?}");
    page.text
}

#[test]
fn the_inbox_shows_what_may_land_and_what_waits_for_a_review() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let id = begun(&home, &mut client);
    client.end();
    let mine = change(id, "7e", &[ALICE, "<b>@example.com"]);
    home.land(&mine, HumanVerb::Approve, Some("nobody <i>else</i> is here"))
        .unwrap();
    let bob = home.bob();
    let one = page(&home, &bob, &format!("/w/{id}"));
    for told in [
        "May the change land?",
        "yes, by exception of Alice",
        "Somebody independent reviews it by ",
        "nobody &#60;i&#62;else&#60;/i&#62; is here",
        "<li>alice@example.com</li>",
        "<li>&#60;b&#62;@example.com <span class=\"hint\">(no member's address)</span></li>",
        &format!("auditotter land {id}"),
    ] {
        assert!(one.contains(told), "{told}: {one}");
    }
    let all = page(&home, &bob, "/");
    for told in [
        "Landed by exception, to be reviewed",
        "due by ",
        "let through by Alice",
    ] {
        assert!(all.contains(told), "{told}: {all}");
    }
    bob.land(&home, &mine, HumanVerb::Approve, None).unwrap();
    let all = page(&home, &bob, "/");
    assert!(!all.contains("Landed by exception"), "{all}");
    let one = page(&home, &bob, &format!("/w/{id}"));
    assert!(
        one.contains("Bob reviewed it since.") && one.contains("<strong>yes</strong>"),
        "{one}"
    );
}

#[test]
fn the_inbox_shows_an_exception_that_is_overdue_as_such() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let id = begun(&home, &mut client);
    client.end();
    home.land(&change(id, "7e", &[ALICE]), HumanVerb::Approve, None)
        .unwrap();
    let bob = home.bob();
    days_later(&home, 8);
    let (all, one) = (page(&home, &bob, "/"), page(&home, &bob, &format!("/w/{id}")));
    assert!(all.contains("overdue</span> since "), "{all}");
    assert!(one.contains("A review is overdue since "), "{one}");
}

#[test]
fn high_risk_lands_by_another_human_s_touch_once_a_machine_has_read_exactly_this_tree() {
    let home = Home::lent();
    let bob = home.bob();
    let mut client = home.claude_code();
    let proposed = client.call(
        "propose_work_item",
        json!({ "title": "Change how sessions are signed", "paths": ["src/auth/token.rs"] }),
    );
    let id: WorkItemId = proposed.structured["id"].as_str().unwrap().parse().unwrap();
    let why = Some("Read it twice; the lock is held throughout.");
    let mut reviewed = |tree: &str| {
        let read = client.call(
            "record_evidence",
            json!({ "id": id, "kind": "review", "outcome": "passed", "tool": "careful-review",
                    "summary": "Read all of it.", "tree": tree.repeat(20) }),
        );
        assert!(!read.is_error, "{}", read.text);
    };
    reviewed("0d");
    bob.decide(&home, id, HumanVerb::Approve, why).unwrap();
    let change = change(id, "7e", &[ALICE]);
    let refused = bob.land(&home, &change, HumanVerb::Approve, why).unwrap_err();
    assert!(
        refused.contains("evidence of a machine's review that passed and names exactly this tree"),
        "{refused}"
    );
    reviewed("7e");
    let own = home.land(&change, HumanVerb::Approve, why).unwrap_err();
    assert!(
        own.contains("another human than the one for whom it was proposed") && own.contains("by touch"),
        "{own}"
    );
    let row = bob.land(&home, &change, HumanVerb::Approve, why).unwrap();
    assert_eq!(
        (row.landings[0].role.as_str(), row.landings[0].tier.as_str()),
        ("independent", "T1")
    );
    client.end();
    let (ours, theirs) = verified(&home);
    assert_eq!(
        (&ours[0]["name"], &ours[0]["verb"]),
        (&json!("Bob"), &json!("approve"))
    );
    assert!(theirs.is_none_or(|told| told.contains("1 decisions on what was to land")));
}
