//! Alice makes a passkey and decides with a touch.

use hub::companion::{CompanionRequest, PasskeyRow, WorkItemRow};
use serde_json::{Value, json};
use testkit::{Browser, Home, Terminal, export::Export};
use vocabulary::WorkItemId;

/// The address of the page that a command opened.
fn page_of(terminal: &mut Terminal) -> String {
    terminal.expect("http://localhost:");
    format!("http://localhost:{}", terminal.rest_of_line().trim())
}

fn proposed(home: &Home) -> WorkItemId {
    let mut client = home.claude_code();
    let arguments =
        json!({ "title": "Fix a typo <b>in</b> the docs", "description": "It says </script><i>teh</i>." });
    let proposed = client.call("propose_work_item", arguments);
    client.end();
    proposed.structured["id"].as_str().unwrap().parse().unwrap()
}

#[test]
fn alice_makes_a_passkey_decides_with_a_touch_and_an_auditor_checks_it() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let home = Home::lent();
    browser.plug_in(true);
    browser.makes_a_passkey(&home);
    let passkeys: Vec<PasskeyRow> = home.ask(&CompanionRequest::Passkeys);
    assert_eq!(
        (passkeys.len(), passkeys[0].name.to_string()),
        (1, "Alice".to_owned())
    );

    let id = proposed(&home);
    let arguments = ["approve", &id.to_string(), "--touch", "--why", "typos are bad"];
    let mut terminal = Terminal::start(home.auditotter(&arguments));
    let page = page_of(&mut terminal);
    browser.open(&page);
    let shown = browser.text("main");
    for told in [
        "APPROVE",
        "<b>in</b>",
        "</script><i>teh</i>",
        "typos are bad",
        &id.to_string(),
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    assert_eq!(
        browser.run("return document.querySelectorAll('main b, main i').length"),
        json!(0)
    );
    browser.click("#touch");
    browser.wait_for("#told", "Signed.");
    let (ended, shown) = terminal.end();
    assert_eq!(ended, Some(0), "{shown}");
    assert!(
        shown.contains("is approved") && !shown.contains("Passphrase"),
        "{shown}"
    );
    home.stop_hub();
    let row: WorkItemRow = home.ask(&CompanionRequest::WorkItem { id });
    assert_eq!(
        (row.state.as_str(), row.decisions[0].tier.as_str()),
        ("approved", "T1")
    );

    let export = Export::of_the_only_trace(&home);
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
}

#[test]
fn a_device_that_does_not_know_who_touches_it_decides_nothing() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let home = Home::lent();
    let device = browser.plug_in(true);
    browser.makes_a_passkey(&home);
    browser.verifies(&device, false);
    let id = proposed(&home);
    let mut terminal = Terminal::start(home.auditotter(&["approve", &id.to_string(), "--touch"]));
    let page = page_of(&mut terminal);
    browser.open(&page);
    browser.click("#touch");
    browser.wait_for("#told", "Nothing was signed");
    drop(terminal);
    let row: WorkItemRow = home.ask(&CompanionRequest::WorkItem { id });
    assert_eq!(row.state, "proposed");
}

#[test]
fn a_passkey_that_was_removed_and_one_that_nobody_enrolled_decide_nothing() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let home = Home::lent();
    let id = proposed(&home);
    let none = home.run(&["approve", &id.to_string(), "--touch"]);
    assert_eq!(none.code, Some(1));
    assert!(none.stderr.contains("auditotter passkey add"), "{}", none.stderr);
    browser.plug_in(true);
    browser.makes_a_passkey(&home);
    let passkeys: Vec<PasskeyRow> = home.ask(&CompanionRequest::Passkeys);
    let _told = home
        .run(&["passkey", "remove", &passkeys[0].id.to_string()])
        .expect_success();
    let listed: Value =
        serde_json::from_str(&home.run(&["passkey", "list", "--json"]).expect_success()).unwrap();
    assert_eq!(listed, json!([]));
    let again = home.run(&["approve", &id.to_string(), "--touch"]);
    assert_eq!(again.code, Some(1));
}
