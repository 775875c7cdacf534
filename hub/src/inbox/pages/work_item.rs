//! `/w/wi_…`: what was proposed, what the agent did so far, and the decision.

use askama::Template;
use axum::{
    extract::{Path, State},
    response::Response,
};
use protocol::Refusal;
use time::Duration;
use vocabulary::{MemberId, Timestamp, WorkItemId};
use work_items::{State as Standing, WorkItem};

use super::{
    Failure, Moment, html,
    landing::{self, Landings},
    trace::{Timeline, timeline},
};
use crate::{
    decisions::no_work_item,
    inbox::{Inbox, door::Visitor},
    waiting::{self, For},
    workspace::Workspace,
};

/// How many entries of the trace stand here; the rest are on its own page.
const ENTRIES: u64 = 40;

#[derive(Debug, Template)]
#[template(path = "work_item.html")]
struct Page {
    who: String,
    item: Shown,
    timeline: Timeline,
}

#[derive(Debug)]
pub(super) struct Shown {
    id: WorkItemId,
    title: String,
    description: Option<String>,
    state: String,
    kind: &'static str,
    kind_reasons: Vec<String>,
    risk: String,
    risk_reasons: Vec<String>,
    repository: Option<String>,
    paths: Vec<String>,
    pull_request: Option<String>,
    by: String,
    delegation: String,
    at: Moment,
    digest: String,
    /// Where somebody can decide.
    open: Option<Open>,
    evidence: Vec<Found>,
    decisions: Vec<Made>,
    landings: Landings,
    /// Whether whoever looks could touch anything.
    has_passkey: bool,
}

/// What deciding takes of whoever looks.
#[derive(Debug)]
struct Open {
    /// What an approval takes beyond a touch.
    still: String,
    /// Why this human cannot approve it.
    others: Option<String>,
}

#[derive(Debug)]
struct Found {
    kind: String,
    outcome: String,
    tool: String,
    summary: String,
    /// On which commit and tree it ran, and the digest of its whole report, where that was said.
    on: Vec<(&'static str, String)>,
    changed_lines: Option<u32>,
    by: String,
    at: Moment,
}

#[derive(Debug)]
struct Made {
    verb: String,
    by: String,
    at: Moment,
    rationale: Option<String>,
    tier: String,
    ledger_size: u64,
    took: String,
    changed_lines: Option<u32>,
}

pub(in crate::inbox) async fn work_item(
    State(inbox): State<Inbox>,
    Path(id): Path<String>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    let unknown = |_| {
        Failure::Refused(Refusal::new(
            protocol::RefusalCode::NotFound,
            &"that is no work item's name",
        ))
    };
    let id = id.parse().map_err(unknown)?;
    shown(&inbox, visitor, id).await
}

/// The page of one work item.
pub(super) async fn shown(inbox: &Inbox, visitor: Visitor, id: WorkItemId) -> Result<Response, Failure> {
    let (member, host) = (visitor.member, inbox.site.host().to_owned());
    let (item, trace) = inbox
        .run(move |workspace, draft| {
            let item = workspace.work_items.get(id).ok_or_else(|| no_work_item(id))?;
            Ok::<_, Refusal>((
                of(workspace, item, member, &host, draft.now()),
                item.proposed.trace,
            ))
        })
        .await??;
    let timeline = timeline(inbox, trace, ENTRIES).await?;
    html(&Page {
        who: visitor.name,
        item,
        timeline,
    })
}

fn of(workspace: &Workspace, item: &WorkItem, member: MemberId, host: &str, now: Timestamp) -> Shown {
    let proposed = &item.proposed;
    let proposal = &proposed.proposal;
    let mut own = workspace.members.passkeys_of(member);
    let has_passkey = own.any(|passkey| passkey.rp_id == host);
    let open = (item.state == Standing::Proposed).then(|| {
        let (still, others) = match waiting::of(workspace, item, member) {
            For::You { still } => (still, None),
            For::Others { why } => (String::new(), Some(why)),
        };
        Open { still, others }
    });
    let evidence = item.evidence.iter().map(|evidence| Found {
        kind: evidence.finding.kind().to_string(),
        outcome: evidence.finding.outcome().to_string(),
        tool: evidence.finding.tool().to_owned(),
        summary: evidence.finding.summary().to_owned(),
        on: [
            ("on commit", evidence.finding.commit().map(ToString::to_string)),
            ("on tree", evidence.finding.tree().map(ToString::to_string)),
            (
                "report",
                evidence.finding.digest().map(|digest| digest.to_string()),
            ),
        ]
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)))
        .collect(),
        changed_lines: evidence.finding.changed_lines(),
        by: workspace.attribution(evidence.on_behalf_of, &evidence.via),
        at: Moment::new(evidence.recorded_at, now),
    });
    let decisions = item.decided().map(|(decision, circumstances)| Made {
        verb: decision.verb.to_string(),
        by: workspace.name_of(decision.member),
        at: Moment::new(decision.at, now),
        rationale: decision.rationale.as_ref().map(ToString::to_string),
        tier: decision.tier.to_string(),
        ledger_size: decision.history.size,
        took: took(circumstances.took()),
        changed_lines: circumstances.changed_lines,
    });
    Shown {
        id: proposed.id,
        title: proposal.title().to_string(),
        description: proposal.description().map(ToString::to_string),
        state: item.state.to_string(),
        kind: proposed.assessment.item_type.as_str(),
        kind_reasons: proposed.assessment.type_reasons.clone(),
        risk: proposed.assessment.risk.to_string(),
        risk_reasons: proposed.assessment.risk_reasons.clone(),
        repository: proposal.repository().map(ToString::to_string),
        paths: proposal.paths().iter().map(ToString::to_string).collect(),
        pull_request: item.pull_request().map(ToString::to_string),
        by: workspace.attribution(proposed.on_behalf_of, &proposed.via),
        delegation: proposed.delegation.to_string(),
        at: Moment::new(proposed.proposed_at, now),
        digest: item.digest.to_string(),
        open,
        evidence: evidence.collect(),
        decisions: decisions.collect(),
        landings: landing::of(workspace, item, member, now),
        has_passkey,
    }
}

/// How long somebody looked, as people say it.
pub(super) fn took(time: Duration) -> String {
    match (time.whole_minutes(), time.whole_seconds()) {
        (0, 1) => "1 second".to_owned(),
        (0, seconds) => format!("{seconds} seconds"),
        (1, _) => "1 minute".to_owned(),
        (minutes, _) => format!("{minutes} minutes"),
    }
}
