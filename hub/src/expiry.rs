//! Work items that nobody decided on in time: the hub takes note when it starts, and whenever somebody looks.

use trace_store::{ChainId, Draft, Entry, Refs};
use vocabulary::WorkItemId;
use work_items::{Event, WorkItem};

use crate::{
    kind::EntryKind,
    record::{self, By, RecordError},
    records::WorkItemExpired,
    workspace::Workspace,
};

/// Records what ended undecided by now. It is nobody's word: the proposal says when, and the ledger's time never goes back.
/// A job of its own, for what comes after it may be taken back.
///
/// # Errors
/// Where an entry cannot be written; what was recorded before stands.
pub(crate) fn take_note(workspace: &mut Workspace, draft: &mut Draft<'_>) -> Result<usize, RecordError> {
    let now = draft.now();
    let overdue: Vec<(WorkItemId, String)> = workspace
        .work_items
        .overdue(now)
        .map(|item| (item.proposed.id, item.proposed.trace.to_string()))
        .collect();
    for (id, trace) in &overdue {
        // Before the entry: one that the state does not follow would have the store refused from the next start on.
        workspace.work_items.may_expire(*id, now)?;
        let mut refs = Refs::new();
        refs.insert("work_item", id.to_string())?;
        refs.insert("trace", trace.clone())?;
        let body = WorkItemExpired { work_item: *id };
        let chain = ChainId::Workspace(workspace.id);
        let by = By::default();
        record::append(draft, chain, EntryKind::WorkItemExpired, by, refs, &body)?;
        workspace.work_items.apply(Event::Expired(*id, now))?;
    }
    Ok(overdue.len())
}

/// Whether an entry says that this ended, as nobody's word, and where it is looked for.
pub(crate) fn recorded_so(entry: &Entry, item: &WorkItem) -> Result<(), String> {
    let (id, trace) = (item.proposed.id.to_string(), item.proposed.trace.to_string());
    let said = entry.on_behalf_of.is_none()
        && entry.via.is_none()
        && entry.delegation.is_none()
        && entry.refs.get("work_item") == Some(id.as_str())
        && entry.refs.get("trace") == Some(trace.as_str());
    if said {
        Ok(())
    } else {
        Err("that it ended undecided is the hub's to say, and recorded as somebody's".to_owned())
    }
}
