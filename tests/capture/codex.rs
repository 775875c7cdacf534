//! The real Codex with our hooks.

use std::fs;

use serde_json::json;
use testkit::{
    Home, ScriptedModel, Step,
    clients::{Codex, SERVER},
    home::Lending,
};

use crate::{only, recorded};

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
            Step::call("append_trace_note", json!({ "text": "The apples are three." })),
            Step::say("All done."),
        ],
    );
    let session = codex.work_with_hooks(&home, &repository.folder, &model, "Count the apples");
    assert_eq!(session.ran.code, Some(0), "{session:#?}");
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
            "tool.called",
            "tool.called",
            "tool.returned",
            "tool.returned",
            "tool.called",
            "command.run",
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
    assert_eq!(
        only(&export, "command.run"),
        json!({ "command": "cat list.txt", "output": "apples 3\n" })
    );
}
