//! The plugins and the marketplace that this repository is, as the clients judge them.

use std::{collections::BTreeSet, fs};

use serde_json::Value;
use testkit::{
    Home,
    clients::{ClaudeCode, Codex, repository_root},
};

fn json(file: &str) -> Value {
    let path = repository_root().join(file);
    serde_json::from_str(&fs::read_to_string(&path).unwrap()).unwrap()
}

#[test]
fn the_manifests_are_of_one_version_and_the_skill_is_short_and_names_only_tools_that_exist() {
    for manifest in [
        "skills/auditotter/.claude-plugin/plugin.json",
        "skills/auditotter/.codex-plugin/plugin.json",
        "skills/otter/.claude-plugin/plugin.json",
    ] {
        assert_eq!(json(manifest)["version"], env!("CARGO_PKG_VERSION"), "{manifest}");
    }
    let skill =
        fs::read_to_string(repository_root().join("skills/auditotter/skills/auditotter/SKILL.md")).unwrap();
    assert!(skill.lines().count() < 150);
    let tools: BTreeSet<&str> = [
        "propose_work_item",
        "await_decision",
        "get_work_item",
        "list_work_items",
        "record_evidence",
        "report_progress",
        "append_trace_note",
        "read_trace",
        "verify_trace",
        "describe_delegation",
    ]
    .into();
    let mut home = Home::lent().claude_code();
    let listed = home.request("tools/list", serde_json::json!({})).unwrap();
    let listed: BTreeSet<&str> = listed["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["name"].as_str().unwrap())
        .collect();
    assert_eq!(listed, tools);
    let is_name = |word: &&str| {
        word.contains('_') && word.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    };
    let code = skill.split('`').skip(1).step_by(2);
    let first = code.filter_map(|code| code.split([' ', '(', '{']).next());
    let named: BTreeSet<&str> = first
        .filter(is_name)
        .filter(|word| word.ends_with("_item") || word.ends_with("_trace") || tools.contains(word))
        .collect();
    assert!(named.len() >= 5 && named.is_subset(&tools), "{named:?}");
}

#[test]
fn claude_code_finds_nothing_wrong_and_installs_both_plugins() {
    let Some(claude) = ClaudeCode::installed() else {
        return;
    };
    let home = Home::empty();
    let root = repository_root().to_str().unwrap();
    for folder in ["", "/skills/auditotter", "/skills/otter"] {
        let ran = claude.run(
            &home,
            &["plugin", "validate", &format!("{root}{folder}"), "--strict"],
        );
        assert_eq!(ran.code, Some(0), "{folder}: {}{}", ran.stdout, ran.stderr);
    }
    let added = claude.run(&home, &["plugin", "marketplace", "add", root]);
    assert_eq!(added.code, Some(0), "{}{}", added.stdout, added.stderr);
    let installed = claude.run(&home, &["plugin", "install", "otter@auditotter"]);
    assert_eq!(
        installed.code,
        Some(0),
        "{}{}",
        installed.stdout,
        installed.stderr
    );
    let listed: Value =
        serde_json::from_str(&claude.run(&home, &["plugin", "list", "--json"]).expect_success()).unwrap();
    let enabled: BTreeSet<&str> = listed
        .as_array()
        .unwrap()
        .iter()
        .filter(|plugin| plugin["enabled"] == true)
        .filter_map(|plugin| plugin["id"].as_str())
        .collect();
    assert_eq!(
        enabled,
        ["auditotter@auditotter", "otter@auditotter"].into(),
        "{listed}"
    );
}

#[test]
fn codex_adds_the_plugin_and_knows_the_server() {
    let Some(codex) = Codex::installed() else { return };
    let home = Home::empty();
    fs::create_dir_all(home.user().join(".codex")).unwrap();
    let root = repository_root().to_str().unwrap();
    let added = codex.run(&home, &["plugin", "marketplace", "add", root]);
    assert_eq!(added.code, Some(0), "{}{}", added.stdout, added.stderr);
    let added = codex.run(&home, &["plugin", "add", "auditotter@auditotter"]);
    assert_eq!(added.code, Some(0), "{}{}", added.stdout, added.stderr);
    let servers = codex.run(&home, &["mcp", "list"]).expect_success();
    assert!(servers.contains("auditotter-mcp"), "{servers}");
}
