//! The real clients commit what they wrote, and each line leads back to them.

use std::path::Path;

use serde_json::{Value, json};
use testkit::{
    Home, ScriptedModel, Step,
    clients::{ClaudeCode, Codex, PLUGIN_SERVER, SERVER},
    home::Lending,
    program::{self, Ran},
};

const COMMIT: &str =
    "git add -A && git -c user.name=Alice -c user.email=alice@example.org commit --quiet -m 'Write the list'";

fn auditotter(home: &Home, folder: &Path, arguments: &[&str]) -> Ran {
    let mut command = home.auditotter(arguments);
    command.current_dir(folder);
    program::run(command)
}

/// What is said of a file's only line.
fn blamed(home: &Home, folder: &Path, file: &str) -> Value {
    let told = auditotter(home, folder, &["blame", file, "--json"]).expect_success();
    let told: Value = serde_json::from_str(&told).unwrap();
    assert_eq!(told.as_array().unwrap().len(), 1, "{told:#}");
    told[0].clone()
}

#[test]
fn what_claude_code_writes_and_commits_leads_back_to_its_prompt() {
    let Some(claude) = ClaudeCode::installed() else {
        return;
    };
    let home = Home::lent();
    let repository = home.repository();
    let folder = &repository.folder;
    let _ = auditotter(&home, folder, &["install", "git"]).expect_success();
    let model = ScriptedModel::start(
        PLUGIN_SERVER,
        vec![
            Step::client_tool(
                "Write",
                json!({ "file_path": folder.join("list.txt"), "content": "apples 2\n" }),
            ),
            Step::client_tool("Bash", json!({ "command": COMMIT, "description": "Commit" })),
            Step::say("Done."),
        ],
    );
    let session = claude.work_with_plugin(&home, folder, &model, "Write the list");
    assert_eq!(session.ran.code, Some(0), "{session:#?}");
    let line = blamed(&home, folder, "list.txt");
    assert_eq!(line["certain"], "edit", "{line:#}");
    let session = &line["sessions"][0];
    assert_eq!(session["trace"], home.traces()[0].to_string());
    assert_eq!(session["on_behalf_of"], "Alice");
    assert_eq!(session["doubts"], json!([]), "{line:#}");
    assert_eq!(session["edit"]["tool"], "Write");
    assert_eq!(session["edit"]["prompt"]["text"], "Write the list");
}

#[test]
fn what_codex_has_written_and_commits_leads_back_to_its_session() {
    let Some(codex) = Codex::installed() else { return };
    let home = Home::founded();
    let _ = home.lend(&Lending::to("codex"));
    let repository = home.repository();
    let folder = &repository.folder;
    let _ = auditotter(&home, folder, &["install", "git"]).expect_success();
    let model = ScriptedModel::start(
        SERVER,
        vec![
            Step::client_tool(
                "exec_command",
                json!({ "cmd": format!("echo 'apples 2' > list.txt && {COMMIT}") }),
            ),
            Step::say("Done."),
        ],
    );
    let session = codex.work_with_hooks(&home, folder, &model, "Write the list");
    assert_eq!(session.ran.code, Some(0), "{session:#?}");
    let line = blamed(&home, folder, "list.txt");
    let session = &line["sessions"][0];
    assert_eq!(session["trace"], home.traces()[0].to_string(), "{line:#}");
    assert_eq!(session["on_behalf_of"], "Alice");
}
