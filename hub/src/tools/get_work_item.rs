//! `get_work_item`.

use delegation::AgentVerb;
use identity::Decision;
use protocol::tools::{DecisionView, GetWorkItem, WorkItemView};
use vocabulary::shown;
use work_items::{Evidence, RiskPolicy, WorkItem};

use super::{Plan, not_found, sees, structured};
use crate::workspace::Workspace;

pub(super) fn plan(verb: Option<AgentVerb>, call: GetWorkItem) -> Plan {
    Plan::reading(verb, move |workspace, scribe| {
        let grant = scribe.caller.token.grant();
        match workspace.work_items.get(call.id).filter(|item| sees(grant, item)) {
            Some(item) => structured(&view(workspace, item)),
            None => Err(not_found(&call.id)),
        }
    })
}

/// A decision, as an agent is told of it.
pub(super) fn of_decision(workspace: &Workspace, decision: &Decision) -> DecisionView {
    DecisionView {
        verb: decision.verb.to_string(),
        by: workspace.name_of(decision.member),
        at: decision.at,
        rationale: decision.rationale.as_ref().map(ToString::to_string),
        tier: decision.tier.to_string(),
    }
}

fn view(workspace: &Workspace, item: &WorkItem) -> WorkItemView {
    let WorkItem {
        proposed,
        state,
        decisions,
        evidence,
        ..
    } = item;
    let older = evidence.len().saturating_sub(WorkItemView::MAX_EVIDENCE);
    WorkItemView {
        id: proposed.id,
        title: proposed.proposal.title().to_string(),
        description: proposed.proposal.description().map(ToString::to_string),
        state: state.as_str().to_owned(),
        item_type: proposed.assessment.item_type.as_str().to_owned(),
        risk: proposed.assessment.risk,
        type_reasons: proposed.assessment.type_reasons.clone(),
        risk_reasons: proposed.assessment.risk_reasons.clone(),
        repository: proposed.proposal.repository().cloned(),
        paths: proposed.proposal.paths().to_vec(),
        on_behalf_of: workspace.attribution(proposed.on_behalf_of, &proposed.via),
        trace: proposed.trace,
        proposed_at: proposed.proposed_at,
        decisions: decisions
            .iter()
            .map(|decision| of_decision(workspace, decision))
            .collect(),
        stale: item.stale(RiskPolicy::built_in()).map(|stale| stale.to_string()),
        pull_request: item.pull_request().map(str::to_owned),
        evidence: evidence
            .iter()
            .skip(older)
            .map(|evidence| of_evidence(workspace, evidence))
            .collect(),
    }
}

fn of_evidence(workspace: &Workspace, evidence: &Evidence) -> String {
    let (finding, who) = (
        &evidence.finding,
        workspace.attribution(evidence.on_behalf_of, &evidence.via),
    );
    let line = format!(
        "{} {} by {}, says {who}: {}",
        finding.kind(),
        finding.outcome(),
        finding.tool(),
        finding.summary()
    );
    shown(&line, WorkItemView::MAX_EVIDENCE_CHARS)
}
