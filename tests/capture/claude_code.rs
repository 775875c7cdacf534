//! The real Claude Code with our plugin.

use std::fs;

use serde_json::{Value, json};
use testkit::{
    Home, ScriptedModel, Step,
    clients::{ClaudeCode, PLUGIN_SERVER},
};

use crate::{only, recorded};

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
    let export = recorded(&home);
    let told: Vec<&str> = export
        .kinds()
        .into_iter()
        .filter(|kind| *kind != "client.event" && *kind != "session.resumed")
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
}
