//! What nobody proved is told as such.

use std::fs;

use serde_json::{Value, json};
use vocabulary::WorkItemId;

use crate::{Shop, lines::spans};

const DIFF: &str = "@@ -0,0 +1,1 @@\n+a telling line\n";

fn edit_of(shop: &Shop, name: &str) -> Value {
    json!({ "tool": "Write", "path": shop.folder().join(name), "change": "created", "diff": DIFF })
}

/// A trace that somebody took in from a file, and says that it wrote this one.
fn imported(shop: &Shop, name: &str) -> String {
    let trace = shop.home.forge_an_imported_trace().to_string();
    shop.forges(
        &trace,
        "file.edited",
        &[("source", "transcript")],
        &edit_of(shop, name),
    );
    trace
}

#[test]
fn a_line_of_an_imported_trace_is_a_claim_and_nobodys() {
    let shop = Shop::open();
    let trace = imported(&shop, "a.txt");
    fs::write(shop.folder().join("a.txt"), "a telling line\nand another\n").unwrap();
    shop.commits(&[&trace]);
    let told = shop.blame("a.txt");
    assert_eq!(spans(&told), [(1, 1, "claim"), (2, 2, "claim")], "{told:#}");
    let session = &told[0]["sessions"][0];
    assert_eq!(
        (
            &session["imported"],
            &session["on_behalf_of"],
            &session["edit"]["tool"]
        ),
        (&json!(true), &Value::Null, &json!("Write")),
        "{told:#}"
    );
    assert_eq!(told[1]["sessions"][0]["edit"], Value::Null);
    for span in told.as_array().unwrap() {
        let doubts = span["sessions"][0]["doubts"].to_string();
        assert!(doubts.contains("imported from a file, not recorded"), "{doubts}");
        assert!(!doubts.contains("no hook told"), "it is said once: {doubts}");
    }
    let words = shop.auditotter(&["blame", "a.txt"]).expect_success();
    assert!(words.contains("imported, nobody proved it"), "{words}");
    assert!(
        !words.contains("Alice, via") && !words.contains("is certain"),
        "{words}"
    );
}

#[test]
fn a_claim_takes_no_line_from_a_session_that_was_recorded() {
    let shop = Shop::open();
    let trace = imported(&shop, "a.txt");
    shop.writes("b.txt", "a telling line\n", "t1", "p1");
    shop.forges(&trace, "file.edited", &[], &edit_of(&shop, "b.txt"));
    fs::write(shop.folder().join("a.txt"), "a telling line\n").unwrap();
    shop.commits(&[&trace, &shop.trace]);
    let told = shop.blame("a.txt");
    assert_eq!(spans(&told), [(1, 1, "session")], "{told:#}");
    assert_eq!(told[0]["sessions"].as_array().unwrap().len(), 2, "{told:#}");
    let told = shop.blame("b.txt");
    assert_eq!(spans(&told), [(1, 1, "edit")], "{told:#}");
}

#[test]
fn an_edit_of_which_only_the_clients_own_record_told_says_so() {
    let shop = Shop::open();
    shop.forges(
        &shop.trace,
        "file.edited",
        &[("source", "transcript")],
        &edit_of(&shop, "a.txt"),
    );
    shop.writes("b.txt", "a telling line\n", "t1", "p1");
    fs::write(shop.folder().join("a.txt"), "a telling line\n").unwrap();
    shop.commits(&[&shop.trace]);
    let told = shop.blame("a.txt");
    assert_eq!(spans(&told), [(1, 1, "session")]);
    let session = &told[0]["sessions"][0];
    assert_eq!(
        (&session["imported"], &session["edit"]["source"]),
        (&json!(false), &json!("transcript"))
    );
    assert_eq!(
        session["doubts"],
        json!(["no hook told of this edit: only the client's own record says so"])
    );
    let words = shop.auditotter(&["blame", "a.txt"]).expect_success();
    assert!(words.contains("no hook told of this edit"), "{words}");
    let told = shop.blame("b.txt");
    assert_eq!(told[0]["sessions"][0]["edit"]["source"], Value::Null);
    assert_eq!(told[0]["sessions"][0]["doubts"], json!([]));
}

#[test]
fn what_was_decided_on_work_that_does_not_plan_the_file_is_told_nowhere() {
    let shop = Shop::open();
    let mut client = shop.home.claude_code();
    let call = json!({ "name": "propose_work_item", "arguments": { "title": "Write it down", "paths": ["docs/**"] } });
    let proposed = client.request("tools/call", call).unwrap();
    let id = proposed["structuredContent"]["id"].as_str().unwrap().to_owned();
    let _ = client.end();
    shop.home.decide(
        id.parse::<WorkItemId>().unwrap(),
        identity::HumanVerb::Approve,
        Some("go on"),
    );
    for name in ["a.txt", "docs/a.txt"] {
        let file = shop.folder().join(name);
        fs::create_dir_all(file.parent().unwrap()).unwrap();
        fs::write(file, "a telling line\n").unwrap();
        shop.forges(
            &shop.trace,
            "file.edited",
            &[("work_item", &id)],
            &edit_of(&shop, name),
        );
    }
    shop.commits(&[&shop.trace]);
    let work = |name: &str| shop.blame(name)[0]["sessions"][0]["edit"]["work_item"].clone();
    let (planned, other) = (work("docs/a.txt"), work("a.txt"));
    assert_eq!(planned["plans_path"], true, "{planned:#}");
    assert_eq!(planned["decisions"][0]["by"], "Alice", "{planned:#}");
    assert_eq!(
        (&other["title"], &other["plans_path"], &other["decisions"]),
        (&json!("Write it down"), &json!(false), &json!([]))
    );
    let words = shop.auditotter(&["blame", "a.txt"]).expect_success();
    assert!(
        words.contains("does not plan this file") && !words.contains("approve by"),
        "{words}"
    );
}
