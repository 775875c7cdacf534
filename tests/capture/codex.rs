//! The real Codex with our hooks.

use std::fs;

use serde_json::json;
use testkit::{
    Home, ScriptedModel, Step,
    clients::{Codex, SERVER},
    home::Lending,
};

use crate::{only, settled};

#[test]
fn all_that_codex_tells_is_one_trace() {
    let Some(codex) = Codex::installed() else { return };
    let home = Home::founded();
    let _ = home.lend(&Lending::to("codex"));
    let repository = home.repository();
    let file = repository.folder.join("list.txt");
    fs::write(&file, "apples 3\n").unwrap();
    let model = ScriptedModel::start(
        SERVER,
        vec![
            Step::call("propose_work_item", json!({ "title": "Fix the apples" })),
            Step::client_tool("exec_command", json!({ "cmd": "cat list.txt" })),
            // Nothing is told of its end by a hook.
            Step::client_tool("view_image", json!({ "path": "none.png" })),
            Step::call("append_trace_note", json!({ "text": "The apples are three." })),
            Step::say("All done."),
        ],
    );
    let session = codex.work_with_hooks(&home, &repository.folder, &model, "Count the apples");
    assert_eq!(session.ran.code, Some(0), "{session:#?}");
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
            "tool.called",
            "tool.called",
            "tool.returned",
            "tool.returned",
            "tool.called",
            "command.run",
            "tool.called",
            "tool.called",
            "tool.called",
            "note.appended",
            "tool.returned",
            "tool.returned",
            "turn.ended",
            "tool.failed",
            "session.ended",
        ],
        "{:#?}",
        export.trace
    );
    let failed = export.of_kind("tool.failed")[0];
    assert_eq!(failed.body["tool"], "view_image");
    assert_eq!(failed.entry["refs"]["source"], "transcript");
    let answers = export.of_kind("model.answered");
    let counted = answers.iter().filter(|answer| answer.body["usage"].is_object());
    assert_eq!(counted.count(), 5, "{answers:#?}");
    let texts: Vec<_> = answers
        .iter()
        .filter_map(|answer| answer.body["text"].as_str())
        .collect();
    assert_eq!(texts, ["All done."]);
    assert!(
        answers.iter().all(|answer| answer.body["model"].is_string()),
        "{answers:#?}"
    );
    assert_eq!(
        only(&export, "command.run"),
        json!({ "command": "cat list.txt", "output": "apples 3\n" })
    );
}
