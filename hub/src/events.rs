//! What a client's hook told, as entries of its session's trace. Reading it takes as long as the event is long, so that is done
//! before the writer's thread is asked; there it is only written.

use capture::{Body, Ended, Event, Failed, Happened, Permission, Record, ToolCall};
use protocol::{ClientEvent, Heard};
use trace_store::{FieldError, Refs};

use crate::{
    calls::{Calls, Known},
    dispatch::Scribe,
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
    records: Vec<Record>,
    /// Whether the client's session ends with it.
    ends: bool,
}

/// Reads what a client gave to its hook. What cannot be read is a gap, and is recorded as one.
pub(crate) fn read(told: &ClientEvent) -> Result<Told, CaptureGap> {
    let event = Event::parse(told.event.get().as_bytes()).map_err(|error| CaptureGap::Unreadable {
        client: told.client,
        why: error.to_string(),
        received: told.event.get().chars().take(MOST_UNREADABLE_CHARS).collect(),
    })?;
    let ends = matches!(event.happened, Happened::SessionEnded { .. });
    Ok(Told {
        records: event.records(),
        ends,
    })
}

/// Writes it, and ends the session with the client's.
pub(crate) fn record(
    workspace: &mut Workspace,
    scribe: &mut Scribe<'_, '_>,
    told: &Result<Told, CaptureGap>,
) -> Result<Heard, RecordError> {
    match told {
        Err(gap) => drop(scribe.write(EntryKind::CaptureGap, Refs::new(), gap)?),
        Ok(told) => {
            let session = scribe.caller.token.session();
            let mut nobody = Calls::default();
            for record in &told.records {
                let known = workspace.sessions.get_mut(&session);
                let calls = known.map_or(&mut nobody, |session| &mut session.calls);
                keep(scribe, record, calls)?;
            }
            if told.ends {
                scribe.write(EntryKind::SessionClosed, Refs::new(), &serde_json::json!({}))?;
                if let Some(session) = workspace.sessions.get_mut(&session) {
                    session.closed = true;
                }
            }
        }
    }
    Ok(Heard {
        recorded: scribe.newest()?,
        denied: None,
    })
}

/// Writes one record, and with it what follows from it for a call that was not spoken of before.
fn keep(scribe: &mut Scribe<'_, '_>, record: &Record, calls: &mut Calls) -> Result<(), RecordError> {
    let refs = || refs_of(record);
    let call = record.call.as_deref();
    match &record.body {
        Body::ToolCalled(used) => {
            if let Some(call) = call {
                calls.begin(call, &used.tool, &used.arguments);
            }
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
            return keep_end(scribe, record, ended, known);
        }
        _ => {}
    }
    if let Some(kind) = kind_of(&record.body) {
        scribe.write(kind, refs()?, &record.body)?;
    }
    Ok(())
}

/// Writes the end of a call, where nothing has told it: then it was not done.
fn keep_end(
    scribe: &mut Scribe<'_, '_>,
    record: &Record,
    ended: &Ended,
    known: Known,
) -> Result<(), RecordError> {
    let Ended {
        tool,
        arguments,
        told,
    } = ended;
    let tool = tool.clone();
    match known {
        Known::Told => return Ok(()),
        Known::Begun { asked: true } => {
            let reason = Some(told.clone());
            let refused = Permission { tool, reason };
            scribe.write(EntryKind::PermissionRefused, refs_of(record)?, &refused)?;
            return Ok(());
        }
        Known::Begun { asked: false } => {}
        Known::Nothing => {
            let arguments = arguments.clone();
            let called = ToolCall {
                tool: tool.clone(),
                arguments,
            };
            scribe.write(EntryKind::ToolCalled, refs_of(record)?, &called)?;
        }
    }
    let failed = Failed {
        tool,
        error: told.clone(),
        interrupted: false,
    };
    scribe.write(EntryKind::ToolFailed, refs_of(record)?, &failed)?;
    Ok(())
}

fn refs_of(record: &Record) -> Result<Refs, FieldError> {
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
    Ok(refs)
}

const fn kind_of(body: &Body) -> Option<EntryKind> {
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
    })
}
