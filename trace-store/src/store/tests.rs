use std::{convert::Infallible, fs};

use vocabulary::TraceId;

use super::*;
use crate::{Config, Kind, Ledger, NewEntry};

fn workspace() -> WorkspaceId {
    WorkspaceId::new(1, [1; 10])
}

fn config() -> Config {
    Config {
        workspace: workspace(),
        clock: Box::new(|| Timestamp::EPOCH),
        entropy: Box::new(|bytes| bytes.fill(1)),
    }
}

fn append_many(ledger: &Ledger<()>) {
    let job = |_: &mut (), draft: &mut crate::Draft<'_>| {
        for _ in 0..WINDOW {
            draft
                .append(
                    TraceId::new(2, [2; 10]),
                    NewEntry::new(Kind::from_static("tool.called")),
                )
                .unwrap();
        }
    };
    ledger.call(job).unwrap();
}

/// sled refuses everything after an error of its own; then the index is opened again, and what could not be
/// written to it meanwhile was in memory all along.
#[test]
fn an_index_that_failed_is_opened_again_and_nothing_was_missing_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), config(), |_| Ok::<_, Infallible>(())).unwrap();
    let chain = TraceId::new(2, [2; 10]).into();
    append_many(&ledger);
    // One more, so that the chain's end is known without the index. Windows are written to the index after
    // whoever asked was told; this job comes after that.
    let one = |_: &mut (), draft: &mut crate::Draft<'_>| {
        let entry = NewEntry::new(Kind::from_static("tool.called"));
        draft.append(TraceId::new(2, [2; 10]), entry).unwrap().seq
    };
    assert_eq!(ledger.call(one).unwrap(), WINDOW);
    *ledger.store().0.index.write().unwrap() = None;
    append_many(&ledger);
    let windows = ledger.store().sealed_windows();
    assert_eq!((windows, ledger.store().len()), (1, 2 * WINDOW + 1));
    assert!(matches!(
        ledger.store().verify_chain(chain),
        Err(ReadError::Index {
            why: IndexFault::Closed,
            ..
        })
    ));
    append_many(&ledger);
    ledger.call(|(), _| ()).unwrap();
    assert_eq!(ledger.store().sealed_windows(), 3);
    assert_eq!(
        ledger.store().verify_chain(chain).unwrap().entries,
        3 * WINDOW + 1
    );
    assert_eq!(ledger.store().verify_all().unwrap().entries, 3 * WINDOW + 1);
}

/// What is read back is compared with what its chain's next entry names.
#[test]
fn an_entry_rewritten_together_with_its_commits_checksum_is_still_caught() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Ledger::open(dir.path(), config(), |_| Ok::<_, Infallible>(())).unwrap();
    let chain = TraceId::new(2, [2; 10]).into();
    append_many(&ledger);
    let (record, _) = {
        let store = ledger.store();
        let mut reader = store.0.file.reader();
        store.record(&mut reader, 3).unwrap()
    };
    ledger.close().unwrap();
    let path = LedgerFile::path(dir.path());
    let mut bytes = fs::read(&path).unwrap();
    let at = usize::try_from(record.entry_at).unwrap();
    let entry = &mut bytes[at..at + record.entry_len];
    let kind = entry
        .windows(11)
        .position(|window| window == b"tool.called")
        .unwrap();
    entry[kind..kind + 11].copy_from_slice(b"tool.failed");
    fs::write(&path, bytes).unwrap();
    // The window is in the index, so that opening does not read it again.
    let store = Store::open(dir.path(), workspace()).unwrap();
    let error = store.entry(chain, 3).unwrap_err();
    assert!(
        matches!(&error, ReadError::Broken(broken) if matches!(*broken.why, Why::Hash { .. })),
        "{error}"
    );
    assert!(error.to_string().contains("entry 3 of tr_"), "{error}");
    assert_eq!(store.entry(chain, 5).unwrap().unwrap().entry.seq, 5);
    assert!(
        matches!(store.verify_chain(chain), Err(ReadError::Broken(broken)) if broken.position.seq == Some(4))
    );
}
