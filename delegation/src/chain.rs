//! The chain of signatures: each block by the key that the block before it names, the first by a member's key, and the
//! end by a seal.
//!
//! The payloads are those of the Biscuit specification (`SPECIFICATIONS.md`, "Cryptography", blocks of versions 0 and
//! 1). The signatures of a session token are checked in one multiplication, which costs half of what they cost one by
//! one: their equations are summed with 128-bit coefficients that hash every key, message and signature, so none can
//! make up for another, and multiplied by the cofactor, so that whether one holds hangs on nothing beside it (Chalkias,
//! Garillot, Nikolaenko: "Taming the many EdDSAs", 2020). Whatever RFC 8032 and the library's strict check take, holds
//! here; what holds here only is a signature that its own signer bent by a point of small order, and whoever can make
//! that one could as well sign the same block again.
//!
//! What stays on record is checked one by one and strictly, as an auditor's own tools do.

use biscuit_auth::format::schema::{self, proof};
use curve25519_dalek::{
    EdwardsPoint, Scalar,
    constants::ED25519_BASEPOINT_POINT,
    edwards::CompressedEdwardsY,
    traits::{IsIdentity as _, VartimeMultiscalarMul as _},
};
use ed25519_dalek::{Signature, SigningKey, VerifyingKey};
use sha2::{Digest as _, Sha512};
use zeroize::Zeroizing;

use crate::Denial;

/// What the coefficients are derived for.
const COEFFICIENTS: &str = "Audit Otter 2026-11-22 the signatures of one token, checked at once";

/// Every signature of a token, with what was signed and by whom.
pub(crate) struct Chain(Vec<Link>);

struct Link {
    payload: Vec<u8>,
    signature: Signature,
    signer: VerifyingKey,
}

impl Chain {
    /// Reads the chain of a token whose keys are Ed25519 and that no third party signed, as the lint of its envelope
    /// has made sure. Where it ends in a secret, that is the last key's.
    ///
    /// # Errors
    /// [`Denial::BadSignature`] for what is no key or no signature, and for another secret; [`Denial::TokenMalformed`]
    /// for a block that is signed in a way that this code does not know.
    pub(crate) fn of(token: &schema::Biscuit, root: &VerifyingKey) -> Result<Self, Denial> {
        let mut chain = Self(Vec::new());
        let mut last = &token.authority;
        chain.push(payload(last, None)?, &last.signature, root)?;
        let mut signer = key(last)?;
        for block in &token.blocks {
            chain.push(payload(block, Some(&last.signature))?, &block.signature, &signer)?;
            signer = key(block)?;
            last = block;
        }
        match &token.proof.content {
            Some(proof::Content::FinalSignature(seal)) => chain.push(sealed(last), seal, &signer)?,
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
        Ok(chain)
    }

    fn push(&mut self, payload: Vec<u8>, signature: &[u8], signer: &VerifyingKey) -> Result<(), Denial> {
        // Whatever is signed under a key of small order, by nobody, may seem to hold.
        if signer.is_weak() {
            return Err(Denial::BadSignature);
        }
        self.0.push(Link {
            payload,
            signature: Signature::from_slice(signature).map_err(|_| Denial::BadSignature)?,
            signer: *signer,
        });
        Ok(())
    }

    /// Checks all signatures in one equation.
    ///
    /// # Errors
    /// [`Denial::BadSignature`].
    pub(crate) fn holds_at_once(&self) -> Result<(), Denial> {
        let equations: Vec<Equation> = self.0.iter().map(Equation::of).collect::<Result<_, _>>()?;
        let mut hasher = blake3::Hasher::new_derive_key(COEFFICIENTS);
        for (link, equation) in self.0.iter().zip(&equations) {
            hasher.update(link.signer.as_bytes());
            hasher.update(&link.signature.to_bytes());
            hasher.update(equation.k.as_bytes());
        }
        let mut coefficients = hasher.finalize_xof();
        let mut base = Scalar::ZERO;
        let (mut factors, mut points) = (Vec::new(), Vec::new());
        for Equation { r, s, k, a } in equations {
            let mut bytes = [0; 32];
            coefficients.fill(&mut bytes[..16]);
            let z = Scalar::from_bytes_mod_order(bytes);
            base -= z * s;
            factors.extend([z, z * k]);
            points.extend([r, a]);
        }
        factors.push(base);
        points.push(ED25519_BASEPOINT_POINT);
        let sum = EdwardsPoint::vartime_multiscalar_mul(factors, points);
        if sum.mul_by_cofactor().is_identity() {
            Ok(())
        } else {
            Err(Denial::BadSignature)
        }
    }

    /// Checks each signature strictly, as the library does.
    ///
    /// # Errors
    /// [`Denial::BadSignature`].
    pub(crate) fn holds_one_by_one(&self) -> Result<(), Denial> {
        let strict = |link: &Link| link.signer.verify_strict(&link.payload, &link.signature);
        self.0
            .iter()
            .try_for_each(strict)
            .map_err(|_| Denial::BadSignature)
    }
}

/// `[8][s]B = [8]R + [8][k]A` (RFC 8032, section 5.1.7).
struct Equation {
    r: EdwardsPoint,
    s: Scalar,
    k: Scalar,
    a: EdwardsPoint,
}

impl Equation {
    fn of(link: &Link) -> Result<Self, Denial> {
        let (r, s) = (link.signature.r_bytes(), link.signature.s_bytes());
        let digest = Sha512::new()
            .chain_update(r)
            .chain_update(link.signer.as_bytes())
            .chain_update(&link.payload)
            .finalize();
        Ok(Self {
            r: CompressedEdwardsY(*r)
                .decompress()
                .filter(|point| !point.is_small_order())
                .ok_or(Denial::BadSignature)?,
            // A second spelling of the same number would give the same block another revocation identifier.
            s: Option::from(Scalar::from_canonical_bytes(*s)).ok_or(Denial::BadSignature)?,
            k: Scalar::from_bytes_mod_order_wide(&digest.into()),
            a: link.signer.to_edwards(),
        })
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
