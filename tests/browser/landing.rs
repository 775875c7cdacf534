//! People say in the inbox whether a change may land.

use hub::companion::{CompanionRequest, WorkItemRow};
use identity::HumanVerb;
use serde_json::{Value, json};
use testkit::{Browser, Home, export::Export, home::change};
use vocabulary::WorkItemId;

use crate::{
    inbox::{make_a_passkey, propose},
    looks::Looks,
};

fn begun(home: &Home) -> WorkItemId {
    let id = propose(home, "Fix the password reset link", &["src/reset/mail.rs"]);
    home.decide(id, HumanVerb::Approve, None);
    id
}

fn landings(home: &Home, id: WorkItemId) -> Vec<(String, String, String)> {
    let row: WorkItemRow = home.ask(&CompanionRequest::WorkItem { id });
    let landings = row.landings.into_iter();
    landings
        .map(|landing| (landing.by, landing.role, landing.tier))
        .collect()
}

#[test]
fn bob_reads_what_was_put_forward_and_lets_it_land_with_a_touch_and_alice_cannot() {
    let (Some(mut alices), Some(mut bobs)) = (Browser::start(), Browser::start()) else {
        return;
    };
    let mut looks = Looks::at("to-land");
    let home = Home::lent();
    let bob = home.bob();
    let served = home.serve();
    alices.plug_in(true);
    bobs.plug_in(true);
    alices.makes_a_passkey(&home);
    let key = bob.key_file(&home);
    make_a_passkey(
        &mut bobs,
        &mut Looks::at("to-land-bob"),
        served.url(),
        &home,
        key.to_str().unwrap(),
    );
    let id = begun(&home);
    alices.logs_in(served.url());
    bobs.logs_in(served.url());
    let repository = home.repository();
    let base = repository.name("HEAD");
    let head = repository.commit(
        "alice@example.com",
        "mail.rs",
        "host\n",
        "Read the host from the settings",
    );
    let tree = repository.name("HEAD^{tree}");
    let folder = repository.folder.to_str().unwrap();
    let put = home
        .run(&["land", &id.to_string(), "--propose", "--repo", folder])
        .expect_success();
    assert!(
        put.contains(&format!("{}/w/{id}#landings", served.url())),
        "{put}"
    );

    let listed = bobs.wait_for("section[aria-labelledby=mine]", "may it land?");
    assert!(
        listed.contains(&tree) && listed.contains("changed lines: 1"),
        "{listed}"
    );
    looks.look(&mut bobs, "inbox");
    let listed = alices.wait_for("section[aria-labelledby=others]", "may it land?");
    assert!(
        listed.contains("somebody who neither made it nor had it made: Bob"),
        "{listed}"
    );
    alices.click(&format!("a[href='/w/{id}#landings']"));
    alices.wait_for("main", "Not for you to say yes to");
    assert_eq!(
        alices.run("return document.querySelector('[data-verdict=yes]')"),
        Value::Null
    );
    looks.look(&mut alices, "not-for-you");

    bobs.click(&format!("a[href='/w/{id}#landings']"));
    let shown = bobs.wait_for("[data-said-as]", "May this change land?");
    for told in [
        &tree,
        &head,
        &base,
        "alice@example.com (Alice)",
        "nobody has decided",
        "Nobody signed that git says so",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    looks.look(&mut bobs, "question");
    // A newer one takes its place, and nothing is exchanged under the hands of somebody who is about to decide.
    bobs.type_into("#why-1", "The host comes from the settings.");
    repository.commit("alice@example.com", "mail.rs", "host\nport\n", "And the port");
    let newer = repository.name("HEAD^{tree}");
    let _ = home
        .run(&["land", &id.to_string(), "--propose", "--repo", folder])
        .expect_success();
    bobs.wait_for("[data-said-as]", "This changed since you opened it.");
    assert_eq!(
        bobs.run("return document.querySelector('[data-verdict=yes]').disabled"),
        json!(true)
    );
    looks.look(&mut bobs, "outdated");
    bobs.click("[data-outdated] a");
    bobs.wait_for("[data-said-as]", &newer);
    bobs.wait_for("main", &format!("and superseded since: tree {tree}"));
    bobs.type_into("#why-1", "The host comes from the settings.");
    bobs.click("[data-said-as] [data-verdict=yes]");
    bobs.wait_for("[data-said-as]", &format!("Tree {newer}: yes"));
    bobs.wait_for("[data-told]", "May it land: yes.");
    looks.look(&mut bobs, "landed");
    assert_eq!(
        landings(&home, id),
        [("Bob".to_owned(), "independent".to_owned(), "T1".to_owned())]
    );
    // What Alice looks at is not exchanged either.
    alices.wait_for("main", "This changed since you opened it.");
    alices.click("[data-outdated] a");
    alices.wait_for("main", &format!("Tree {newer}: yes"));

    let export = Export::of_the_trace_of(&home, id);
    let ours = export.verified_by_us();
    assert_eq!(ours.code, Some(0), "{}{}", ours.stdout, ours.stderr);
    if let Some(ran) = export.verified_by_python() {
        let told = ran.expect_success();
        assert!(
            told.contains("1 decisions on what was to land, 0 by exception"),
            "{told}"
        );
    }
}

#[test]
fn whoever_is_alone_is_told_that_it_is_an_exception_and_until_when_it_is_to_be_reviewed() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let mut looks = Looks::at("to-land-alone");
    let home = Home::lent();
    let served = home.serve();
    browser.plug_in(true);
    browser.makes_a_passkey(&home);
    let id = begun(&home);
    browser.logs_in(served.url());
    let repository = home.repository();
    repository.commit(
        "alice@example.com",
        "mail.rs",
        "host\n",
        "Read the host from the settings",
    );
    let folder = repository.folder.to_str().unwrap();
    let _ = home
        .run(&["land", &id.to_string(), "--propose", "--repo", folder])
        .expect_success();
    browser.wait_for("section[aria-labelledby=mine]", "your yes would be an exception");
    looks.look(&mut browser, "inbox");
    browser.click(&format!("a[href='/w/{id}#landings']"));
    browser.wait_for("[data-said-as]", "due for a review by somebody independent by ");
    looks.look(&mut browser, "question");
    // A no takes a reason.
    browser.click("[data-said-as] [data-verdict=no]");
    browser.wait_for("[data-said-as] [data-told]", "say why");
    browser.click("[data-said-as] [data-verdict=yes]");
    browser.wait_for("[data-said-as]", "yes, by exception of Alice");
    looks.look(&mut browser, "excepted");
    assert_eq!(
        landings(&home, id),
        [("Alice".to_owned(), "exception".to_owned(), "T1".to_owned())]
    );
    browser.open(served.url());
    browser.wait_for("section[aria-labelledby=exceptions]", "let through by Alice");
}

#[test]
fn what_is_said_of_one_change_is_said_of_no_other_and_what_was_written_beside_it_stays() {
    let Some(mut browser) = Browser::start() else {
        return;
    };
    let mut looks = Looks::at("to-land-two");
    let home = Home::lent();
    let id = begun(&home);
    let others = ["alice@example.com", "carol@example.com"];
    for (tree, makers) in [("7e", &others[..1]), ("7e", &others), ("0d", &others[..1])] {
        home.land(&change(id, tree, makers), HumanVerb::Approve, None)
            .unwrap();
    }
    let bob = home.bob();
    let served = home.serve();
    browser.plug_in(true);
    let key = bob.key_file(&home);
    make_a_passkey(
        &mut browser,
        &mut Looks::at("to-land-two-bob"),
        served.url(),
        &home,
        key.to_str().unwrap(),
    );
    browser.logs_in(served.url());
    browser.open(&format!("{}/w/{id}#landings", served.url()));
    let shown = browser
        .run("return [...document.querySelectorAll('[data-said-as]')].map((one) => one.dataset.digest)");
    let card = |place: usize| format!("[data-digest='{}']", shown[place].as_str().unwrap());
    // Newest first; of the second, twice.
    assert_eq!(shown.as_array().unwrap().len(), 3);
    browser.wait_for(&card(1), "Your yes is the review that closes it.");
    browser.type_into("#why-3", "I have not read this one to its end.");
    browser.click(&format!("{} [data-verdict=yes]", card(0)));
    browser.wait_for("#told", "May it land: yes");
    looks.look(&mut browser, "one-of-three");
    let beside = format!("{} textarea", card(2));
    assert_eq!(
        browser.run(&format!("return document.querySelector(\"{beside}\").value")),
        json!("I have not read this one to its end.")
    );
    for place in [1, 2] {
        let beside = browser.wait_for(&card(place), "Your yes is the review that closes it.");
        assert!(!beside.contains("May it land: yes"), "{beside}");
        assert!(!beside.contains("This is not what stood here before"), "{beside}");
    }
    // One word closes what is of the same tree, and the other question of it is gone.
    browser.click(&format!("{} [data-verdict=yes]", card(2)));
    browser.wait_for("main:not(:has([data-said-as]))", "Bob reviewed it since.");
    assert_eq!(landings(&home, id).len(), 5);
}
