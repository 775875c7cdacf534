//! Taking up a member's passkey or touch key, and letting go of it.

use identity::{CredentialId, Enrolment, SignedEnrolment};
use protocol::{Refusal, RefusalCode};
use trace_store::{ChainId, Draft, Refs};
use vocabulary::MemberId;

use super::{not_allowed, record_refusal};
use crate::{
    kind::EntryKind,
    membership,
    record::{self, By, not_recorded},
    records::{Enrolled, PasskeyRemoved, TouchKeyRemoved},
    workspace::Workspace,
};

/// Takes up a passkey or touch key that a member said is theirs. The same enrolment again changes nothing.
pub(crate) fn enrol(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    signed: &SignedEnrolment,
) -> Result<CredentialId, Refusal> {
    let verified = signed
        .verify(workspace.id, |id| workspace.members.get(id))
        .map_err(|error| Refusal::new(RefusalCode::DecisionUnproved, &error));
    let member = verified.as_ref().ok().map(|enrolment| enrolment.member);
    let enrolled = verified.and_then(|enrolment| {
        record_enrolment(workspace, draft, signed, &enrolment).map(|()| enrolment.credential.id())
    });
    if let Err(refusal) = &enrolled {
        draft.abort();
        record_refusal(workspace, draft, signed.text(), member, refusal)?;
    }
    enrolled
}

fn record_enrolment(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    signed: &SignedEnrolment,
    enrolment: &Enrolment,
) -> Result<(), Refusal> {
    let known = workspace.members.holder_of(&enrolment.credential.id());
    if known == Some((enrolment.member, &enrolment.credential)) {
        return Ok(());
    }
    workspace
        .members
        .may_enrol(enrolment, draft.now())
        .map_err(not_allowed)?;
    let by = By {
        on_behalf_of: Some(enrolment.member),
        ..By::default()
    };
    let refs = refs_to(enrolment.member)?;
    let (chain, kind) = (
        ChainId::Workspace(workspace.id),
        membership::enrolled_as(&enrolment.credential),
    );
    let body = Enrolled {
        signed: signed.clone(),
    };
    record::append(draft, chain, kind, by, refs, &body).map_err(|error| not_recorded(&error))?;
    workspace
        .members
        .enrol(workspace.id, signed, (kind, draft.now()))
        .map_err(not_allowed)
}

/// Lets go of a passkey or touch key: it decides nothing from now on. Taking power away takes nobody's word.
pub(crate) fn remove_credential(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    id: &CredentialId,
) -> Result<(), Refusal> {
    let Some((member, _)) = workspace.members.holder_of(id) else {
        let message = match id {
            CredentialId::Passkey(id) => {
                format!("there is no passkey {id}; `auditotter passkey list` shows which there are")
            }
            CredentialId::TouchKey(id) => {
                format!("there is no touch key {id}; `auditotter touch-key list` shows which there are")
            }
        };
        return Err(Refusal::new(RefusalCode::NotFound, &message));
    };
    let (chain, refs, by) = (ChainId::Workspace(workspace.id), refs_to(member)?, By::default());
    let written = match id {
        CredentialId::Passkey(id) => {
            let credential = id.clone();
            let body = PasskeyRemoved { credential };
            record::append(draft, chain, EntryKind::PasskeyRemoved, by, refs, &body)
        }
        CredentialId::TouchKey(id) => {
            let body = TouchKeyRemoved { fingerprint: *id };
            record::append(draft, chain, EntryKind::TouchKeyRemoved, by, refs, &body)
        }
    };
    written.map_err(|error| not_recorded(&error))?;
    workspace.members.forget(id);
    Ok(())
}

fn refs_to(member: MemberId) -> Result<Refs, Refusal> {
    let mut refs = Refs::new();
    refs.insert("member", member.to_string())
        .map_err(|error| not_recorded(&error.into()))?;
    Ok(refs)
}
