//! What people decide: posing the challenge, checking what comes back, and recording it once.
//!
//! Who may come in: anybody of the same user may look and may send a decision; it counts only with a member's own
//! signature over what was shown, and only as the answer to a challenge that was posed for that and is not answered
//! yet. Whatever else is sent is refused, and recorded.

mod challenges;
mod changes;
mod credentials;
mod erasure;
mod members;
mod standing;
mod work;

use identity::{Decision, DecisionError, Signed, SignedDecision, Subject};
use protocol::{Refusal, RefusalCode};
use trace_store::{ChainId, Draft, Refs};
use vocabulary::{GitObject, MemberId, WorkItemId};

use crate::{
    kind::EntryKind,
    record::{self, By, not_recorded},
    records::{DecisionMade, DecisionRefused},
    workspace::Workspace,
};

use self::challenges::answered;
pub(crate) use self::{
    challenges::{CHALLENGE_TTL, Challenges, Posed, ShownTo, posed},
    changes::{
        change_proposed_so, land, landed_so, members as electors, pose_change, pose_shown_change,
        propose_change, still_fits,
    },
    credentials::{enrol, remove_credential},
    erasure::{erase, may_erase, pose_erasure},
    members::{let_go, let_in, pose_departure, pose_newcomer},
    standing::{answers, in_its_time, vouches},
    work::{circumstances, decide, in_its_place, no_work_item, pose, proposed_so, recorded},
};

/// How much of a refused decision is recorded, in bytes.
const SAID_BYTES: usize = 2_048;

/// Records what a member decided in a browser: on a work item, or on a change that the ledger has, whose tree is returned. The same
/// one again changes nothing.
pub(crate) fn decide_as_shown(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    sent: &SignedDecision,
) -> Result<(WorkItemId, Option<GitObject>), Refusal> {
    recorded_either_way(workspace, draft, sent, |workspace, draft, signed| {
        let decision = signed.get();
        if let Subject::Change { id, tree, .. } = decision.subject {
            let change = changes::change_of(workspace, decision, (id, tree))?;
            changes::was_shown_on_a_page(workspace, decision)?;
            let id = changes::record_landing(workspace, draft, change, sent, signed)?;
            Ok((id, Some(tree)))
        } else {
            Ok((work::record_decision(workspace, draft, sent, signed)?, None))
        }
    })
}

/// What comes of a decision is recorded, and so is a decision of which nothing comes.
fn recorded_either_way<T>(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    sent: &SignedDecision,
    record: impl FnOnce(&mut Workspace, &mut Draft<'_>, Signed<Decision>) -> Result<T, Refusal>,
) -> Result<T, Refusal> {
    let verified = workspace.members.verify(workspace.id, sent);
    let member = verified.as_ref().ok().map(|signed| signed.get().member);
    let decided = verified
        .map_err(|error| Refusal::new(RefusalCode::DecisionUnproved, &error))
        .and_then(|signed| record(workspace, draft, signed));
    if let Err(refusal) = &decided {
        draft.abort();
        record_refusal(workspace, draft, sent.text(), member, refusal)?;
    }
    decided
}

/// Records that something was sent which is no decision, as its sender was told before anybody's thread was kept.
pub(crate) fn refuse_unread(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    text: &str,
    error: &DecisionError,
) -> Refusal {
    let refusal = Refusal::new(RefusalCode::DecisionUnproved, error);
    match record_refusal(workspace, draft, text, None, &refusal) {
        Ok(()) => refusal,
        Err(not_recorded) => not_recorded,
    }
}

/// Records a decision that stands as the answer to its challenge.
fn record_as(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    kind: EntryKind,
    sent: &SignedDecision,
    decision: &Decision,
    about: &[(&'static str, String)],
) -> Result<(), Refusal> {
    let posed = answered(workspace, decision, draft.now())?;
    let by = By {
        on_behalf_of: Some(decision.member),
        ..By::default()
    };
    let mut refs = Refs::new();
    let challenge = ("challenge", decision.challenge.to_string());
    for (name, value) in about.iter().chain([&challenge]) {
        refs.insert(name, value.clone())
            .map_err(|error| not_recorded(&error.into()))?;
    }
    let body = DecisionMade {
        signed: sent.clone(),
        posed_at: posed.at,
        changed_lines: None,
    };
    record::append(draft, ChainId::Workspace(workspace.id), kind, by, refs, &body)
        .map_err(|error| not_recorded(&error))?;
    workspace.challenges.spend(&decision.challenge);
    workspace.answered.insert(decision.challenge);
    Ok(())
}

/// What was tried and did not stand is recorded, and bounded.
fn record_refusal(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    text: &str,
    member: Option<MemberId>,
    refusal: &Refusal,
) -> Result<(), Refusal> {
    // Rubbish does not hide that something was sent which a member had signed.
    let throttle = match member {
        Some(_) => &mut workspace.refused_of_members,
        None => &mut workspace.refused,
    };
    let Some(unrecorded) = throttle.admit(draft.now()) else {
        return Ok(());
    };
    let body = DecisionRefused {
        refusal: refusal.clone(),
        said: String::from_utf8_lossy(&text.as_bytes()[..text.len().min(SAID_BYTES)]).into_owned(),
        unrecorded,
    };
    let by = By {
        on_behalf_of: member,
        ..By::default()
    };
    let chain = ChainId::Workspace(workspace.id);
    record::append(draft, chain, EntryKind::DecisionRefused, by, Refs::new(), &body)
        .map(drop)
        .map_err(|error| not_recorded(&error))
}

fn not_allowed(why: String) -> Refusal {
    Refusal::new(RefusalCode::DecisionNotAllowed, &why)
}
