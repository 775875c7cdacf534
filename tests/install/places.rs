//! Where it is put, and what the clients are told to start.

use std::{fs, path::Path};

use serde_json::{Value, json};
use testkit::{Home, program};

use crate::{install, install_in};

fn json_in(path: &Path) -> Value {
    serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap()
}

#[test]
fn a_project_has_files_of_its_own() {
    let home = Home::empty();
    let project = home.file("shop");
    fs::create_dir(&project).unwrap();
    for client in ["claude-code", "codex"] {
        let said = install_in(&home, &project, &[client, "--project"]).expect_success();
        assert!(said.contains("places of this machine"), "{said}");
    }
    for file in [
        ".mcp.json",
        ".claude/settings.json",
        ".claude/skills/auditotter/SKILL.md",
        ".codex/config.toml",
        ".codex/hooks.json",
        ".agents/skills/auditotter/SKILL.md",
        ".agents/skills/auditotter/agents/openai.yaml",
    ] {
        assert!(project.join(file).is_file(), "{file}");
    }
    assert_eq!(fs::read_dir(home.user()).unwrap().count(), 0);
    for client in ["claude-code", "codex"] {
        let _ = install_in(&home, &project, &[client, "--project", "--uninstall"]).expect_success();
    }
    assert_eq!(fs::read_dir(&project).unwrap().count(), 0);
}

#[test]
fn whoever_has_it_twice_is_told() {
    let home = Home::empty();
    let project = home.file("shop");
    fs::create_dir(&project).unwrap();
    let twice = "Hooks of ours stand in ";
    for round in 0..2 {
        let said = install(&home, &["codex"]).expect_success();
        assert!(!said.contains(twice), "{round}: {said}");
    }
    let said = install_in(&home, &project, &["codex", "--project"]).expect_success();
    assert!(said.contains(twice), "{said}");
}

#[test]
fn folders_that_the_clients_variables_name_are_used() {
    let home = Home::empty();
    for (client, variable, file) in [
        ("claude-code", "CLAUDE_CONFIG_DIR", "settings.json"),
        ("codex", "CODEX_HOME", "hooks.json"),
    ] {
        let named = home.file(client);
        let mut command = home.auditotter(&["install", client]);
        command.env("PATH", program::folder()).env(variable, &named);
        let _ = program::run(command).expect_success();
        assert!(named.join(file).is_file());
    }
    assert!(home.file("claude-code").join(".claude.json").is_file());
    assert!(home.file("codex").join("config.toml").is_file());
}

#[test]
fn the_home_is_named_only_where_it_is_not_the_usual_one() {
    let home = Home::empty();
    let _ = install(&home, &["claude-code"]).expect_success();
    let server = home.user().join(".claude.json");
    let named = home.path().display().to_string();
    assert_eq!(
        json_in(&server)["mcpServers"]["auditotter"],
        json!({ "type": "stdio", "command": "auditotter-mcp", "args": ["--home", named] })
    );
    let mut command = home.auditotter(&["install", "claude-code"]);
    command
        .env("PATH", program::folder())
        .env_remove("AUDITOTTER_HOME");
    let _ = program::run(command).expect_success();
    assert_eq!(json_in(&server)["mcpServers"]["auditotter"]["args"], json!([]));
    let settings = json_in(&home.user().join(".claude/settings.json"));
    assert_eq!(
        settings["hooks"]["PreToolUse"],
        json!([{ "hooks": [{ "type": "command", "command": "auditotter-mcp", "args": ["hook", "claude-code"], "timeout": 5, "onFailure": "block" }] }])
    );
}

#[test]
fn a_server_that_the_path_does_not_lead_to_is_named_by_its_place() {
    let home = Home::empty();
    let other = home.file("bin");
    fs::create_dir(&other).unwrap();
    let beside = program::path("auditotter-mcp").canonicalize().unwrap();
    for (foreign, why) in [(false, "not on the PATH"), (true, "another one is first")] {
        if foreign {
            fs::copy("/bin/true", other.join("auditotter-mcp")).unwrap();
        }
        let mut command = home.auditotter(&["install", "codex"]);
        command.env("PATH", &other);
        let said = program::run(command).expect_success();
        assert!(said.contains(why), "{said}");
        let config = fs::read_to_string(home.user().join(".codex/config.toml")).unwrap();
        assert!(
            config.contains(&format!("command = \"{}\"", beside.display())),
            "{config}"
        );
    }
    // The shell finds it as it is written, spaces and all.
    let hooks = json_in(&home.user().join(".codex/hooks.json"));
    let command = hooks["hooks"]["Stop"][0]["hooks"][0]["command"].as_str().unwrap();
    let mut shell = home.command("/bin/sh");
    shell.args(["-c", &format!("{command} --help")]);
    let said = program::run(shell).expect_success();
    assert!(said.contains("Record what a client tells its hooks"), "{said}");
}
