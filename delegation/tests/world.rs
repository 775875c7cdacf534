//! One workspace that all tests share: Alice lends `claude-code` two verbs in one repository until a fixed moment.

use std::collections::BTreeSet;

use biscuit_auth::{Algorithm, PublicKey, error};

use delegation::{
    AgentVerb, Authorized, DelegationToken, Denial, Grant, HolderKey, Keyring, Narrowing, Operation,
    PathGlobs, Repositories, Revocations, RootKey, SessionToken, VerifiedToken, mint, verify,
};
use vocabulary::{DelegationId, MemberId, RequestId, Risk, SessionId, Timestamp, WorkspaceId};
use zeroize::Zeroizing;

pub(crate) const ALICE_SECRET: [u8; 32] = [0xa1; 32];
pub(crate) const BOB_SECRET: [u8; 32] = [0xb0; 32];
pub(crate) const ALICES_NUMBER: u32 = 7;
pub(crate) const BOBS_NUMBER: u32 = 8;

pub(crate) fn alice() -> MemberId {
    MemberId::new(1, [0xa1; 10])
}

pub(crate) fn bob() -> MemberId {
    MemberId::new(2, [0xb0; 10])
}

pub(crate) fn root(secret: [u8; 32]) -> RootKey {
    RootKey::from_secret(&Zeroizing::new(secret))
}

pub(crate) fn keyring() -> Keyring {
    let mut keyring = Keyring::default();
    keyring
        .insert(ALICES_NUMBER, alice(), &root(ALICE_SECRET).public())
        .unwrap();
    keyring
        .insert(BOBS_NUMBER, bob(), &root(BOB_SECRET).public())
        .unwrap();
    keyring
}

/// So many seconds into the tests' own time.
pub(crate) fn at(seconds: u64) -> Timestamp {
    Timestamp::from_unix_micros((1_795_000_000 + seconds) * 1_000_000).unwrap()
}

/// When the delegation ends.
pub(crate) const DELEGATION_ENDS: u64 = 8 * 3600;
/// When the session token ends.
pub(crate) const SESSION_ENDS: u64 = 3600;

pub(crate) fn workspace() -> WorkspaceId {
    WorkspaceId::new(3, [3; 10])
}

pub(crate) fn session_id() -> SessionId {
    SessionId::new(4, [4; 10])
}

pub(crate) fn request_id() -> RequestId {
    RequestId::new(5, [5; 10])
}

pub(crate) fn holder() -> HolderKey {
    HolderKey::from_entropy([0x40; 32])
}

pub(crate) fn verbs(verbs: &[AgentVerb]) -> BTreeSet<AgentVerb> {
    verbs.iter().copied().collect()
}

pub(crate) fn grant() -> Grant {
    Grant {
        id: DelegationId::new(6, [6; 10]),
        on_behalf_of: alice(),
        agent: "claude-code".parse().unwrap(),
        verbs: verbs(&[AgentVerb::ProposeWorkItem, AgentVerb::AppendTraceNote]),
        repositories: Repositories::Only(["acme/web".parse().unwrap()].into()),
        paths: PathGlobs::parse(&["src/**", "docs/*.md"]).unwrap(),
        risk_ceiling: Risk::Medium,
        expires_at: at(DELEGATION_ENDS),
    }
}

pub(crate) fn minted(grant: &Grant) -> DelegationToken {
    mint(&root(ALICE_SECRET), ALICES_NUMBER, grant, [9; 32]).unwrap()
}

pub(crate) fn narrowing() -> Narrowing {
    Narrowing {
        session: session_id(),
        holder: holder().public(),
        verbs: AgentVerb::ALL.into(),
        expires_at: at(SESSION_ENDS),
    }
}

pub(crate) fn delegation() -> DelegationToken {
    minted(&grant())
}

pub(crate) fn session() -> SessionToken {
    delegation().attenuate(&narrowing(), [10; 32]).unwrap()
}

pub(crate) fn verified() -> VerifiedToken {
    verify(session().as_str(), &keyring()).unwrap()
}

/// An operation about nothing in particular.
pub(crate) const fn plain(verb: AgentVerb) -> Operation<'static> {
    Operation {
        verb,
        repository: None,
        paths: &[],
        risk: None,
    }
}

/// Asks at the start of the tests' time, as the session's holder, nothing revoked.
pub(crate) fn ask(token: &VerifiedToken, operation: &Operation<'_>) -> Result<Authorized, Denial> {
    token.authorize(
        operation,
        session_id(),
        &holder().public(),
        at(0),
        &Revocations::default(),
    )
}

/// The same keyring, for the library.
pub(crate) fn library_key(number: Option<u32>) -> Result<PublicKey, error::Format> {
    let secret = match number {
        Some(ALICES_NUMBER) => ALICE_SECRET,
        Some(BOBS_NUMBER) => BOB_SECRET,
        _ => return Err(error::Format::UnknownPublicKey),
    };
    PublicKey::from_bytes(&root(secret).public(), Algorithm::Ed25519)
}
