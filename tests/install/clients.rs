//! The real clients, with configurations that already hold what others put there, read what was installed.

use std::{env, ffi::OsString, fs, path::Path};

use serde_json::{Value, json};
use testkit::{
    Home, ScriptedModel, Step,
    clients::{ClaudeCode, Codex, SERVER},
    export::Export,
    home::Lending,
    program::{self, Ran},
};

use crate::{all_in, install, put};

/// Settings of somebody who has hooks already; theirs leave a mark.
const SETTINGS: &str = "{\n    \"hooks\": {\n        \"Stop\": [\n            {\"hooks\": [{\"type\": \"command\", \"command\": \"touch \\\"$HOME/theirs-ran\\\"\"}]}\n        ]\n    }\n}\n";

/// `auditotter install claude-code`, where `claude` is on the `PATH`.
fn install_with(claude: &ClaudeCode, home: &Home, arguments: &[&str]) -> Ran {
    let mut command = home.auditotter(&["install", "claude-code"]);
    command
        .args(arguments)
        .env("PATH", with_claude(claude))
        .env("CLAUDE_CODE_DISABLE_NONESSENTIAL_TRAFFIC", "1")
        .env("DISABLE_AUTOUPDATER", "1");
    program::run(command)
}

fn with_claude(claude: &ClaudeCode) -> OsString {
    let searched = env::var_os("PATH").unwrap_or_default();
    let own = [program::folder(), claude.folder().to_owned()];
    env::join_paths(own.into_iter().chain(env::split_paths(&searched))).unwrap()
}

fn json_in(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn claude_code_has_the_server_beside_those_of_others() {
    let Some(claude) = ClaudeCode::installed() else {
        return;
    };
    let home = Home::founded();
    let settings = home.user().join(".claude/settings.json");
    put(&settings, SETTINGS);
    let _ = claude
        .run(
            &home,
            &[
                "mcp", "add", "--scope", "user", "shelf", "--env", "A=1", "--", "true",
            ],
        )
        .expect_success();
    let servers = home.user().join(".claude.json");
    let theirs = json_in(&servers)["mcpServers"]["shelf"].clone();
    let said = install_with(&claude, &home, &[]).expect_success();
    assert!(
        said.contains("Ran: claude mcp add --scope user auditotter"),
        "{said}"
    );
    let listed = claude.run(&home, &["mcp", "list"]).expect_success();
    let line = |name: &str| {
        listed
            .lines()
            .find(|line| line.starts_with(&format!("{name}:")))
            .map(str::to_owned)
    };
    assert!(line(SERVER).unwrap().contains("Connected"), "{listed}");
    assert!(line("shelf").is_some(), "{listed}");
    assert_eq!(json_in(&servers)["mcpServers"]["shelf"], theirs);
    let again = install_with(&claude, &home, &[]).expect_success();
    assert!(again.contains("Nothing had to change."), "{again}");

    // Another home, and ours is brought up to date.
    let other = home.file("elsewhere").display().to_string();
    let said = install_with(&claude, &home, &["--home", &other]).expect_success();
    assert!(said.contains("claude mcp remove"), "{said}");
    assert_eq!(
        json_in(&servers)["mcpServers"][SERVER]["args"],
        json!(["--home", other])
    );

    let _ = install_with(&claude, &home, &["--uninstall"]).expect_success();
    let listed = claude.run(&home, &["mcp", "list"]).expect_success();
    assert!(!listed.contains(SERVER) && listed.contains("shelf"), "{listed}");
    assert_eq!(fs::read_to_string(&settings).unwrap(), SETTINGS);
}

#[test]
fn the_doctor_says_whether_what_claude_code_does_is_recorded() {
    let Some(claude) = ClaudeCode::installed() else {
        return;
    };
    let home = Home::founded();
    let about_hooks = || {
        let mut command = home.auditotter(&["doctor", "--json"]);
        command.env("PATH", with_claude(&claude));
        let findings: Value = serde_json::from_str(&program::run(command).stdout).unwrap();
        let findings = findings.as_array().unwrap().iter();
        let [server, hooks] = ["claude code", "claude hooks"].map(|id| {
            findings
                .clone()
                .find(|finding| finding["id"] == id)
                .unwrap()
                .clone()
        });
        (
            server["well"].clone(),
            hooks["well"].clone(),
            hooks["remedy"].clone(),
        )
    };
    let remedy = json!("auditotter install claude-code");
    assert_eq!(about_hooks(), (json!(false), json!(false), remedy.clone()));
    let _ = install_with(&claude, &home, &[]).expect_success();
    assert_eq!(about_hooks(), (json!(true), json!(true), Value::Null));
    let settings = home.user().join(".claude/settings.json");
    let text = fs::read_to_string(&settings).unwrap();
    fs::write(&settings, text.replacen('{', "{ \"disableAllHooks\": true,", 1)).unwrap();
    assert_eq!(about_hooks(), (json!(true), json!(false), remedy));
}

#[test]
fn claude_code_reads_what_was_written_without_it() {
    let Some(claude) = ClaudeCode::installed() else {
        return;
    };
    let home = Home::founded();
    let _ = install(&home, &["claude-code"]).expect_success();
    let listed = claude.run(&home, &["mcp", "get", SERVER]).expect_success();
    assert!(
        listed.contains("User") && listed.contains("Connected"),
        "{listed}"
    );
}

#[test]
fn what_claude_code_does_is_recorded_once_it_was_installed() {
    let Some(claude) = ClaudeCode::installed() else {
        return;
    };
    let home = Home::lent();
    put(&home.user().join(".claude/settings.json"), SETTINGS);
    let _ = install_with(&claude, &home, &[]).expect_success();
    let model = ScriptedModel::start(
        SERVER,
        vec![
            Step::call("propose_work_item", json!({ "title": "Fix the apples" })),
            Step::client_tool(
                "Bash",
                json!({ "command": "echo said; exit 3", "description": "Fail" }),
            ),
            Step::say("All done."),
        ],
    );
    let folder = home.repository().folder;
    let session = claude.work_as_installed(&home, &folder, &model, "Count the apples");
    assert_eq!(session.ran.code, Some(0), "{session:#?}");
    recorded(&home, "echo said; exit 3");
    assert!(
        home.user().join("theirs-ran").exists(),
        "the hook of others ran too"
    );
}

#[test]
fn what_codex_does_is_recorded_once_it_was_installed() {
    let Some(codex) = Codex::installed() else { return };
    let home = Home::founded();
    let _ = home.lend(&Lending::to("codex"));
    let model = ScriptedModel::start(
        SERVER,
        vec![
            Step::call("propose_work_item", json!({ "title": "Fix the apples" })),
            Step::client_tool("exec_command", json!({ "cmd": "echo said" })),
            Step::say("All done."),
        ],
    );
    let own = home.user().join(".codex");
    let config = format!(
        "# by hand\n{}\n# a shelf\n[mcp_servers.shelf]\ncommand = \"true\"\n",
        Codex::model(&model)
    );
    put(&own.join("config.toml"), &config);
    put(&own.join("hooks.json"), SETTINGS);
    let said = install(&home, &["codex"]).expect_success();
    assert!(said.contains("before you trusted it"), "{said}");
    let with = all_in(&own);
    let listed: Value =
        serde_json::from_str(&codex.run(&home, &["mcp", "list", "--json"]).expect_success()).unwrap();
    let named = |name: &str| {
        listed
            .as_array()
            .unwrap()
            .iter()
            .find(|server| server["name"] == name)
    };
    let ours = named(SERVER).unwrap();
    assert_eq!(ours["transport"]["command"], "auditotter-mcp", "{ours}");
    assert_eq!(ours["tool_timeout_sec"].as_f64(), Some(120.0), "{ours}");
    assert!(named("shelf").is_some(), "{listed}");
    let folder = home.repository().folder;
    let session = codex.work_as_installed(&home, &folder, "Count the apples");
    assert_eq!(session.ran.code, Some(0), "{session:#?}");
    recorded(&home, "echo said");
    assert!(
        home.user().join("theirs-ran").exists(),
        "the hook of others ran too"
    );
    for file in ["config.toml", "hooks.json"] {
        let path = own.join(file);
        assert_eq!(fs::read(&path).unwrap(), with[&path], "{file}");
    }
    let _ = install(&home, &["codex", "--uninstall"]).expect_success();
    assert_eq!(fs::read_to_string(own.join("config.toml")).unwrap(), config);
    assert_eq!(fs::read_to_string(own.join("hooks.json")).unwrap(), SETTINGS);
}

/// The only trace has the prompt, the command with its end, and the proposal; both verifiers accept it.
fn recorded(home: &Home, command: &str) {
    let export = Export::of_the_only_trace(home);
    let _ = export.verified_by_us().expect_success();
    if let Some(judged) = export.verified_by_python() {
        let _ = judged.expect_success();
    }
    let only = |kind: &str| match export.of_kind(kind).as_slice() {
        [entry] => entry.body.clone(),
        entries => panic!("{kind}: {entries:#?}"),
    };
    assert_eq!(only("prompt")["text"], "Count the apples");
    let ran = only("command.run");
    assert_eq!(ran["command"], command);
    assert!(ran["output"].as_str().unwrap().contains("said"), "{ran}");
}
