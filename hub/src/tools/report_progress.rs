//! `report_progress`: the agent's word on where work stands, in the workspace chain.

use delegation::{AgentVerb, Grant};
use protocol::{
    Refusal, RefusalCode,
    tools::{ProgressReported, ReportProgress},
};
use trace_store::{ChainId, Refs};
use vocabulary::WorkItemId;
use work_items::{Event, RawReport, Report, Reported};

use super::{Done, Plan, not_found, sees, structured};
use crate::{dispatch::Scribe, kind::EntryKind, record::RecordError, records, workspace::Workspace};

/// Takes a delegation under which the same work could be proposed, of the human for whom it was.
pub(super) fn plan(
    verb: Option<AgentVerb>,
    workspace: &Workspace,
    grant: &Grant,
    call: ReportProgress,
) -> Result<Plan, Refusal> {
    let report = Report::parse(RawReport {
        state: call.state,
        pull_request: call.pull_request,
        why: call.why,
    })
    .map_err(|error| Refusal::new(RefusalCode::MalformedArguments, &error))?;
    let item = workspace.work_items.get(call.id).filter(|item| sees(grant, item));
    let item = item.ok_or_else(|| not_found(&call.id))?;
    let proposed = &item.proposed;
    Ok(Plan {
        verb,
        repository: proposed.proposal.repository().cloned(),
        paths: proposed.proposal.paths().to_vec(),
        risk: Some(item.risk()),
        first: None,
        carry_out: Box::new(move |workspace, scribe, _, _| record(workspace, scribe, call.id, report)),
    })
}

fn record(
    workspace: &Workspace,
    scribe: &mut Scribe<'_, '_>,
    id: WorkItemId,
    report: Report,
) -> Result<Done, RecordError> {
    let grant = scribe.caller.token.grant();
    let reported = Reported {
        work_item: id,
        report,
        on_behalf_of: grant.on_behalf_of,
        via: scribe.caller.via.agent.clone(),
        delegation: grant.id,
        trace: scribe.caller.trace,
        reported_at: scribe.draft.now(),
    };
    let refused = |code, why: &dyn ToString| Ok(Done::of(Err(Refusal::new(code, &why.to_string()))));
    let (item, state) = match workspace.work_items.may_report(&reported) {
        Ok(found) => found,
        Err(error) => return refused(RefusalCode::TransitionNotAllowed, &error),
    };
    // The hub's state is read back from the ledger: what it could not read must never get there.
    let bytes = records::write(&reported)?;
    let kind = EntryKind::ProgressReported;
    match records::read::<Reported>(kind.as_str(), &bytes) {
        Ok(again) if again == reported => {}
        Ok(_) => return refused(RefusalCode::NotExpressible, &"it would not be read back as it is"),
        Err(error) => return refused(RefusalCode::NotExpressible, &error),
    }
    let refs = || -> Result<Refs, RecordError> {
        let mut refs = Refs::new();
        refs.insert("work_item", id.to_string())?;
        refs.insert("trace", item.proposed.trace.to_string())?;
        Ok(refs)
    };
    let (in_chain, in_trace) = (refs()?, refs()?);
    scribe.append(ChainId::Workspace(workspace.id), kind, in_chain, &reported)?;
    let next = state.next(item.risk()).into_iter();
    let result = structured(&ProgressReported {
        id,
        state: state.as_str().to_owned(),
        next: next.map(|state| state.as_str().to_owned()).collect(),
    });
    Ok(Done {
        result,
        refs: in_trace,
        event: Some(Event::Reported(reported)),
    })
}
