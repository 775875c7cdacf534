//! An export cannot be changed or shortened without its verifier saying so.

use proptest::prelude::*;
use trace_store::{
    ChainId, CheckpointSigner, Kind, NewEntry,
    export::{self, ExportError, VerifyError, WhyNot},
};

use crate::fixture::{exported, note, open, session, signer, trace, workspace};

#[test]
fn an_export_cut_at_any_length_is_unreadable_and_not_taken_for_a_shorter_one() {
    let file = exported();
    for length in 0..file.len() {
        let cut = export::verify(&file[..length]);
        assert!(
            matches!(cut, Err(VerifyError::Unreadable { .. })),
            "cut at {length}: {cut:?}"
        );
    }
}

#[test]
fn every_changed_byte_of_an_export_is_caught() {
    let file = exported();
    for position in 0..file.len() {
        for change in [0x01, 0x20, 0x80] {
            let mut changed = file.clone();
            changed[position] ^= change;
            let verified = export::verify(changed.as_slice());
            assert!(verified.is_err(), "byte {position} ^ {change:#x} was not noticed");
        }
    }
}

#[test]
fn a_trace_whose_last_entries_are_left_out_is_caught_although_every_line_holds() {
    let file = String::from_utf8(exported()).unwrap();
    let mut lines: Vec<&str> = file.split_inclusive('\n').collect();
    lines.remove(5);
    let header = lines[0].replace(r#""trace":5"#, r#""trace":4"#);
    assert_ne!(header, lines[0]);
    lines[0] = &header;
    let error = export::verify(lines.concat().as_bytes()).unwrap_err();
    assert!(
        matches!(error, VerifyError::DoesNotHold { line: 9, .. }),
        "{error}"
    );
}

#[test]
fn an_export_of_another_hub_says_so_by_its_key() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    ledger
        .call(|_, draft| draft.append(trace(1), note(b"x")).unwrap().seq)
        .unwrap();
    let other = CheckpointSigner::from_seed(workspace(), &[8; 32]);
    let mut file = Vec::new();
    export::write(ledger.store(), trace(1), &[], &[], &other, &mut file).unwrap();
    let verified = export::verify(file.as_slice()).unwrap();
    assert_eq!(&verified.hub_key, other.verifier());
    assert_ne!(&verified.hub_key, signer().verifier());
}

#[test]
fn exporting_what_is_not_there_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path()).unwrap();
    let mut file = Vec::new();
    let error = export::write(ledger.store(), trace(1), &[], &[], &signer(), &mut file).unwrap_err();
    assert!(matches!(error, ExportError::NoTrace(id) if id == trace(1)));
    ledger
        .call(|_, draft| {
            draft
                .append(trace(1), NewEntry::new(Kind::from_static("session.started")))
                .unwrap()
                .seq
        })
        .unwrap();
    let context = [(ChainId::Workspace(workspace()), 4)];
    let error = export::write(ledger.store(), trace(1), &context, &[], &signer(), &mut file).unwrap_err();
    assert!(matches!(error, ExportError::NoEntry { seq: 4, .. }));
    assert!(file.is_empty());
}

#[test]
fn every_earlier_state_of_a_ledger_is_proved_and_no_other() {
    let dir = tempfile::tempdir().unwrap();
    let ledger = session(dir.path());
    let size = ledger.store().len();
    let sizes: Vec<u64> = (0..=size).collect();
    let mut file = Vec::new();
    export::write(ledger.store(), trace(1), &[], &sizes, &signer(), &mut file).unwrap();
    let verified = export::verify(file.as_slice()).unwrap();
    let roots = sizes.iter().map(|&size| ledger.store().root(size).unwrap());
    let said: Vec<_> = verified
        .history
        .iter()
        .map(|past| (past.size, past.root))
        .collect();
    assert_eq!(said, sizes.iter().copied().zip(roots).collect::<Vec<_>>());

    let text = String::from_utf8(file).unwrap();
    for past in &verified.history[1..] {
        let root = past.root.to_string();
        let turned = if root.starts_with('0') { "1" } else { "0" };
        let forged = text.replacen(
            &format!(r#""root":"{root}""#),
            &format!(r#""root":"{turned}{}""#, &root[1..]),
            1,
        );
        assert_ne!(forged, text);
        let error = export::verify(forged.as_bytes()).unwrap_err();
        assert!(
            matches!(&error, VerifyError::DoesNotHold { line: 1, why, .. } if matches!(**why, WhyNot::History(_))),
            "{error}"
        );
    }
    let beyond = export::write(
        ledger.store(),
        trace(1),
        &[],
        &[size + 1],
        &signer(),
        &mut Vec::new(),
    );
    assert!(matches!(beyond, Err(ExportError::Read(_))), "{beyond:?}");
    ledger.close().unwrap();
}

proptest! {
    #[test]
    fn no_bytes_make_the_verifier_panic(bytes in proptest::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(export::verify(bytes.as_slice()).is_err());
    }

    #[test]
    fn two_exchanged_lines_are_caught(a in 1_usize..9, b in 1_usize..9) {
        prop_assume!(a != b);
        let file = String::from_utf8(exported()).unwrap();
        let mut lines: Vec<&str> = file.split_inclusive('\n').collect();
        lines.swap(a, b);
        prop_assert!(export::verify(lines.concat().as_bytes()).is_err());
    }
}
