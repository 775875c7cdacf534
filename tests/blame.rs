//! From a line of a file back to the session, the prompt, the work and the human that it comes from.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it stands"
)]

#[path = "blame/bounds.rs"]
mod bounds;
#[path = "blame/claims.rs"]
mod claims;
#[path = "blame/clients.rs"]
mod clients;
#[path = "blame/exports.rs"]
mod exports;
#[path = "blame/folders.rs"]
mod folders;
#[path = "blame/hooks.rs"]
mod hooks;
#[path = "blame/lines.rs"]
mod lines;
#[path = "blame/trailer.rs"]
mod trailer;

use std::{fs, path::Path, process::Command};

use serde_json::{Value, json};
use testkit::{
    Home,
    program::{self, Ran},
};
use trace_store::{ChainId, Kind, NewEntry, Refs};
use vocabulary::TraceId;

/// Alice's home, in which a Claude Code session has begun, and a repository whose commits name it.
struct Shop {
    home: Home,
    trace: String,
}

/// What Claude Code calls its session.
const SESSION: &str = "0b6b4b8e-0c62-4f5e-a3a9-2f6d0c1c7e11";

impl Shop {
    fn open() -> Self {
        let home = Home::lent();
        let _ = home.repository();
        let shop = Self {
            home,
            trace: String::new(),
        };
        shop.tells(
            "SessionStart",
            json!({ "source": "startup", "model": "claude-opus-5-5" }),
        );
        let trace = shop.home.traces()[0].to_string();
        let _ = shop.auditotter(&["install", "git"]).expect_success();
        Self { trace, ..shop }
    }

    fn folder(&self) -> std::path::PathBuf {
        self.home.file("repository")
    }

    /// The client runs its hook.
    fn tells(&self, name: &str, more: Value) {
        let mut event = json!({ "session_id": SESSION, "hook_event_name": name, "cwd": self.folder() });
        event
            .as_object_mut()
            .unwrap()
            .extend(more.as_object().unwrap().clone());
        let ran = self.home.hook("claude-code", &event.to_string());
        assert_eq!(
            (ran.code, &*ran.stdout, &*ran.stderr),
            (Some(0), "", ""),
            "{event}"
        );
    }

    /// The agent writes a file with its own tool, and the client tells so.
    fn writes(&self, name: &str, content: &str, call: &str, turn: &str) {
        let path = self.folder().join(name);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(&path, content).unwrap();
        self.tells(
            "PreToolUse",
            json!({ "tool_name": "Write", "tool_use_id": call, "prompt_id": turn, "tool_input": { "file_path": path, "content": content } }),
        );
        self.tells(
            "PostToolUse",
            json!({
                "tool_name": "Write", "tool_use_id": call, "prompt_id": turn,
                "tool_input": { "file_path": path, "content": content },
                "tool_response": { "type": "create", "filePath": path, "content": content, "structuredPatch": [], "originalFile": null },
            }),
        );
    }

    /// Appends to a trace what no hub of this version would. Ends the hub first.
    fn forges(&self, trace: &str, kind: &'static str, refs: &[(&str, &str)], body: &Value) {
        let chain = ChainId::Trace(trace.parse::<TraceId>().unwrap());
        let refs = refs
            .iter()
            .fold(Refs::new(), |refs, (name, value)| refs.with(name, value).unwrap());
        let body = Some(body.to_string().into_bytes());
        let entry = NewEntry {
            refs,
            body,
            ..NewEntry::new(Kind::from_static(kind))
        };
        self.home.forge(vec![(chain, entry)]);
    }

    /// Commits all that lies in the folder, with a message that names these traces.
    fn commits(&self, traces: &[&str]) {
        self.git(&["add", "--all"]);
        let named = traces.iter().map(|trace| format!("Auditotter-Trace: {trace}\n"));
        let message = format!("Fix it\n\n{}", named.collect::<String>());
        self.git(&["commit", "--quiet", "-m", &message]);
    }

    fn auditotter(&self, arguments: &[&str]) -> Ran {
        let mut command = self.home.auditotter(arguments);
        command.current_dir(self.folder());
        program::run(command)
    }

    fn blame(&self, place: &str) -> Value {
        let told = self.auditotter(&["blame", place, "--json"]).expect_success();
        serde_json::from_str(&told).unwrap()
    }

    /// A command of git's in a folder, as Alice types it.
    fn git_in(&self, folder: &Path, arguments: &[&str]) -> Command {
        let mut command = self.home.command("git");
        command.arg("-C").arg(folder).args(arguments);
        for who in ["AUTHOR", "COMMITTER"] {
            command
                .env(format!("GIT_{who}_NAME"), "Alice")
                .env(format!("GIT_{who}_EMAIL"), "alice@example.com");
        }
        command
    }

    fn git(&self, arguments: &[&str]) -> String {
        program::run(self.git_in(&self.folder(), arguments)).expect_success()
    }

    /// The same, as the agent runs it in its shell.
    fn agent(&self, arguments: &[&str]) -> String {
        let mut command = self.git_in(&self.folder(), arguments);
        command.env("CLAUDE_CODE_SESSION_ID", SESSION);
        program::run(command).expect_success()
    }

    fn message(&self, rev: &str) -> String {
        self.git(&["log", "-1", "--format=%B", rev])
    }

    /// How often a commit's message names the trace.
    fn named(&self, rev: &str) -> usize {
        let line = format!("Auditotter-Trace: {}", self.trace);
        self.message(rev)
            .lines()
            .filter(|found| found.trim_end() == line)
            .count()
    }
}
