//! Writing an entry: its kind, who it is by, and its body.

use protocol::{Refusal, RefusalCode, Via};
use serde::Serialize;
use trace_store::{AppendError, Appended, ChainId, Draft, FieldError, NewEntry, ReadError, Refs};
use vocabulary::{DelegationId, MemberId};

use crate::{kind::EntryKind, records};

/// Who an entry is by. Nobody, where nobody was proved.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct By<'a> {
    pub(crate) on_behalf_of: Option<MemberId>,
    pub(crate) via: Option<&'a Via>,
    pub(crate) delegation: Option<DelegationId>,
}

/// Why an entry was not written. Nothing of its request is then.
#[derive(Debug, thiserror::Error)]
pub(crate) enum RecordError {
    #[error(transparent)]
    Append(#[from] AppendError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error(transparent)]
    Field(#[from] FieldError),
    #[error("a body has no JSON form: {0}")]
    Body(#[from] serde_json::Error),
    #[error(transparent)]
    Conflict(#[from] work_items::FoldError),
}

/// Appends an entry to a chain.
pub(crate) fn append<T: Serialize>(
    draft: &mut Draft<'_>,
    chain: ChainId,
    kind: EntryKind,
    by: By<'_>,
    refs: Refs,
    body: &T,
) -> Result<Appended, RecordError> {
    let entry = NewEntry {
        kind: kind.into(),
        on_behalf_of: by.on_behalf_of,
        via: by.via.map(as_recorded).transpose()?,
        delegation: by.delegation,
        refs,
        body: Some(records::write(body)?),
    };
    Ok(draft.append(chain, entry)?)
}

fn as_recorded(via: &Via) -> Result<trace_store::Via, FieldError> {
    let agent = if via.agent.is_empty() {
        "unknown"
    } else {
        &via.agent
    };
    let version = Some(via.version.as_str()).filter(|text| !text.is_empty());
    let instance = Some(via.instance.as_str()).filter(|text| !text.is_empty());
    trace_store::Via::new(agent, version, instance)
}

pub(crate) fn not_recorded(error: &RecordError) -> Refusal {
    Refusal::new(
        RefusalCode::NotRecorded,
        &format!("the entry could not be written: {error}"),
    )
}
