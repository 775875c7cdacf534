use std::{convert::Infallible, path::Path};

use super::*;
use crate::{BodyState, ChainId, CheckpointSigner, Kind, NewEntry, export};
use vocabulary::TraceId;

pub(crate) fn workspace() -> WorkspaceId {
    WorkspaceId::new(1, [1; 10])
}

pub(crate) fn config() -> Config {
    Config {
        workspace: workspace(),
        clock: Box::new(|| Timestamp::from_unix_micros(1_795_000_000_000_000).unwrap()),
        entropy: Box::new(|bytes| getrandom::fill(bytes).unwrap()),
    }
}

/// Counts its entries.
pub(crate) fn open(dir: &Path) -> Result<Ledger<u64>, OpenError> {
    Ledger::open(dir, config(), |store| Ok::<_, Infallible>(store.len()))
}

pub(crate) fn note(body: &[u8]) -> NewEntry {
    NewEntry {
        body: Some(body.to_vec()),
        ..NewEntry::new(Kind::from_static("trace.note"))
    }
}

#[test]
fn what_was_appended_is_read_back_verified_and_exported() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    let trace = TraceId::new(2, [2; 10]);
    for round in 0..3000_u64 {
        ledger
            .call(move |count, draft| {
                *count += 1;
                draft.append(trace, note(&round.to_be_bytes())).unwrap();
                draft
                    .append(workspace(), NewEntry::new(Kind::from_static("member.added")))
                    .unwrap();
            })
            .unwrap();
    }
    let store = ledger.store().clone();
    assert_eq!(store.len(), 6000);
    let read = store.chain(trace.into(), 1500, 2).unwrap();
    assert_eq!(read[1].body, BodyState::Present(1501_u64.to_be_bytes().to_vec()));
    assert_eq!(read[1].entry.seq, 1501);
    assert_eq!(store.verify_chain(trace.into()).unwrap().entries, 3000);
    assert_eq!(store.verify_all().unwrap().entries, 6000);
    let signer = CheckpointSigner::from_seed(workspace(), &[7; 32]);
    let mut file = Vec::new();
    export::write(
        &store,
        trace,
        &[(ChainId::Workspace(workspace()), 5)],
        &[1, 1500],
        &signer,
        &mut file,
    )
    .unwrap();
    let verified = export::verify(file.as_slice()).unwrap();
    assert_eq!(verified.head.next_seq, 3000);
    assert_eq!(verified.context, 1);
    assert_eq!(verified.history.len(), 2);
    let root = store.root(6000).unwrap();
    drop(store);
    ledger.close().unwrap();
    let store = Store::open(dir.path(), workspace()).unwrap();
    assert_eq!(store.verify_all().unwrap().root, root);
}
