//! What was recorded, as people read it, take it away, and check it.

use std::fs;

use serde_json::{Value, json};
use testkit::{Home, export::Export, home::Lending};

use crate::json_of;

/// A home with one session in it, and that session's trace.
fn with_a_session() -> (Home, String) {
    let home = Home::founded();
    home.lend(&Lending::to("claude-code").within("acme/shop", "src/**"));
    let mut client = home.claude_code();
    client.call(
        "propose_work_item",
        json!({ "title": "Fix the reset bug", "paths": ["src/reset.rs"] }),
    );
    let note = client.call(
        "append_trace_note",
        json!({ "text": "look: \u{202e}\u{9b}31m\u{1b}[31mred" }),
    );
    client.call(
        "propose_work_item",
        json!({ "title": "Rotate keys", "paths": ["infra/keys.tf"] }),
    );
    client.end();
    let trace = note.structured["trace"].as_str().unwrap().to_owned();
    (home, trace)
}

#[test]
fn what_is_lent_is_inspected_revoked_and_no_longer_lent() {
    let home = Home::founded();
    let grant = home.grant(&Lending::to("codex").within("acme/shop", "src/**"));
    let token = home.mint(&grant);
    home.register(&token);
    let file = home.store_token(&grant.id.to_string(), token.expose());
    let file = file.to_str().unwrap();

    let inspected = json_of(&home, &["inspect", file, "--json"]);
    assert_eq!(inspected["kind"], "delegation");
    assert_eq!(inspected["delegation"], grant.id.to_string());
    assert_eq!(inspected["accepted"], true, "{inspected}");
    assert!(
        inspected["blocks"][0]["datalog"]
            .as_str()
            .unwrap()
            .contains("acme/shop")
    );
    let words = home.run(&["inspect", file]).expect_success();
    assert!(words.contains("It would be accepted now."), "{words}");

    let revoked = json_of(
        &home,
        &["revoke", &grant.id.to_string(), "--why", "a test", "--json"],
    );
    assert_eq!(revoked["id"], grant.id.to_string());
    assert_eq!(json_of(&home, &["delegations", "--json"]), json!([]));
    let all = json_of(&home, &["delegations", "--all", "--json"]);
    assert_eq!(all[0]["state"], "revoked");
    assert_eq!(all[0]["why"], "a test");
    assert!(
        !std::path::Path::new(file).exists(),
        "a revoked token is of no use"
    );

    let again = home.store_token("again", token.expose());
    let inspected = json_of(&home, &["inspect", again.to_str().unwrap(), "--json"]);
    assert_eq!(inspected["accepted"], false);
    assert!(
        inspected["why_not"].as_str().unwrap().contains("revoked"),
        "{inspected}"
    );
}

#[test]
fn what_is_no_token_is_named_as_such() {
    let home = Home::founded();
    let file = home.file("no token");
    fs::write(&file, "\u{ff}hello").unwrap();
    let ran = home.run(&["inspect", file.to_str().unwrap()]);
    assert_eq!((ran.code, ran.stdout.as_str()), (Some(1), ""));
    assert_eq!(ran.stderr.trim().lines().count(), 1, "{}", ran.stderr);
    let ran = home.run(&["revoke", "dl_00000000000000000000000000"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stderr.contains("dl_00000000000000000000000000"),
        "{}",
        ran.stderr
    );
}

#[test]
fn a_trace_is_listed_shown_and_played_back() {
    let (home, trace) = with_a_session();
    let listed = json_of(&home, &["trace", "list", "--json"]);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["id"], json!(trace));
    assert_eq!(listed[0]["on_behalf_of"], "Alice");
    assert_eq!(listed[0]["via"]["agent"], "claude-code");

    let shown = json_of(&home, &["trace", "show", &trace, "--json"]);
    let chain = shown["chain"].as_array().unwrap();
    assert_eq!(json!(chain.len()), shown["entries"]);
    let kinds: Vec<&str> = chain
        .iter()
        .map(|entry| entry["kind"].as_str().unwrap())
        .collect();
    let expected = [
        "session.opened",
        "tool.called",
        "tool.returned",
        "tool.called",
        "note.appended",
        "tool.returned",
        "tool.called",
        "tool.denied",
        "session.closed",
    ];
    assert_eq!(kinds, expected);
    assert!(chain.iter().map(|entry| entry["seq"].as_u64().unwrap()).eq(0..9));

    for arguments in [["trace", "show", &trace], ["trace", "replay", &trace]] {
        let text = home.run(&arguments).expect_success();
        assert!(
            !text.contains(['\u{1b}', '\u{9b}', '\u{202e}']),
            "an agent's words steer the terminal: {text:?}"
        );
        for told in ["Fix the reset bug", "path_not_lent", "Alice"] {
            assert!(text.contains(told), "{arguments:?}: {told} is missing: {text}");
        }
    }
    let replayed = home
        .run(&["trace", "replay", &trace, "--from", "6"])
        .expect_success();
    // What was called and denied is one line, and the session's end another.
    let told: Vec<&str> = replayed.lines().filter(|line| line.contains(" #")).collect();
    assert_eq!(told.len(), 2, "{replayed}");
    assert!(
        told[0].contains("#6-7") && told[0].contains("denied: path_not_lent"),
        "{replayed}"
    );
    let unknown = home.run(&["trace", "show", "tr_00000000000000000000000000"]);
    assert_eq!((unknown.code, unknown.stdout.as_str()), (Some(1), ""));
}

#[test]
fn a_session_is_replayed_from_a_moment_and_for_a_file_and_says_where_the_gaps_are() {
    let home = Home::lent();
    let trace = home.tell_a_session().to_string();
    let replay = |more: &[&str]| {
        let arguments: Vec<&str> = ["trace", "replay", &trace].iter().chain(more).copied().collect();
        home.run(&arguments)
    };
    let all = replay(&[]).expect_success();
    for told in [
        "Alice: Fix the password reset bug",
        "Edit /home/alice/shop/src/reset/mail.rs → +2 −1",
        "Run make deploy → exit 2",
        "[1 secret replaced]",
        "GAP: The client's settings changed",
        "GAPS       1 in what was captured",
    ] {
        assert!(all.contains(told), "{told}: {all}");
    }
    assert!(
        !all.contains("case_"),
        "what a command wrote is told with --full: {all}"
    );
    let full = replay(&["--full"]).expect_success();
    for told in [
        "| +/// Where the link leads.",
        "188 more lines",
        "| test reset::case_199 ... ok",
        "[redacted:aws-access-token:",
    ] {
        assert!(full.contains(told), "{told}: {full}");
    }
    for text in [&all, &full] {
        assert!(
            !text.contains(['\u{1b}', '\u{7}', '\u{202e}', '\u{e0041}']),
            "{text:?}"
        );
    }
    let of_file = replay(&["--file", "reset/mail.rs"]).expect_success();
    assert!(
        of_file.contains("Edit") && !of_file.contains("cargo test"),
        "{of_file}"
    );
    let gaps = replay(&["--gaps"]).expect_success();
    assert_eq!(gaps.matches("GAP:").count(), 1, "{gaps}");
    assert!(!gaps.contains("Edit"));
    let contents = replay(&["--contents"]).expect_success();
    for told in [
        "prompt     #2",
        "/home/alice/shop/src/reset/mail.rs (1x)",
        "GAPS       1",
    ] {
        assert!(contents.contains(told), "{told}: {contents}");
    }
    let later = replay(&["--at", "9999-01-01T00:00:00Z"]).expect_success();
    assert!(!later.contains(" #"), "{later}");
    let earlier = replay(&["--at", "2020-01-01T00:00:00Z"]).expect_success();
    assert_eq!(earlier, all);
    let nothing = replay(&["--work-item", "wi_00000000000000000000000000"]).expect_success();
    assert!(nothing.contains("nothing of it"), "{nothing}");
    let refused = replay(&["--at", "yesterday"]);
    assert_eq!(
        (refused.code, refused.stderr.contains("is no moment")),
        (Some(1), true),
        "{refused:?}"
    );

    let export = Export::of_the_only_trace(&home);
    let ours = export.verified_by_us().expect_success();
    assert!(ours.contains("GAPS        1 in what was captured"), "{ours}");
    if let Some(ran) = export.verified_by_python() {
        let told = ran.expect_success();
        assert!(told.contains("GAPS       1 in what was captured"), "{told}");
    }
}

#[test]
fn an_imported_session_is_told_as_imported_however_little_of_it_is_told() {
    let home = Home::lent();
    let recorded = home.tell_a_session().to_string();
    let imported = home.forge_an_imported_trace().to_string();
    let tellings: [&[&str]; 7] = [
        &["show"],
        &["replay"],
        &["replay", "--full"],
        &["replay", "--from", "7"],
        &["replay", "--contents"],
        &["replay", "--gaps"],
        &["replay", "--file", "hello"],
    ];
    for telling in tellings {
        let told = |trace: &str| {
            let arguments = [&["trace", telling[0], trace], &telling[1..]].concat();
            home.run(&arguments).expect_success()
        };
        let told_of_imported = told(&imported);
        let mut lines = told_of_imported.lines();
        let first = lines.next().unwrap();
        assert!(
            first.contains("imported, nobody proved it"),
            "{telling:?}: {first}"
        );
        assert_eq!(
            lines.next(),
            Some("IMPORTED: it is what a file said, a claim, and not what was recorded"),
            "{telling:?}"
        );
        assert!(!first.contains("on behalf of"), "{telling:?}: {first}");
        let told_of_recorded = told(&recorded);
        assert!(
            told_of_recorded.contains("on behalf of Alice") && !told_of_recorded.contains("nobody proved it"),
            "{telling:?}: {told_of_recorded}"
        );
    }
    let shown = |trace: &str| json_of(&home, &["trace", "show", trace, "--json"]);
    assert_eq!(
        (&shown(&imported)["imported"], &shown(&recorded)["imported"]),
        (&json!(true), &json!(false))
    );
}

#[test]
fn what_was_not_captured_is_told_in_each_telling_of_a_trace() {
    let home = Home::lent();
    let trace = home.tell_a_session().to_string();
    let shown = home.run(&["trace", "show", &trace]).expect_success();
    assert!(
        shown.contains("capture.gap") && shown.contains("settings_changed"),
        "{shown}"
    );
    for (more, times) in [
        (&["--from", "0"][..], 1),
        (&["--file", "mail.rs"], 0),
        (&["--full"], 1),
    ] {
        let told = home
            .run(&[&["trace", "replay", &trace], more].concat())
            .expect_success();
        assert_eq!(told.matches("GAP:").count(), times, "{more:?}: {told}");
        assert_eq!(told.matches("GAPS  ").count(), times, "{more:?}: {told}");
    }
}

#[test]
fn what_an_agent_told_another_is_told_as_that_and_as_nobodys_words() {
    let home = Home::lent();
    let trace = home.tell_a_session().to_string();
    home.tell(
        "UserPromptSubmit",
        &json!({ "prompt_id": "p3", "prompt": "Look at the mails", "agent_id": "a1", "agent_type": "explorer" }),
    );
    let told = home.run(&["trace", "replay", &trace]).expect_success();
    assert!(
        told.contains("an agent told sub-agent a1: Look at the mails"),
        "{told}"
    );
    assert!(!told.contains("Alice: Look at the mails"), "{told}");
}

#[test]
fn every_chain_and_the_ledger_over_them_verify() {
    let (home, trace) = with_a_session();
    let all = json_of(&home, &["trace", "verify", "--json"]);
    let ids: Vec<&str> = all
        .as_array()
        .unwrap()
        .iter()
        .map(|chain| chain["id"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), 3, "{ids:?}");
    assert!(
        ids.contains(&trace.as_str()) && ids.contains(&"ledger"),
        "{ids:?}"
    );
    assert!(
        all.as_array().unwrap().iter().all(|chain| chain["holds"] == true),
        "{all}"
    );
    let one = json_of(&home, &["trace", "verify", &trace, "--json"]);
    assert_eq!(one["id"], json!(trace));
    assert_eq!(one["checked"]["entries"], 9);
}

#[test]
fn an_export_verifies_elsewhere_and_exits_zero_one_or_two() {
    let (home, trace) = with_a_session();
    let file = home.file("trace of Alice.jsonl");
    let shown = file.to_str().unwrap();
    let told = home
        .run(&["trace", "export", &trace, "-o", shown])
        .expect_success();
    assert!(told.contains("auditotter verify"), "{told}");
    let before = fs::read(&file).unwrap();
    let again = home.run(&["trace", "export", &trace, "-o", shown]);
    assert_eq!(again.code, Some(1), "nothing is overwritten");
    assert_eq!(fs::read(&file).unwrap(), before);

    let auditor = Home::empty();
    let verified = json_of(&auditor, &["verify", shown, "--json"]);
    assert_eq!(verified["holds"], true);
    assert_eq!(verified["id"], json!(trace));
    assert_eq!(verified["entries"], 9);
    assert!(!auditor.path().exists(), "an auditor needs no workspace");

    let text = String::from_utf8(before).unwrap();
    let forged = text.replacen("path_not_lent", "path_was_lent", 1);
    let forged_in_base64 = forged == text;
    let forged = if forged_in_base64 {
        with_a_digit_changed(&text)
    } else {
        forged
    };
    fs::write(&file, forged).unwrap();
    let ran = auditor.run(&["verify", shown]);
    assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    assert!(ran.stdout.contains("DOES NOT HOLD"), "{}", ran.stdout);
    let told: Value = serde_json::from_str(&auditor.run(&["verify", shown, "--json"]).stdout).unwrap();
    assert_eq!(told["holds"], false);

    fs::write(&file, &text[..text.len() / 2]).unwrap();
    let code = auditor.run(&["verify", shown]).code;
    assert!(matches!(code, Some(1 | 2)), "a file that was cut off: {code:?}");
    fs::write(&file, "{}").unwrap();
    assert_eq!(auditor.run(&["verify", shown]).code, Some(2));
    assert_eq!(auditor.run(&["verify", "/does/not/exist"]).code, Some(2));
}

/// The same text with its last digit changed.
fn with_a_digit_changed(text: &str) -> String {
    let place = text.rfind(|c: char| c.is_ascii_digit()).unwrap();
    let turned = if &text[place..=place] == "0" { "1" } else { "0" };
    format!("{}{turned}{}", &text[..place], &text[place + 1..])
}

#[test]
fn the_demo_tells_the_whole_story_and_leaves_nothing_behind() {
    let home = Home::empty();
    let temporary = home.file("tmp");
    fs::create_dir(&temporary).unwrap();
    let mut command = home.auditotter(&["demo"]);
    command.env("TMPDIR", &temporary);
    let told = testkit::program::run(command).expect_success();
    for line in [
        "path_not_lent",
        "delegation_revoked",
        "the export holds",
        "caught: it does not hold",
    ] {
        assert!(told.contains(line), "{line} is missing: {told}");
    }
    let left: Vec<_> = fs::read_dir(&temporary).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}
