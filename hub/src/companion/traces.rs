//! What was recorded, for people to look at: lists, entries, and whether the chains hold.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use protocol::{Refusal, RefusalCode, Via, frame};
use serde_json::Value;
use trace_store::{BodyState, ChainId, ReadError, Store, Stored};
use vocabulary::{MemberId, Timestamp, TraceId};

use super::{
    answer::{ChainSummary, EntryRow, OutlineRow, TouchedRow, TraceRow, VerifiedChain},
    request::Of,
};
use crate::{
    dispatch::unreadable,
    kind::EntryKind,
    summary::summarize,
    telling::{self, Outline, Touched},
    workspace::Workspace,
};

/// The most rows of one answer.
const MOST_ROWS: usize = 1_000;

/// The most entries of one answer.
const MOST_ENTRIES: usize = 64;

/// The most entries that are read for one page of the inbox.
const MOST_PICKED: usize = 256;

/// How far from a page the rest of its calls is looked for, in entries.
const NEAR: u64 = 200;

/// How much text of a body goes into a row; the whole is in an export.
const MOST_BODY_BYTES: usize = 256 * 1024;

/// How much of a text in a body that is longer, from its beginning and from its end.
const FIRST_BYTES: usize = 48 * 1024;
const LAST_BYTES: usize = 16 * 1024;

/// The newest traces, newest first: their identifiers sort by time.
pub(crate) fn newest(store: &Store, limit: usize, names: &Names) -> Result<Vec<TraceRow>, ReadError> {
    let limit = limit.min(MOST_ROWS);
    let mut newest = VecDeque::new();
    let mut after = None;
    loop {
        let page = store.chains(after, MOST_ROWS)?;
        let Some(last) = page.last() else { break };
        after = Some(last.chain);
        for summary in page {
            if let ChainId::Trace(trace) = summary.chain {
                newest.push_front(trace);
                newest.truncate(limit);
            }
        }
    }
    let rows = newest.into_iter();
    rows.filter_map(|trace| row(store, trace, names).transpose())
        .collect()
}

/// The names of those who are members or were, taken along to where rows are made.
#[derive(Debug)]
pub(crate) struct Names(BTreeMap<MemberId, String>);

impl Names {
    pub(crate) fn known(workspace: &Workspace) -> Self {
        let members = workspace.members.ever();
        Self(
            members
                .map(|member| (member.id, member.name.to_string()))
                .collect(),
        )
    }

    fn of(&self, member: MemberId) -> String {
        self.0.get(&member).cloned().unwrap_or_else(|| member.to_string())
    }
}

/// A trace, summed up; `None` where there is none.
pub(crate) fn row(store: &Store, trace: TraceId, names: &Names) -> Result<Option<TraceRow>, ReadError> {
    let chain = ChainId::Trace(trace);
    let Some(head) = store.head(chain)? else {
        return Ok(None);
    };
    let (first, last) = (
        store.entries(chain, 0, 1)?,
        store.entries(chain, head.next_seq - 1, 1)?,
    );
    let (Some(first), Some(last)) = (first.first(), last.first()) else {
        return Ok(None);
    };
    Ok(Some(TraceRow {
        id: trace,
        on_behalf_of: first
            .on_behalf_of
            .map(|member| names.of(member))
            .unwrap_or_default(),
        via: first.via.as_ref().map(as_via),
        delegation: first.delegation,
        began_at: first.at,
        last_at: last.at,
        entries: head.next_seq,
        head: head.hash.to_string(),
        imported: first.kind.as_str() == EntryKind::SessionImported.as_str(),
    }))
}

fn entry_row(stored: &Stored, names: &Names) -> EntryRow {
    let entry = &stored.entry;
    let body = match &stored.body {
        BodyState::Present(bytes) => Some(legible(bytes)),
        BodyState::Erased | BodyState::None => None,
    };
    EntryRow {
        seq: entry.seq,
        index: stored.index,
        at: entry.at,
        kind: entry.kind.to_string(),
        on_behalf_of: entry.on_behalf_of.map(|member| names.of(member)),
        via: entry.via.as_ref().map(as_via),
        refs: entry
            .refs
            .iter()
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
            .collect(),
        summary: summarize(entry.kind.as_str(), &stored.body),
        body,
        erased: matches!(stored.body, BodyState::Erased),
        hash: stored.hash.to_string(),
    }
}

/// A body's JSON, in which long texts are cut; its beginning, where it is none or still too long.
fn legible(bytes: &[u8]) -> Value {
    let beginning = || {
        let shown = &bytes[..bytes.len().min(MOST_BODY_BYTES)];
        Value::String(String::from_utf8_lossy(shown).into_owned())
    };
    let Ok(mut body) = serde_json::from_slice(bytes) else {
        return beginning();
    };
    if bytes.len() <= MOST_BODY_BYTES {
        return body;
    }
    cut_texts(&mut body);
    if body.to_string().len() <= MOST_BODY_BYTES {
        body
    } else {
        beginning()
    }
}

fn cut_texts(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > FIRST_BYTES + LAST_BYTES => {
            let first = text.floor_char_boundary(FIRST_BYTES);
            let last = text.ceil_char_boundary(text.len() - LAST_BYTES);
            let between = last - first;
            *text = format!(
                "{}\n… {between} more bytes; the whole is in an export …\n{}",
                &text[..first],
                &text[last..]
            );
        }
        Value::Array(all) => all.iter_mut().for_each(cut_texts),
        Value::Object(members) => members.values_mut().for_each(cut_texts),
        _ => {}
    }
}

/// As many rows as fit into one message, read one by one, for bodies may be large; the next request goes on from the
/// last.
pub(crate) fn entries(
    store: &Store,
    trace: TraceId,
    from: u64,
    limit: usize,
    names: &Names,
) -> Result<Vec<EntryRow>, ReadError> {
    picked(store, trace, (from..).take(limit.min(MOST_ENTRIES)), names)
}

/// The same of entries that stand here and there; those that are not there are left out.
pub(crate) fn picked(
    store: &Store,
    trace: TraceId,
    places: impl Iterator<Item = u64>,
    names: &Names,
) -> Result<Vec<EntryRow>, ReadError> {
    let mut size = 0;
    let mut rows = Vec::new();
    for seq in places.take(MOST_PICKED) {
        let Some(stored) = store.entry(ChainId::Trace(trace), seq)? else {
            break;
        };
        let row = entry_row(&stored, names);
        size += row.body.as_ref().map_or(0, |body| body.to_string().len()) + 1_024;
        if size > frame::MAX_FRAME_BYTES / 2 && !rows.is_empty() {
            break;
        }
        rows.push(row);
    }
    Ok(rows)
}

/// What is missing of the calls that are cut in two where these entries, which follow one another, begin and end: what stands before
/// them, and what stands after.
pub(crate) fn missing(
    store: &Store,
    trace: TraceId,
    rows: &[EntryRow],
    names: &Names,
) -> Result<(Vec<EntryRow>, Vec<EntryRow>), ReadError> {
    let (Some(first), Some(last)) = (rows.first(), rows.last()) else {
        return Ok(Default::default());
    };
    let loose = telling::loose(rows);
    let found = |from: u64, to: u64, wanted: &BTreeSet<String>, begins: bool| {
        if wanted.is_empty() || from >= to {
            return Ok(Vec::new());
        }
        let many = usize::try_from(to - from).unwrap_or(usize::MAX);
        let near = store.entries(ChainId::Trace(trace), from, many)?;
        let is_wanted = |entry: &&trace_store::Entry| {
            let named = ["call", "request"]
                .into_iter()
                .filter_map(|name| entry.refs.get(name));
            let begun = entry.kind.as_str() == "tool.called";
            begun == begins && named.into_iter().any(|name| wanted.contains(name))
        };
        let places: Vec<u64> = near.iter().filter(is_wanted).map(|entry| entry.seq).collect();
        picked(store, trace, places.into_iter().take(MOST_ENTRIES), names)
    };
    let before = found(first.seq.saturating_sub(NEAR), first.seq, &loose.lost, true)?;
    let after = found(last.seq + 1, last.seq + 1 + NEAR, &loose.open, false)?;
    Ok((before, after))
}

/// The first entry that was recorded at this moment or after it: the ledger's clock never goes back.
pub(crate) fn since(store: &Store, trace: TraceId, at: Timestamp) -> Result<u64, ReadError> {
    let chain = ChainId::Trace(trace);
    let (mut from, mut to) = (0, store.head(chain)?.map_or(0, |head| head.next_seq));
    while from < to {
        let middle = from + (to - from) / 2;
        let before = store.entries(chain, middle, 1)?;
        if before.first().is_some_and(|entry| entry.at < at) {
            from = middle + 1;
        } else {
            to = middle;
        }
    }
    Ok(from)
}

/// Which entries are of something.
pub(crate) fn places(outline: &Outline, of: &Of) -> BTreeSet<u64> {
    match of {
        Of::File(path) => outline.of_file(path),
        Of::WorkItem(id) => outline.of_work_item(&id.to_string()),
        Of::Gaps => outline.gap_places.clone(),
    }
}

/// What a trace has.
pub(crate) fn outline_row(outline: &Outline) -> OutlineRow {
    let touched = |all: &BTreeMap<String, Touched>| {
        let row = |(name, touched): (&String, &Touched)| TouchedRow {
            name: name.clone(),
            times: touched.times,
            first: touched.places.first().copied().unwrap_or_default(),
        };
        all.iter().map(row).collect()
    };
    OutlineRow {
        entries: outline.entries,
        imported: outline.imported,
        gaps: outline.gaps,
        turns: outline.turns.clone(),
        files: touched(&outline.files),
        work_items: touched(&outline.work_items),
        more: outline.more,
    }
}

fn as_via(via: &trace_store::Via) -> Via {
    Via {
        agent: via.agent().to_owned(),
        version: via.version().unwrap_or_default().to_owned(),
        instance: via.instance().unwrap_or_default().to_owned(),
    }
}

/// Verifies one trace, or all chains and the tree over them.
pub(crate) fn verify(store: &Store, trace: Option<TraceId>) -> Result<Vec<VerifiedChain>, Refusal> {
    let of_chain = |chain: ChainId| {
        verified(
            chain.to_string(),
            store.verify_chain(chain).map(|report| ChainSummary {
                entries: report.entries,
                erased: report.erased_bodies,
                head: report.head.hash.to_string(),
            }),
        )
    };
    if let Some(trace) = trace {
        let chain = ChainId::Trace(trace);
        return match store.head(chain).map_err(|error| unreadable(&error))? {
            Some(_) => Ok(vec![of_chain(chain)]),
            None => Err(no_trace(trace)),
        };
    }
    let mut chains = Vec::new();
    let mut after = None;
    loop {
        let page = store
            .chains(after, MOST_ROWS)
            .map_err(|error| unreadable(&error))?;
        let Some(last) = page.last() else { break };
        after = Some(last.chain);
        chains.extend(page.iter().map(|summary| of_chain(summary.chain)));
    }
    chains.push(verified(
        "ledger".to_owned(),
        store.verify_all().map(|report| ChainSummary {
            entries: report.entries,
            erased: report.erased_bodies,
            head: report.root.to_string(),
        }),
    ));
    Ok(chains)
}

fn verified(id: String, result: Result<ChainSummary, ReadError>) -> VerifiedChain {
    match result {
        Ok(checked) => VerifiedChain {
            id,
            holds: true,
            checked: Some(checked),
            broken: None,
        },
        Err(broken) => VerifiedChain {
            id,
            holds: false,
            checked: None,
            broken: Some(broken.to_string()),
        },
    }
}

pub(crate) fn no_trace(trace: TraceId) -> Refusal {
    Refusal::new(
        RefusalCode::NotFound,
        &format!("there is no trace {trace}; `auditotter trace list` shows which there are"),
    )
}
