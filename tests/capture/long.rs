//! A long session of the real Claude Code: what landed is what the script did, entry by entry.

use std::{fs, sync::Arc};

use identity::HumanVerb;
use serde_json::json;
use testkit::{
    Home, ScriptedModel, Step,
    clients::{ClaudeCode, PLUGIN_SERVER},
    scripted_model::Helper,
};

use crate::settled;

/// What an entry should be: its kind, and what it says somewhere.
type Expected = (&'static str, String);

struct Script {
    steps: Vec<Step>,
    expected: Vec<Expected>,
}

impl Script {
    fn does(&mut self, step: Step, entries: &[(&'static str, &str)]) {
        self.steps.push(step);
        self.expected
            .extend(entries.iter().map(|(kind, says)| (*kind, (*says).to_owned())));
    }

    /// The server is asked: as the client says, as the server heard, and as the client says again.
    fn asks(&mut self, step: Step, tool: &str, between: &[(&'static str, &str)]) {
        self.does(step, &[("tool.called", tool), ("tool.called", tool)]);
        self.expected
            .extend(between.iter().map(|(kind, says)| (*kind, (*says).to_owned())));
        self.expected
            .extend([("tool.returned", String::new()), ("tool.returned", String::new())]);
    }
}

#[test]
fn a_session_of_many_steps_lands_entry_by_entry() {
    let Some(claude) = ClaudeCode::installed() else {
        return;
    };
    let home = Arc::new(Home::lent());
    let repository = home.repository();
    let folder = repository.folder.canonicalize().unwrap();
    fs::create_dir(folder.join(".auditotter")).unwrap();
    fs::write(folder.join(".auditotter/policy.toml"), "mode = \"enforce\"\n").unwrap();
    let file = |number: usize| folder.join(format!("docs/{number}.md"));
    let bash =
        |command: &str| Step::client_tool("Bash", json!({ "command": command, "description": "Do it" }));
    let mut script = Script {
        steps: Vec::new(),
        expected: vec![
            ("session.opened", String::new()),
            ("session.started", "startup".to_owned()),
            ("prompt", "Write the docs".to_owned()),
        ],
    };
    // Before anybody said yes.
    script.does(bash("ls"), &[("tool.called", "ls"), ("command.run", "README.md")]);
    script.does(
        Step::client_tool("Write", json!({ "file_path": file(0), "content": "0\n" })),
        &[
            ("tool.called", "docs/0.md"),
            ("gate.denied", "no_approved_work_item"),
            ("tool.failed", "Audit Otter does not let this happen"),
        ],
    );
    let proposal = json!({ "title": "Fix a typo in the docs", "paths": ["docs/**"] });
    script.asks(
        Step::call("propose_work_item", proposal),
        "propose_work_item",
        &[],
    );
    let alice = Arc::clone(&home);
    let approval = Step::call_with("await_decision", move |seen| {
        let id = seen[2].json()["id"].as_str().unwrap().to_owned();
        alice.decide(id.parse().unwrap(), HumanVerb::Approve, None);
        json!({ "id": id })
    });
    script.asks(approval, "await_decision", &[]);
    for number in 0..6 {
        let path = file(number);
        let shown = path.to_str().unwrap().to_owned();
        script.does(
            Step::client_tool(
                "Write",
                json!({ "file_path": path, "content": format!("line {number}\n") }),
            ),
            &[("tool.called", &shown), ("file.edited", "created")],
        );
        script.does(
            Step::client_tool("Read", json!({ "file_path": path })),
            &[("tool.called", &shown), ("tool.returned", &shown)],
        );
        let edit = json!({ "file_path": path, "old_string": "line", "new_string": "row" });
        script.does(
            Step::client_tool("Edit", edit),
            &[("tool.called", &shown), ("file.edited", "-line")],
        );
        let command = format!("cat docs/{number}.md");
        script.does(
            bash(&command),
            &[
                ("tool.called", &command),
                ("command.run", &format!("row {number}")),
            ],
        );
    }
    script.does(
        bash("echo said; exit 3"),
        &[("tool.called", "exit 3"), ("command.run", "\"exit_code\":3")],
    );
    let outside = folder.join("src/a.rs");
    script.does(
        Step::client_tool("Write", json!({ "file_path": outside, "content": "x" })),
        &[
            ("tool.called", "src/a.rs"),
            ("gate.denied", "path_not_approved"),
            ("tool.failed", "Audit Otter does not let this happen"),
        ],
    );
    let helper = json!({
        "description": "Count", "prompt": "Count the rows, helper.", "subagent_type": "general-purpose", "run_in_background": false,
    });
    script.does(
        Step::client_tool("Agent", helper),
        &[
            ("tool.called", "Count the rows, helper."),
            ("subagent.started", "general-purpose"),
            ("tool.called", "wc -l docs/0.md"),
            ("command.run", "1 docs/0.md"),
            ("subagent.stopped", "One row."),
            ("tool.returned", "One row."),
        ],
    );
    let note = Step::call("append_trace_note", json!({ "text": "The docs are written." }));
    script.asks(
        note,
        "append_trace_note",
        &[("note.appended", "The docs are written.")],
    );
    script.does(
        Step::say("All done."),
        &[("turn.ended", "All done."), ("session.ended", "")],
    );
    assert!(script.steps.len() >= 30, "{}", script.steps.len());

    let helper = Helper {
        prompt: "Count the rows, helper.".to_owned(),
        script: vec![bash("wc -l docs/0.md"), Step::say("One row.")],
    };
    let model = ScriptedModel::start_with(PLUGIN_SERVER, script.steps, Some(helper));
    let session = claude.work_with_plugin(&home, &folder, &model, "Write the docs");
    assert_eq!(session.ran.code, Some(0), "{session:#?}");
    assert!(!outside.exists());

    let export = settled(&home);
    let landed: Vec<_> = export
        .trace
        .iter()
        .filter(|entry| {
            let beside = [
                "client.event",
                "session.resumed",
                "gate.rules",
                "model.answered",
                "transcript.read",
            ];
            !beside.contains(&&*entry.kind)
        })
        .collect();
    for (at, (entry, (kind, says))) in landed.iter().zip(&script.expected).enumerate() {
        assert_eq!(
            &entry.kind, kind,
            "#{at}: {entry:#?}, where {says:?} was expected"
        );
        assert!(
            entry.body.to_string().contains(says),
            "#{at}: {entry:#?} does not say {says:?}"
        );
    }
    assert_eq!(landed.len(), script.expected.len(), "{:#?}", landed.last());
    // The helper's work is marked as its own.
    let helped = export
        .trace
        .iter()
        .filter(|entry| entry.entry["refs"]["agent"].is_string());
    let helped: Vec<&str> = helped
        .map(|entry| &*entry.kind)
        .filter(|kind| !["client.event", "model.answered"].contains(kind))
        .collect();
    assert_eq!(helped, ["tool.called", "command.run"]);
    // Each of the files that were written: what it holds is what the trace says that it holds.
    for number in 0..6 {
        let text = fs::read(file(number)).unwrap();
        let path = file(number).to_str().unwrap().to_owned();
        let last = export
            .of_kind("file.edited")
            .into_iter()
            .rfind(|entry| entry.body["path"] == *path);
        assert_eq!(
            last.unwrap().body["after"],
            blake3::hash(&text).to_hex().to_string()
        );
    }
}
