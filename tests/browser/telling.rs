//! People read a session back.

use serde_json::json;
use testkit::{Browser, Home};

use crate::looks::Looks;

#[test]
fn a_session_is_read_back_turn_by_turn_with_diffs_folds_and_gaps() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let mut looks = Looks::at("telling");
    let home = Home::lent();
    let trace = home.tell_a_session();
    let imported = home.forge_an_imported_trace();
    let served = home.serve();
    browser.plug_in(true);
    browser.makes_a_passkey(&home);
    browser.logs_in(served.url());
    browser.open(&format!("{}/t/{trace}", served.url()));
    let shown = browser.wait_for("main", "1 gap in what was captured");
    for told in [
        "Fix the password reset bug",
        "Alice said",
        "exit 2",
        "+2 −1",
        "✓ verified",
        "<script>alert(1)</script>",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    assert!(!shown.contains("case_199"), "what is folded is not seen");
    looks.look(&mut browser, "session");

    // With the keyboard: the first call opens, and what is in it can be read.
    let on = "return document.activeElement?.matches('.step > details > summary') ?? false";
    let mut tabs = 0;
    while browser.run(on) != json!(true) {
        browser.press("\u{e004}");
        tabs += 1;
        assert!(tabs < 40, "no call can be reached with Tab");
    }
    browser.press("\u{e006}");
    assert_eq!(
        browser.run("return document.activeElement.parentElement.open"),
        json!(true)
    );
    browser.wait_for("main", "old.example.com");
    browser.run("document.querySelectorAll('details').forEach((details) => { details.open = true; })");
    let shown = browser.wait_for("main", "case_199");
    assert!(shown.contains("+/// Where the link leads."), "{shown}");
    looks.look(&mut browser, "session-open");

    browser.click(".paths a");
    let shown = browser.wait_for("main", "What was done to");
    assert!(shown.contains("Edit") && !shown.contains("cargo test"), "{shown}");
    looks.look(&mut browser, "session-file");
    browser.click(".only a");
    browser.wait_for("main", "cargo test");
    browser.click(".gaps a");
    browser.wait_for("main", "settings changed");
    let focused =
        browser.run("return document.querySelector(':target')?.classList.contains('entry') ?? false");
    assert_eq!(focused, json!(true), "the link leads to the gap itself");

    browser.open(&format!("{}/t/{imported}", served.url()));
    let shown = browser.wait_for("main", "Imported, not recorded.");
    assert!(
        shown.contains("Mood improved") && shown.contains("1,204 tokens in"),
        "{shown}"
    );
    looks.look(&mut browser, "session-imported");
}
