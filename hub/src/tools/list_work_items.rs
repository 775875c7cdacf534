//! `list_work_items`.

use delegation::AgentVerb;
use protocol::{
    Refusal, RefusalCode,
    tools::{ListWorkItems, WorkItemPage, WorkItemRow},
};
use work_items::{State, WorkItem};

use super::{Plan, sees, structured, too_much};

pub(super) fn plan(verb: Option<AgentVerb>, call: ListWorkItems) -> Result<Plan, Refusal> {
    let limit = call.limit.unwrap_or(ListWorkItems::DEFAULT_PAGE);
    if !(1..=ListWorkItems::MAX_PAGE).contains(&limit) {
        return Err(too_much(&format!(
            "limit is {limit}; it may be 1 to {}",
            ListWorkItems::MAX_PAGE
        )));
    }
    let state: Option<State> = call
        .state
        .map(|state| state.parse())
        .transpose()
        .map_err(|error: work_items::StateError| Refusal::new(RefusalCode::MalformedArguments, &error))?;
    let after = call.after;
    Ok(Plan::reading(verb, move |workspace, scribe| {
        let grant = scribe.caller.token.grant();
        let mut seen = workspace
            .work_items
            .newest_first(after)
            .filter(|item| state.is_none_or(|state| item.state == state) && sees(grant, item));
        let items: Vec<WorkItemRow> = seen.by_ref().take(usize::from(limit)).map(row).collect();
        let next = seen.next().and_then(|_| items.last().map(|last| last.id));
        structured(&WorkItemPage { items, next })
    }))
}

fn row(item: &WorkItem) -> WorkItemRow {
    let WorkItem { proposed, state, .. } = item;
    WorkItemRow {
        id: proposed.id,
        title: proposed.proposal.title().to_string(),
        state: state.as_str().to_owned(),
        item_type: proposed.assessment.item_type.as_str().to_owned(),
        risk: proposed.assessment.risk,
        proposed_at: proposed.proposed_at,
    }
}
