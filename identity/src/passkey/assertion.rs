//! An assertion: a passkey's signature, with what the browser and the device say of how it was made.

use std::{collections::BTreeSet, fmt};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use serde::{
    Deserialize, Deserializer, Serialize,
    de::{self, IgnoredAny, MapAccess, Visitor},
};
use sha2::{Digest as _, Sha256};

use super::{Bytes, Passkey, PasskeyKeyError};

/// Bits of the authenticator data's flags (section 6.1).
const USER_PRESENT: u8 = 0x01;
const USER_VERIFIED: u8 = 0x04;
const MAY_BE_BACKED_UP: u8 = 0x08;
const BACKED_UP: u8 = 0x10;

/// Where in the authenticator data the flags are, after the hash of the host name.
const FLAGS_AT: usize = 32;

/// The least that authenticator data has: hash, flags, counter.
const LEAST_BYTES: usize = 37;

/// What a browser hands over when somebody touched a passkey (section 5.2.2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assertion {
    /// Which passkey.
    pub credential: Bytes,
    /// What the device says.
    pub authenticator_data: Bytes,
    /// What the browser says: JSON, as the very bytes whose digest was signed.
    pub client_data: Bytes,
    /// The signature over both.
    pub signature: Bytes,
}

/// Why an assertion does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AssertionError {
    /// It is by another passkey.
    #[error("it is by another passkey")]
    Credential,
    /// What the browser says is not what a browser says.
    #[error("what the browser says cannot be read: {0}")]
    ClientData(String),
    /// It was made for something else than signing in or deciding.
    #[error("it was not made to assert anything")]
    Type,
    /// It answers something else.
    #[error("it answers another challenge")]
    Challenge,
    /// It was made on another page.
    #[error("it was made at {0}, which is not where this passkey is for")]
    Origin(String),
    /// What the device says is cut short.
    #[error("what the device says is cut short")]
    Short,
    /// It was made for another host.
    #[error("it was made for another host")]
    Host,
    /// Nobody touched the device.
    #[error("nobody was present when it was made")]
    NotPresent,
    /// Anybody could have touched the device.
    #[error("the device did not verify who touched it")]
    NotVerified,
    /// It says of its passkey what cannot be.
    #[error("the device says that a passkey is backed up which cannot be")]
    BackedUp,
    /// The key is none.
    #[error(transparent)]
    Key(#[from] PasskeyKeyError),
    /// The signature does not fit.
    #[error("the signature is not by this passkey over these words")]
    Signature,
}

/// An object in which no name stands twice, so that every reader reads the same.
struct Members;

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_map(Self)
    }
}

impl<'de> Visitor<'de> for Members {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self, A::Error> {
        let mut names = BTreeSet::new();
        while let Some((name, _)) = map.next_entry::<String, IgnoredAny>()? {
            if !names.insert(name) {
                return Err(de::Error::custom("a name stands twice"));
            }
        }
        Ok(self)
    }
}

/// What is needed of the JSON (section 5.8.1); a newer browser may say more.
#[derive(Deserialize)]
struct ClientData {
    #[serde(rename = "type")]
    kind: String,
    challenge: String,
    origin: String,
    #[serde(default, rename = "crossOrigin")]
    cross_origin: bool,
    #[serde(default, rename = "topOrigin")]
    top_origin: Option<IgnoredAny>,
}

impl Assertion {
    /// Verifies an assertion by the steps of section 7.2 that do not rest on stored state: that this passkey made it,
    /// over this challenge, on a page of its own host, with its user present and verified.
    ///
    /// The signature counter is not compared: passkeys that are synchronised keep it at zero.
    ///
    /// # Errors
    /// [`AssertionError`] with the first step that does not hold.
    pub fn verify(&self, passkey: &Passkey, challenge: &[u8]) -> Result<(), AssertionError> {
        if self.credential != passkey.id {
            return Err(AssertionError::Credential);
        }
        let unread =
            |why: &dyn ToString| AssertionError::ClientData(vocabulary::shown(&why.to_string(), 200));
        let text = std::str::from_utf8(self.client_data.as_slice()).map_err(|error| unread(&error))?;
        let _object: Members = serde_json::from_str(text).map_err(|error| unread(&error))?;
        let said: ClientData = serde_json::from_str(text).map_err(|error| unread(&error))?;
        if said.kind != "webauthn.get" {
            return Err(AssertionError::Type);
        }
        if said.challenge != URL_SAFE_NO_PAD.encode(challenge) {
            return Err(AssertionError::Challenge);
        }
        if said.cross_origin || said.top_origin.is_some() || !is_of(&said.origin, &passkey.rp_id) {
            return Err(AssertionError::Origin(vocabulary::shown(&said.origin, 120)));
        }
        let device = self.authenticator_data.as_slice();
        if device.len() < LEAST_BYTES {
            return Err(AssertionError::Short);
        }
        if device[..FLAGS_AT] != Sha256::digest(passkey.rp_id.as_bytes())[..] {
            return Err(AssertionError::Host);
        }
        let flags = device[FLAGS_AT];
        if flags & USER_PRESENT == 0 {
            return Err(AssertionError::NotPresent);
        }
        if flags & USER_VERIFIED == 0 {
            return Err(AssertionError::NotVerified);
        }
        if flags & BACKED_UP != 0 && flags & MAY_BE_BACKED_UP == 0 {
            return Err(AssertionError::BackedUp);
        }
        let mut signed = device.to_vec();
        signed.extend_from_slice(&Sha256::digest(self.client_data.as_slice()));
        if passkey.key()?.verify(&signed, self.signature.as_slice()) {
            Ok(())
        } else {
            Err(AssertionError::Signature)
        }
    }
}

impl Assertion {
    /// Whether the browser says that it was made on a page of exactly this origin. Of weight only where [`Self::verify`] holds.
    #[must_use]
    pub fn was_made_at(&self, origin: &str) -> bool {
        serde_json::from_slice::<ClientData>(self.client_data.as_slice())
            .is_ok_and(|said| said.origin == origin)
    }
}

/// Whether a page of this origin is the host's own: over TLS, or on this very machine.
fn is_of(origin: &str, host: &str) -> bool {
    let Some((scheme, rest)) = origin.split_once("://") else {
        return false;
    };
    let (name, port) = rest.split_once(':').unwrap_or((rest, "443"));
    let secure = scheme == "https" || (scheme == "http" && host == "localhost");
    secure && name == host && !port.is_empty() && port.bytes().all(|digit| digit.is_ascii_digit())
}
