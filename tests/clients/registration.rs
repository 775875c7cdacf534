//! The server by itself, registered by hand.

use serde_json::{Value, json};
use testkit::{
    Home,
    clients::{ClaudeCode, Codex},
};

#[test]
fn claude_code_registers_the_server_and_finds_it_well() {
    let Some(claude) = ClaudeCode::installed() else {
        return;
    };
    let home = Home::founded();
    let _ = claude
        .run(&home, &["mcp", "add", "auditotter", "--", "auditotter-mcp"])
        .expect_success();
    let listed = claude.run(&home, &["mcp", "list"]).expect_success();
    let line = listed
        .lines()
        .find(|line| line.starts_with("auditotter:"))
        .unwrap();
    assert!(
        line.contains("auditotter-mcp") && line.contains("Connected"),
        "{listed}"
    );
}

#[test]
fn codex_registers_the_server() {
    let Some(codex) = Codex::installed() else { return };
    let home = Home::founded();
    let _ = codex
        .run(&home, &["mcp", "add", "auditotter", "--", "auditotter-mcp"])
        .expect_success();
    let listed = codex.run(&home, &["mcp", "list", "--json"]).expect_success();
    let servers: Value = serde_json::from_str(&listed).unwrap();
    let [server] = servers.as_array().unwrap().as_slice() else {
        panic!("one server should be registered: {listed}");
    };
    assert_eq!(
        (&server["name"], &server["enabled"]),
        (&json!("auditotter"), &json!(true)),
        "{listed}"
    );
    assert_eq!(server["transport"]["command"], "auditotter-mcp", "{listed}");
}
