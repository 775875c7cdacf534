//! The chain of signatures, against the library's own check of it and against what checking all at once could miss.

use biscuit_auth::{
    Biscuit,
    format::schema::{self, proof},
};
use curve25519_dalek::{
    EdwardsPoint, Scalar,
    constants::EIGHT_TORSION,
    traits::{Identity as _, IsIdentity as _},
};
use delegation::{Denial, verify, verify_witness};
use ed25519_dalek::SigningKey;
use proptest::prelude::*;
use prost::Message as _;
use sha2::{Digest as _, Sha512};

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

/// Adds to the second half of a signature, a number.
fn add(signature: &mut [u8], more: &[u8]) {
    let mut carry = 0;
    for (digit, more) in signature[32..].iter_mut().zip(more) {
        let sum = u16::from(*digit) + u16::from(*more) + carry;
        *digit = sum.to_le_bytes()[0];
        carry = sum >> 8;
    }
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
        let mut one = [0; 32];
        one[0] = 1;
        add(signatures[0], &one);
        add(signatures[1], &[0xff; 32]);
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

/// Whoever signs by the plain equations (RFC 8032, section 5.1.6), and so can sign otherwise than anybody honest does.
#[derive(Clone, Copy)]
struct Signer {
    secret: Scalar,
    public: EdwardsPoint,
}

impl Signer {
    fn of(secret: [u8; 32]) -> Self {
        let secret = SigningKey::from_bytes(&secret).to_scalar();
        let public = EdwardsPoint::mul_base(&secret);
        Self { secret, public }
    }

    fn key(&self) -> Vec<u8> {
        self.public.compress().to_bytes().to_vec()
    }

    /// A signature with this nonce, whose first half is bent by this point.
    fn sign(&self, message: &[u8], nonce: Scalar, bend: EdwardsPoint) -> Vec<u8> {
        let r = (EdwardsPoint::mul_base(&nonce) + bend).compress();
        let digest = Sha512::new()
            .chain_update(r.as_bytes())
            .chain_update(self.public.compress().as_bytes())
            .chain_update(message)
            .finalize();
        let k = Scalar::from_bytes_mod_order_wide(&digest.into());
        [r.to_bytes(), (nonce + k * self.secret).to_bytes()].concat()
    }
}

/// The delegation of the tests or a witness of it, in which Alice and the keys after hers are signers by the plain
/// equations: each block with the key that it names, and the seal.
struct Plain {
    blocks: Vec<Vec<u8>>,
    signers: Vec<Signer>,
}

impl Plain {
    fn of(text: &str) -> Self {
        let blocks: Vec<Vec<u8>> = forge::blocks_of(text)
            .iter()
            .map(schema::Block::encode_to_vec)
            .collect();
        let later = (0..blocks.len()).map(|index| [u8::try_from(index).unwrap() + 100; 32]);
        let signers = std::iter::once(world::ALICE_SECRET)
            .chain(later)
            .map(Signer::of)
            .collect();
        Self { blocks, signers }
    }

    /// Signed and sealed: `sign` is given the place of each signature, its signer and what is signed.
    fn signed(&self, sign: impl Fn(usize, &Signer, &[u8]) -> Vec<u8>) -> schema::Biscuit {
        let mut out: Vec<schema::SignedBlock> = Vec::new();
        for (index, block) in self.blocks.iter().enumerate() {
            let key = self.signers[index + 1].key();
            let message = forge::payload(block, &key, out.last());
            out.push(schema::SignedBlock {
                block: block.clone(),
                next_key: schema::PublicKey { algorithm: 0, key },
                signature: sign(index, &self.signers[index], &message),
                external_signature: None,
                version: Some(1),
            });
        }
        let (end, signer) = (out.len(), self.signers.last().unwrap());
        let seal = sign(end, signer, &forge::sealed(out.last().unwrap()));
        let authority = out.remove(0);
        schema::Biscuit {
            root_key_id: Some(world::ALICES_NUMBER),
            authority,
            blocks: out,
            proof: schema::Proof {
                content: Some(proof::Content::FinalSignature(seal)),
            },
        }
    }
}

fn nonce(salt: u64) -> Scalar {
    Scalar::from(salt + 1_000_000_007)
}

fn honest(_: usize, signer: &Signer, message: &[u8]) -> Vec<u8> {
    signer.sign(message, nonce(0), EdwardsPoint::identity())
}

/// A session's token and a witness.
fn both() -> [Plain; 2] {
    let witness = world::delegation().witness([1; 32]).unwrap();
    [Plain::of(world::session().as_str()), Plain::of(witness.as_str())]
}

#[test]
fn whether_a_signature_holds_hangs_on_nothing_beside_it() {
    let [session, witness] = both();
    for bend in EIGHT_TORSION {
        for at in 0..3 {
            for salt in 0..4 {
                let bent = |index: usize, signer: &Signer, message: &[u8]| {
                    let bend = if index == at {
                        bend
                    } else {
                        EdwardsPoint::identity()
                    };
                    signer.sign(message, nonce(salt), bend)
                };
                // A signer's own, bent: of a session it holds each time, beside whatever else is signed; what stays on
                // record has to hold for everybody.
                assert_eq!(ours(&session.signed(bent)), Ok(()));
                let on_record = witness.signed(bent);
                assert_eq!(library_takes(&on_record), bend.is_identity());
                assert_eq!(ours(&on_record).is_ok(), bend.is_identity());
            }
        }
    }
}

#[test]
fn what_holds_strictly_under_a_bent_key_holds_here() {
    let mut taken = 0;
    for mut plain in both() {
        let last = plain.signers.last_mut().unwrap();
        last.public += EIGHT_TORSION[1];
        for salt in 0..64 {
            let bent = |_: usize, signer: &Signer, message: &[u8]| {
                signer.sign(message, nonce(salt), EdwardsPoint::identity())
            };
            let token = plain.signed(bent);
            let library = library_takes(&token);
            taken += usize::from(library);
            assert!(!library || ours(&token).is_ok(), "{salt}");
        }
    }
    assert!(
        (1..64).contains(&taken),
        "some hold under it, and some do not: {taken}"
    );
}

#[test]
fn a_number_that_is_spelled_otherwise_makes_no_other_signature() {
    // The order of the base point, by which a number can be spelled again.
    let order = hex::decode("edd3f55c1a631258d69cf7a2def9de1400000000000000000000000000000010").unwrap();
    for plain in both() {
        let honestly = plain.signed(honest);
        assert!(library_takes(&honestly) && ours(&honestly).is_ok());
        for at in 0..3 {
            let mut token = honestly.clone();
            add(signatures(&mut token)[at], &order);
            assert!(!library_takes(&token));
            assert_eq!(ours(&token), Err(Denial::BadSignature), "{at}");
        }
    }
}

#[test]
fn points_of_small_order_sign_nothing_and_are_no_part_of_a_signature_by_themselves() {
    for small in EIGHT_TORSION {
        for mut plain in both() {
            let no_nonce =
                |_: usize, signer: &Signer, message: &[u8]| signer.sign(message, Scalar::ZERO, small);
            let token = plain.signed(no_nonce);
            assert!(!library_takes(&token));
            assert_eq!(ours(&token), Err(Denial::BadSignature));
            // Nobody knows a secret of it, and none is needed where it counts as a key.
            let nobody = Signer {
                secret: Scalar::ZERO,
                public: small,
            };
            for signer in 1..3 {
                let known = std::mem::replace(&mut plain.signers[signer], nobody);
                let token = plain.signed(honest);
                assert!(!library_takes(&token));
                assert_eq!(ours(&token), Err(Denial::BadSignature));
                plain.signers[signer] = known;
            }
        }
    }
}

#[test]
fn a_block_follows_the_very_signature_that_it_was_signed_after() {
    for plain in both() {
        let mut token = plain.signed(honest);
        let otherwise =
            plain.signed(|_, signer, message| signer.sign(message, nonce(9), EdwardsPoint::identity()));
        token.authority.signature = otherwise.authority.signature;
        assert!(!library_takes(&token));
        assert_eq!(ours(&token), Err(Denial::BadSignature));
        let mut token = plain.signed(honest);
        token.proof = otherwise.proof;
        assert!(!library_takes(&token));
        assert_eq!(ours(&token), Err(Denial::BadSignature));
    }
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
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(2_000) })]

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
