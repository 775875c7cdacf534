//! Both protocol eras: `initialize` until 2025-11-25, and each request for itself since 2026-07-28.

use serde_json::json;
use testkit::{Home, StdioClient, stdio::STATELESS};

use crate::kinds;

#[test]
fn every_version_that_begins_with_initialize_is_spoken() {
    let home = Home::lent();
    for version in ["2024-11-05", "2025-03-26", "2025-06-18", "2025-11-25"] {
        let mut client = StdioClient::start(&mut home.auditotter_mcp(&[]));
        let answered = client.initialize(version, "claude-code").unwrap();
        assert_eq!(answered["protocolVersion"], version);
        assert_eq!(answered["serverInfo"]["name"], "auditotter");
        let note = client.call("append_trace_note", json!({ "text": version }));
        assert!(!note.is_error, "{version}: {}", note.text);
        let (status, stderr) = client.end();
        assert!(status.success(), "{version}: {stderr}");
    }
    assert_eq!(home.traces().len(), 4, "each session has its own trace");
}

#[test]
fn a_version_that_nobody_knows_is_answered_with_one_that_we_do() {
    let home = Home::lent();
    let mut client = StdioClient::start(&mut home.auditotter_mcp(&[]));
    let answered = client.initialize("2031-01-01", "claude-code").unwrap();
    assert_eq!(answered["protocolVersion"], "2025-11-25");
    assert!(client.request("tools/list", json!({})).is_ok());
}

#[test]
fn the_stateless_era_needs_no_initialize_and_keeps_one_session() {
    let home = Home::lent();
    let mut client = StdioClient::start(&mut home.auditotter_mcp(&[]));
    client.go_stateless();
    let discovered = client.request("server/discover", json!({})).unwrap();
    let versions = discovered["supportedVersions"].as_array().unwrap();
    assert!(versions.contains(&json!(STATELESS)), "{discovered}");
    let listed = client.request("tools/list", json!({})).unwrap();
    assert_eq!(listed["tools"].as_array().unwrap().len(), 10);
    let first = client.call("append_trace_note", json!({ "text": "one" }));
    let second = client.call("append_trace_note", json!({ "text": "two" }));
    assert!(
        !first.is_error && !second.is_error,
        "{} {}",
        first.text,
        second.text
    );
    assert_eq!(first.structured["trace"], second.structured["trace"]);
    let (status, stderr) = client.end();
    assert!(status.success(), "{stderr}");
    let note = ["tool.called", "note.appended", "tool.returned"];
    let expected: Vec<&str> = ["session.opened"]
        .into_iter()
        .chain(note)
        .chain(note)
        .chain(["session.closed"])
        .collect();
    assert_eq!(kinds(&home), expected);
}

#[test]
fn what_the_client_says_of_itself_is_recorded_in_both_eras() {
    let home = Home::lent();
    let mut before = home.claude_code();
    before.call("describe_delegation", json!({}));
    before.end();
    let mut since = StdioClient::start(&mut home.auditotter_mcp(&[]));
    since.go_stateless();
    since.call("describe_delegation", json!({}));
    since.end();
    for trace in home.traces() {
        for recorded in home.trace(trace) {
            let via = recorded.stored.entry.via.unwrap();
            assert_eq!(
                (via.agent(), via.version()),
                ("claude-code", Some("1.2.3")),
                "{}",
                recorded.kind
            );
        }
    }
}
