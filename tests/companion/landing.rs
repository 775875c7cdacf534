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
        "it will be refused, for others can decide",
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

/// Who committed, as it is shown to Alice, where somebody set this repository up.
fn made_by(home: &Home, id: &str, repository: &Repository<'_>) -> String {
    let folder = text(&repository.folder);
    let mut terminal = Terminal::start(home.auditotter(&["land", id, "--repo", &folder]));
    terminal.expect("made by       ");
    let mut all = terminal.rest_of_line();
    // Who else did stands below, one a line.
    terminal.expect("\n");
    let mut line = terminal.rest_of_line();
    while line.starts_with("                ") {
        all = format!("{all},{}", line.trim());
        terminal.expect("\n");
        line = terminal.rest_of_line();
    }
    all
}

#[test]
fn everybody_who_committed_is_named_whatever_the_repository_s_own_settings_say() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let id = begun(&home, &mut client).to_string();
    client.end();
    let repository = home.repository();
    repository.commit_for("author@example.com", BOB, ("a.md", "a\n"), "One");
    repository.commit(
        ALICE,
        "b.md",
        "b\n",
        "Two\n\nCo-authored-by: Dora <dora@example.com>",
    );
    repository.commit(
        "Alice@Example.COM",
        ".mailmap",
        "Alice <carol@example.com> <bob@example.com>\n",
        "Three",
    );
    let everybody = "alice@example.com (Alice),author@example.com (no member's address),\
                     bob@example.com (no member's address),dora@example.com (no member's address)";
    assert_eq!(made_by(&home, &id, &repository), everybody);
    for (name, value) in [
        ("log.mailmap", "true"),
        ("trailer.separators", ";"),
        ("core.commentChar", "C"),
        ("trailer.co-authored-by.key", "Foo"),
        ("core.pager", "touch paged"),
        ("core.fsmonitor", "touch monitored"),
        ("log.showSignature", "true"),
        ("gpg.program", "touch signed"),
        ("i18n.logOutputEncoding", "UTF-16"),
    ] {
        let _ = repository.git(&["config", name, value]);
    }
    let first = repository.name("HEAD~2");
    // As if Bob's commit had no parents, or were another.
    std::fs::write(
        repository.folder.join(".git/shallow"),
        format!("{}\n", repository.name("HEAD~1")),
    )
    .unwrap();
    std::fs::create_dir_all(repository.folder.join(".git/info")).unwrap();
    std::fs::write(
        repository.folder.join(".git/info/grafts"),
        format!("{}\n", repository.name("HEAD~1")),
    )
    .unwrap();
    let _ = repository.git(&[
        "update-ref",
        &format!("refs/replace/{first}"),
        &repository.name("main"),
    ]);
    // As if the change began later.
    for name in ["main", "origin/main", "origin/HEAD"] {
        let _ = repository.git(&["tag", name, "HEAD~1"]);
    }
    assert_eq!(made_by(&home, &id, &repository), everybody);
    for left in ["paged", "monitored", "signed"] {
        assert!(!repository.folder.join(left).exists(), "{left}");
    }
}

#[test]
fn whoever_has_the_repository_compares_what_was_decided_with_what_git_says() {
    let home = Home::lent();
    let bob = home.bob();
    let mut client = home.claude_code();
    let id = begun(&home, &mut client);
    client.end();
    let repository = home.repository();
    let base = repository.name("HEAD");
    repository.commit(BOB, "docs.md", "otters are neat\n", "Fix it");
    repository.commit(ALICE, "docs.md", "otters are very neat\n", "More");
    let of = |base: &str, committers: &[&str], commits| {
        let raw = RawChange {
            work_item: id,
            tree: repository.name("HEAD^{tree}").parse().unwrap(),
            head: repository.name("HEAD").parse().unwrap(),
            base: base.parse().unwrap(),
            commits,
            committers: committers.iter().map(|&address| address.to_owned()).collect(),
            changed_lines: None,
        };
        Change::parse(raw).unwrap()
    };
    let compare = |exported: &Export| {
        let (file, folder) = (text(&exported.path), text(&repository.folder));
        Home::empty().run(&["verify", &file, "--repo", &folder])
    };
    // What nobody can tell without the repository: Bob's client left him out.
    bob.land(&home, &of(&base, &[ALICE], 2), HumanVerb::Approve, None)
        .unwrap();
    let lied = Export::of_the_only_trace(&home);
    assert_eq!(lied.verified_by_us().code, Some(0));
    let told = compare(&lied);
    assert_eq!(told.code, Some(1), "{}", told.stdout);
    assert!(
        told.stdout.contains("git says otherwise of the change"),
        "{}",
        told.stdout
    );

    let home = Home::lent();
    let bob = home.bob();
    let mut client = home.claude_code();
    let id = begun(&home, &mut client);
    client.end();
    let honest = Change::parse(RawChange {
        work_item: id,
        tree: repository.name("HEAD^{tree}").parse().unwrap(),
        head: repository.name("HEAD").parse().unwrap(),
        base: base.parse().unwrap(),
        commits: 2,
        committers: vec![ALICE.to_owned(), BOB.to_owned()],
        changed_lines: None,
    });
    home.land(&honest.unwrap(), HumanVerb::Approve, None).unwrap();
    bob.land(&home, &change(id, "7e", &[ALICE]), HumanVerb::Approve, None)
        .unwrap();
    let told = compare(&Export::of_the_only_trace(&home)).expect_success();
    assert!(
        told.contains(&format!("git         says the same of {base} to "))
            && told.contains("NOT PROVED  what baba"),
        "{told}"
    );
}

#[test]
fn lines_that_the_repository_s_attributes_hide_are_unknown_and_not_left_out() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let id = begun(&home, &mut client).to_string();
    client.end();
    let repository = home.repository();
    repository.commit(ALICE, "docs.md", "otters\nare\nneat\n", "Fix it");
    let folder = text(&repository.folder);
    let counted = || {
        let mut terminal = Terminal::start(home.auditotter(&["land", &id, "--repo", &folder]));
        terminal.expect("changed lines ");
        terminal.rest_of_line().trim().to_owned()
    };
    assert_eq!(counted(), "3");
    repository.commit(ALICE, ".gitattributes", "* -diff\n", "Hide it");
    assert_eq!(
        counted(),
        "unknown: not all of it is text",
        "never less than there are"
    );
}

#[test]
fn what_is_no_change_is_told_before_anybody_signs() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let waiting = client.call("propose_work_item", json!({ "title": "Fix another typo" }));
    let id = begun(&home, &mut client).to_string();
    client.end();
    let refused = |arguments: &[&str], why: &str| {
        let ran = home.run(arguments);
        assert_eq!(ran.code, Some(1), "{}", ran.stdout);
        assert!(ran.stderr.contains(why), "{why}: {}", ran.stderr);
    };
    let nowhere = text(&home.user());
    refused(&["land", &id, "--repo", &nowhere], "not a git repository");
    let repository = home.repository();
    let folder = text(&repository.folder);
    refused(&["land", &id, "--repo", &folder], "say so with --base");
    refused(
        &["land", &id, "--repo", &folder, "--base", "HEAD"],
        "there is no commit between",
    );
    refused(
        &["land", &id, "--repo", &folder, "--rev=--help"],
        "`--help` is no commit",
    );
    refused(
        &["land", &id, "--repo", &folder, "--rev", "nothing"],
        "`nothing` is no commit",
    );
    repository.commit(ALICE, "docs.md", "otters\n", "Fix it");
    let early = waiting.structured["id"].as_str().unwrap();
    refused(
        &["land", early, "--repo", &folder],
        "is proposed; whether a change may land is decided of work that was approved",
    );
}
