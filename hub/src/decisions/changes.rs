//! Deciding whether a change may land.

use identity::{Decision, Digest, Email, HumanVerb, Signed, SignedDecision};
use protocol::{Refusal, RefusalCode};
use trace_store::{ChainId, Draft, Entry, Refs};
use vocabulary::{GitObject, MemberId, Timestamp, WorkItemId};
use work_items::{
    Change, Circumstances, Event, LandError, Landing, LandingDecided, Missing, REVIEW_DUE_AFTER, RiskPolicy,
    Role, Stale, WorkItem,
};

use super::{
    challenges::{Posed, ShownTo, answered, pose_as, pose_for, posed},
    no_work_item, not_allowed, recorded_either_way,
    work::alone,
};
use crate::{
    kind::EntryKind,
    membership::Members,
    record::{self, By, RecordError, not_recorded},
    records::{ChangeDecided, ChangeProposed, DecisionMade},
    waiting,
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

/// Poses a challenge for a change that a page shows with this digest, to a member whom it told as whom they would decide.
pub(crate) fn pose_shown_change(
    workspace: &mut Workspace,
    draft: &Draft<'_>,
    member: MemberId,
    id: WorkItemId,
    (digest, said_as): (Digest, &str),
) -> Result<Posed, Refusal> {
    let item = workspace.work_items.get(id).ok_or_else(|| no_work_item(id))?;
    let known = item.known();
    let shown = |change: &&Change| change.digest(&known).is_ok_and(|now| now == digest);
    let change = item.at_issue().into_iter().find(shown);
    let now = change.map(|change| {
        (
            change,
            waiting::to_land(workspace, item, change, member).said_as(),
        )
    });
    let Some((change, said_as)) = now.filter(|(_, now)| *now == said_as) else {
        let message =
            format!("what is to land for {id} is not any more what your page shows; look at it again");
        return Err(not_allowed(message));
    };
    still_fits(item)?;
    let about = (change.subject_of(&item.proposed), digest);
    pose_as(workspace, draft, ShownTo::Member(member), about, Some(said_as))
}

/// Records that a change was put forward, as nobody's word. The same as was put forward last changes nothing.
pub(crate) fn propose_change(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    change: Change,
) -> Result<WorkItemId, Refusal> {
    let item = workspace.work_items.may_be_judged(&change);
    let item = item.map_err(|error| refused(workspace, &error))?;
    still_fits(item)?;
    let newest = item.proposed_changes.last();
    if newest.is_some_and(|newest| newest.change == change) {
        return Ok(change.work_item());
    }
    let item = workspace.work_items.may_propose(&change);
    let item = item.map_err(|error| refused(workspace, &error))?;
    let refs = places_of(item, &change).map_err(|error| not_recorded(&error))?;
    let body = ChangeProposed { change };
    let chain = ChainId::Workspace(workspace.id);
    record::append(
        draft,
        chain,
        EntryKind::ChangeProposed,
        By::default(),
        refs,
        &body,
    )
    .map_err(|error| not_recorded(&error))?;
    let id = body.change.work_item();
    workspace
        .work_items
        .apply(Event::ChangeProposed(body.change, draft.now()))
        .map_err(|error| not_allowed(error.to_string()))?;
    Ok(id)
}

/// Whether an entry says that this was put forward, as nobody's word, and where it is looked for.
pub(crate) fn change_proposed_so(entry: &Entry, item: &WorkItem, change: &Change) -> Result<(), String> {
    let nobodys = entry.on_behalf_of.is_none() && entry.via.is_none() && entry.delegation.is_none();
    if nobodys && is_placed(entry, item, change) {
        Ok(())
    } else {
        Err("a change that was put forward is recorded as somebody's, or of something else".to_owned())
    }
}

/// The change on which a member decides who was shown one that the ledger has. That it is still as it was shown is for the rules to say.
pub(super) fn change_of(
    workspace: &Workspace,
    decision: &Decision,
    (id, tree): (WorkItemId, GitObject),
) -> Result<Change, Refusal> {
    let item = workspace.work_items.get(id).ok_or_else(|| no_work_item(id))?;
    let made = item.landings.iter().find(|landing| landing.decision == *decision);
    if let Some(made) = made {
        return Ok(made.change.clone());
    }
    let proposed = item.proposed_changes.iter().map(|proposed| &proposed.change);
    let all = || {
        proposed
            .clone()
            .chain(item.landings.iter().map(|landing| &landing.change))
    };
    let known = item.known();
    let exactly = |change: &&Change| {
        let digest = change.digest(&known);
        change.tree() == tree && digest.is_ok_and(|digest| digest == decision.subject_digest)
    };
    let found = all()
        .find(exactly)
        .or_else(|| all().find(|change| change.tree() == tree));
    found.cloned().ok_or_else(|| {
        not_allowed(format!(
            "nobody put a change with the tree {tree} forward for {id}; where its repository is: auditotter land {id} --propose"
        ))
    })
}

/// A page takes only what answers a page: what was posed at a terminal told nobody as whom they would decide, and stands whatever was
/// put forward since. What was answered already is for the same decision sent again.
pub(super) fn was_shown_on_a_page(workspace: &Workspace, decision: &Decision) -> Result<(), Refusal> {
    match posed(workspace, &decision.challenge) {
        Ok(posed) if !posed.is_of_page_of(decision.member) => {
            let message = "what this answers was shown at a terminal, or to somebody else; look at it again here, then decide";
            Err(Refusal::new(RefusalCode::ChallengeSpent, &message))
        }
        Ok(_) | Err(_) => Ok(()),
    }
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

pub(super) fn record_landing(
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
    as_was_said(workspace, &posed, decision, (item, &change, role))?;
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

/// Who was shown a change on a page decides on what still stands there; and who was told as whom they would say yes, says it as
/// nobody else, whoever came or went meanwhile.
fn as_was_said(
    workspace: &Workspace,
    posed: &Posed,
    decision: &Decision,
    (item, change, role): (&WorkItem, &Change, Role),
) -> Result<(), Refusal> {
    let Some(said) = posed.said_as else { return Ok(()) };
    if !item.at_issue().contains(&change) {
        return Err(not_allowed(format!(
            "{} is superseded: another change was put forward for {} since; look at it again, then decide",
            change.tree(),
            item.proposed.id
        )));
    }
    // What a page says takes more than the rules do: people's own words where it offers an exception.
    let now = waiting::to_land(workspace, item, change, decision.member).said_as();
    if decision.verb == HumanVerb::Approve && (said != role.as_str() || said != now) {
        return Err(not_allowed(format!(
            "the page did not say that this would be decided as {}: who can decide has changed; look at it again, then decide",
            role.as_str()
        )));
    }
    Ok(())
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
pub(crate) fn still_fits(item: &WorkItem) -> Result<(), Refusal> {
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
    if !is_placed(entry, item, &decided.change) {
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

/// Whether an entry stands where this change of this work item is looked for.
fn is_placed(entry: &Entry, item: &WorkItem, change: &Change) -> bool {
    let (id, trace) = (item.proposed.id.to_string(), item.proposed.trace.to_string());
    let tree = change.tree().to_string();
    entry.refs.get("work_item") == Some(id.as_str())
        && entry.refs.get("trace") == Some(trace.as_str())
        && entry.refs.get("tree") == Some(tree.as_str())
}

fn places_of(item: &WorkItem, change: &Change) -> Result<Refs, RecordError> {
    let mut refs = Refs::new();
    refs.insert("work_item", item.proposed.id.to_string())?;
    refs.insert("trace", item.proposed.trace.to_string())?;
    refs.insert("tree", change.tree().to_string())?;
    Ok(refs)
}

fn refs_of(decision: &Decision, item: &WorkItem, change: &Change) -> Result<Refs, RecordError> {
    let mut refs = places_of(item, change)?;
    refs.insert("challenge", decision.challenge.to_string())?;
    Ok(refs)
}
