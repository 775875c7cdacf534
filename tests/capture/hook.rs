//! `auditotter-mcp hook`, by hand.

use std::{fs, os::unix::fs::PermissionsExt as _, thread};

use serde_json::{Value, json};
use testkit::{Home, StdioClient, clients::repository_root};

use crate::{only, recorded};

fn event(session: &str, name: &str, more: &Value) -> String {
    let mut event = json!({ "session_id": session, "hook_event_name": name, "cwd": "/home/alice/shop" });
    let members = event.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    event.to_string()
}

/// The hook of a client that may go on: nothing is printed, for that would become part of the session.
fn tells(home: &Home, client: &str, event: &str) {
    let ran = home.hook(client, event);
    assert_eq!(
        (ran.code, &*ran.stdout, &*ran.stderr),
        (Some(0), "", ""),
        "{event}"
    );
}

#[test]
fn a_session_s_events_are_one_trace_from_its_start_to_its_end() {
    let home = Home::lent();
    for (name, more) in [
        (
            "SessionStart",
            json!({ "source": "startup", "model": "claude-opus-5-5" }),
        ),
        (
            "UserPromptSubmit",
            json!({ "prompt": "Fix the password reset bug", "prompt_id": "p1" }),
        ),
        (
            "PreToolUse",
            json!({ "tool_name": "Bash", "tool_use_id": "t1", "prompt_id": "p1", "tool_input": { "command": "make" } }),
        ),
        (
            "PostToolUseFailure",
            json!({
                "tool_name": "Bash", "tool_use_id": "t1", "prompt_id": "p1", "tool_input": { "command": "make" },
                "error": "Exit code 2\nno rule", "is_interrupt": false,
            }),
        ),
        ("Stop", json!({ "last_assistant_message": "It does not build." })),
        ("SessionEnd", json!({ "reason": "other" })),
    ] {
        tells(&home, "claude-code", &event("s1", name, &more));
    }
    let export = recorded(&home);
    assert_eq!(
        export.kinds(),
        [
            "session.opened",
            "session.started",
            "prompt",
            "tool.called",
            "command.run",
            "turn.ended",
            "session.ended"
        ]
    );
    assert_eq!(
        only(&export, "session.started"),
        json!({ "session": "s1", "source": "startup", "model": "claude-opus-5-5", "cwd": "/home/alice/shop" })
    );
    assert_eq!(
        only(&export, "command.run"),
        json!({ "command": "make", "exit_code": 2, "output": "no rule" })
    );
    let entry = &export.of_kind("command.run")[0].entry;
    assert_eq!(
        (&entry["refs"]["call"], &entry["refs"]["turn"]),
        (&json!("t1"), &json!("p1"))
    );
    assert_eq!(
        (&entry["via"]["agent"], &entry["via"]["instance"]),
        (&json!("claude-code"), &json!("s1"))
    );
    // A client that takes its session up again goes on in the same trace.
    tells(
        &home,
        "claude-code",
        &event("s1", "SessionStart", &json!({ "source": "resume" })),
    );
    assert_eq!(recorded(&home).of_kind("session.started").len(), 2);
}

#[test]
fn two_sessions_and_two_clients_are_kept_apart() {
    let home = Home::lent();
    let _ = home.lend(&testkit::home::Lending::to("codex"));
    for (client, session) in [("claude-code", "s1"), ("claude-code", "s2"), ("codex", "s1")] {
        tells(
            &home,
            client,
            &event(session, "UserPromptSubmit", &json!({ "prompt": "hello" })),
        );
        tells(&home, client, &event(session, "Stop", &json!({})));
    }
    assert_eq!(home.traces().len(), 3);
}

#[test]
fn hooks_that_run_at_once_begin_one_session() {
    let home = Home::lent();
    thread::scope(|scope| {
        for number in 0..8 {
            let home = &home;
            scope.spawn(move || {
                let more =
                    json!({ "tool_name": "Read", "tool_use_id": format!("t{number}"), "tool_input": {} });
                tells(home, "claude-code", &event("s1", "PreToolUse", &more));
            });
        }
    });
    let export = recorded(&home);
    assert_eq!(export.of_kind("session.opened").len(), 1);
    assert_eq!(export.of_kind("tool.called").len(), 8);
    let kept: Vec<_> = fs::read_dir(home.layout().sessions()).unwrap().collect();
    let [kept] = kept.as_slice() else {
        panic!("{kept:?}")
    };
    let mode = kept.as_ref().unwrap().metadata().unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
}

#[test]
fn a_session_whose_file_is_damaged_begins_anew_once() {
    let home = Home::lent();
    tells(&home, "claude-code", &event("s1", "SessionStart", &json!({})));
    let kept = home.layout().sessions();
    let files: Vec<_> = fs::read_dir(&kept)
        .unwrap()
        .map(|file| file.unwrap().path())
        .collect();
    let [file] = files.as_slice() else {
        panic!("{files:?}")
    };
    fs::write(file, "{").unwrap();
    for _ in 0..3 {
        let prompt = event("s1", "UserPromptSubmit", &json!({ "prompt": "Go on" }));
        tells(&home, "claude-code", &prompt);
    }
    let mut entries: Vec<usize> = home
        .traces()
        .iter()
        .map(|trace| home.trace(*trace).len())
        .collect();
    entries.sort_unstable();
    assert_eq!(entries, [2, 4], "one trace until it was damaged, and one since");
}

#[test]
fn a_call_of_our_server_is_recorded_in_the_session_in_which_a_hook_announced_it() {
    let home = Home::lent();
    let mut client: StdioClient = home.claude_code();
    tells(&home, "claude-code", &event("s1", "SessionStart", &json!({})));
    let before = json!({
        "tool_name": "mcp__plugin_auditotter_auditotter__append_trace_note", "tool_use_id": "toolu_1",
        "tool_input": { "text": "here" },
    });
    tells(&home, "claude-code", &event("s1", "PreToolUse", &before));
    let call = json!({
        "name": "append_trace_note", "arguments": { "text": "here" }, "_meta": { "claudecode/toolUseId": "toolu_1" },
    });
    let told = client.request("tools/call", call).unwrap();
    assert_eq!(told["isError"], false, "{told}");
    // The next goes on there, announced or not.
    let _ = client.call("append_trace_note", json!({ "text": "and again" }));
    let _ = client.end();
    tells(&home, "claude-code", &event("s1", "Stop", &json!({})));
    let export = recorded(&home);
    assert_eq!(export.of_kind("note.appended").len(), 2);
    assert_eq!(
        export.of_kind("session.closed").len(),
        0,
        "it is not the server's to end"
    );
    assert_eq!(export.of_kind("turn.ended").len(), 1);
}

#[test]
fn a_hub_that_is_killed_between_two_events_is_started_again_and_goes_on_with_the_trace() {
    let home = Home::lent();
    for prompt in ["one", "two", "three"] {
        tells(
            &home,
            "claude-code",
            &event("s1", "UserPromptSubmit", &json!({ "prompt": prompt })),
        );
        assert!(home.kill_hub(), "it was started by the hook");
    }
    let export = recorded(&home);
    let said: Vec<_> = export
        .of_kind("prompt")
        .iter()
        .map(|entry| entry.body["text"].clone())
        .collect();
    assert_eq!(said, ["one", "two", "three"]);
    assert_eq!(export.of_kind("session.opened").len(), 1);
}

#[test]
fn what_is_no_event_blocks_and_says_why() {
    let home = Home::lent();
    for wrong in ["", "{", "[]", "{\"session_id\":\"s\"}"] {
        let ran = home.hook("claude-code", wrong);
        assert_eq!((ran.code, &*ran.stdout), (Some(2), ""), "{wrong}");
        assert!(
            ran.stderr.contains("the hook's input is no event"),
            "{}",
            ran.stderr
        );
    }
    assert_eq!(home.hook("cursor", "{}").code, Some(2), "no such client");
}

#[test]
fn without_a_delegation_people_are_told_and_only_a_repository_with_rules_stops() {
    let home = Home::founded();
    let folder = home.file("shop");
    fs::create_dir_all(folder.join("src")).unwrap();
    let before = json!({
        "tool_name": "Write", "tool_use_id": "t1", "tool_input": {}, "cwd": folder.join("src"),
    });
    let ran = home.hook("claude-code", &event("s1", "PreToolUse", &before));
    assert_eq!((ran.code, &*ran.stdout), (Some(0), ""));
    assert!(
        ran.stderr.contains("nothing is lent to `claude-code`"),
        "{}",
        ran.stderr
    );
    assert!(
        ran.stderr.contains("auditotter delegate --agent claude-code"),
        "{}",
        ran.stderr
    );
    fs::create_dir(folder.join(".auditotter")).unwrap();
    fs::write(folder.join(".auditotter/policy.toml"), "mode = \"enforce\"\n").unwrap();
    let ran = home.hook("claude-code", &event("s1", "PreToolUse", &before));
    assert_eq!(ran.code, Some(0));
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    let decided = &told["hookSpecificOutput"];
    assert_eq!(decided["permissionDecision"], "deny", "{told}");
    let why = decided["permissionDecisionReason"].as_str().unwrap();
    assert!(why.contains("nothing is lent to `claude-code`"), "{why}");
    // What happened anyway is not stopped by that.
    let after = json!({ "cwd": folder, "prompt": "hello" });
    let ran = home.hook("claude-code", &event("s1", "UserPromptSubmit", &after));
    assert_eq!((ran.code, &*ran.stdout), (Some(0), ""));
}

#[test]
fn what_was_taken_back_is_not_acted_under_and_what_is_lent_anew_is() {
    let home = Home::lent();
    tells(
        &home,
        "claude-code",
        &event("s1", "UserPromptSubmit", &json!({ "prompt": "one" })),
    );
    let lent: Vec<Value> =
        serde_json::from_str(&home.run(&["delegations", "--json"]).expect_success()).unwrap();
    let id = lent[0]["id"].as_str().unwrap();
    let _ = home.run(&["revoke", id]).expect_success();
    let ran = home.hook(
        "claude-code",
        &event("s1", "UserPromptSubmit", &json!({ "prompt": "two" })),
    );
    assert_eq!((ran.code, &*ran.stdout), (Some(0), ""));
    assert!(
        ran.stderr.contains("UserPromptSubmit was not recorded"),
        "{}",
        ran.stderr
    );
    let _ = home.lend(&testkit::home::Lending::to("claude-code"));
    tells(
        &home,
        "claude-code",
        &event("s1", "UserPromptSubmit", &json!({ "prompt": "three" })),
    );
    assert_eq!(home.traces().len(), 2);
}

#[test]
fn an_event_that_is_far_too_long_is_kept_with_its_long_texts_cut() {
    let home = Home::lent();
    let output = "x".repeat(9 * 1024 * 1024);
    let more = json!({ "tool_name": "Bash", "tool_use_id": "t1", "tool_input": { "command": "yes" }, "tool_response": { "stdout": output } });
    tells(&home, "claude-code", &event("s1", "PostToolUse", &more));
    let kept = only(&recorded(&home), "command.run")["output"]
        .as_str()
        .unwrap()
        .to_owned();
    assert!(kept.len() < 300 * 1024, "{}", kept.len());
    assert!(
        kept.ends_with("[9175040 more bytes were not recorded]"),
        "{}",
        &kept[kept.len() - 60..]
    );
}

#[test]
fn every_event_that_a_real_client_ever_told_is_recorded() {
    for client in ["claude-code", "codex"] {
        let home = Home::founded();
        let _ = home.lend(&testkit::home::Lending::to(client));
        let folder = repository_root().join("capture/tests/events").join(client);
        let mut events: Vec<_> = fs::read_dir(folder)
            .unwrap()
            .map(|entry| entry.unwrap().path())
            .collect();
        events.sort();
        for path in &events {
            let ran = home.hook(client, &fs::read_to_string(path).unwrap());
            assert_eq!(
                (ran.code, &*ran.stdout, &*ran.stderr),
                (Some(0), "", ""),
                "{}",
                path.display()
            );
        }
        for trace in home.traces() {
            let shown = home.run(&["trace", "show", &trace.to_string()]).expect_success();
            assert!(!shown.contains("unreadable"), "{shown}");
        }
        let _ = home.run(&["trace", "verify"]).expect_success();
    }
}

/// A home in which no hub starts, until the returned way back is taken.
pub(crate) fn without_a_hub(home: &Home) -> impl FnOnce() + use<> {
    home.stop_hub();
    let store = home.layout().store();
    let aside = store.with_extension("aside");
    fs::rename(&store, &aside).unwrap();
    fs::write(&store, "no folder").unwrap();
    move || {
        fs::remove_file(&store).unwrap();
        fs::rename(&aside, &store).unwrap();
    }
}

#[test]
fn what_is_told_while_no_hub_starts_is_kept_sealed_and_taken_in_in_order() {
    let home = Home::lent();
    tells(
        &home,
        "claude-code",
        &event("s1", "UserPromptSubmit", &json!({ "prompt": "before" })),
    );
    let back = without_a_hub(&home);
    for prompt in ["one, and a word for nobody", "two"] {
        tells(
            &home,
            "claude-code",
            &event("s1", "UserPromptSubmit", &json!({ "prompt": prompt })),
        );
    }
    let spooled: Vec<_> = fs::read_dir(home.layout().spool())
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .collect();
    assert_eq!(spooled.len(), 2);
    for path in &spooled {
        assert!(
            !fs::read_to_string(path).unwrap().contains("nobody"),
            "it is sealed"
        );
        assert_eq!(fs::metadata(path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    back();
    tells(
        &home,
        "claude-code",
        &event("s1", "UserPromptSubmit", &json!({ "prompt": "after" })),
    );
    let export = recorded(&home);
    let prompts = export.of_kind("prompt");
    let said: Vec<_> = prompts.iter().map(|entry| entry.body["text"].clone()).collect();
    assert_eq!(said, ["before", "one, and a word for nobody", "two", "after"]);
    let claims: Vec<_> = prompts
        .iter()
        .map(|entry| entry.entry["refs"]["claimed_at"].is_string())
        .collect();
    assert_eq!(claims, [false, true, true, false]);
    assert_eq!(fs::read_dir(home.layout().spool()).unwrap().count(), 0);
}

#[test]
fn what_somebody_else_puts_into_the_spool_is_nobodys_word() {
    let home = Home::lent();
    tells(
        &home,
        "claude-code",
        &event("s1", "UserPromptSubmit", &json!({ "prompt": "before" })),
    );
    let back = without_a_hub(&home);
    tells(
        &home,
        "claude-code",
        &event("s1", "UserPromptSubmit", &json!({ "prompt": "kept" })),
    );
    let spool = home.layout().spool();
    let path = fs::read_dir(&spool).unwrap().next().unwrap().unwrap().path();
    let mut file: Value = serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap();
    let mut record: Value = serde_json::from_str(file["record"].as_str().unwrap()).unwrap();
    // The same event, of which somebody says that it was another client's.
    record["what"]["told"]["client"] = json!("codex");
    file["record"] = json!(record.to_string());
    fs::write(spool.join("00000000000000000001-forged.json"), file.to_string()).unwrap();
    back();
    tells(
        &home,
        "claude-code",
        &event("s1", "UserPromptSubmit", &json!({ "prompt": "after" })),
    );
    let export = recorded(&home);
    let said: Vec<_> = export
        .of_kind("prompt")
        .iter()
        .map(|entry| entry.body["text"].clone())
        .collect();
    assert_eq!(said, ["before", "kept", "after"]);
    assert!(spool.join("refused/00000000000000000001-forged.json").exists());
}

#[test]
fn where_no_hub_starts_a_repository_with_rules_is_not_written_in() {
    let home = Home::lent();
    let folder = home.file("shop");
    fs::create_dir_all(folder.join(".auditotter")).unwrap();
    fs::write(folder.join(".auditotter/policy.toml"), "mode = \"enforce\"\n").unwrap();
    tells(
        &home,
        "claude-code",
        &event("s1", "UserPromptSubmit", &json!({ "prompt": "before" })),
    );
    let _back = without_a_hub(&home);
    let before = json!({ "tool_name": "Write", "tool_use_id": "t1", "tool_input": {}, "cwd": folder });
    let ran = home.hook("claude-code", &event("s1", "PreToolUse", &before));
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(ran.stdout.contains("\"permissionDecision\":\"deny\""), "{ran:?}");
    assert!(ran.stdout.contains("they cannot be asked"), "{ran:?}");
}

#[test]
fn a_call_that_no_hook_announced_is_a_gap_in_a_session_whose_hooks_tell_the_rest() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let note = |id: &str| json!({ "name": "append_trace_note", "arguments": { "text": id }, "_meta": { "claudecode/toolUseId": id } });
    let announce = |id: &str| {
        let more =
            json!({ "tool_name": "mcp__auditotter__append_trace_note", "tool_use_id": id, "tool_input": {} });
        tells(&home, "claude-code", &event("s1", "PreToolUse", &more));
    };
    announce("one");
    for id in ["one", "two"] {
        assert!(client.request("tools/call", note(id)).is_ok());
    }
    // What was announced before a hub was killed was announced.
    announce("three");
    assert!(home.kill_hub());
    assert!(client.request("tools/call", note("three")).is_ok());
    let _ = client.end();
    let export = recorded(&home);
    assert_eq!(
        only(&export, "capture.gap"),
        json!({ "unannounced": { "tool": "append_trace_note" } })
    );
    assert_eq!(export.of_kind("capture.gap")[0].entry["refs"]["call"], "two");
}

#[test]
fn settings_that_change_are_a_gap_and_where_rules_are_enforced_they_wait() {
    let home = Home::lent();
    let folder = home.file("shop");
    fs::create_dir_all(folder.join(".auditotter")).unwrap();
    let changed = json!({ "source": "local_settings", "file_path": "/home/alice/shop/.claude/settings.local.json", "cwd": folder });
    tells(&home, "claude-code", &event("s1", "ConfigChange", &changed));
    fs::write(folder.join(".auditotter/policy.toml"), "mode = \"enforce\"\n").unwrap();
    let ran = home.hook("claude-code", &event("s1", "ConfigChange", &changed));
    assert_eq!((ran.code, &*ran.stdout), (Some(2), ""), "{ran:?}");
    assert!(ran.stderr.contains("hold until it ends"), "{ran:?}");
    let gaps = recorded(&home);
    let gaps = gaps.of_kind("capture.gap");
    assert_eq!(gaps.len(), 2);
    assert_eq!(gaps[0].body["settings_changed"]["source"], "local_settings");
}

#[test]
fn a_hub_that_has_stopped_is_not_waited_for_longer_than_a_client_waits() {
    let home = Home::lent();
    let folder = home.file("shop");
    fs::create_dir_all(folder.join(".auditotter")).unwrap();
    fs::write(folder.join(".auditotter/policy.toml"), "mode = \"enforce\"\n").unwrap();
    tells(
        &home,
        "claude-code",
        &event("s1", "UserPromptSubmit", &json!({ "prompt": "before" })),
    );
    let hub = rustix::process::Pid::from_raw(home.hub().unwrap().try_into().unwrap()).unwrap();
    rustix::process::kill_process(hub, rustix::process::Signal::STOP).unwrap();
    let before = json!({ "tool_name": "Write", "tool_use_id": "t1", "tool_input": {}, "cwd": folder });
    let ran = home.hook("claude-code", &event("s1", "PreToolUse", &before));
    let changed = json!({ "source": "local_settings", "cwd": folder });
    let kept = home.hook("claude-code", &event("s1", "ConfigChange", &changed));
    rustix::process::kill_process(hub, rustix::process::Signal::CONT).unwrap();
    assert!(ran.stdout.contains("\"permissionDecision\":\"deny\""), "{ran:?}");
    assert_eq!((kept.code, &*kept.stdout), (Some(2), ""), "{kept:?}");
}
