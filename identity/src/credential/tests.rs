use ed25519_dalek::SigningKey;
use vocabulary::{MemberId, Timestamp, WorkspaceId};

use super::*;
use crate::{Member, PasskeyKeyError, Seed, SignedRegistration};

fn workspace() -> WorkspaceId {
    WorkspaceId::new(1, [1; 10])
}

fn alice() -> (Seed, Member) {
    let seed = Seed::from_entropy([3; 32]);
    let registered = SignedRegistration::sign(
        &seed,
        MemberId::new(2, [2; 10]),
        "Alice".parse().unwrap(),
        "alice@example.com".parse().unwrap(),
        workspace(),
    );
    let member = registered.unwrap().verify(workspace()).unwrap();
    (seed, member)
}

fn passkey() -> Credential {
    let mut spki = vec![
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
    ];
    spki.extend_from_slice(SigningKey::from_bytes(&[9; 32]).verifying_key().as_bytes());
    Credential::Passkey(Passkey {
        id: Bytes::new(vec![7; 16]),
        public_key: Bytes::new(spki),
        rp_id: "localhost".to_owned(),
    })
}

fn touch_key() -> Credential {
    let line = include_str!("../touch_key/vectors/ed25519.pub");
    Credential::TouchKey(TouchKey::from_public_file(line).unwrap())
}

fn enrolment(credential: Credential) -> Enrolment {
    Enrolment {
        workspace: workspace(),
        member: MemberId::new(2, [2; 10]),
        credential,
        at: Timestamp::EPOCH,
    }
}

/// The texts that are signed, so that others can check them with their own tools, and so that no enrolment that was ever
/// recorded becomes unreadable.
#[test]
fn what_is_signed_is_fixed() {
    let (seed, _) = alice();
    for (credential, golden) in [
        (passkey(), include_str!("passkey.json")),
        (touch_key(), include_str!("touch_key.json")),
    ] {
        let signed = enrolment(credential).sign(&seed.decision_key()).unwrap();
        assert_eq!(serde_json::to_string_pretty(&signed).unwrap(), golden.trim_end());
    }
}

#[test]
fn a_credential_is_a_members_by_that_members_word_only() {
    let (seed, alice) = alice();
    for credential in [passkey(), touch_key()] {
        let enrolment = enrolment(credential);
        let signed = enrolment.sign(&seed.decision_key()).unwrap();
        assert_eq!(
            signed.verify(workspace(), |_| Some(&alice)),
            Ok(enrolment.clone())
        );
        let by_another = enrolment
            .sign(&Seed::from_entropy([4; 32]).decision_key())
            .unwrap();
        assert!(matches!(
            by_another.verify(workspace(), |_| Some(&alice)),
            Err(EnrolmentError::Signature { .. })
        ));
        assert!(matches!(
            signed.verify(WorkspaceId::new(9, [9; 10]), |_| Some(&alice)),
            Err(EnrolmentError::Workspace(_))
        ));
        assert!(matches!(
            signed.verify(workspace(), |_| None),
            Err(EnrolmentError::NoMember(_))
        ));
        let mut value = serde_json::to_value(&signed).unwrap();
        value["enrolment"] = serde_json::json!("{}");
        let forged: SignedEnrolment = serde_json::from_value(value).unwrap();
        assert!(matches!(
            forged.verify(workspace(), |_| Some(&alice)),
            Err(EnrolmentError::Malformed(_))
        ));
    }
}

#[test]
fn a_credential_that_is_of_no_use_is_not_taken_up_whoever_signs() {
    let (seed, alice) = alice();
    let useless = enrolment(Credential::Passkey(Passkey {
        id: Bytes::new(vec![1]),
        public_key: Bytes::new(vec![1; 91]),
        rp_id: "localhost".to_owned(),
    }));
    let signed = useless.sign(&seed.decision_key()).unwrap();
    assert_eq!(
        signed.verify(workspace(), |_| Some(&alice)),
        Err(EnrolmentError::Key(PasskeyKeyError))
    );
    let text = enrolment(touch_key())
        .sign(&seed.decision_key())
        .unwrap()
        .text()
        .to_owned();
    let plain = include_str!("../touch_key/vectors/plain.pub").trim_end();
    let plain = plain.strip_suffix(" alice").unwrap();
    let line = include_str!("../touch_key/vectors/ed25519.pub").trim_end();
    let other = text.replace(line.strip_suffix(" alice").unwrap(), plain);
    let both = enrolment(passkey())
        .sign(&seed.decision_key())
        .unwrap()
        .text()
        .to_owned();
    let (_, named) = text.split_once(r#""touch_key""#).unwrap();
    let both = both.replace(
        r#""version""#,
        &format!(
            r#""touch_key"{}"version""#,
            named.split_once(r#""version""#).unwrap().0
        ),
    );
    let neither = both
        .split_once(r#""passkey""#)
        .map(|(before, _)| format!(r#"{before}"version":1,"workspace":"{}"}}"#, workspace()))
        .unwrap();
    for odd in [other, both, neither] {
        assert_ne!(odd, text);
        for context in [
            "auditotter 2026 passkey enrolment v1",
            "auditotter 2026 touch key enrolment v1",
        ] {
            let signature = seed.decision_key().sign(context, odd.as_bytes());
            let signed: SignedEnrolment =
                serde_json::from_value(serde_json::json!({ "enrolment": odd, "signature": signature }))
                    .unwrap();
            let verified = signed.verify(workspace(), |_| Some(&alice));
            assert!(
                matches!(verified, Err(EnrolmentError::Malformed(_))),
                "{odd}: {verified:?}"
            );
        }
    }
}

/// Neither kind passes for the other.
#[test]
fn each_kind_is_signed_under_a_context_of_its_own() {
    let (seed, alice) = alice();
    for (credential, context) in [
        (passkey(), "auditotter 2026 touch key enrolment v1"),
        (touch_key(), "auditotter 2026 passkey enrolment v1"),
    ] {
        let text = enrolment(credential)
            .sign(&seed.decision_key())
            .unwrap()
            .text()
            .to_owned();
        let signature = seed.decision_key().sign(context, text.as_bytes());
        let crossed: SignedEnrolment =
            serde_json::from_value(serde_json::json!({ "enrolment": text, "signature": signature })).unwrap();
        assert!(matches!(
            crossed.verify(workspace(), |_| Some(&alice)),
            Err(EnrolmentError::Signature { .. })
        ));
    }
}
