//! What was lent: registering what a member signed, and taking it back.

use delegation::MAX_DELEGATION_TTL;
use protocol::{Refusal, RefusalCode};
use serde_json::Value;
use trace_store::{ChainId, Draft, Refs};
use vocabulary::{DelegationId, MemberId, Timestamp};

use super::{
    answer::{DelegationRow, InspectVerdict, RevokeOutcome},
    door::value,
};
use crate::{
    kind::EntryKind,
    record::{self, By, not_recorded},
    records::{DelegationGranted, DelegationRevoked},
    workspace::{Lent, Workspace},
};

/// The longest reason that is recorded with a revocation, in bytes.
const MOST_WHY_BYTES: usize = 1_024;

pub(crate) fn grant(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    witness: String,
) -> Result<Value, Refusal> {
    let grant = workspace
        .prove_grant(&witness)
        .map_err(|denial| Refusal::from(&denial))?;
    let id = grant.id;
    let known = workspace.delegations.get(&id);
    if known.is_some_and(|known| known.grant != grant) {
        let message = format!(
            "{id} is on record with something else that was lent; lend anew with: auditotter delegate"
        );
        return Err(Refusal::new(RefusalCode::DelegationNotRecorded, &message));
    }
    if known.is_none() {
        if grant.expires_at > draft.now().saturating_add(MAX_DELEGATION_TTL) {
            let message = format!(
                "{id} would last until {}, more than 30 days from now ({}); lend for less",
                grant.expires_at,
                draft.now()
            );
            return Err(Refusal::new(RefusalCode::ClockMismatch, &message));
        }
        let by = By {
            on_behalf_of: Some(grant.on_behalf_of),
            delegation: Some(id),
            ..By::default()
        };
        let chain = ChainId::Workspace(workspace.id);
        let body = DelegationGranted { witness };
        let written = record::append(draft, chain, EntryKind::DelegationGranted, by, Refs::new(), &body)
            .map_err(|error| not_recorded(&error))?;
        workspace.granted(grant, written.at);
    }
    let lent = workspace.delegations.get(&id).ok_or_else(|| no_delegation(id))?;
    value(&row(workspace, lent, draft.now()))
}

pub(crate) fn revoke(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    id: DelegationId,
    why: Option<String>,
    by: Option<MemberId>,
) -> Result<Value, Refusal> {
    let lent = workspace.delegations.get(&id).ok_or_else(|| no_delegation(id))?;
    if let Some((revoked_at, _)) = lent.revoked {
        return value(&RevokeOutcome { id, revoked_at });
    }
    if why.as_ref().is_some_and(|why| why.len() > MOST_WHY_BYTES) {
        return Err(Refusal::new(
            RefusalCode::MalformedArguments,
            &format!("the reason is over {MOST_WHY_BYTES} bytes"),
        ));
    }
    // Anybody at this machine may revoke, so nobody is named as having done it there.
    let by = By {
        on_behalf_of: by,
        delegation: Some(id),
        ..By::default()
    };
    let chain = ChainId::Workspace(workspace.id);
    let body = DelegationRevoked {
        delegation: id,
        why: why.clone(),
    };
    let written = record::append(draft, chain, EntryKind::DelegationRevoked, by, Refs::new(), &body)
        .map_err(|error| not_recorded(&error))?;
    workspace.revoked(id, written.at, why);
    value(&RevokeOutcome {
        id,
        revoked_at: written.at,
    })
}

pub(crate) fn inspect(workspace: &mut Workspace, draft: &Draft<'_>, token: &str) -> Result<Value, Refusal> {
    let verdict = workspace
        .tokens
        .verify(token, workspace.members.keyring())
        .and_then(|token| {
            token.holding(
                token.session(),
                token.holder(),
                draft.now(),
                &workspace.revocations,
            )
        });
    value(&match verdict {
        Ok(()) => InspectVerdict {
            accepted: true,
            why_not: None,
        },
        Err(denial) => InspectVerdict {
            accepted: false,
            why_not: Some(format!("{}: {denial}", denial.code().as_str())),
        },
    })
}

/// Everything that was lent.
pub(crate) fn rows(workspace: &Workspace, now: Timestamp) -> Vec<DelegationRow> {
    let lent = workspace.delegations.values();
    lent.map(|lent| row(workspace, lent, now)).collect()
}

fn row(workspace: &Workspace, lent: &Lent, now: Timestamp) -> DelegationRow {
    let grant = &lent.grant;
    let state = match (&lent.revoked, grant.expires_at <= now) {
        (Some(_), _) => "revoked",
        (None, true) => "expired",
        (None, false) => "lent",
    };
    DelegationRow {
        id: grant.id,
        on_behalf_of: grant.on_behalf_of,
        lent_by: workspace.name_of(grant.on_behalf_of),
        agent: grant.agent.to_string(),
        verbs: grant.verbs.iter().map(ToString::to_string).collect(),
        repositories: grant.repositories.names(),
        paths: grant.paths.names(),
        risk_ceiling: grant.risk_ceiling,
        granted_at: lent.granted_at,
        expires_at: grant.expires_at,
        state: state.to_owned(),
        revoked_at: lent.revoked.as_ref().map(|(at, _)| *at),
        why: lent.revoked.as_ref().and_then(|(_, why)| why.clone()),
    }
}

fn no_delegation(id: DelegationId) -> Refusal {
    Refusal::new(
        RefusalCode::NotFound,
        &format!("there is no delegation {id}; `auditotter delegations` shows which there are"),
    )
}
