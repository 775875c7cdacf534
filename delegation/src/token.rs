//! Tokens as texts: base64url of the Biscuit's protobuf, in one canonical form.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE};
use biscuit_auth::{UnverifiedBiscuit, format::schema};
use prost::Message as _;
use zeroize::Zeroizing;

use crate::{
    Denial, Grant, MAX_BLOCKS, MAX_TOKEN_BYTES,
    lint::{self, Shape},
};

/// A delegation as a member minted it: the wide token. It lies in a file that only its owner can read, and goes no
/// further than the process that attenuates it.
pub struct DelegationToken {
    text: Zeroizing<String>,
    pub(crate) biscuit: UnverifiedBiscuit,
    grant: Grant,
}

/// A delegation attenuated for one session, and sealed.
#[derive(Clone)]
pub struct SessionToken(String);

/// A delegation without its power: proof that a member's key signed it.
#[derive(Debug, Clone)]
pub struct WitnessToken(String);

/// The BLAKE3 digest of a token's text: names a token without giving it away.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct TokenDigest([u8; 32]);

impl DelegationToken {
    /// Reads a delegation's text. Its signature is not checked, for that takes the workspace's keys: who holds a
    /// delegation attenuates it, and the hub verifies what comes of it.
    ///
    /// # Errors
    /// [`Denial`] where it is no delegation of our shape.
    pub fn parse_unverified(text: &str) -> Result<Self, Denial> {
        let bytes = decode(text)?;
        let parts = Parts::read(&bytes)?;
        let grant = match lint::lint(&parts)? {
            Shape::Delegation(grant) => grant,
            Shape::Session(..) | Shape::Witness(_) => {
                return Err(Denial::TokenMalformed(
                    "it is no delegation that can be attenuated",
                ));
            }
        };
        let biscuit = UnverifiedBiscuit::from(&bytes)
            .map_err(|_| Denial::TokenMalformed("biscuit does not read it"))?;
        Ok(Self {
            text: Zeroizing::new(text.to_owned()),
            biscuit,
            grant,
        })
    }

    /// What it says.
    #[must_use]
    pub const fn grant(&self) -> &Grant {
        &self.grant
    }

    /// The text itself, to be written where only its owner reads it.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.text
    }
}

impl fmt::Debug for DelegationToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DelegationToken({})", self.grant.id)
    }
}

impl SessionToken {
    /// Reads a session token's text, as who made it kept it. Its signatures are not checked: whoever is shown it does that.
    ///
    /// # Errors
    /// [`Denial`] where it is no session token of our shape.
    pub fn parse_unverified(text: &str) -> Result<Self, Denial> {
        let bytes = decode(text)?;
        match lint::lint(&Parts::read(&bytes)?)? {
            Shape::Session(..) => Ok(Self(text.to_owned())),
            Shape::Delegation(_) => Err(Denial::NotASessionToken { kind: "delegation" }),
            Shape::Witness(_) => Err(Denial::NotASessionToken { kind: "witness" }),
        }
    }

    pub(crate) const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, to be shown to the hub.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SessionToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SessionToken({})", TokenDigest::of(&self.0))
    }
}

impl WitnessToken {
    pub(crate) const fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, which gives nobody anything.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TokenDigest {
    pub(crate) fn of(text: &str) -> Self {
        Self(*blake3::hash(text.as_bytes()).as_bytes())
    }
}

impl fmt::Display for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for TokenDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// A token's structure, as its bytes say it and before anybody vouches for them.
pub(crate) struct Parts {
    pub(crate) token: schema::Biscuit,
    pub(crate) blocks: Vec<schema::Block>,
}

impl Parts {
    /// Reads the protobuf, in its one canonical form: unknown fields or another order of fields would be bytes that
    /// no signature covers.
    pub(crate) fn read(bytes: &[u8]) -> Result<Self, Denial> {
        let not_protobuf = |_| Denial::TokenMalformed("it is no protobuf of a Biscuit");
        let token = schema::Biscuit::decode(bytes).map_err(not_protobuf)?;
        let count = 1 + token.blocks.len();
        if count > MAX_BLOCKS {
            return Err(Denial::TooManyBlocks { count });
        }
        let mut blocks = Vec::with_capacity(count);
        for signed in std::iter::once(&token.authority).chain(&token.blocks) {
            let block = schema::Block::decode(signed.block.as_slice()).map_err(not_protobuf)?;
            // No signature covers a version of zero, and no writer writes it.
            if block.encode_to_vec() != signed.block || signed.version == Some(0) {
                return Err(Denial::TokenMalformed("a block is not in canonical form"));
            }
            blocks.push(block);
        }
        if token.encode_to_vec() != bytes {
            return Err(Denial::TokenMalformed("it is not in canonical form"));
        }
        Ok(Self { token, blocks })
    }

    /// What each block can be revoked by: its signature.
    pub(crate) fn revocation_ids(&self) -> Vec<Vec<u8>> {
        std::iter::once(&self.token.authority)
            .chain(&self.token.blocks)
            .map(|block| block.signature.clone())
            .collect()
    }
}

/// A text's bytes, within the size that any token of ours has.
pub(crate) fn decode(text: &str) -> Result<Vec<u8>, Denial> {
    // Four characters hold three bytes.
    if text.len() > MAX_TOKEN_BYTES.div_ceil(3) * 4 {
        return Err(Denial::TokenTooLarge {
            size: text.len() / 4 * 3,
        });
    }
    let bytes = URL_SAFE
        .decode(text)
        .map_err(|_| Denial::TokenMalformed("it is no base64url"))?;
    if bytes.len() > MAX_TOKEN_BYTES {
        Err(Denial::TokenTooLarge { size: bytes.len() })
    } else {
        Ok(bytes)
    }
}

pub(crate) fn encode(bytes: &[u8]) -> String {
    URL_SAFE.encode(bytes)
}
