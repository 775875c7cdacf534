//! `auditotter blame`: what is said of each line, and what is not.

use std::fs;

use serde_json::{Value, json};
use testkit::program;
use vocabulary::WorkItemId;

use crate::Shop;

/// The spans of an answer, each as its lines and how much is certain.
pub(crate) fn spans(told: &Value) -> Vec<(u64, u64, &str)> {
    let spans = told.as_array().unwrap().iter();
    spans
        .map(|span| {
            (
                span["from"].as_u64().unwrap(),
                span["to"].as_u64().unwrap(),
                span["certain"].as_str().unwrap(),
            )
        })
        .collect()
}

#[test]
fn a_line_leads_to_the_edit_the_prompt_the_work_and_whoever_approved_it() {
    let shop = Shop::open();
    let mut client = shop.home.claude_code();
    shop.tells(
        "UserPromptSubmit",
        json!({ "prompt": "Fix the reset bug", "prompt_id": "p1" }),
    );
    let announce = json!({ "tool_name": "mcp__auditotter__propose_work_item", "tool_use_id": "t0", "prompt_id": "p1", "tool_input": {} });
    shop.tells("PreToolUse", announce);
    let call = json!({
        "name": "propose_work_item", "arguments": { "title": "Fix the reset", "paths": ["src/**"] },
        "_meta": { "claudecode/toolUseId": "t0" },
    });
    let proposed = client.request("tools/call", call).unwrap();
    let id: WorkItemId = proposed["structuredContent"]["id"]
        .as_str()
        .unwrap()
        .parse()
        .unwrap();
    let _ = client.end();
    shop.home.decide(id, identity::HumanVerb::Approve, Some("go on"));
    shop.writes("src/reset.rs", "fn reset() {\n    token();\n}\n", "t1", "p1");
    shop.tells(
        "UserPromptSubmit",
        json!({ "prompt": "Now log it\nplease \u{1b}[31m", "prompt_id": "p2" }),
    );
    shop.git(&["add", "."]);
    shop.agent(&["commit", "--quiet", "-m", "Fix the reset"]);
    // Alice adds a line, and does not commit another.
    let file = shop.folder().join("src/reset.rs");
    fs::write(&file, "fn reset() {\n    token();\n    alice();\n}\n").unwrap();
    shop.git(&["commit", "--quiet", "-am", "By hand"]);
    fs::write(&file, "// new\nfn reset() {\n    token();\n    alice();\n}\n").unwrap();

    let told = shop.blame("src/reset.rs");
    assert_eq!(
        spans(&told),
        [
            (1, 1, "uncommitted"),
            (2, 3, "edit"),
            (4, 4, "nobody"),
            (5, 5, "edit")
        ]
    );
    let session = &told[1]["sessions"][0];
    assert_eq!(
        (&session["trace"], &session["on_behalf_of"], &session["doubts"]),
        (&json!(shop.trace), &json!("Alice"), &json!([]))
    );
    let edit = &session["edit"];
    assert_eq!(
        (&edit["tool"], &edit["elsewhere"]),
        (&json!("Write"), &json!(false)),
        "{edit}"
    );
    assert_eq!(edit["prompt"]["text"], "Fix the reset bug");
    assert_eq!(edit["prompt"]["same_turn"], true);
    assert_eq!(edit["work_item"]["id"], id.to_string(), "{edit}");
    assert_eq!(edit["work_item"]["title"], "Fix the reset");
    assert_eq!(edit["work_item"]["decisions"][0]["verb"], "approve");
    assert_eq!(edit["work_item"]["decisions"][0]["by"], "Alice");
    assert_eq!(edit["work_item"]["decisions"][0]["tier"], "T0");
    assert_eq!(told[2]["commit"]["subject"], "By hand");
    assert_eq!(told[2]["sessions"], json!([]));

    let one = shop.auditotter(&["blame", "src/reset.rs:3"]).expect_success();
    assert!(
        one.contains("3         Alice, via claude-code")
            && one.contains("Fix the reset bug")
            && one.contains("approve by Alice"),
        "{one}"
    );
    let mine = shop.auditotter(&["blame", "src/reset.rs:4"]).expect_success();
    assert!(
        mine.contains("nobody's session") && mine.contains("By hand"),
        "{mine}"
    );
    assert_eq!(shop.auditotter(&["blame", "src/reset.rs:9"]).code, Some(1));
}

#[test]
fn where_only_the_session_is_certain_it_says_so() {
    let shop = Shop::open();
    shop.writes("kept.txt", "one line of the agent's\n", "t1", "p1");
    // Written by a program that the agent started.
    fs::write(
        shop.folder().join("kept.txt"),
        "one line of the agent's\nanother one\n",
    )
    .unwrap();
    fs::write(shop.folder().join("made.txt"), "made by a program\n").unwrap();
    shop.git(&["add", "."]);
    shop.agent(&["commit", "--quiet", "-m", "Both"]);
    assert_eq!(
        spans(&shop.blame("kept.txt")),
        [(1, 1, "edit"), (2, 2, "session")]
    );
    let told = shop.blame("made.txt");
    assert_eq!(spans(&told), [(1, 1, "session")]);
    assert_eq!(told[0]["sessions"][0]["edits_of_file"], 0);
    let words = shop.auditotter(&["blame", "kept.txt"]).expect_success();
    assert!(words.contains("only the session is certain"), "{words}");
}

#[test]
fn a_trailer_that_does_not_fit_is_told_as_such() {
    let shop = Shop::open();
    shop.writes("a.txt", "somebody's line\n", "t1", "p1");
    shop.git(&["add", "."]);
    let commit = |message: &str, date: &str| {
        let mut command = shop.git_in(&shop.folder(), &["commit", "--quiet", "--amend", "-m", message]);
        command
            .env("GIT_AUTHOR_DATE", date)
            .env("GIT_COMMITTER_DATE", date);
        if let Some(date) = Some(date).filter(|date| !date.is_empty()) {
            command.arg("--date").arg(date);
        }
        let _ = program::run(command).expect_success();
    };
    shop.git(&["commit", "--quiet", "-m", "x"]);
    let named = format!("x\n\nAuditotter-Trace: {}", shop.trace);
    commit(&named, "2001-01-01T00:00:00Z");
    let told = shop.blame("a.txt");
    assert_eq!(spans(&told), [(1, 1, "session")]);
    let doubts = told[0]["sessions"][0]["doubts"].to_string();
    assert!(
        doubts.contains("before the session began") && doubts.contains("only after the commit"),
        "{doubts}"
    );
    commit(&named, "2099-01-01T00:00:00Z");
    let told = shop.blame("a.txt");
    assert!(
        told[0]["sessions"][0]["doubts"]
            .to_string()
            .contains("after the session's last entry"),
        "{told}"
    );
    assert_eq!(
        spans(&told),
        [(1, 1, "edit")],
        "the edit is on record all the same"
    );
    commit(
        "x\n\nAuditotter-Trace: tr_00000000000000000000000000\nAuditotter-Trace: \u{1b}[31mnothing",
        "2099-01-01T00:00:00Z",
    );
    let told = shop.blame("a.txt");
    assert_eq!(spans(&told), [(1, 1, "unknown")]);
    let words = shop.auditotter(&["blame", "a.txt"]).expect_success();
    assert!(words.contains("knows no such trace"), "{words}");
}

#[test]
fn squashed_commits_name_several_sessions_and_the_edit_says_which() {
    let shop = Shop::open();
    shop.writes("a.txt", "first session's words\n", "t1", "p1");
    let other = json!({ "session_id": "another", "hook_event_name": "SessionStart", "cwd": shop.folder(), "source": "startup" });
    assert_eq!(shop.home.hook("claude-code", &other.to_string()).code, Some(0));
    let traces: Vec<String> = shop.home.traces().iter().map(ToString::to_string).collect();
    let other = traces.iter().find(|trace| **trace != shop.trace).unwrap();
    fs::write(
        shop.folder().join("a.txt"),
        "first session's words\nnobody knows whose\n",
    )
    .unwrap();
    shop.git(&["add", "."]);
    let message = format!(
        "Squashed\n\nAuditotter-Trace: {other}\n\nand\n\nAuditotter-Trace: {}",
        shop.trace
    );
    shop.git(&["commit", "--quiet", "-m", &message]);
    let told = shop.blame("a.txt");
    assert_eq!(spans(&told), [(1, 1, "edit"), (2, 2, "session")]);
    assert_eq!(told[0]["sessions"].as_array().unwrap().len(), 1);
    assert_eq!(told[0]["sessions"][0]["trace"], shop.trace);
    assert_eq!(told[1]["sessions"].as_array().unwrap().len(), 2);
}

#[test]
fn hostile_names_are_names_and_steer_nothing() {
    let shop = Shop::open();
    for name in [
        "--help",
        "-L1,2",
        "a:3",
        ":(glob)**",
        "new\nline \u{1b}[31m\u{202e}",
        "\"quoted\"\t\\n",
        "spaces and é.txt",
    ] {
        shop.writes(name, "a telling line\n", name, "p1");
        shop.git(&["add", "--", &format!(":(literal){name}")]);
        shop.agent(&["commit", "--quiet", "-m", "Odd \u{1b}[31m\u{202e} name"]);
        let place = format!("./{name}");
        assert_eq!(spans(&shop.blame(&place)), [(1, 1, "edit")], "{name:?}");
        let words = shop.auditotter(&["blame", &place]).expect_success();
        assert!(!words.contains(['\u{1b}', '\u{202e}']), "{words:?}");
        assert_eq!(
            words.lines().filter(|line| line.starts_with("1 ")).count(),
            1,
            "{words}"
        );
    }
    // A word that looks like an option is none behind `--`.
    let ran = shop.auditotter(&["blame", "--", "--help"]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert_eq!(shop.auditotter(&["blame", "none.rs"]).code, Some(1));
}

#[test]
fn a_repository_s_settings_run_nothing_and_answer_nothing_else() {
    let shop = Shop::open();
    shop.writes("a.txt", "a telling line\n", "t1", "p1");
    shop.git(&["add", "."]);
    shop.agent(&["commit", "--quiet", "-m", "Fix it"]);
    fs::write(shop.folder().join("a.txt"), "a telling line\nmore\n").unwrap();
    fs::write(shop.folder().join(".gitattributes"), "* diff=evil filter=evil\n").unwrap();
    fs::write(
        shop.folder().join(".mailmap"),
        "Mallory <mallory@example.com> <alice@example.com>\n",
    )
    .unwrap();
    let head = shop.git(&["rev-parse", "HEAD"]);
    fs::write(shop.folder().join(".git/ignored"), &head).unwrap();
    for (name, value) in [
        ("diff.evil.textconv", "touch ran; cat"),
        ("diff.evil.command", "touch ran; cat"),
        ("diff.external", "touch ran"),
        ("filter.evil.clean", "touch ran; cat"),
        ("filter.evil.process", "touch ran"),
        ("core.fsmonitor", "touch ran"),
        ("core.pager", "touch ran"),
        ("blame.ignoreRevsFile", ".git/ignored"),
        ("blame.date", "relative"),
        ("log.showSignature", "true"),
        ("gpg.program", "touch ran"),
    ] {
        shop.git(&["config", name, value]);
    }
    let told = shop.blame("a.txt");
    assert_eq!(spans(&told), [(1, 1, "edit"), (2, 2, "uncommitted")]);
    assert_eq!(told[0]["commit"]["author"], "Alice <alice@example.com>");
    assert!(!shop.folder().join("ran").exists());
}
