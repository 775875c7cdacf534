//! One seed, two keys: what a member lends with, and what a member decides with.

use std::{fmt, str::FromStr};

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use vocabulary::text_form;
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

const DELEGATION_CONTEXT: &str = "auditotter 2026 delegation key v1";
const DECISION_CONTEXT: &str = "auditotter 2026 decision key v1";

/// A member's 32 secret bytes, from which both keys follow. Wiped when dropped, never shown.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Seed([u8; 32]);

/// The key with which a member signs decisions and registrations. It never signs a caller's raw bytes: what is
/// signed always begins with a context that says what it is.
pub struct DecisionKey(SigningKey);

/// A member's public key: 32 bytes, in text 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PublicKey([u8; 32]);

/// A signature by a [`DecisionKey`]: 64 bytes, in text 128 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct DecisionSignature([u8; 64]);

/// Why some bytes are no key or signature of a member's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyError {
    /// Not hexadecimal digits of the right number.
    #[error("a key or signature is written as {expected} hexadecimal digits")]
    Form {
        /// How many digits.
        expected: usize,
    },
    /// No point of the curve, or one whose signatures mean nothing or not the same to everybody.
    #[error("these 32 bytes are no Ed25519 public key that can be relied on")]
    Weak,
    /// The signature is not this key's over these bytes.
    #[error("the signature is not by this key over these words")]
    Signature,
}

impl Seed {
    /// A seed from 32 bytes of good randomness.
    #[must_use]
    pub const fn from_entropy(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The secret half of the delegation key: the root of the member's Biscuits.
    #[must_use]
    pub fn delegation_secret(&self) -> Zeroizing<[u8; 32]> {
        self.derive(DELEGATION_CONTEXT)
    }

    /// The public half of the delegation key.
    #[must_use]
    pub fn delegation_public(&self) -> PublicKey {
        PublicKey(
            SigningKey::from_bytes(&self.delegation_secret())
                .verifying_key()
                .to_bytes(),
        )
    }

    /// The decision key.
    #[must_use]
    pub fn decision_key(&self) -> DecisionKey {
        DecisionKey(SigningKey::from_bytes(&self.derive(DECISION_CONTEXT)))
    }

    pub(crate) const fn expose(&self) -> &[u8; 32] {
        &self.0
    }

    fn derive(&self, context: &str) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(blake3::derive_key(context, &self.0))
    }
}

impl fmt::Debug for Seed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Seed(..)")
    }
}

impl DecisionKey {
    /// The public half.
    #[must_use]
    pub fn public(&self) -> PublicKey {
        PublicKey(self.0.verifying_key().to_bytes())
    }

    pub(crate) fn sign(&self, context: &'static str, message: &[u8]) -> DecisionSignature {
        DecisionSignature(self.0.sign(&framed(context, message)).to_bytes())
    }
}

impl fmt::Debug for DecisionKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DecisionKey({})", self.public())
    }
}

impl PublicKey {
    /// A key from its 32 bytes.
    ///
    /// # Errors
    /// [`KeyError::Weak`] for what no honest signer has: bytes that are no point of the curve, or a second
    /// spelling of one; a point of small order, under which one signature fits many messages; a point with a part
    /// of small order, whose signatures some verifiers accept and others refuse (Chalkias, Garillot, Nikolaenko:
    /// "Taming the many EdDSAs", 2020). An auditor's own tools must come to our answer.
    pub fn from_bytes(bytes: [u8; 32]) -> Result<Self, KeyError> {
        let key = VerifyingKey::from_bytes(&bytes).map_err(|_| KeyError::Weak)?;
        let point = key.to_edwards();
        // A second spelling of a point has a coordinate below 19 or is of small order; none of those passes.
        if !key.is_weak() && point.is_torsion_free() {
            Ok(Self(bytes))
        } else {
            Err(KeyError::Weak)
        }
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    pub(crate) fn verify(
        &self,
        context: &'static str,
        message: &[u8],
        signature: &DecisionSignature,
    ) -> Result<(), KeyError> {
        VerifyingKey::from_bytes(&self.0)
            .and_then(|key| {
                key.verify_strict(&framed(context, message), &Signature::from_bytes(&signature.0))
            })
            .map_err(|_| KeyError::Signature)
    }
}

/// What is signed: the context, a zero byte, the message. No context holds a zero byte, so no two pairs of
/// context and message share their bytes.
fn framed(context: &'static str, message: &[u8]) -> Vec<u8> {
    [context.as_bytes(), &[0], message].concat()
}

macro_rules! in_hex {
    ($name:ident, $bytes:literal, $make:expr) => {
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex::encode(self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = $crate::KeyError;

            fn from_str(text: &str) -> Result<Self, $crate::KeyError> {
                let mut bytes = [0; $bytes];
                hex::decode_to_slice(text, &mut bytes)
                    .ok()
                    .filter(|()| text.bytes().all(|b| !b.is_ascii_uppercase()))
                    .ok_or($crate::KeyError::Form {
                        expected: 2 * $bytes,
                    })?;
                $make(bytes)
            }
        }
    };
}

pub(crate) use in_hex;

in_hex!(PublicKey, 32, PublicKey::from_bytes);
in_hex!(DecisionSignature, 64, |bytes| Ok(DecisionSignature(bytes)));
text_form!(PublicKey, DecisionSignature);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The derivation is part of every member's identity: if these change, nobody's key opens anything.
    #[test]
    fn both_keys_follow_from_the_seed_as_they_always_did() {
        let seed = Seed::from_entropy([7; 32]);
        assert_eq!(
            seed.delegation_public().to_string(),
            "81077b59909e8d300fe5aebafa2c32a183c7238fecbb1b931b9c4e66f997999b"
        );
        assert_eq!(
            seed.decision_key().public().to_string(),
            "e954a1f92c1a8bc715ef74a2922e20524f1d1598e5a1e041467d46204a8ff77f"
        );
        assert_ne!(seed.delegation_public(), seed.decision_key().public());
    }

    #[test]
    fn a_signature_holds_only_for_its_key_context_and_words() {
        let (key, other) = (
            Seed::from_entropy([1; 32]).decision_key(),
            Seed::from_entropy([2; 32]).decision_key(),
        );
        let signature = key.sign("context one", b"words");
        assert_eq!(key.public().verify("context one", b"words", &signature), Ok(()));
        assert_eq!(
            key.public().verify("context two", b"words", &signature),
            Err(KeyError::Signature)
        );
        assert_eq!(
            key.public().verify("context one", b"word", &signature),
            Err(KeyError::Signature)
        );
        assert_eq!(
            other.public().verify("context one", b"words", &signature),
            Err(KeyError::Signature)
        );
    }

    /// The eight points of small order, as the curve has them.
    const SMALL_ORDER: [&str; 8] = [
        "0100000000000000000000000000000000000000000000000000000000000000",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0000000000000000000000000000000000000000000000000000000000000080",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
        "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
        "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
    ];

    /// The key of the "Taming the many EdDSAs" test vectors on which verifiers disagree.
    const MIXED_ORDER: &str = "cdb267ce40c5cd45306fa5d2f29731459387dbf9eb933b7bd5aed9a765b88d4d";

    #[test]
    fn keys_whose_signatures_mean_nothing_or_not_the_same_to_everybody_are_refused() {
        for point in SMALL_ORDER.iter().chain([&MIXED_ORDER]) {
            assert_eq!(point.parse::<PublicKey>(), Err(KeyError::Weak), "{point}");
        }
    }

    /// A coordinate of the prime 2^255 - 19 or more is one below 19, spelled a second time. These are all of them.
    #[test]
    fn a_second_spelling_of_a_point_is_refused() {
        let mut points = 0;
        for (last, sign) in (0xed..=0xff).flat_map(|last| [(last, 0x7f), (last, 0xff)]) {
            let mut bytes = [0xff; 32];
            (bytes[0], bytes[31]) = (last, sign);
            points += usize::from(VerifyingKey::from_bytes(&bytes).is_ok());
            assert_eq!(
                PublicKey::from_bytes(bytes),
                Err(KeyError::Weak),
                "{last:x} {sign:x}"
            );
        }
        assert!(
            points > 6,
            "only {points} of them are points, and were refused for being second spellings"
        );
    }

    #[test]
    fn what_is_not_the_one_hexadecimal_text_of_a_key_is_refused() {
        let key = Seed::from_entropy([7; 32]).delegation_public();
        let text = key.to_string();
        assert_eq!(text.parse(), Ok(key));
        for bad in [
            "",
            "00",
            &text[1..],
            &format!("{text}0"),
            &format!(" {text}"),
            &text.to_uppercase(),
        ] {
            assert_eq!(
                bad.parse::<PublicKey>(),
                Err(KeyError::Form { expected: 64 }),
                "{bad}"
            );
        }
    }

    #[test]
    fn the_delegation_key_cannot_sign_what_the_decision_key_signs() {
        let seed = Seed::from_entropy([7; 32]);
        let borrowed = DecisionKey(SigningKey::from_bytes(&seed.delegation_secret()));
        let signature = borrowed.sign("context", b"words");
        assert_eq!(
            seed.decision_key()
                .public()
                .verify("context", b"words", &signature),
            Err(KeyError::Signature)
        );
    }

    proptest! {
        #[test]
        fn every_seed_gives_two_different_keys_that_are_accepted(entropy: [u8; 32]) {
            let seed = Seed::from_entropy(entropy);
            let (lends, decides) = (seed.delegation_public(), seed.decision_key().public());
            prop_assert_ne!(lends, decides);
            for key in [lends, decides] {
                prop_assert_eq!(PublicKey::from_bytes(*key.as_bytes()), Ok(key));
            }
        }

        #[test]
        fn no_changed_bit_of_a_signature_is_accepted(words: Vec<u8>, bit in 0_usize..512) {
            let key = Seed::from_entropy([1; 32]).decision_key();
            let mut signature = key.sign("context", &words);
            signature.0[bit / 8] ^= 1 << (bit % 8);
            prop_assert_eq!(key.public().verify("context", &words, &signature), Err(KeyError::Signature));
        }
    }

    #[test]
    fn secrets_are_never_shown() {
        let seed = Seed::from_entropy([0xab; 32]);
        assert_eq!(format!("{seed:?}"), "Seed(..)");
        let key = seed.decision_key();
        assert_eq!(format!("{key:?}"), format!("DecisionKey({})", key.public()));
    }
}
