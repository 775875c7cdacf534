//! What is kept on disk while no hub can be reached: one signed record a file, taken in by the next hub.
//!
//! A spooled record proves itself: it carries the session token and the holder's signature over its own
//! bytes, so a file dropped into the folder by somebody else is refused, and a changed one too. What a client's hook told
//! may hold secrets that nobody had time to look for; it is sealed to the hub.

use std::{fmt, io};

use base64::{Engine as _, engine::general_purpose::STANDARD};
use crypto_box::{PublicKey, SecretKey, aead::OsRng};
use serde::{Deserialize, Serialize};
use vocabulary::{Client, RequestId, Timestamp};

use crate::{Observation, Via};

/// What the hub's key for sealed events is derived for.
const KEY_CONTEXT: &str = "auditotter 2026 spool key v1";

/// What happened while nobody was there to record it.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Spooled {
    /// Taken in once, however often it is found.
    pub id: RequestId,
    /// When the agent side says that it happened. A claim: the entry's own time is when it was taken in.
    pub claimed_at: Timestamp,
    /// What acts.
    pub via: Via,
    /// What happened.
    pub what: Happened,
}

/// What can be kept.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
pub enum Happened {
    /// What the agent side saw.
    Observed(Observation),
    /// What a client's hook told.
    Told {
        /// Whose hook.
        client: Client,
        /// The event, sealed to the hub.
        sealed: Sealed,
    },
}

/// Bytes that only the hub of a home can read: NaCl's sealed box (X25519, XSalsa20-Poly1305), in base64.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Sealed(String);

/// To whom it is sealed.
pub struct SpoolKey(PublicKey);

/// Who can open it.
pub struct SpoolSecret(SecretKey);

impl SpoolKey {
    /// The key of this text, as [`SpoolSecret::public_text`] gives it.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let mut bytes = [0; 32];
        hex::decode_to_slice(text.trim(), &mut bytes).ok()?;
        Some(Self(PublicKey::from(bytes)))
    }

    /// Seals bytes.
    ///
    /// # Errors
    /// Where they are more than can be sealed.
    pub fn seal(&self, bytes: &[u8]) -> io::Result<Sealed> {
        let sealed = self
            .0
            .seal(&mut OsRng, bytes)
            .map_err(|_| io::ErrorKind::InvalidData)?;
        Ok(Sealed(STANDARD.encode(sealed)))
    }
}

impl SpoolSecret {
    /// The hub's, which follows from its own key.
    #[must_use]
    pub fn derive(seed: &[u8; 32]) -> Self {
        Self(SecretKey::from(blake3::derive_key(KEY_CONTEXT, seed)))
    }

    /// The public half, for whoever seals.
    #[must_use]
    pub fn public_text(&self) -> String {
        hex::encode(self.0.public_key().as_bytes())
    }

    /// What was sealed; `None` where it was sealed to somebody else, or changed.
    #[must_use]
    pub fn open(&self, sealed: &Sealed) -> Option<Vec<u8>> {
        self.0.unseal(&STANDARD.decode(&sealed.0).ok()?).ok()
    }
}

impl fmt::Debug for SpoolSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SpoolSecret(..)")
    }
}

impl fmt::Debug for SpoolKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SpoolKey({})", hex::encode(self.0.as_bytes()))
    }
}

/// A spool file: the record's exact bytes as text, and what proves them.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SpoolFile {
    /// The session token under which it happened.
    pub token: String,
    /// [`Spooled`] as JSON; the signature is over these bytes.
    pub record: String,
    /// The holder's signature over the request id and the record, in hex.
    pub proof: String,
}

/// The largest spool file that is taken in, in bytes: the longest event, sealed.
pub const MAX_SPOOL_BYTES: u64 = 12 * 1024 * 1024;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_hub_opens_what_was_sealed_to_it() {
        let (own, other) = (SpoolSecret::derive(&[7; 32]), SpoolSecret::derive(&[8; 32]));
        let key = SpoolKey::parse(&own.public_text()).unwrap();
        let sealed = key.seal(b"a prompt").unwrap();
        assert_eq!(own.open(&sealed).as_deref(), Some(&b"a prompt"[..]));
        assert_eq!(other.open(&sealed), None);
        assert_ne!(key.seal(b"a prompt").unwrap(), sealed, "each is sealed anew");
        let changed = Sealed(sealed.0.replacen(|c: char| c.is_ascii_lowercase(), "A", 1));
        assert_eq!(own.open(&changed), None);
        for not_one in ["", "é", &sealed.0[..20]] {
            assert_eq!(own.open(&Sealed(not_one.to_owned())), None);
        }
        assert!(SpoolKey::parse("zz").is_none());
    }
}
