use capture::{Event, FileEdited};
use serde_json::json;

use super::*;

fn at(micros: u64) -> Timestamp {
    Timestamp::from_unix_micros(micros).unwrap()
}

fn told(micros: u64) -> Told {
    Told {
        arrived: at(micros),
        answered: at(micros + 1),
        permitted: true,
    }
}

fn session(number: u8) -> SessionId {
    SessionId::new(u64::from(number), [number; 10])
}

fn anywhere() -> Arc<Reach> {
    let mut reach = Reach::default();
    reach.add_all(Path::new("/shop"));
    Arc::new(reach)
}

fn hears(deeds: &Deeds, micros: u64, event: &str, more: &serde_json::Value) {
    let mut said = json!({ "session_id": "s1", "hook_event_name": event, "cwd": "/shop" });
    said.as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let event = Event::parse(said.to_string().as_bytes()).unwrap();
    let found = Deed::of(&event.records(), Some("/shop"), &anywhere());
    deeds.note(session(1), &found, told(micros));
}

fn bash(id: &str) -> serde_json::Value {
    json!({ "tool_name": "Bash", "tool_use_id": id, "tool_input": { "command": "make" }, "tool_response": "" })
}

/// A call: its id, whether it was permitted, when it began, and how it ended.
type Seen = (String, bool, u64, Option<(u64, End)>);

fn calls(deeds: &Deeds) -> Vec<Seen> {
    let known = deeds.since(0).unwrap().calls.into_iter();
    known
        .map(|call| {
            let ended = call.ended.map(|(at, how)| (at.unix_micros(), how));
            (call.begun.call, call.asked, call.since.unix_micros(), ended)
        })
        .collect()
}

#[test]
fn a_command_is_under_way_from_its_answer_until_its_end_is_told() {
    let deeds = Deeds::default();
    hears(&deeds, 10, "PreToolUse", &bash("a"));
    hears(&deeds, 20, "PermissionRequest", &bash("unused"));
    hears(&deeds, 30, "PostToolUse", &bash("a"));
    hears(&deeds, 40, "PreToolUse", &bash("b"));
    let mut background = bash("b");
    background["tool_response"] = json!({ "stdout": "", "backgroundTaskId": "1" });
    hears(&deeds, 50, "PostToolUse", &background);
    hears(&deeds, 60, "PreToolUse", &bash("c"));
    hears(&deeds, 70, "Stop", &json!({}));
    assert_eq!(
        calls(&deeds),
        [
            ("a".to_owned(), true, 11, Some((30, End::Command))),
            ("b".to_owned(), false, 41, Some((50, End::Background))),
            ("c".to_owned(), false, 61, Some((70, End::Untold))),
        ]
    );
    hears(&deeds, 80, "PostToolUse", &bash("c"));
    assert_eq!(calls(&deeds)[2].3, Some((80, End::Command)), "it was told late");
    hears(&deeds, 90, "PreToolUse", &bash("d"));
    hears(
        &deeds,
        95,
        "UserPromptSubmit",
        &json!({ "prompt": "and quickly" }),
    );
    assert_eq!(calls(&deeds)[3].3, None, "more is said to who is at work");
}

#[test]
fn a_session_that_is_over_leaves_no_call_of_anybody_s_under_way() {
    for (event, more) in [
        ("SessionEnd", json!({ "reason": "other" })),
        ("SessionStart", json!({ "source": "resume" })),
        ("Interrupt", json!({})),
    ] {
        let deeds = Deeds::default();
        let mut by = bash("a");
        by["agent_id"] = json!("agent-1");
        hears(&deeds, 10, "PreToolUse", &by);
        hears(&deeds, 20, "SessionStart", &json!({ "source": "compact" }));
        assert_eq!(calls(&deeds)[0].3, None, "it goes on with a shorter memory");
        hears(&deeds, 30, event, &more);
        assert_eq!(calls(&deeds)[0].3, Some((30, End::Untold)), "{event}");
    }
}

#[test]
fn one_agent_s_end_is_not_another_s() {
    let deeds = Deeds::default();
    let mut by = bash("a");
    by["agent_id"] = json!("agent-1");
    hears(&deeds, 10, "PreToolUse", &by);
    hears(&deeds, 20, "Stop", &json!({}));
    assert_eq!(calls(&deeds)[0].3, None);
    hears(&deeds, 30, "SubagentStop", &json!({ "agent_id": "agent-1" }));
    assert_eq!(calls(&deeds)[0].3, Some((30, End::Untold)));
}

#[test]
fn what_was_denied_did_not_begin() {
    let deeds = Deeds::default();
    let begun = Deed::Begun(Begun {
        call: "a".to_owned(),
        by: None,
        what: blake3::hash(b""),
        reach: anywhere(),
    });
    let denied = Told {
        permitted: false,
        ..told(10)
    };
    deeds.note(session(1), &[begun], denied);
    assert_eq!(calls(&deeds), []);
    assert!(!deeds.wrote(session(1)));
}

#[test]
fn an_edit_says_what_a_file_held_and_holds_as_far_as_it_is_told() {
    let edit = |change, before: Option<&str>, after: Option<&str>, moved_to: Option<&str>| {
        let hex = |text: Option<&str>| text.map(|text| blake3::hash(text.as_bytes()).to_hex().to_string());
        let told = FileEdited {
            tool: "Edit".to_owned(),
            path: "a".to_owned(),
            moved_to: moved_to.map(ToOwned::to_owned),
            folder: None,
            change,
            before: hex(before),
            after: hex(after),
            diff: String::new(),
        };
        let edits = edits_of(&told, None, Some(Path::new("/no/such/shop")));
        let told = edits.into_iter().map(|edit| {
            let path = edit.path.to_str().unwrap().to_owned();
            (path, edit.before, edit.after)
        });
        told.collect::<Vec<_>>()
    };
    let path = || "/no/such/shop/a".to_owned();
    let held = |text: &str| Some(Held::Digest(blake3::hash(text.as_bytes())));
    assert_eq!(
        edit(Change::Created, None, Some("x"), None),
        [(path(), Some(Held::Nothing), held("x"))]
    );
    assert_eq!(
        edit(Change::Changed, Some("x"), None, None),
        [(path(), held("x"), None)]
    );
    assert_eq!(
        edit(Change::Deleted, None, None, None),
        [(path(), None, Some(Held::Nothing))]
    );
    assert_eq!(
        edit(Change::Changed, None, None, Some("b")),
        [
            (path(), None, Some(Held::Nothing)),
            ("/no/such/shop/b".to_owned(), None, None)
        ]
    );
}

#[test]
fn who_comes_back_too_late_learns_that_edits_were_forgotten() {
    let deeds = Deeds::default();
    let from = deeds.next();
    for number in 0..=MOST_EDITS {
        let edited = Edited {
            call: None,
            path: PathBuf::from(format!("/shop/{number}")),
            before: None,
            after: None,
        };
        deeds.note(session(1), &[Deed::Edited(edited)], told(1));
    }
    assert!(deeds.since(from).is_none());
    assert_eq!(deeds.since(1).unwrap().edits.len(), MOST_EDITS);
    assert!(deeds.since(deeds.next()).unwrap().edits.is_empty());
}

#[test]
fn a_hook_that_tells_twice_tells_of_one_edit() {
    let deeds = Deeds::default();
    let edited = Edited {
        call: Some("a".to_owned()),
        path: PathBuf::from("/shop/a"),
        before: None,
        after: Some(Held::Nothing),
    };
    for _ in 0..2 {
        deeds.note(session(1), &[Deed::Edited(edited.clone())], told(1));
    }
    assert_eq!(deeds.since(0).unwrap().edits.len(), 1);
}

#[test]
fn a_time_whose_calls_are_forgotten_is_blurred() {
    let deeds = Deeds::default();
    for number in 0..=MOST_CALLS as u64 {
        hears(&deeds, 10 * number, "PreToolUse", &bash(&number.to_string()));
        hears(&deeds, 10 * number + 5, "PostToolUse", &bash(&number.to_string()));
    }
    assert_eq!(deeds.since(0).unwrap().blurred, Some(at(5)));
}
