//! Tokens that our code would never make: blocks written in Datalog, and protobuf signed byte by byte, by whoever
//! holds a delegation (its next key) or a member's own key.

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use biscuit_auth::{
    Algorithm, Biscuit, BiscuitBuilder, BlockBuilder, KeyPair, PrivateKey, UnverifiedBiscuit,
    datalog::SymbolTable,
    format::schema::{self, proof, public_key},
};
use prost::Message as _;

use crate::world;

pub(crate) fn pair(secret: [u8; 32]) -> KeyPair {
    KeyPair::from(&PrivateKey::from_bytes(&secret, Algorithm::Ed25519).unwrap())
}

pub(crate) fn text(bytes: &[u8]) -> String {
    URL_SAFE.encode(bytes)
}

pub(crate) fn bytes(text: &str) -> Vec<u8> {
    URL_SAFE.decode(text).unwrap()
}

/// Datalog of a first block that is exactly ours.
pub(crate) fn authority_code() -> String {
    let grant = world::grant();
    format!(
        r#"delegation("{}"); on_behalf_of("{}"); agent("claude-code"); risk_ceiling("medium");
        verb("propose_work_item"); verb("append_trace_note"); repository("acme/web");
        path("docs/*.md"); path("src/**"); check if time($t), $t < {};"#,
        grant.id,
        grant.on_behalf_of,
        date(world::DELEGATION_ENDS),
    )
}

/// Datalog of a session's block that is exactly ours.
pub(crate) fn session_code() -> String {
    session_code_with(
        r#"{"append_trace_note", "propose_work_item"}"#,
        world::SESSION_ENDS,
    )
}

pub(crate) fn session_code_with(verbs: &str, ends: u64) -> String {
    format!(
        r#"check if session("{}"); check if holder(hex:{}); check all operation($o), {verbs}.contains($o);
        check if time($t), $t < {};"#,
        world::session_id(),
        world::holder().public(),
        date(ends),
    )
}

fn date(seconds: u64) -> String {
    let moment = world::at(seconds).to_string();
    format!("{}Z", moment.split('.').next().unwrap())
}

/// A first block in Datalog, signed by Alice's key under her number.
pub(crate) fn authority(code: &str) -> Biscuit {
    BiscuitBuilder::new()
        .root_key_id(world::ALICES_NUMBER)
        .code(code)
        .unwrap()
        .build_with_key_pair(&pair(world::ALICE_SECRET), SymbolTable::new(), &pair([9; 32]))
        .unwrap()
}

/// The delegation with blocks in Datalog after it, sealed: what a holder of the delegation can make.
pub(crate) fn appended(blocks: &[&str]) -> String {
    let mut token = unverified();
    for code in blocks {
        token = token.append(BlockBuilder::new().code(code).unwrap()).unwrap();
    }
    text(&token.seal().unwrap().to_vec().unwrap())
}

pub(crate) fn unverified() -> UnverifiedBiscuit {
    UnverifiedBiscuit::from(bytes(world::delegation().expose())).unwrap()
}

/// How a forged token ends.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum End {
    Sealed,
    Open,
}

/// What is signed of a block that names this key, after another one.
pub(crate) fn payload(block: &[u8], key: &[u8], previous: Option<&schema::SignedBlock>) -> Vec<u8> {
    let mut message = [b"\0BLOCK\0\0VERSION\0".as_slice(), &1_u32.to_le_bytes()].concat();
    message.extend([b"\0PAYLOAD\0".as_slice(), block].concat());
    message.extend([b"\0ALGORITHM\0".as_slice(), &0_i32.to_le_bytes()].concat());
    message.extend([b"\0NEXTKEY\0".as_slice(), key].concat());
    if let Some(previous) = previous {
        message.extend([b"\0PREVSIG\0".as_slice(), &previous.signature].concat());
    }
    message
}

/// What a seal signs.
pub(crate) fn sealed(last: &schema::SignedBlock) -> Vec<u8> {
    [
        last.block.as_slice(),
        &0_i32.to_le_bytes(),
        &last.next_key.key,
        &last.signature,
    ]
    .concat()
}

/// Signs any bytes as blocks, as Alice's key and the keys after it would.
pub(crate) fn signed(blocks: &[Vec<u8>], end: End) -> schema::Biscuit {
    let mut signer = pair(world::ALICE_SECRET);
    let mut out: Vec<schema::SignedBlock> = Vec::new();
    for (index, block) in blocks.iter().enumerate() {
        let next = pair([u8::try_from(index).unwrap() + 100; 32]);
        let key = next.public().to_bytes();
        let message = payload(block, &key, out.last());
        out.push(schema::SignedBlock {
            block: block.clone(),
            next_key: schema::PublicKey {
                algorithm: public_key::Algorithm::Ed25519 as i32,
                key,
            },
            signature: signer.sign(&message).unwrap().to_bytes().to_vec(),
            external_signature: None,
            version: Some(1),
        });
        signer = next;
    }
    let last = out.last().unwrap();
    let content = match end {
        End::Open => proof::Content::NextSecret(signer.private().to_bytes().to_vec()),
        End::Sealed => {
            proof::Content::FinalSignature(signer.sign(&sealed(last)).unwrap().to_bytes().to_vec())
        }
    };
    let authority = out.remove(0);
    schema::Biscuit {
        root_key_id: Some(world::ALICES_NUMBER),
        authority,
        blocks: out,
        proof: schema::Proof {
            content: Some(content),
        },
    }
}

/// The protobuf of the blocks of a token.
pub(crate) fn blocks_of(text: &str) -> Vec<schema::Block> {
    let token = schema::Biscuit::decode(bytes(text).as_slice()).unwrap();
    std::iter::once(&token.authority)
        .chain(&token.blocks)
        .map(|signed| schema::Block::decode(signed.block.as_slice()).unwrap())
        .collect()
}

/// The session token of the tests with its blocks changed and signed again, by all the keys that it takes.
pub(crate) fn resigned(change: impl FnOnce(&mut [schema::Block])) -> String {
    let mut blocks = blocks_of(world::session().as_str());
    change(&mut blocks);
    let blocks: Vec<Vec<u8>> = blocks.iter().map(prost::Message::encode_to_vec).collect();
    text(&signed(&blocks, End::Sealed).encode_to_vec())
}
