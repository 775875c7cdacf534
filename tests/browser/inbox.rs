//! People log in, look, and decide in the inbox.

use hub::companion::{CompanionRequest, WorkItemRow};
use serde_json::json;
use testkit::{Browser, Home, export::Export};
use vocabulary::WorkItemId;

use crate::{pictures::Pictures, touch::with_a_passkey};

fn propose(home: &Home, title: &str, paths: &[&str]) -> WorkItemId {
    let mut client = home.claude_code();
    let noted = client.call(
        "append_trace_note",
        json!({ "text": "The reset link has the old host name." }),
    );
    assert!(!noted.is_error, "{noted:?}");
    let arguments = json!({
        "title": title,
        "description": "The reset link is sent with the old host name.\n\nI will read it from the settings <b>instead</b>.",
        "paths": paths,
    });
    let proposed = client.call("propose_work_item", arguments);
    client.end();
    proposed.structured["id"].as_str().unwrap().parse().unwrap()
}

fn state(home: &Home, id: WorkItemId) -> String {
    let row: WorkItemRow = home.ask(&CompanionRequest::WorkItem { id });
    row.state
}

/// Logs Alice in, in a browser that has her passkey.
fn log_in(browser: &mut Browser, url: &str) {
    browser.open(url);
    browser.wait_for("h1", "Log in");
    browser.click("[data-do=login]");
    browser.wait_for("h1", "Inbox");
}

#[test]
fn alice_logs_in_sees_a_proposal_arrive_by_itself_and_approves_it_with_one_click() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let mut pictures = Pictures::of("inbox");
    let home = Home::lent();
    let served = home.serve();
    browser.plug_in(true);
    browser.open(served.url());
    browser.wait_for("main", "Nobody has a passkey here yet");
    pictures.take(&mut browser, "login-nobody");
    with_a_passkey(&home, &mut browser);
    browser.open(served.url());
    browser.wait_for("h1", "Log in");
    pictures.take(&mut browser, "login");
    log_in(&mut browser, served.url());
    browser.wait_for("main", "Nothing waits.");
    pictures.take(&mut browser, "inbox-empty");

    let id = propose(&home, "Fix the password reset link", &["src/reset/mail.rs"]);
    let listed = browser.wait_for("main", "Fix the password reset link");
    assert!(listed.contains("Alice (via claude-code)"), "{listed}");
    let _other = propose(
        &home,
        "Say in the docs how long a link is good for",
        &["docs/links.md"],
    );
    browser.wait_for("main", "Say in the docs");
    pictures.take(&mut browser, "inbox");

    browser.click(&format!("a[href='/w/{id}']"));
    browser.wait_for("h1", "Fix the password reset link");
    let shown = browser.text("main");
    for told in [
        "<b>instead</b>",
        "✓ verified",
        "#0",
        "note.appended",
        "May this work begin?",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    pictures.take(&mut browser, "work-item");
    browser.click("[data-verdict=yes]");
    browser.wait_for("h1 + .facts", "approved");
    pictures.take(&mut browser, "work-item-approved");
    assert_eq!(state(&home, id), "approved");

    let export = Export::of_the_trace_of(&home, id);
    let ours = export.verified_by_us();
    assert!(
        ours.stdout.contains("by Alice, signed T1"),
        "{}{}",
        ours.stdout,
        ours.stderr
    );
    if let Some(ran) = export.verified_by_python() {
        let told = ran.expect_success();
        assert!(told.contains("decisions  1, each signed"), "{told}");
    }
    browser.open(&format!("{}/delegations", served.url()));
    browser.wait_for("main", "Alice to claude-code");
    pictures.take(&mut browser, "delegations");
    browser.click("[data-do=revoke]");
    browser.wait_for("main", "Nothing is lent.");
    browser.open(&format!("{}/members", served.url()));
    browser.wait_for("main", "Alice (you)");
    pictures.take(&mut browser, "members");
    browser.click("[data-do=logout]");
    browser.wait_for("h1", "Log in");
    browser.open(&format!("{}/w/{id}", served.url()));
    browser.wait_for("h1", "Log in");
}
