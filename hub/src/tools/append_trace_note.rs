//! `append_trace_note`.

use delegation::AgentVerb;
use protocol::{
    Refusal,
    tools::{AppendTraceNote, NoteAppended},
};
use trace_store::Refs;

use super::{Done, Plan, structured, too_much};
use crate::{kind::EntryKind, records};

pub(super) fn plan(verb: Option<AgentVerb>, call: AppendTraceNote) -> Result<Plan, Refusal> {
    check(&call)?;
    Ok(Plan {
        verb,
        repository: None,
        paths: Vec::new(),
        risk: None,
        first: None,
        carry_out: Box::new(move |_, scribe, _, _| {
            let note = records::NoteAppended {
                text: call.text,
                refs: call.refs,
            };
            let written = scribe.write(EntryKind::NoteAppended, Refs::new(), &note)?;
            let result = structured(&NoteAppended {
                trace: scribe.caller.trace,
                seq: written.seq,
                hash: written.hash.to_string(),
            });
            Ok(Done::of(result))
        }),
    })
}

fn check(call: &AppendTraceNote) -> Result<(), Refusal> {
    if call.text.trim().is_empty() {
        return Err(too_much("text is empty; say what a reviewer should know"));
    }
    if call.text.len() > AppendTraceNote::MAX_TEXT_BYTES {
        let (is, may) = (call.text.len(), AppendTraceNote::MAX_TEXT_BYTES);
        return Err(too_much(&format!(
            "text has {is} bytes of at most {may}; split it over several notes"
        )));
    }
    if call.refs.len() > AppendTraceNote::MAX_REFS {
        let (is, may) = (call.refs.len(), AppendTraceNote::MAX_REFS);
        return Err(too_much(&format!("refs has {is} items of at most {may}")));
    }
    match call
        .refs
        .iter()
        .find(|reference| reference.len() > AppendTraceNote::MAX_REF_BYTES)
    {
        Some(long) => {
            let may = AppendTraceNote::MAX_REF_BYTES;
            Err(too_much(&format!(
                "one of refs has {} bytes of at most {may}",
                long.len()
            )))
        }
        None => Ok(()),
    }
}
