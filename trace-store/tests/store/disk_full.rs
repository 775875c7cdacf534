//! A disk that is full: what cannot be recorded fails without effect, and nothing else is harmed.

use std::{path::PathBuf, process::Command};

use trace_store::{CommitError, Store};

use crate::fixture::{note, open, trace, workspace};

/// In whose folder the limited process writes.
const DIR: &str = "TRACE_STORE_FULL_DIR";

/// The process for which files cannot grow above a limit, which fails a write as a full disk does.
#[test]
#[ignore = "run by the test below, under a limit"]
fn appends_until_full() {
    let Some(dir) = std::env::var_os(DIR).map(PathBuf::from) else {
        return;
    };
    let ledger = open(&dir).unwrap();
    let append = |size: usize| {
        ledger.call(move |count, draft| {
            *count += 1;
            draft.append(trace(1), note(&vec![7; size])).unwrap();
        })
    };
    let mut recorded = 0;
    let error = loop {
        match append(1000) {
            Ok(()) => recorded += 1,
            Err(error) => break error,
        }
    };
    assert!(matches!(&error, CommitError::Storage(_)), "{error}");
    assert!(
        error
            .to_string()
            .starts_with("nothing was recorded: the ledger could not be written"),
        "{error}"
    );
    assert!(recorded > 1024, "only {recorded} were recorded");
    // The state does not count what was not recorded, and the ledger goes on: smaller things still fit.
    assert_eq!(ledger.call(|count, _| *count).unwrap(), recorded);
    assert!(matches!(append(1000), Err(CommitError::Storage(_))));
    let mut small = 0;
    while append(1).is_ok() {
        small += 1;
    }
    assert_eq!(ledger.store().verify_all().unwrap().entries, recorded + small);
    assert_eq!(ledger.call(|count, _| *count).unwrap(), recorded + small);
    ledger.close().unwrap();
    println!("recorded={}", recorded + small);
}

#[test]
fn a_full_disk_fails_the_request_and_keeps_the_ledger_whole() {
    let dir = tempfile::tempdir().unwrap();
    let output = Command::new("sh")
        .args(["-c", "trap '' XFSZ; ulimit -f 6000; exec \"$0\" \"$@\""])
        .arg(std::env::current_exe().unwrap())
        .args([
            "--exact",
            "disk_full::appends_until_full",
            "--ignored",
            "--nocapture",
        ])
        .env(DIR, dir.path())
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(
        output.status.success(),
        "{said}{}",
        String::from_utf8_lossy(&output.stderr)
    );
    let recorded: u64 = said
        .split_once("recorded=")
        .and_then(|(_, rest)| rest.lines().next()?.trim().parse().ok())
        .unwrap();
    // With room again, everything that was recorded is there, and appending goes on.
    assert_eq!(
        Store::open(dir.path(), workspace())
            .unwrap()
            .verify_all()
            .unwrap()
            .entries,
        recorded
    );
    let ledger = open(dir.path()).unwrap();
    let next = ledger
        .call(|_, draft| draft.append(trace(1), note(b"x")).unwrap().index)
        .unwrap();
    assert_eq!(next, recorded);
}
