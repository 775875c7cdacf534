//! Members' delegation keys: the private half that mints, and the public halves by which tokens are verified.

use std::{collections::BTreeMap, fmt, sync::Arc};

use biscuit_auth::{Algorithm, KeyPair, PrivateKey};
use ed25519_dalek::VerifyingKey;
use vocabulary::MemberId;
use zeroize::Zeroizing;

/// The private half of a member's delegation key. Ed25519 only: a P-256 signature can be rewritten into another
/// valid one, and with it the block's revocation identifier.
pub struct RootKey(KeyPair);

/// The public half of a member's delegation key.
pub type RootPublicKey = [u8; 32];

impl RootKey {
    /// The key with this secret.
    ///
    /// # Panics
    /// Never: every 32 bytes are an Ed25519 secret.
    #[must_use]
    #[expect(
        clippy::expect_used,
        reason = "the only error is a wrong length, which the type excludes"
    )]
    pub fn from_secret(secret: &Zeroizing<[u8; 32]>) -> Self {
        let private = PrivateKey::from_bytes(secret.as_slice(), Algorithm::Ed25519).expect("32 bytes");
        Self(KeyPair::from(&private))
    }

    /// The public half.
    ///
    /// # Panics
    /// Never: an Ed25519 key has 32 bytes.
    #[must_use]
    #[expect(clippy::expect_used, reason = "the algorithm is fixed where the key is made")]
    pub fn public(&self) -> RootPublicKey {
        self.0.public().to_bytes().try_into().expect("32 bytes")
    }

    pub(crate) const fn pair(&self) -> &KeyPair {
        &self.0
    }
}

impl fmt::Debug for RootKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RootKey(..)")
    }
}

/// The delegation keys of a workspace's members, by the number under which tokens name them.
#[derive(Debug, Clone, Default)]
pub struct Keyring(Arc<BTreeMap<u32, (MemberId, VerifyingKey)>>);

/// Why a key was not taken into a keyring.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum KeyringError {
    /// The number is another member's.
    #[error("root key {0} is taken")]
    Taken(u32),
    /// Not a key.
    #[error("the delegation key of {0} is no Ed25519 public key")]
    NotAKey(MemberId),
}

impl Keyring {
    /// Adds a member's key.
    ///
    /// # Errors
    /// [`KeyringError`].
    pub fn insert(&mut self, number: u32, member: MemberId, key: &RootPublicKey) -> Result<(), KeyringError> {
        if self.0.contains_key(&number) {
            return Err(KeyringError::Taken(number));
        }
        let key = VerifyingKey::from_bytes(key)
            .ok()
            // With a part of small order, whether a signature holds would hang on who checks it.
            .filter(|key| !key.is_weak() && key.to_edwards().is_torsion_free())
            .ok_or(KeyringError::NotAKey(member))?;
        Arc::make_mut(&mut self.0).insert(number, (member, key));
        Ok(())
    }

    /// Lets go of a member's key: what it signs from now on counts for nothing.
    pub fn remove(&mut self, member: MemberId) {
        Arc::make_mut(&mut self.0).retain(|_, (owner, _)| *owner != member);
    }

    /// Whether this is the other, or a clone of it, to which nothing was done since.
    pub(crate) fn is(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }

    /// The number of a member's key.
    #[must_use]
    pub fn number_of(&self, member: MemberId) -> Option<u32> {
        self.0
            .iter()
            .find(|(_, (owner, _))| *owner == member)
            .map(|(number, _)| *number)
    }

    /// The member whose key has this number.
    #[must_use]
    pub fn member(&self, number: u32) -> Option<MemberId> {
        self.0.get(&number).map(|(member, _)| *member)
    }

    /// The member whose key has this number, and the key.
    pub(crate) fn signer(&self, number: u32) -> Option<(MemberId, &VerifyingKey)> {
        self.0.get(&number).map(|(member, key)| (*member, key))
    }
}
