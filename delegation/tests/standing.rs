//! Whether a good token is good now, here and in these hands: time, revocation, holder, proofs, witnesses.

use std::sync::Arc;

use curve25519_dalek::constants::EIGHT_TORSION;
use delegation::{
    AgentVerb, Authorized, Denial, Grant, HandshakeSubject, HolderKey, HolderPublicKey, Keyring,
    KeyringError, Revocations, TokenCache, VerifiedToken, WebRequestSubject, ends_authority, mint, verify,
    verify_witness,
};
use ed25519_dalek::VerifyingKey;
use vocabulary::{DelegationId, RequestId, SessionId, Timestamp, WorkspaceId};

use crate::{
    forge,
    world::{self, at, plain},
};

fn ask_at(token: &VerifiedToken, now: Timestamp, revoked: &Revocations) -> Result<Authorized, Denial> {
    let operation = plain(AgentVerb::AppendTraceNote);
    let holder = world::holder().public();
    let held = token.holding(world::session_id(), &holder, now, revoked);
    let asked = token.authorize(&operation, world::session_id(), &holder, now, revoked);
    assert_eq!(
        held.as_ref().err(),
        asked.as_ref().err(),
        "holding and authorizing agree"
    );
    asked
}

#[test]
fn a_session_ends_to_the_second_and_the_clock_that_decides_is_the_one_that_is_given() {
    let token = world::verified();
    let none = Revocations::default();
    let ended = Denial::SessionExpired {
        at: at(world::SESSION_ENDS),
    };
    let last = Timestamp::from_unix_micros(at(world::SESSION_ENDS).unix_micros() - 1).unwrap();
    assert!(ask_at(&token, last, &none).is_ok());
    for now in [
        world::SESSION_ENDS,
        world::SESSION_ENDS + 1,
        world::DELEGATION_ENDS - 1,
    ] {
        assert_eq!(ask_at(&token, at(now), &none).unwrap_err(), ended, "{now}");
    }
    // Nothing here reads a clock: asked with an earlier moment, the answer is that moment's. That time never goes
    // back is the hub's promise, which keeps the latest moment it has seen.
    assert!(ask_at(&token, at(0), &none).is_ok());
}

#[test]
fn a_session_cannot_outlive_its_delegation() {
    let mut narrowing = world::narrowing();
    narrowing.expires_at = at(world::DELEGATION_ENDS + 3600);
    let session = world::delegation().attenuate(&narrowing, [1; 32]).unwrap();
    let token = verify(session.as_str(), &world::keyring()).unwrap();
    assert_eq!(token.expires_at(), at(world::DELEGATION_ENDS));
    let none = Revocations::default();
    assert!(ask_at(&token, at(world::DELEGATION_ENDS - 1), &none).is_ok());
    let expired = Denial::Expired {
        delegation: world::grant().id,
        at: at(world::DELEGATION_ENDS),
    };
    assert_eq!(
        ask_at(&token, at(world::DELEGATION_ENDS), &none).unwrap_err(),
        expired
    );
}

#[test]
fn a_revoked_delegation_is_refused_on_the_next_call_with_all_its_sessions() {
    let token = world::verified();
    let mut revoked = Revocations::default();
    revoked.revoke_delegation(DelegationId::new(77, [7; 10]));
    assert!(ask_at(&token, at(0), &revoked).is_ok());
    revoked.revoke_delegation(world::grant().id);
    let delegation = world::grant().id;
    for entropy in 0..4 {
        let session = world::delegation().attenuate(&world::narrowing(), [entropy; 32]);
        let token = verify(session.unwrap().as_str(), &world::keyring()).unwrap();
        assert_eq!(
            ask_at(&token, at(0), &revoked).unwrap_err(),
            Denial::DelegationRevoked { delegation }
        );
    }
}

#[test]
fn a_revoked_session_is_refused_and_another_of_its_delegation_is_not() {
    let mut revoked = Revocations::default();
    revoked.revoke_session(SessionId::new(77, [7; 10]));
    assert!(ask_at(&world::verified(), at(0), &revoked).is_ok());
    revoked.revoke_session(world::session_id());
    let session = world::session_id();
    assert_eq!(
        ask_at(&world::verified(), at(0), &revoked).unwrap_err(),
        Denial::SessionRevoked { session }
    );
}

#[test]
fn each_block_can_be_revoked_by_its_identifier() {
    let session = world::session();
    let biscuit = biscuit_auth::Biscuit::from(forge::bytes(session.as_str()), world::library_key).unwrap();
    let identifiers = biscuit.revocation_identifiers();
    assert_eq!(identifiers.len(), 2);
    let delegation = world::grant().id;
    for (block, identifier) in identifiers.iter().enumerate() {
        let mut revoked = Revocations::default();
        revoked.revoke_block(identifier.clone());
        assert_eq!(
            ask_at(&world::verified(), at(0), &revoked).unwrap_err(),
            Denial::BlockRevoked { delegation, block }
        );
    }
    // The second block's is this token's alone.
    let mut revoked = Revocations::default();
    revoked.revoke_block(identifiers[1].clone());
    let sibling = world::delegation()
        .attenuate(&world::narrowing(), [77; 32])
        .unwrap();
    let sibling = verify(sibling.as_str(), &world::keyring()).unwrap();
    assert!(ask_at(&sibling, at(0), &revoked).is_ok());
}

#[test]
fn a_token_is_worth_nothing_in_another_session_or_with_another_key() {
    let token = world::verified();
    let none = Revocations::default();
    let operation = plain(AgentVerb::AppendTraceNote);
    let thief = HolderKey::from_entropy([0x66; 32]).public();
    let elsewhere = SessionId::new(99, [9; 10]);
    let ours = world::holder().public();
    for (session, holder) in [
        (world::session_id(), &thief),
        (elsewhere, &ours),
        (elsewhere, &thief),
    ] {
        let refused = token.authorize(&operation, session, holder, at(0), &none);
        assert_eq!(refused.unwrap_err(), Denial::HolderMismatch);
        let refused = token.holding(session, holder, at(0), &none);
        assert_eq!(refused.unwrap_err(), Denial::HolderMismatch);
    }
}

#[test]
fn a_handshake_holds_on_its_own_connection_and_nowhere_else() {
    let session = world::session();
    let token = world::verified();
    let subject = HandshakeSubject {
        workspace: world::workspace(),
        nonce: [1; 32],
        token: session.as_str(),
    };
    let proof = world::holder().sign_handshake(&subject).to_string();
    assert_eq!(token.check_handshake(&subject, &proof), Ok(()));
    let other_token = world::delegation()
        .attenuate(&world::narrowing(), [77; 32])
        .unwrap();
    let workspace = WorkspaceId::new(99, [9; 10]);
    for replayed in [
        HandshakeSubject {
            nonce: [2; 32],
            ..subject
        },
        HandshakeSubject { workspace, ..subject },
        HandshakeSubject {
            token: other_token.as_str(),
            ..subject
        },
    ] {
        assert_eq!(token.check_handshake(&replayed, &proof), Err(Denial::BadProof));
    }
    let thief = HolderKey::from_entropy([0x66; 32])
        .sign_handshake(&subject)
        .to_string();
    assert_eq!(token.check_handshake(&subject, &thief), Err(Denial::BadProof));
}

#[test]
fn a_requests_proof_holds_for_that_request_and_no_other() {
    let token = world::verified();
    let (request, digest) = (world::request_id(), [5; 32]);
    let proof = world::holder()
        .sign_request(world::session_id(), request, &digest)
        .to_string();
    assert_eq!(token.check_request(request, &digest, &proof), Ok(()));
    let other = RequestId::new(99, [9; 10]);
    let refused = Err(Denial::BadProof);
    assert_eq!(token.check_request(other, &digest, &proof), refused);
    assert_eq!(token.check_request(request, &[6; 32], &proof), refused);
    let elsewhere = world::holder()
        .sign_request(SessionId::new(99, [9; 10]), request, &digest)
        .to_string();
    assert_eq!(token.check_request(request, &digest, &elsewhere), refused);
}

#[test]
fn a_proof_over_http_holds_for_that_request_and_no_other() {
    let session = world::session();
    let token = world::verified();
    let subject = WebRequestSubject {
        workspace: world::workspace(),
        method: "POST",
        path: "/agents",
        nonce: [1; 32],
        token: session.as_str(),
        body: b"what is asked",
        attempt: world::request_id(),
    };
    let proof = world::holder().sign_web_request(&subject).to_string();
    assert_eq!(token.check_web_request(&subject, &proof), Ok(()));
    for other in [
        WebRequestSubject {
            workspace: WorkspaceId::new(99, [9; 10]),
            ..subject
        },
        WebRequestSubject {
            method: "PUT",
            ..subject
        },
        WebRequestSubject {
            path: "/mcp",
            ..subject
        },
        // Where one part ends and the next begins is not to be shifted.
        WebRequestSubject {
            method: "POST/agents",
            path: "",
            ..subject
        },
        WebRequestSubject {
            nonce: [2; 32],
            ..subject
        },
        WebRequestSubject {
            token: "another",
            ..subject
        },
        WebRequestSubject {
            body: b"what is not",
            ..subject
        },
        WebRequestSubject { body: b"", ..subject },
        WebRequestSubject {
            attempt: RequestId::new(99, [9; 10]),
            ..subject
        },
    ] {
        assert_eq!(
            token.check_web_request(&other, &proof),
            Err(Denial::BadProof),
            "{other:?}"
        );
    }
    // Nor does what was signed for another purpose.
    let handshake = world::holder().sign_handshake(&HandshakeSubject {
        workspace: subject.workspace,
        nonce: subject.nonce,
        token: subject.token,
    });
    let thief = HolderKey::from_entropy([0x66; 32]).sign_web_request(&subject);
    for proof in [handshake, thief] {
        assert_eq!(
            token.check_web_request(&subject, &proof.to_string()),
            Err(Denial::BadProof)
        );
    }
}

#[test]
fn a_proof_that_is_no_signature_is_refused() {
    let token = world::verified();
    let digest = [5; 32];
    let good = world::holder()
        .sign_request(world::session_id(), world::request_id(), &digest)
        .to_string();
    for bad in [
        "",
        "00",
        &good[2..],
        &format!("{good}00"),
        &"0".repeat(128),
        &"g".repeat(128),
    ] {
        let checked = token.check_request(world::request_id(), &digest, bad);
        assert_eq!(checked, Err(Denial::BadProof), "{bad}");
    }
    for position in 0..good.len() {
        let mut changed = good.clone().into_bytes();
        changed[position] = if changed[position] == b'0' { b'1' } else { b'0' };
        let changed = String::from_utf8(changed).unwrap();
        let checked = token.check_request(world::request_id(), &digest, &changed);
        assert_eq!(checked, Err(Denial::BadProof), "digit {position}");
    }
}

/// S + L verifies wherever S does, unless S has to be the least: a second proof of one request would be another
/// text for the same thing.
#[test]
fn a_proofs_signature_has_one_form() {
    const ORDER: [u8; 32] = [
        0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58, 0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14, 0, 0,
        0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x10,
    ];
    let digest = [5; 32];
    let good = world::holder()
        .sign_request(world::session_id(), world::request_id(), &digest)
        .to_string();
    let mut bytes: Vec<u8> = (0..64)
        .map(|at| u8::from_str_radix(&good[2 * at..2 * at + 2], 16).unwrap())
        .collect();
    let mut carry = 0_u16;
    for (byte, order) in bytes[32..].iter_mut().zip(ORDER) {
        let sum = u16::from(*byte) + u16::from(order) + carry;
        *byte = u8::try_from(sum & 0xff).unwrap();
        carry = sum >> 8;
    }
    let again: String = bytes.iter().map(|byte| format!("{byte:02x}")).collect();
    let checked = world::verified().check_request(world::request_id(), &digest, &again);
    assert_eq!(checked, Err(Denial::BadProof));
}

#[test]
fn a_holders_key_is_read_only_from_its_64_digits() {
    let key = world::holder().public();
    assert_eq!(key.to_string().parse(), Ok(key));
    for bad in ["", "00", &"0".repeat(64), &"z".repeat(64), &"02".repeat(32)] {
        assert!(bad.parse::<HolderPublicKey>().is_err(), "{bad}");
    }
}

#[test]
fn a_witness_proves_the_grant_and_authorizes_nothing() {
    let witness = world::delegation().witness([1; 32]).unwrap();
    assert_eq!(
        verify_witness(witness.as_str(), &world::keyring()),
        Ok(world::grant())
    );
    let refused = verify(witness.as_str(), &world::keyring()).unwrap_err();
    assert_eq!(refused, Denial::NotASessionToken { kind: "witness" });
}

#[test]
fn neither_a_delegation_nor_a_session_token_is_a_witness() {
    for text in [world::delegation().expose(), world::session().as_str()] {
        assert_eq!(
            verify_witness(text, &world::keyring()),
            Err(Denial::NotAWitness),
            "recording it would give its power to every reader"
        );
    }
}

#[test]
fn a_witness_in_alices_name_under_bobs_key_is_refused() {
    let bobs = mint(
        &world::root(world::BOB_SECRET),
        world::BOBS_NUMBER,
        &world::grant(),
        [9; 32],
    );
    let witness = bobs.unwrap().witness([1; 32]).unwrap();
    let delegation = world::grant().id;
    assert_eq!(
        verify_witness(witness.as_str(), &world::keyring()),
        Err(Denial::LenderMismatch { delegation })
    );
}

#[test]
fn a_cached_token_is_the_one_that_was_verified_and_refusals_are_not_kept() {
    let keyring = world::keyring();
    let mut cache = TokenCache::new(2);
    let session = world::session();
    let first = cache.verify(session.as_str(), &keyring).unwrap();
    let again = cache.verify(session.as_str(), &keyring).unwrap();
    assert!(Arc::ptr_eq(&first, &again));
    for _ in 0..8 {
        assert!(cache.verify(world::delegation().expose(), &keyring).is_err());
    }
    assert!(Arc::ptr_eq(
        &first,
        &cache.verify(session.as_str(), &keyring).unwrap()
    ));
    for entropy in 20..22 {
        let other = world::delegation().attenuate(&world::narrowing(), [entropy; 32]);
        cache.verify(other.unwrap().as_str(), &keyring).unwrap();
    }
    let anew = cache.verify(session.as_str(), &keyring).unwrap();
    assert!(!Arc::ptr_eq(&first, &anew), "the oldest made room");
    // A cached token is asked anew each time.
    let mut revoked = Revocations::default();
    assert!(ask_at(&anew, at(0), &revoked).is_ok());
    revoked.revoke_session(world::session_id());
    assert!(ask_at(&anew, at(0), &revoked).is_err());
}

#[test]
fn what_was_verified_by_a_key_that_is_gone_is_verified_no_more() {
    let mut keyring = world::keyring();
    let mut cache = TokenCache::new(2);
    let session = world::session();
    let first = cache.verify(session.as_str(), &keyring).unwrap();
    let mut others = keyring.clone();
    others.remove(world::bob());
    let anew = cache.verify(session.as_str(), &others).unwrap();
    assert!(!Arc::ptr_eq(&first, &anew));
    assert!(Arc::ptr_eq(
        &anew,
        &cache.verify(session.as_str(), &others).unwrap()
    ));
    keyring.remove(world::alice());
    assert!(matches!(
        cache.verify(session.as_str(), &keyring),
        Err(Denial::UnknownRootKey(_))
    ));
}

#[test]
fn a_keyring_takes_each_number_once_and_no_key_that_is_none() {
    let mut keyring = Keyring::default();
    let key = world::root(world::ALICE_SECRET).public();
    keyring.insert(1, world::alice(), &key).unwrap();
    assert_eq!(keyring.insert(1, world::bob(), &key), Err(KeyringError::Taken(1)));
    assert_eq!(keyring.member(1), Some(world::alice()));
    assert_eq!(keyring.number_of(world::alice()), Some(1));
    assert_eq!(keyring.number_of(world::bob()), None);
    let no_point = [2; 32];
    let neutral = std::array::from_fn(|byte| u8::from(byte == 0));
    // Some would take its signatures, and some would not.
    let bent = VerifyingKey::from_bytes(&key).unwrap().to_edwards() + EIGHT_TORSION[1];
    for key in [no_point, neutral, bent.compress().to_bytes()] {
        assert_eq!(
            keyring.insert(2, world::bob(), &key),
            Err(KeyringError::NotAKey(world::bob()))
        );
    }
}

#[test]
fn what_ends_a_delegation_is_told_apart_from_what_a_renewal_mends() {
    for code in [
        "delegation_revoked",
        "session_revoked",
        "block_revoked",
        "expired",
    ] {
        assert!(ends_authority(code), "{code}");
    }
    for code in [
        "session_expired",
        "holder_mismatch",
        "verb_not_lent",
        "",
        "Expired",
    ] {
        assert!(!ends_authority(code), "{code}");
    }
}

#[test]
fn no_secret_is_in_what_is_printed_of_a_token() {
    let (delegation, session) = (world::delegation(), world::session());
    let Grant { id, .. } = world::grant();
    assert_eq!(format!("{delegation:?}"), format!("DelegationToken({id})"));
    assert_eq!(
        format!("{session:?}"),
        format!("SessionToken({})", world::verified().digest())
    );
    assert_eq!(format!("{:?}", world::root(world::ALICE_SECRET)), "RootKey(..)");
    let holder = world::holder();
    assert_eq!(format!("{holder:?}"), format!("HolderKey({})", holder.public()));
}
