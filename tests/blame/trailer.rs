//! Which commits name the session in which they were made, and which do not.

use std::fs;

use serde_json::json;
use testkit::program;

use crate::{SESSION, Shop};

#[test]
fn a_commit_of_an_agent_names_its_trace_and_one_of_a_human_none() {
    let shop = Shop::open();
    shop.agent(&["commit", "--quiet", "--allow-empty", "-m", "By the agent"]);
    assert_eq!(
        shop.message("HEAD"),
        format!("By the agent\n\nAuditotter-Trace: {}\n\n", shop.trace)
    );
    shop.git(&["commit", "--quiet", "--allow-empty", "-m", "By Alice"]);
    assert_eq!(shop.message("HEAD"), "By Alice\n\n");
    // A session that nobody recorded.
    let mut command = shop.git_in(
        &shop.folder(),
        &["commit", "--quiet", "--allow-empty", "-m", "By somebody"],
    );
    command
        .env("CLAUDE_CODE_SESSION_ID", "another")
        .env("CODEX_SESSION_ID", SESSION);
    let _ = program::run(command).expect_success();
    assert_eq!(shop.message("HEAD"), "By somebody\n\n");
}

#[test]
fn who_skips_the_hooks_that_verify_is_named_all_the_same() {
    let shop = Shop::open();
    shop.agent(&[
        "commit",
        "--quiet",
        "--allow-empty",
        "--no-verify",
        "-m",
        "In a hurry",
    ]);
    assert_eq!(shop.named("HEAD"), 1);
}

#[test]
fn what_is_made_anew_does_not_name_it_twice_nor_take_others_commits() {
    let shop = Shop::open();
    for name in ["one", "two", "three"] {
        fs::write(shop.folder().join(name), name).unwrap();
        shop.git(&["add", name]);
        if name == "two" {
            shop.git(&["commit", "--quiet", "-m", "By Alice"]);
        } else {
            shop.agent(&["commit", "--quiet", "-m", name]);
        }
    }
    shop.agent(&["commit", "--quiet", "--amend", "--no-edit"]);
    shop.agent(&["commit", "--quiet", "--amend", "-m", "three, said anew"]);
    assert_eq!(shop.named("HEAD"), 1);
    // The agent moves everybody's commits.
    shop.git(&["switch", "--quiet", "-c", "base", "main"]);
    shop.git(&["commit", "--quiet", "--allow-empty", "-m", "Newer"]);
    shop.git(&["switch", "--quiet", "work"]);
    shop.agent(&["rebase", "--quiet", "--no-fork-point", "base"]);
    assert_eq!(
        [shop.named("HEAD"), shop.named("HEAD~1"), shop.named("HEAD~2")],
        [1, 0, 1]
    );
    shop.agent(&[
        "cherry-pick",
        "--allow-empty",
        "--keep-redundant-commits",
        "HEAD~1",
    ]);
    assert_eq!(shop.named("HEAD"), 0, "{}", shop.message("HEAD"));
    shop.git(&["reset", "--quiet", "--hard", "HEAD~1"]);
    // Alice squashes: what was said stays, once for each.
    let mut command = shop.git_in(&shop.folder(), &["rebase", "--quiet", "-i", "HEAD~3"]);
    command
        .env("GIT_SEQUENCE_EDITOR", "sed -i -e '2,$s/^pick/squash/'")
        .env("GIT_EDITOR", "true");
    let _ = program::run(command).expect_success();
    let message = shop.message("HEAD");
    assert!(
        message.contains("By Alice") && message.contains("said anew"),
        "{message}"
    );
    assert_eq!(shop.named("HEAD"), 2, "each of the two said so: {message}");
    shop.agent(&["commit", "--quiet", "--amend", "--no-edit"]);
    assert_eq!(shop.named("HEAD"), 2);
    // And a merge is the agent's own.
    shop.git(&["switch", "--quiet", "-c", "side", "base"]);
    shop.git(&["commit", "--quiet", "--allow-empty", "-m", "Aside"]);
    shop.agent(&["merge", "--quiet", "--no-ff", "-m", "Merge it", "work"]);
    assert_eq!(shop.named("HEAD"), 1);
    shop.agent(&["revert", "--no-edit", "-m", "1", "HEAD"]);
    assert_eq!(shop.named("HEAD"), 1);
}

#[test]
fn messages_keep_what_they_are() {
    let shop = Shop::open();
    let line = format!("Auditotter-Trace: {}", shop.trace);
    let file = shop.home.file("message");
    for (message, expected) in [
        ("Fix\r\n\r\nBody\r\n", format!("Fix\r\n\r\nBody\r\n\n{line}\n\n")),
        (
            "Fix\r\n\r\nSigned-off-by: A <a@example.com>\r\n",
            // Git ends the lines of a block of trailers itself.
            format!("Fix\r\n\r\nSigned-off-by: A <a@example.com>\n{line}\n\n"),
        ),
        (
            "Fix\n\nSigned-off-by: A <a@example.com>\n",
            format!("Fix\n\nSigned-off-by: A <a@example.com>\n{line}\n\n"),
        ),
        (
            "Fix: $(touch ran) `touch ran` %s \u{1b}[31m\n",
            format!("Fix: $(touch ran) `touch ran` %s \u{1b}[31m\n\n{line}\n\n"),
        ),
        ("--help\n", format!("--help\n\n{line}\n\n")),
    ] {
        fs::write(&file, message).unwrap();
        shop.agent(&[
            "commit",
            "--quiet",
            "--allow-empty",
            "--cleanup=verbatim",
            "-F",
            file.to_str().unwrap(),
        ]);
        assert_eq!(shop.message("HEAD"), expected, "{message:?}");
    }
    assert!(!shop.folder().join("ran").exists());
}

#[test]
fn a_message_that_is_left_empty_is_no_commit_and_one_from_an_editor_names_the_trace() {
    let shop = Shop::open();
    let commit = |editor: &str, more: &[&str]| {
        let arguments = [&["commit", "--quiet", "--allow-empty"], more].concat();
        let mut command = shop.git_in(&shop.folder(), &arguments);
        command
            .env("CLAUDE_CODE_SESSION_ID", SESSION)
            .env("GIT_EDITOR", editor);
        program::run(command)
    };
    let left = commit("true", &[]);
    assert_eq!(left.code, Some(1), "{left:?}");
    assert!(left.stderr.contains("empty commit message"), "{left:?}");
    let written = commit("sed -i '1s/^/Written in an editor/'", &["--verbose"]);
    assert_eq!(written.code, Some(0), "{written:?}");
    assert_eq!(
        shop.message("HEAD"),
        format!("Written in an editor\n\nAuditotter-Trace: {}\n\n", shop.trace)
    );
    shop.git(&["config", "core.commentChar", ";"]);
    let other = commit("sed -i '1s/^/# 12 is fixed/'", &[]);
    assert_eq!(other.code, Some(0), "{other:?}");
    assert_eq!(
        shop.message("HEAD"),
        format!("# 12 is fixed\n\nAuditotter-Trace: {}\n\n", shop.trace)
    );
    assert_eq!(commit("true", &[]).code, Some(1));
}

#[test]
fn settings_of_the_repository_run_nothing_and_add_nothing() {
    let shop = Shop::open();
    for (name, value) in [
        ("trailer.auditotter-trace.command", "touch ran; echo no"),
        ("trailer.sign.key", "Signed-off-by"),
        ("trailer.sign.cmd", "touch ran; echo Mallory"),
        ("trailer.ifexists", "doNothing"),
        ("trailer.where", "start"),
    ] {
        shop.git(&["config", name, value]);
    }
    shop.agent(&[
        "commit",
        "--quiet",
        "--allow-empty",
        "-m",
        "Fix\n\nReviewed-by: Bob",
    ]);
    assert_eq!(
        shop.message("HEAD"),
        format!("Fix\n\nReviewed-by: Bob\nAuditotter-Trace: {}\n\n", shop.trace)
    );
    assert!(!shop.folder().join("ran").exists());
}

#[test]
fn whatever_is_wrong_the_commit_goes_on() {
    let shop = Shop::open();
    let sessions = shop.home.layout().sessions();
    let kept = fs::read_dir(&sessions).unwrap().next().unwrap().unwrap().path();
    let whole = fs::read(&kept).unwrap();
    let commits_without = |why: &str| {
        let mut command = shop.git_in(&shop.folder(), &["commit", "--quiet", "--allow-empty", "-m", why]);
        command.env("CLAUDE_CODE_SESSION_ID", SESSION);
        let ran = program::run(command);
        assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (Some(0), "", ""), "{why}");
        assert_eq!(shop.message("HEAD"), format!("{why}\n\n"));
    };
    fs::write(&kept, "{").unwrap();
    commits_without("a damaged session");
    fs::remove_file(&kept).unwrap();
    // Whoever reads it waits for a writer that never comes.
    let made = program::run({
        let mut command = shop.home.command("mkfifo");
        command.arg(&kept);
        command
    });
    assert_eq!(made.code, Some(0));
    commits_without("a session that blocks its reader");
    fs::remove_file(&kept).unwrap();
    fs::create_dir(&kept).unwrap();
    commits_without("a folder in its place");
    fs::remove_dir(&kept).unwrap();
    commits_without("no session");
    fs::write(&kept, &whole).unwrap();
    shop.agent(&["commit", "--quiet", "--allow-empty", "-m", "All is well"]);
    assert_eq!(shop.named("HEAD"), 1);
    let hook = shop.folder().join(".git/hooks/commit-msg");
    for hook in [hook.clone(), hook.with_file_name("prepare-commit-msg")] {
        let text = fs::read_to_string(&hook).unwrap();
        let mcp = program::path("auditotter-mcp");
        fs::write(
            &hook,
            text.replace(mcp.to_str().unwrap(), "/nowhere/auditotter-mcp"),
        )
        .unwrap();
    }
    commits_without("no auditotter-mcp");
    for arguments in [
        &["trailer"][..],
        &["trailer", "pre-commit", "x"],
        &["trailer", "commit-msg", "--", "/nowhere"],
    ] {
        let ran = program::run(shop.home.auditotter_mcp(arguments));
        assert_eq!(ran.stdout, "", "{arguments:?}");
    }
}

#[test]
fn codex_names_its_session_otherwise_and_an_agent_in_an_agent_names_both() {
    let shop = Shop::open();
    let _ = shop.home.lend(&testkit::home::Lending::to("codex"));
    let event = json!({ "session_id": "root", "hook_event_name": "SessionStart", "cwd": shop.folder(), "source": "startup" });
    assert_eq!(shop.home.hook("codex", &event.to_string()).code, Some(0));
    let traces: Vec<String> = shop.home.traces().iter().map(ToString::to_string).collect();
    let codex = traces.iter().find(|trace| **trace != shop.trace).unwrap();
    let mut command = shop.git_in(
        &shop.folder(),
        &["commit", "--quiet", "--allow-empty", "-m", "By Codex"],
    );
    command
        .env("CODEX_SESSION_ID", "root")
        .env("CODEX_THREAD_ID", "of its helper");
    let _ = program::run(command).expect_success();
    assert_eq!(
        shop.message("HEAD"),
        format!("By Codex\n\nAuditotter-Trace: {codex}\n\n")
    );
    let mut command = shop.git_in(
        &shop.folder(),
        &["commit", "--quiet", "--allow-empty", "-m", "By both"],
    );
    command
        .env("CODEX_SESSION_ID", "root")
        .env("CLAUDE_CODE_SESSION_ID", SESSION);
    let _ = program::run(command).expect_success();
    assert_eq!(
        shop.message("HEAD"),
        format!(
            "By both\n\nAuditotter-Trace: {}\nAuditotter-Trace: {codex}\n\n",
            shop.trace
        )
    );
}

#[test]
fn a_linked_worktree_has_the_same_hooks() {
    let shop = Shop::open();
    let tree = shop.home.file("linked tree");
    shop.git(&[
        "worktree",
        "add",
        "--quiet",
        "-b",
        "linked",
        tree.to_str().unwrap(),
    ]);
    let mut command = shop.git_in(&tree, &["commit", "--quiet", "--allow-empty", "-m", "Elsewhere"]);
    command.env("CLAUDE_CODE_SESSION_ID", SESSION);
    let _ = program::run(command).expect_success();
    assert_eq!(shop.named("linked"), 1);
    let mut command = shop.home.auditotter(&["install", "git"]);
    command.current_dir(&tree);
    let told = program::run(command).expect_success();
    assert!(told.contains("Nothing had to change."), "{told}");
}
