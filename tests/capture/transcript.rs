//! A client's own record, by hand: what is taken of it, and what is not.

use std::{fs, io::Write as _, path::PathBuf};

use serde_json::{Value, json};
use testkit::{Home, clients::repository_root, export::Export};

use crate::{only, settled};

/// The session of the transcripts in `capture/tests`.
const SESSION: &str = "00000000-0000-4000-8000-000000000001";
pub(crate) const TURN: &str = "00000000-0000-4000-8000-000000000002";

pub(crate) fn tells(home: &Home, transcript: &PathBuf, name: &str, more: &Value) {
    let mut event = json!({
        "session_id": SESSION, "hook_event_name": name, "cwd": "/home/alice/shop", "transcript_path": transcript,
    });
    event
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    let ran = home.hook("claude-code", &event.to_string());
    assert_eq!(
        (ran.code, &*ran.stdout, &*ran.stderr),
        (Some(0), "", ""),
        "{event}"
    );
}

pub(crate) fn prompt(home: &Home, transcript: &PathBuf, turn: &str) {
    tells(
        home,
        transcript,
        "UserPromptSubmit",
        &json!({ "prompt": "Count", "prompt_id": turn }),
    );
}

fn stop(home: &Home, transcript: &PathBuf) {
    tells(
        home,
        transcript,
        "Stop",
        &json!({ "prompt_id": TURN, "last_assistant_message": "x" }),
    );
}

pub(crate) fn line(turn: &str, id: &str, content: &Value) -> String {
    let line = json!({
        "type": "user", "promptId": turn, "uuid": id, "timestamp": "2026-11-21T14:16:49.162Z", "sessionId": SESSION,
        "message": { "role": "user", "content": content },
    });
    format!("{line}\n")
}

fn answer(id: &str, block: &Value) -> String {
    let line = json!({
        "type": "assistant", "uuid": id, "timestamp": "2026-11-21T14:16:50.162Z", "sessionId": SESSION,
        "message": {
            "id": format!("msg_{id}"), "model": "claude-opus-5-5", "content": [block],
            "usage": { "input_tokens": 1, "output_tokens": 2 },
        },
    });
    format!("{line}\n")
}

pub(crate) fn says(id: &str, text: &str) -> String {
    answer(id, &json!({ "type": "text", "text": text }))
}

pub(crate) fn texts(export: &Export) -> Vec<String> {
    let answers = export.of_kind("model.answered").into_iter();
    answers
        .filter_map(|answer| Some(answer.body["text"].as_str()?.to_owned()))
        .collect()
}

pub(crate) fn gaps(export: &Export) -> Vec<Value> {
    let gaps = export.of_kind("capture.gap").into_iter();
    gaps.map(|gap| gap.body.clone()).collect()
}

/// As a client does it: whoever reads meanwhile finds all that was there.
pub(crate) fn append(path: &PathBuf, text: &str) {
    let opened = fs::OpenOptions::new().create(true).append(true).open(path);
    opened.unwrap().write_all(text.as_bytes()).unwrap();
}

#[test]
fn what_was_said_stands_there_once_though_the_hub_is_killed_in_between() {
    let home = Home::lent();
    let path = home.file("own.jsonl");
    prompt(&home, &path, TURN);
    append(&path, &line(TURN, "1", &json!("Count")));
    append(&path, &says("2", "I look."));
    // A line that has not come to its end.
    append(&path, &says("3", "Almost.").trim_end()[..40]);
    stop(&home, &path);
    assert_eq!(texts(&settled(&home)), ["I look."]);
    for number in 4..7 {
        fs::write(&path, line(TURN, "1", &json!("Count")) + &says("2", "I look.")).unwrap();
        for said in 3..=number {
            append(&path, &says(&said.to_string(), &format!("And {said}.")));
        }
        stop(&home, &path);
        assert!(home.kill_hub());
    }
    stop(&home, &path);
    let export = settled(&home);
    assert_eq!(
        texts(&export),
        ["I look.", "And 3.", "And 4.", "And 5.", "And 6."]
    );
    assert!(gaps(&export).is_empty(), "{:?}", gaps(&export));
}

#[test]
fn a_transcript_that_was_written_anew_is_a_gap_and_what_stood_in_it_is_not_said_twice() {
    let home = Home::lent();
    let path = home.file("own.jsonl");
    prompt(&home, &path, TURN);
    let begin = line(TURN, "1", &json!("Count")) + &says("2", "One.") + &says("3", "Two.");
    fs::write(&path, &begin).unwrap();
    stop(&home, &path);
    let before = settled(&home);
    assert_eq!(texts(&before), ["One.", "Two."]);
    fs::write(
        &path,
        line(TURN, "1", &json!("Count")) + &says("3", "Two.") + &says("4", "Three."),
    )
    .unwrap();
    stop(&home, &path);
    let export = settled(&home);
    assert_eq!(texts(&export), ["One.", "Two.", "Three."]);
    let shown = path.to_str().unwrap();
    assert_eq!(
        only(&export, "capture.gap"),
        json!({ "transcript_changed": { "path": shown, "bytes": begin.len() } })
    );
}

#[test]
fn of_a_file_that_is_no_transcript_of_this_session_nothing_is_recorded() {
    let home = Home::lent();
    let secret = "the words of a diary that is nobody's business";
    let at = |name: &str| home.file(name);
    fs::write(at("id_ed25519"), secret).unwrap();
    fs::write(
        at("diary.jsonl"),
        format!("{{\"type\":\"diary\",\"text\":\"{secret}\"}}\n{secret}\n"),
    )
    .unwrap();
    fs::write(at("another.jsonl"), says("1", secret).replace(SESSION, "another")).unwrap();
    fs::create_dir(at("folder.jsonl")).unwrap();
    std::os::unix::fs::symlink(at("another.jsonl"), at("link.jsonl")).unwrap();
    std::os::unix::fs::symlink("/dev/zero", at("zero.jsonl")).unwrap();
    let piped = std::process::Command::new("mkfifo")
        .arg(at("pipe.jsonl"))
        .status()
        .unwrap();
    assert!(piped.success());
    for name in [
        "id_ed25519",
        "diary.jsonl",
        "another.jsonl",
        "folder.jsonl",
        "link.jsonl",
        "zero.jsonl",
        "pipe.jsonl",
        "nowhere.jsonl",
    ] {
        prompt(&home, &at(name), TURN);
        stop(&home, &at(name));
    }
    stop(&home, &PathBuf::from("/dev/zero"));
    stop(&home, &PathBuf::from("own.jsonl"));
    let export = settled(&home);
    assert_eq!(export.of_kind("transcript.read").len(), 0);
    assert_eq!(export.of_kind("model.answered").len(), 0);
    assert!(!fs::read_to_string(&export.path).unwrap().contains(secret));
    for entry in &export.trace {
        assert!(!entry.body.to_string().contains("diary"), "{entry:#?}");
    }
}

#[test]
fn a_secret_in_an_answer_is_cleared() {
    let home = Home::lent();
    let path = home.file("own.jsonl");
    prompt(&home, &path, TURN);
    let secret = "postgres://alice:tr0ub4dor&3@db.example.org/app";
    append(&path, &line(TURN, "1", &json!("Count")));
    append(&path, &says("2", &format!("It is {secret}.")));
    stop(&home, &path);
    let export = settled(&home);
    let said = only(&export, "model.answered");
    assert!(!said.to_string().contains("tr0ub4dor"), "{said}");
    assert_eq!(said["redacted"]["url-password"], 1, "{said}");
}

#[test]
fn turns_and_calls_that_no_hook_told_are_a_gap_and_are_taken_up() {
    let home = Home::lent();
    let path = home.file("own.jsonl");
    let bash = json!({ "type": "tool_use", "id": "t1", "name": "Bash", "input": { "command": "make" } });
    let done = json!([{ "type": "tool_result", "tool_use_id": "t1", "content": "ok" }]);
    tells(&home, &path, "SessionStart", &json!({ "source": "startup" }));
    prompt(&home, &path, TURN);
    append(&path, &line(TURN, "1", &json!("Count")));
    append(&path, &says("2", "One."));
    stop(&home, &path);
    // From here on the hooks are off.
    append(&path, &line("p2", "3", &json!("And now in silence")));
    append(&path, &answer("4", &bash));
    append(&path, &line("p2", "5", &done));
    append(&path, &says("6", "Done in silence."));
    // Until the session is taken up again, which had not ended.
    tells(&home, &path, "SessionStart", &json!({ "source": "resume" }));
    let export = settled(&home);
    assert_eq!(texts(&export), ["One.", "Done in silence."]);
    let prompts: Vec<_> = export
        .of_kind("prompt")
        .into_iter()
        .map(|prompt| prompt.body["text"].clone())
        .collect();
    assert_eq!(prompts, ["Count", "And now in silence"]);
    let ran = export.of_kind("command.run")[0];
    assert_eq!(ran.body, json!({ "command": "make", "output": "ok" }));
    assert_eq!(ran.entry["refs"]["source"], "transcript");
    let gaps = gaps(&export);
    assert_eq!(gaps.len(), 2, "{gaps:#?}");
    assert!(gaps[0]["silent"]["since"].is_string(), "{gaps:#?}");
    assert_eq!(
        gaps[1]["uncovered"],
        json!({
            "turns": ["p2"], "calls": 1, "answers": 2,
            "first": "2026-11-21T14:16:50.162000Z", "last": "2026-11-21T14:16:50.162000Z",
        })
    );
}

#[test]
fn what_was_before_the_first_event_is_counted_and_not_taken_up() {
    let home = Home::lent();
    let path = home.file("own.jsonl");
    append(&path, &line("p0", "1", &json!("Long ago")));
    append(&path, &says("2", "Before."));
    tells(&home, &path, "SessionStart", &json!({ "source": "resume" }));
    prompt(&home, &path, TURN);
    append(&path, &line(TURN, "3", &json!("Count")));
    append(&path, &says("4", "After."));
    stop(&home, &path);
    let export = settled(&home);
    assert_eq!(texts(&export), ["After."]);
    let gap = only(&export, "capture.gap");
    assert_eq!(
        (&gap["began_before"]["turns"], &gap["began_before"]["answers"]),
        (&json!(["p0"]), &json!(1))
    );
}

#[test]
fn a_real_transcript_with_all_its_events_leaves_no_gap_and_no_call_twice() {
    let home = Home::lent();
    let path = home.file("own.jsonl");
    let kept = repository_root().join("capture/tests/transcripts/claude-code.jsonl");
    prompt(&home, &path, TURN);
    let calls = [("toolu_main_00_0", "Read"), ("toolu_main_06_0", "Bash")];
    for (call, tool) in calls {
        let more = json!({ "tool_name": tool, "tool_use_id": call, "prompt_id": TURN, "tool_input": {}, "tool_response": "x" });
        tells(&home, &path, "PreToolUse", &more);
        tells(&home, &path, "PostToolUse", &more);
    }
    fs::copy(&kept, &path).unwrap();
    stop(&home, &path);
    let export = settled(&home);
    for (call, _) in calls {
        let of_it = export
            .trace
            .iter()
            .filter(|entry| entry.entry["refs"]["call"] == call);
        assert_eq!(of_it.count(), 2, "{call}");
    }
    // Of the other twenty-three no hook told anything here.
    assert_eq!(only(&export, "capture.gap")["uncovered"]["calls"], 23);
    assert_eq!(export.of_kind("transcript.read").len(), 1);
}
