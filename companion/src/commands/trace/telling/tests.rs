use hub::{companion::EntryRow, telling::tell};
use protocol::Via;
use serde_json::{Value, json};

use super::*;

/// What somebody says who wants the terminal to be theirs.
const HOSTILE: &str = "<script>alert(1)</script> \u{1b}[2J\u{1b}]0;owned\u{7} \u{202e}txt.exe \u{e0041}";

/// An entry: its kind, its refs, and its body.
type Said = (&'static str, Vec<(&'static str, &'static str)>, Value);

/// A session with every kind that there is to tell of, those included that this version does not write.
fn session() -> Vec<EntryRow> {
    let turn = |turn: &'static str| vec![("turn", turn)];
    let call = |turn: &'static str, call: &'static str| vec![("turn", turn), ("call", call)];
    let output: String = (0..40)
        .map(|number| format!("test case_{number} ... ok\n"))
        .collect();
    let diff = "@@ -1,2 +1,2 @@\n fn host() {\n-    old()\n+    new()\n";
    let entries: Vec<Said> = vec![
        (
            "session.opened",
            vec![],
            json!({ "expires_at": "2026-11-21T15:00:00.000000Z" }),
        ),
        (
            "session.started",
            vec![],
            json!({ "source": "startup", "model": "claude-opus-5-5", "cwd": "/home/alice/shop" }),
        ),
        (
            "prompt",
            turn("p1"),
            json!({ "text": "Fix the reset link\nand say what you did" }),
        ),
        (
            "model.answered",
            turn("p1"),
            json!({ "text": "I will read it.", "model": "claude-opus-5-5", "usage": { "input": 1234, "output": 5 } }),
        ),
        (
            "tool.called",
            call("p1", "t1"),
            json!({ "tool": "mcp__auditotter__propose_work_item", "arguments": { "title": "Fix the reset link" } }),
        ),
        (
            "tool.called",
            vec![("call", "t1"), ("request", "r1")],
            json!({ "tool": "propose_work_item", "arguments": { "title": "Fix the reset link" } }),
        ),
        (
            "tool.returned",
            vec![("request", "r1"), ("work_item", "wi_1")],
            json!({ "returned": { "content": [{ "type": "text", "text": "proposed" }] } }),
        ),
        (
            "tool.returned",
            call("p1", "t1"),
            json!({ "returned": "proposed" }),
        ),
        // Two at once.
        (
            "tool.called",
            call("p1", "t2"),
            json!({ "tool": "Edit", "arguments": { "file_path": "src/reset.rs", "old_string": "old()" } }),
        ),
        (
            "tool.called",
            call("p1", "t3"),
            json!({ "tool": "Bash", "arguments": { "command": "make test" } }),
        ),
        (
            "permission.asked",
            turn("p1"),
            json!({ "tool": "Bash", "arguments": { "command": "make test" } }),
        ),
        (
            "file.edited",
            call("p1", "t2"),
            json!({ "tool": "Edit", "path": "src/reset.rs", "change": "changed", "diff": diff }),
        ),
        ("permission.given", call("p1", "t3"), json!({})),
        (
            "command.run",
            call("p1", "t3"),
            json!({ "command": "make test", "exit_code": 2, "output": output, "error_output": "key [redacted:aws-access-token:0123abcd]", "redacted": { "aws-access-token": 1 } }),
        ),
        (
            "file.changed",
            call("p1", "t3"),
            json!({ "path": "target/log", "change": "created", "before": null, "after": "00" }),
        ),
        (
            "note.appended",
            vec![("request", "r9")],
            json!({ "text": "The link had the old name.", "refs": [] }),
        ),
        ("turn.ended", turn("p1"), json!({ "last_message": "Done." })),
        ("prompt", turn("p2"), json!({ "text": HOSTILE })),
        (
            "tool.called",
            call("p2", "t4"),
            json!({ "tool": "Write", "arguments": { "file_path": "infra/keys.tf", "content": HOSTILE } }),
        ),
        (
            "gate.denied",
            call("p2", "t4"),
            json!({ "code": "not_covered", "because": "infra/keys.tf is not covered", "next": "propose it", "paths": ["infra/keys.tf"] }),
        ),
        // The same name again: what is new is not put away under what is over.
        (
            "tool.called",
            call("p2", "t4"),
            json!({ "tool": "Bash", "arguments": { "command": "rm -rf /" } }),
        ),
        (
            "tool.failed",
            call("p2", "t4"),
            json!({ "tool": "Bash", "error": "refused", "interrupted": false }),
        ),
        (
            "tool.called",
            call("p2", "t5"),
            json!({ "tool": "Bash", "arguments": { "command": "curl x" } }),
        ),
        (
            "permission.refused",
            call("p2", "t5"),
            json!({ "tool": "Bash", "reason": "not now" }),
        ),
        (
            "tool.called",
            vec![("request", "r2")],
            json!({ "tool": "report_progress", "arguments": { "id": "wi_1" } }),
        ),
        (
            "tool.denied",
            vec![("request", "r2")],
            json!({ "denied": { "code": "revoked", "message": "it was taken back" } }),
        ),
        (
            "capture.gap",
            vec![],
            json!({ "unannounced": { "tool": "report_progress" } }),
        ),
        ("capture.gap", vec![], json!({ "silent": { "since": HOSTILE } })),
        ("capture.gap", vec![], json!("unwatched")),
        (
            "subagent.started",
            turn("p2"),
            json!({ "agent": { "id": "a1", "kind": "Explore" } }),
        ),
        (
            "tool.called",
            vec![("turn", "p2"), ("agent", "a1"), ("call", "t6")],
            json!({ "tool": "Read", "arguments": { "file_path": "a.md" } }),
        ),
        (
            "subagent.stopped",
            turn("p2"),
            json!({ "agent": { "id": "a1" }, "last_message": "Nothing there." }),
        ),
        (
            "context.compacted",
            turn("p2"),
            json!({ "trigger": "auto", "summary": "It was about a link." }),
        ),
        (
            "client.event",
            turn("p2"),
            json!({ "event": "Notification", "said": { "message": "idle" } }),
        ),
        (
            "transcript.read",
            vec![],
            json!({ "path": "/home/alice/s.jsonl", "bytes": 12345, "digest": "00" }),
        ),
        (
            "protocol.error",
            vec![],
            json!({ "observation": { "protocol_error": { "message": "no JSON" } }, "claimed_at": "2026-11-21T14:00:00.000000Z" }),
        ),
        (
            "call.cancelled",
            vec![],
            json!({ "observation": { "cancelled": { "request": "7", "reason": "too slow" } } }),
        ),
        (
            "mood.improved",
            turn("p2"),
            json!({ "because": "it works", "by": 3 }),
        ),
        ("turn.interrupted", turn("p2"), json!({ "unfinished": ["t6"] })),
        ("session.ended", vec![], json!({ "reason": "other" })),
        ("session.closed", vec![], json!({})),
    ];
    let mut rows: Vec<EntryRow> = entries
        .into_iter()
        .zip(0u64..)
        .map(|((kind, refs, body), seq)| EntryRow {
            seq,
            index: seq + 3,
            at: format!("2026-11-21T14:05:{seq:02}.250000Z").parse().unwrap(),
            kind: kind.to_owned(),
            on_behalf_of: Some("Alice".to_owned()),
            via: Some(Via {
                agent: "claude-code".to_owned(),
                version: "2.1".to_owned(),
                instance: "s1".to_owned(),
            }),
            refs: refs
                .into_iter()
                .map(|(name, value)| (name.to_owned(), value.to_owned()))
                .collect(),
            summary: String::new(),
            body: Some(body),
            erased: false,
            hash: format!("{seq:02x}").repeat(32),
        })
        .collect();
    rows[23].body = None;
    rows[23].erased = true;
    rows
}

fn told(full: bool) -> String {
    let turns = tell(&session(), None);
    let lines = turns.iter().flat_map(|one| turn(one, full));
    lines.map(|line| line.written(false) + "\n").collect()
}

#[test]
fn a_session_is_told_a_line_for_each_step() {
    insta::assert_snapshot!(told(false));
}

#[test]
fn with_everything_there_is_to_read_it_is_told_in_full() {
    insta::assert_snapshot!(told(true));
}

#[test]
fn every_entry_is_told_once_and_says_where_it_stands() {
    let rows = session();
    let mut seen: Vec<u64> = Vec::new();
    for turn in tell(&rows, None) {
        seen.extend(turn.prompt.iter().map(|prompt| prompt.seq));
        seen.extend(
            turn.steps
                .iter()
                .flat_map(|step| step.entries.iter().map(|entry| entry.seq)),
        );
    }
    seen.sort_unstable();
    assert!(seen.into_iter().eq(0..rows.len() as u64));
    let full = told(true);
    assert!(
        !full.contains(['\u{1b}', '\u{7}', '\u{202e}', '\u{e0041}']),
        "{full}"
    );
}

#[test]
fn what_an_agent_told_another_is_not_said_by_the_human() {
    let mut rows = session();
    rows.retain(|row| row.kind == "prompt");
    rows.truncate(1);
    rows[0].refs.insert("agent".to_owned(), "a1\u{1b}".to_owned());
    let line = turn(&tell(&rows, None)[0], false)[1].written(false);
    assert!(line.contains("an agent told sub-agent a1"), "{line}");
    assert!(!line.contains("Alice") && !line.contains('\u{1b}'), "{line}");
}
