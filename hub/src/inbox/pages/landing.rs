//! May these changes land? What people decided, and what waits for a review after the fact. Deciding itself takes a repository, and
//! so the terminal.

use vocabulary::{Timestamp, WorkItemId};
use work_items::WorkItem;

use super::Moment;
use crate::{
    companion::{ExceptionRow, LandingRow, VerdictRow, landing},
    workspace::Workspace,
};

/// Everything that was decided on changes for one work item.
#[derive(Debug)]
pub(super) struct Landings {
    pub(super) id: WorkItemId,
    /// Whether a change for it may land at all where it stands.
    pub(super) open: bool,
    pub(super) verdicts: Vec<VerdictRow>,
    pub(super) made: Vec<Made>,
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
pub(super) fn of(workspace: &Workspace, item: &WorkItem, now: Timestamp) -> Landings {
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
        verdicts: landing::verdicts(workspace, item),
        made: made.collect(),
    }
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
