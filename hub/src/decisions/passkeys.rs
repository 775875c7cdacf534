//! Taking up a member's passkey, and letting go of it.

use identity::{Bytes, Enrolment, SignedEnrolment};
use protocol::{Refusal, RefusalCode};
use trace_store::{ChainId, Draft, Refs};
use vocabulary::MemberId;

use super::{not_allowed, record_refusal};
use crate::{
    kind::EntryKind,
    record::{self, By, not_recorded},
    records::{PasskeyEnrolled, PasskeyRemoved},
    workspace::Workspace,
};

/// Takes up a passkey that a member said is theirs. The same enrolment again changes nothing.
pub(crate) fn enrol(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    signed: &SignedEnrolment,
) -> Result<(), Refusal> {
    let enrolled = signed
        .verify(workspace.id, |id| workspace.members.get(id))
        .map_err(|error| Refusal::new(RefusalCode::DecisionUnproved, &error))
        .and_then(|enrolment| record_passkey(workspace, draft, signed, &enrolment));
    if let Err(refusal) = &enrolled {
        draft.abort();
        record_refusal(workspace, draft, signed.text(), None, refusal)?;
    }
    enrolled
}

fn record_passkey(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    signed: &SignedEnrolment,
    enrolment: &Enrolment,
) -> Result<(), Refusal> {
    let known = workspace.members.holder_of(&enrolment.passkey.id);
    if known == Some((enrolment.member, &enrolment.passkey)) {
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
    let chain = ChainId::Workspace(workspace.id);
    let body = PasskeyEnrolled {
        signed: signed.clone(),
    };
    record::append(draft, chain, EntryKind::PasskeyEnrolled, by, refs, &body)
        .map_err(|error| not_recorded(&error))?;
    workspace
        .members
        .enrol(workspace.id, signed, draft.now())
        .map_err(not_allowed)
}

/// Lets go of a passkey: it decides nothing from now on. Taking power away takes nobody's word.
pub(crate) fn remove_passkey(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    credential: &Bytes,
) -> Result<(), Refusal> {
    let Some((member, _)) = workspace.members.holder_of(credential) else {
        let message =
            format!("there is no passkey {credential}; `auditotter passkey list` shows which there are");
        return Err(Refusal::new(RefusalCode::NotFound, &message));
    };
    let (chain, refs) = (ChainId::Workspace(workspace.id), refs_to(member)?);
    let body = PasskeyRemoved {
        credential: credential.clone(),
    };
    record::append(
        draft,
        chain,
        EntryKind::PasskeyRemoved,
        By::default(),
        refs,
        &body,
    )
    .map_err(|error| not_recorded(&error))?;
    workspace.members.forget_passkey(credential);
    Ok(())
}

fn refs_to(member: MemberId) -> Result<Refs, Refusal> {
    let mut refs = Refs::new();
    refs.insert("member", member.to_string())
        .map_err(|error| not_recorded(&error.into()))?;
    Ok(refs)
}
