//! Touch keys: OpenSSH keys that a security key holds, and that sign only when a human touches it and is verified.
//!
//! OpenSSH's PROTOCOL.u2f defines the keys, and PROTOCOL.sshsig what `ssh-keygen -Y sign` writes
//! (<https://github.com/openssh/openssh-portable>). Attestation is not asked for: that a touch key is a member's is said by
//! that member's own key ([`crate::SignedEnrolment`]), not by who built the device.

mod signature;
mod wire;

use std::{fmt, str::FromStr};

use base64::{
    Engine as _,
    engine::general_purpose::{STANDARD, STANDARD_NO_PAD},
};
use ed25519_dalek::VerifyingKey;
use p256::ecdsa;
use sha2::{Digest as _, Sha256};
use vocabulary::{shown, text_form};

pub use signature::{NAMESPACE, TouchSignature, TouchSignatureError};
use wire::{Wire, put};

/// What the two kinds of keys are called.
const ED25519: &str = "sk-ssh-ed25519@openssh.com";
const P256: &str = "sk-ecdsa-sha2-nistp256@openssh.com";

/// What the curve of the latter is called.
const CURVE: &str = "nistp256";

/// What OpenSSH has the application of its keys begin with. A key of another is a browser's.
const APPLICATION: &str = "ssh:";

/// The most bytes of a key's line, and of the name of its application.
const MOST_BYTES: usize = 2 * 1024;
const MOST_APPLICATION_BYTES: usize = 255;

/// The public half of a member's touch key: in text the first two words of what `ssh-keygen` writes to `FILE.pub`.
#[derive(Clone, PartialEq, Eq)]
pub struct TouchKey {
    key: Key,
    application: String,
}

#[derive(Clone, PartialEq, Eq)]
enum Key {
    P256(ecdsa::VerifyingKey),
    Ed25519(VerifyingKey),
}

/// The SHA-256 digest of a touch key's public half: in text as `ssh-keygen -l` shows it, `SHA256:...`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Fingerprint([u8; 32]);

/// Why a text is no fingerprint.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("expected a fingerprint as ssh-keygen -l shows it: SHA256: and 43 characters")]
pub struct FingerprintError;

/// Why a public key is none of a touch key's.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TouchKeyError {
    /// Not the line of a public key.
    #[error("expected the line that ssh-keygen writes to FILE.pub, as {ED25519} AAAA...")]
    Form,
    /// A key of another kind.
    #[error(
        "a key of the kind {0} is held by no security key; make one with: ssh-keygen -t ed25519-sk -O verify-required"
    )]
    Kind(String),
    /// Its bytes are no point of the curve, or one that cannot be relied on.
    #[error("the touch key's bytes are no public key that can be relied on")]
    Point,
    /// It was made for something else than OpenSSH.
    #[error("the touch key was made for {0}, and OpenSSH's begin with {APPLICATION}")]
    Application(String),
}

impl TouchKey {
    /// The key of a file that `ssh-keygen` wrote: one line, whose comment says nothing.
    ///
    /// # Errors
    /// [`TouchKeyError`].
    pub fn from_public_file(text: &str) -> Result<Self, TouchKeyError> {
        let mut words = text.split_ascii_whitespace();
        let (Some(kind), Some(encoded)) = (words.next(), words.next()) else {
            return Err(TouchKeyError::Form);
        };
        if text.trim_end().lines().count() != 1 {
            return Err(TouchKeyError::Form);
        }
        format!("{kind} {encoded}").parse()
    }

    /// By which people and records name it.
    #[must_use]
    pub fn fingerprint(&self) -> Fingerprint {
        Fingerprint(Sha256::digest(self.blob()).into())
    }

    /// Its bytes, as SSH writes them: PROTOCOL.u2f, "SSH U2F Key formats".
    fn blob(&self) -> Vec<u8> {
        let mut blob = Vec::new();
        put(&mut blob, self.kind().as_bytes());
        match &self.key {
            Key::P256(key) => {
                put(&mut blob, CURVE.as_bytes());
                put(&mut blob, key.to_encoded_point(false).as_bytes());
            }
            Key::Ed25519(key) => put(&mut blob, key.as_bytes()),
        }
        put(&mut blob, self.application.as_bytes());
        blob
    }

    fn from_blob(blob: &[u8]) -> Result<Self, TouchKeyError> {
        let mut wire = Wire::new(blob);
        let kind = wire.string().ok_or(TouchKeyError::Form)?;
        let key = match std::str::from_utf8(kind) {
            Ok(ED25519) => {
                let bytes = wire.string().ok_or(TouchKeyError::Form)?;
                // What keys of members' have to be, these have to be as well.
                <[u8; 32]>::try_from(bytes)
                    .ok()
                    .and_then(|bytes| crate::PublicKey::from_bytes(bytes).ok())
                    .and_then(|key| VerifyingKey::from_bytes(key.as_bytes()).ok())
                    .map(Key::Ed25519)
            }
            Ok(P256) => {
                let curve = wire.string().ok_or(TouchKeyError::Form)?;
                let point = wire.string().ok_or(TouchKeyError::Form)?;
                // Uncompressed, as OpenSSH writes it: another spelling would be another text for the same key.
                let whole = curve == CURVE.as_bytes() && point.len() == 65 && point.first() == Some(&4);
                let key = ecdsa::VerifyingKey::from_sec1_bytes(point).ok().filter(|_| whole);
                key.map(Key::P256)
            }
            _ => return Err(TouchKeyError::Kind(shown(&String::from_utf8_lossy(kind), 64))),
        };
        let application = wire.string().ok_or(TouchKeyError::Form)?;
        wire.end().ok_or(TouchKeyError::Form)?;
        let application = String::from_utf8_lossy(application);
        let plain = application.len() <= MOST_APPLICATION_BYTES
            && application.bytes().all(|byte| byte.is_ascii_graphic());
        if !plain || !application.starts_with(APPLICATION) {
            return Err(TouchKeyError::Application(shown(&application, 64)));
        }
        Ok(Self {
            key: key.ok_or(TouchKeyError::Point)?,
            application: application.into_owned(),
        })
    }

    const fn kind(&self) -> &'static str {
        match self.key {
            Key::P256(_) => P256,
            Key::Ed25519(_) => ED25519,
        }
    }
}

impl fmt::Display for TouchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.kind(), STANDARD.encode(self.blob()))
    }
}

impl fmt::Debug for TouchKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for TouchKey {
    type Err = TouchKeyError;

    fn from_str(text: &str) -> Result<Self, TouchKeyError> {
        let (kind, encoded) = text
            .split_once(' ')
            .filter(|_| text.len() <= MOST_BYTES)
            .ok_or(TouchKeyError::Form)?;
        let blob = STANDARD.decode(encoded).map_err(|_| TouchKeyError::Form)?;
        let key = Self::from_blob(&blob)?;
        if key.kind() == kind && STANDARD.encode(&blob) == encoded {
            Ok(key)
        } else {
            Err(TouchKeyError::Form)
        }
    }
}

impl fmt::Display for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SHA256:{}", STANDARD_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Fingerprint {
    type Err = FingerprintError;

    fn from_str(text: &str) -> Result<Self, FingerprintError> {
        let digest = text.strip_prefix("SHA256:").filter(|digest| digest.len() == 43);
        let bytes = digest.and_then(|digest| STANDARD_NO_PAD.decode(digest).ok());
        let bytes = bytes.and_then(|bytes| <[u8; 32]>::try_from(bytes).ok());
        bytes
            .map(Self)
            .filter(|fingerprint| fingerprint.to_string() == text)
            .ok_or(FingerprintError)
    }
}

text_form!(TouchKey, Fingerprint);

#[cfg(test)]
mod tests;
