//! The chain of signatures, against the library's own check of it and against what checking all at once could miss.

use biscuit_auth::{
    Biscuit,
    format::schema::{self, proof},
};
use delegation::{Denial, verify, verify_witness};
use proptest::prelude::*;
use prost::Message as _;

use crate::{forge, world};

/// Tokens of every kind that a chain can have: lengths, ends, and both ways in which blocks are signed.
fn tokens() -> Vec<schema::Biscuit> {
    let session = world::session().as_str().to_owned();
    let said = forge::blocks_of(&session);
    // Names that an earlier block has written down are not written again.
    let again = schema::Block {
        symbols: Vec::new(),
        ..said[1].clone()
    };
    let blocks: Vec<Vec<u8>> = said.iter().map(schema::Block::encode_to_vec).collect();
    let twice = [blocks[0].clone(), blocks[1].clone(), again.encode_to_vec()];
    let texts = [
        session,
        world::delegation().expose().to_owned(),
        world::delegation().witness([1; 32]).unwrap().as_str().to_owned(),
        forge::appended(&[&forge::session_code(), &forge::session_code()]),
    ];
    let read = |text: &String| schema::Biscuit::decode(forge::bytes(text).as_slice()).unwrap();
    let mut tokens: Vec<_> = texts.iter().map(read).collect();
    for end in [forge::End::Sealed, forge::End::Open] {
        tokens.push(forge::signed(&blocks, end));
        tokens.push(forge::signed(&twice, end));
    }
    tokens
}

/// Whether the library takes the token's bytes, and reads the Datalog in them, which it does late.
fn library_takes(token: &schema::Biscuit) -> bool {
    Biscuit::from(token.encode_to_vec(), world::library_key).is_ok_and(|biscuit| biscuit.authorizer().is_ok())
}

/// Our word on the token: a witness is asked for as such.
fn ours(token: &schema::Biscuit) -> Result<(), Denial> {
    let text = forge::text(&token.encode_to_vec());
    match verify(&text, &world::keyring()) {
        Err(Denial::NotASessionToken { kind: "witness" }) => {
            verify_witness(&text, &world::keyring()).map(|_| ())
        }
        said => said.map(|_| ()),
    }
}

/// A signed block of a token, the first or one after it.
fn block(token: &mut schema::Biscuit, index: usize) -> &mut schema::SignedBlock {
    match index.checked_sub(1) {
        None => &mut token.authority,
        Some(later) => &mut token.blocks[later],
    }
}

/// Every signature of a token, with the seal.
fn signatures(token: &mut schema::Biscuit) -> Vec<&mut Vec<u8>> {
    let mut all = vec![&mut token.authority.signature];
    all.extend(token.blocks.iter_mut().map(|block| &mut block.signature));
    if let Some(proof::Content::FinalSignature(seal)) = &mut token.proof.content {
        all.push(seal);
    }
    all
}

#[test]
fn what_the_library_signs_holds_in_both_ways_of_signing() {
    let tokens = tokens();
    let ways: std::collections::BTreeSet<_> = tokens
        .iter()
        .flat_map(|token| std::iter::once(&token.authority).chain(&token.blocks))
        .map(|block| block.version)
        .collect();
    assert!(ways.contains(&None) && ways.contains(&Some(1)), "{ways:?}");
    for token in tokens {
        assert!(library_takes(&token));
        let said = ours(&token);
        assert!(said != Err(Denial::BadSignature), "{said:?}");
    }
}

#[test]
fn faults_in_two_signatures_that_sum_to_nothing_are_refused() {
    for mut token in tokens() {
        let mut signatures = signatures(&mut token);
        if signatures.len() < 2 {
            continue;
        }
        // One more here, one less there: the sum of all equations still holds where each counts once.
        let add = |signature: &mut [u8], more: [u8; 32]| {
            let mut carry = 0;
            for (digit, more) in signature[32..].iter_mut().zip(more) {
                let sum = u16::from(*digit) + u16::from(more) + carry;
                *digit = sum.to_le_bytes()[0];
                carry = sum >> 8;
            }
        };
        let mut one = [0; 32];
        one[0] = 1;
        add(signatures[0], one);
        add(signatures[1], [0xff; 32]);
        assert_eq!(ours(&token), Err(Denial::BadSignature));
    }
}

#[test]
fn a_key_under_which_anything_seems_signed_signs_nothing() {
    // The neutral point: as a key, any message is "signed" by it with the neutral point and zero.
    let mut neutral = vec![0; 32];
    neutral[0] = 1;
    let signed_by_nobody = [neutral.clone(), vec![0; 32]].concat();
    let delegation = world::delegation();
    let mut token = schema::Biscuit::decode(forge::bytes(delegation.expose()).as_slice()).unwrap();
    let Some(proof::Content::NextSecret(secret)) = token.proof.content.take() else {
        panic!("a delegation is open");
    };
    let block = forge::blocks_of(world::session().as_str())[1].encode_to_vec();
    let message = [block.as_slice(), &0_i32.to_le_bytes(), &neutral].concat();
    let signature = forge::pair(secret.try_into().unwrap()).sign(&message).unwrap();
    token.blocks.push(schema::SignedBlock {
        block,
        next_key: schema::PublicKey {
            algorithm: 0,
            key: neutral,
        },
        signature: signature.to_bytes().to_vec(),
        external_signature: None,
        version: None,
    });
    token.proof.content = Some(proof::Content::FinalSignature(signed_by_nobody));
    assert!(!library_takes(&token));
    assert_eq!(ours(&token), Err(Denial::BadSignature));
}

#[test]
fn a_token_that_ends_in_another_secret_is_refused() {
    let mut token = schema::Biscuit::decode(forge::bytes(world::delegation().expose()).as_slice()).unwrap();
    assert_eq!(ours(&token), Err(Denial::NotASessionToken { kind: "delegation" }));
    token.proof.content = Some(proof::Content::NextSecret(vec![8; 32]));
    assert_eq!(ours(&token), Err(Denial::BadSignature));
    token.proof.content = Some(proof::Content::NextSecret(vec![8; 31]));
    assert_eq!(ours(&token), Err(Denial::BadSignature));
}

/// One thing that is wrong with a token.
#[derive(Debug, Clone)]
enum Fault {
    Bit { signature: usize, bit: usize },
    Key { block: usize, bit: usize },
    Payload { block: usize, bit: usize },
    Swapped { one: usize, other: usize },
    Version { block: usize, version: Option<u32> },
    Grafted { from: usize, block: usize },
    EndOf { from: usize },
    Shortened { signature: usize, by: usize },
}

fn faults() -> impl Strategy<Value = Fault> {
    prop_oneof![
        (0..4_usize, 0..512_usize).prop_map(|(signature, bit)| Fault::Bit { signature, bit }),
        (0..3_usize, 0..256_usize).prop_map(|(block, bit)| Fault::Key { block, bit }),
        (0..3_usize, any::<usize>()).prop_map(|(block, bit)| Fault::Payload { block, bit }),
        (0..4_usize, 0..4_usize).prop_map(|(one, other)| Fault::Swapped { one, other }),
        (0..3_usize, proptest::option::of(0..4_u32))
            .prop_map(|(block, version)| Fault::Version { block, version }),
        (0..8_usize, 0..3_usize).prop_map(|(from, block)| Fault::Grafted { from, block }),
        (0..8_usize).prop_map(|from| Fault::EndOf { from }),
        (0..4_usize, 1..65_usize).prop_map(|(signature, by)| Fault::Shortened { signature, by }),
    ]
}

fn apply(token: &mut schema::Biscuit, fault: &Fault, all: &[schema::Biscuit]) {
    let blocks = 1 + token.blocks.len();
    let flip = |bytes: &mut Vec<u8>, bit: usize| {
        if !bytes.is_empty() {
            let bit = bit % (bytes.len() * 8);
            bytes[bit / 8] ^= 1 << (bit % 8);
        }
    };
    match *fault {
        Fault::Bit { signature, bit } => {
            let mut signatures = signatures(token);
            let which = signature % signatures.len();
            flip(signatures[which], bit);
        }
        Fault::Key { block: which, bit } => flip(&mut block(token, which % blocks).next_key.key, bit),
        Fault::Payload { block: which, bit } => flip(&mut block(token, which % blocks).block, bit),
        Fault::Swapped { one, other } => {
            let mut signatures = signatures(token);
            let (one, other) = (one % signatures.len(), other % signatures.len());
            let kept = signatures[one].clone();
            *signatures[one] = std::mem::replace(signatures[other], kept);
        }
        Fault::Version {
            block: which,
            version,
        } => block(token, which % blocks).version = version,
        Fault::Grafted { from, block: which } => {
            let from = &all[from % all.len()];
            if let Some(graft) = from.blocks.get(which % from.blocks.len().max(1)) {
                *block(token, which % blocks) = graft.clone();
            }
        }
        Fault::EndOf { from } => token.proof = all[from % all.len()].proof.clone(),
        Fault::Shortened { signature, by } => {
            let mut signatures = signatures(token);
            let which = signature % signatures.len();
            let left = signatures[which].len().saturating_sub(by);
            signatures[which].truncate(left);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn no_token_holds_that_the_library_refuses_and_no_chain_is_refused_that_it_takes(
        which in 0..8_usize,
        faults in proptest::collection::vec(faults(), 0..3),
    ) {
        let all = tokens();
        let mut token = all[which % all.len()].clone();
        for fault in &faults {
            apply(&mut token, fault, &all);
        }
        let (library, ours) = (library_takes(&token), ours(&token));
        prop_assert!(ours.is_err() || library, "{faults:?} held here only");
        prop_assert!(ours != Err(Denial::BadSignature) || !library, "{faults:?} held there only");
    }
}

#[test]
fn versions_of_datalog_are_those_that_the_library_takes() {
    let mut taken = Vec::new();
    for first in (0..9).map(Some).chain([None, Some(u32::MAX)]) {
        for second in (0..9).map(Some).chain([None, Some(u32::MAX)]) {
            let text = forge::resigned(|blocks| {
                blocks[0].version = first;
                blocks[1].version = second;
            });
            let token = schema::Biscuit::decode(forge::bytes(&text).as_slice()).unwrap();
            let library = library_takes(&token);
            assert_eq!(ours(&token).is_ok(), library, "{first:?}, {second:?}");
            taken.extend(library.then_some((first, second)));
        }
    }
    assert!(taken.len() > 1, "{taken:?}");
}
