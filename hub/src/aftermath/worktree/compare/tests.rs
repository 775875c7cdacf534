use std::{collections::BTreeMap, sync::Arc};

use proptest::prelude::*;

use super::*;
use crate::{
    aftermath::worktree::snapshot::Mark,
    deeds::{Begun, Edited, Reach},
};

const ROOT: &str = "/shop";

fn at(micros: u64) -> Timestamp {
    Timestamp::from_unix_micros(micros).unwrap()
}

fn session(number: u8) -> SessionId {
    SessionId::new(u64::from(number), [number; 10])
}

fn hash(content: u8) -> Hash {
    blake3::hash(&[content])
}

/// A file that holds this, and changed last at that time.
fn seen(content: u8, changed: u64) -> Seen {
    Seen {
        mark: Some(Mark {
            device: 1,
            inode: u64::from(content),
            size: 1,
            executable: false,
            modified: (0, 0),
            changed_at: (0, 0),
            changed: at(changed),
        }),
        holds: Holds::File(hash(content)),
        text: None,
        oid: None,
        settled: true,
    }
}

fn snapshot(files: &[(&str, Seen)], since: u64, until: u64) -> Snapshot {
    Snapshot {
        files: files
            .iter()
            .map(|(name, seen)| (name.as_bytes().into(), seen.clone()))
            .collect(),
        since: at(since),
        until: at(until),
        ..Snapshot::default()
    }
}

fn held(content: Option<u8>) -> Held {
    content.map_or(Held::Nothing, |content| Held::Digest(hash(content)))
}

fn edit(name: &str, before: Option<Held>, after: Option<Held>, begun: u64, ended: u64) -> Edit {
    Edit {
        session: session(1),
        edited: Edited {
            call: None,
            path: Path::new(ROOT).join(name),
            before,
            after,
        },
        begun: Some(at(begun)),
        ended: at(ended),
    }
}

/// A command that may write anywhere.
fn command(id: &str, since: u64, ended: Option<u64>) -> Call {
    let mut reach = Reach::default();
    reach.add_all(Path::new(ROOT));
    Call {
        session: session(1),
        begun: Begun {
            call: id.to_owned(),
            by: None,
            what: hash(0),
            reach: Arc::new(reach),
        },
        asked: false,
        since: at(since),
        ended: ended.map(|ended| (at(ended), End::Command)),
    }
}

/// The first look ended at 100, the second was from 1000 to 1100.
fn compared(before: &Snapshot, now: &Snapshot, edits: &[Edit], calls: &[Call]) -> Compared {
    compare(Given {
        root: Path::new(ROOT),
        session: session(1),
        before,
        now,
        edits,
        calls,
        blurred: None,
        last: false,
    })
}

/// Whose a file is said to be that is dated half a second after the first look.
fn followed(calls: &[Call], blurred: Option<u64>) -> Option<String> {
    let (before, now) = (
        snapshot(&[], 0, 100),
        snapshot(&[("a", seen(1, 500_000))], 1_000_000, 1_000_100),
    );
    let found = compare(Given {
        root: Path::new(ROOT),
        session: session(1),
        before: &before,
        now: &now,
        edits: &[],
        calls,
        blurred: blurred.map(at),
        last: false,
    });
    let [change] = found.changes.as_slice() else {
        panic!("{found:?}")
    };
    change.call.as_ref().map(|followed| followed.call.clone())
}

#[test]
fn a_change_follows_the_only_command_that_was_under_way_then() {
    let one = |since, ended| followed(&[command("x", since, Some(ended))], None);
    assert_eq!(followed(&[], None), None);
    assert_eq!(one(400_000, 600_000).as_deref(), Some("x"));
    assert_eq!(one(500_000, 510_000).as_deref(), Some("x"));
    assert_eq!(one(500_001, 600_000), None, "it began later, or in that tick");
    assert_eq!(one(300_000, 509_999), None, "it had ended, or in that tick");
    let x = || command("x", 400_000, Some(600_000));
    let two = [x(), command("y", 450_000, Some(550_000))];
    assert_eq!(followed(&two, None), None, "one of two");
    for (since, ended) in [(300_000, 500_000), (510_000, 700_000)] {
        let touching = [x(), command("y", since, Some(ended))];
        assert_eq!(followed(&touching, None), None, "one of two in that tick");
    }
    let apart = [
        command("w", 300_000, Some(499_999)),
        x(),
        command("y", 510_001, Some(700_000)),
    ];
    assert_eq!(followed(&apart, None).as_deref(), Some("x"));
}

#[test]
fn what_is_not_certain_is_nobodys() {
    let with = |change: &dyn Fn(&mut Call)| {
        let mut call = command("x", 400_000, Some(600_000));
        change(&mut call);
        followed(&[call], None)
    };
    assert_eq!(with(&|_| ()).as_deref(), Some("x"));
    let asked = with(&|call| call.asked = true);
    assert_eq!(
        asked, None,
        "a human was asked, and may have written while thinking"
    );
    let other = with(&|call| call.session = session(2));
    assert_eq!(other, None, "it is another session's");
    for how in [End::Background, End::Other, End::Untold] {
        let ended = with(&|call| call.ended = Some((at(600_000), how)));
        assert_eq!(ended, None, "{how:?}");
    }
    let elsewhere = with(&|call| {
        let mut reach = Reach::default();
        reach.add_all(Path::new("/elsewhere"));
        call.begun.reach = Arc::new(reach);
    });
    assert_eq!(elsewhere, None, "it cannot have written there");
    let mut background = command("y", 200_000, None);
    background.ended = Some((at(210_000), End::Background));
    let with_background = [background, command("x", 400_000, Some(600_000))];
    assert_eq!(
        followed(&with_background, None),
        None,
        "what goes on behind may have written"
    );
}

#[test]
fn nothing_is_certain_of_a_time_whose_calls_are_forgotten() {
    let calls = [command("x", 400_000, Some(600_000))];
    assert_eq!(followed(&calls, Some(499_999)).as_deref(), Some("x"));
    assert_eq!(followed(&calls, Some(500_000)), None);
}

#[test]
fn what_a_call_under_way_may_have_written_waits_for_the_next_look() {
    let (before, now) = (
        snapshot(&[("b", seen(7, 1))], 0, 100),
        snapshot(&[("a", seen(1, 1_050)), ("b", seen(7, 1))], 1_000, 1_100),
    );
    for ended in [None, Some(1_000), Some(1_200)] {
        let calls = [command("x", 900, ended)];
        let found = compared(&before, &now, &[], &calls);
        assert!(found.changes.is_empty(), "{ended:?} {found:?}");
        assert_eq!(found.later, [Name::from(*b"a")]);
        let given = Given {
            root: Path::new(ROOT),
            session: session(1),
            before: &before,
            now: &now,
            edits: &[],
            calls: &calls,
            blurred: None,
            last: true,
        };
        assert_eq!(compare(given).changes.len(), 1, "there is no next one");
    }
    let over = compared(&before, &now, &[], &[command("x", 900, Some(999))]);
    assert_eq!(over.changes.len(), 1);
    let mut strange = command("x", 900, None);
    strange.session = session(2);
    assert_eq!(compared(&before, &now, &[], &[strange]).changes.len(), 1);
}

#[test]
fn an_edit_that_does_not_tell_what_it_made_explains_what_was_changed_while_it_was_done() {
    let before = snapshot(&[("a", seen(1, 1))], 0, 100);
    let untold = [edit("a", None, None, 400, 600)];
    for (changed, reports) in [(400, 0), (600, 0), (601, 1)] {
        let now = snapshot(&[("a", seen(2, changed))], 1_000, 1_100);
        let found = compared(&before, &now, &untold, &[]);
        assert_eq!(found.changes.len(), reports, "{changed}");
    }
    let early = [edit("a", None, None, 40_000, 60_000)];
    for (changed, reports) in [(35_000, 0), (29_000, 1)] {
        let now = snapshot(&[("a", seen(2, changed))], 100_000, 110_000);
        let found = compared(&before, &now, &early, &[]);
        assert_eq!(found.changes.len(), reports, "{changed}");
    }
    let gone = snapshot(&[], 1_000, 1_100);
    assert_eq!(compared(&before, &gone, &untold, &[]).changes.len(), 1);
}

#[test]
fn an_edit_that_was_seen_already_is_not_held_against_the_next_look() {
    // It was under way when the first look came, and had written.
    let before = snapshot(&[("a", seen(2, 50))], 0, 100);
    let now = snapshot(&[("a", seen(2, 50))], 1_000, 1_100);
    let edits = [edit("a", Some(held(Some(1))), Some(held(Some(2))), 40, 120)];
    assert_eq!(compared(&before, &now, &edits, &[]).changes, []);
}

#[test]
fn what_clients_read_without_the_marks_of_windows_is_the_same() {
    let mut windows = seen(2, 500);
    windows.text = Some(hash(3));
    let before = snapshot(&[("a", seen(1, 1))], 0, 100);
    let now = snapshot(&[("a", windows.clone())], 1_000, 1_100);
    let edits = [edit("a", Some(held(Some(1))), Some(held(Some(3))), 400, 600)];
    assert_eq!(compared(&before, &now, &edits, &[]).changes, []);
    let before = snapshot(&[("a", windows)], 0, 100);
    let now = snapshot(&[("a", seen(4, 500))], 1_000, 1_100);
    let edits = [edit("a", Some(held(Some(3))), Some(held(Some(4))), 400, 600)];
    assert_eq!(compared(&before, &now, &edits, &[]).changes, []);
}

#[test]
fn that_something_can_be_run_now_is_told_whatever_it_holds() {
    let mut runs = seen(1, 500);
    runs.mark.as_mut().unwrap().executable = true;
    let now = snapshot(&[("a", runs)], 1_000, 1_100);
    let before = snapshot(&[("a", seen(1, 1))], 0, 100);
    let found = compared(&before, &now, &[], &[]);
    assert_eq!(found.changes[0].executable, Some(true));
    let edits = [edit("a", Some(Held::Nothing), Some(held(Some(1))), 400, 600)];
    let found = compared(&snapshot(&[], 0, 100), &now, &edits, &[]);
    assert_eq!(found.changes.len(), 1);
    assert_eq!(found.changes[0].executable, Some(true));
}

#[test]
fn what_was_moved_is_gone_by_the_same_command() {
    let before = snapshot(&[("a", seen(1, 1)), ("c", seen(3, 1))], 0, 100);
    let now = snapshot(&[("b", seen(1, 500_000))], 1_000_000, 1_000_100);
    let found = compared(&before, &now, &[], &[command("x", 400_000, Some(600_000))]);
    let whose: BTreeMap<&[u8], bool> = found
        .changes
        .iter()
        .map(|change| (&*change.name, change.call.is_some()))
        .collect();
    let expected: [(&[u8], bool); 3] = [(b"a", true), (b"b", true), (b"c", false)];
    assert_eq!(whose, BTreeMap::from(expected));
}

/// What happens to a file, and whether anybody tells.
#[derive(Debug, Clone)]
enum Step {
    Told(u8, Option<u8>),
    Untold(u8, Option<u8>),
}

fn step() -> impl Strategy<Value = Step> {
    let content = proptest::option::weighted(0.8, 0..4_u8);
    (any::<bool>(), 0..4_u8, content).prop_map(|(told, file, content)| match told {
        true => Step::Told(file, content),
        false => Step::Untold(file, content),
    })
}

/// From what to what a file changed, and which.
type Change = (Name, Option<Hash>, Option<Hash>);

proptest! {
    /// Whatever is edited and written in whatever order: what a recorded edit does not explain is told once, and nothing else.
    #[test]
    fn all_that_no_edit_explains_is_told_once(
        first in proptest::collection::btree_map(0..4_u8, 0..4_u8, 0..4),
        steps in proptest::collection::vec(step(), 0..24),
    ) {
        let name = |file: u8| file.to_string();
        let mut disk: BTreeMap<u8, u8> = first.clone();
        let mut believed = first.clone();
        let mut edits = Vec::new();
        let mut expected: Vec<Change> = Vec::new();
        let mut differ = |file: u8, believed: &BTreeMap<u8, u8>, disk: &BTreeMap<u8, u8>| {
            let (was, is) = (believed.get(&file).copied(), disk.get(&file).copied());
            if was != is {
                expected.push((name(file).into_bytes().into(), was.map(hash), is.map(hash)));
            }
        };
        let put = |files: &mut BTreeMap<u8, u8>, file: u8, content: Option<u8>| match content {
            Some(content) => drop(files.insert(file, content)),
            None => drop(files.remove(&file)),
        };
        for step in steps {
            match step {
                Step::Untold(file, content) => put(&mut disk, file, content),
                Step::Told(file, content) => {
                    // What lies in no look is nobody's to compare.
                    differ(file, &believed, &disk);
                    edits.push(edit(&name(file), Some(held(disk.get(&file).copied())), Some(held(content)), 400, 600));
                    put(&mut disk, file, content);
                    put(&mut believed, file, content);
                }
            }
        }
        for file in 0..4 {
            differ(file, &believed, &disk);
        }
        expected.retain(|(file, _, _)| {
            let number: u8 = str::from_utf8(file).unwrap().parse().unwrap();
            first.contains_key(&number) || disk.contains_key(&number)
        });
        let tree = |files: &BTreeMap<u8, u8>| -> Vec<(String, Seen)> {
            files.iter().map(|(file, content)| (name(*file), seen(*content, 500))).collect()
        };
        let of = |files: &[(String, Seen)], since, until| {
            let files: Vec<(&str, Seen)> = files.iter().map(|(name, seen)| (name.as_str(), seen.clone())).collect();
            snapshot(&files, since, until)
        };
        let (before, now) = (of(&tree(&first), 0, 100), of(&tree(&disk), 1_000, 1_100));
        let found = compared(&before, &now, &edits, &[]);
        let mut found: Vec<Change> = found
            .changes
            .into_iter()
            .map(|change| (change.name, change.before.digest(), change.after.digest()))
            .collect();
        found.sort_by_key(|change| (change.0.clone(), change.1.map(|hash| *hash.as_bytes()), change.2.map(|hash| *hash.as_bytes())));
        expected.sort_by_key(|change| (change.0.clone(), change.1.map(|hash| *hash.as_bytes()), change.2.map(|hash| *hash.as_bytes())));
        prop_assert_eq!(found, expected);
    }
}
