//! `record_evidence`: the agent's word on what it ran, in the workspace chain.

use delegation::{AgentVerb, Grant};
use identity::Digest;
use protocol::{
    Refusal, RefusalCode,
    tools::{EvidenceRecorded, RecordEvidence},
};
use trace_store::{ChainId, Refs};
use vocabulary::WorkItemId;
use work_items::{Event, Evidence, Finding, RawFinding};

use super::{Done, Plan, not_found, sees, structured};
use crate::{dispatch::Scribe, kind::EntryKind, record::RecordError, records, workspace::Workspace};

/// Takes a delegation under which the same work could be proposed: whoever may not touch a path may not vouch for what is
/// done to it either.
pub(super) fn plan(
    verb: Option<AgentVerb>,
    workspace: &Workspace,
    grant: &Grant,
    call: RecordEvidence,
) -> Result<Plan, Refusal> {
    let finding = Finding::parse(RawFinding {
        kind: call.kind,
        outcome: call.outcome,
        tool: call.tool,
        summary: call.summary,
        digest: call.digest,
        changed_lines: call.changed_lines,
        commit: call.commit,
        tree: call.tree,
    })
    .map_err(|error| Refusal::new(RefusalCode::MalformedArguments, &error))?;
    let item = workspace.work_items.get(call.id).filter(|item| sees(grant, item));
    let item = item.ok_or_else(|| not_found(&call.id))?;
    let proposed = &item.proposed;
    Ok(Plan {
        verb,
        repository: proposed.proposal.repository().cloned(),
        paths: proposed.proposal.paths().to_vec(),
        risk: Some(proposed.assessment.risk),
        first: None,
        carry_out: Box::new(move |workspace, scribe, _, _| record(workspace, scribe, call.id, finding)),
    })
}

fn record(
    workspace: &Workspace,
    scribe: &mut Scribe<'_, '_>,
    id: WorkItemId,
    finding: Finding,
) -> Result<Done, RecordError> {
    let grant = scribe.caller.token.grant();
    let evidence = Evidence {
        work_item: id,
        finding,
        on_behalf_of: grant.on_behalf_of,
        via: scribe.caller.via.agent.clone(),
        delegation: grant.id,
        trace: scribe.caller.trace,
        recorded_at: scribe.draft.now(),
    };
    let item = match workspace.work_items.may_record(&evidence) {
        Ok(item) => item,
        Err(error) => {
            return Ok(Done::of(Err(Refusal::new(
                RefusalCode::TransitionNotAllowed,
                &error,
            ))));
        }
    };
    // The hub's state is read back from the ledger: what it could not read must never get there.
    let digest = match reads_back(&evidence) {
        Ok(digest) => digest,
        Err(problem) => return Ok(Done::of(Err(Refusal::new(RefusalCode::NotExpressible, &problem)))),
    };
    let refs = || -> Result<Refs, RecordError> {
        let mut refs = Refs::new();
        refs.insert("work_item", id.to_string())?;
        // Where the work was proposed: whoever exports that finds what was said of it.
        refs.insert("trace", item.proposed.trace.to_string())?;
        Ok(refs)
    };
    let (in_chain, in_trace) = (refs()?, refs()?);
    scribe.append(
        ChainId::Workspace(workspace.id),
        EntryKind::EvidenceRecorded,
        in_chain,
        &evidence,
    )?;
    let result = structured(&EvidenceRecorded {
        id,
        state: item.state.as_str().to_owned(),
        evidence: u32::try_from(item.evidence.len() + 1).unwrap_or(u32::MAX),
    });
    Ok(Done {
        result,
        refs: in_trace,
        event: Some(Event::Evidence(evidence, digest)),
    })
}

/// The digest of what will be recorded, if that reads back as what it is.
fn reads_back(evidence: &Evidence) -> Result<Digest, String> {
    let bytes = records::write(evidence).map_err(|error| error.to_string())?;
    let again: Evidence =
        records::read(EntryKind::EvidenceRecorded.as_str(), &bytes).map_err(|error| error.to_string())?;
    if again == *evidence {
        Ok(Digest::of_subject(&bytes))
    } else {
        Err("the evidence would not be read back from the ledger as it is".to_owned())
    }
}
