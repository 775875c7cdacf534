//! What git says of a change, and what is said where git says something else.

use super::*;

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
fn who_makes_addresses_of_rubbish_keeps_nobody_from_saying_no_and_gets_no_yes() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let id = begun(&home, &mut client).to_string();
    client.end();
    let repository = home.repository();
    let long = "a".repeat(400);
    let message = format!(
        "Fix it\n\nCo-authored-by: <bo\u{200b}b@example.com>, <{long}@example.com>\nCo-authored-by: <\u{202e}moc>"
    );
    repository.commit_for("", BOB, ("docs.md", "otters\n"), &message);
    // Neither are bytes that are no text, in a message, an address or the name of a file.
    let raw = std::os::unix::ffi::OsStrExt::from_bytes(b"caf\xe9.md");
    std::fs::write(repository.folder.join::<&std::ffi::OsStr>(raw), "otters\n").unwrap();
    let _ = repository.git(&["add", "--all"]);
    repository.commit(ALICE, "more.md", "otters\n", "More");
    let (folder, tree) = (text(&repository.folder), repository.name("HEAD^{tree}"));
    let arguments = ["land", &id, "--repo", &folder];
    for also in [&[][..], &["--propose"]] {
        let ran = home.run(&[&arguments[..], also].concat());
        assert_eq!(ran.code, Some(1), "{}", ran.stdout);
        assert!(
            ran.stderr.contains("does not say by whose address it was made"),
            "{}",
            ran.stderr
        );
    }
    let shown = lands(
        &home,
        &[&arguments[..], &["--reject", "--why", "who made this?"]].concat(),
        "Alice",
    );
    for told in [
        "(no address) (no member's address)",
        "bo\\u{200b}b@example.com (no member's address)",
        "\\u{202e}moc (no member's address)",
        "aaaa…",
        &format!("reject {tree} for {id}"),
        "May it land: no, says Alice",
    ] {
        assert!(shown.contains(told), "{told}: {shown}");
    }
    let export = Export::of_the_only_trace(&home);
    let (ours, theirs) = verified(&home);
    assert_eq!(ours[0]["role"], "objection", "{ours}");
    assert!(theirs.is_none_or(|told| told.contains("1 decisions on what was to land")));
    let compared = Home::empty().run(&["verify", &text(&export.path), "--repo", &folder]);
    assert!(compared.expect_success().contains("git         says the same"));
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
