//! What waits for people, and what they decide.

use identity::{CredentialId, Member, SignedDecision, SignedEnrolment, SignedRegistration};
use protocol::Refusal;
use serde_json::Value;
use trace_store::Draft;
use vocabulary::{MemberId, TraceId, WorkItemId};
use work_items::{Evidence, RiskPolicy, State, WorkItem};

use super::{
    answer::{
        DecisionRow, EvidenceRow, InboxRow, MemberRow, PasskeyRow, PosedRow, ReportRow, ShownEntry,
        ShownWorkItem, TouchKeyRow, WorkItemRow,
    },
    door::value,
    landing,
};
use crate::{
    decisions::{self, Posed, no_work_item},
    summary::summarize,
    workspace::Workspace,
};

/// The most rows of one answer.
const MOST_ROWS: usize = 1_000;

/// What nobody has decided yet, newest first.
pub(crate) fn inbox(workspace: &Workspace, limit: usize) -> Vec<InboxRow> {
    workspace
        .work_items
        .newest_first(None)
        .filter(|item| item.state == State::Proposed)
        .take(limit.min(MOST_ROWS))
        .map(|item| InboxRow {
            id: item.proposed.id,
            title: item.proposed.proposal.title().to_string(),
            state: item.state.as_str().to_owned(),
            item_type: item.proposed.assessment.item_type.as_str().to_owned(),
            risk: item.proposed.assessment.risk,
            proposed_by: workspace.attribution(item.proposed.on_behalf_of, &item.proposed.via),
            proposed_at: item.proposed.proposed_at,
        })
        .collect()
}

pub(crate) fn work_item(workspace: &Workspace, id: WorkItemId) -> Result<Value, Refusal> {
    let item = workspace.work_items.get(id).ok_or_else(|| no_work_item(id))?;
    value(&row(workspace, item))
}

/// Shows a work item, and poses the challenge that a decision on it has to answer.
pub(crate) fn pose(workspace: &mut Workspace, draft: &Draft<'_>, id: WorkItemId) -> Result<Value, Refusal> {
    let posed = decisions::pose(workspace, draft, decisions::ShownTo::Terminal, id)?;
    let item = workspace.work_items.get(id).ok_or_else(|| no_work_item(id))?;
    value(&shown(workspace, draft, item, &posed)?)
}

/// A work item to the letter, with the challenge that was posed for a decision on it.
pub(super) fn shown(
    workspace: &Workspace,
    draft: &Draft<'_>,
    item: &WorkItem,
    posed: &Posed,
) -> Result<ShownWorkItem, Refusal> {
    let (recorded, evidence) = decisions::recorded(item)?;
    Ok(ShownWorkItem {
        recorded,
        evidence,
        posed: row_of(workspace, draft, posed),
    })
}

/// Poses the challenge that a decision to let somebody in has to answer.
pub(crate) fn pose_newcomer(
    workspace: &mut Workspace,
    draft: &Draft<'_>,
    registration: &SignedRegistration,
) -> Result<Value, Refusal> {
    let posed = decisions::pose_newcomer(workspace, draft, registration)?;
    value(&row_of(workspace, draft, &posed))
}

/// Lets somebody in.
pub(crate) fn let_in(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    registration: SignedRegistration,
    signed: &SignedDecision,
) -> Result<Value, Refusal> {
    let id = decisions::let_in(workspace, draft, registration, signed)?;
    let member = workspace
        .members
        .get(id)
        .map(|member| member_row(workspace, member));
    value(&member)
}

pub(crate) fn pose_departure(
    workspace: &mut Workspace,
    draft: &Draft<'_>,
    member: MemberId,
) -> Result<Value, Refusal> {
    let posed = decisions::pose_departure(workspace, draft, member)?;
    value(&row_of(workspace, draft, &posed))
}

pub(crate) fn let_go(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    signed: &SignedDecision,
) -> Result<Value, Refusal> {
    decisions::let_go(workspace, draft, signed)?;
    let members = workspace.members.all();
    value(
        &members
            .map(|member| member_row(workspace, member))
            .collect::<Vec<_>>(),
    )
}

pub(crate) fn pose_erasure(
    workspace: &mut Workspace,
    draft: &Draft<'_>,
    trace: TraceId,
    seq: u64,
) -> Result<Value, Refusal> {
    let (posed, stored) = decisions::pose_erasure(workspace, draft, trace, seq)?;
    value(&ShownEntry {
        summary: summarize(stored.entry.kind.as_str(), &stored.body),
        entry: String::from_utf8_lossy(&stored.bytes).into_owned(),
        posed: row_of(workspace, draft, &posed),
    })
}

/// Whose passkeys there are.
pub(crate) fn passkeys(workspace: &Workspace) -> Vec<PasskeyRow> {
    let all = workspace.members.passkeys();
    all.filter_map(|(member, passkey)| {
        Some(PasskeyRow {
            id: passkey.id.clone(),
            member,
            name: workspace.members.get(member)?.name.clone(),
            rp_id: passkey.rp_id.clone(),
        })
    })
    .collect()
}

/// Whose touch keys there are.
pub(super) fn touch_keys(workspace: &Workspace) -> Vec<TouchKeyRow> {
    let all = workspace.members.credentials();
    all.filter_map(|(member, credential)| {
        let key = credential.touch_key()?;
        Some(TouchKeyRow {
            fingerprint: key.fingerprint(),
            member,
            name: workspace.members.get(member)?.name.clone(),
            public_key: key.clone(),
        })
    })
    .collect()
}

/// Those of this one's kind that there are.
fn of_the_kind(workspace: &Workspace, id: &CredentialId) -> Result<Value, Refusal> {
    match id {
        CredentialId::Passkey(_) => value(&passkeys(workspace)),
        CredentialId::TouchKey(_) => value(&touch_keys(workspace)),
    }
}

pub(crate) fn enrol(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    signed: &SignedEnrolment,
) -> Result<Value, Refusal> {
    let id = decisions::enrol(workspace, draft, signed)?;
    of_the_kind(workspace, &id)
}

pub(crate) fn remove_credential(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    id: &CredentialId,
) -> Result<Value, Refusal> {
    decisions::remove_credential(workspace, draft, id)?;
    of_the_kind(workspace, id)
}

/// A member, as people see one.
pub(crate) fn member_row(workspace: &Workspace, member: &Member) -> MemberRow {
    MemberRow {
        id: member.id,
        name: member.name.clone(),
        email: member.email.clone(),
        root_key_id: workspace
            .members
            .keyring()
            .number_of(member.id)
            .unwrap_or_default(),
        canonical: serde_json_canonicalizer::to_string(member).unwrap_or_default(),
    }
}

fn row_of(workspace: &Workspace, draft: &Draft<'_>, posed: &Posed) -> PosedRow {
    PosedRow {
        workspace: workspace.id,
        challenge: posed.challenge,
        ledger_size: posed.history.size,
        ledger_root: posed.history.root,
        now: draft.now(),
        ends_at: posed.ends(),
    }
}

pub(crate) fn decide(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    signed: &SignedDecision,
) -> Result<Value, Refusal> {
    let id = decisions::decide(workspace, draft, signed)?;
    work_item(workspace, id)
}

fn row(workspace: &Workspace, item: &WorkItem) -> WorkItemRow {
    let proposed = &item.proposed;
    let proposal = &proposed.proposal;
    WorkItemRow {
        id: proposed.id,
        title: proposal.title().to_string(),
        description: proposal.description().map(ToString::to_string),
        state: item.state.as_str().to_owned(),
        item_type: proposed.assessment.item_type.as_str().to_owned(),
        type_reasons: proposed.assessment.type_reasons.clone(),
        risk: proposed.assessment.risk,
        risk_reasons: proposed.assessment.risk_reasons.clone(),
        repository: proposal.repository().map(ToString::to_string),
        paths: proposal.paths().iter().map(ToString::to_string).collect(),
        on_behalf_of: proposed.on_behalf_of,
        proposed_by: workspace.attribution(proposed.on_behalf_of, &proposed.via),
        delegation: proposed.delegation,
        trace: proposed.trace,
        proposed_at: proposed.proposed_at,
        digest: item.digest,
        decisions: item
            .decided()
            .map(|(decision, circumstances)| DecisionRow {
                verb: decision.verb.to_string(),
                member: decision.member,
                by: workspace.name_of(decision.member),
                at: decision.at,
                rationale: decision.rationale.as_ref().map(ToString::to_string),
                tier: decision.tier.to_string(),
                ledger_size: decision.history.size,
                took_seconds: circumstances.took().whole_seconds().max(0).unsigned_abs(),
                changed_lines: circumstances.changed_lines,
            })
            .collect(),
        evidence: item
            .evidence
            .iter()
            .map(|evidence| evidence_row(workspace, evidence))
            .collect(),
        to_land: landing::to_land_row(workspace, item),
        landings: item
            .landings
            .iter()
            .map(|landing| landing::row(workspace, item, landing))
            .collect(),
        verdicts: landing::verdicts(workspace, item),
        reports: item
            .reports
            .iter()
            .map(|reported| ReportRow {
                state: reported.report.state().to_string(),
                pull_request: reported.report.pull_request().map(str::to_owned),
                why: reported.report.why().map(str::to_owned),
                by: workspace.attribution(reported.on_behalf_of, &reported.via),
                trace: reported.trace,
                at: reported.reported_at,
            })
            .collect(),
        stale: item.stale(RiskPolicy::built_in()).map(|stale| stale.to_string()),
        expires_at: matches!(item.state, State::Proposed | State::Expired).then(|| item.expires_at()),
    }
}

fn evidence_row(workspace: &Workspace, evidence: &Evidence) -> EvidenceRow {
    let finding = &evidence.finding;
    EvidenceRow {
        kind: finding.kind(),
        outcome: finding.outcome(),
        tool: finding.tool().to_owned(),
        summary: finding.summary().to_owned(),
        digest: finding.digest(),
        changed_lines: finding.changed_lines(),
        commit: finding.commit().cloned(),
        tree: finding.tree().cloned(),
        by: workspace.attribution(evidence.on_behalf_of, &evidence.via),
        on_behalf_of: evidence.on_behalf_of,
        trace: evidence.trace,
        at: evidence.recorded_at,
    }
}
