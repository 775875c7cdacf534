//! Attenuating: one more block of checks, which can only take away, and a seal, so that nothing follows.

use std::collections::BTreeSet;

use biscuit_auth::{BlockBuilder, builder::Term};
use time::Duration;
use vocabulary::{SessionId, Timestamp};

use crate::{
    AgentVerb, DelegationToken, HolderKey, HolderPublicKey, SessionToken, WitnessToken, lint::shape,
    mint::next_key, token::encode,
};

/// The longest that a session token lives.
pub const MAX_SESSION_TTL: Duration = Duration::HOUR;

/// What one session gets of a delegation.
#[derive(Debug, Clone)]
pub struct Narrowing {
    /// Which session.
    pub session: SessionId,
    /// The session's key.
    pub holder: HolderPublicKey,
    /// What it may do, at most.
    pub verbs: BTreeSet<AgentVerb>,
    /// When the token ends; whole seconds.
    pub expires_at: Timestamp,
}

/// The library could not build the block.
#[derive(Debug, thiserror::Error)]
#[error("the delegation could not be attenuated: {0}")]
pub struct AttenuateError(#[from] biscuit_auth::error::Token);

impl DelegationToken {
    /// Makes a session's token. `entropy` makes a key that the seal then discards.
    ///
    /// # Errors
    /// [`AttenuateError`].
    pub fn attenuate(
        &self,
        narrowing: &Narrowing,
        entropy: [u8; 32],
    ) -> Result<SessionToken, AttenuateError> {
        let block = BlockBuilder::new()
            .check(shape::is("session", Term::Str(narrowing.session.to_string())))?
            .check(shape::is(
                "holder",
                Term::Bytes(narrowing.holder.as_bytes().to_vec()),
            ))?
            .check(shape::one_of(&narrowing.verbs))?
            .check(shape::before(narrowing.expires_at.unix_seconds()))?;
        self.sealed(block, entropy).map(SessionToken::new)
    }

    /// Makes a copy that proves the grant and gives nobody its power: its last check asks for a fact that no hub
    /// ever states.
    ///
    /// # Errors
    /// [`AttenuateError`].
    pub fn witness(&self, entropy: [u8; 32]) -> Result<WitnessToken, AttenuateError> {
        let block = BlockBuilder::new().check(shape::is("witness", Term::Bool(true)))?;
        self.sealed(block, entropy).map(WitnessToken::new)
    }

    fn sealed(&self, block: BlockBuilder, entropy: [u8; 32]) -> Result<String, AttenuateError> {
        let appended = self.biscuit.append_with_keypair(&next_key(entropy), block)?;
        Ok(encode(&appended.seal()?.to_vec()?))
    }
}

/// A session token of a delegation's text that nobody holds the key of: good for asking whether the delegation
/// would be accepted, and for nothing else.
///
/// # Errors
/// [`crate::Denial`] where the text is no delegation.
pub fn probe(delegation: &str, now: Timestamp, entropy: [u8; 32]) -> Result<SessionToken, crate::Denial> {
    let token = DelegationToken::parse_unverified(delegation)?;
    // What is published of one says nothing of the others.
    let apart = |what| blake3::derive_key(what, &entropy);
    let session = apart("Audit Otter 2026-11-22 probe: session");
    let mut random = [0; 10];
    random.copy_from_slice(&session[..10]);
    let narrowing = Narrowing {
        session: SessionId::new(now.unix_millis(), random),
        holder: HolderKey::from_entropy(apart("Audit Otter 2026-11-22 probe: holder")).public(),
        verbs: token.grant().verbs.clone(),
        expires_at: now.saturating_add(Duration::MINUTE),
    };
    token
        .attenuate(&narrowing, apart("Audit Otter 2026-11-22 probe: next key"))
        .map_err(|_| crate::Denial::TokenMalformed("it cannot be attenuated"))
}
