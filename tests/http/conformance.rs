//! What MCP's own conformance suite says of `/mcp`; `docs/MCP.md` says what is not expected to hold, and why.

use std::path::Path;

use testkit::{Home, clients::NodeProgram, program, web::Shower};

const SUITE: NodeProgram = NodeProgram("@modelcontextprotocol/conformance/dist/index.js");

/// Everything that the suite asks of a server at a protocol version, against a hub with a proposal in it.
fn holds(version: &str, at_least: usize) {
    let Some(mut suite) = SUITE.command() else { return };
    let home = Home::lent();
    let hub = Shower::start(&home, &home.bearer("claude-code"));
    let expected = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("http/expected-failures")
        .join(format!("{version}.yml"));
    let results = home.file("results");
    suite
        .current_dir(home.user())
        .args([
            "server",
            "--url",
            &format!("{}/mcp", hub.url()),
            "--requirements",
            version,
        ])
        .arg("--expected-failures")
        .arg(expected)
        .arg("--output-dir")
        .arg(&results);
    let ran = program::run(suite);
    let total = ran.stdout.lines().rev().find(|line| line.starts_with("Total:"));
    assert_eq!(ran.code, Some(0), "{}\n{}", ran.stdout, ran.stderr);
    let passed = total.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    assert!(passed >= Some(at_least), "{total:?}");
}

#[test]
fn the_suite_holds_at_2025_11_25() {
    holds("2025-11-25", 46);
}

#[test]
fn the_suite_holds_at_2026_07_28() {
    holds("2026-07-28", 104);
}
