//! What a person lends an agent: mint, attenuate, authorize, revoke.
//!
//! A delegation is a Biscuit whose root key is a member's own; a session token is that delegation with one more
//! block of checks, sealed. `docs/DELEGATION.md` shows both to the letter. The structural claim of this room: no
//! token can say more than its first block, and no first block can say a human verb, for [`AgentVerb`] is closed
//! and everything that is not exactly one of our shapes is refused before any Datalog runs.
//!
//! Pure: time and randomness are arguments.

mod attenuate;
mod authorize;
mod bearer;
mod cache;
mod chain;
mod datalog;
mod denial;
mod grant;
mod holder;
mod inspect;
mod keyring;
mod lint;
mod mint;
mod revocation;
mod scope;
mod token;
mod verb;
mod verify;

pub use attenuate::{AttenuateError, MAX_SESSION_TTL, Narrowing, probe};
pub use authorize::{Authorized, Operation};
pub use bearer::{Bearer, MAX_BEARER_BYTES};
pub use cache::TokenCache;
pub use denial::{Denial, DenialCode, ends_authority};
pub use grant::{AgentName, AgentNameError, Grant, MAX_DELEGATION_TTL};
pub use holder::{HandshakeSubject, HolderKey, HolderKeyError, HolderPublicKey, Proof, WebRequestSubject};
pub use inspect::{BlockView, Inspection, TokenKind, inspect};
pub use keyring::{Keyring, KeyringError, RootKey, RootPublicKey};
pub use mint::{MintError, mint};
pub use revocation::Revocations;
pub use scope::{PathGlobs, PathGlobsError, Repositories};
pub use token::{DelegationToken, SessionToken, TokenDigest, WitnessToken};
pub use verb::{AgentVerb, AgentVerbError};
pub use verify::{MAX_BLOCKS, MAX_TOKEN_BYTES, VerifiedToken, verify, verify_witness};
