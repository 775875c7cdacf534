//! Why a token, or what was asked under it, is refused. The codes are stable; docs/DELEGATION.md explains each.

use std::fmt;

use vocabulary::{DelegationId, RepoPath, Repository, Risk, SessionId, Timestamp};

use crate::AgentVerb;

/// A refusal, with the facts that say what would have to change.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Denial {
    /// Not a token at all.
    #[error("this is no Biscuit token in canonical base64url: {0}")]
    TokenMalformed(&'static str),
    /// Larger than any token of ours.
    #[error("the token has {size} bytes; at most {} are accepted", crate::MAX_TOKEN_BYTES)]
    TokenTooLarge {
        /// Its size.
        size: usize,
    },
    /// More blocks than any token of ours.
    #[error("the token has {count} blocks; at most {} are accepted", crate::MAX_BLOCKS)]
    TooManyBlocks {
        /// How many.
        count: usize,
    },
    /// Signed by nobody here.
    #[error("no member of this workspace has root key {0:?}; lend with a member's key of this workspace")]
    UnknownRootKey(Option<u32>),
    /// Changed after it was signed, or signed by another key.
    #[error("the token's signatures do not hold; it was changed, or another key signed it")]
    BadSignature,
    /// Signed, but not of our shape.
    #[error("block {block} of the token holds {what}, which no token of this workspace does")]
    ForbiddenStructure {
        /// Which block.
        block: usize,
        /// What was found.
        what: &'static str,
    },
    /// The delegation itself, or a witness, where a session token is needed.
    #[error("this is a {kind}, not a session token; only auditotter-mcp makes those")]
    NotASessionToken {
        /// What it is.
        kind: &'static str,
    },
    /// Not a witness where one is needed.
    #[error("this is no witness of a delegation")]
    NotAWitness,
    /// The lender named in the token is not the member whose key signed it.
    #[error("delegation {delegation} names another member than the one whose key signed it")]
    LenderMismatch {
        /// Which.
        delegation: DelegationId,
    },
    /// Taken back.
    #[error("delegation {delegation} was revoked")]
    DelegationRevoked {
        /// Which.
        delegation: DelegationId,
    },
    /// The session was taken back.
    #[error("session {session} was revoked")]
    SessionRevoked {
        /// Which.
        session: SessionId,
    },
    /// One of the token's blocks was taken back.
    #[error("block {block} of the token of delegation {delegation} was revoked")]
    BlockRevoked {
        /// Which delegation.
        delegation: DelegationId,
        /// Which block.
        block: usize,
    },
    /// The delegation has ended.
    #[error("delegation {delegation} expired at {at}")]
    Expired {
        /// Which.
        delegation: DelegationId,
        /// When.
        at: Timestamp,
    },
    /// The session token has ended, its delegation has not.
    #[error("the session token expired at {at}; auditotter-mcp renews it by itself")]
    SessionExpired {
        /// When.
        at: Timestamp,
    },
    /// For another session or holder.
    #[error("the token is bound to another session or key than those that present it")]
    HolderMismatch,
    /// The proof does not fit.
    #[error("the proof is not by the token's key over this connection's challenge")]
    BadProof,
    /// That verb was not lent.
    #[error("delegation {delegation} does not lend {verb}")]
    VerbNotLent {
        /// Which delegation.
        delegation: DelegationId,
        /// Which verb.
        verb: AgentVerb,
    },
    /// Not in that repository.
    #[error("delegation {delegation} does not lend repository {repository}; it lends {lent}")]
    RepositoryNotLent {
        /// Which delegation.
        delegation: DelegationId,
        /// Which repository.
        repository: Repository,
        /// What it does lend.
        lent: String,
    },
    /// Not on that path.
    #[error("delegation {delegation} does not lend path {path}; it lends {lent}")]
    PathNotLent {
        /// Which delegation.
        delegation: DelegationId,
        /// Which path.
        path: RepoPath,
        /// What it does lend.
        lent: String,
    },
    /// Riskier than was lent.
    #[error("this is {risk} risk, and delegation {delegation} lends up to {ceiling}")]
    RiskAboveCeiling {
        /// Which delegation.
        delegation: DelegationId,
        /// How risky.
        risk: Risk,
        /// What it lends.
        ceiling: Risk,
    },
    /// Datalog says no although nothing above did: the checks and the typed reading disagree.
    #[error("delegation {delegation} does not allow this: a check of its token fails")]
    CheckFailed {
        /// Which delegation.
        delegation: DelegationId,
    },
}

macro_rules! codes {
    ($($variant:ident $pattern:tt => $name:ident = $text:literal;)*) => {
        /// A stable code for a [`Denial`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum DenialCode {
            $(#[doc = concat!("`", $text, "`, as docs/DELEGATION.md explains it.")] $name,)*
        }

        impl DenialCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// The text that is recorded and answered.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $text,)* }
            }
        }

        impl Denial {
            /// The stable code.
            #[must_use]
            pub const fn code(&self) -> DenialCode {
                match self { $(Self::$variant $pattern => DenialCode::$name,)* }
            }
        }
    };
}

codes! {
    TokenMalformed(..) => TokenMalformed = "token_malformed";
    TokenTooLarge { .. } => TokenTooLarge = "token_too_large";
    TooManyBlocks { .. } => TooManyBlocks = "too_many_blocks";
    UnknownRootKey(..) => UnknownRootKey = "unknown_root_key";
    BadSignature {} => BadSignature = "bad_signature";
    ForbiddenStructure { .. } => ForbiddenStructure = "forbidden_structure";
    NotASessionToken { .. } => NotASessionToken = "not_a_session_token";
    NotAWitness {} => NotAWitness = "not_a_witness";
    LenderMismatch { .. } => LenderMismatch = "lender_mismatch";
    DelegationRevoked { .. } => DelegationRevoked = "delegation_revoked";
    SessionRevoked { .. } => SessionRevoked = "session_revoked";
    BlockRevoked { .. } => BlockRevoked = "block_revoked";
    Expired { .. } => Expired = "expired";
    SessionExpired { .. } => SessionExpired = "session_expired";
    HolderMismatch {} => HolderMismatch = "holder_mismatch";
    BadProof {} => BadProof = "bad_proof";
    VerbNotLent { .. } => VerbNotLent = "verb_not_lent";
    RepositoryNotLent { .. } => RepositoryNotLent = "repository_not_lent";
    PathNotLent { .. } => PathNotLent = "path_not_lent";
    RiskAboveCeiling { .. } => RiskAboveCeiling = "risk_above_ceiling";
    CheckFailed { .. } => CheckFailed = "check_failed";
}

impl DenialCode {
    /// Whether a new delegation by the human would change the answer.
    #[must_use]
    pub const fn is_remedied_by_lending(self) -> bool {
        match self {
            Self::DelegationRevoked
            | Self::SessionRevoked
            | Self::BlockRevoked
            | Self::Expired
            | Self::VerbNotLent
            | Self::RepositoryNotLent
            | Self::PathNotLent
            | Self::RiskAboveCeiling => true,
            Self::TokenMalformed
            | Self::TokenTooLarge
            | Self::TooManyBlocks
            | Self::UnknownRootKey
            | Self::BadSignature
            | Self::ForbiddenStructure
            | Self::NotASessionToken
            | Self::NotAWitness
            | Self::LenderMismatch
            | Self::SessionExpired
            | Self::HolderMismatch
            | Self::BadProof
            | Self::CheckFailed => false,
        }
    }
}

impl fmt::Display for DenialCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

/// Whether a code means that this delegation is over, so that another has to be looked for. Takes the text, for
/// that is what crosses the hub's socket.
#[must_use]
pub fn ends_authority(code: &str) -> bool {
    [
        DenialCode::DelegationRevoked,
        DenialCode::SessionRevoked,
        DenialCode::BlockRevoked,
        DenialCode::Expired,
    ]
    .iter()
    .any(|ending| ending.as_str() == code)
}
