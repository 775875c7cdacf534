//! Killed at any moment, a ledger loses nothing that it acknowledged.

use std::{
    io::{BufRead, BufReader, Write},
    path::PathBuf,
    process::{Command, Stdio},
    thread,
};

use trace_store::{EntryHash, Store};

use crate::fixture::{note, open, trace, workspace};

/// In whose folder the killed process writes.
const DIR: &str = "TRACE_STORE_CRASH_DIR";

/// The process that is killed: four threads append, and say what was acknowledged.
#[test]
#[ignore = "run by the test below, to be killed"]
fn appends_until_killed() {
    let Some(dir) = std::env::var_os(DIR).map(PathBuf::from) else {
        return;
    };
    let ledger = open(&dir).unwrap();
    thread::scope(|scope| {
        for writer in 0..4 {
            let ledger = &ledger;
            scope.spawn(move || {
                loop {
                    let appended = ledger
                        .call(move |_, draft| {
                            let appended: Vec<_> = (0..9)
                                .map(|_| draft.append(trace(writer), note(&[writer; 300])).unwrap())
                                .collect();
                            appended.last().copied().unwrap()
                        })
                        .unwrap();
                    let line = format!("acknowledged {} {}\n", appended.index, appended.hash);
                    std::io::stdout().lock().write_all(line.as_bytes()).unwrap();
                }
            });
        }
    });
}

#[test]
fn no_acknowledged_entry_is_lost_when_the_process_is_killed() {
    let rounds = std::env::var("AUDITOTTER_CRASH_ROUNDS")
        .ok()
        .and_then(|rounds| rounds.parse().ok())
        .unwrap_or(12);
    let dir = tempfile::tempdir().unwrap();
    let mut acknowledged: Vec<(u64, EntryHash)> = Vec::new();
    for round in 0..rounds {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "crash::appends_until_killed",
                "--ignored",
                "--nocapture",
            ])
            .env(DIR, dir.path())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut random = [0; 1];
        getrandom::fill(&mut random).unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap())
            .lines()
            .map_while(Result::ok);
        // Killed after some acknowledgements; what was said in the meantime counts too.
        for line in lines
            .by_ref()
            .filter(|line| line.contains("acknowledged"))
            .take(1 + usize::from(random[0]))
        {
            acknowledged.extend(parse(&line));
        }
        child.kill().unwrap();
        acknowledged.extend(lines.filter_map(|line| parse(&line)));
        child.wait().unwrap();
        let store = Store::open(dir.path(), workspace()).unwrap();
        let report = store
            .verify_all()
            .unwrap_or_else(|error| panic!("round {round}: {error}"));
        assert_eq!(report.entries % 9, 0, "round {round}: half a job is there");
        for (index, hash) in &acknowledged {
            let stored = store.range(*index, 1).unwrap();
            assert_eq!(
                stored.first().map(|stored| stored.hash),
                Some(*hash),
                "round {round}, entry {index}"
            );
        }
    }
    assert!(acknowledged.len() as u64 > rounds);
}

/// A whole line that acknowledges an entry; the last one may have been cut by the kill.
fn parse(line: &str) -> Option<(u64, EntryHash)> {
    let (_, rest) = line.split_once("acknowledged ")?;
    let (index, hash) = rest.split_once(' ')?;
    Some((index.parse().ok()?, hash.parse().ok()?))
}
