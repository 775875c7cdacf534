//! Alice decides at her terminal: sees what she signs, and her agent goes on.

use serde_json::{Value, json};
use testkit::{Home, Terminal, export::Export};

use crate::json_of;

fn proposed(home: &Home) -> Value {
    let mut client = home.claude_code();
    let proposed = client.call(
        "propose_work_item",
        json!({ "title": "Fix a typo in the docs", "description": "It says \"teh\".", "paths": ["docs/a.md"] }),
    );
    client.end();
    proposed.structured
}

fn decide(home: &Home, arguments: &[&str]) -> String {
    let mut terminal = Terminal::start(home.auditotter(arguments));
    terminal.expect_secret("Passphrase of Alice, to ");
    terminal.enter(Home::PASSPHRASE);
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    shown
}

#[test]
fn what_waits_is_shown_decided_and_waits_no_longer() {
    let home = Home::lent();
    let item = proposed(&home);
    let id = item["id"].as_str().unwrap();
    let waiting = json_of(&home, &["inbox", "--json"]);
    assert_eq!(waiting[0]["id"], item["id"]);
    let listed = home.run(&["inbox"]).expect_success();
    assert!(
        listed.contains(id) && listed.contains("Fix a typo in the docs"),
        "{listed}"
    );
    let shown = home.run(&["show", id]).expect_success();
    for told in [
        "proposed",
        "It says \"teh\".",
        "Alice (via claude-code)",
        "docs/a.md",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }

    let told = decide(&home, &["approve", id, "--why", "typos are bad"]);
    let digest = json_of(&home, &["show", id, "--json"])["digest"].clone();
    for said in [
        "Alice decides to APPROVE",
        "low: ",
        "Fix a typo in the docs",
        "docs/a.md",
        "typos are bad",
        digest.as_str().unwrap(),
        "is approved",
    ] {
        assert!(told.contains(said), "{said}: {told}");
    }
    assert_eq!(json_of(&home, &["inbox", "--json"]), json!([]));
    let decided = json_of(&home, &["show", id, "--json"]);
    assert_eq!(decided["state"], "approved");
    assert_eq!(decided["decisions"][0]["by"], "Alice");
    let again = home.run(&["show", id]).expect_success();
    assert!(
        again.contains("> typos are bad") && again.contains("signed T0"),
        "{again}"
    );
}

#[test]
fn an_auditor_checks_a_decision_with_nothing_but_the_file() {
    let home = Home::lent();
    let item = proposed(&home);
    let id = item["id"].as_str().unwrap();
    decide(&home, &["reject", id, "--why", "it was meant so"]);
    let export = Export::of_the_only_trace(&home);
    let shown = export.path.to_str().unwrap();
    let auditor = Home::empty();
    let verified = json_of(&auditor, &["verify", shown, "--json"]);
    assert_eq!(verified["decisions"][0]["id"], item["id"]);
    assert_eq!(verified["decisions"][0]["verb"], "reject");
    assert_eq!(verified["decisions"][0]["name"], "Alice");
    let told = auditor.run(&["verify", shown]).expect_success();
    assert!(
        told.contains("by Alice, signed T0 over what was proposed"),
        "{told}"
    );
    if let Some(ran) = export.verified_by_python() {
        let told = ran.expect_success();
        assert!(told.contains("decisions  1, each signed"), "{told}");
    }
}

/// Bob makes his key somewhere else, for Alice's workspace; returns what he sends her, and his key.
fn bob_joins(home: &Home, workspace: &str) -> (String, String) {
    let folder = home.file("bobs");
    std::fs::create_dir(&folder).unwrap();
    let arguments = [
        "join",
        "--workspace",
        workspace,
        "--name",
        "Bob",
        "--email",
        "bob@example.com",
        "--to",
        folder.to_str().unwrap(),
    ];
    let mut terminal = Terminal::start(home.auditotter(&arguments));
    terminal.expect_secret("New passphrase for the key of Bob: ");
    terminal.enter(BOBS);
    terminal.expect_secret("The same once more: ");
    terminal.enter(BOBS);
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    let named = |extension: &str| {
        let mut files = std::fs::read_dir(&folder)
            .unwrap()
            .map(|entry| entry.unwrap().path());
        let found = files.find(|path| path.extension().is_some_and(|found| found == extension));
        found.unwrap().to_str().unwrap().to_owned()
    };
    (named("json"), named("age"))
}

const BOBS: &str = "beavers build dams at night";

#[test]
fn a_second_human_is_let_in_by_the_first_and_decides() {
    let home = Home::lent();
    let invitation = home.run(&["grant-access"]).expect_success();
    let workspace = home.workspace().to_string();
    assert!(
        invitation.contains(&format!("auditotter join --workspace {workspace}")),
        "{invitation}"
    );
    let (said, key) = bob_joins(&home, &workspace);
    let shown = decide(&home, &["grant-access", &said, "--why", "my co-founder"]);
    for told in ["Alice lets in:", "Bob <bob@example.com>", "is a member"] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let members = json_of(&home, &["members", "--json"]);
    let names: Vec<&str> = members
        .as_array()
        .unwrap()
        .iter()
        .map(|member| member["name"].as_str().unwrap())
        .collect();
    assert_eq!(names, ["Alice", "Bob"]);

    let item = proposed(&home);
    let id = item["id"].as_str().unwrap();
    let mut terminal = Terminal::start(home.auditotter(&["approve", id, "--key", &key]));
    terminal.expect_secret("Passphrase of Bob, to ");
    terminal.enter(BOBS);
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    home.stop_hub();
    let decided = json_of(&home, &["show", id, "--json"]);
    assert_eq!(decided["decisions"][0]["by"], "Bob");

    let export = Export::of_the_only_trace(&home);
    let file = export.path.to_str().unwrap();
    let verified = json_of(&Home::empty(), &["verify", file, "--json"]);
    assert_eq!(verified["decisions"][0]["name"], "Bob");
    assert_eq!(verified["members"].as_array().unwrap().len(), 2);
    if let Some(ran) = export.verified_by_python() {
        let told = ran.expect_success();
        assert!(told.contains("decisions  1, each signed"), "{told}");
    }
    // Once is enough, and nobody else comes in under the same name.
    let again = home.run(&["grant-access", &said]);
    assert_eq!(again.code, Some(1));
    assert!(again.stderr.contains("is a member already"), "{}", again.stderr);
}

#[test]
fn a_member_who_is_let_go_of_lends_and_decides_nothing_more() {
    let home = Home::lent();
    let workspace = home.workspace().to_string();
    let (said, key) = bob_joins(&home, &workspace);
    decide(&home, &["grant-access", &said]);
    let item = proposed(&home);
    let id = item["id"].as_str().unwrap();
    let alice = home.alice().to_string();
    let mut terminal = Terminal::start(home.auditotter(&[
        "revoke-member",
        &alice,
        "--why",
        "she left for the sea",
        "--key",
        &key,
    ]));
    terminal.expect_secret("Passphrase of Bob, to let go of Alice <alice@example.com>: ");
    terminal.enter(BOBS);
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(0), "{shown}");
    for _ in 0..2 {
        let refused = home.run(&["approve", id]);
        assert_eq!(refused.code, Some(1), "{}", refused.stdout);
        let lent = json_of(&home, &["delegations", "--json"]);
        assert_eq!(lent, json!([]), "what she lent is taken back");
        let members = json_of(&home, &["members", "--json"]);
        assert_eq!(members.as_array().unwrap().len(), 1);
        let shown = home.run(&["show", id]).expect_success();
        assert!(
            shown.contains("Alice (via claude-code)"),
            "her name stays: {shown}"
        );
        let listed = json_of(&home, &["trace", "list", "--json"]);
        assert_eq!(listed[0]["on_behalf_of"], "Alice", "{listed}");
        home.stop_hub();
    }
    // The last one cannot go.
    let bob = json_of(&home, &["members", "--json"])[0]["id"]
        .as_str()
        .unwrap()
        .to_owned();
    let last = home.run(&["revoke-member", &bob, "--why", "me too", "--key", &key]);
    assert_eq!(last.code, Some(1));
    assert!(last.stderr.contains("nobody would be left"), "{}", last.stderr);
}

#[test]
fn what_was_erased_is_not_found_by_its_file_any_more() {
    let home = Home::lent();
    let trace = home.tell_a_session().to_string();
    let contents = || {
        home.run(&["trace", "replay", &trace, "--contents"])
            .expect_success()
    };
    assert!(contents().contains("mail.rs"));
    let shown = json_of(&home, &["trace", "show", &trace, "--json"]);
    let edited = shown["chain"]
        .as_array()
        .unwrap()
        .iter()
        .find(|entry| entry["kind"] == "file.edited");
    let seq = edited.unwrap()["seq"].as_u64().unwrap();
    let seq = seq.to_string();
    decide(
        &home,
        &["erase-body", &trace, &seq, "--why", "it names a customer"],
    );
    assert!(!contents().contains("mail.rs"), "{}", contents());
    let all = home.run(&["trace", "replay", &trace]).expect_success();
    assert!(all.contains("[erased by a human's decision]"), "{all}");
}

#[test]
fn what_is_erased_is_gone_and_who_erased_it_stays() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let noted = client.call("append_trace_note", json!({ "text": "the password is hunter2" }));
    client.end();
    let (trace, seq) = (
        noted.structured["trace"].as_str().unwrap().to_owned(),
        noted.structured["seq"].as_u64().unwrap().to_string(),
    );
    // The call that brought it says it as well.
    for seq in [seq.as_str(), "1"] {
        let shown = decide(
            &home,
            &["erase-body", &trace, seq, "--why", "a secret slipped in"],
        );
        assert!(shown.contains("is erased"), "{shown}");
    }
    let again = home.run(&["erase-body", &trace, &seq, "--why", "once more"]);
    assert_eq!(again.code, Some(1));
    assert!(
        again.stderr.contains("no body that could be erased"),
        "{}",
        again.stderr
    );
    let shown = home.run(&["trace", "show", &trace]).expect_success();
    assert!(!shown.contains("hunter2") && shown.contains("erased"), "{shown}");
    let verified = json_of(&home, &["trace", "verify", &trace, "--json"]);
    assert_eq!(verified["holds"], true);
    home.stop_hub();
    let ledger = std::fs::read(home.layout().store().join("ledger")).unwrap();
    assert!(
        !ledger.windows(7).any(|window| window == b"hunter2"),
        "it is still on disk"
    );

    let export = Export::of_the_only_trace(&home);
    let file = export.path.to_str().unwrap();
    let verified = json_of(&Home::empty(), &["verify", file, "--json"]);
    assert_eq!(verified["erasures"].as_array().unwrap().len(), 2);
    assert_eq!(verified["erasures"][0]["why"], "a secret slipped in");
    assert_eq!(verified["unexplained"], json!([]));
    if let Some(ran) = export.verified_by_python() {
        let told = ran.expect_success();
        assert!(!told.contains("NOT PROVED"), "{told}");
    }
}

#[test]
fn a_rejection_says_why() {
    let home = Home::lent();
    let item = proposed(&home);
    let id = item["id"].as_str().unwrap();
    let ran = home.run(&["reject", id]);
    assert_eq!(ran.code, Some(2), "{}", ran.stderr);
    assert!(ran.stderr.contains("--why"), "{}", ran.stderr);
    let unknown = home.run(&["approve", "wi_00000000000000000000000000"]);
    assert_eq!(unknown.code, Some(1));
    assert!(
        unknown.stderr.contains("there is no work item"),
        "{}",
        unknown.stderr
    );
    let members = json_of(&home, &["members", "--json"]);
    assert_eq!(members[0]["name"], "Alice");
}
