//! Real clients that are stopped, or lose what they talk to, in the middle of something: nothing that was acknowledged is lost, and
//! the trace says how it ended.

use std::{fs, path::PathBuf, sync::Arc};

use rustix::process::{Signal, kill_process};
use serde_json::{Value, json};
use testkit::{
    Home, ScriptedModel, Step,
    clients::{ClaudeCode, Codex, PLUGIN_SERVER, SERVER, Working},
    export::Export,
    home::Lending,
    program::{PATIENCE, until},
};

use crate::{only, recorded};

/// What a session consists of, whatever else is said of it.
const STEPS: [&str; 14] = [
    "session.opened",
    "session.started",
    "session.ended",
    "prompt",
    "tool.called",
    "tool.returned",
    "tool.failed",
    "tool.denied",
    "tool.rejected",
    "file.edited",
    "command.run",
    "note.appended",
    "turn.ended",
    "turn.interrupted",
];

fn steps(export: &Export) -> Vec<&str> {
    // What the client's own record says beside it comes when that is read.
    let told = export.trace.iter();
    let told = told.filter(|entry| entry.entry["refs"]["source"] != "transcript");
    let kinds = told.map(|entry| entry.kind.as_str());
    kinds.filter(|kind| STEPS.contains(kind)).collect()
}

/// A command that has begun once a file is there, and goes on until another is.
struct Endless {
    begun: PathBuf,
    over: PathBuf,
}

impl Endless {
    fn of(home: &Home) -> Self {
        Self {
            begun: home.file("begun"),
            over: home.file("over"),
        }
    }

    fn command(&self) -> String {
        // It ends by itself as well, where a test stops in the middle.
        format!(
            "touch {:?}; for i in $(seq 600); do [ -e {:?} ] && break; sleep 0.1; done",
            self.begun, self.over
        )
    }

    fn wait(&self) {
        until(PATIENCE, || self.begun.exists().then_some(())).unwrap();
    }
}

impl Drop for Endless {
    fn drop(&mut self) {
        let _ = fs::write(&self.over, "");
    }
}

/// A session that reads, and is in the middle of a command when a signal arrives.
fn stopped(
    home: &Home,
    begin: impl FnOnce(&ScriptedModel) -> Working,
    server: &str,
    shell: impl FnOnce(&str) -> Step,
    signal: Signal,
) {
    let endless = Endless::of(home);
    let model = ScriptedModel::start(
        server,
        vec![
            Step::call("append_trace_note", json!({ "text": "Before the command." })),
            shell(&endless.command()),
            Step::say("Never said."),
        ],
    );
    let mut client = begin(&model);
    endless.wait();
    client.signal(signal);
    let _ = client.end();
}

fn bash(command: &str) -> Step {
    Step::client_tool("Bash", json!({ "command": command, "description": "Wait" }))
}

/// What both ways to stop a client leave, up to the command that was under way.
const UNTIL_THE_COMMAND: [&str; 9] = [
    "session.opened",
    "session.started",
    "prompt",
    "tool.called",
    "tool.called",
    "note.appended",
    "tool.returned",
    "tool.returned",
    "tool.called",
];

/// The call that was under way, as the trace says it.
fn under_way(export: &Export) -> Value {
    let called = export.of_kind("tool.called").into_iter().next_back();
    called.map_or(Value::Null, |entry| entry.entry["refs"]["call"].clone())
}

#[test]
fn claude_code_that_is_interrupted_says_where_it_stood() {
    let Some(claude) = ClaudeCode::installed() else {
        return;
    };
    let home = Home::lent();
    let repository = home.repository();
    stopped(
        &home,
        |model| claude.begin_with_plugin(&home, &repository.folder, model, "Wait", None),
        PLUGIN_SERVER,
        bash,
        Signal::INT,
    );
    let export = recorded(&home);
    let mut expected = UNTIL_THE_COMMAND.to_vec();
    expected.extend(["turn.interrupted", "session.ended"]);
    assert_eq!(steps(&export), expected, "{:#?}", export.trace);
    let interrupted = only(&export, "turn.interrupted");
    assert_eq!(interrupted, json!({ "unfinished": [under_way(&export)] }));
}

#[test]
fn claude_code_that_is_killed_loses_nothing_and_says_so_when_it_goes_on() {
    let Some(claude) = ClaudeCode::installed() else {
        return;
    };
    let home = Home::lent();
    let repository = home.repository();
    stopped(
        &home,
        |model| claude.begin_with_plugin(&home, &repository.folder, model, "Wait", None),
        PLUGIN_SERVER,
        bash,
        Signal::KILL,
    );
    let export = recorded(&home);
    assert_eq!(steps(&export), UNTIL_THE_COMMAND, "{:#?}", export.trace);
    let killed = under_way(&export);

    let session = only(&export, "session.started")["session"].clone();
    let model = ScriptedModel::start(PLUGIN_SERVER, Vec::new());
    let resumed = claude
        .begin_with_plugin(&home, &repository.folder, &model, "Go on", session.as_str())
        .end();
    assert_eq!(resumed.ran.code, Some(0), "{resumed:#?}");
    let export = recorded(&home);
    let steps = steps(&export);
    assert_eq!(
        steps.get(UNTIL_THE_COMMAND.len()..).unwrap(),
        [
            "turn.interrupted",
            "session.started",
            "prompt",
            "turn.ended",
            "session.ended"
        ],
        "{:#?}",
        export.trace
    );
    assert_eq!(
        only(&export, "turn.interrupted"),
        json!({ "unfinished": [killed] })
    );
}

#[test]
fn codex_that_is_interrupted_says_where_it_stood() {
    let Some(codex) = Codex::installed() else { return };
    let home = Home::founded();
    let _ = home.lend(&Lending::to("codex"));
    let repository = home.repository();
    stopped(
        &home,
        |model| codex.begin_with_hooks(&home, &repository.folder, model, "Wait"),
        SERVER,
        |command| Step::client_tool("exec_command", json!({ "cmd": command, "yield_time_ms": 30_000 })),
        Signal::INT,
    );
    let export = recorded(&home);
    let mut expected = UNTIL_THE_COMMAND.to_vec();
    expected.extend(["turn.interrupted", "session.ended"]);
    assert_eq!(steps(&export), expected, "{:#?}", export.trace);
    let interrupted = only(&export, "turn.interrupted");
    assert_eq!(interrupted, json!({ "unfinished": [under_way(&export)] }));
}

#[test]
fn codex_that_is_killed_loses_nothing_that_it_told() {
    let Some(codex) = Codex::installed() else { return };
    let home = Home::founded();
    let _ = home.lend(&Lending::to("codex"));
    let repository = home.repository();
    stopped(
        &home,
        |model| codex.begin_with_hooks(&home, &repository.folder, model, "Wait"),
        SERVER,
        |command| Step::client_tool("exec_command", json!({ "cmd": command, "yield_time_ms": 30_000 })),
        Signal::KILL,
    );
    let export = recorded(&home);
    assert_eq!(steps(&export), UNTIL_THE_COMMAND, "{:#?}", export.trace);
}

#[test]
fn a_hub_that_is_killed_again_and_again_costs_a_session_nothing() {
    let Some(claude) = ClaudeCode::installed() else {
        return;
    };
    let home = Arc::new(Home::lent());
    let repository = home.repository();
    let file = repository.folder.join("list.txt");
    let mut script = vec![Step::client_tool(
        "Write",
        json!({ "file_path": file, "content": "0\n" }),
    )];
    let mut expected = vec!["session.opened", "session.started", "prompt"];
    expected.extend(["tool.called", "file.edited"]);
    for round in 0..4 {
        let home = Arc::clone(&home);
        script.push(Step::call_with("append_trace_note", move |_| {
            assert!(home.kill_hub());
            json!({ "text": format!("Round {round}.") })
        }));
        expected.extend(["tool.called", "tool.called", "note.appended"]);
        expected.extend(["tool.returned", "tool.returned"]);
        script.push(Step::client_tool(
            "Edit",
            json!({ "file_path": file, "old_string": round.to_string(), "new_string": (round + 1).to_string() }),
        ));
        expected.extend(["tool.called", "file.edited"]);
    }
    script.push(Step::say("Done."));
    expected.extend(["turn.ended", "session.ended"]);
    let model = ScriptedModel::start(PLUGIN_SERVER, script);
    let session = claude.work_with_plugin(&home, &repository.folder, &model, "Count");
    assert_eq!(session.ran.code, Some(0), "{session:#?}");
    assert_eq!(fs::read_to_string(&file).unwrap(), "4\n");
    let export = recorded(&home);
    assert_eq!(steps(&export), expected, "{:#?}", export.trace);
}

#[test]
fn a_server_that_is_killed_is_started_again_and_the_trace_goes_on() {
    let Some(claude) = ClaudeCode::installed() else {
        return;
    };
    let home = Home::lent();
    let repository = home.repository();
    let (killed, goes_on) = (home.file("killed"), home.file("goes-on"));
    let (waits_for, says) = (goes_on.clone(), killed.clone());
    let model = ScriptedModel::start(
        PLUGIN_SERVER,
        vec![
            Step::call("append_trace_note", json!({ "text": "While it lives." })),
            Step::call_with("append_trace_note", move |_| {
                fs::write(&says, "").unwrap();
                until(PATIENCE, || waits_for.exists().then_some(())).unwrap();
                json!({ "text": "After it was killed." })
            }),
            bash("echo goes on"),
            Step::say("Done."),
        ],
    );
    let client = claude.begin_with_plugin(&home, &repository.folder, &model, "Note", None);
    until(PATIENCE, || killed.exists().then_some(())).unwrap();
    kill_process(client.server(), Signal::KILL).unwrap();
    fs::write(&goes_on, "").unwrap();
    let session = client.end();
    assert_eq!(session.ran.code, Some(0), "{session:#?}");
    let export = recorded(&home);
    let call = [
        "tool.called",
        "tool.called",
        "note.appended",
        "tool.returned",
        "tool.returned",
    ];
    let mut expected = vec!["session.opened", "session.started", "prompt"];
    // The client starts it again and asks it again.
    expected.extend(call.into_iter().chain(call));
    expected.extend(["tool.called", "command.run", "turn.ended", "session.ended"]);
    assert_eq!(steps(&export), expected, "{:#?}", export.trace);
    let notes: Vec<&Value> = export
        .of_kind("note.appended")
        .into_iter()
        .map(|entry| &entry.body["text"])
        .collect();
    assert_eq!(notes, ["While it lives.", "After it was killed."]);
    assert_eq!(only(&export, "command.run")["output"], "goes on");
}
