//! The real Claude Code with our plugin.

use std::fs;

use serde_json::{Value, json};
use testkit::{
    Home, ScriptedModel, Step,
    clients::{ClaudeCode, PLUGIN_SERVER},
};

use crate::{only, settled};

#[test]
fn all_that_claude_code_does_is_one_trace() {
    let Some(claude) = ClaudeCode::installed() else {
        return;
    };
    let home = Home::lent();
    let repository = home.repository();
    let file = repository.folder.join("src.txt");
    fs::write(&file, "apples 3\n").unwrap();
    let model = ScriptedModel::start(
        PLUGIN_SERVER,
        vec![
            Step::call("propose_work_item", json!({ "title": "Fix the apples" })),
            Step::client_tool("Read", json!({ "file_path": file })),
            Step::client_tool(
                "Edit",
                json!({ "file_path": file, "old_string": "apples 3", "new_string": "apples 2" }),
            ),
            Step::client_tool(
                "Bash",
                json!({ "command": "echo said; exit 3", "description": "Fail" }),
            ),
            Step::client_tool("NoSuchTool", json!({ "x": 1 })),
            Step::call("append_trace_note", json!({ "text": "The apples are two." })),
            Step::say("All done."),
        ],
    );
    let session = claude.work_with_plugin(&home, &repository.folder, &model, "Count the apples");
    assert_eq!(session.ran.code, Some(0), "{session:#?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "apples 2\n");
    let export = settled(&home);
    let told: Vec<&str> = export
        .kinds()
        .into_iter()
        .filter(|kind| *kind != "client.event" && *kind != "session.resumed")
        .filter(|kind| !["model.answered", "transcript.read"].contains(kind))
        .collect();
    assert_eq!(
        told,
        [
            "session.opened",
            "session.started",
            "prompt",
            // propose_work_item: as the client says, as the server heard, and as the client says again.
            "tool.called",
            "tool.called",
            "tool.returned",
            "tool.returned",
            // Read
            "tool.called",
            "tool.returned",
            // Edit
            "tool.called",
            "file.edited",
            // Bash
            "tool.called",
            "command.run",
            // NoSuchTool
            "tool.called",
            "tool.failed",
            // append_trace_note
            "tool.called",
            "tool.called",
            "note.appended",
            "tool.returned",
            "tool.returned",
            "turn.ended",
            "session.ended",
        ],
        "{:#?}",
        export.trace
    );
    assert_eq!(only(&export, "prompt"), json!({ "text": "Count the apples" }));
    assert_eq!(
        only(&export, "command.run"),
        json!({ "command": "echo said; exit 3", "exit_code": 3, "output": "said" })
    );
    let edited = only(&export, "file.edited");
    assert_eq!(edited["path"], Value::from(file.to_str().unwrap()));
    assert_eq!(edited["diff"], "@@ -1,1 +1,1 @@\n-apples 3\n+apples 2\n");
    let failed = only(&export, "tool.failed");
    assert_eq!(failed["tool"], "NoSuchTool");
    assert_eq!(only(&export, "turn.ended")["last_message"], "All done.");
    // What the client's own record says beside it, each part once: seven answers, of which one is a text.
    let answers = export.of_kind("model.answered");
    let texts: Vec<&Value> = answers
        .iter()
        .map(|answer| &answer.body["text"])
        .filter(|text| !text.is_null())
        .collect();
    assert_eq!(texts, ["All done."]);
    let counted = answers
        .iter()
        .filter(|answer| answer.body["usage"]["output"].as_u64() > Some(0));
    assert_eq!(counted.count(), 7, "{answers:#?}");
    for answer in &answers {
        assert!(answer.body["model"].is_string(), "{answer:#?}");
        assert_eq!(answer.entry["refs"]["source"], "transcript");
        assert!(answer.entry["refs"]["claimed_at"].is_string(), "{answer:#?}");
    }
    let read = export.of_kind("transcript.read").pop().unwrap().body.clone();
    let bytes = fs::read(read["path"].as_str().unwrap()).unwrap();
    let whole = &bytes[..usize::try_from(read["bytes"].as_u64().unwrap()).unwrap()];
    assert_eq!(read["digest"], blake3::hash(whole).to_hex().to_string());
}

#[test]
fn what_is_done_while_the_hooks_are_off_is_taken_from_the_transcript_and_is_a_gap() {
    let Some(claude) = ClaudeCode::installed() else {
        return;
    };
    let home = Home::lent();
    let repository = home.repository();
    let folder = repository.folder.join(".claude");
    fs::create_dir_all(&folder).unwrap();
    let bash =
        |command: &str| Step::client_tool("Bash", json!({ "command": command, "description": "Do it" }));
    // An agent turns its hooks off as it likes; the client notices within about a second.
    let off = "printf '{\"disableAllHooks\":true}' > .claude/settings.local.json";
    fs::write(repository.folder.join("off.sh"), off).unwrap();
    let mut steps = vec![bash("sh off.sh")];
    steps.extend((0..4).map(|_| bash("sleep 1; echo waited")));
    steps.extend([bash("echo in silence"), Step::say("All done.")]);
    let model = ScriptedModel::start(PLUGIN_SERVER, steps);
    let session = claude.work_with_plugin(&home, &repository.folder, &model, "Count the apples");
    assert_eq!(session.ran.code, Some(0), "{session:#?}");
    let before = settled(&home);
    assert!(before.of_kind("session.ended").is_empty(), "{:?}", before.kinds());
    // Somebody takes the session up again.
    let name = before.trace[0].entry["via"]["instance"]
        .as_str()
        .unwrap()
        .to_owned();
    let projects = fs::read_dir(home.user().join(".claude/projects")).unwrap();
    let transcript = projects
        .map(|project| project.unwrap().path().join(format!("{name}.jsonl")))
        .find(|path| path.exists())
        .unwrap();
    let resumed = json!({
        "session_id": name, "hook_event_name": "SessionStart", "source": "resume", "cwd": repository.folder,
        "transcript_path": transcript,
    });
    assert_eq!(home.hook("claude-code", &resumed.to_string()).code, Some(0));
    let export = settled(&home);
    let gaps = export.of_kind("capture.gap");
    let of = |name: &str| gaps.iter().find(|gap| gap.body.get(name).is_some());
    assert!(of("silent").is_some(), "{gaps:#?}");
    let uncovered = of("uncovered").unwrap_or_else(|| panic!("{gaps:#?}"));
    assert!(
        uncovered.body["uncovered"]["calls"].as_u64() > Some(0),
        "{gaps:#?}"
    );
    let silent = export.of_kind("command.run");
    let silent: Vec<_> = silent
        .iter()
        .filter(|ran| ran.body["command"] == "echo in silence")
        .collect();
    assert_eq!(silent.len(), 1, "{silent:#?}");
    assert_eq!(silent[0].entry["refs"]["source"], "transcript");
    let answers = export.of_kind("model.answered");
    let counted = answers.iter().filter(|answer| answer.body["usage"].is_object());
    assert_eq!(counted.count(), 7, "{answers:#?}");
}
