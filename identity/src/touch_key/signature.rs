//! What `ssh-keygen -Y sign` writes, with what the security key says of how it was made.

use base64::{Engine as _, engine::general_purpose::STANDARD};
use ed25519_dalek::Signature;
use p256::ecdsa::{self, signature::Verifier as _};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256, Sha512};
use vocabulary::shown;

use super::{Key, TouchKey, TouchKeyError, wire::Wire, wire::put};

/// What touch keys are asked to sign a decision for, so that nothing else that they sign counts as one, nor the reverse.
/// PROTOCOL.sshsig asks for a domain after the `@`; nobody will ever own one under `.invalid` (RFC 6761, section 6.4).
pub const NAMESPACE: &str = "auditotter-decision-v1@auditotter.invalid";

/// The digest of what is signed. PROTOCOL.sshsig knows `sha256` too; `ssh-keygen` has never used it by itself.
const HASH: &str = "sha512";

const MAGIC: &[u8] = b"SSHSIG";
const VERSION: u32 = 1;

const BEGIN: &str = "-----BEGIN SSH SIGNATURE-----\n";
const END: &str = "-----END SSH SIGNATURE-----\n";

/// How many characters a line of the armour has.
const COLUMNS: usize = 70;

/// The most bytes of an armoured signature; one has about 500.
const MOST_BYTES: usize = 8 * 1024;

/// Bits of the flags: those of Web Authentication Level 3, section 6.1.
const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;

/// A touch key's signature, to the letter as `ssh-keygen` writes it: whoever has one checks it again with
/// `ssh-keygen -Y verify`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TouchSignature {
    /// The armoured signature.
    pub ssh_signature: String,
}

/// Why a touch key's signature does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TouchSignatureError {
    /// Not what `ssh-keygen` writes.
    #[error("it is no signature as ssh-keygen writes one: {0}")]
    Malformed(&'static str),
    /// It is by a key that no security key holds, or that is none.
    #[error(transparent)]
    Key(#[from] TouchKeyError),
    /// It is by another touch key.
    #[error("it is by another touch key")]
    AnotherKey,
    /// It was made for something else.
    #[error("it was made for {0}, not to decide anything")]
    Namespace(String),
    /// What was signed is another digest than it has to be.
    #[error("it is over a {0} digest, not a {HASH} one")]
    Hash(String),
    /// Nobody touched the device.
    #[error("nobody was present when it was made; use a key that was made without -O no-touch-required")]
    NotPresent,
    /// Anybody could have touched the device.
    #[error("the device did not verify who touched it; use a key that was made with -O verify-required")]
    NotVerified,
    /// The signature does not fit.
    #[error("the signature is not by this touch key over these words")]
    Signature,
}

/// The parts of a signature: PROTOCOL.sshsig, "Blob format", and PROTOCOL.u2f, "SSH U2F Signatures".
struct Parts<'a> {
    key: TouchKey,
    namespace: &'a [u8],
    hash: &'a [u8],
    kind: &'a [u8],
    signature: &'a [u8],
    flags: u8,
    /// Not compared: devices keep one counter for all that their keys sign anywhere, or none, and what makes a decision
    /// count once is its challenge. It is of what is signed.
    counter: u32,
}

impl TouchSignature {
    /// Which key it says that it is by.
    ///
    /// # Errors
    /// [`TouchSignatureError`].
    pub fn by(&self) -> Result<TouchKey, TouchSignatureError> {
        let blob = self.blob()?;
        Parts::read(&blob).map(|parts| parts.key)
    }

    /// Verifies that this key signed these words as a decision, and that its device says that a human was there, and that it
    /// made sure who.
    ///
    /// # Errors
    /// [`TouchSignatureError`] with the first thing that does not hold.
    pub fn verify(&self, key: &TouchKey, words: &[u8]) -> Result<(), TouchSignatureError> {
        let blob = self.blob()?;
        let parts = Parts::read(&blob)?;
        if parts.key != *key {
            return Err(TouchSignatureError::AnotherKey);
        }
        let lossy = |bytes: &[u8]| shown(&String::from_utf8_lossy(bytes), 64);
        if parts.namespace != NAMESPACE.as_bytes() {
            return Err(TouchSignatureError::Namespace(lossy(parts.namespace)));
        }
        if parts.hash != HASH.as_bytes() {
            return Err(TouchSignatureError::Hash(lossy(parts.hash)));
        }
        if parts.flags & USER_PRESENT == 0 {
            return Err(TouchSignatureError::NotPresent);
        }
        if parts.flags & USER_VERIFIED == 0 {
            return Err(TouchSignatureError::NotVerified);
        }
        if parts.kind == key.kind().as_bytes() && key.signed(&parts.signed(words), parts.signature) {
            Ok(())
        } else {
            Err(TouchSignatureError::Signature)
        }
    }

    /// What is within the armour, which has one form.
    fn blob(&self) -> Result<Vec<u8>, TouchSignatureError> {
        let text = self.ssh_signature.as_str();
        let malformed = TouchSignatureError::Malformed("its armour is broken");
        if text.len() > MOST_BYTES {
            return Err(malformed);
        }
        let encoded = text.strip_prefix(BEGIN).and_then(|rest| rest.strip_suffix(END));
        let blob = encoded.and_then(|lines| STANDARD.decode(lines.replace('\n', "")).ok());
        blob.filter(|blob| armoured(blob) == text).ok_or(malformed)
    }
}

/// PROTOCOL.sshsig, "Armored format".
pub(super) fn armoured(blob: &[u8]) -> String {
    let encoded = STANDARD.encode(blob);
    let mut text = BEGIN.to_owned();
    for (place, character) in encoded.chars().enumerate() {
        if place > 0 && place % COLUMNS == 0 {
            text.push('\n');
        }
        text.push(character);
    }
    text + "\n" + END
}

impl<'a> Parts<'a> {
    fn read(blob: &'a [u8]) -> Result<Self, TouchSignatureError> {
        let short = || TouchSignatureError::Malformed("it is cut short, or has a part too many");
        let mut wire = Wire::new(blob);
        if wire.take(MAGIC.len()) != Some(MAGIC) || wire.number() != Some(VERSION) {
            return Err(TouchSignatureError::Malformed("it is of another version"));
        }
        let key = TouchKey::from_blob(wire.string().ok_or_else(short)?)?;
        let namespace = wire.string().ok_or_else(short)?;
        let reserved = wire.string().ok_or_else(short)?;
        let hash = wire.string().ok_or_else(short)?;
        let mut inner = Wire::new(wire.string().ok_or_else(short)?);
        wire.end().ok_or_else(short)?;
        if !reserved.is_empty() {
            return Err(TouchSignatureError::Malformed("it says what nobody knows yet"));
        }
        let parts = Self {
            key,
            namespace,
            hash,
            kind: inner.string().ok_or_else(short)?,
            signature: inner.string().ok_or_else(short)?,
            flags: inner.byte().ok_or_else(short)?,
            counter: inner.number().ok_or_else(short)?,
        };
        inner.end().ok_or_else(short)?;
        Ok(parts)
    }

    /// What the device signed: the digest of its application, flags, counter, and the digest of what `ssh-keygen` hands it.
    fn signed(&self, words: &[u8]) -> Vec<u8> {
        let mut message = MAGIC.to_vec();
        for part in [self.namespace, b"", self.hash, &Sha512::digest(words)] {
            put(&mut message, part);
        }
        let mut signed = Sha256::digest(self.key.application.as_bytes()).to_vec();
        signed.push(self.flags);
        signed.extend_from_slice(&self.counter.to_be_bytes());
        signed.extend_from_slice(&Sha256::digest(&message));
        signed
    }
}

impl TouchKey {
    fn signed(&self, message: &[u8], signature: &[u8]) -> bool {
        match &self.key {
            Key::Ed25519(key) => Signature::from_slice(signature)
                .is_ok_and(|signature| key.verify_strict(message, &signature).is_ok()),
            Key::P256(key) => {
                scalars(signature).is_some_and(|signature| key.verify(message, &signature).is_ok())
            }
        }
    }
}

fn scalars(signature: &[u8]) -> Option<ecdsa::Signature> {
    let mut wire = Wire::new(signature);
    let (r, s) = (wire.integer()?, wire.integer()?);
    wire.end()?;
    ecdsa::Signature::from_scalars(r, s).ok()
}
