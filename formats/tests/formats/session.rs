//! Sessions as they are recorded, made by hand.

use serde_json::{Value, json};
use time::Duration;
use trace_store::{
    BodyState, ChainId, Entry, EntryHash, Kind, Refs, Salt, SaltedBody, Via, export::VerifiedEntry,
};
use vocabulary::{DelegationId, MemberId, Timestamp, TraceId};

/// A session that is being told.
pub(crate) struct Told {
    entries: Vec<VerifiedEntry>,
    at: Timestamp,
}

impl Told {
    pub(crate) fn new() -> Self {
        Self {
            entries: Vec::new(),
            at: "2026-11-21T02:27:37.000000Z".parse().unwrap(),
        }
    }

    /// A second later, this is recorded.
    pub(crate) fn says(&mut self, kind: &str, refs: &[(&str, &str)], body: &[u8]) {
        self.record(kind, refs, Some(BodyState::Present(body.to_owned())));
    }

    pub(crate) fn tells(&mut self, kind: &str, refs: &[(&str, &str)], body: &Value) {
        self.says(kind, refs, body.to_string().as_bytes());
    }

    pub(crate) fn erased(&mut self, kind: &str) {
        self.record(kind, &[], Some(BodyState::Erased));
    }

    pub(crate) fn nothing(&mut self, kind: &str) {
        self.record(kind, &[], None);
    }

    fn record(&mut self, kind: &str, refs: &[(&str, &str)], body: Option<BodyState>) {
        self.at = self.at.saturating_add(Duration::SECOND);
        let refs = refs
            .iter()
            .fold(Refs::new(), |refs, (name, value)| refs.with(name, value).unwrap());
        let bytes = match &body {
            Some(BodyState::Present(bytes)) => bytes.clone(),
            _ => Vec::new(),
        };
        let claim = SaltedBody::new(Salt::from_bytes([1; 32]), bytes).claim();
        let entry = Entry {
            chain: ChainId::Trace(TraceId::new(1_763_692_057_000, [7; 10])),
            seq: self.entries.len() as u64,
            prev: self.entries.last().map_or(EntryHash::NONE, |entry| entry.hash),
            at: self.at,
            kind: kind.parse::<Kind>().unwrap(),
            on_behalf_of: Some(MemberId::new(1, [2; 10])),
            via: Some(Via::new("claude-code", Some("2.1.329"), Some("s1")).unwrap()),
            delegation: Some(DelegationId::new(2, [3; 10])),
            refs,
            body: body.as_ref().map(|_| claim),
        };
        self.entries.push(VerifiedEntry {
            line: entry.seq + 2,
            index: entry.seq + 10,
            hash: entry.hash(),
            bytes: entry.to_bytes(),
            body: body.unwrap_or(BodyState::None),
            entry,
        });
    }

    pub(crate) fn entries(self) -> Vec<VerifiedEntry> {
        self.entries
    }
}

/// A session of Alice's with a little of everything.
pub(crate) fn alices() -> Vec<VerifiedEntry> {
    let mut told = Told::new();
    let turn = ("turn", "p1");
    told.tells(
        "session.opened",
        &[],
        &json!({ "session": "se_x", "expires_at": "2026-11-21T03:27:37.000000Z" }),
    );
    told.tells(
        "session.started",
        &[],
        &json!({ "session": "s1", "source": "startup", "model": "claude-opus-5-5", "cwd": "/home/alice/shop" }),
    );
    told.tells(
        "prompt",
        &[turn],
        &json!({ "text": "Fix the reset bug \u{1b}[31m" }),
    );
    told.tells(
        "model.answered",
        &[turn],
        &json!({
            "text": "I look first.", "model": "claude-opus-5-5", "message": "msg_1",
            "usage": { "input": 1200, "output": 34, "cache_read": 1000, "cache_write": 12, "reasoning": 5 },
        }),
    );
    told.tells(
        "tool.called",
        &[turn, ("call", "t1")],
        &json!({ "tool": "Bash", "arguments": { "command": "make" } }),
    );
    told.tells(
        "command.run",
        &[turn, ("call", "t1")],
        &json!({ "command": "make", "output": "no rule", "exit_code": 2 }),
    );
    // Announced by the client, recorded by the server within it.
    told.tells(
        "tool.called",
        &[turn, ("call", "t2")],
        &json!({ "tool": "mcp__auditotter__append_trace_note", "arguments": { "text": "here" } }),
    );
    told.tells(
        "tool.called",
        &[("call", "t2"), ("request", "rq_1")],
        &json!({ "tool": "append_trace_note", "arguments": { "text": "here" } }),
    );
    told.tells(
        "note.appended",
        &[("call", "t2"), ("request", "rq_1")],
        &json!({ "text": "here" }),
    );
    told.tells(
        // The hub's answer names what it answers, as it knows it.
        "tool.returned",
        &[("request", "rq_1")],
        &json!({ "returned": { "recorded": 8 } }),
    );
    told.tells(
        "tool.returned",
        &[turn, ("call", "t2")],
        &json!({ "returned": "{\"recorded\":8}" }),
    );
    told.tells(
        "tool.called",
        &[turn, ("call", "t3")],
        &json!({ "tool": "Write", "arguments": { "file_path": "/etc/x" } }),
    );
    told.tells(
        "gate.denied",
        &[turn, ("call", "t3")],
        &json!({ "code": "not_approved", "because": "nothing covers it" }),
    );
    told.tells(
        "tool.failed",
        &[turn, ("call", "t3")],
        &json!({ "tool": "Write", "error": "denied by a hook", "interrupted": false }),
    );
    let edit = [
        turn,
        ("call", "t4"),
        ("work_item", "wi_01m7q5cqg0e40r2081040g2081"),
    ];
    told.tells(
        "tool.called",
        &edit,
        &json!({ "tool": "Edit", "arguments": { "file_path": "/home/alice/shop/src/reset.rs" } }),
    );
    told.tells(
        "file.edited",
        &edit[..2],
        &json!({
            "tool": "Edit", "path": "/home/alice/shop/src/reset.rs", "change": "changed", "before": "00", "after": "11",
            "diff": "@@ -3,2 +3,4 @@\n fn reset() {\n+    token();\n+    log();\n }\n@@ -20,1 +22,1 @@\n-old\n+new\n",
        }),
    );
    told.tells(
        "subagent.started",
        &[turn],
        &json!({ "agent": { "id": "a1", "kind": "Explore" } }),
    );
    let patch = [turn, ("call", "t5"), ("agent", "a1")];
    told.tells(
        "tool.called",
        &patch,
        &json!({ "tool": "apply_patch", "arguments": {} }),
    );
    told.tells(
        "file.edited",
        &patch,
        &json!({ "tool": "apply_patch", "path": "docs/new.md", "change": "created", "after": "22", "diff": "+one\n+two\n" }),
    );
    told.tells(
        "file.edited",
        &patch,
        &json!({ "tool": "apply_patch", "path": "docs/old.md", "change": "changed", "diff": "@@\n a\n+b [REDACTED]\n", "redacted": { "x": 1 } }),
    );
    told.tells(
        "file.edited",
        &patch,
        &json!({ "tool": "apply_patch", "path": "docs/gone.md", "change": "deleted", "diff": "" }),
    );
    told.tells(
        "subagent.stopped",
        &[turn],
        &json!({ "agent": { "id": "a1", "kind": "Explore" }, "last_message": "done" }),
    );
    told.tells(
        "file.edited",
        &[],
        &json!({ "tool": "Write", "path": "/tmp/x", "change": "created", "diff": "+x\n" }),
    );
    told.tells(
        "file.changed",
        &[],
        &json!({ "path": "Cargo.lock", "change": "changed", "diff": "@@ -1,1 +1,1 @@\n-a\n+b\n", "between_turns": true }),
    );
    told.tells(
        "tool.called",
        &[turn, ("call", "t6")],
        &json!({ "tool": "Bash", "arguments": { "command": "sleep 9" } }),
    );
    told.erased("prompt");
    told.nothing("session.closed");
    told.entries()
}
