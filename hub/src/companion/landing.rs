//! Changes that are to land: shown, decided, and listed where nobody else could decide.

use identity::SignedDecision;
use protocol::Refusal;
use serde_json::Value;
use trace_store::Draft;
use vocabulary::{GitObject, Timestamp};
use work_items::{Change, Landing, ProposedChange, RiskPolicy, Role, Verdict, WorkItem};

use super::{
    answer::{ExceptionRow, LandingRow, ShownChange, ToLandRow, VerdictRow},
    deciding,
    door::value,
};
use crate::{
    decisions::{self, no_work_item},
    waiting,
    workspace::Workspace,
};

/// Shows a change with all that is known of its work item, and poses the challenge that a decision on it has to answer.
pub(super) fn pose(workspace: &mut Workspace, draft: &Draft<'_>, change: &Change) -> Result<Value, Refusal> {
    let posed = decisions::pose_change(workspace, draft, change)?;
    let id = change.work_item();
    let item = workspace.work_items.get(id).ok_or_else(|| no_work_item(id))?;
    let electors = decisions::electors(&workspace.members);
    let independent = item.independent_of(change, &electors);
    value(&ShownChange {
        work_item: deciding::shown(workspace, draft, item, &posed)?,
        excepted: independent.is_empty() && item.may_still_land() && item.has_nobody_else(change, &electors),
        independent,
        waits_for_review: item.waits_for_review(change.tree()),
    })
}

/// Puts a change forward: it is shown in the inbox from then on, and gives nobody anything.
pub(super) fn propose(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    change: Change,
) -> Result<Value, Refusal> {
    let id = decisions::propose_change(workspace, draft, change)?;
    deciding::work_item(workspace, id)
}

pub(super) fn decide(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    change: Change,
    signed: &SignedDecision,
) -> Result<Value, Refusal> {
    let id = decisions::land(workspace, draft, change, signed)?;
    deciding::work_item(workspace, id)
}

/// What was put forward and waits for somebody's word, newest work first.
pub(super) fn to_land(workspace: &Workspace) -> Vec<ToLandRow> {
    let items = workspace.work_items.newest_first(None);
    items.filter_map(|item| to_land_row(workspace, item)).collect()
}

pub(super) fn to_land_row(workspace: &Workspace, item: &WorkItem) -> Option<ToLandRow> {
    let ProposedChange { change, at } = waiting::for_a_word(item)?;
    let proposed = &item.proposed;
    Some(ToLandRow {
        id: proposed.id,
        title: proposed.proposal.title().to_string(),
        risk: proposed.assessment.risk,
        proposed_by: workspace.attribution(proposed.on_behalf_of, &proposed.via),
        tree: change.tree(),
        head: change.head(),
        base: change.base(),
        committers: change.committers().to_vec(),
        changed_lines: change.changed_lines(),
        at: *at,
    })
}

/// What was let through by exception, newest first.
pub(crate) fn exceptions(workspace: &Workspace, now: Timestamp) -> Vec<ExceptionRow> {
    let items = workspace.work_items.newest_first(None);
    items
        .flat_map(|item| {
            item.exceptions()
                .filter_map(move |(landing, review)| exception(workspace, item, landing, review, now))
        })
        .collect()
}

fn exception(
    workspace: &Workspace,
    item: &WorkItem,
    landing: &Landing,
    review: Option<&Landing>,
    now: Timestamp,
) -> Option<ExceptionRow> {
    let review_due = landing.review_due()?;
    let tree = landing.change.tree();
    let objected = |other: &&Landing| other.change.tree() == tree && other.role == Role::Objection;
    Some(ExceptionRow {
        id: item.proposed.id,
        title: item.proposed.proposal.title().to_string(),
        tree,
        head: landing.change.head(),
        base: landing.change.base(),
        committers: landing.change.committers().to_vec(),
        by: workspace.name_of(landing.decision.member),
        at: landing.decision.at,
        review_due,
        overdue: review.is_none() && review_due <= now,
        reviewed_by: review.map(|review| workspace.name_of(review.decision.member)),
        objected: item
            .landings
            .iter()
            .filter(objected)
            .map(|objection| workspace.name_of(objection.decision.member))
            .collect(),
    })
}

pub(crate) fn row(workspace: &Workspace, item: &WorkItem, landing: &Landing) -> LandingRow {
    let (decision, change) = (&landing.decision, &landing.change);
    let review = item.exceptions().find(|(exception, _)| *exception == landing);
    LandingRow {
        tree: change.tree(),
        head: change.head(),
        base: change.base(),
        committers: change.committers().to_vec(),
        changed_lines: change.changed_lines(),
        verb: decision.verb.to_string(),
        role: landing.role.as_str().to_owned(),
        member: decision.member,
        by: workspace.name_of(decision.member),
        at: decision.at,
        rationale: decision.rationale.as_ref().map(ToString::to_string),
        tier: decision.tier.to_string(),
        took_seconds: landing.circumstances.took().whole_seconds().max(0).unsigned_abs(),
        review_due: landing.review_due(),
        reviewed_by: review
            .and_then(|(_, review)| review)
            .map(|review| workspace.name_of(review.decision.member)),
        stale: item
            .is_stale(landing, RiskPolicy::built_in())
            .map(|stale| stale.to_string()),
    }
}

/// Every tree on which somebody decided, newest first, and whether it may land.
pub(crate) fn verdicts(workspace: &Workspace, item: &WorkItem) -> Vec<VerdictRow> {
    let mut trees: Vec<GitObject> = Vec::new();
    for landing in item.landings.iter().rev() {
        if !trees.contains(&landing.change.tree()) {
            trees.push(landing.change.tree());
        }
    }
    trees
        .into_iter()
        .map(|tree| verdict(workspace, item, tree))
        .collect()
}

/// Whether this tree may land.
pub(crate) fn verdict(workspace: &Workspace, item: &WorkItem, tree: GitObject) -> VerdictRow {
    let by = |landing: &Landing| workspace.name_of(landing.decision.member);
    let verdict = item.verdict(tree, RiskPolicy::built_in());
    let words = match &verdict {
        Verdict::Undecided => "nobody has decided".to_owned(),
        Verdict::May => "yes".to_owned(),
        Verdict::ByException(landing) => format!("yes, by exception of {}", by(landing)),
        Verdict::MayNot(landing) => format!("no, says {}", by(landing)),
        Verdict::Stale(stale) => format!("no more; {stale}"),
        Verdict::NotNow(state) => format!("not now: the work is {state}"),
    };
    VerdictRow {
        tree,
        may_land: matches!(verdict, Verdict::May | Verdict::ByException(_)),
        words,
    }
}
