//! What was there comes back, byte for byte; what comes twice changes nothing.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::Value;
use testkit::Home;

use crate::{all_in, install, put};

/// Settings as people and programs leave them, with hooks and servers of others.
const SETTINGS: [&str; 16] = [
    "",
    "\n",
    "{}",
    "{\n}\n",
    "{ }\n",
    "{\"hooks\":{}}",
    "{\n  \"hooks\": { }\n}",
    "{\n  \"hooks\": {\n    \"PreToolUse\": []\n  }\n}\n",
    "{\n  \"hooks\": {\n    \"PreToolUse\": [\n    ],\n    \"Stop\": [ ]\n  }\n}\n",
    "{\n  \"model\": \"opus\",\n  \"hooks\": {\n    \"PreToolUse\": [\n      {\n        \"matcher\": \"Bash\",\n        \"hooks\": [\n          { \"type\": \"command\", \"command\": \"./check.sh\" }\n        ]\n      }\n    ],\n    \"WorktreeCreate\": [{\"hooks\": [{\"type\": \"command\", \"command\": \"w\"}]}]\n  },\n  \"permissions\": {\"allow\": [\"Bash(ls:*)\"]}\n}\n",
    "{\"hooks\":{\"Stop\":[{\"hooks\":[{\"type\":\"command\",\"command\":\"say done\"}]}]},\"env\":{\"A\":\"\\u00e9é\"}}",
    "{\r\n\t\"hooks\": {\r\n\t\t\"Stop\": [{ \"hooks\": [] }]\r\n\t},\r\n\r\n\t\"theme\" : \"dark\"\r\n}\r\n",
    "// mine\n{\n  // about hooks\n  \"hooks\": {\n    // nothing yet\n  }, // end\n}\n",
    "{\n  \"hooks\": { \"Stop\": [ /* none */ ] } // why\n}",
    "\u{feff}{\n    \"theme\": \"dark\"\n}\n",
    "{\n  \"b\": 1e400,\n  \"a\": 12345678901234567890123,\n  \"hooks\": {\"Stop\": [{\"hooks\": [{\"type\": \"prompt\", \"prompt\": \"auditotter-mcp hook\"}]}]}\n}\n",
];

/// The same for Codex's servers.
const CONFIGS: [&str; 9] = [
    "",
    "\n",
    "# only a remark",
    "model = \"gpt\"\n",
    "model = \"gpt\" # mine",
    "# servers\n[mcp_servers.shelf] # theirs\ncommand = 'shelf'\n\n  [mcp_servers.shelf.env]\n  A = \"1\"\n\n# the end\n",
    "model = \"gpt\"\r\n\r\n[mcp_servers.shelf]\r\ncommand = \"shelf\"\r\n",
    "[mcp_servers]\n[projects.\"/home/alice/shop\"]\ntrust_level = \"trusted\"\n\n\n",
    "notify = [\n  \"a\",\n  # b\n  \"c\",\n]\n[features]\nhooks = true",
];

#[test]
fn claude_code_has_back_what_it_had() {
    for settings in SETTINGS {
        let home = Home::empty();
        put(&home.user().join(".claude/settings.json"), settings);
        put(
            &home.user().join(".claude.json"),
            &settings.replace("hooks", "mcpServers"),
        );
        let before = all_in(&home.user());
        let _ = install(&home, &["claude-code"]).expect_success();
        let with = all_in(&home.user());
        assert_ne!(with, before);
        let again = install(&home, &["claude-code"]).expect_success();
        assert!(again.contains("Nothing had to change."), "{again}");
        assert_eq!(all_in(&home.user()), with, "{settings:?}");
        let _ = install(&home, &["claude-code", "--uninstall"]).expect_success();
        assert_eq!(all_in(&home.user()), before, "{settings:?}");
        let none = install(&home, &["claude-code", "--uninstall"]).expect_success();
        assert!(none.contains("Nothing of ours was there."), "{none}");
    }
}

#[test]
fn codex_has_back_what_it_had() {
    for (index, config) in CONFIGS.into_iter().enumerate() {
        let home = Home::empty();
        put(&home.user().join(".codex/config.toml"), config);
        put(&home.user().join(".codex/hooks.json"), SETTINGS[index]);
        let before = all_in(&home.user());
        let _ = install(&home, &["codex"]).expect_success();
        let with = all_in(&home.user());
        let again = install(&home, &["codex"]).expect_success();
        assert!(again.contains("Nothing had to change."), "{again}");
        assert_eq!(all_in(&home.user()), with, "{config:?}");
        let _ = install(&home, &["codex", "--uninstall"]).expect_success();
        assert_eq!(all_in(&home.user()), before, "{config:?}");
    }
}

#[test]
fn where_nothing_was_nothing_is_left() {
    for client in ["claude-code", "codex"] {
        let home = Home::empty();
        let before = all_in(&home.user());
        let _ = install(&home, &[client]).expect_success();
        assert_ne!(all_in(&home.user()), before);
        let _ = install(&home, &[client, "--uninstall"]).expect_success();
        assert_eq!(all_in(&home.user()), before, "{client}");
    }
}

#[test]
fn what_others_add_afterwards_stays() {
    let home = Home::empty();
    let (config, hooks) = (
        home.user().join(".codex/config.toml"),
        home.user().join(".codex/hooks.json"),
    );
    put(&config, "model = \"gpt\"\n");
    let _ = install(&home, &["codex"]).expect_success();
    // As Codex does when somebody trusts hooks.
    let trusted = "\n[hooks.state.\"x:stop:0:0\"]\ntrusted_hash = \"sha256:00\"\n";
    let with = fs::read_to_string(&config).unwrap();
    fs::write(&config, format!("{with}{trusted}")).unwrap();
    let mut theirs: Value = serde_json::from_str(&fs::read_to_string(&hooks).unwrap()).unwrap();
    theirs["description"] = "mine too".into();
    fs::write(&hooks, serde_json::to_string(&theirs).unwrap()).unwrap();
    let _ = install(&home, &["codex", "--uninstall"]).expect_success();
    assert_eq!(
        fs::read_to_string(&config).unwrap(),
        format!("model = \"gpt\"\n{trusted}")
    );
    assert_eq!(
        fs::read_to_string(&hooks).unwrap(),
        "{\"description\":\"mine too\"}"
    );
}

#[test]
fn older_entries_of_ours_are_brought_up_to_date_in_their_place() {
    let home = Home::empty();
    let hooks = home.user().join(".codex/hooks.json");
    let old = "{ \"hooks\": {\n  \"Stop\": [\n    { \"hooks\": [{ \"type\": \"command\", \"command\": \"/old/auditotter-mcp hook codex\" }] },\n    { \"hooks\": [{ \"type\": \"command\", \"command\": \"theirs\" }, { \"type\": \"command\", \"command\": \"auditotter-mcp hook codex\" }] }\n  ],\n  \"NoMore\": [{ \"hooks\": [{ \"type\": \"command\", \"command\": \"auditotter-mcp hook codex\" }] }]\n} }\n";
    put(&hooks, old);
    let config = home.user().join(".codex/config.toml");
    put(
        &config,
        "[mcp_servers.auditotter]\ncommand = \"/old/auditotter-mcp\" # old\ntool_timeout_sec = 7\n\n[tui]\n",
    );
    let _ = install(&home, &["codex"]).expect_success();
    let now: Value = serde_json::from_str(&fs::read_to_string(&hooks).unwrap()).unwrap();
    let commands = |event: &str| -> Vec<Vec<String>> {
        let groups = now["hooks"][event].as_array().unwrap().iter();
        groups
            .map(|group| {
                let hooks = group["hooks"].as_array().unwrap().iter();
                hooks
                    .map(|hook| hook["command"].as_str().unwrap().to_owned())
                    .collect()
            })
            .collect()
    };
    let ours = format!("auditotter-mcp hook codex --home '{}'", home.path().display());
    assert_eq!(commands("Stop"), [vec![ours.clone()], vec!["theirs".to_owned()]]);
    assert_eq!(commands("PreToolUse"), [vec![ours]]);
    assert_eq!(commands("NoMore"), Vec::<Vec<String>>::new());
    let config = fs::read_to_string(&config).unwrap();
    assert!(
        config.contains("command = \"auditotter-mcp\"")
            && config.contains("tool_timeout_sec = 7")
            && config.contains("default_tools_approval_mode = \"approve\"")
            && config.ends_with("\n[tui]\n"),
        "{config}"
    );
}

#[test]
fn links_and_modes_stay() {
    let home = Home::empty();
    let kept = home.user().join("dotfiles/claude.json");
    put(&kept, "{}\n");
    fs::set_permissions(&kept, fs::Permissions::from_mode(0o640)).unwrap();
    let settings = home.user().join(".claude/settings.json");
    fs::create_dir_all(settings.parent().unwrap()).unwrap();
    std::os::unix::fs::symlink("../dotfiles/claude.json", &settings).unwrap();
    let _ = install(&home, &["claude-code"]).expect_success();
    assert!(fs::symlink_metadata(&settings).unwrap().is_symlink());
    let meta = fs::metadata(&kept).unwrap();
    assert_eq!(meta.permissions().mode() & 0o777, 0o640);
    assert!(fs::read_to_string(&kept).unwrap().contains("auditotter-mcp"));
    let _ = install(&home, &["claude-code", "--uninstall"]).expect_success();
    assert_eq!(fs::read_to_string(&kept).unwrap(), "{}\n");
    assert!(fs::symlink_metadata(&settings).unwrap().is_symlink());

    // One that we made, and that was kept elsewhere since.
    fs::remove_file(&settings).unwrap();
    let _ = install(&home, &["claude-code"]).expect_success();
    fs::rename(&settings, &kept).unwrap();
    std::os::unix::fs::symlink("../dotfiles/claude.json", &settings).unwrap();
    let _ = install(&home, &["claude-code", "--uninstall"]).expect_success();
    assert!(fs::symlink_metadata(&settings).unwrap().is_symlink());
    assert!(!fs::read_to_string(&kept).unwrap().contains("auditotter-mcp"));
}
