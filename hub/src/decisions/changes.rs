//! Deciding whether a change may land.

use identity::{Decision, Email, Signed, SignedDecision};
use protocol::Refusal;
use trace_store::{ChainId, Draft, Entry, Refs};
use vocabulary::{MemberId, Timestamp, WorkItemId};
use work_items::{
    Change, Circumstances, Event, LandError, Landing, LandingDecided, Missing, REVIEW_DUE_AFTER, RiskPolicy,
    Role, Stale, WorkItem,
};

use super::{
    challenges::{Posed, ShownTo, answered, pose_for},
    no_work_item, not_allowed, recorded_either_way,
    work::alone,
};
use crate::{
    kind::EntryKind,
    membership::Members,
    record::{self, By, RecordError, not_recorded},
    records::{ChangeDecided, DecisionMade},
    workspace::Workspace,
};

/// Poses a challenge for a change that is to land.
pub(crate) fn pose_change(
    workspace: &mut Workspace,
    draft: &Draft<'_>,
    change: &Change,
) -> Result<Posed, Refusal> {
    let item = workspace.work_items.may_be_judged(change);
    let item = item.map_err(|error| refused(workspace, &error))?;
    still_fits(item)?;
    let digest = change.digest(&item.known());
    let digest = digest.map_err(|error| not_allowed(error.to_string()))?;
    let subject = change.subject_of(&item.proposed);
    pose_for(workspace, draft, ShownTo::Terminal, (subject, digest))
}

/// Records a decision on a change that stands. The same one again changes nothing.
pub(crate) fn land(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    change: Change,
    sent: &SignedDecision,
) -> Result<WorkItemId, Refusal> {
    recorded_either_way(workspace, draft, sent, |workspace, draft, signed| {
        record_landing(workspace, draft, change, sent, signed)
    })
}

fn record_landing(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    change: Change,
    sent: &SignedDecision,
    signed: Signed<Decision>,
) -> Result<WorkItemId, Refusal> {
    let id = change.work_item();
    let item = workspace.work_items.get(id).ok_or_else(|| no_work_item(id))?;
    let decision = signed.get();
    let same = |landing: &Landing| landing.decision == *decision && landing.change == change;
    if item.landings.iter().any(same) {
        return Ok(id);
    }
    still_fits(item)?;
    let members = members(&workspace.members);
    let (_, role) = workspace
        .work_items
        .may_land(decision, &change, &members)
        .map_err(|error| refused(workspace, &error))?;
    let posed = answered(workspace, decision, draft.now())?;
    let by = By {
        on_behalf_of: Some(decision.member),
        ..By::default()
    };
    let refs = refs_of(decision, item, &change).map_err(|error| not_recorded(&error))?;
    let body = ChangeDecided {
        made: DecisionMade {
            signed: sent.clone(),
            posed_at: posed.at,
            changed_lines: change.changed_lines(),
        },
        change,
        members: ids(&members),
        review_due: due(role, draft.now()),
    };
    let (chain, challenge) = (ChainId::Workspace(workspace.id), decision.challenge);
    record::append(draft, chain, EntryKind::ChangeDecided, by, refs, &body)
        .map_err(|error| not_recorded(&error))?;
    // Last, when nothing can fail any more: the same fold as after a restart.
    let circumstances = Circumstances {
        posed_at: posed.at,
        recorded_at: draft.now(),
        changed_lines: body.made.changed_lines,
    };
    workspace
        .work_items
        .apply(Event::Landing(Box::new(LandingDecided {
            signed,
            change: body.change,
            circumstances,
            members,
        })))
        .map_err(|error| not_allowed(error.to_string()))?;
    workspace.challenges.spend(&challenge);
    workspace.answered.insert(challenge);
    Ok(id)
}

/// Why a decision on a change does not stand; who is alone and needs another is told how to get one.
fn refused(workspace: &Workspace, error: &LandError) -> Refusal {
    match error {
        LandError::Unknown(id) => no_work_item(*id),
        LandError::Duties { missing, .. } if missing.contains(&Missing::AnotherHuman) => {
            not_allowed(format!("{error}{}", alone(workspace)))
        }
        _ => not_allowed(error.to_string()),
    }
}

/// On an approval by rules that hold no more, nothing is built: asked at the door only, for rules change. What was let
/// through already is looked at all the same.
fn still_fits(item: &WorkItem) -> Result<(), Refusal> {
    if !item.may_still_land() {
        return Ok(());
    }
    match item.stale(RiskPolicy::built_in()) {
        Some(stale @ (Stale::Rules | Stale::Risk(_))) => Err(not_allowed(format!(
            "the approval of {} is {stale}",
            item.proposed.id
        ))),
        // What failed since is shown to whoever decides now.
        Some(Stale::Evidence { .. } | Stale::Known) | None => Ok(()),
    }
}

/// What a recorded decision on a change amounts to, if it is recorded as it must be. Also whoever verifies an export asks this.
pub(crate) fn landed_so(
    entry: &Entry,
    decided: ChangeDecided,
    signed: Signed<Decision>,
    (item, role): (&WorkItem, Role),
    members: Vec<(MemberId, Email)>,
) -> Result<Event, String> {
    let (id, trace) = (item.proposed.id.to_string(), item.proposed.trace.to_string());
    let tree = decided.change.tree().to_string();
    let placed = entry.refs.get("work_item") == Some(id.as_str())
        && entry.refs.get("trace") == Some(trace.as_str())
        && entry.refs.get("tree") == Some(tree.as_str());
    if !placed {
        return Err("it is not recorded as a decision on what it decides".to_owned());
    }
    let made = &decided.made;
    let newest = item.evidence.last();
    if newest.is_some_and(|evidence| made.posed_at < evidence.recorded_at) {
        return Err("it was shown before the evidence on it was recorded".to_owned());
    }
    if made.changed_lines != decided.change.changed_lines() {
        return Err("it says another number of changed lines than the change has".to_owned());
    }
    if decided.members != ids(&members) {
        return Err("it names others as members then than are known here".to_owned());
    }
    if decided.review_due != due(role, entry.at) {
        return Err("an exception has to say that it is one, and until when it is to be reviewed".to_owned());
    }
    let circumstances = super::circumstances(entry, made);
    Ok(Event::Landing(Box::new(LandingDecided {
        signed,
        change: decided.change,
        circumstances,
        members,
    })))
}

/// Who is a member, and where they get their mail: by that git knows them.
pub(crate) fn members(members: &Members) -> Vec<(MemberId, Email)> {
    let all = members.all();
    all.map(|member| (member.id, member.email.clone())).collect()
}

fn ids(members: &[(MemberId, Email)]) -> Vec<MemberId> {
    let mut ids: Vec<MemberId> = members.iter().map(|(member, _)| *member).collect();
    ids.sort();
    ids
}

fn due(role: Role, now: Timestamp) -> Option<Timestamp> {
    (role == Role::Exception).then(|| now.saturating_add(REVIEW_DUE_AFTER))
}

fn refs_of(decision: &Decision, item: &WorkItem, change: &Change) -> Result<Refs, RecordError> {
    let mut refs = Refs::new();
    refs.insert("work_item", item.proposed.id.to_string())?;
    refs.insert("trace", item.proposed.trace.to_string())?;
    refs.insert("tree", change.tree().to_string())?;
    refs.insert("challenge", decision.challenge.to_string())?;
    Ok(refs)
}
