//! A session as hooks tell it, with something of everything that there is to read.

use serde_json::{Value, json};
use trace_store::{ChainId, Kind, NewEntry, Refs};
use vocabulary::TraceId;

use super::Home;

/// What somebody says who wants the page or the terminal to be theirs.
pub const HOSTILE: &str = "<script>alert(1)</script><img src=x onerror=alert(2)> \u{1b}[2J\u{1b}]0;owned\u{7} \u{202e}txt.exe\u{2066} \u{e0041}";

impl Home {
    /// A client's hook tells this event of its session `s1`.
    ///
    /// # Panics
    /// Where it does not go through.
    pub fn tell(&self, name: &str, more: &Value) {
        let mut event = json!({ "session_id": "s1", "hook_event_name": name, "cwd": "/home/alice/shop" });
        if let (Value::Object(event), Value::Object(more)) = (&mut event, more) {
            event.extend(more.clone());
        }
        let ran = self.hook("claude-code", &event.to_string());
        assert_eq!((ran.code, &*ran.stdout), (Some(0), ""), "{}", ran.stderr);
    }

    /// A client's tool is used, and something comes of it.
    pub fn tell_call(&self, turn: &str, call: &str, tool: &str, input: &Value, response: &Value) {
        let used = json!({ "prompt_id": turn, "tool_name": tool, "tool_use_id": call, "tool_input": input });
        self.tell("PreToolUse", &used);
        let mut ended = used;
        ended["tool_response"] = response.clone();
        self.tell("PostToolUse", &ended);
    }

    /// Two turns: an edit with a difference, a command whose output is long, one that fails, something that is not allowed, a gap, and
    /// words that are hostile. Gives its trace.
    ///
    /// # Panics
    /// Where something does not go through.
    #[must_use]
    pub fn tell_a_session(&self) -> TraceId {
        self.tell(
            "SessionStart",
            &json!({ "source": "startup", "model": "claude-opus-5-5" }),
        );
        self.tell(
            "UserPromptSubmit",
            &json!({ "prompt_id": "p1", "prompt": "Fix the password reset bug: the link has the old host name." }),
        );
        self.tell_call(
            "p1",
            "t1",
            "Read",
            &json!({ "file_path": "/home/alice/shop/src/reset/mail.rs" }),
            &json!({ "file": { "content": "const HOST: &str = \"old.example.com\";\n" } }),
        );
        self.tell_call(
            "p1",
            "t2",
            "Edit",
            &json!({ "file_path": "/home/alice/shop/src/reset/mail.rs", "old_string": "old.example.com", "new_string": "new.example.com" }),
            &json!({
                "filePath": "/home/alice/shop/src/reset/mail.rs",
                "originalFile": "const HOST: &str = \"old.example.com\";\n",
                "oldString": "old.example.com", "newString": "new.example.com",
                "structuredPatch": [{ "oldStart": 1, "oldLines": 2, "newStart": 1, "newLines": 3, "lines": [
                    "-const HOST: &str = \"old.example.com\";",
                    "+/// Where the link leads.",
                    format!("+const HOST: &str = \"new.example.com\"; // {HOSTILE}"),
                    " fn main() {}",
                ] }],
            }),
        );
        let output: String = (0..200)
            .map(|number| format!("test reset::case_{number} ... ok\n"))
            .collect();
        self.tell_call(
            "p1",
            "t3",
            "Bash",
            &json!({ "command": "cargo test" }),
            &json!({ "stdout": output, "stderr": concat!("AKIA", "QYLPMN5HHHFPZAM2 is in the output"), "interrupted": false }),
        );
        self.tell(
            "Stop",
            &json!({ "prompt_id": "p1", "last_assistant_message": "The link has the new host name now." }),
        );
        self.tell(
            "UserPromptSubmit",
            &json!({ "prompt_id": "p2", "prompt": format!("Now {HOSTILE}\nand then deploy it") }),
        );
        let failing = json!({ "prompt_id": "p2", "tool_name": "Bash", "tool_use_id": "t4", "tool_input": { "command": "make deploy" } });
        self.tell("PreToolUse", &failing);
        let mut failed = failing;
        failed["error"] = json!("Exit code 2\nmake: *** No rule to make target 'deploy'.");
        self.tell("PostToolUseFailure", &failed);
        self.tell(
            "ConfigChange",
            &json!({ "source": "user_settings", "file_path": "/home/alice/.claude/settings.json" }),
        );
        self.tell(
            "Stop",
            &json!({ "prompt_id": "p2", "last_assistant_message": "There is no such target." }),
        );
        let traces = self.traces();
        assert_eq!(traces.len(), 1, "{traces:?}");
        traces[0]
    }

    /// The trace of a long session: so many calls, each with what came of it, a prompt now and then, and a hundred files. Ends the hub first.
    ///
    /// # Panics
    /// Where the store is refused.
    #[must_use]
    pub fn forge_a_long_session(&self, steps: usize) -> TraceId {
        let trace = TraceId::new(8, [8; 10]);
        let mut entries = Vec::new();
        let output = "test reset::host_is_the_new_one ... ok\n".repeat(30);
        let diff = format!(
            "@@ -1,10 +1,20 @@\n{}{}",
            "-    let host = old();\n".repeat(10),
            "+    let host = new();\n".repeat(20)
        );
        for step in 0..steps {
            let turn = format!("p{}", step / 50);
            let call = format!("toolu_{step:08}");
            let refs = [("turn", turn.as_str()), ("call", call.as_str())];
            if step % 50 == 0 {
                let said =
                    json!({ "text": format!("Fix the reset link of tenant {step}, and say what you did.") });
                entries.push(entry("prompt", &refs[..1], &said));
            }
            let path = format!("/home/alice/shop/src/tenant_{}/mail.rs", step % 100);
            let (called, kind, came) = match step % 3 {
                0 => (
                    json!({ "tool": "Edit", "arguments": { "file_path": path, "old_string": "old()", "new_string": "new()" } }),
                    "file.edited",
                    json!({ "tool": "Edit", "path": path, "change": "changed", "diff": diff }),
                ),
                1 => (
                    json!({ "tool": "Bash", "arguments": { "command": "cargo test" } }),
                    "command.run",
                    json!({ "command": "cargo test", "output": output }),
                ),
                _ => (
                    json!({ "tool": "Read", "arguments": { "file_path": path } }),
                    "tool.returned",
                    json!({ "returned": { "file": { "content": output } } }),
                ),
            };
            entries.push(entry("tool.called", &refs, &called));
            entries.push(entry(kind, &refs, &came));
        }
        self.forge_bit_by_bit(
            entries
                .into_iter()
                .map(|entry| (ChainId::Trace(trace), entry))
                .collect(),
        );
        trace
    }

    /// A trace that says of itself that it was imported, written as no hub of this version would.
    ///
    /// # Panics
    /// Where the store is refused.
    #[must_use]
    pub fn forge_an_imported_trace(&self) -> TraceId {
        let trace = TraceId::new(7, [7; 10]);
        let turn = ("turn", "p1");
        let entries = vec![
            entry(
                "session.imported",
                &[],
                &json!({ "client": "claude-code", "session": "s9", "file": "/home/alice/old.jsonl", "digest": "0f".repeat(32) }),
            ),
            entry("prompt", &[turn], &json!({ "text": "Say hello" })),
            entry(
                "model.answered",
                &[turn],
                &json!({ "text": "Hello.\nI wrote it down.", "model": "claude-opus-5-5", "usage": { "input": 1_204, "output": 9 } }),
            ),
            entry(
                "tool.called",
                &[turn, ("call", "t1")],
                &json!({ "tool": "Bash", "arguments": { "command": "echo hello > hello" } }),
            ),
            entry(
                "file.changed",
                &[turn, ("call", "t1")],
                &json!({ "path": "hello", "change": "created", "diff": "@@ -0,0 +1,1 @@\n+hello\n" }),
            ),
            entry(
                "command.run",
                &[turn, ("call", "t1")],
                &json!({ "command": "echo hello > hello", "output": "" }),
            ),
            entry(
                "capture.gap",
                &[],
                &json!({ "silent": { "for_seconds": 90, "client": "claude-code" } }),
            ),
            entry(
                "transcript.read",
                &[],
                &json!({ "path": "/home/alice/old.jsonl", "bytes": 18_211, "digest": "0f".repeat(32) }),
            ),
            entry(
                "mood.improved",
                &[turn],
                &json!({ "because": "it works", "by": 3 }),
            ),
        ];
        self.forge(
            entries
                .into_iter()
                .map(|entry| (ChainId::Trace(trace), entry))
                .collect(),
        );
        trace
    }
}

fn entry(kind: &'static str, refs: &[(&str, &str)], body: &Value) -> NewEntry {
    let named = refs.iter();
    NewEntry {
        refs: named.fold(Refs::new(), |refs, (name, value)| {
            refs.with(name, value).expect("it can be a reference")
        }),
        body: Some(body.to_string().into_bytes()),
        ..NewEntry::new(Kind::from_static(kind))
    }
}
