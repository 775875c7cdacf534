use serde_json::{Value, json};

use super::{What, effect_of};
use crate::{
    Policy,
    path::testing::{self, around},
};

fn whats(tool: &str, input: &Value) -> Vec<What> {
    let look = testing::disk;
    let policy = Policy::parse("mode = \"enforce\"\nelsewhere = [\"linear\"]").unwrap();
    let effect = effect_of(tool, input, &around(&look), &policy);
    effect
        .changes()
        .iter()
        .map(|change| change.what.clone())
        .collect()
}

fn path(text: &str) -> What {
    What::Path(text.parse().unwrap())
}

#[test]
fn tools_that_read_are_free_whatever_they_are_handed() {
    for tool in [
        "Read",
        "Grep",
        "Glob",
        "LS",
        "WebFetch",
        "TodoWrite",
        "Task",
        "BashOutput",
        "update_plan",
        "view_image",
        "mcp__auditotter__propose_work_item",
        "mcp__plugin_auditotter_auditotter__await_decision",
    ] {
        assert_eq!(whats(tool, &json!({ "file_path": "src/a" })), [], "{tool}");
    }
}

#[test]
fn tools_that_write_name_their_file() {
    for tool in ["Write", "Edit", "MultiEdit"] {
        assert_eq!(
            whats(tool, &json!({ "file_path": "/home/alice/shop/src/a" })),
            [path("src/a")]
        );
    }
    assert_eq!(
        whats("NotebookEdit", &json!({ "notebook_path": "n.ipynb" })),
        [path("n.ipynb")]
    );
    assert_eq!(
        whats("Write", &json!({ "file_path": "src/link" })),
        [path("src/link"), path("docs")]
    );
    assert!(matches!(
        whats("Write", &json!({ "file_path": ".git/config" })).as_slice(),
        [What::Protected { .. }]
    ));
}

#[test]
fn codex_is_understood_as_well() {
    let shell = |command: Value| {
        whats(
            "shell",
            &json!({ "command": command, "workdir": "/home/alice/shop/src" }),
        )
    };
    assert_eq!(shell(json!(["bash", "-lc", "rg foo | head"])), []);
    assert_eq!(shell(json!(["bash", "-lc", "touch a"])), [path("src/a")]);
    assert_eq!(shell(json!(["touch", "a"])), [path("src/a")]);
    assert_eq!(whats("exec_command", &json!({ "cmd": "ls" })), []);
    assert_eq!(
        whats("exec_command", &json!({ "cmd": "ls", "shell": "/bin/zsh" })),
        []
    );
    assert_eq!(
        whats("exec_command", &json!({ "cmd": "ls", "shell": "/usr/bin/fish" })),
        [What::Anywhere]
    );
    let patch = "*** Begin Patch\n*** Delete File: src/a\n*** End Patch";
    for key in ["command", "input", "patch"] {
        assert_eq!(whats("apply_patch", &json!({ key: patch })), [path("src/a")]);
    }
    assert_eq!(shell(json!(["apply_patch", patch])), [path("src/src/a")]);
    assert_eq!(whats("write_stdin", &json!({ "session_id": 1, "chars": "" })), []);
    assert_eq!(
        whats("write_stdin", &json!({ "session_id": 1, "chars": "rm x\n" })),
        [What::Anywhere]
    );
}

#[test]
fn what_is_not_understood_may_write_anywhere() {
    for (tool, input) in [
        ("Write", json!({})),
        ("Write", json!({ "file_path": 1 })),
        ("Edit", json!(null)),
        ("Bash", json!({})),
        ("Bash", json!({ "command": 1 })),
        ("Bash", json!({ "command": [] })),
        ("Bash", json!({ "command": ["ls", 1] })),
        ("Bash", json!({ "command": "ls", "cwd": 1 })),
        ("apply_patch", json!({ "command": "rm x" })),
        ("bash", json!({ "command": "ls" })),
        ("", json!({})),
        ("PowerShell", json!({ "command": "ls" })),
        ("mcp__filesystem__write_file", json!({ "path": "x" })),
        ("mcp__auditotter_x__y", json!({})),
        ("mcp__auditotter", json!({})),
        ("read", json!({})),
    ] {
        assert_eq!(whats(tool, &input), [What::Anywhere], "{tool} {input}");
    }
}

#[test]
fn a_server_that_works_elsewhere_is_free_and_named() {
    assert_eq!(
        whats("mcp__linear__create_issue", &json!({})),
        [What::Elsewhere("linear".to_owned())]
    );
    assert_eq!(whats("mcp__linear2__create_issue", &json!({})), [What::Anywhere]);
}

/// The question before each tool, as the clients really ask it (`capture/tests/events`).
#[test]
fn what_real_clients_ask_is_understood() {
    let events = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../capture/tests/events");
    let mut seen = 0;
    for client in ["claude-code", "codex"] {
        for entry in std::fs::read_dir(events.join(client)).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            let Some(kind) = name.strip_prefix("pre-tool-use-") else {
                continue;
            };
            let event: Value = serde_json::from_slice(&std::fs::read(&path).unwrap()).unwrap();
            let found = whats(event["tool_name"].as_str().unwrap(), &event["tool_input"]);
            let cannot_be_told = ["mcp", "worktree"].iter().any(|word| kind.contains(word));
            let writes = ["write", "edit", "apply-patch", "before-update", "auto-mode"]
                .iter()
                .any(|word| kind.contains(word));
            match found.as_slice() {
                [What::Anywhere] => assert!(cannot_be_told, "{name}"),
                [] => assert!(!writes && !cannot_be_told, "{name}"),
                paths => assert!(
                    writes && paths.iter().all(|what| matches!(what, What::Path(_))),
                    "{name}: {paths:?}"
                ),
            }
            seen += 1;
        }
    }
    assert!(seen > 30, "{seen}");
}
