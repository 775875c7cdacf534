//! `propose_work_item`: judges type and risk, and records the proposal in the workspace chain.

use delegation::{AgentVerb, Grant, Repositories};
use identity::Digest;
use protocol::{
    Refusal, RefusalCode,
    tools::{ProposeWorkItem, WorkItemProposed},
};
use trace_store::{ChainId, Refs};
use vocabulary::{Timestamp, WorkItemId};
use work_items::{Event, Proposal, Proposed, RawProposal, RiskPolicy, State, asks_much, assess};

use super::{Done, Plan, structured};
use crate::{
    clock,
    dispatch::{Scribe, Surroundings},
    kind::EntryKind,
    record::RecordError,
    records,
    workspace::Workspace,
};

pub(super) fn plan(verb: Option<AgentVerb>, grant: &Grant, call: ProposeWorkItem) -> Result<Plan, Refusal> {
    let proposal = Proposal::parse(RawProposal {
        title: call.title,
        description: call.description,
        repository: call.repository.or_else(|| only_repository(grant)),
        paths: call.paths,
        declared_risk: call.risk,
    })
    .map_err(|error| Refusal::new(RefusalCode::MalformedArguments, &error))?;
    if proposal.repository().is_none() && !matches!(grant.repositories, Repositories::Any) {
        let message = format!(
            "say in which repository: {} lends only {}",
            grant.id, grant.repositories
        );
        return Err(Refusal::new(RefusalCode::RepositoryRequired, &message));
    }
    if proposal.paths().is_empty() && !grant.paths.covers_everything() {
        let message = format!(
            "say which paths will change: {} lends only {}",
            grant.id, grant.paths
        );
        return Err(Refusal::new(RefusalCode::PathsRequired, &message));
    }
    let assessment = assess(&proposal, RiskPolicy::built_in());
    Ok(Plan {
        verb,
        repository: proposal.repository().cloned(),
        paths: proposal.paths().to_vec(),
        risk: Some(assessment.risk),
        first: None,
        carry_out: Box::new(move |workspace, scribe, around, _| {
            propose(workspace, scribe, around, proposal, assessment)
        }),
    })
}

/// A delegation for one repository needs no repeating.
fn only_repository(grant: &Grant) -> Option<String> {
    match &grant.repositories {
        Repositories::Only(lent) if lent.len() == 1 => lent.first().map(ToString::to_string),
        Repositories::Only(_) | Repositories::Any => None,
    }
}

fn propose(
    workspace: &Workspace,
    scribe: &mut Scribe<'_, '_>,
    around: &Surroundings,
    proposal: Proposal,
    assessment: work_items::Assessment,
) -> Result<Done, RecordError> {
    let newest = workspace
        .work_items
        .newest_first(None)
        .next()
        .map(|item| item.proposed.id);
    let id = match next_id(newest, scribe.draft.now()) {
        Ok(id) => id,
        Err(error) => {
            let why = format!("the system gives no randomness: {error}");
            return Ok(Done::of(Err(Refusal::new(RefusalCode::NoEntropy, &why))));
        }
    };
    if workspace.work_items.get(id).is_some() {
        return Ok(Done::of(Err(Refusal::new(
            RefusalCode::Conflict,
            &format!("{id} is taken; call again"),
        ))));
    }
    let grant = scribe.caller.token.grant();
    let proposed = Proposed {
        id,
        proposal,
        assessment,
        on_behalf_of: grant.on_behalf_of,
        via: scribe.caller.via.agent.clone(),
        delegation: grant.id,
        trace: scribe.caller.trace,
        proposed_at: scribe.draft.now(),
    };
    // The hub's state is read back from the ledger: what it could not read must never get there.
    let digest = match reads_back(&proposed) {
        Ok(digest) => digest,
        Err(problem) => return Ok(Done::of(Err(Refusal::new(RefusalCode::NotExpressible, &problem)))),
    };
    let refs = || -> Result<Refs, RecordError> {
        let mut refs = Refs::new();
        refs.insert("work_item", id.to_string())?;
        refs.insert("trace", scribe.caller.trace.to_string())?;
        Ok(refs)
    };
    let (in_chain, in_trace) = (refs()?, refs()?);
    scribe.append(
        ChainId::Workspace(workspace.id),
        EntryKind::WorkItemProposed,
        in_chain,
        &proposed,
    )?;
    let result = structured(&WorkItemProposed {
        id,
        state: State::Proposed.as_str().to_owned(),
        item_type: proposed.assessment.item_type.as_str().to_owned(),
        risk: proposed.assessment.risk,
        type_reasons: proposed.assessment.type_reasons.clone(),
        risk_reasons: proposed.assessment.risk_reasons.clone(),
        on_behalf_of: workspace.attribution(proposed.on_behalf_of, &proposed.via),
        trace: proposed.trace,
        approval_url: around.links.url(&around.inbox, id),
        next: what_else(workspace, &proposed),
    });
    Ok(Done {
        result,
        refs: in_trace,
        event: Some(Event::Proposed(proposed, digest)),
    })
}

/// What high risk takes beyond one human's word, for the agent to do or to pass on.
fn what_else(workspace: &Workspace, proposed: &Proposed) -> Option<String> {
    if !asks_much(proposed.assessment.risk) {
        return None;
    }
    let who = workspace.name_of(proposed.on_behalf_of);
    let first = "First record_evidence of a review that passed.";
    Some(if workspace.members.all().nth(1).is_some() {
        format!("{first} Then another member than {who} approves, by touch")
    } else {
        format!(
            "{first} Then another member than {who} has to approve, and there is none: ask {who} to invite a second \
             with: auditotter grant-access"
        )
    })
}

/// The digest of what will be recorded, if that reads back as what it is.
fn reads_back(proposed: &Proposed) -> Result<Digest, String> {
    let bytes = records::write(proposed).map_err(|error| error.to_string())?;
    let again: Proposed =
        records::read(EntryKind::WorkItemProposed.as_str(), &bytes).map_err(|error| error.to_string())?;
    if again == *proposed {
        Ok(Digest::of_subject(&bytes))
    } else {
        Err("the proposal would not be read back from the ledger as it is".to_owned())
    }
}

/// An identifier of this moment that comes after every other: work items are listed in their order, and neither a
/// burst within one millisecond nor a clock that was set back may shuffle it.
fn next_id(newest: Option<WorkItemId>, now: Timestamp) -> Result<WorkItemId, getrandom::Error> {
    let mut millis = newest.map_or(0, WorkItemId::unix_millis).max(now.unix_millis());
    loop {
        let id = WorkItemId::new(millis, clock::random()?);
        if newest.is_none_or(|newest| newest < id) {
            return Ok(id);
        }
        millis += 1;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn identifiers_of_one_millisecond_keep_the_order_of_their_proposals() {
        let now = Timestamp::EPOCH.saturating_add(time::Duration::days(20_000));
        let mut newest = None;
        for _ in 0..1_000 {
            let id = next_id(newest, now).unwrap();
            assert!(newest.is_none_or(|newest| newest < id), "{newest:?} {id}");
            newest = Some(id);
        }
    }
}
