//! Deciding on a work item.

use identity::{Decision, Digest, Signed, SignedDecision, Subject};
use protocol::{Refusal, RefusalCode};
use trace_store::{ChainId, Draft, Entry, Refs};
use vocabulary::WorkItemId;
use work_items::{Circumstances, DecideError, Event, Missing, Proposed, WorkItem};

use super::{
    challenges::{Posed, ShownTo, answered, pose_for},
    recorded_either_way,
};
use crate::{
    kind::EntryKind,
    record::{self, By, RecordError, not_recorded},
    records::{self, DecisionMade},
    workspace::Workspace,
};

/// Poses a challenge for a work item as it stands.
pub(crate) fn pose(
    workspace: &mut Workspace,
    draft: &Draft<'_>,
    shown_to: ShownTo,
    id: WorkItemId,
) -> Result<Posed, Refusal> {
    let item = workspace.work_items.get(id).ok_or_else(|| no_work_item(id))?;
    let about = (item.subject(), item.at_stake());
    pose_for(workspace, draft, shown_to, about)
}

/// Records a decision on a work item that stands, and what follows from it. The same one again changes nothing.
pub(crate) fn decide(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    sent: &SignedDecision,
) -> Result<WorkItemId, Refusal> {
    recorded_either_way(workspace, draft, sent, |workspace, draft, signed| {
        record_decision(workspace, draft, sent, signed)
    })
}

/// Whether a decision on this work item is recorded where it is looked for.
pub(crate) fn in_its_place(entry: &Entry, item: &WorkItem, made: &DecisionMade) -> Result<(), String> {
    let proposed = &item.proposed;
    let (id, trace) = (proposed.id.to_string(), proposed.trace.to_string());
    if entry.refs.get("work_item") != Some(id.as_str()) || entry.refs.get("trace") != Some(trace.as_str()) {
        return Err("it is not recorded as a decision on what it decides".to_owned());
    }
    if made.posed_at < proposed.proposed_at {
        return Err("it was shown before it was proposed".to_owned());
    }
    let newest = item.evidence_at_stake().last();
    if newest.is_some_and(|evidence| made.posed_at < evidence.recorded_at) {
        return Err("it was shown before the evidence on it was recorded".to_owned());
    }
    if made.changed_lines != item.changed_lines() {
        return Err("it says another number of changed lines than the evidence on it".to_owned());
    }
    Ok(())
}

/// How a decision came about, as its entry says.
pub(crate) fn circumstances(entry: &Entry, made: &DecisionMade) -> Circumstances {
    Circumstances {
        posed_at: made.posed_at,
        recorded_at: entry.at,
        changed_lines: made.changed_lines,
    }
}

/// A work item and the evidence on it to the letter, as they were recorded: what is shown, and what a decision is about.
pub(crate) fn recorded(item: &WorkItem) -> Result<(String, Vec<String>), Refusal> {
    let unexpressible = |error: &dyn ToString| Refusal::new(RefusalCode::NotExpressible, &error.to_string());
    let text = |bytes: Result<Vec<u8>, serde_json::Error>| {
        String::from_utf8(bytes.map_err(|error| unexpressible(&error))?)
            .map_err(|error| unexpressible(&error))
    };
    let proposed = text(records::write(&item.proposed))?;
    let evidence = item.evidence_at_stake().iter();
    let evidence: Vec<String> = evidence
        .map(|evidence| text(records::write(evidence)))
        .collect::<Result<_, _>>()?;
    let digest = evidence
        .iter()
        .fold(Digest::of_subject(proposed.as_bytes()), |digest, evidence| {
            digest.with_evidence(&Digest::of_subject(evidence.as_bytes()))
        });
    if digest == item.at_stake() {
        Ok((proposed, evidence))
    } else {
        let id = item.proposed.id;
        let message =
            format!("{id} was recorded by another version, in other words than this one has for it");
        Err(unexpressible(&message))
    }
}

/// Whether a proposal is recorded as that of those whom it names, at that moment.
pub(crate) fn proposed_so(entry: &Entry, proposed: &Proposed) -> Result<(), String> {
    let said = entry.on_behalf_of == Some(proposed.on_behalf_of)
        && entry.delegation == Some(proposed.delegation)
        && entry.at == proposed.proposed_at
        && entry
            .via
            .as_ref()
            .is_some_and(|via| via.agent() == proposed.via || proposed.via.is_empty());
    if said {
        Ok(())
    } else {
        Err("the proposal is not recorded as that of those whom it names".to_owned())
    }
}

pub(super) fn record_decision(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    sent: &SignedDecision,
    signed: Signed<Decision>,
) -> Result<WorkItemId, Refusal> {
    let decision = signed.get();
    let refused =
        |error: &dyn std::fmt::Display| Refusal::new(RefusalCode::DecisionNotAllowed, &error.to_string());
    let Subject::WorkItem { id, .. } = decision.subject else {
        return Err(refused(&"this hub records decisions on work items only"));
    };
    let item = workspace.work_items.get(id).ok_or_else(|| no_work_item(id))?;
    if item.decisions.contains(decision) {
        return Ok(id);
    }
    if let Err(error) = workspace.work_items.after(decision) {
        return Err(refused(&advised(workspace, &error)));
    }
    let posed = answered(workspace, decision, draft.now())?;
    let by = By {
        on_behalf_of: Some(decision.member),
        ..By::default()
    };
    let refs = refs_of(decision, item).map_err(|error| not_recorded(&error))?;
    let body = DecisionMade {
        signed: sent.clone(),
        posed_at: posed.at,
        changed_lines: item.changed_lines(),
    };
    let circumstances = Circumstances {
        posed_at: posed.at,
        recorded_at: draft.now(),
        changed_lines: body.changed_lines,
    };
    let (chain, challenge) = (ChainId::Workspace(workspace.id), decision.challenge);
    record::append(draft, chain, EntryKind::DecisionMade, by, refs, &body)
        .map_err(|error| not_recorded(&error))?;
    // Last, when nothing can fail any more: the same fold as after a restart.
    workspace
        .work_items
        .apply(Event::Decided(signed, circumstances))
        .map_err(|error| refused(&error))?;
    workspace.challenges.spend(&challenge);
    workspace.answered.insert(challenge);
    Ok(id)
}

/// Why a decision does not stand; who is alone and needs another is told how to get one.
fn advised(workspace: &Workspace, error: &DecideError) -> String {
    match error {
        DecideError::Duties { missing, .. } if missing.contains(&Missing::AnotherHuman) => {
            format!("{error}{}", alone(workspace))
        }
        _ => error.to_string(),
    }
}

/// What whoever needs another human is told where nobody else is a member.
pub(super) fn alone(workspace: &Workspace) -> &'static str {
    if workspace.members.all().nth(1).is_none() {
        ". Nobody else is a member: invite a second with: auditotter grant-access"
    } else {
        ""
    }
}

fn refs_of(decision: &Decision, item: &WorkItem) -> Result<Refs, RecordError> {
    let mut refs = Refs::new();
    refs.insert("work_item", item.proposed.id.to_string())?;
    refs.insert("trace", item.proposed.trace.to_string())?;
    refs.insert("challenge", decision.challenge.to_string())?;
    Ok(refs)
}

pub(crate) fn no_work_item(id: WorkItemId) -> Refusal {
    Refusal::new(
        RefusalCode::NotFound,
        &format!("there is no work item {id}; `auditotter inbox` shows which there are"),
    )
}
