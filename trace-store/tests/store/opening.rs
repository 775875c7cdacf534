//! What a store refuses, and how it says so.

use std::{collections::BTreeSet, fs};

use proptest::prelude::*;
use trace_store::{BodyState, ChainId, IndexFault, Kind, NewEntry, OpenError, ReadError, Store};
use vocabulary::WorkspaceId;

use crate::fixture::{note, open, session, trace, workspace};

#[test]
fn a_second_opener_is_told_who_has_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    let error = Store::open(dir.path(), workspace()).unwrap_err();
    assert!(
        matches!(error, OpenError::Locked { pid: Some(pid), .. } if pid == std::process::id()),
        "{error}"
    );
    ledger.close().unwrap();
    assert!(Store::open(dir.path(), workspace()).is_ok());
}

#[test]
fn a_store_from_a_newer_program_is_refused_with_both_versions() {
    let dir = tempfile::tempdir().unwrap();
    session(dir.path()).close().unwrap();
    let path = dir.path().join("ledger");
    let mut file = fs::read(&path).unwrap();
    file[8..12].copy_from_slice(&2_u32.to_le_bytes());
    let check = blake3::derive_key("auditotter 2026 ledger header", &file[..32]);
    file[32..64].copy_from_slice(&check);
    fs::write(&path, &file).unwrap();
    let error = Store::open(dir.path(), workspace()).unwrap_err();
    assert!(
        matches!(
            error,
            OpenError::Version {
                found: 2,
                supported: 1,
                ..
            }
        ),
        "{error}"
    );
    // A damaged version is not a newer one.
    file[8] = 3;
    fs::write(&path, &file).unwrap();
    assert!(matches!(
        Store::open(dir.path(), workspace()),
        Err(OpenError::NotALedger { .. })
    ));
}

#[test]
fn the_store_of_another_workspace_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    session(dir.path()).close().unwrap();
    let other = WorkspaceId::new(1, [9; 10]);
    let error = Store::open(dir.path(), other).unwrap_err();
    assert!(
        matches!(error, OpenError::Workspace { expected, found, .. } if (expected, found) == (other, workspace()))
    );
}

#[test]
fn an_index_without_its_ledger_is_refused_and_not_taken_for_a_new_store() {
    let dir = tempfile::tempdir().unwrap();
    session(dir.path()).close().unwrap();
    fs::remove_file(dir.path().join("ledger")).unwrap();
    assert!(matches!(
        Store::open(dir.path(), workspace()),
        Err(OpenError::LedgerMissing { .. })
    ));
}

#[test]
fn a_ledger_without_its_index_gets_a_new_one_that_knows_the_same() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = session(dir.path());
    for _ in 0..30 {
        ledger
            .call(|_, draft| {
                for _ in 0..100 {
                    draft
                        .append(trace(3), NewEntry::new(Kind::from_static("tool.called")))
                        .unwrap();
                }
            })
            .unwrap();
    }
    let before = (
        ledger.store().verify_all().unwrap(),
        ledger.store().chains(None, 10).unwrap(),
    );
    ledger.close().unwrap();
    fs::remove_dir_all(dir.path().join("index")).unwrap();
    let store = Store::open(dir.path(), workspace()).unwrap();
    assert_eq!(
        (store.verify_all().unwrap(), store.chains(None, 10).unwrap()),
        before
    );
    assert_eq!(
        store.entry(trace(1).into(), 2).unwrap().unwrap().body,
        BodyState::Erased
    );
}

#[test]
fn an_index_of_another_make_says_what_to_do() {
    let dir = tempfile::tempdir().unwrap();
    session(dir.path()).close().unwrap();
    fs::remove_dir_all(dir.path().join("index")).unwrap();
    let other = sled::open(dir.path().join("index")).unwrap();
    other.insert(b"m", b"something else").unwrap();
    drop(other);
    let error = Store::open(dir.path(), workspace()).unwrap_err();
    assert!(
        matches!(
            &error,
            OpenError::Read(ReadError::Index {
                why: IndexFault::Foreign,
                ..
            })
        ),
        "{error}"
    );
    assert!(error.to_string().contains("aside to have it rebuilt"), "{error}");
}

#[test]
fn erased_absent_and_present_bodies_stay_apart_and_the_erased_bytes_are_gone_from_disk() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = session(dir.path());
    let bodies = |store: &Store| -> Vec<BodyState> {
        store
            .chain(trace(1).into(), 0, 10)
            .unwrap()
            .into_iter()
            .map(|stored| stored.body)
            .collect()
    };
    let expected = [
        BodyState::None,
        BodyState::Present(b"{\"text\":\"fix the password reset bug\"}".to_vec()),
        BodyState::Erased,
        BodyState::Present(Vec::new()),
        BodyState::None,
    ];
    assert_eq!(bodies(ledger.store()), expected);
    assert_eq!(
        ledger
            .store()
            .verify_chain(trace(1).into())
            .unwrap()
            .erased_bodies,
        1
    );
    ledger.close().unwrap();
    for file in fs::read_dir(dir.path()).unwrap() {
        let path = file.unwrap().path();
        if path.is_file() {
            let bytes = fs::read(&path).unwrap();
            assert!(
                !bytes.windows(8).any(|window| window == b"a secret"),
                "{}",
                path.display()
            );
        }
    }
    let store = Store::open(dir.path(), workspace()).unwrap();
    assert_eq!(bodies(&store), expected);
}

#[test]
fn a_body_that_was_exchanged_is_an_error_and_never_content() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    ledger
        .call(|_, draft| draft.append(trace(1), note(b"what was said")).unwrap().seq)
        .unwrap();
    ledger
        .call(|_, draft| draft.append(trace(1), note(b"more")).unwrap().seq)
        .unwrap();
    ledger.close().unwrap();
    let path = dir.path().join("ledger");
    let mut file = fs::read(&path).unwrap();
    let at = file
        .windows(13)
        .position(|window| window == b"what was said")
        .unwrap();
    file[at..at + 13].copy_from_slice(b"what was sung");
    fs::write(&path, file).unwrap();
    let store = Store::open(dir.path(), workspace()).unwrap();
    let error = store.entry(trace(1).into(), 0).unwrap_err();
    assert!(
        error.to_string().contains("entry 0 of") && error.to_string().contains("not the one it commits to"),
        "{error}"
    );
    assert!(store.verify_chain(trace(1).into()).is_err());
    assert!(store.verify_all().is_err());
    assert_eq!(
        store.entry(trace(1).into(), 1).unwrap().unwrap().body,
        BodyState::Present(b"more".to_vec())
    );
}

#[test]
fn chains_are_listed_page_by_page_whether_indexed_or_new() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    for round in 0..12_u8 {
        ledger
            .call(move |_, draft| {
                for chain in 0..100 {
                    let chain = trace(chain + round);
                    draft
                        .append(chain, NewEntry::new(Kind::from_static("tool.called")))
                        .unwrap();
                }
            })
            .unwrap();
    }
    let store = ledger.store();
    let (mut after, mut listed) = (None, Vec::new());
    loop {
        let page = store.chains(after, 7).unwrap();
        let Some(last) = page.last() else { break };
        after = Some(last.chain);
        listed.extend(page.iter().map(|summary| (summary.chain, summary.head.next_seq)));
    }
    let mut expected: Vec<_> = (0..111_u8)
        .map(|chain| {
            (
                ChainId::Trace(trace(chain)),
                u64::from((chain + 1).min(12).min(111 - chain)),
            )
        })
        .collect();
    expected.sort_unstable();
    assert_eq!(listed, expected);
    let chains: BTreeSet<_> = listed.iter().map(|(chain, _)| *chain).collect();
    assert_eq!(chains.len() as u64, store.verify_all().unwrap().chains);
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(12))]
    #[test]
    fn interleaved_chains_read_back_as_they_were_appended(
        batches in proptest::collection::vec(proptest::collection::vec((0_u8..5, 0_usize..40), 1..60), 1..60),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path()).unwrap();
        let mut expected = vec![Vec::new(); 5];
        for batch in &batches {
            for (chain, len) in batch {
                expected[usize::from(*chain)].push(vec![*chain; *len]);
            }
            let batch = batch.clone();
            ledger
                .call(move |_, draft| {
                    for (chain, len) in batch {
                        draft.append(trace(chain), note(&vec![chain; len])).unwrap();
                    }
                })
                .unwrap();
        }
        let root = ledger.store().verify_all().unwrap().root;
        ledger.close().unwrap();
        let store = Store::open(dir.path(), workspace()).unwrap();
        prop_assert_eq!(store.root(store.len()).unwrap(), root);
        for (chain, bodies) in (0..).zip(expected) {
            let read: Vec<_> = store
                .chain(trace(chain).into(), 0, usize::MAX)
                .unwrap()
                .into_iter()
                .map(|stored| match stored.body {
                    BodyState::Present(body) => body,
                    other => panic!("{other:?}"),
                })
                .collect();
            prop_assert_eq!(&read, &bodies);
            prop_assert_eq!(store.verify_chain(trace(chain).into()).unwrap().entries, bodies.len() as u64);
            let middle = bodies.len() as u64 / 2;
            let tail = store.chain(trace(chain).into(), middle, 3).unwrap();
            prop_assert_eq!(tail.len(), bodies.len().saturating_sub(bodies.len() / 2).min(3));
        }
        let size = store.len();
        for index in [0, size / 2, size - 1] {
            let stored = store.range(index, 1).unwrap().remove(0);
            let proof = store.inclusion_proof(index, size).unwrap();
            trace_store::merkle::verify_inclusion(&stored.hash, index, size, &proof, &root).unwrap();
            let old = store.root(index + 1).unwrap();
            let proof = store.consistency_proof(index + 1, size).unwrap();
            trace_store::merkle::verify_consistency(index + 1, &old, size, &root, &proof).unwrap();
        }
    }
}
