//! The chain of signatures: each block by the key that the block before it names, the first by a member's key, and the
//! end by a seal.
//!
//! The payloads are those of the Biscuit specification (`SPECIFICATIONS.md`, "Cryptography", blocks of versions 0 and
//! 1). All signatures of a token are checked in one multiplication, which costs half of what they cost one by one. The
//! equation is that of single signatures, summed with 128-bit coefficients that hash every key, message and
//! signature, so no signature can make up for another. What it leaves open and a single strict check does not is a
//! signer's own signature, bent by a point of small order: whoever can make it could sign the same block again anyway.

use biscuit_auth::format::schema::{self, proof};
use ed25519_dalek::{Signature, SigningKey, VerifyingKey, verify_batch};
use zeroize::Zeroizing;

use crate::{Denial, MAX_BLOCKS};

/// Checks every signature of a token whose keys are Ed25519 and that no third party signed, as the lint of its
/// envelope has made sure.
///
/// # Errors
/// [`Denial::BadSignature`], also for what is no key or no signature; [`Denial::TokenMalformed`] for a block that is
/// signed in a way that this code does not know.
pub(crate) fn verify(token: &schema::Biscuit, root: &VerifyingKey) -> Result<(), Denial> {
    let mut signed = Signed::default();
    let mut signer = *root;
    let mut last = &token.authority;
    signed.push(
        payload(&token.authority, None)?,
        &token.authority.signature,
        &signer,
    )?;
    signer = key(&token.authority)?;
    for block in &token.blocks {
        signed.push(payload(block, Some(&last.signature))?, &block.signature, &signer)?;
        signer = key(block)?;
        last = block;
    }
    match &token.proof.content {
        Some(proof::Content::FinalSignature(seal)) => signed.push(sealed(last), seal, &signer)?,
        Some(proof::Content::NextSecret(secret)) => {
            let secret: Zeroizing<[u8; 32]> =
                Zeroizing::new(secret.as_slice().try_into().map_err(|_| Denial::BadSignature)?);
            // Both are public halves: who compares them in however much time learns nothing.
            if SigningKey::from_bytes(&secret).verifying_key() != signer {
                return Err(Denial::BadSignature);
            }
        }
        None => return Err(Denial::TokenMalformed("it has no proof")),
    }
    signed.verify()
}

/// What was signed, by whom, side by side.
#[derive(Default)]
struct Signed {
    payloads: Vec<Vec<u8>>,
    signatures: Vec<Signature>,
    signers: Vec<VerifyingKey>,
}

impl Signed {
    fn push(&mut self, payload: Vec<u8>, signature: &[u8], signer: &VerifyingKey) -> Result<(), Denial> {
        debug_assert!(
            self.payloads.len() <= MAX_BLOCKS,
            "a token's blocks are counted before"
        );
        // Whatever is signed under a key of small order, by nobody, may seem to hold.
        if signer.is_weak() {
            return Err(Denial::BadSignature);
        }
        self.signatures
            .push(Signature::from_slice(signature).map_err(|_| Denial::BadSignature)?);
        self.payloads.push(payload);
        self.signers.push(*signer);
        Ok(())
    }

    fn verify(&self) -> Result<(), Denial> {
        let payloads: Vec<&[u8]> = self.payloads.iter().map(Vec::as_slice).collect();
        verify_batch(&payloads, &self.signatures, &self.signers).map_err(|_| Denial::BadSignature)
    }
}

/// The key that signs what follows a block.
fn key(block: &schema::SignedBlock) -> Result<VerifyingKey, Denial> {
    VerifyingKey::try_from(block.next_key.key.as_slice()).map_err(|_| Denial::BadSignature)
}

/// What is signed of a block; `previous` is the signature before it.
fn payload(block: &schema::SignedBlock, previous: Option<&[u8]>) -> Result<Vec<u8>, Denial> {
    let algorithm = block.next_key.algorithm.to_le_bytes();
    let parts: &[&[u8]] = match block.version {
        None => &[&block.block, &algorithm, &block.next_key.key],
        Some(1) => &[
            b"\0BLOCK\0\0VERSION\0",
            &1_u32.to_le_bytes(),
            b"\0PAYLOAD\0",
            &block.block,
            b"\0ALGORITHM\0",
            &algorithm,
            b"\0NEXTKEY\0",
            &block.next_key.key,
        ],
        Some(_) => return Err(Denial::TokenMalformed("a block is signed in an unknown way")),
    };
    let mut bytes = parts.concat();
    if let (Some(1), Some(previous)) = (block.version, previous) {
        bytes.extend_from_slice(b"\0PREVSIG\0");
        bytes.extend_from_slice(previous);
    }
    Ok(bytes)
}

/// What a seal signs: the last block and its signature.
fn sealed(last: &schema::SignedBlock) -> Vec<u8> {
    [
        last.block.as_slice(),
        &last.next_key.algorithm.to_le_bytes(),
        &last.next_key.key,
        &last.signature,
    ]
    .concat()
}
