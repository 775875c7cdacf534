//! What each tool does, one file a tool. A tool first says what it would do, so that it can be authorized, and
//! then does it.

mod append_trace_note;
mod await_decision;
mod describe_delegation;
mod get_work_item;
mod list_work_items;
mod propose_work_item;
mod read_trace;
mod record_evidence;
mod report_progress;
mod verify_trace;

use delegation::{AgentVerb, Grant};
use protocol::{Refusal, RefusalCode, tools::ToolCall};
use serde_json::Value;
use trace_store::{ChainReport, Refs};
use vocabulary::{RepoPath, Repository, Risk, TraceId, WorkItemId};
use work_items::{Event, WorkItem};

use crate::{
    dispatch::{Scribe, Surroundings},
    events::Told,
    record::RecordError,
    records::CaptureGap,
    session::Session,
    workspace::Workspace,
};

/// What takes too long for the writer's thread and so comes before the call is carried out there.
#[derive(Debug, Clone, Copy)]
pub(crate) enum First {
    /// Verify this chain.
    Verify(TraceId),
    /// Wait until somebody has decided on this work item.
    Await(WorkItemId),
}

/// What came of it.
pub(crate) enum Prepared {
    /// A report on the chain, or where it breaks.
    Verified(Result<ChainReport, String>),
    /// There is a decision, or it was waited long enough.
    Awaited,
    /// What a client's hook told was read.
    Told(Result<Told, CaptureGap>),
}

/// What a call would do.
pub(crate) struct Plan {
    /// The verb that has to be lent.
    pub(crate) verb: Option<AgentVerb>,
    /// Where.
    pub(crate) repository: Option<Repository>,
    /// On what.
    pub(crate) paths: Vec<RepoPath>,
    /// At what risk.
    pub(crate) risk: Option<Risk>,
    /// What has to come before.
    pub(crate) first: Option<First>,
    /// Does it, once it is authorized.
    pub(crate) carry_out: CarryOut,
}

type CarryOut = Box<
    dyn FnOnce(&Workspace, &mut Scribe<'_, '_>, &Surroundings, Option<Prepared>) -> Result<Done, RecordError>,
>;

/// What a tool did: its result, or why it was not possible, and what the entry should point to.
pub(crate) struct Done {
    pub(crate) result: Result<Value, Refusal>,
    pub(crate) refs: Refs,
    /// What becomes of the state once every entry of the call is written.
    pub(crate) event: Option<Event>,
}

impl Done {
    fn of(result: Result<Value, Refusal>) -> Self {
        Self {
            result,
            refs: Refs::new(),
            event: None,
        }
    }
}

impl Plan {
    fn reading(
        verb: Option<AgentVerb>,
        carry_out: impl FnOnce(&Workspace, &mut Scribe<'_, '_>) -> Result<Value, Refusal> + 'static,
    ) -> Self {
        Self {
            verb,
            repository: None,
            paths: Vec::new(),
            risk: None,
            first: None,
            carry_out: Box::new(|workspace, scribe, _, _| Ok(Done::of(carry_out(workspace, scribe)))),
        }
    }
}

/// Says what a call would do.
pub(crate) fn plan(workspace: &Workspace, scribe: &Scribe<'_, '_>, call: ToolCall) -> Result<Plan, Refusal> {
    let verb = call.verb();
    match call {
        ToolCall::ProposeWorkItem(call) => propose_work_item::plan(verb, scribe.caller.token.grant(), call),
        ToolCall::AwaitDecision(call) => Ok(await_decision::plan(verb, workspace, scribe, call)),
        ToolCall::GetWorkItem(call) => Ok(get_work_item::plan(verb, call)),
        ToolCall::ListWorkItems(call) => list_work_items::plan(verb, call),
        ToolCall::RecordEvidence(call) => {
            record_evidence::plan(verb, workspace, scribe.caller.token.grant(), call)
        }
        ToolCall::ReportProgress(call) => {
            report_progress::plan(verb, workspace, scribe.caller.token.grant(), call)
        }
        ToolCall::AppendTraceNote(call) => append_trace_note::plan(verb, call),
        ToolCall::ReadTrace(call) => read_trace::plan(verb, call),
        ToolCall::VerifyTrace(call) => verify_trace::plan(verb, workspace, scribe, call),
        ToolCall::DescribeDelegation(_) => Ok(describe_delegation::plan(verb)),
    }
}

/// May this delegation's holder see that work item? Its own human's, and those of the repositories it was
/// lent. What may not be seen is answered as what does not exist.
fn sees(grant: &Grant, item: &WorkItem) -> bool {
    item.proposed.on_behalf_of == grant.on_behalf_of
        || item
            .proposed
            .proposal
            .repository()
            .is_some_and(|repository| grant.repositories.covers(repository))
}

/// The trace that was asked for, if the caller may read it: its own, or another session's under the same
/// delegation.
fn readable_trace(
    workspace: &Workspace,
    scribe: &Scribe<'_, '_>,
    asked: Option<TraceId>,
) -> Result<TraceId, Refusal> {
    let own = scribe.caller.trace;
    let trace = asked.unwrap_or(own);
    if trace == own {
        return Ok(own);
    }
    let delegation = scribe.caller.token.grant().id;
    let known = workspace
        .sessions
        .values()
        .find(|session| session.trace == trace)
        .map(|session| session.delegation);
    let under = match known {
        Some(delegation) => Some(delegation),
        None => Session::recall(scribe.draft.store(), trace)
            .map_err(|error| crate::dispatch::unreadable(&error))?
            .map(|session| session.delegation),
    };
    if under == Some(delegation) {
        Ok(trace)
    } else {
        Err(not_found(&trace))
    }
}

fn not_found(what: &impl std::fmt::Display) -> Refusal {
    Refusal::new(
        RefusalCode::NotFound,
        &format!("there is no {what} that this delegation can see"),
    )
}

fn too_much(what: &str) -> Refusal {
    Refusal::new(RefusalCode::MalformedArguments, &what)
}

fn structured<T: serde::Serialize>(result: &T) -> Result<Value, Refusal> {
    serde_json::to_value(result).map_err(|error| Refusal::new(RefusalCode::NotExpressible, &error))
}
