//! Verifying: from a text to something that can be asked, in the order from cheap to dear.

use std::collections::BTreeSet;

use biscuit_auth::format::schema;
use vocabulary::{RequestId, SessionId, Timestamp};

use crate::{
    AgentVerb, Denial, Grant, HandshakeSubject, HolderKey, HolderPublicKey, Keyring, TokenDigest,
    WebRequestSubject,
    authorize::Allowed,
    chain::Chain,
    lint::{self, Shape, Share},
    token::{Parts, decode},
};

/// The largest token that is looked at, in bytes.
pub const MAX_TOKEN_BYTES: usize = 4 * 1024;

/// The most blocks that a token may have.
pub const MAX_BLOCKS: usize = 4;

/// A session token whose signatures hold and whose shape is ours. What may be done under it is asked of
/// [`Self::authorize`], anew for every call.
#[derive(Debug)]
pub struct VerifiedToken {
    pub(crate) blocks: Vec<schema::Block>,
    pub(crate) grant: Grant,
    pub(crate) session: SessionId,
    pub(crate) holder: HolderPublicKey,
    pub(crate) verbs: BTreeSet<AgentVerb>,
    pub(crate) expires_at: Timestamp,
    pub(crate) revocation_ids: Vec<Vec<u8>>,
    pub(crate) allowed: Allowed,
    digest: TokenDigest,
}

/// Verifies a session token: size, blocks, signatures, shape.
///
/// # Errors
/// [`Denial`] with the first thing that does not hold.
pub fn verify(text: &str, keyring: &Keyring) -> Result<VerifiedToken, Denial> {
    let (parts, shape) = open(text, keyring, Chain::holds_at_once)?;
    match shape {
        Shape::Session(
            grant,
            Share {
                session,
                holder,
                verbs,
                expires_at,
            },
        ) => Ok(VerifiedToken {
            revocation_ids: parts.revocation_ids(),
            blocks: parts.blocks,
            grant,
            session,
            holder,
            verbs,
            expires_at,
            allowed: Allowed::default(),
            digest: TokenDigest::of(text),
        }),
        Shape::Delegation(_) => Err(Denial::NotASessionToken { kind: "delegation" }),
        Shape::Witness(_) => Err(Denial::NotASessionToken { kind: "witness" }),
    }
}

/// Verifies a witness: that a member's key signed this grant, in that very member's name.
///
/// # Errors
/// [`Denial`].
pub fn verify_witness(text: &str, keyring: &Keyring) -> Result<Grant, Denial> {
    match open(text, keyring, Chain::holds_one_by_one)?.1 {
        Shape::Witness(grant) => Ok(grant),
        Shape::Delegation(_) | Shape::Session(..) => Err(Denial::NotAWitness),
    }
}

fn open(
    text: &str,
    keyring: &Keyring,
    holds: fn(&Chain) -> Result<(), Denial>,
) -> Result<(Parts, Shape), Denial> {
    let bytes = decode(text)?;
    let parts = Parts::read(&bytes)?;
    let root = parts.token.root_key_id;
    let (signer, key) = root
        .and_then(|number| keyring.signer(number))
        .ok_or(Denial::UnknownRootKey(root))?;
    lint::envelope(&parts)?;
    holds(&Chain::of(&parts.token, key)?)?;
    let shape = lint::lint(&parts)?;
    let (Shape::Delegation(grant) | Shape::Session(grant, _) | Shape::Witness(grant)) = &shape;
    // A member's key speaks for that member only.
    if grant.on_behalf_of != signer {
        return Err(Denial::LenderMismatch { delegation: grant.id });
    }
    Ok((parts, shape))
}

impl VerifiedToken {
    /// What the member lent.
    #[must_use]
    pub const fn grant(&self) -> &Grant {
        &self.grant
    }

    /// The session it is for.
    #[must_use]
    pub const fn session(&self) -> SessionId {
        self.session
    }

    /// The key that has to be held.
    #[must_use]
    pub const fn holder(&self) -> &HolderPublicKey {
        &self.holder
    }

    /// What every block leaves of what was lent.
    #[must_use]
    pub const fn verbs(&self) -> &BTreeSet<AgentVerb> {
        &self.verbs
    }

    /// The earliest end that any block sets.
    #[must_use]
    pub const fn expires_at(&self) -> Timestamp {
        self.expires_at
    }

    /// Names the token without giving it away.
    #[must_use]
    pub const fn digest(&self) -> TokenDigest {
        self.digest
    }

    /// Checks that who shows the token holds its key, on this very connection.
    ///
    /// # Errors
    /// [`Denial::BadProof`].
    pub fn check_handshake(&self, subject: &HandshakeSubject<'_>, proof: &str) -> Result<(), Denial> {
        self.holder.check_handshake(subject, proof)
    }

    /// Checks that the private key which was shown with the token is the one that it names.
    ///
    /// # Errors
    /// [`Denial::BadProof`].
    pub fn check_key(&self, shown: &HolderKey) -> Result<(), Denial> {
        // Both are public halves: who compares them in however much time learns nothing.
        if shown.public() == self.holder {
            Ok(())
        } else {
            Err(Denial::BadProof)
        }
    }

    /// Checks that one request over HTTP is by who holds the token's key.
    ///
    /// # Errors
    /// [`Denial::BadProof`].
    pub fn check_web_request(&self, subject: &WebRequestSubject<'_>, proof: &str) -> Result<(), Denial> {
        self.holder.check_web_request(subject, proof)
    }

    /// Checks that one request is by who holds the token's key.
    ///
    /// # Errors
    /// [`Denial::BadProof`].
    pub fn check_request(
        &self,
        request: RequestId,
        body_digest: &[u8; 32],
        proof: &str,
    ) -> Result<(), Denial> {
        self.holder
            .check_request(self.session, request, body_digest, proof)
    }
}
