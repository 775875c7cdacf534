//! The gate: what an agent may do with its client's own tools, before and after a human said yes.

use std::{fs, path::Path, sync::Arc};

use identity::HumanVerb;
use serde_json::{Value, json};
use testkit::{
    Home, Repository, ScriptedModel, Step,
    clients::{ClaudeCode, PLUGIN_SERVER},
};

use crate::{only, recorded};

/// A repository in which the gate is enforced.
fn gated(home: &Home) -> Repository<'_> {
    let repository = home.repository();
    rules(&repository.folder, "mode = \"enforce\"\n");
    repository
}

fn rules(folder: &Path, text: &str) {
    fs::create_dir_all(folder.join(".auditotter")).unwrap();
    fs::write(folder.join(".auditotter/policy.toml"), text).unwrap();
}

/// What the hook says to the use of a tool; `None` where it may go on.
fn asked(home: &Home, folder: &Path, tool: &str, input: &Value) -> Option<String> {
    let event = json!({
        "session_id": "s1", "hook_event_name": "PreToolUse", "cwd": folder, "tool_name": tool, "tool_use_id": "t1",
        "tool_input": input,
    });
    let ran = home.hook("claude-code", &event.to_string());
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""), "{input}");
    if ran.stdout.is_empty() {
        return None;
    }
    let told: Value = serde_json::from_str(&ran.stdout).unwrap();
    let decided = &told["hookSpecificOutput"];
    assert_eq!(decided["hookEventName"], "PreToolUse");
    assert_eq!(decided["permissionDecision"], "deny");
    Some(decided["permissionDecisionReason"].as_str().unwrap().to_owned())
}

fn writes(home: &Home, folder: &Path, file: &str) -> Option<String> {
    let input = json!({ "file_path": folder.join(file), "content": "x" });
    asked(home, folder, "Write", &input)
}

fn runs(home: &Home, folder: &Path, command: &str) -> Option<String> {
    asked(home, folder, "Bash", &json!({ "command": command }))
}

/// Something is proposed in the session of the hooks; returns its id.
fn proposes(home: &Home, arguments: Value) -> vocabulary::WorkItemId {
    let mut client = home.claude_code();
    let before = json!({
        "session_id": "s1", "hook_event_name": "PreToolUse", "tool_name": "mcp__auditotter__propose_work_item",
        "tool_use_id": "toolu_propose", "tool_input": {},
    });
    assert_eq!(home.hook("claude-code", &before.to_string()).code, Some(0));
    let call = json!({
        "name": "propose_work_item", "arguments": arguments, "_meta": { "claudecode/toolUseId": "toolu_propose" },
    });
    let told = client.request("tools/call", call).unwrap();
    let _ = client.end();
    told["structuredContent"]["id"].as_str().unwrap().parse().unwrap()
}

#[test]
fn reading_is_free_and_writing_takes_what_a_human_approved_in_this_session() {
    let home = Home::lent();
    let repository = gated(&home);
    let folder = &repository.folder;
    assert_eq!(runs(&home, folder, "git status && rg apples | head -3"), None);
    assert_eq!(
        asked(
            &home,
            folder,
            "Read",
            &json!({ "file_path": folder.join("src/a.rs") })
        ),
        None
    );
    let denied = writes(&home, folder, "src/a.rs").unwrap();
    assert!(denied.contains("[no_approved_work_item]"), "{denied}");
    assert!(
        denied.contains("propose_work_item with paths [\"src/a.rs\"]"),
        "{denied}"
    );
    let denied = runs(&home, folder, "make").unwrap();
    assert!(denied.contains("[cannot_be_told]"), "{denied}");

    let id = proposes(
        &home,
        json!({ "title": "Fix a typo in the docs", "paths": ["src/a.rs", "docs/**"] }),
    );
    assert!(writes(&home, folder, "src/a.rs").is_some(), "nobody said yes yet");
    home.decide(id, HumanVerb::Approve, None);
    assert_eq!(writes(&home, folder, "src/a.rs"), None);
    assert_eq!(runs(&home, folder, "make"), None);
    assert_eq!(runs(&home, folder, "git commit -am fix && git push"), None);
    let denied = writes(&home, folder, "src/b.rs").unwrap();
    assert!(denied.contains("[path_not_approved]"), "{denied}");
    // Whatever is approved.
    let denied = writes(&home, folder, ".auditotter/policy.toml").unwrap();
    assert!(denied.contains("[protected_path]"), "{denied}");
    let denied = runs(&home, folder, "echo mode > .auditotter/policy.toml").unwrap();
    assert!(denied.contains("[protected_path]"), "{denied}");

    let export = recorded(&home);
    let codes: Vec<_> = export
        .of_kind("gate.denied")
        .iter()
        .map(|entry| entry.body["code"].clone())
        .collect();
    assert_eq!(
        codes,
        [
            "no_approved_work_item",
            "cannot_be_told",
            "no_approved_work_item",
            "path_not_approved",
            "protected_path",
            "protected_path"
        ]
    );
    let covered = export.of_kind("tool.called").into_iter();
    let covered = covered.filter(|entry| entry.entry["refs"]["work_item"] == json!(id));
    assert_eq!(covered.count(), 3);
}

#[test]
fn another_session_s_approval_opens_nothing() {
    let home = Home::lent();
    let repository = gated(&home);
    let mut client = home.claude_code();
    let told = client.call(
        "propose_work_item",
        json!({ "title": "Fix a typo in the docs", "paths": ["docs/**"] }),
    );
    let id = told.structured["id"].as_str().unwrap().parse().unwrap();
    home.decide(id, HumanVerb::Approve, None);
    let denied = writes(&home, &repository.folder, "docs/a.md").unwrap();
    assert!(denied.contains("[no_approved_work_item]"), "{denied}");
}

#[test]
fn where_rules_are_observed_nothing_is_denied_and_what_would_be_is_recorded() {
    let home = Home::lent();
    let repository = home.repository();
    assert_eq!(
        writes(&home, &repository.folder, "src/a.rs"),
        None,
        "there are no rules"
    );
    rules(&repository.folder, "mode = \"observe\"\n");
    assert_eq!(writes(&home, &repository.folder, "src/a.rs"), None);
    let export = recorded(&home);
    assert_eq!(export.of_kind("gate.observed").len(), 1);
    assert_eq!(export.of_kind("gate.denied").len(), 0);
}

#[test]
fn rules_that_cannot_be_read_are_enforced_and_the_agent_is_told() {
    let home = Home::lent();
    let repository = home.repository();
    rules(&repository.folder, "mode = \"off\"\n");
    let denied = writes(&home, &repository.folder, "src/a.rs").unwrap();
    assert!(denied.contains(".auditotter/policy.toml"), "{denied}");
    assert!(only(&recorded(&home), "gate.denied")["rules"].is_string());
}

#[test]
fn rules_that_were_enforced_stay_so_for_a_session_that_has_them_removed() {
    let home = Home::lent();
    let repository = gated(&home);
    let elsewhere = home.file("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    assert!(writes(&home, &repository.folder, "src/a.rs").is_some());
    let policy = repository.folder.join(".auditotter/policy.toml");
    let outside = json!({ "file_path": repository.folder.join("src/a.rs"), "content": "x" });
    let is_denied = || {
        let outcomes = [
            writes(&home, &repository.folder, "src/a.rs"),
            runs(&home, &repository.folder, "python3 -c 'print(1)'"),
        ];
        for denied in outcomes {
            let denied = denied.unwrap();
            assert!(
                denied.contains("[no_approved_work_item]") || denied.contains("[cannot_be_told]"),
                "{denied}"
            );
        }
    };
    fs::write(&policy, "mode = \"observe\"\n").unwrap();
    is_denied();
    fs::remove_file(&policy).unwrap();
    is_denied();
    assert!(asked(&home, &elsewhere, "Write", &outside).is_some());
    let denied = runs(&home, &elsewhere, "make -C ../repository").unwrap();
    assert!(denied.contains("[cannot_be_told]"), "{denied}");
    assert_eq!(writes(&home, &elsewhere, "free.txt"), None);
    // The next hub finds in the trace what the session met, however long ago.
    let prompt = json!({ "session_id": "s1", "hook_event_name": "UserPromptSubmit", "prompt": "Go on" });
    for _ in 0..300 {
        assert_eq!(home.hook("claude-code", &prompt.to_string()).code, Some(0));
    }
    assert!(home.kill_hub());
    is_denied();
    let export = recorded(&home);
    let met: Vec<_> = export
        .of_kind("gate.rules")
        .into_iter()
        .map(|entry| entry.body["mode"].clone())
        .collect();
    assert_eq!(met, [json!("enforce"), json!("observe"), Value::Null]);
}

#[test]
fn rules_hold_from_whatever_folder_a_file_is_written() {
    let home = Home::lent();
    let repository = gated(&home);
    let elsewhere = home.file("elsewhere");
    fs::create_dir(&elsewhere).unwrap();
    let (inside, above) = (
        repository.folder.join("src/a.rs"),
        repository.folder.parent().unwrap(),
    );
    for cwd in [elsewhere.as_path(), above] {
        let denied = asked(
            &home,
            cwd,
            "Write",
            &json!({ "file_path": inside, "content": "x" }),
        )
        .unwrap();
        assert!(denied.contains("[no_approved_work_item]"), "{denied}");
        assert_eq!(writes(&home, cwd, "free.txt"), None);
    }
    let denied = runs(&home, &elsewhere, "echo x > ../repository/src/a.rs").unwrap();
    assert!(denied.contains("[no_approved_work_item]"), "{denied}");
    // One repository's approval is not another's: the rules of each are asked.
    let nested = repository.folder.join("vendor/other");
    fs::create_dir_all(nested.join(".git")).unwrap();
    rules(&nested, "mode = \"enforce\"\nelsewhere = []\n");
    let denied = writes(&home, &repository.folder, "vendor/other/a.rs").unwrap();
    assert!(denied.contains("[no_approved_work_item]"), "{denied}");
}

#[test]
fn what_was_not_lent_stays_closed_whatever_was_approved() {
    let home = Home::founded();
    let _ = home.lend(&testkit::home::Lending::to("claude-code").within("acme/shop", "src/**"));
    let repository = gated(&home);
    let folder = &repository.folder;
    let denied = writes(&home, folder, "src/a.rs").unwrap();
    assert!(
        denied.contains("[path_not_lent]"),
        "nobody can tell that it is acme/shop: {denied}"
    );
    let origin = ["remote", "add", "origin", "git@github.com:acme/shop.git"];
    let _ = repository.git(&origin);
    let denied = writes(&home, folder, "docs/a.md").unwrap();
    assert!(denied.contains("[path_not_lent]"), "{denied}");
    let denied = writes(&home, folder, "src/a.rs").unwrap();
    assert!(denied.contains("[no_approved_work_item]"), "{denied}");
}

#[test]
fn a_link_out_of_what_was_approved_leads_nowhere() {
    let home = Home::lent();
    let repository = gated(&home);
    let folder = &repository.folder;
    fs::create_dir_all(folder.join("docs")).unwrap();
    fs::create_dir_all(folder.join("src")).unwrap();
    std::os::unix::fs::symlink("../src", folder.join("docs/src")).unwrap();
    let id = proposes(
        &home,
        json!({ "title": "Fix a typo in the docs", "paths": ["docs/**"] }),
    );
    home.decide(id, HumanVerb::Approve, None);
    assert_eq!(writes(&home, folder, "docs/a.md"), None);
    for around in ["docs/src/a.rs", "docs/../src/a.rs", "DOCS/a.md"] {
        let denied = writes(&home, folder, around).unwrap();
        assert!(denied.contains("[path_not_approved]"), "{around}: {denied}");
    }
}

#[test]
fn claude_code_is_denied_proposes_and_goes_on_once_alice_said_yes() {
    let Some(claude) = ClaudeCode::installed() else {
        return;
    };
    let home = Arc::new(Home::lent());
    let repository = gated(&home);
    let file = repository.folder.join("docs.md");
    let write = || Step::client_tool("Write", json!({ "file_path": file, "content": "fixed\n" }));
    let wi = |seen: &[testkit::scripted_model::ToolResult]| seen[1].json()["id"].as_str().unwrap().to_owned();
    let alice = Arc::clone(&home);
    let model = ScriptedModel::start(
        PLUGIN_SERVER,
        vec![
            write(),
            Step::call(
                "propose_work_item",
                json!({ "title": "Fix a typo in the docs", "paths": ["docs.md"] }),
            ),
            Step::call_with("await_decision", move |seen| {
                let id = wi(seen);
                alice.decide(id.parse().unwrap(), HumanVerb::Approve, None);
                json!({ "id": id })
            }),
            write(),
            Step::say("All done."),
        ],
    );
    let session = claude.work_with_plugin(&home, &repository.folder, &model, "Fix the typo");
    assert_eq!(session.ran.code, Some(0), "{session:#?}");
    let results = model.results();
    assert!(
        results[0].text.contains("Audit Otter does not let this happen"),
        "{results:#?}"
    );
    assert_eq!(fs::read_to_string(&file).unwrap(), "fixed\n");
    let export = recorded(&home);
    assert_eq!(only(&export, "gate.denied")["code"], "no_approved_work_item");
    assert_eq!(only(&export, "file.edited")["change"], "created");
}

#[test]
fn what_cannot_be_read_is_not_let_through() {
    let home = Home::lent();
    let repository = gated(&home);
    let folder = repository.folder.to_str().unwrap();
    let used = |tool: &str, input: &str| {
        format!(
            r#"{{"session_id":"s1","hook_event_name":"PreToolUse","cwd":"{folder}","tool_name":{tool},"tool_use_id":"t1","tool_input":{input}}}"#
        )
    };
    let deep = format!("{}1{}", "[".repeat(130), "]".repeat(130));
    let long = format!("\"{}\"", "B".repeat(300));
    for event in [
        used(
            "\"Bash\"",
            r#"{"command":": '\ud800'; echo x > .auditotter/policy.toml"}"#,
        ),
        used("\"mcp__shelf__put\"", &deep),
        used(&long, "{}"),
        used("null", "{}"),
    ] {
        let ran = home.hook("claude-code", &event);
        let denied = ran.code == Some(2) || ran.stdout.contains("\"permissionDecision\":\"deny\"");
        assert!(denied, "{event:.200}: {ran:?}");
    }
    assert_eq!(recorded(&home).of_kind("capture.gap").len(), 4);
}

#[test]
fn a_pipe_in_the_place_of_rules_holds_nobody_up_and_opens_nothing() {
    let home = Home::lent();
    let repository = home.repository();
    let own = repository.folder.join(".auditotter");
    fs::create_dir(&own).unwrap();
    for name in ["policy.toml", "redact.toml"] {
        let made = std::process::Command::new("mkfifo")
            .arg(own.join(name))
            .status()
            .unwrap();
        assert!(made.success());
    }
    let denied = writes(&home, &repository.folder, "src/a.rs").unwrap();
    assert!(denied.contains("[no_approved_work_item]"), "{denied}");
}

#[test]
fn what_the_gate_says_of_a_command_holds_no_secret_of_it() {
    let home = Home::lent();
    let repository = gated(&home);
    let secret = format!("ghp_{}", "R4nd0mW0rdsThatN0b0dyUs3sAnywh3re9xZ");
    let denied = runs(&home, &repository.folder, &format!("./deploy --token {secret}")).unwrap();
    assert!(
        denied.contains("[cannot_be_told]") && !denied.contains(&secret),
        "{denied}"
    );
    assert!(
        !only(&recorded(&home), "gate.denied")
            .to_string()
            .contains(&secret)
    );
}
