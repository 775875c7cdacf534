//! `await_decision`: answered once a human has decided, or after a while.

use delegation::AgentVerb;
use protocol::tools::{AwaitDecision, DecisionAwaited};

use super::{First, Plan, get_work_item::of_decision, not_found, sees, structured};
use crate::{dispatch::Scribe, workspace::Workspace};

pub(super) fn plan(
    verb: Option<AgentVerb>,
    workspace: &Workspace,
    scribe: &Scribe<'_, '_>,
    call: AwaitDecision,
) -> Plan {
    let grant = scribe.caller.token.grant();
    let seen = workspace
        .work_items
        .get(call.id)
        .is_some_and(|item| sees(grant, item));
    let plan = Plan::reading(verb, move |workspace, scribe| {
        let grant = scribe.caller.token.grant();
        match workspace.work_items.get(call.id).filter(|item| sees(grant, item)) {
            Some(item) => structured(&DecisionAwaited {
                id: call.id,
                state: item.state.as_str().to_owned(),
                decision: item
                    .decisions
                    .last()
                    .map(|decision| of_decision(workspace, decision)),
            }),
            None => Err(not_found(&call.id)),
        }
    });
    Plan {
        // How long nothing happens to what may not be seen is nothing to be seen either.
        first: seen.then_some(First::Await(call.id)),
        ..plan
    }
}
