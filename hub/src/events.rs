//! What a client's hook told, as entries of its session's trace. Reading it takes as long as the event is long, so that is done
//! before the writer's thread is asked; there it is only written.

use capture::{Body, Event, Happened, Record};
use protocol::{ClientEvent, Heard};
use trace_store::{FieldError, Refs};

use crate::{
    dispatch::Scribe, kind::EntryKind, record::RecordError, records::CaptureGap, workspace::Workspace,
};

/// How much is kept of what is no event.
const MOST_UNREADABLE_CHARS: usize = 512;

/// What a hook told, ready to be written.
#[derive(Debug)]
pub(crate) struct Told {
    records: Vec<(EntryKind, Record)>,
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
    let records = event.records().into_iter();
    Ok(Told {
        records: records.map(|record| (kind_of(&record.body), record)).collect(),
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
            for (kind, record) in &told.records {
                scribe.write(*kind, refs_of(record)?, &record.body)?;
            }
            if told.ends {
                scribe.write(EntryKind::SessionClosed, Refs::new(), &serde_json::json!({}))?;
                if let Some(session) = workspace.sessions.get_mut(&scribe.caller.token.session()) {
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

const fn kind_of(body: &Body) -> EntryKind {
    match body {
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
    }
}
