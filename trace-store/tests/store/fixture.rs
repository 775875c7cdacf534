//! A ledger in which nothing is left to chance.

use std::{convert::Infallible, path::Path};

use trace_store::{
    ChainId, CheckpointSigner, Config, Kind, Ledger, NewEntry, OpenError, Refs, Store, Via, export,
};
use vocabulary::{DelegationId, MemberId, Timestamp, TraceId, WorkspaceId};

pub(crate) fn workspace() -> WorkspaceId {
    WorkspaceId::new(1_795_000_000_000, [1; 10])
}

pub(crate) fn trace(number: u8) -> TraceId {
    TraceId::new(1_795_000_000_000, [number; 10])
}

pub(crate) fn signer() -> CheckpointSigner {
    CheckpointSigner::from_seed(workspace(), &[7; 32])
}

/// The clock stands still, and salts count up.
pub(crate) fn config() -> Config {
    let mut salts = 0_u8;
    Config {
        workspace: workspace(),
        clock: Box::new(|| "2026-11-21T02:27:37.000000Z".parse::<Timestamp>().unwrap()),
        entropy: Box::new(move |bytes| {
            salts = salts.wrapping_add(1);
            bytes.fill(salts);
        }),
    }
}

/// A ledger whose state is how many entries it has.
pub(crate) fn open(dir: &Path) -> Result<Ledger<u64>, OpenError> {
    Ledger::open(dir, config(), |store: &Store| Ok::<_, Infallible>(store.len()))
}

pub(crate) fn note(body: &[u8]) -> NewEntry {
    NewEntry {
        body: Some(body.to_vec()),
        ..NewEntry::new(Kind::from_static("trace.note"))
    }
}

/// What one short session leaves, with every kind of field, a body that was erased, and an empty one.
pub(crate) fn session(dir: &Path) -> Ledger<u64> {
    let ledger = open(dir).unwrap();
    ledger
        .call(|count, draft| {
            let member = MemberId::new(1, [2; 10]);
            let delegation = DelegationId::new(2, [3; 10]);
            let called = NewEntry {
                on_behalf_of: Some(member),
                via: Some(Via::new("claude-code", Some("2.1.197"), Some("se-1")).unwrap()),
                delegation: Some(delegation),
                refs: Refs::new().with("tool", "append_trace_note").unwrap(),
                ..NewEntry::new(Kind::from_static("tool.called"))
            };
            let added = NewEntry {
                refs: Refs::new()
                    .with("member", member)
                    .unwrap()
                    .with("name", "Alice \"A\"\n\u{1}é")
                    .unwrap(),
                ..NewEntry::new(Kind::from_static("member.added"))
            };
            draft.append(workspace(), added).unwrap();
            draft
                .append(workspace(), NewEntry::new(Kind::from_static("delegation.minted")))
                .unwrap();
            draft
                .append(trace(1), NewEntry::new(Kind::from_static("session.started")))
                .unwrap();
            let call = |body: &[u8]| NewEntry {
                body: Some(body.to_vec()),
                ..called.clone()
            };
            draft
                .append(trace(1), call(b"{\"text\":\"fix the password reset bug\"}"))
                .unwrap();
            draft
                .append(trace(2), NewEntry::new(Kind::from_static("session.started")))
                .unwrap();
            draft.append(trace(1), call(b"a secret that slipped in")).unwrap();
            draft.append(trace(1), call(b"")).unwrap();
            *count += 7;
        })
        .unwrap();
    ledger
        .call(|count, draft| {
            draft.erase_body(trace(1), 2).unwrap();
            draft
                .append(workspace(), NewEntry::new(Kind::from_static("body.erased")))
                .unwrap();
            draft
                .append(trace(1), NewEntry::new(Kind::from_static("session.ended")))
                .unwrap();
            *count += 2;
        })
        .unwrap();
    ledger
}

/// That session as an export.
pub(crate) fn exported() -> Vec<u8> {
    let dir = tempfile::tempdir().unwrap();
    let ledger = session(dir.path());
    let context: Vec<_> = (0..3).map(|seq| (ChainId::Workspace(workspace()), seq)).collect();
    let mut file = Vec::new();
    export::write(ledger.store(), trace(1), &context, &[], &signer(), &mut file).unwrap();
    ledger.close().unwrap();
    file
}
