//! Letting somebody in, and letting go of somebody.

use identity::{Decision, Signed, SignedDecision, SignedRegistration, Subject};
use protocol::{Refusal, RefusalCode};
use trace_store::{ChainId, Draft, Refs};
use vocabulary::MemberId;

use super::{
    challenges::{Posed, ShownTo, answered, pose_for},
    not_allowed, record_as, recorded_either_way,
};
use crate::{
    kind::EntryKind,
    membership,
    record::{self, By, not_recorded},
    records::{DecisionMade, MemberAdded},
    workspace::Workspace,
};

/// Poses a challenge for somebody who is to be a member.
pub(crate) fn pose_newcomer(
    workspace: &mut Workspace,
    draft: &Draft<'_>,
    registration: &SignedRegistration,
) -> Result<Posed, Refusal> {
    let refused = |error: String| Refusal::new(RefusalCode::DecisionNotAllowed, &error);
    workspace
        .members
        .newcomer(workspace.id, registration)
        .map_err(refused)?;
    let about = membership::subject_of(registration).map_err(refused)?;
    pose_for(workspace, draft, ShownTo::Terminal, about)
}

/// Poses a challenge for somebody who is to be a member no longer.
pub(crate) fn pose_departure(
    workspace: &mut Workspace,
    draft: &Draft<'_>,
    id: MemberId,
) -> Result<Posed, Refusal> {
    let member = workspace.members.may_go(id).map_err(not_allowed)?;
    let digest = membership::digest_of(member).map_err(not_allowed)?;
    pose_for(workspace, draft, ShownTo::Terminal, (Subject::Member(id), digest))
}

/// Lets somebody in whom a member vouches for. The same decision again changes nothing.
pub(crate) fn let_in(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    registration: SignedRegistration,
    sent: &SignedDecision,
) -> Result<MemberId, Refusal> {
    recorded_either_way(workspace, draft, sent, |workspace, draft, signed| {
        record_newcomer(workspace, draft, registration, sent, &signed)
    })
}

/// Lets go of a member. The same decision again changes nothing.
pub(crate) fn let_go(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    sent: &SignedDecision,
) -> Result<MemberId, Refusal> {
    recorded_either_way(workspace, draft, sent, |workspace, draft, signed| {
        let decision = signed.get();
        let Subject::Member(id) = decision.subject else {
            return Err(not_allowed("the decision is about no member".to_owned()));
        };
        let member = workspace.members.may_go(id).map_err(not_allowed)?;
        membership::may_let_go(decision, member).map_err(not_allowed)?;
        let refs = [("member", id.to_string())];
        record_as(workspace, draft, EntryKind::MemberRevoked, sent, decision, &refs)?;
        workspace.let_go(decision, draft.now()).map_err(not_allowed)?;
        Ok(id)
    })
}

fn record_newcomer(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    registration: SignedRegistration,
    sent: &SignedDecision,
    signed: &Signed<Decision>,
) -> Result<MemberId, Refusal> {
    let decision = signed.get();
    let refused = |error: String| Refusal::new(RefusalCode::DecisionNotAllowed, &error);
    membership::may_let_in(decision, &registration).map_err(refused)?;
    let id = registration.claims();
    let known = registration
        .verify(workspace.id)
        .is_ok_and(|member| workspace.members.get(id) == Some(&member));
    if known {
        return Ok(id);
    }
    workspace
        .members
        .newcomer(workspace.id, &registration)
        .map_err(refused)?;
    let posed = answered(workspace, decision, draft.now())?;
    let by = By {
        on_behalf_of: Some(decision.member),
        ..By::default()
    };
    let added = MemberAdded {
        registration,
        root_key_id: workspace.members.next_key(),
        granted: Some(DecisionMade {
            signed: sent.clone(),
            posed_at: posed.at,
            changed_lines: None,
        }),
    };
    let mut refs = Refs::new();
    refs.insert("challenge", decision.challenge.to_string())
        .and_then(|()| refs.insert("member", id.to_string()))
        .map_err(|error| not_recorded(&error.into()))?;
    let chain = ChainId::Workspace(workspace.id);
    let written = record::append(draft, chain, EntryKind::MemberAdded, by, refs, &added)
        .map_err(|error| not_recorded(&error))?;
    // Last, by the same rule as after a restart. The history was just compared with what was posed.
    workspace
        .members
        .add(workspace.id, written.seq, &added, |_, _| Ok(()))
        .map_err(refused)?;
    workspace.challenges.spend(&decision.challenge);
    workspace.answered.insert(decision.challenge);
    Ok(id)
}
