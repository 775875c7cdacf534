//! Minting: the first block, which only a member's key can sign.

use biscuit_auth::{Algorithm, BiscuitBuilder, KeyPair, PrivateKey, builder::Term, datalog::SymbolTable};
use vocabulary::SessionId;
use zeroize::Zeroizing;

use crate::{
    AttenuateError, DelegationToken, Grant, HolderKey, Narrowing, RootKey,
    lint::shape,
    scope::ANY_REPOSITORY,
    token::{decode, encode},
};

/// Why nothing was minted.
#[derive(Debug, thiserror::Error)]
pub enum MintError {
    /// It would lend nothing.
    #[error("a delegation without a verb lends nothing; name at least one")]
    NoVerb,
    /// It covers no repository.
    #[error("a delegation for no repository lends nothing; name at least one, or any")]
    NoRepository,
    /// The result is over the size that is accepted.
    #[error("the delegation is too large: {0}; name fewer repositories or paths")]
    TooLarge(crate::Denial),
    /// What was built is no delegation of ours.
    #[error("the delegation cannot be read back: {0}")]
    Unreadable(crate::Denial),
    /// The library could not build it.
    #[error("the token could not be built: {0}")]
    Biscuit(#[from] biscuit_auth::error::Token),
    /// Nor a session's token of it.
    #[error(transparent)]
    Attenuate(#[from] AttenuateError),
}

/// Mints a delegation under a member's key, which tokens name by `root_key_id`. `entropy` makes the key of the next
/// block; whoever knows it can attenuate the delegation as its holder can.
///
/// # Errors
/// [`MintError`].
pub fn mint(
    root: &RootKey,
    root_key_id: u32,
    grant: &Grant,
    entropy: [u8; 32],
) -> Result<DelegationToken, MintError> {
    if grant.verbs.is_empty() {
        return Err(MintError::NoVerb);
    }
    let repositories = grant.repositories.names();
    if repositories.is_empty() {
        return Err(MintError::NoRepository);
    }
    let said = |name: &str, text: &str| shape::fact(name, Term::Str(text.to_owned()));
    let mut builder = BiscuitBuilder::new()
        .root_key_id(root_key_id)
        .fact(said("delegation", &grant.id.to_string()))?
        .fact(said("on_behalf_of", &grant.on_behalf_of.to_string()))?
        .fact(said("agent", grant.agent.as_str()))?
        .fact(said("risk_ceiling", grant.risk_ceiling.as_str()))?;
    for verb in &grant.verbs {
        builder = builder.fact(said("verb", verb.as_str()))?;
    }
    for repository in &repositories {
        debug_assert!(repository == ANY_REPOSITORY || repository.contains('/'));
        builder = builder.fact(said("repository", repository))?;
    }
    for path in grant.paths.names() {
        builder = builder.fact(said("path", &path))?;
    }
    builder = builder.check(shape::before(grant.expires_at.unix_seconds()))?;
    let token = builder.build_with_key_pair(root.pair(), SymbolTable::new(), &next_key(entropy))?;
    let text = encode(&token.to_vec()?);
    decode(&text).map_err(MintError::TooLarge)?;
    let token = DelegationToken::parse_unverified(&text).map_err(MintError::Unreadable)?;
    // What no session could use is lent to nobody.
    let widest = Narrowing {
        session: SessionId::new(0, [0; 10]),
        holder: HolderKey::from_entropy([0; 32]).public(),
        verbs: grant.verbs.clone(),
        expires_at: grant.expires_at,
    };
    let session = token.attenuate(&widest, entropy)?;
    decode(session.as_str()).map_err(MintError::TooLarge)?;
    Ok(token)
}

/// The key pair that signs the block after this one.
#[expect(
    clippy::expect_used,
    reason = "the only error is a wrong length, which the type excludes"
)]
pub(crate) fn next_key(entropy: [u8; 32]) -> KeyPair {
    let secret = Zeroizing::new(entropy);
    let private = PrivateKey::from_bytes(secret.as_slice(), Algorithm::Ed25519).expect("32 bytes");
    KeyPair::from(&private)
}
