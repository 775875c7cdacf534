//! `read_trace`.

use delegation::AgentVerb;
use protocol::{
    Refusal,
    tools::{EntryView, ReadTrace, TracePage},
};
use trace_store::{BodyState, ChainId, Entry, ReadError, Store};

use super::{Plan, not_found, readable_trace, structured, too_much};
use crate::{dispatch::unreadable, summary};

/// An answer is read by a model: about three characters make a token, and 10,000 tokens are the most that an
/// answer may cost. The short text beside the structure repeats a part of it.
const ANSWER_CHARS: usize = 15_000;

/// The largest body that is read to be shown in part, in bytes: this happens on the thread that records.
const READ_BYTES: u64 = 64 * 1024;

/// How much of one body is shown.
const BODY_CHARS: usize = 2_000;

pub(super) fn plan(verb: Option<AgentVerb>, call: ReadTrace) -> Result<Plan, Refusal> {
    let limit = call.limit.unwrap_or(ReadTrace::DEFAULT_PAGE);
    if !(1..=ReadTrace::MAX_PAGE).contains(&limit) {
        return Err(too_much(&format!(
            "limit is {limit}; it may be 1 to {}",
            ReadTrace::MAX_PAGE
        )));
    }
    Ok(Plan::reading(verb, move |workspace, scribe| {
        let trace = readable_trace(workspace, scribe, call.trace)?;
        let store = scribe.draft.store();
        let chain = ChainId::Trace(trace);
        let head = store
            .head(chain)
            .map_err(|error| unreadable(&error))?
            .ok_or_else(|| not_found(&trace))?;
        let from = call.from.unwrap_or(0);
        let page = store
            .entries(chain, from, usize::from(limit))
            .map_err(|error| unreadable(&error))?;
        let mut entries = Vec::new();
        let mut size = 0;
        for entry in &page {
            let entry = view(store, entry, call.bodies).map_err(|error| unreadable(&error))?;
            size += entry.summary.len() + entry.body.as_ref().map_or(0, |body| body.len() * 5 / 4) + 120;
            if size > ANSWER_CHARS && !entries.is_empty() {
                break;
            }
            entries.push(entry);
        }
        let reached = entries.last().map_or(from, |last| last.seq + 1);
        let next = (reached < head.next_seq).then_some(reached);
        structured(&TracePage {
            trace,
            length: head.next_seq,
            entries,
            next,
        })
    }))
}

fn view(store: &Store, entry: &Entry, bodies: bool) -> Result<EntryView, ReadError> {
    let size = entry.body.as_ref().map_or(0, |body| body.size);
    let (summary, body) = if size > READ_BYTES {
        (format!("[a body of {size} bytes; an export has it]"), None)
    } else {
        let stored = store.entry(entry.chain, entry.seq)?;
        let body = stored.map_or(BodyState::None, |stored| stored.body);
        let shown = match &body {
            BodyState::Present(bytes) if bodies => {
                Some(vocabulary::shown(&String::from_utf8_lossy(bytes), BODY_CHARS))
            }
            BodyState::Erased if bodies => Some("[erased]".to_owned()),
            BodyState::Present(_) | BodyState::Erased | BodyState::None => None,
        };
        (summary::summarize(entry.kind.as_str(), &body), shown)
    };
    Ok(EntryView {
        seq: entry.seq,
        at: entry.at,
        kind: entry.kind.to_string(),
        summary,
        body,
    })
}
