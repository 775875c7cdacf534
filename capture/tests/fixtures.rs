//! What the real clients told their hooks, as it was told, and what is kept of it.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it stands"
)]

use std::{fmt::Write as _, fs, path::Path};

use capture::{Body, Event, Happened};
use serde_json::Value;

const CLIENTS: [&str; 2] = ["claude-code", "codex"];

/// The events of a client, by name.
fn events_of(client: &str) -> Vec<(String, Vec<u8>)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/events")
        .join(client);
    let mut events: Vec<_> = fs::read_dir(folder)
        .unwrap()
        .map(|entry| {
            let path = entry.unwrap().path();
            let name = path.file_stem().unwrap().to_string_lossy().into_owned();
            (name, fs::read(path).unwrap())
        })
        .collect();
    events.sort();
    assert!(events.len() > 40, "{client}");
    events
}

fn kept(json: &[u8]) -> String {
    let mut text = String::new();
    for record in Event::parse(json).unwrap().records() {
        let body = serde_json::to_string(&record.body).unwrap();
        let kind = format!("{:?}", record.body);
        let kind = kind.split('(').next().unwrap();
        write!(text, "  {kind}").unwrap();
        for (name, value) in [
            ("call", record.call),
            (
                "turn",
                record.turn.map(|turn| turn.chars().rev().take(2).collect()),
            ),
            (
                "by",
                record
                    .by
                    .map(|by| format!("{} {}", by.id, by.kind.unwrap_or_default())),
            ),
        ] {
            if let Some(value) = value {
                write!(text, " {name}={value}").unwrap();
            }
        }
        writeln!(text, "\n    {body}").unwrap();
    }
    text
}

#[test]
fn what_the_clients_tell_is_kept_as_it_always_was() {
    for client in CLIENTS {
        let mut all = String::new();
        for (name, json) in events_of(client) {
            writeln!(all, "{name}\n{}", kept(&json)).unwrap();
        }
        insta::assert_snapshot!(client, all);
    }
}

#[test]
fn an_edit_says_what_the_file_held_and_holds() {
    let digest = |text: &str| Some(blake3::hash(text.as_bytes()).to_hex().to_string());
    let edited = |name: &str| {
        let events = events_of("claude-code");
        let (_, json) = events.iter().find(|(found, _)| found == name).unwrap();
        match Event::parse(json).unwrap().records().remove(0).body {
            Body::FileEdited(edited) => edited,
            other => panic!("{other:?}"),
        }
    };
    let edit = edited("post-tool-use-edit");
    assert_eq!(edit.before, digest("apples 3\nplums 4\n"));
    assert_eq!(edit.after, digest("apples 2\nplums 4\n"));
    assert_eq!(edit.diff, "@@ -1,2 +1,2 @@\n-apples 3\n+apples 2\n plums 4\n");
    let created = edited("post-tool-use-write-create");
    assert_eq!((created.before, created.after), (None, digest("one\ntwo\n")));
    assert_eq!(created.diff, "@@ -0,0 +1,2 @@\n+one\n+two\n");
}

#[test]
fn a_session_s_name_and_an_event_s_are_needed_and_nothing_else() {
    let whole = r#"{"session_id":"s","hook_event_name":"Stop"}"#;
    let event = Event::parse(whole.as_bytes()).unwrap();
    assert_eq!(event.happened, Happened::TurnEnded { last_message: None });
    for lacking in [
        "",
        "[]",
        "{}",
        r#"{"session_id":"s"}"#,
        r#"{"hook_event_name":"Stop"}"#,
        r#"{"session_id":"","hook_event_name":"Stop"}"#,
        r#"{"session_id":7,"hook_event_name":"Stop"}"#,
    ] {
        assert!(Event::parse(lacking.as_bytes()).is_err(), "{lacking}");
    }
    let long = format!(
        r#"{{"session_id":"{}","hook_event_name":"Stop"}}"#,
        "s".repeat(257)
    );
    assert!(Event::parse(long.as_bytes()).is_err());
    // A known event that lacks what it should say is kept as it is.
    let odd = r#"{"session_id":"s","hook_event_name":"PreToolUse","tool_name":7,"more":[1]}"#;
    match Event::parse(odd.as_bytes()).unwrap().happened {
        Happened::Other(said) => assert_eq!(Value::Object(said)["more"][0], 1),
        other => panic!("{other:?}"),
    }
}

proptest::proptest! {
    #[test]
    fn no_bytes_make_reading_panic(bytes: Vec<u8>) {
        let _ = Event::parse(&bytes).map(Event::records);
    }

    #[test]
    fn no_event_of_odd_members_makes_reading_panic(
        name in proptest::sample::select(vec!["PreToolUse", "PostToolUse", "PostToolUseFailure", "PostToolBatch", "SubagentStop"]),
        tool in proptest::sample::select(vec!["Write", "Edit", "NotebookEdit", "Bash", "apply_patch", "mcp__x__y"]),
        text in ".*",
    ) {
        let input = serde_json::json!({ "command": text, "file_path": text, "oldString": text, "newString": "" });
        let event = serde_json::json!({
            "session_id": "s", "hook_event_name": name, "tool_name": tool, "tool_use_id": "t", "tool_input": input,
            "tool_response": input, "error": text, "agent_id": "a", "tool_calls": [input, { "tool_name": tool, "tool_response": 1 }],
        });
        let records = Event::parse(event.to_string().as_bytes()).unwrap().records();
        for record in records {
            serde_json::to_string(&record.body).unwrap();
        }
    }
}

#[test]
fn an_edit_that_would_make_more_than_there_is_room_for_is_not_made_up() {
    let letters = "a".repeat(1 << 20);
    let event = serde_json::json!({
        "session_id": "s1", "hook_event_name": "PostToolUse", "tool_name": "Edit", "tool_input": {},
        "tool_response": {
            "filePath": "/shop/a", "originalFile": letters, "oldString": "a", "newString": letters, "replaceAll": true,
        },
    });
    let records = Event::parse(event.to_string().as_bytes()).unwrap().records();
    let [Body::FileEdited(edited)] = [&records[0].body] else {
        panic!("{records:?}")
    };
    assert!(edited.before.is_some());
    assert_eq!(edited.after, None, "a terabyte");
}

#[test]
fn a_call_that_names_more_files_than_are_told_one_by_one_is_kept_whole() {
    let files: String = (0..2_000)
        .map(|number| format!("*** Add File: {number}.txt\n+x\n"))
        .collect();
    let event = serde_json::json!({
        "session_id": "s1", "hook_event_name": "PostToolUse", "tool_name": "apply_patch",
        "tool_input": { "command": format!("*** Begin Patch\n{files}*** End Patch\n") }, "tool_response": "Done",
    });
    let records = Event::parse(event.to_string().as_bytes()).unwrap().records();
    let bodies: Vec<&Body> = records.iter().map(|record| &record.body).collect();
    assert!(
        matches!(bodies.as_slice(), [Body::ToolReturned(_)]),
        "{} records",
        bodies.len()
    );
}

#[test]
fn a_name_that_does_not_say_its_folder_is_kept_with_where_the_client_works() {
    let folder_of = |cwd: &str, file: &str| {
        let event = serde_json::json!({
            "session_id": "s1", "hook_event_name": "PostToolUse", "tool_name": "apply_patch", "cwd": cwd,
            "tool_input": { "command": format!("*** Begin Patch\n{file}\n+x\n*** End Patch\n") }, "tool_response": "Done",
        });
        let records = Event::parse(event.to_string().as_bytes()).unwrap().records();
        let Body::FileEdited(edit) = &records[0].body else {
            unreachable!("{records:?}")
        };
        edit.folder.clone()
    };
    let shop = Some("/home/alice/shop".to_owned());
    assert_eq!(folder_of("/home/alice/shop", "*** Add File: src/a.rs"), shop);
    assert_eq!(
        folder_of("/home/alice/shop", "*** Add File: /home/alice/shop/a.rs"),
        None
    );
    let moved = "*** Update File: /home/alice/shop/a.rs\n*** Move to: b.rs";
    assert_eq!(folder_of("/home/alice/shop", moved), shop);
    // What is no whole name either says nothing.
    assert_eq!(folder_of("shop", "*** Add File: src/a.rs"), None);
}
