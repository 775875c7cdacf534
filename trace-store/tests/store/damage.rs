//! A store whose files were damaged is refused, or says what it said before: it is never silently wrong.

use std::{
    fs,
    path::{Path, PathBuf},
};

use proptest::prelude::*;
use trace_store::{Draft, OpenError, ReadError, Store, Stored};

use crate::fixture::{note, open, session, trace, workspace};

fn files(dir: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(files(&path));
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

fn copy(from: &Path, to: &Path) {
    for file in files(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, target).unwrap();
    }
}

/// Everything a store says, or that it refuses.
fn says(dir: &Path) -> Result<Vec<Stored>, OpenError> {
    let store = Store::open(dir, workspace())?;
    let mut all = Vec::new();
    for chain in store.chains(None, 100)? {
        all.extend(store.chain(chain.chain, 0, 10_000)?);
    }
    Ok(all)
}

/// Whether it is refused, or is what the store said before.
fn is_honest(found: &Result<Vec<Stored>, OpenError>, before: &[Stored]) -> bool {
    found.as_ref().map_or(true, |found| found == before)
}

#[test]
fn every_flipped_bit_of_the_ledger_file_is_refused_or_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    session(dir.path()).close().unwrap();
    let before = says(dir.path()).unwrap();
    assert_eq!(before.len(), 9);
    let path = dir.path().join("ledger");
    let whole = fs::read(&path).unwrap();
    for position in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[position] ^= 1 << (position % 8);
        fs::write(&path, &damaged).unwrap();
        let found = says(dir.path());
        assert!(is_honest(&found, &before), "byte {position}: {found:?}");
        if let Ok(store) = Store::open(dir.path(), workspace()) {
            // What was erased is zeros, which opening has restored; anything else shows.
            let verified = store.verify_all();
            assert!(
                verified.is_err() || fs::read(&path).unwrap() == whole,
                "byte {position} was not noticed"
            );
        }
    }
}

#[test]
fn a_ledger_file_cut_at_any_length_keeps_whole_commits_and_sets_the_rest_aside() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    for entries in [2, 3, 1] {
        let job = move |_: &mut u64, draft: &mut Draft<'_>| {
            for entry in 0..entries {
                draft.append(trace(entry), note(b"said")).unwrap();
            }
        };
        ledger.call(job).unwrap();
    }
    ledger.close().unwrap();
    let before = says(dir.path()).unwrap();
    let path = dir.path().join("ledger");
    let whole = fs::read(&path).unwrap();
    let mut sizes = std::collections::BTreeSet::new();
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        match says(dir.path()) {
            Err(OpenError::NotALedger { .. }) => assert!(length < 64),
            Err(error) => panic!("cut at {length}: {error}"),
            Ok(found) => {
                sizes.insert(found.len());
                assert!(
                    found
                        .iter()
                        .all(|stored| before.iter().any(|b| b.bytes == stored.bytes))
                );
                let kept = fs::read(&path).unwrap();
                assert_eq!(kept, whole[..kept.len()], "cut at {length}");
                if kept.len() < length {
                    let aside = fs::read(dir.path().join(format!("unfinished-{}", kept.len()))).unwrap();
                    assert_eq!(aside, whole[kept.len()..length], "cut at {length}");
                }
            }
        }
    }
    // Nothing, the first commit's two entries, the second's three; never a part of a commit.
    assert_eq!(sizes.into_iter().collect::<Vec<_>>(), [0, 2, 5]);
}

#[test]
fn a_ledger_file_shorter_than_its_index_knows_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    for _ in 0..1100 {
        ledger
            .call(|_, draft| draft.append(trace(1), note(b"x")).unwrap().seq)
            .unwrap();
    }
    ledger.close().unwrap();
    let path = dir.path().join("ledger");
    let whole = fs::read(&path).unwrap();
    fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    let error = Store::open(dir.path(), workspace()).unwrap_err();
    assert!(matches!(&error, OpenError::Read(ReadError::Broken(_))), "{error}");
    assert!(error.to_string().contains("ends too early"), "{error}");
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]
    #[test]
    fn a_flipped_bit_in_any_file_is_refused_or_changes_nothing(file: prop::sample::Index, at: prop::sample::Index, bit in 0_u32..8) {
        // Sealed windows too: the index must be in play.
        static WHOLE: std::sync::LazyLock<(tempfile::TempDir, Vec<Stored>)> = std::sync::LazyLock::new(|| {
            let dir = tempfile::tempdir().unwrap();
            let ledger = open(dir.path()).unwrap();
            for round in 0..30_u8 {
                ledger
                    .call(move |_, draft| {
                        for entry in 0..100 {
                            draft.append(trace(entry % 3), note(&[round; 5])).unwrap();
                        }
                    })
                    .unwrap();
            }
            ledger.close().unwrap();
            let before = says(dir.path()).unwrap();
            (dir, before)
        });
        let (whole, before) = &*WHOLE;
        let dir = tempfile::tempdir().unwrap();
        copy(whole.path(), dir.path());
        let files: Vec<_> = files(dir.path()).into_iter().filter(|f| f.metadata().unwrap().len() > 0).collect();
        let path = file.get(&files);
        let mut bytes = fs::read(path).unwrap();
        let at = at.index(bytes.len());
        bytes[at] ^= 1_u8 << bit;
        fs::write(path, bytes).unwrap();
        // sled says on standard error that it panicked; what matters is that nothing but an error reaches us.
        let found = says(dir.path());
        prop_assert!(is_honest(&found, before), "{} byte {at}: {:?}", path.display(), found.map(|f| f.len()));
    }
}
