//! May these changes land? What waits for whoever looks, what people decided, and what waits for a review after the fact.
//!
//! The hub has no repository. What can be decided here is what somebody put forward, or let through by exception, as the ledger has it
//! to the letter; whose word that is stands beside it.

use vocabulary::{GitObject, MemberId, Timestamp, WorkItemId};
use work_items::{Change, REVIEW_DUE_AFTER, Role, WorkItem};

use super::Moment;
use crate::{
    companion::{ExceptionRow, LandingRow, VerdictRow, landing},
    waiting::{self, ToLand},
    workspace::Workspace,
};

/// How many changes are named that something newer took the place of.
const SUPERSEDED: usize = 5;

/// Everything that was decided on changes for one work item.
#[derive(Debug)]
pub(super) struct Landings {
    pub(super) id: WorkItemId,
    /// Whether a change for it may land at all where it stands.
    pub(super) open: bool,
    /// What can be decided on here.
    pub(super) questions: Vec<Question>,
    /// When something else was put forward that this took the place of, newest first.
    pub(super) superseded: Vec<(GitObject, Moment)>,
    pub(super) verdicts: Vec<VerdictRow>,
    pub(super) made: Vec<Made>,
}

/// A change on which whoever looks can decide: everything that a touch would sign.
#[derive(Debug)]
pub(super) struct Question {
    pub(super) tree: GitObject,
    pub(super) head: GitObject,
    pub(super) base: GitObject,
    pub(super) commits: u32,
    pub(super) changed_lines: Option<u32>,
    pub(super) committers: Vec<(String, String)>,
    pub(super) digest: String,
    pub(super) policy: String,
    /// How much is known of the work, which a touch signs too.
    pub(super) evidence: usize,
    /// When it was put forward, as nobody's word.
    pub(super) proposed: Option<Moment>,
    /// Who let exactly this through by exception, and signed it.
    pub(super) signed_by: Option<String>,
    /// Whether somebody said something else of the same tree.
    pub(super) otherwise: bool,
    pub(super) verdict: VerdictRow,
    pub(super) said_as: &'static str,
    /// What a yes takes beyond a touch.
    pub(super) still: String,
    /// Why this human cannot say yes.
    pub(super) others: Option<String>,
    /// Whether this human said something of exactly this.
    pub(super) said: bool,
    /// By when somebody independent has to look, where a yes would be an exception.
    pub(super) due: Option<String>,
}

/// A change that waits for somebody's word.
#[derive(Debug)]
pub(super) struct ToDecide {
    pub(super) id: WorkItemId,
    pub(super) title: String,
    pub(super) risk: String,
    pub(super) by: String,
    pub(super) at: Moment,
    pub(super) tree: GitObject,
    pub(super) changed_lines: Option<u32>,
    /// What it takes, of whoever looks or of others.
    pub(super) why: String,
    /// Whether it waits for whoever looks.
    pub(super) mine: bool,
    /// Whether whoever looks would let it through by exception.
    pub(super) exception: bool,
}

#[derive(Debug)]
pub(super) struct Made {
    pub(super) row: LandingRow,
    pub(super) at: Moment,
    pub(super) took: String,
    /// Who made it: address, and whether it is a member's.
    pub(super) committers: Vec<(String, bool)>,
    /// For an exception: until when it waits for a review, or waited.
    pub(super) due: Option<Due>,
}

#[derive(Debug)]
pub(super) struct Due {
    pub(super) by: String,
    pub(super) overdue: bool,
}

/// An exception at which nobody independent has looked yet.
#[derive(Debug)]
pub(super) struct Waiting {
    pub(super) row: ExceptionRow,
    pub(super) at: Moment,
    pub(super) due: Due,
}

/// What was decided on changes for a work item, newest first.
pub(super) fn of(workspace: &Workspace, item: &WorkItem, member: MemberId, now: Timestamp) -> Landings {
    let made = item.landings.iter().rev().map(|landed| {
        let row = landing::row(workspace, item, landed);
        let known = |address: &String| {
            let mut members = workspace.members.all();
            members.any(|member| member.email.to_string().eq_ignore_ascii_case(address))
        };
        Made {
            at: Moment::new(row.at, now),
            took: super::work_item::took(landed.circumstances.took()),
            committers: row
                .committers
                .iter()
                .map(|address| (address.clone(), known(address)))
                .collect(),
            due: row.review_due.map(|due| Due {
                by: crate::words::moment(due),
                overdue: row.reviewed_by.is_none() && due <= now,
            }),
            row,
        }
    });
    Landings {
        id: item.proposed.id,
        open: item.may_still_land(),
        questions: item
            .at_issue()
            .into_iter()
            .map(|change| question(workspace, item, change, (member, now)))
            .collect(),
        superseded: item
            .proposed_changes
            .iter()
            .rev()
            .skip(1)
            .take(SUPERSEDED)
            .map(|before| (before.change.tree(), Moment::new(before.at, now)))
            .collect(),
        verdicts: landing::verdicts(workspace, item),
        made: made.collect(),
    }
}

fn question(
    workspace: &Workspace,
    item: &WorkItem,
    change: &Change,
    (member, now): (MemberId, Timestamp),
) -> Question {
    let proposed = item.proposed_changes.iter().rev();
    let proposed = proposed.map(|proposed| (&proposed.change, proposed.at));
    let decided = item.landings.iter().map(|landing| &landing.change);
    let mut all = proposed.clone().map(|(change, _)| change).chain(decided);
    let of_exception = item.exceptions().find(|(landing, _)| landing.change == *change);
    let to_land = waiting::to_land(workspace, item, change, member);
    let said_as = to_land.said_as();
    let exception = matches!(
        to_land,
        ToLand::You {
            role: Role::Exception,
            ..
        }
    );
    let said = to_land == ToLand::Said;
    let (still, others) = match to_land {
        ToLand::You { still, .. } => (still, None),
        ToLand::Others { why } => (String::new(), Some(why)),
        ToLand::Said => (String::new(), None),
    };
    let whose = |address: &String| {
        let mut members = workspace.members.all();
        let known = members.find(|member| member.email.to_string().eq_ignore_ascii_case(address));
        let known = known.map(|member| member.name.to_string());
        (
            address.clone(),
            known.unwrap_or_else(|| "no member's address".to_owned()),
        )
    };
    Question {
        tree: change.tree(),
        head: change.head(),
        base: change.base(),
        commits: change.commits(),
        changed_lines: change.changed_lines(),
        committers: change.committers().iter().map(whose).collect(),
        digest: change
            .digest(&item.known())
            .map(|digest| digest.to_string())
            .unwrap_or_default(),
        policy: item.proposed.assessment.policy_digest.to_string(),
        evidence: item.evidence.len(),
        proposed: proposed
            .clone()
            .find(|(proposed, _)| *proposed == change)
            .map(|(_, at)| Moment::new(at, now)),
        signed_by: of_exception.map(|(landing, _)| workspace.name_of(landing.decision.member)),
        otherwise: all.any(|other| other.tree() == change.tree() && other != change),
        verdict: landing::verdict(workspace, item, change.tree()),
        said_as,
        still,
        others,
        said,
        due: exception.then(|| crate::words::moment(now.saturating_add(REVIEW_DUE_AFTER))),
    }
}

/// What was put forward, and waits for somebody's word, newest work first.
pub(super) fn to_decide(workspace: &Workspace, member: MemberId, now: Timestamp) -> Vec<ToDecide> {
    let items = workspace.work_items.newest_first(None);
    items
        .filter_map(|item| {
            let newest = waiting::for_a_word(item)?;
            let (mine, exception, why) = match waiting::to_land(workspace, item, &newest.change, member) {
                ToLand::You { role, still } => (true, role == Role::Exception, still),
                ToLand::Others { why } => (false, false, why),
                ToLand::Said => (false, false, "somebody else's word".to_owned()),
            };
            let proposed = &item.proposed;
            Some(ToDecide {
                id: proposed.id,
                title: proposed.proposal.title().to_string(),
                risk: proposed.assessment.risk.to_string(),
                by: workspace.attribution(proposed.on_behalf_of, &proposed.via),
                at: Moment::new(newest.at, now),
                tree: newest.change.tree(),
                changed_lines: newest.change.changed_lines(),
                why,
                mine,
                exception,
            })
        })
        .collect()
}

/// The exceptions that wait for a review; those that wait longest first.
pub(super) fn waiting(workspace: &Workspace, now: Timestamp) -> Vec<Waiting> {
    let mut all: Vec<ExceptionRow> = landing::exceptions(workspace, now);
    all.retain(|row| row.reviewed_by.is_none());
    all.sort_by_key(|row| row.review_due);
    all.into_iter()
        .map(|row| Waiting {
            at: Moment::new(row.at, now),
            due: Due {
                by: crate::words::moment(row.review_due),
                overdue: row.overdue,
            },
            row,
        })
        .collect()
}
