//! Authorizing: may this be done, now, by who asks?

use std::sync::atomic::{AtomicU64, Ordering};

use vocabulary::{DelegationId, MemberId, RepoPath, Repository, Risk, SessionId, Timestamp};

use crate::{
    AgentName, AgentVerb, Denial, HolderPublicKey, Revocations, VerifiedToken,
    datalog::{self, Stated},
};

/// What somebody wants to do.
#[derive(Debug, Clone, Copy)]
pub struct Operation<'a> {
    /// What.
    pub verb: AgentVerb,
    /// Where, if it is about a repository.
    pub repository: Option<&'a Repository>,
    /// On what.
    pub paths: &'a [RepoPath],
    /// At what risk, if it has one.
    pub risk: Option<Risk>,
}

/// That something may be done, once. Only [`VerifiedToken::authorize`] makes it.
#[derive(Debug)]
pub struct Authorized {
    delegation: DelegationId,
    on_behalf_of: MemberId,
    agent: AgentName,
    verb: AgentVerb,
}

impl Authorized {
    /// Under which delegation.
    #[must_use]
    pub const fn delegation(&self) -> DelegationId {
        self.delegation
    }

    /// For whom.
    #[must_use]
    pub const fn on_behalf_of(&self) -> MemberId {
        self.on_behalf_of
    }

    /// To which agent it was lent.
    #[must_use]
    pub const fn agent(&self) -> &AgentName {
        &self.agent
    }

    /// What.
    #[must_use]
    pub const fn verb(&self) -> AgentVerb {
        self.verb
    }
}

impl VerifiedToken {
    /// Decides on one operation: revocations, session and holder, expiry, then the token's own Datalog under the
    /// fixed policy, then repository, paths and risk.
    ///
    /// # Errors
    /// [`Denial`] with what would have to change.
    pub fn authorize(
        &self,
        operation: &Operation<'_>,
        session: SessionId,
        holder: &HolderPublicKey,
        now: Timestamp,
        revoked: &Revocations,
    ) -> Result<Authorized, Denial> {
        self.standing(session, holder, now, revoked)?;
        if !self.verbs.contains(&operation.verb) {
            return Err(Denial::VerbNotLent {
                delegation: self.grant.id,
                verb: operation.verb,
            });
        }
        self.ask_datalog(operation.verb, session, holder, now)?;
        self.ask_scope(operation)?;
        Ok(Authorized {
            delegation: self.grant.id,
            on_behalf_of: self.grant.on_behalf_of,
            agent: self.grant.agent.clone(),
            verb: operation.verb,
        })
    }

    /// Whether the token is good at all, for whatever it lends: asked when a session opens, and for what takes no
    /// verb.
    ///
    /// # Errors
    /// [`Denial`].
    pub fn holding(
        &self,
        session: SessionId,
        holder: &HolderPublicKey,
        now: Timestamp,
        revoked: &Revocations,
    ) -> Result<(), Denial> {
        self.standing(session, holder, now, revoked)?;
        match self.verbs.first() {
            Some(verb) => self.ask_datalog(*verb, session, holder, now),
            None => Err(Denial::CheckFailed {
                delegation: self.grant.id,
            }),
        }
    }

    fn standing(
        &self,
        session: SessionId,
        holder: &HolderPublicKey,
        now: Timestamp,
        revoked: &Revocations,
    ) -> Result<(), Denial> {
        let delegation = self.grant.id;
        if revoked.has_delegation(delegation) {
            return Err(Denial::DelegationRevoked { delegation });
        }
        if revoked.has_session(self.session) {
            return Err(Denial::SessionRevoked {
                session: self.session,
            });
        }
        if let Some(block) = revoked.revoked_block(&self.revocation_ids) {
            return Err(Denial::BlockRevoked { delegation, block });
        }
        if session != self.session || *holder != self.holder {
            return Err(Denial::HolderMismatch);
        }
        if now >= self.grant.expires_at {
            return Err(Denial::Expired {
                delegation,
                at: self.grant.expires_at,
            });
        }
        if now >= self.expires_at {
            return Err(Denial::SessionExpired { at: self.expires_at });
        }
        Ok(())
    }

    /// The token's own word: exactly one operation, the time, the session and its holder are stated, and the only
    /// policy is that the operation is a verb of the first block.
    ///
    /// A yes is remembered. Session and holder are the token's own, and time is in a token of our shape only as
    /// `$t < date`, so what was allowed at one moment is allowed from then on until the earliest of these dates; both
    /// are compared anew for every call before this is asked.
    fn ask_datalog(
        &self,
        verb: AgentVerb,
        session: SessionId,
        holder: &HolderPublicKey,
        now: Timestamp,
    ) -> Result<(), Denial> {
        if self.allowed.covers(verb, now) {
            return Ok(());
        }
        let stated = Stated {
            verb,
            session,
            holder,
            now,
        };
        if matches!(datalog::allows(&self.blocks, &stated), Ok(true)) {
            self.allowed.note(verb, now);
            Ok(())
        } else {
            Err(Denial::CheckFailed {
                delegation: self.grant.id,
            })
        }
    }

    /// What Datalog cannot say safely: its `starts_with("src/")` accepts `src/../..`.
    fn ask_scope(&self, operation: &Operation<'_>) -> Result<(), Denial> {
        let grant = &self.grant;
        let delegation = grant.id;
        if let Some(repository) = operation.repository
            && !grant.repositories.covers(repository)
        {
            let lent = grant.repositories.to_string();
            return Err(Denial::RepositoryNotLent {
                delegation,
                repository: repository.clone(),
                lent,
            });
        }
        if let Some(path) = operation.paths.iter().find(|path| !grant.paths.covers(path)) {
            let lent = grant.paths.to_string();
            return Err(Denial::PathNotLent {
                delegation,
                path: path.clone(),
                lent,
            });
        }
        match operation.risk {
            Some(risk) if risk > grant.risk_ceiling => Err(Denial::RiskAboveCeiling {
                delegation,
                risk,
                ceiling: grant.risk_ceiling,
            }),
            Some(_) | None => Ok(()),
        }
    }
}

/// Since when a token's Datalog is known to say yes: a verb's microseconds since 1970, [`u64::MAX`] where nobody asked.
#[derive(Debug)]
pub(crate) struct Allowed([AtomicU64; AgentVerb::ALL.len()]);

impl Default for Allowed {
    fn default() -> Self {
        Self([const { AtomicU64::new(u64::MAX) }; AgentVerb::ALL.len()])
    }
}

impl Allowed {
    fn covers(&self, verb: AgentVerb, now: Timestamp) -> bool {
        let since = self.0.get(verb as usize);
        since.is_some_and(|since| now.unix_micros() >= since.load(Ordering::Relaxed))
    }

    fn note(&self, verb: AgentVerb, now: Timestamp) {
        if let Some(since) = self.0.get(verb as usize) {
            since.fetch_min(now.unix_micros(), Ordering::Relaxed);
        }
    }
}
