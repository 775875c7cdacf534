//! Bodies: what an entry commits to without containing it.

use subtle::ConstantTimeEq;

use crate::Commitment;

/// Largest body, in bytes.
pub const MAX_BODY_BYTES: usize = 16 << 20;

/// The secret that makes a commitment say nothing about a guessable body; erased together with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Salt([u8; 32]);

impl Salt {
    /// Length in bytes.
    pub const LEN: usize = 32;

    /// The salt with these bytes, which the caller drew at random.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The commitment to a body: `BLAKE3 keyed_hash(salt, body)`.
    #[must_use]
    pub fn commit(&self, body: &[u8]) -> Commitment {
        Commitment::from_bytes(*blake3::keyed_hash(&self.0, body).as_bytes())
    }

    /// Whether this salt and body are those that were committed to; takes the same time for any answer.
    #[must_use]
    pub fn opens(&self, commitment: &Commitment, body: &[u8]) -> bool {
        self.commit(body).as_bytes().ct_eq(commitment.as_bytes()).into()
    }
}

/// A body with its salt, committed to by whichever thread brings it: hashing is most of what appending a body
/// costs, and the ledger's one thread need not do it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SaltedBody {
    salt: Salt,
    commitment: Commitment,
    bytes: Vec<u8>,
}

impl SaltedBody {
    /// Commits to these bytes under a salt that was drawn at random for them.
    #[must_use]
    pub fn new(salt: Salt, bytes: Vec<u8>) -> Self {
        Self {
            salt,
            commitment: salt.commit(&bytes),
            bytes,
        }
    }

    /// What an entry says of it.
    #[must_use]
    pub const fn claim(&self) -> BodyClaim {
        BodyClaim {
            commitment: self.commitment,
            size: self.bytes.len() as u64,
        }
    }

    /// The salt.
    #[must_use]
    pub const fn salt(&self) -> &Salt {
        &self.salt
    }

    /// The body.
    #[must_use]
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// How many bytes salt and body have together.
    pub(crate) const fn stored_len(&self) -> usize {
        Salt::LEN + self.bytes.len()
    }
}

/// What an entry says of its body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize)]
pub struct BodyClaim {
    /// What the salt and the bytes must open.
    pub commitment: Commitment,
    /// How many bytes there are.
    pub size: u64,
}

/// What is there of an entry's body. A body that is there but does not open its commitment is an error
/// and not a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum BodyState {
    /// The entry never had one.
    None,
    /// These bytes, which open the entry's commitment.
    Present(Vec<u8>),
    /// It was erased, with its salt; the entry still says how large it was.
    Erased,
}
