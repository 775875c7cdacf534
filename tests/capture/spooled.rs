//! What was told while no hub could be reached is looked at as well: by the hub that takes it in, or by the next.

use std::{fs, path::PathBuf};

use serde_json::{Value, json};
use testkit::{
    Home,
    program::{PATIENCE, until},
};
use time::Duration;

use crate::{
    beginning::{goes_by, left_open, of_the_session, owed, settles, silent, starts},
    hook::without_a_hub,
    settled,
    transcript::{TURN, append, gaps, line, prompt, says, tells, texts},
};

fn ends(home: &Home, path: &PathBuf) {
    tells(home, path, "SessionEnd", &json!({ "reason": "other" }));
}

/// An agent that was started says something, and comes to its end.
fn an_agent_ends(home: &Home, path: &PathBuf) {
    let own = home.file("agent-a1.jsonl");
    let words = line(TURN, "1", &json!("Count")) + &says("2", "The agent's word.");
    for said in words.lines() {
        let mut said: Value = serde_json::from_str(said).unwrap();
        said["isSidechain"] = json!(true);
        said["agentId"] = json!("a1");
        append(&own, &format!("{said}\n"));
    }
    let more = json!({ "agent_id": "a1", "agent_type": "general-purpose", "agent_transcript_path": own });
    tells(home, path, "SubagentStop", &more);
}

/// Until the records of all agents that ended were read.
fn agents_settle(home: &Home) {
    let settled = || owed(home).iter().all(|(_, note)| note["agents"] == json!([]));
    until(PATIENCE, || settled().then_some(())).unwrap_or_else(|| panic!("{:#?}", owed(home)));
}

#[test]
fn the_record_of_an_agent_that_ended_without_a_hub_is_read() {
    let home = Home::lent();
    let path = home.file("own.jsonl");
    prompt(&home, &path, TURN);
    let back = without_a_hub(&home);
    an_agent_ends(&home, &path);
    back();
    starts(&home);
    agents_settle(&home);
    let export = settled(&home);
    assert_eq!(texts(&export), ["The agent's word."]);
}

#[test]
fn a_session_of_which_no_hub_heard_while_it_went_on_is_read() {
    let home = Home::lent();
    let path = home.file("own.jsonl");
    let back = without_a_hub(&home);
    prompt(&home, &path, TURN);
    append(&path, &line(TURN, "1", &json!("Count")));
    append(&path, &says("2", "One."));
    ends(&home, &path);
    back();
    starts(&home);
    settles(&home);
    let export = settled(&home);
    assert_eq!(texts(&export), ["One."]);
    assert_eq!(gaps(&export), Vec::<Value>::new());
}

#[test]
fn a_session_that_fell_silent_without_a_hub_is_said_to_have() {
    let home = Home::lent();
    let path = home.file("own.jsonl");
    let back = without_a_hub(&home);
    prompt(&home, &path, TURN);
    append(&path, &line(TURN, "1", &json!("Count")));
    append(&path, &says("2", "One."));
    back();
    starts(&home);
    assert!(home.kill_hub());
    goes_by(&home, Duration::minutes(16));
    starts(&home);
    settles(&home);
    assert!(home.stop_hub());
    let export = of_the_session(&home);
    assert_eq!(silent(&export).len(), 1, "{:#?}", gaps(&export));
    assert_eq!(texts(&export), ["One."]);
}

/// What lies in the spool, taken out of it.
fn taken_out(home: &Home) -> Vec<(PathBuf, Vec<u8>)> {
    let files = fs::read_dir(home.layout().spool()).unwrap();
    let files = files
        .map(|file| file.unwrap().path())
        .filter(|path| path.is_file());
    files
        .map(|path| {
            let bytes = fs::read(&path).unwrap();
            fs::remove_file(&path).unwrap();
            (path, bytes)
        })
        .collect()
}

#[test]
fn a_hub_that_was_up_all_along_looks_at_what_it_takes_in() {
    let home = Home::lent();
    let path = home.file("own.jsonl");
    prompt(&home, &path, TURN);
    append(&path, &line(TURN, "1", &json!("Count")));
    append(&path, &says("2", "One."));
    let back = without_a_hub(&home);
    an_agent_ends(&home, &path);
    ends(&home, &path);
    let kept = taken_out(&home);
    assert_eq!(kept.len(), 2);
    back();
    starts(&home);
    for (path, bytes) in &kept {
        fs::write(path, bytes).unwrap();
    }
    // Whoever speaks next has it taken in.
    let other = json!({ "session_id": "another", "hook_event_name": "Stop" });
    assert_eq!(home.hook("claude-code", &other.to_string()).code, Some(0));
    let told = "The agent's word.";
    until(PATIENCE, || {
        let own = owed(&home);
        own.iter()
            .all(|(_, note)| note["via"]["instance"] == "another")
            .then_some(())
    })
    .unwrap_or_else(|| panic!("{:#?}", owed(&home)));
    assert!(home.stop_hub());
    let read: Vec<Value> = home
        .traces()
        .into_iter()
        .flat_map(|trace| home.trace(trace))
        .filter(|recorded| recorded.kind == "model.answered")
        .map(|recorded| recorded.body["text"].clone())
        .collect();
    assert_eq!(read, [told, "One."]);
}

#[test]
fn a_record_that_is_put_back_does_not_make_a_silent_session_speak() {
    let home = Home::lent();
    let path = home.file("own.jsonl");
    let back = without_a_hub(&home);
    prompt(&home, &path, TURN);
    let kept = taken_out(&home);
    for (path, bytes) in &kept {
        fs::write(path, bytes).unwrap();
    }
    back();
    starts(&home);
    assert!(home.kill_hub());
    let before = left_open(&home);
    goes_by(&home, Duration::minutes(6));
    starts(&home);
    until(PATIENCE, || (left_open(&home) > before).then_some(())).unwrap();
    for (path, bytes) in &kept {
        fs::write(path, bytes).unwrap();
    }
    // Whoever speaks next has it taken in.
    let other = json!({ "session_id": "another", "hook_event_name": "SessionEnd", "reason": "other" });
    assert_eq!(home.hook("claude-code", &other.to_string()).code, Some(0));
    assert_eq!(taken_out(&home), []);
    // A hub that ends says a silence of more than five minutes.
    assert!(home.stop_hub());
    let all: Vec<_> = home
        .traces()
        .into_iter()
        .flat_map(|trace| home.trace(trace))
        .collect();
    let said = |kind: &str| all.iter().filter(|recorded| recorded.kind == kind).count();
    assert_eq!(said("prompt"), 1);
    let silent = all.iter().filter(|recorded| recorded.body["silent"].is_object());
    assert_eq!(silent.count(), 1);
}

#[test]
fn what_was_taken_in_by_a_hub_that_was_killed_before_it_took_note_is_looked_at() {
    let home = Home::lent();
    let path = home.file("own.jsonl");
    prompt(&home, &path, TURN);
    let back = without_a_hub(&home);
    an_agent_ends(&home, &path);
    let kept = taken_out(&home);
    for (path, bytes) in &kept {
        fs::write(path, bytes).unwrap();
    }
    back();
    // As if it had been killed right after the record was durable: neither a note, nor has the file gone.
    let own = home.file("agent-a1.jsonl");
    let words = fs::read(&own).unwrap();
    fs::remove_file(&own).unwrap();
    starts(&home);
    assert!(home.kill_hub());
    let _ = fs::remove_dir_all(home.layout().owed());
    for (path, bytes) in &kept {
        fs::write(path, bytes).unwrap();
    }
    fs::write(&own, words).unwrap();
    starts(&home);
    agents_settle(&home);
    let export = settled(&home);
    assert_eq!(texts(&export), ["The agent's word."]);
    assert_eq!(export.of_kind("subagent.stopped").len(), 1);
}
