//! `/`: what waits for whoever looks, what waits for others or for a review after the fact, and what was decided lately.

use std::{
    collections::{BTreeMap, BTreeSet},
    time::Duration,
};

use askama::Template;
use axum::{
    extract::{Query, State},
    response::Response,
};
use serde::Deserialize;
use trace_store::ReadError;
use vocabulary::{MemberId, Timestamp, TraceId, WorkItemId};
use work_items::{State as Standing, WorkItem};

use super::{Failure, Moment, html, landing};
use crate::{
    dispatch::unreadable,
    inbox::{Inbox, door::Visitor, links::LINK_TTL},
    waiting::{self, For},
    workspace::Workspace,
};

/// How many work items a page shows of those that wait.
const ROWS: usize = 50;

/// How many it shows of those that were decided.
const DECIDED: usize = 10;

/// How long the page waits for sessions to be read that nobody looked at before.
const COUNTING: Duration = Duration::from_millis(150);

#[derive(Debug, Template)]
#[template(path = "waiting.html")]
struct Page {
    who: String,
    mine: Section,
    others: Section,
    unseen: usize,
    decided: Vec<Row>,
    /// Changes that are to land, of which this page is to say so.
    mine_to_land: Vec<landing::ToDecide>,
    others_to_land: Vec<landing::ToDecide>,
    /// How many of these stand on no page.
    unlisted: usize,
    exceptions: Vec<landing::Waiting>,
    ended: usize,
    nothing: bool,
    older: Option<WorkItemId>,
    continued: bool,
    /// Whether sessions are still being read for their gaps.
    uncounted: bool,
}

#[derive(Debug, Default)]
struct Section {
    rows: Vec<Row>,
    all: usize,
}

#[derive(Debug)]
struct Row {
    id: WorkItemId,
    title: String,
    state: String,
    kind: &'static str,
    risk: String,
    by: String,
    at: Moment,
    why: String,
    trace: TraceId,
    /// How many gaps there are in what was captured of its session.
    gaps: u64,
}

/// From which work item on.
#[derive(Debug, Deserialize)]
pub(in crate::inbox) struct From {
    after: Option<WorkItemId>,
}

pub(in crate::inbox) async fn waiting(
    State(inbox): State<Inbox>,
    Query(from): Query<From>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    let member = visitor.member;
    let mut page = inbox
        .run(move |workspace, draft| page(workspace, member, draft.now(), from.after))
        .await?;
    page.who = visitor.name;
    count_gaps(&inbox, &mut page).await?;
    html(&page)
}

/// Says of each work item that waits how many gaps its session has. Sessions that nobody looked at since the hub started are read first:
/// the page does not wait for that for long, and says so; the next one finds them read.
async fn count_gaps(inbox: &Inbox, page: &mut Page) -> Result<(), Failure> {
    let traces: BTreeSet<TraceId> = page.waiting().map(|row| row.trace).collect();
    if traces.is_empty() {
        return Ok(());
    }
    let outlines = inbox.run(|workspace, _| workspace.outlines.clone()).await?;
    let ledger = inbox.ledger.clone();
    let counting = tokio::task::spawn_blocking(move || {
        let gaps = |trace: TraceId| Ok((trace, outlines.of(ledger.store(), trace)?.gaps));
        traces
            .into_iter()
            .map(gaps)
            .collect::<Result<BTreeMap<_, _>, ReadError>>()
    });
    let Ok(counted) = tokio::time::timeout(COUNTING, counting).await else {
        page.uncounted = true;
        return Ok(());
    };
    let counted = counted.map_err(|error| unreadable(&error))?;
    let counted = counted.map_err(|error| unreadable(&error))?;
    for row in page.waiting() {
        row.gaps = counted.get(&row.trace).copied().unwrap_or_default();
    }
    Ok(())
}

impl Page {
    fn waiting(&mut self) -> impl Iterator<Item = &mut Row> {
        self.mine.rows.iter_mut().chain(&mut self.others.rows)
    }
}

fn page(workspace: &Workspace, member: MemberId, now: Timestamp, after: Option<WorkItemId>) -> Page {
    let (mut mine, mut others) = (Section::default(), Section::default());
    let (mut unseen, mut ended, mut shown) = (0, 0, 0);
    let (mut older, mut last) = (None, None);
    let mut decided = Vec::new();
    for item in workspace.work_items.newest_first(None) {
        let id = item.proposed.id;
        if item.state != Standing::Proposed {
            if item.decisions.is_empty() {
                ended += 1;
            } else if decided.len() < DECIDED {
                decided.push(row(workspace, item, now, String::new()));
            }
            continue;
        }
        unseen += usize::from(now.since(item.proposed.proposed_at) >= LINK_TTL);
        let (section, why) = match waiting::of(workspace, item, member) {
            For::You { still } => (&mut mine, still),
            For::Others { why } => (&mut others, why),
        };
        section.all += 1;
        if after.is_some_and(|after| id >= after) {
            continue;
        }
        if shown == ROWS {
            older = last;
            continue;
        }
        shown += 1;
        last = Some(id);
        section.rows.push(row(workspace, item, now, why));
    }
    let to_land = landing::to_decide(workspace, member, now);
    let (mut mine_to_land, mut others_to_land): (Vec<_>, Vec<_>) =
        to_land.into_iter().partition(|row| row.mine);
    mine.all += mine_to_land.len();
    others.all += others_to_land.len();
    // They stand on the first page, the newest of them.
    let rows = if after.is_some() { 0 } else { ROWS };
    let unlisted = mine_to_land.len().saturating_sub(ROWS) + others_to_land.len().saturating_sub(ROWS);
    mine_to_land.truncate(rows);
    others_to_land.truncate(rows);
    Page {
        who: String::new(),
        nothing: mine.all + others.all == 0,
        mine,
        others,
        unseen,
        decided,
        mine_to_land,
        others_to_land,
        unlisted,
        exceptions: landing::waiting(workspace, now),
        ended,
        older,
        continued: after.is_some(),
        uncounted: false,
    }
}

fn row(workspace: &Workspace, item: &WorkItem, now: Timestamp, why: String) -> Row {
    let proposed = &item.proposed;
    Row {
        id: proposed.id,
        title: proposed.proposal.title().to_string(),
        state: item.state.to_string(),
        kind: proposed.assessment.item_type.as_str(),
        risk: proposed.assessment.risk.to_string(),
        by: workspace.attribution(proposed.on_behalf_of, &proposed.via),
        at: Moment::new(proposed.proposed_at, now),
        why,
        trace: proposed.trace,
        gaps: 0,
    }
}
