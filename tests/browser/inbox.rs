//! People log in, look, and decide in the inbox.

use hub::companion::{CompanionRequest, WorkItemRow};
use identity::HumanVerb;
use serde_json::json;
use testkit::{Browser, Home, Terminal, export::Export, home::change};
use vocabulary::WorkItemId;

use crate::looks::Looks;

pub(crate) fn propose(home: &Home, title: &str, paths: &[&str]) -> WorkItemId {
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

#[test]
fn alice_logs_in_sees_a_proposal_arrive_by_itself_and_approves_it_with_one_click() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let mut looks = Looks::at("inbox");
    let home = Home::lent();
    let served = home.serve();
    browser.plug_in(true);
    browser.open(served.url());
    browser.wait_for("main", "Nobody has a passkey here yet");
    looks.look(&mut browser, "login-nobody");
    browser.makes_a_passkey(&home);
    browser.open(served.url());
    browser.wait_for("h1", "Log in");
    looks.look(&mut browser, "login");
    browser.logs_in(served.url());
    browser.wait_for("main", "Nothing waits.");
    looks.look(&mut browser, "inbox-empty");

    let id = propose(&home, "Fix the password reset link", &["src/reset/mail.rs"]);
    let listed = browser.wait_for("main", "Fix the password reset link");
    assert!(listed.contains("Alice (via claude-code)"), "{listed}");
    let _other = propose(
        &home,
        "Say in the docs how long a link is good for",
        &["docs/links.md"],
    );
    browser.wait_for("main", "Say in the docs");
    looks.look(&mut browser, "inbox");

    browser.click(&format!("a[href='/w/{id}']"));
    browser.wait_for("h1", "Fix the password reset link");
    let shown = browser.text("main");
    for told in [
        "<b>instead</b>",
        "✓ verified",
        "#0",
        "The reset link has the old host name.",
        "May this work begin?",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    looks.look(&mut browser, "work-item");
    browser.click("[data-verdict=yes]");
    browser.wait_for("h1 + .facts", "approved");
    looks.look(&mut browser, "work-item-approved");
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
    looks.look(&mut browser, "delegations");
    browser.click("[data-do=revoke]");
    browser.wait_for("main", "Nothing is lent.");
    browser.open(&format!("{}/members", served.url()));
    browser.wait_for("main", "Alice (you)");
    looks.look(&mut browser, "members");
    browser.click("[data-do=logout]");
    browser.wait_for("h1", "Log in");
    browser.open(&format!("{}/w/{id}", served.url()));
    browser.wait_for("h1", "Log in");
}

/// Somebody makes a passkey on the inbox's page, and signs it with their key on another machine.
#[test]
fn what_may_land_and_what_waits_for_a_review_is_there_for_everybody_to_read() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let mut looks = Looks::at("landing");
    let home = Home::lent();
    let served = home.serve();
    browser.plug_in(true);
    browser.makes_a_passkey(&home);
    let id = propose(&home, "Fix the password reset link", &["src/reset/mail.rs"]);
    home.decide(id, HumanVerb::Approve, None);
    browser.logs_in(served.url());
    browser.wait_for("main", "Fix the password reset link");
    let by_alice = change(id, "7e", &["alice@example.com", "somebody@elsewhere.example.com"]);
    home.land(&by_alice, HumanVerb::Approve, Some("nobody else is here"))
        .unwrap();
    let listed = browser.wait_for("main", "Landed by exception, to be reviewed");
    assert!(listed.contains("let through by Alice"), "{listed}");
    looks.look(&mut browser, "inbox-exception");
    browser.click(&format!("a[href='/w/{id}']"));
    let shown = browser.wait_for("main", "May the change land?");
    assert!(shown.contains("yes, by exception of Alice"), "{shown}");
    looks.look(&mut browser, "work-item-landing");
    let no = change(id, "0d", &["alice@example.com"]);
    home.land(&no, HumanVerb::Reject, Some("the host is still the old one"))
        .unwrap();
    browser.wait_for("main", "no, says Alice");
    looks.look(&mut browser, "work-item-landing-refused");
}

pub(crate) fn make_a_passkey(browser: &mut Browser, looks: &mut Looks, url: &str, home: &Home, key: &str) {
    browser.open(&format!("{url}/passkeys/new"));
    browser.wait_for("h1", "Make a passkey");
    browser.type_into("#email", "bob@example.com");
    browser.click("[data-do=make]");
    let told = browser.wait_for("main [data-told]", "has to show the code");
    let code = told.rsplit(' ').next().unwrap().to_owned();
    looks.look(browser, "enrol");
    let command = browser.text("[data-command]");
    let signed = command.strip_prefix("auditotter passkey sign ").unwrap();
    let mut terminal = Terminal::start(home.auditotter(&["passkey", "sign", signed, "--key", key]));
    terminal.expect(&format!("code          {code}"));
    terminal.expect_secret("to take up this passkey: ");
    terminal.enter(Home::PASSPHRASE);
    let (ended, shown) = terminal.end();
    assert_eq!(ended, Some(0), "{shown}");
    let line = shown.lines().find(|line| line.starts_with('{')).unwrap();
    browser.type_into("#signed", line);
    browser.click("[data-do=enrol]");
    browser.wait_for("h1", "Log in");
}

#[test]
fn high_risk_waits_for_evidence_and_another_human_with_a_reason() {
    let (Some(mut alices), Some(mut bobs)) = (Browser::start(), Browser::start()) else {
        return;
    };
    let mut looks = Looks::at("high-risk");
    let home = Home::lent();
    let bob = home.bob();
    let served = home.serve();
    alices.plug_in(true);
    bobs.plug_in(true);
    alices.makes_a_passkey(&home);
    let key = bob.key_file(&home);
    make_a_passkey(&mut bobs, &mut looks, served.url(), &home, key.to_str().unwrap());
    alices.logs_in(served.url());
    bobs.logs_in(served.url());

    let mut client = home.claude_code();
    let arguments =
        json!({ "title": "Sign session cookies with a new key", "paths": ["src/auth/session.rs"] });
    let proposed = client.call("propose_work_item", arguments);
    assert_eq!(proposed.structured["risk"], "high", "{proposed:?}");
    let id: WorkItemId = proposed.structured["id"].as_str().unwrap().parse().unwrap();
    bobs.wait_for("main", "evidence of a machine's review");
    looks.look(&mut bobs, "inbox");

    alices.open(&format!("{}/w/{id}", served.url()));
    alices.wait_for("main", "Not for you to approve");
    assert_eq!(
        alices.run("return document.querySelector('[data-verdict=yes]')"),
        json!(null)
    );
    looks.look(&mut alices, "not-for-you");
    let recorded = client.call(
        "record_evidence",
        json!({ "id": id, "kind": "review", "outcome": "passed", "tool": "reviewer", "summary": "No secret is logged.",
            "changed_lines": 48 }),
    );
    assert!(!recorded.is_error, "{recorded:?}");
    // Nothing is put under the hands of somebody who is about to decide.
    alices.wait_for("main", "This changed since you opened it.");
    assert_eq!(
        alices.run("return document.querySelector('[data-verdict=no]').disabled"),
        json!(true)
    );
    assert!(!alices.text("main").contains("No secret is logged."));
    looks.look(&mut alices, "outdated");
    alices.click("[data-outdated] a");
    alices.wait_for("main", "No secret is logged.");

    bobs.open(&format!("{}/w/{id}", served.url()));
    bobs.wait_for("main", "No secret is logged.");
    looks.look(&mut bobs, "work-item");
    bobs.click("[data-verdict=yes]");
    bobs.wait_for("main [data-told]", "a rationale of at least 5 words");
    assert_eq!(state(&home, id), "proposed");
    bobs.type_into("#why", "The review passed and I read all of the change.");
    bobs.click("[data-verdict=yes]");
    bobs.wait_for("h1 + .facts", "approved");
    looks.look(&mut bobs, "approved");
    // Alice hears of it by herself.
    alices.wait_for("h1 + .facts", "approved");
    let shown = alices.wait_for("main", "I read all of the change.");
    assert!(shown.contains("over 48 changed lines"), "{shown}");
    client.end();

    let export = Export::of_the_trace_of(&home, id);
    let ours = export.verified_by_us();
    assert!(
        ours.stdout.contains("by Bob, signed T1"),
        "{}{}",
        ours.stdout,
        ours.stderr
    );
    if let Some(ran) = export.verified_by_python() {
        let _told = ran.expect_success();
    }
}

#[test]
fn with_the_keyboard_alone_somebody_logs_in_and_approves() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let home = Home::lent();
    let served = home.serve();
    browser.plug_in(true);
    browser.makes_a_passkey(&home);
    let id = propose(&home, "Fix the password reset link", &["src/reset/mail.rs"]);
    browser.open(served.url());
    browser.wait_for("h1", "Log in");
    let tab_to = |browser: &mut Browser, wanted: &str| {
        let on = format!("return document.activeElement?.matches({wanted:?}) ?? false");
        let mut tabs = 0;
        while browser.run(&on) != json!(true) {
            browser.press("\u{e004}");
            tabs += 1;
            assert!(tabs < 40, "{wanted} cannot be reached with Tab");
        }
        browser.press("\u{e006}");
    };
    tab_to(&mut browser, "[data-do=login]");
    browser.wait_for("h1", "Inbox");
    tab_to(&mut browser, "main a.title");
    browser.wait_for("h1", "Fix the password reset link");
    tab_to(&mut browser, "[data-verdict=yes]");
    browser.wait_for("h1 + .facts", "approved");
    assert_eq!(state(&home, id), "approved");
}
