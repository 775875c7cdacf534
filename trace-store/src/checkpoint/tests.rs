use super::*;

/// The example of <https://c2sp.org/signed-note>.
const VKEY: &str = "AekyeRrm56hApGFkyQR4ZCbV54Id2LKaANYcrnKv3U2k";
const NOTE: &str = "This is an example message.\n\n\u{2014} example.com/foo Uw2QOkn8srV1yJGh2VYRlL1Tnagv1YEq6TfXppzi2ONncAlTgK7Ztg1ERYNZXsYjOBH3mFXmRKuwHjG1Yu72IneyaQM=\n";

fn workspace() -> WorkspaceId {
    WorkspaceId::new(1, [1; 10])
}

fn signer() -> CheckpointSigner {
    CheckpointSigner::from_seed(workspace(), &[7; 32])
}

fn root() -> TreeHash {
    TreeHash::from_bytes([5; 32])
}

#[test]
fn the_specifications_note_verifies_under_its_key_and_the_key_has_its_name() {
    let typed = STANDARD.decode(VKEY).unwrap();
    let key =
        CheckpointVerifier::named("example.com/foo".to_owned(), &typed[1..].try_into().unwrap()).unwrap();
    assert_eq!(key.vkey(), format!("example.com/foo+530d903a+{VKEY}"));
    assert_eq!(key.verify_text(NOTE), Ok("This is an example message.\n"));
}

#[test]
fn a_checkpoint_is_the_text_that_the_specification_draws() {
    let origin = format!("auditotter/{}", workspace());
    let note = signer().sign(20_852_163, root());
    let expected = format!(
        "{origin}\n20852163\n{}\n\n\u{2014} {origin} ",
        STANDARD.encode([5; 32])
    );
    assert!(note.starts_with(&expected), "{note}");
    let said = signer().verifier().verify(&note).unwrap();
    assert_eq!(
        said,
        Checkpoint {
            origin,
            size: 20_852_163,
            root: root()
        }
    );
}

#[test]
fn every_changed_byte_of_a_checkpoint_is_refused() {
    let note = signer().sign(3, root());
    for position in 0..note.len() {
        let mut changed = note.clone().into_bytes();
        changed[position] ^= 1;
        if let Ok(changed) = String::from_utf8(changed) {
            assert!(signer().verifier().verify(&changed).is_err(), "byte {position}");
        }
    }
}

#[test]
fn signatures_of_others_are_ignored_and_ours_is_needed() {
    let note = signer().sign(3, root());
    let cosigned = format!("{note}\u{2014} witness.example AAAAAAAA\n");
    assert_eq!(signer().verifier().verify(&cosigned).unwrap().size, 3);
    let other = CheckpointSigner::from_seed(workspace(), &[8; 32]);
    assert_eq!(other.verifier().verify(&note), Err(CheckpointError::Unsigned));
    let forged = note.replace("\n3\n", "\n4\n");
    assert_eq!(
        signer().verifier().verify(&forged),
        Err(CheckpointError::Signature)
    );
}

#[test]
fn another_workspaces_checkpoint_is_refused_even_under_the_same_key() {
    let elsewhere = CheckpointSigner::from_seed(WorkspaceId::new(2, [2; 10]), &[7; 32]);
    let note = elsewhere.sign(3, root());
    assert_eq!(signer().verifier().verify(&note), Err(CheckpointError::Unsigned));
}
