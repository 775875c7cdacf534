//! What a client's hook told, as entries of its session's trace. Reading it takes as long as the event is long, so that is done
//! before the writer's thread is asked; there it is only written.

use std::{
    sync::Arc,
    time::{Duration, Instant},
};

use capture::{Body, Event, Failed, Happened, Permission, Record, ToolCall, TurnInterrupted};
use protocol::{ClientEvent, Heard, Refusal, RefusalCode};
use serde_json::Value;
use trace_store::{FieldError, Refs};
use vocabulary::Timestamp;

use crate::{
    aftermath::Moment,
    calls::{Calls, Known},
    clearing::{Counts, OfFile},
    deeds::Deed,
    dispatch::Scribe,
    gating::{Found, Look, Neighbourhood},
    kind::EntryKind,
    record::RecordError,
    records::CaptureGap,
    workspace::Workspace,
};

/// How much is kept of what is no event.
const MOST_UNREADABLE_CHARS: usize = 512;

/// What a hook told, ready to be written.
#[derive(Debug)]
pub(crate) struct Told {
    records: Vec<Cleared>,
    /// What it announces would change.
    looks: Vec<Look>,
    /// How long it took to find that out.
    looked: Duration,
    /// What is to be looked at afterwards.
    moment: Option<Moment>,
    /// What it says of what is changed.
    deeds: Arc<[Deed]>,
    /// That the client's settings changed, without secrets.
    settings: Option<Value>,
    /// Whether the repository's rules are enforced.
    ruled: bool,
}

impl Told {
    /// What is to be looked at once it is written.
    pub(crate) const fn moment(&self) -> Option<&Moment> {
        self.moment.as_ref()
    }

    /// What it says of what is changed; to be kept once it is written.
    pub(crate) fn deeds(&self) -> Arc<[Deed]> {
        Arc::clone(&self.deeds)
    }
}

/// A record, and what is written of it.
#[derive(Debug)]
pub(crate) struct Cleared {
    pub(crate) record: Record,
    /// Without secrets, and with how many there were.
    pub(crate) body: Value,
}

impl Cleared {
    /// What is written of a record, which is cleared like this.
    pub(crate) fn of(
        record: Record,
        clear: impl Fn(&mut Value) -> Counts,
    ) -> Result<Self, serde_json::Error> {
        let mut body = serde_json::to_value(&record.body)?;
        let counts = if matches!(record.body, Body::FileEdited(_)) {
            let found = OfFile::clear(&mut body, clear);
            if let (Value::Object(members), false) = (&mut body, found.held.is_empty()) {
                members.remove("before");
                members.remove("after");
            }
            found.all()
        } else {
            clear(&mut body)
        };
        count(&mut body, &counts);
        Ok(Self { record, body })
    }
}

/// Reads what a client gave to its hook. What cannot be read is a gap, and is recorded as one.
pub(crate) fn read(told: &ClientEvent, around: &Neighbourhood) -> Result<Told, CaptureGap> {
    let unreadable = |why: String| {
        // First cleared, then cut: half a secret is one as well.
        let mut said = serde_json::json!({ "why": why, "received": told.event.get() });
        around.clear(&mut said, None);
        let text = |name: &str| {
            said[name]
                .as_str()
                .unwrap_or_default()
                .chars()
                .take(MOST_UNREADABLE_CHARS)
                .collect()
        };
        CaptureGap::Unreadable {
            client: told.client,
            why: text("why"),
            received: text("received"),
        }
    };
    let event = Event::parse(told.event.get().as_bytes()).map_err(|error| unreadable(error.to_string()))?;
    if event.asks() && !matches!(event.happened, Happened::ToolCalled(_)) {
        return Err(unreadable("it names no tool".to_owned()));
    }
    let cwd = event.cwd.clone();
    let moment = Moment::of(told.client, &event);
    let began = Instant::now();
    let looks = around.look(&event);
    let looked = began.elapsed();
    let settings = match &event.happened {
        Happened::SettingsChanged { source, path } => {
            let gap = CaptureGap::SettingsChanged {
                source: source.clone(),
                path: path
                    .as_ref()
                    .map(|path| path.chars().take(MOST_UNREADABLE_CHARS).collect()),
            };
            let mut gap = serde_json::to_value(gap).map_err(|error| unreadable(error.to_string()))?;
            around.clear(&mut gap, cwd.as_deref());
            Some(gap)
        }
        _ => None,
    };
    let clear = |record| Cleared::of(record, |value| around.clear(value, cwd.as_deref()));
    let records = event.records();
    let reach = Arc::new(Look::reach(&looks));
    let deeds = Deed::of(&records, cwd.as_deref(), &reach).into();
    let records: Result<_, serde_json::Error> = records.into_iter().map(clear).collect();
    let records = records.map_err(|error| unreadable(error.to_string()))?;
    Ok(Told {
        records,
        looks,
        looked,
        moment,
        deeds,
        ruled: settings.is_some() && around.enforces(cwd.as_deref()),
        settings,
    })
}

/// Says in an entry's body how many secrets it had.
fn count(body: &mut Value, counts: &Counts) {
    if let (Value::Object(members), false) = (body, counts.is_empty()) {
        members.insert("redacted".to_owned(), serde_json::json!(counts));
    }
}

/// Writes it, and says whether what it announces may happen.
pub(crate) fn record(
    workspace: &mut Workspace,
    scribe: &mut Scribe<'_, '_>,
    told: &Result<Told, CaptureGap>,
) -> Result<Heard, RecordError> {
    let mut denied = None;
    match told {
        Err(gap) => {
            scribe.write(EntryKind::CaptureGap, Refs::new(), gap)?;
            denied = Some(cannot_be_read());
        }
        Ok(told) => {
            if !told.looks.is_empty() {
                let met = workspace.met.of(scribe.draft.store(), scribe.caller.trace)?;
                let looks = told.looks.iter();
                let new: Vec<_> = looks.filter_map(|look| look.meet(met)).collect();
                for rules in new {
                    scribe.write(EntryKind::GateRules, Refs::new(), &rules)?;
                }
            }
            let began = Instant::now();
            let judged = told
                .looks
                .iter()
                .map(|look| look.judged(workspace, scribe.caller));
            let found = judged.reduce(Found::stricter).unwrap_or_default();
            if !told.looks.is_empty() {
                let took = told.looked + began.elapsed();
                tracing::debug!(took_us = took.as_micros(), "the gate judged");
            }
            let mut nobody = Calls::default();
            let known = workspace.sessions.get_mut(&scribe.caller.token.session());
            let calls = known.map_or(&mut nobody, |session| {
                session.hooked = true;
                &mut session.calls
            });
            let covered_by = found.covered_by.map(|id| ("work_item", id.to_string()));
            for record in &told.records {
                keep(scribe, record, calls, covered_by.as_ref())?;
            }
            if let Some(gap) = &told.settings {
                scribe.write(EntryKind::CaptureGap, Refs::new(), gap)?;
                denied = told.ruled.then(settings_are_kept);
            }
            if let (Some(why), Some(Cleared { record, .. })) = (found.denied, told.records.first()) {
                let kind = if found.enforced {
                    EntryKind::GateDenied
                } else {
                    EntryKind::GateObserved
                };
                scribe.write(kind, refs_of(record, None)?, &why)?;
                denied = found.enforced.then(|| why.refusal());
            }
        }
    }
    Ok(Heard {
        recorded: scribe.newest()?,
        denied,
    })
}

/// What a client is told that is about to do what nobody can read.
fn cannot_be_read() -> Refusal {
    let message = "what is announced cannot be read, so nobody can say that it is covered: say it otherwise";
    Refusal::new(RefusalCode::MalformedArguments, &message)
}

/// What a client is told that is about to take up other settings.
fn settings_are_kept() -> Refusal {
    let message = "this repository has rules, and the settings that a session began with hold until it ends: hooks stand in them";
    Refusal::new(RefusalCode::TransitionNotAllowed, &message)
}

/// Writes what was told while no hub could be reached, and when that is said to have been. Nobody waits for an answer any more.
pub(crate) fn take_in(
    scribe: &mut Scribe<'_, '_>,
    told: &Result<Told, CaptureGap>,
    calls: &mut Calls,
    claimed_at: Timestamp,
) -> Result<(), RecordError> {
    let claim = ("claimed_at", claimed_at.to_string());
    match told {
        Err(gap) => {
            let mut refs = Refs::new();
            refs.insert(claim.0, claim.1)?;
            scribe.write(EntryKind::CaptureGap, refs, gap)?;
        }
        Ok(told) => {
            for record in &told.records {
                keep(scribe, record, calls, Some(&claim))?;
            }
            if let Some(gap) = &told.settings {
                let mut refs = Refs::new();
                refs.insert(claim.0, claim.1)?;
                scribe.write(EntryKind::CaptureGap, refs, gap)?;
            }
        }
    }
    Ok(())
}

/// Writes one record, and with it what follows from it for a call that was not spoken of before.
fn keep(
    scribe: &mut Scribe<'_, '_>,
    cleared: &Cleared,
    calls: &mut Calls,
    more: Option<&(&'static str, String)>,
) -> Result<(), RecordError> {
    let Cleared { record, body } = cleared;
    let refs = || refs_of(record, more);
    let call = record.call.as_deref();
    match &record.body {
        Body::ToolCalled(used) => {
            if let Some(call) = call {
                calls.begin(call, &used.tool, &used.arguments);
            }
        }
        // A sub-agent's is part of the turn of the one that started it.
        Body::Prompt(_) if record.by.is_none() => calls.turn_begins(),
        Body::TurnEnded(_) if record.by.is_none() => {
            calls.turn_ends();
        }
        Body::TurnInterrupted(_) => {
            calls.turn_begins();
            return break_off(scribe, calls, refs()?);
        }
        // No client says of itself that it was stopped in the middle of something: the session ends, or begins anew.
        Body::SessionEnded(_) => break_off(scribe, calls, refs()?)?,
        Body::SessionStarted(started) if !matches!(started.source.as_deref(), Some("compact")) => {
            break_off(scribe, calls, refs()?)?;
        }
        Body::PermissionAsked(used) => calls.ask(&used.tool, &used.arguments),
        Body::ToolReturned(_) | Body::ToolFailed(_) | Body::FileEdited(_) | Body::CommandRun(_) => {
            if let Some(Known::Begun { asked: true }) = call.map(|call| calls.end(call)) {
                let given = serde_json::json!({});
                scribe.write(EntryKind::PermissionGiven, refs()?, &given)?;
            }
        }
        Body::Ended(ended) => {
            let known = call.map_or(Known::Nothing, |call| calls.end(call));
            return keep_end(scribe, cleared, &ended.tool, known, more);
        }
        _ => {}
    }
    if let Some(kind) = kind_of(&record.body) {
        scribe.write(kind, refs()?, body)?;
    }
    Ok(())
}

/// Writes that a turn did not come to its end, where one is under way.
fn break_off(scribe: &mut Scribe<'_, '_>, calls: &mut Calls, refs: Refs) -> Result<(), RecordError> {
    let unfinished = calls.unfinished();
    if calls.turn_ends() {
        scribe.write(EntryKind::TurnInterrupted, refs, &TurnInterrupted { unfinished })?;
    }
    Ok(())
}

/// Writes the end of a call, where nothing has told it: then it was not done.
fn keep_end(
    scribe: &mut Scribe<'_, '_>,
    cleared: &Cleared,
    tool: &str,
    known: Known,
    more: Option<&(&'static str, String)>,
) -> Result<(), RecordError> {
    let Cleared { record, body } = cleared;
    let text = |name: &str| {
        body.get(name)
            .and_then(Value::as_str)
            .unwrap_or_default()
            .to_owned()
    };
    let tool = tool.to_owned();
    match known {
        Known::Told => return Ok(()),
        Known::Begun { asked: true } => {
            let reason = Some(text("told"));
            let refused = Permission { tool, reason };
            scribe.write(EntryKind::PermissionRefused, refs_of(record, more)?, &refused)?;
            return Ok(());
        }
        Known::Begun { asked: false } => {}
        Known::Nothing => {
            let called = ToolCall {
                tool: tool.clone(),
                arguments: body.get("arguments").cloned().unwrap_or_default(),
            };
            scribe.write(EntryKind::ToolCalled, refs_of(record, more)?, &called)?;
        }
    }
    let failed = Failed {
        tool,
        error: text("told"),
        interrupted: false,
    };
    scribe.write(EntryKind::ToolFailed, refs_of(record, more)?, &failed)?;
    Ok(())
}

/// What an entry of a record names.
pub(crate) fn refs_of(record: &Record, more: Option<&(&'static str, String)>) -> Result<Refs, FieldError> {
    let agent = record.by.as_ref().map(|by| by.id.clone());
    let named = [
        ("agent", agent),
        ("call", record.call.clone()),
        ("turn", record.turn.clone()),
    ];
    let mut refs = Refs::new();
    for (name, value) in named {
        if let Some(value) = value {
            refs.insert(name, value)?;
        }
    }
    if let Some((name, value)) = more {
        refs.insert(name, value.clone())?;
    }
    Ok(refs)
}

/// The kind of a record's entry; none, where nothing is written of it as such.
pub(crate) const fn kind_of(body: &Body) -> Option<EntryKind> {
    Some(match body {
        Body::Ended(_) => return None,
        Body::SessionStarted(_) => EntryKind::SessionStarted,
        Body::SessionEnded(_) => EntryKind::SessionEnded,
        Body::Prompt(_) => EntryKind::Prompt,
        Body::ToolCalled(_) => EntryKind::ToolCalled,
        Body::ToolReturned(_) => EntryKind::ToolReturned,
        Body::ToolFailed(_) => EntryKind::ToolFailed,
        Body::FileEdited(_) => EntryKind::FileEdited,
        Body::CommandRun(_) => EntryKind::CommandRun,
        Body::PermissionAsked(_) => EntryKind::PermissionAsked,
        Body::PermissionRefused(_) => EntryKind::PermissionRefused,
        Body::SubAgentStarted(_) => EntryKind::SubAgentStarted,
        Body::SubAgentStopped(_) => EntryKind::SubAgentStopped,
        Body::Compacted(_) => EntryKind::ContextCompacted,
        Body::TurnEnded(_) => EntryKind::TurnEnded,
        Body::TurnInterrupted(_) => EntryKind::TurnInterrupted,
        Body::ClientEvent(_) => EntryKind::ClientEvent,
        Body::ModelAnswered(_) => EntryKind::ModelAnswered,
    })
}

#[cfg(test)]
mod tests;
