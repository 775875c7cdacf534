//! What others put where the hub keeps what it has yet to look at: nobody waits for it, and nothing is written through it.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use serde_json::{Value, json};
use testkit::{
    Home,
    program::{PATIENCE, until},
};

use crate::{
    beginning::{of_the_session, owed, settles, starts},
    settled,
    transcript::{TURN, append, gaps, line, prompt, says, tells, texts},
};

fn pipe(path: &Path) {
    let made = Command::new("mkfifo").arg(path).status().unwrap();
    assert!(made.success());
}

/// The note of the only session, while its turn goes on.
fn noted(home: &Home, path: &PathBuf) -> PathBuf {
    prompt(home, path, TURN);
    append(path, &line(TURN, "1", &json!("Count")));
    append(path, &says("2", "One."));
    let [(note, _)] = owed(home).try_into().unwrap();
    note
}

fn ends(home: &Home, path: &PathBuf) {
    tells(home, path, "SessionEnd", &json!({ "reason": "other" }));
}

#[test]
fn a_pipe_where_a_note_is_written_holds_nobody_up() {
    let home = Home::lent();
    let path = home.file("own.jsonl");
    let note = noted(&home, &path);
    pipe(&note.with_extension("part"));
    tells(&home, &path, "Stop", &json!({ "prompt_id": TURN }));
    let [(_, said)] = owed(&home).try_into().unwrap();
    assert_eq!(said["newest"]["when"], "turn_ends");
    // Nor the hub that comes after one that was killed.
    assert!(home.kill_hub());
    pipe(&note.with_extension("part"));
    starts(&home);
    ends(&home, &path);
    let export = settled(&home);
    assert_eq!(texts(&export), ["One."]);
    assert_eq!(owed(&home), []);
}

#[test]
fn nothing_is_written_through_a_link_that_lies_where_a_note_is_written() {
    let home = Home::lent();
    let path = home.file("own.jsonl");
    let note = noted(&home, &path);
    let diary = home.file("diary");
    fs::write(&diary, "mine").unwrap();
    std::os::unix::fs::symlink(&diary, note.with_extension("part")).unwrap();
    tells(&home, &path, "Stop", &json!({ "prompt_id": TURN }));
    assert_eq!(fs::read_to_string(&diary).unwrap(), "mine");
    ends(&home, &path);
    let export = settled(&home);
    assert_eq!(texts(&export), ["One."]);
}

#[test]
fn what_lies_among_the_notes_and_is_none_is_removed_without_waiting_for_it() {
    let home = Home::lent();
    let path = home.file("own.jsonl");
    let note = noted(&home, &path);
    assert!(home.kill_hub());
    let at = |name: &str| note.with_file_name(name);
    pipe(&at("pipe.json"));
    fs::write(at("long.json"), vec![b'0'; 16 * 1024 * 1024]).unwrap();
    std::os::unix::fs::symlink(&note, at("link.json")).unwrap();
    // As many as there are, and newer ones: none takes the place of one that is true.
    for number in 0..1_100 {
        fs::write(at(&format!("{number}.json")), "junk").unwrap();
    }
    ends(&home, &path);
    settles(&home);
    let export = settled(&home);
    assert_eq!(texts(&export), ["One."]);
    let left: Vec<_> = fs::read_dir(home.layout().owed()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
}

/// A note as a hub of this home writes it.
fn sealed(home: &Home, note: &Value) -> Vec<u8> {
    let seed = hex::decode(fs::read_to_string(home.layout().hub_key()).unwrap().trim()).unwrap();
    let key = blake3::derive_key("auditotter 2026 owed looks key v1", &seed);
    let text = note.to_string();
    let shown = blake3::keyed_hash(&key, text.as_bytes()).to_hex();
    format!("{shown}\n{text}").into_bytes()
}

#[test]
fn what_hubs_do_not_survive_looking_at_is_said_once_and_let_go_of() {
    let home = Home::lent();
    let path = home.file("own.jsonl");
    let file = noted(&home, &path);
    assert!(home.kill_hub());
    let [(_, mut note)] = owed(&home).try_into().unwrap();
    note["tries"] = json!(3);
    for _ in 0..3 {
        // As hubs leave it that are killed by what they look at, or once they said so and before they noted that.
        fs::write(&file, sealed(&home, &note)).unwrap();
        starts(&home);
        settles(&home);
        assert!(home.kill_hub());
    }
    let export = of_the_session(&home);
    let told = export.of_kind("prompt")[0].entry["at"].clone();
    assert_eq!(gaps(&export), [json!({ "not_looked_at": { "since": told } })]);
    assert_eq!(texts(&export), Vec::<String>::new(), "no file was read");
}

#[test]
fn that_agents_were_left_out_is_said_before_others_are_looked_at() {
    let home = Home::lent();
    let path = home.file("own.jsonl");
    let file = noted(&home, &path);
    assert!(home.kill_hub());
    let [(_, mut note)] = owed(&home).try_into().unwrap();
    let told = note["newest"]["at"].clone();
    let own = home.file("agent-a1.jsonl");
    let words = line(TURN, "1", &json!("Count")) + &says("2", "The agent's word.");
    for said in words.lines() {
        let mut said: Value = serde_json::from_str(said).unwrap();
        said["isSidechain"] = json!(true);
        said["agentId"] = json!("a1");
        append(&own, &format!("{said}\n"));
    }
    let mut agent = note["newest"].clone();
    agent["when"] = json!("turn_ends");
    agent["transcript"]["path"] = json!(own);
    agent["transcript"]["of_an_agent"] = json!(true);
    agent["transcript"]["until"] = json!(fs::metadata(&own).unwrap().len());
    note["agents"] = json!([agent]);
    note["left_out"] = told.clone();
    fs::write(&file, sealed(&home, &note)).unwrap();
    starts(&home);
    let looked_at = || {
        let all = owed(&home);
        let [(_, note)] = all.as_slice() else {
            panic!("{all:#?}")
        };
        (note["agents"] == json!([])).then_some(())
    };
    until(PATIENCE, looked_at).unwrap();
    assert!(home.kill_hub());
    let export = of_the_session(&home);
    assert_eq!(gaps(&export), [json!({ "not_looked_at": { "since": told } })]);
    let kinds = export.kinds();
    let at = |kind: &str| kinds.iter().position(|recorded| *recorded == kind).unwrap();
    assert!(at("capture.gap") < at("model.answered"), "{kinds:?}");
}
