//! One request of an agent session: authorized, recorded and applied as one step.
//!
//! The recording stands around the dispatch and not in the tools: whatever a call is, and whatever comes of
//! it, its entries and its effects are one batch, which becomes durable whole or not at all.

use std::{collections::hash_map::Entry, sync::Arc};

use delegation::{Operation, VerifiedToken};
use protocol::{
    Answer, Call, Observation, Outcome, Position, Refusal, RefusalCode, ReplyBody, Request, RequestBody, Via,
    spool::SpoolSecret,
    tools::{ToolCall, ToolCallError},
};
use serde::Serialize;
use trace_store::{Appended, ChainId, Draft, Refs};
use vocabulary::{RequestId, Timestamp, TraceId};

use crate::{
    clearing::Counts,
    events,
    gating::Neighbourhood,
    inbox::LinkKey,
    kind::EntryKind,
    record::{self, By, RecordError, not_recorded},
    records::{AccessDenied, CaptureGap, Observed, ToolCalled},
    session::Session,
    tools::{self, First, Plan, Prepared},
    workspace::Workspace,
};

/// How much is kept of each text of what the agent side saw.
const MOST_OBSERVED_CHARS: usize = 512;

/// Who asks, as the connection proved it.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    pub(crate) token: Arc<VerifiedToken>,
    pub(crate) via: Via,
    pub(crate) trace: TraceId,
}

/// What is left to do after a step.
#[derive(Debug)]
pub(crate) enum Step {
    /// Nothing: this is the reply.
    Done(ReplyBody),
    /// Something has to come first that takes too long for the writer's thread.
    First(First),
}

/// The inbox's address and the like, which tools need and the ledger does not hold.
#[derive(Debug, Clone)]
pub(crate) struct Surroundings {
    pub(crate) inbox: Arc<str>,
    pub(crate) links: LinkKey,
    pub(crate) neighbourhood: Arc<Neighbourhood>,
    pub(crate) spool: Arc<SpoolSecret>,
}

impl Surroundings {
    /// A call without secrets in its arguments, and how many there were.
    fn cleared(&self, call: &Call) -> (Call, Counts) {
        let mut call = call.clone();
        let counts = self.neighbourhood.clear(&mut call.arguments, None);
        (call, counts)
    }

    fn cleared_observation(&self, observation: &Observation) -> Result<Observation, RecordError> {
        let mut value = serde_json::to_value(observation)?;
        self.neighbourhood.clear(&mut value, None);
        Ok(serde_json::from_value(value)?)
    }
}

/// Carries out one request on the writer's thread.
pub(crate) fn request(
    workspace: &mut Workspace,
    draft: &mut Draft<'_>,
    caller: &Caller,
    around: &Surroundings,
    request: &Request,
    prepared: Option<Prepared>,
) -> Step {
    match session_of(workspace, draft, caller) {
        Ok(session) => {
            if let Some(answer) = session.answered(request.id) {
                return Step::Done(answer.clone());
            }
            if session.closed {
                return Step::Done(ReplyBody::Failed(session_closed(caller)));
            }
        }
        Err(refusal) => return Step::Done(ReplyBody::Failed(refusal)),
    }
    let over = holding(workspace, caller, draft.now()).err();
    let mut scribe = Scribe {
        draft,
        caller,
        request: request.id,
    };
    let replied = match (&request.body, over) {
        // That it ends is all that may still be said of it.
        (RequestBody::Call(_) | RequestBody::Observe(_) | RequestBody::Event(_), Some(refusal)) => {
            match turn_away(workspace, &mut scribe, around, &request.body, refusal) {
                Ok(Tried::Recorded(reply)) => Ok(reply),
                Ok(Tried::Counted(refusal)) => return Step::Done(ReplyBody::Failed(refusal)),
                Err(error) => Err(error),
            }
        }
        (body, _) => match carry_out(workspace, &mut scribe, around, body, prepared) {
            Ok(Called::Answered(reply)) => Ok(reply),
            Ok(Called::First(first)) => return Step::First(first),
            Err(error) => Err(error),
        },
    };
    let reply = match replied {
        Ok(reply) => reply,
        Err(error) => {
            draft.abort();
            return Step::Done(ReplyBody::Failed(not_recorded(&error)));
        }
    };
    if let Some(session) = workspace.sessions.get_mut(&caller.token.session()) {
        session.closed |= matches!(request.body, RequestBody::Close);
        session.went_on(draft.now());
        session.remember(request.id, reply.clone());
    }
    Step::Done(reply)
}

/// The session of a caller, recalled from its trace where the state was rebuilt since it opened.
fn session_of<'w>(
    workspace: &'w mut Workspace,
    draft: &Draft<'_>,
    caller: &Caller,
) -> Result<&'w Session, Refusal> {
    match workspace.sessions.entry(caller.token.session()) {
        Entry::Occupied(known) => Ok(known.into_mut()),
        Entry::Vacant(place) => Session::recall(draft.store(), caller.trace)
            .map_err(|error| unreadable(&error))?
            .map(|recalled| &*place.insert(recalled))
            .ok_or_else(|| session_closed(caller)),
    }
}

enum Called {
    Answered(ReplyBody),
    First(First),
}

/// An attempt of somebody who may do nothing any more.
enum Tried {
    Recorded(ReplyBody),
    Counted(Refusal),
}

fn carry_out(
    workspace: &mut Workspace,
    scribe: &mut Scribe<'_, '_>,
    around: &Surroundings,
    body: &RequestBody,
    prepared: Option<Prepared>,
) -> Result<Called, RecordError> {
    match body {
        RequestBody::Call(call) => call_tool(workspace, scribe, around, call, prepared),
        RequestBody::Observe(observation) => scribe
            .observe(&around.cleared_observation(observation)?, None)
            .map(|position| Called::Answered(ReplyBody::Recorded(position))),
        RequestBody::Event(event) => {
            let Some(Prepared::Told(told)) = prepared else {
                // Reading takes as long as the event is, and looks where it says: that is for this machine's own, and not for here.
                let message = format!(
                    "what {}'s hook tells is told on a connection of its own",
                    event.client
                );
                let refusal = Refusal::new(RefusalCode::Conflict, &message);
                return Ok(Called::Answered(ReplyBody::Failed(refusal)));
            };
            events::record(workspace, scribe, &told).map(|heard| Called::Answered(ReplyBody::Heard(heard)))
        }
        RequestBody::Close => scribe
            .write(EntryKind::SessionClosed, Refs::new(), &serde_json::json!({}))
            .map(|written| Called::Answered(ReplyBody::Recorded(scribe.position(&written)))),
    }
}

/// Records, within bounds, what was tried under what is over. A call is kept as denied, in its trace; that something else was
/// to be told, and how often more was tried, stands in the workspace's chain.
fn turn_away(
    workspace: &mut Workspace,
    scribe: &mut Scribe<'_, '_>,
    around: &Surroundings,
    body: &RequestBody,
    refusal: Refusal,
) -> Result<Tried, RecordError> {
    let Some(unrecorded) = workspace.turned_away.admit(scribe.draft.now()) else {
        return Ok(Tried::Counted(refusal));
    };
    let call = match body {
        RequestBody::Call(call) => Some(call),
        RequestBody::Observe(_) | RequestBody::Event(_) | RequestBody::Close => None,
    };
    if call.is_none() || unrecorded > 0 {
        let denied = AccessDenied {
            refusal: refusal.clone(),
            token_digest: scribe.caller.token.digest().to_string(),
            unrecorded,
        };
        let chain = ChainId::Workspace(workspace.id);
        scribe.append(chain, EntryKind::AccessDenied, Refs::new(), &denied)?;
    }
    let Some(call) = call else {
        return Ok(Tried::Recorded(ReplyBody::Failed(refusal)));
    };
    let mut refs = Refs::new();
    if let Some(id) = &call.call_id {
        // An id that cannot be recorded is no reason not to record the attempt.
        let _ = refs.insert("call", id.clone());
    }
    let (call, redacted) = around.cleared(call);
    let kept = ToolCalled {
        redacted,
        ..ToolCalled::beginning(&call)
    };
    scribe.write(EntryKind::ToolCalled, refs, &kept)?;
    let outcome = Outcome::Denied(refusal);
    let written = scribe.write(EntryKind::ToolDenied, Refs::new(), &outcome)?;
    Ok(Tried::Recorded(ReplyBody::Answer(Answer {
        recorded: scribe.position(&written),
        outcome,
    })))
}

fn call_tool(
    workspace: &mut Workspace,
    scribe: &mut Scribe<'_, '_>,
    around: &Surroundings,
    call: &Call,
    prepared: Option<Prepared>,
) -> Result<Called, RecordError> {
    let now = scribe.draft.now();
    // What is a secret is so to whoever reads the entry, the tool and its effect.
    let (call, redacted) = around.cleared(call);
    let call = &call;
    let mut called = Refs::new();
    let named = match &call.call_id {
        Some(id) => called.insert("call", id.clone()),
        None => Ok(()),
    };
    let planned = named
        .map_err(|error| {
            let message = format!("the client's id for this call cannot be recorded: {error}");
            Refusal::new(RefusalCode::MalformedArguments, &message)
        })
        .and_then(|()| parse(call))
        .and_then(|call| tools::plan(workspace, scribe, call));
    let permitted = permit(workspace, scribe.caller, planned.as_ref().ok(), now);

    if let (
        Ok(()),
        Ok(Plan {
            first: Some(first), ..
        }),
        None,
    ) = (&permitted, &planned, &prepared)
    {
        return Ok(Called::First(*first));
    }
    let mut kept = match (&permitted, &planned) {
        (Ok(()), Ok(_)) => ToolCalled::whole(call),
        _ => ToolCalled::beginning(call),
    };
    kept.redacted = redacted;
    if is_unannounced(workspace, scribe.caller, call) {
        let gap = CaptureGap::Unannounced {
            tool: kept.tool.clone(),
        };
        scribe.write(EntryKind::CaptureGap, called.clone(), &gap)?;
    }
    scribe.write(EntryKind::ToolCalled, called, &kept)?;
    let mut event = None;
    let (kind, outcome, refs) = match (permitted, planned) {
        (Err(refusal), _) => (EntryKind::ToolDenied, Outcome::Denied(refusal), Refs::new()),
        (Ok(()), Err(refusal)) => (EntryKind::ToolRejected, Outcome::Rejected(refusal), Refs::new()),
        (Ok(()), Ok(plan)) => {
            let done = (plan.carry_out)(workspace, scribe, around, prepared)?;
            event = done.event;
            match done.result {
                Ok(value) => (EntryKind::ToolReturned, Outcome::Returned(value), done.refs),
                Err(refusal) => (EntryKind::ToolRejected, Outcome::Rejected(refusal), done.refs),
            }
        }
    };
    let written = scribe.write(kind, refs, &outcome)?;
    // Last, when nothing can fail any more: the same fold as after a restart.
    if let Some(event) = event {
        workspace.work_items.apply(event)?;
    }
    Ok(Called::Answered(ReplyBody::Answer(Answer {
        recorded: scribe.position(&written),
        outcome,
    })))
}

/// Whether a client whose hooks tell what it does did not tell that it would ask for this.
fn is_unannounced(workspace: &Workspace, caller: &Caller, call: &Call) -> bool {
    let session = workspace.sessions.get(&caller.token.session());
    let hooked = session.filter(|session| session.hooked);
    let unknown = |id: &String| hooked.is_some_and(|session| !session.calls.knows(id));
    call.call_id.as_ref().is_some_and(unknown)
}

fn parse(call: &Call) -> Result<ToolCall, Refusal> {
    ToolCall::parse(&call.tool, call.arguments.clone()).map_err(|error| match &error {
        ToolCallError::Unknown(_) => Refusal::new(RefusalCode::UnknownTool, &error),
        ToolCallError::Arguments { .. } => Refusal::new(RefusalCode::MalformedArguments, &error),
    })
}

/// Whether what the caller holds is good yet. Asked before anything else that is to be done under it.
fn holding(workspace: &Workspace, caller: &Caller, now: Timestamp) -> Result<(), Refusal> {
    let (session, holder) = (caller.token.session(), caller.token.holder());
    caller
        .token
        .holding(session, holder, now, &workspace.revocations)
        .map_err(|denial| denied(workspace, caller, &denial))
}

/// May the caller do this, who holds what is good yet? Nothing more is asked of a call that is malformed.
fn permit(
    workspace: &Workspace,
    caller: &Caller,
    plan: Option<&Plan>,
    now: Timestamp,
) -> Result<(), Refusal> {
    let Some((plan, verb)) = plan.and_then(|plan| plan.verb.map(|verb| (plan, verb))) else {
        return Ok(());
    };
    let operation = Operation {
        verb,
        repository: plan.repository.as_ref(),
        paths: &plan.paths,
        risk: plan.risk,
    };
    let (session, holder) = (caller.token.session(), caller.token.holder());
    caller
        .token
        .authorize(&operation, session, holder, now, &workspace.revocations)
        .map(drop)
        .map_err(|denial| denied(workspace, caller, &denial))
}

fn denied(workspace: &Workspace, caller: &Caller, denial: &delegation::Denial) -> Refusal {
    Refusal {
        code: denial.code().as_str().to_owned(),
        message: advise(workspace, caller, denial),
    }
}

/// A denial in words that an agent can pass on: it names the human who could change it.
fn advise(workspace: &Workspace, caller: &Caller, denial: &delegation::Denial) -> String {
    let grant = caller.token.grant();
    let who = workspace.name_of(grant.on_behalf_of);
    if denial.code().is_remedied_by_lending() {
        format!(
            "{denial}; ask {who} to run: auditotter delegate --agent {}",
            grant.agent
        )
    } else {
        denial.to_string()
    }
}

/// Writes entries of one request, each attributed to the human, via the agent, under the delegation.
pub(crate) struct Scribe<'d, 's> {
    pub(crate) draft: &'d mut Draft<'s>,
    pub(crate) caller: &'d Caller,
    pub(crate) request: RequestId,
}

impl Scribe<'_, '_> {
    /// Appends to the session's trace.
    pub(crate) fn write<T: Serialize>(
        &mut self,
        kind: EntryKind,
        refs: Refs,
        body: &T,
    ) -> Result<Appended, RecordError> {
        self.append(ChainId::Trace(self.caller.trace), kind, refs, body)
    }

    /// Appends to any chain.
    pub(crate) fn append<T: Serialize>(
        &mut self,
        chain: ChainId,
        kind: EntryKind,
        mut refs: Refs,
        body: &T,
    ) -> Result<Appended, RecordError> {
        refs.insert("request", self.request.to_string())?;
        let grant = self.caller.token.grant();
        let by = By {
            on_behalf_of: Some(grant.on_behalf_of),
            via: Some(&self.caller.via),
            delegation: Some(grant.id),
        };
        record::append(self.draft, chain, kind, by, refs, body)
    }

    /// Appends what the agent side saw.
    pub(crate) fn observe(
        &mut self,
        observation: &Observation,
        claimed_at: Option<Timestamp>,
    ) -> Result<Position, RecordError> {
        let kind = match observation {
            Observation::ProtocolError { .. } => EntryKind::ProtocolError,
            Observation::Cancelled { .. } => EntryKind::CallCancelled,
        };
        let written = self.write(
            kind,
            Refs::new(),
            &Observed {
                observation: observation.cut(MOST_OBSERVED_CHARS),
                claimed_at,
            },
        )?;
        Ok(self.position(&written))
    }

    /// Where its trace stands.
    pub(crate) fn newest(&self) -> Result<Position, RecordError> {
        let trace = self.caller.trace;
        let head = self.draft.head(ChainId::Trace(trace))?;
        Ok(Position {
            trace,
            seq: head.map_or(0, |head| head.next_seq.saturating_sub(1)),
        })
    }

    pub(crate) const fn position(&self, written: &Appended) -> Position {
        Position {
            trace: self.caller.trace,
            seq: written.seq,
        }
    }
}

fn session_closed(caller: &Caller) -> Refusal {
    let session = caller.token.session();
    Refusal::new(
        RefusalCode::SessionClosed,
        &format!("session {session} has ended; start the MCP server anew for another"),
    )
}

pub(crate) fn unreadable(error: &impl std::fmt::Display) -> Refusal {
    Refusal::new(
        RefusalCode::StoreRefused,
        &format!("the store cannot be read: {error}; a human should run: auditotter doctor"),
    )
}
