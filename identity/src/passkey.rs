//! Passkeys: keys that a browser or a security key holds, and that sign only when a human touches it and is verified.
//!
//! Web Authentication Level 3 (<https://www.w3.org/TR/webauthn-3/>) defines them. Attestation is not asked for: that a
//! passkey is a member's is said by that member's own key ([`crate::SignedEnrolment`]), not by who built the device.

mod assertion;

use std::{fmt, str::FromStr};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use ed25519_dalek::{Signature, VerifyingKey};
use p256::ecdsa::{self, signature::Verifier as _};
use serde::{Deserialize, Serialize};
use vocabulary::text_form;

pub use assertion::{Assertion, AssertionError};

/// The most bytes of a credential's identifier (section 6.5.1: at most 1023).
const MOST_BYTES: usize = 4 * 1024;

/// The most bytes of a credential's identifier (section 7.1, step 25).
const MOST_ID_BYTES: usize = 1023;

/// The longest host name, in bytes (RFC 1035).
const MOST_HOST_BYTES: usize = 253;

/// `SubjectPublicKeyInfo` of an uncompressed P-256 point, up to that point (RFC 5480).
const P256_PREFIX: &[u8] = &[
    0x30, 0x59, 0x30, 0x13, 0x06, 0x07, 0x2a, 0x86, 0x48, 0xce, 0x3d, 0x02, 0x01, 0x06, 0x08, 0x2a, 0x86,
    0x48, 0xce, 0x3d, 0x03, 0x01, 0x07, 0x03, 0x42, 0x00,
];

/// `SubjectPublicKeyInfo` of an Ed25519 key, up to its 32 bytes (RFC 8410).
const ED25519_PREFIX: &[u8] = &[
    0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
];

/// Some bytes of a browser's: in text base64url without padding, in its one form.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Bytes(Vec<u8>);

/// A text that is not the base64url of a few bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected base64url without padding, of at most {MOST_BYTES} bytes")]
pub struct BytesError;

/// A member's passkey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Passkey {
    /// The credential's identifier, by which browsers find it.
    pub id: Bytes,
    /// Its public key, as `SubjectPublicKeyInfo`.
    pub public_key: Bytes,
    /// The host name for which it was made: a browser uses it nowhere else.
    pub rp_id: String,
}

/// Why a public key is none that is used here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the passkey is of no use here: its key is neither a P-256 nor an Ed25519 key (offer ES256 or EdDSA), or its host is none"
)]
pub struct PasskeyKeyError;

enum Key {
    P256(ecdsa::VerifyingKey),
    Ed25519(VerifyingKey),
}

impl Passkey {
    /// Checks that its public key is one under which assertions can be verified, and that its host is a host's name.
    ///
    /// # Errors
    /// [`PasskeyKeyError`].
    pub fn check(&self) -> Result<(), PasskeyKeyError> {
        let plain =
            |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || matches!(byte, b'.' | b'-');
        let host = (1..=MOST_HOST_BYTES).contains(&self.rp_id.len()) && self.rp_id.bytes().all(plain);
        let named = (1..=MOST_ID_BYTES).contains(&self.id.0.len());
        match host && named {
            true => self.key().map(drop),
            false => Err(PasskeyKeyError),
        }
    }

    fn key(&self) -> Result<Key, PasskeyKeyError> {
        let spki = self.public_key.0.as_slice();
        if let Some(point) = spki.strip_prefix(P256_PREFIX) {
            // Uncompressed, as browsers write it: another spelling would be another text for the same key.
            let whole = point.first() == Some(&4) && point.len() == 65;
            let key = ecdsa::VerifyingKey::from_sec1_bytes(point).ok().filter(|_| whole);
            return key.map(Key::P256).ok_or(PasskeyKeyError);
        }
        let key = spki
            .strip_prefix(ED25519_PREFIX)
            .and_then(|bytes| <[u8; 32]>::try_from(bytes).ok())
            .and_then(|bytes| crate::PublicKey::from_bytes(bytes).ok())
            .and_then(|key| VerifyingKey::from_bytes(key.as_bytes()).ok());
        key.map(Key::Ed25519).ok_or(PasskeyKeyError)
    }
}

impl Key {
    fn verify(&self, message: &[u8], signature: &[u8]) -> bool {
        match self {
            Self::P256(key) => ecdsa::Signature::from_der(signature)
                .is_ok_and(|signature| key.verify(message, &signature).is_ok()),
            Self::Ed25519(key) => Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
        }
    }
}

impl Bytes {
    /// Some bytes.
    #[must_use]
    pub const fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub fn as_slice(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Display for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&URL_SAFE_NO_PAD.encode(&self.0))
    }
}

impl fmt::Debug for Bytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Bytes {
    type Err = BytesError;

    fn from_str(text: &str) -> Result<Self, BytesError> {
        if text.len() > MOST_BYTES.div_ceil(3) * 4 {
            return Err(BytesError);
        }
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| BytesError)?;
        if bytes.len() <= MOST_BYTES && URL_SAFE_NO_PAD.encode(&bytes) == text {
            Ok(Self(bytes))
        } else {
            Err(BytesError)
        }
    }
}

text_form!(Bytes);

#[cfg(test)]
mod tests;
