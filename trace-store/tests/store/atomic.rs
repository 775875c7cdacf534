//! A job's entries are all there or none is, and the ledger's clock never goes back.

use std::{
    convert::Infallible,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
        mpsc,
    },
};

use trace_store::{AppendError, CommitError, Config, Kind, Ledger, MAX_BODY_BYTES, NewEntry, Refs};
use vocabulary::Timestamp;

use crate::fixture::{config, note, open, trace};

fn started() -> NewEntry {
    NewEntry::new(Kind::from_static("session.started"))
}

#[test]
fn an_aborted_job_leaves_nothing_and_its_neighbours_stand() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    let (hold, held) = mpsc::channel::<()>();
    // While this job is running, the others gather into its batch.
    let (done, finished) = mpsc::channel();
    let tell = |done: &mpsc::Sender<_>| {
        let done = done.clone();
        move |result: Result<u64, CommitError>| done.send(result.unwrap()).unwrap()
    };
    ledger
        .submit(
            move |_, draft| {
                held.recv().unwrap();
                draft.append(trace(1), started()).unwrap().index
            },
            tell(&done),
        )
        .unwrap();
    ledger
        .submit(
            |_, draft| {
                draft.append(trace(1), started()).unwrap();
                draft.append(trace(2), started()).unwrap();
                draft.abort();
                assert_eq!(draft.head(trace(2).into()).unwrap(), None);
                draft.append(trace(1), note(b"after")).unwrap().seq
            },
            tell(&done),
        )
        .unwrap();
    ledger
        .submit(
            |_, draft| draft.append(trace(1), started()).unwrap().index,
            tell(&done),
        )
        .unwrap();
    hold.send(()).unwrap();
    let answers: Vec<u64> = finished.iter().take(3).collect();
    assert_eq!(answers, [0, 1, 2]);
    assert_eq!(ledger.store().len(), 3);
    assert_eq!(ledger.store().verify_chain(trace(1).into()).unwrap().entries, 3);
    assert_eq!(ledger.store().head(trace(2).into()).unwrap(), None);
}

#[test]
fn a_job_that_panics_leaves_nothing_and_the_state_is_rebuilt() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    ledger
        .call(|count, draft| {
            draft.append(trace(1), started()).unwrap();
            *count += 1;
        })
        .unwrap();
    let error = ledger
        .call(|count, draft| {
            draft.append(trace(1), started()).unwrap();
            *count = 99;
            panic!("a bug in a job");
        })
        .unwrap_err();
    assert!(matches!(error, CommitError::Panicked));
    assert_eq!(ledger.call(|count, _| *count).unwrap(), 1);
    assert_eq!(ledger.store().len(), 1);
}

#[test]
fn what_is_too_large_is_refused_with_its_size() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    let found = ledger
        .call(
            |_, draft| match draft.append(trace(1), note(&vec![0; MAX_BODY_BYTES + 1])) {
                Err(AppendError::Body { found }) => found,
                other => panic!("{other:?}"),
            },
        )
        .unwrap();
    assert_eq!(found, MAX_BODY_BYTES + 1);
    ledger
        .call(|_, draft| {
            draft
                .append(trace(1), note(&vec![7; MAX_BODY_BYTES]))
                .unwrap()
                .seq
        })
        .unwrap();
    assert_eq!(ledger.store().verify_chain(trace(1).into()).unwrap().entries, 1);
    assert!(Refs::new().with("tool", "x".repeat(257)).is_err());
}

#[test]
fn the_ledgers_clock_never_goes_back_even_over_a_restart() {
    let dir = tempfile::tempdir().unwrap();
    let system = Arc::new(AtomicU64::new(2_000_000));
    let open = || {
        let system = Arc::clone(&system);
        let clock = Box::new(move || Timestamp::from_unix_micros(system.load(Ordering::Relaxed)).unwrap());
        Ledger::open(dir.path(), Config { clock, ..config() }, |_| {
            Ok::<_, Infallible>(())
        })
        .unwrap()
    };
    let ledger = open();
    let now = |ledger: &Ledger<()>| {
        ledger
            .call(|(), draft| draft.append(trace(1), started()).unwrap().at.unix_micros())
            .unwrap()
    };
    assert_eq!(now(&ledger), 2_000_000);
    system.store(1_000_000, Ordering::Relaxed);
    assert_eq!(now(&ledger), 2_000_000);
    ledger.close().unwrap();
    let ledger = open();
    assert_eq!(now(&ledger), 2_000_000);
    system.store(3_000_000, Ordering::Relaxed);
    assert_eq!(now(&ledger), 3_000_000);
}

#[test]
fn a_closed_ledger_finishes_what_it_has_and_says_so_to_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    let other = ledger.clone();
    let (done, finished) = mpsc::channel();
    for _ in 0..100 {
        let done = done.clone();
        ledger
            .submit(
                |_, draft| draft.append(trace(1), started()).unwrap().seq,
                move |result| done.send(result.is_ok()).unwrap(),
            )
            .unwrap();
    }
    ledger.close().unwrap();
    assert_eq!(finished.try_iter().filter(|ok| *ok).count(), 100);
    assert!(matches!(other.call(|_, _| ()), Err(CommitError::Closed)));
}
