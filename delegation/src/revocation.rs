//! What was taken back.

use std::collections::HashSet;

use vocabulary::{DelegationId, SessionId};

/// Everything that is refused from now on. Delegations first: one entry covers all that was made of it.
#[derive(Debug, Clone, Default)]
pub struct Revocations {
    delegations: HashSet<DelegationId>,
    sessions: HashSet<SessionId>,
    blocks: HashSet<Vec<u8>>,
}

impl Revocations {
    /// Takes a delegation back, and with it every session token of it.
    pub fn revoke_delegation(&mut self, id: DelegationId) {
        self.delegations.insert(id);
    }

    /// Takes one session back.
    pub fn revoke_session(&mut self, id: SessionId) {
        self.sessions.insert(id);
    }

    /// Takes back every token that holds a block, by Biscuit's revocation identifier.
    pub fn revoke_block(&mut self, identifier: Vec<u8>) {
        self.blocks.insert(identifier);
    }

    /// Whether a delegation was taken back.
    #[must_use]
    pub fn has_delegation(&self, id: DelegationId) -> bool {
        self.delegations.contains(&id)
    }

    /// Whether a session was taken back.
    #[must_use]
    pub fn has_session(&self, id: SessionId) -> bool {
        self.sessions.contains(&id)
    }

    /// Which of a token's blocks was taken back, if one was.
    #[must_use]
    pub fn revoked_block(&self, identifiers: &[Vec<u8>]) -> Option<usize> {
        identifiers
            .iter()
            .position(|identifier| self.blocks.contains(identifier))
    }
}
