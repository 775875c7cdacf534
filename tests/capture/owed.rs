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
    beginning::{many, of_the_session, owed, settles, starts},
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

/// Until a hub has begun to look for the so many-th time: the note that says so, under its own name.
fn begun(home: &Home, times: u64) -> (PathBuf, Vec<u8>) {
    let begun = || {
        let (path, note) = owed(home).pop()?;
        let bytes = fs::read(&path).ok()?;
        (note["tries"] == times).then_some((path, bytes))
    };
    until(PATIENCE, begun).unwrap_or_else(|| panic!("nobody began: {:#?}", owed(home)))
}

#[test]
fn what_hubs_do_not_survive_looking_at_is_said_and_let_go_of() {
    let home = Home::lent();
    let path = home.file("own.jsonl");
    prompt(&home, &path, TURN);
    append(&path, &many(480));
    ends(&home, &path);
    assert!(home.kill_hub());
    for times in 1..=3 {
        starts(&home);
        let (note, bytes) = begun(&home, times);
        assert!(home.kill_hub());
        // As a hub leaves it that is killed by what it looks at, however quick this one was.
        fs::write(note, bytes).unwrap();
    }
    let left = fs::metadata(&path).unwrap().len();
    fs::File::options()
        .write(true)
        .open(&path)
        .unwrap()
        .set_len(left / 2)
        .unwrap();
    for _ in 0..2 {
        starts(&home);
        settles(&home);
        assert!(home.kill_hub());
    }
    let export = of_the_session(&home);
    let said: Vec<Value> = gaps(&export)
        .into_iter()
        .filter(|gap| gap["not_looked_at"].is_object())
        .collect();
    let ended = export.of_kind("session.ended")[0].entry["at"].clone();
    assert_eq!(said, [json!({ "not_looked_at": { "since": ended } })]);
    assert_eq!(gaps(&export).len(), 1, "no file was read: {:#?}", gaps(&export));
}
