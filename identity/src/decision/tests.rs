use proptest::prelude::*;
use serde_json::{Value, json};

use super::*;
use crate::{Passkey, Seed, SignedRegistration};

fn alice() -> (Seed, Member) {
    let seed = Seed::from_entropy([3; 32]);
    let workspace = WorkspaceId::new(1, [1; 10]);
    let registered = SignedRegistration::sign(
        &seed,
        MemberId::new(2, [2; 10]),
        "Alice".parse().unwrap(),
        "alice@example.com".parse().unwrap(),
        workspace,
    );
    let member = registered.unwrap().verify(workspace).unwrap();
    (seed, member)
}

const fn holder(member: &Member) -> Signer<'_> {
    Signer {
        member,
        credentials: &[],
    }
}

fn decision() -> Decision {
    Decision {
        workspace: WorkspaceId::new(1, [1; 10]),
        verb: HumanVerb::Approve,
        subject: Subject::WorkItem {
            id: WorkItemId::new(3, [3; 10]),
            policy: Digest::from_bytes([5; 32]),
            risk: Risk::Low,
        },
        subject_digest: Digest::of_subject(b"Fix the password reset bug"),
        rationale: Some("The fix is small,\nand the test shows it.".parse().unwrap()),
        member: MemberId::new(2, [2; 10]),
        challenge: Challenge::from_entropy([6; 16]),
        history: History {
            size: 7,
            root: Digest::from_bytes([8; 32]),
        },
        at: "2026-11-21T02:27:37.000000Z".parse().unwrap(),
        tier: Tier::T0,
    }
}

/// What is signed is this text after the context and a zero byte, so that others can check it with their own tools.
#[test]
fn what_is_signed_is_fixed() {
    let (seed, _) = alice();
    let signed = decision().sign(&seed.decision_key()).unwrap();
    assert_eq!(signed.text(), include_str!("decision.json").trim_end());
    assert_eq!(
        serde_json::to_string_pretty(&signed).unwrap(),
        include_str!("signed.json").trim_end()
    );
}

#[test]
fn a_decision_holds_for_its_member_and_workspace() {
    let (seed, member) = alice();
    let signed = decision().sign(&seed.decision_key()).unwrap();
    let verified = signed
        .verify(member_workspace(), |_| Some(holder(&member)))
        .unwrap();
    assert_eq!(verified.into_inner(), decision());
    let elsewhere = WorkspaceId::new(9, [9; 10]);
    assert!(matches!(
        signed.verify(elsewhere, |_| Some(holder(&member))),
        Err(DecisionError::Workspace { .. })
    ));
    assert!(matches!(
        signed.verify(member_workspace(), |_| None),
        Err(DecisionError::NoMember(_))
    ));
    let mut bob = member;
    bob.id = MemberId::new(4, [4; 10]);
    assert!(matches!(
        signed.verify(member_workspace(), |_| Some(holder(&bob))),
        Err(DecisionError::NoMember(_))
    ));
}

fn member_workspace() -> WorkspaceId {
    WorkspaceId::new(1, [1; 10])
}

#[test]
fn neither_the_delegation_key_nor_anybody_elses_decides() {
    let (seed, member) = alice();
    let own = seed.decision_key();
    let other = Seed::from_entropy([4; 32]).decision_key();
    let signed = decision().sign(&other).unwrap();
    assert!(matches!(
        signed.verify(member_workspace(), |_| Some(holder(&member))),
        Err(DecisionError::Signature { .. })
    ));
    let lends = Member {
        decision_key: member.delegation_key,
        ..member
    };
    let signed = decision().sign(&own).unwrap();
    assert!(matches!(
        signed.verify(member_workspace(), |_| Some(holder(&lends))),
        Err(DecisionError::Signature { .. })
    ));
}

#[test]
fn a_registration_is_no_decision() {
    let (seed, member) = alice();
    let text = decision().sign(&seed.decision_key()).unwrap().decision;
    let borrowed = SignedDecision {
        signature: Proof::Key(
            seed.decision_key()
                .sign("auditotter 2026 member registration v1", text.as_bytes()),
        ),
        decision: text,
    };
    assert!(matches!(
        borrowed.verify(member_workspace(), |_| Some(holder(&member))),
        Err(DecisionError::Signature { .. })
    ));
}

#[test]
fn no_word_of_it_can_be_changed_afterwards() {
    let (seed, member) = alice();
    let signed = decision().sign(&seed.decision_key()).unwrap();
    let said: Value = serde_json::from_str(signed.text()).unwrap();
    for (name, forged) in [
        ("verb", json!("reject")),
        ("subject", json!(WorkItemId::new(5, [5; 10]))),
        ("subject_digest", json!(Digest::of_subject(b"something else"))),
        ("policy_digest", json!(Digest::from_bytes([9; 32]))),
        ("risk", json!("critical")),
        ("rationale", json!("whatever")),
        ("challenge", json!(Challenge::from_entropy([7; 16]))),
        ("ledger_size", json!(8)),
        ("ledger_root", json!(Digest::from_bytes([9; 32]))),
        ("at", json!("2026-11-21T02:27:38.000000Z")),
    ] {
        let mut value = said.clone();
        assert_ne!(value[name], forged);
        value[name] = forged;
        let forged = SignedDecision {
            decision: serde_json_canonicalizer::to_string(&value).unwrap(),
            signature: signed.signature.clone(),
        };
        assert!(
            matches!(
                forged.verify(member_workspace(), |_| Some(holder(&member))),
                Err(DecisionError::Signature { .. })
            ),
            "{name}"
        );
    }
}

#[test]
fn a_text_that_is_not_the_one_text_of_its_decision_is_refused_whoever_signs_it() {
    let (seed, member) = alice();
    let text = decision().sign(&seed.decision_key()).unwrap().decision;
    let twice = text.replacen('{', r#"{"verb":"reject","#, 1);
    let surplus = text.replacen('{', r#"{"also":1,"#, 1);
    let newer = text.replace(r#""version":1"#, r#""version":2"#);
    let other_tier = text.replace(r#""tier":"T0""#, r#""tier":"T9""#);
    let of_nobody = text.replace(r#""verb":"approve""#, r#""verb":"grant_access""#);
    let unjudged = text.replace(r#""risk":"low","#, "");
    let nobodys = text.replace(r#""verb":"approve""#, r#""verb":"propose_work_item""#);
    let mut refused = 0;
    for odd in [
        format!(" {text}"),
        format!("{text}\n"),
        twice,
        surplus,
        newer,
        other_tier,
        nobodys,
        of_nobody,
        unjudged,
        String::new(),
    ] {
        assert_ne!(odd, text);
        let signed = SignedDecision {
            signature: Proof::Key(seed.decision_key().sign(CONTEXT, odd.as_bytes())),
            decision: odd.clone(),
        };
        let verified = signed.verify(member_workspace(), |_| Some(holder(&member)));
        assert!(
            matches!(
                verified,
                Err(DecisionError::Malformed(_) | DecisionError::NotCanonical)
            ),
            "{odd}: {verified:?}"
        );
        refused += 1;
    }
    assert_eq!(refused, 10);
}

#[test]
fn a_rationale_reads_as_it_is_shown() {
    for bad in ["", "  ", "a\u{202e}b", "a\u{1b}[2J", &"x".repeat(2_001)] {
        assert_eq!(bad.parse::<Rationale>(), Err(RationaleError), "{bad:?}");
    }
    assert_eq!(
        " two\nlines ".parse::<Rationale>().unwrap().to_string(),
        "two\nlines"
    );
}

/// A passkey made of software, and what a browser would make of it.
fn touched(text: &str, rp_id: &str, flags: u8) -> (Passkey, Assertion) {
    use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
    use ed25519_dalek::{Signer as _, SigningKey};

    let key = SigningKey::from_bytes(&[9; 32]);
    let mut spki = vec![
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
    ];
    spki.extend_from_slice(key.verifying_key().as_bytes());
    let passkey = Passkey {
        id: crate::Bytes::new(vec![1]),
        public_key: crate::Bytes::new(spki),
        rp_id: rp_id.to_owned(),
    };
    let challenge = URL_SAFE_NO_PAD.encode(touch_challenge(text));
    let client =
        format!(r#"{{"type":"webauthn.get","challenge":"{challenge}","origin":"http://{rp_id}:7687"}}"#);
    let device = [&Sha256::digest(rp_id)[..], &[flags, 0, 0, 0, 0]].concat();
    let signature = key.sign(&[device.as_slice(), &Sha256::digest(&client)].concat());
    let assertion = Assertion {
        credential: passkey.id.clone(),
        authenticator_data: crate::Bytes::new(device),
        client_data: crate::Bytes::new(client.into_bytes()),
        signature: crate::Bytes::new(signature.to_vec()),
    };
    (passkey, assertion)
}

#[test]
fn a_touch_signs_the_decision_that_it_was_asked_for_and_no_other() {
    let (seed, member) = alice();
    let by_touch = Decision {
        tier: Tier::T1,
        ..decision()
    };
    let text = by_touch.text().unwrap();
    let (passkey, assertion) = touched(&text, "localhost", 0x05);
    let credentials = [Credential::Passkey(passkey)];
    let signer = Signer {
        member: &member,
        credentials: &credentials,
    };
    let signed = SignedDecision::touched(text.clone(), assertion.clone());
    let again: SignedDecision = serde_json::from_str(&serde_json::to_string(&signed).unwrap()).unwrap();
    let verified = again.verify(member_workspace(), |_| Some(signer)).unwrap();
    assert_eq!(verified.into_inner(), by_touch);

    // Somebody else's passkey, and somebody who was not verified.
    assert_eq!(
        signed
            .verify(member_workspace(), |_| Some(holder(&member)))
            .unwrap_err(),
        DecisionError::NoPasskey(member.id)
    );
    let (_, unverified) = touched(&text, "localhost", 0x01);
    assert!(matches!(
        SignedDecision::touched(text, unverified).verify(member_workspace(), |_| Some(signer)),
        Err(DecisionError::Touch {
            source: AssertionError::NotVerified,
            ..
        })
    ));
    // The same touch under another decision.
    let other = Decision {
        verb: HumanVerb::Reject,
        ..by_touch.clone()
    };
    let borrowed = SignedDecision::touched(other.text().unwrap(), assertion);
    assert!(matches!(
        borrowed.verify(member_workspace(), |_| Some(signer)),
        Err(DecisionError::Touch {
            source: AssertionError::Challenge,
            ..
        })
    ));
    // A touch passes for a passphrase as little as the reverse.
    let called_t0 = decision().text().unwrap();
    let (_, assertion) = touched(&called_t0, "localhost", 0x05);
    let signed = SignedDecision::touched(called_t0, assertion);
    assert_eq!(
        signed.verify(member_workspace(), |_| Some(signer)).unwrap_err(),
        DecisionError::Tier(Tier::T0)
    );
    let called_t1 = by_touch.sign(&seed.decision_key()).unwrap();
    assert_eq!(
        called_t1
            .verify(member_workspace(), |_| Some(signer))
            .unwrap_err(),
        DecisionError::Tier(Tier::T1)
    );
}

/// Against what `ssh-keygen` made of the same decision.
#[test]
fn a_touch_key_signs_the_decision_that_it_was_asked_for_and_no_other() {
    let (seed, member) = alice();
    let key = |line: &str| Credential::TouchKey(crate::TouchKey::from_public_file(line).unwrap());
    let credentials = [key(include_str!("../touch_key/vectors/ed25519.pub"))];
    let others = [key(include_str!("../touch_key/vectors/p256.pub"))];
    let signature = |armoured: &str| TouchSignature {
        ssh_signature: armoured.to_owned(),
    };
    let held = signature(include_str!("../touch_key/vectors/ed25519.sig"));
    let signer = |credentials| {
        let member = &member;
        Signer { member, credentials }
    };
    let by_touch = Decision {
        tier: Tier::T1,
        ..decision()
    };
    let text = by_touch.text().unwrap();
    assert_eq!(
        text,
        include_str!("../touch_key/vectors/decision.json").trim_end()
    );
    let signed = SignedDecision::by_touch_key(text.clone(), held.clone());
    let again: SignedDecision = serde_json::from_str(&serde_json::to_string(&signed).unwrap()).unwrap();
    assert_eq!(again, signed);
    let verified = again
        .verify(member_workspace(), |_| Some(signer(&credentials)))
        .unwrap();
    assert_eq!(verified.into_inner(), by_touch);

    // Another's touch key, and one that is nobody's.
    assert_eq!(
        signed
            .verify(member_workspace(), |_| Some(signer(&others)))
            .unwrap_err(),
        DecisionError::NoTouchKey(member.id)
    );
    // One whose device did not verify who touched it, although it is the member's.
    let unverified = SignedDecision::by_touch_key(
        text,
        signature(include_str!("../touch_key/vectors/unverified.sig")),
    );
    let weaker = [key(include_str!("../touch_key/vectors/unverified.pub"))];
    assert!(matches!(
        unverified.verify(member_workspace(), |_| Some(signer(&weaker))),
        Err(DecisionError::TouchKey {
            source: TouchSignatureError::NotVerified,
            ..
        })
    ));
    // The same signature under another decision, and under one that says it took a passphrase.
    let other = Decision {
        verb: HumanVerb::Reject,
        ..by_touch.clone()
    };
    let borrowed = SignedDecision::by_touch_key(other.text().unwrap(), held.clone());
    assert!(matches!(
        borrowed.verify(member_workspace(), |_| Some(signer(&credentials))),
        Err(DecisionError::TouchKey {
            source: TouchSignatureError::Signature,
            ..
        })
    ));
    let called_t0 = SignedDecision::by_touch_key(decision().text().unwrap(), held);
    assert_eq!(
        called_t0
            .verify(member_workspace(), |_| Some(signer(&credentials)))
            .unwrap_err(),
        DecisionError::Tier(Tier::T0)
    );
    let called_t1 = by_touch.sign(&seed.decision_key()).unwrap();
    assert_eq!(
        called_t1
            .verify(member_workspace(), |_| Some(signer(&credentials)))
            .unwrap_err(),
        DecisionError::Tier(Tier::T1)
    );
}

proptest! {
    #[test]
    fn no_text_makes_reading_panic(text: String) {
        let _ = Words::read(&text);
    }

    #[test]
    fn a_decision_about_a_member_or_an_entry_reads_back_as_itself(id: [u8; 10], seq in 0_u64..1 << 53) {
        let member = Subject::Member(MemberId::new(1, id));
        let entry = Subject::Entry { trace: TraceId::new(1, id), seq };
        for (verb, subject) in [
            (HumanVerb::GrantAccess, member),
            (HumanVerb::RevokeMember, member),
            (HumanVerb::EraseBody, entry),
        ] {
            let said = Decision { verb, subject, ..decision() };
            prop_assert_eq!(Words::read(&Words::from(&said).text().unwrap()), Ok(said));
        }
    }

    #[test]
    fn a_decision_on_a_change_reads_back_as_itself(id: [u8; 10], tree in "[0-9a-f]{40}|[0-9a-f]{64}", approve: bool) {
        let subject = Subject::Change {
            id: WorkItemId::new(1, id),
            tree: tree.parse().unwrap(),
            policy: Digest::from_bytes([5; 32]),
            risk: Risk::High,
        };
        let verb = if approve { HumanVerb::Approve } else { HumanVerb::Reject };
        let said = Decision { verb, subject, ..decision() };
        prop_assert_eq!(Words::read(&Words::from(&said).text().unwrap()), Ok(said));
    }

    #[test]
    fn every_decision_reads_back_as_itself(size in 0_u64..1 << 53, root: [u8; 32], why in proptest::option::of("[a-zé \\n]{1,40}")) {
        let mut said = decision();
        said.history = History { size, root: Digest::from_bytes(root) };
        said.rationale = why.and_then(|why| why.parse().ok());
        prop_assert_eq!(Words::read(&Words::from(&said).text().unwrap()), Ok(said));
    }
}

/// Others make the same digest with their own tools: it is BLAKE3 `derive_key` over the two digests, one after the other.
#[test]
fn the_digest_of_a_subject_with_evidence_is_fixed() {
    let subject = Digest::of_subject(b"Fix the password reset bug");
    let evidence = Digest::of_subject(b"review passed");
    let both = subject.with_evidence(&evidence);
    assert_eq!(
        both.to_string(),
        "3a3b8e6dab489af109089710564d886b78417a3c8fb8b652f0938ef7180fee2b"
    );
    assert_ne!(both, evidence.with_evidence(&subject), "the order counts");
}

/// What a member signs where a change is to land: written once, verified for years.
#[test]
fn the_text_of_a_decision_on_a_change_is_fixed() {
    let said = Decision {
        subject: Subject::Change {
            id: WorkItemId::new(3, [3; 10]),
            tree: "7e".repeat(20).parse().unwrap(),
            policy: Digest::from_bytes([5; 32]),
            risk: Risk::Low,
        },
        ..decision()
    };
    let golden = include_str!("change.json").trim_end();
    assert_eq!(said.text().unwrap(), golden);
    let on_the_work = Decision {
        subject: Subject::WorkItem {
            id: WorkItemId::new(3, [3; 10]),
            policy: Digest::from_bytes([5; 32]),
            risk: Risk::Low,
        },
        ..decision()
    };
    let borrowed = on_the_work.text().unwrap();
    assert_ne!(
        borrowed, golden,
        "that work may begin does not say that a change may land"
    );
}

#[test]
fn only_a_full_tree_is_decided_on_and_only_approved_or_rejected() {
    let id = WorkItemId::new(3, [3; 10]);
    let text = Words::from(&decision()).text().unwrap();
    let with = |subject: &str, verb: &str| {
        let text = text.replace(&format!("\"{id}\""), &format!("\"{subject}\""));
        Words::read(&text.replace("\"approve\"", &format!("\"{verb}\"")))
    };
    let tree = "7e".repeat(20);
    assert!(with(&format!("{id}@{tree}"), "approve").is_ok());
    assert!(with(&format!("{id}@{tree}"), "reject").is_ok());
    for subject in [
        format!("{id}@HEAD"),
        format!("{id}@"),
        format!("@{tree}"),
        format!("{id}@{tree}@{tree}"),
    ] {
        assert!(with(&subject, "approve").is_err(), "{subject}");
    }
    for verb in ["attest_deploy", "grant_access", "revoke_member", "erase_body"] {
        assert!(with(&format!("{id}@{tree}"), verb).is_err(), "{verb}");
    }
}
