//! What was recorded, for people to look at: lists, entries, and whether the chains hold.

use std::collections::{BTreeMap, VecDeque};

use protocol::{Refusal, RefusalCode, Via, frame};
use serde_json::Value;
use trace_store::{BodyState, ChainId, ReadError, Store, Stored};
use vocabulary::{MemberId, TraceId};

use super::answer::{ChainSummary, EntryRow, TraceRow, VerifiedChain};
use crate::{dispatch::unreadable, kind::EntryKind, summary::summarize, workspace::Workspace};

/// The most rows of one answer.
const MOST_ROWS: usize = 1_000;

/// The most entries of one answer.
const MOST_ENTRIES: usize = 64;

/// How much text of a body goes into a row; the whole is in an export.
const MOST_BODY_BYTES: usize = 256 * 1024;

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
        BodyState::Present(bytes) => {
            let shown = &bytes[..bytes.len().min(MOST_BODY_BYTES)];
            let text = || Value::String(String::from_utf8_lossy(shown).into_owned());
            Some(serde_json::from_slice(shown).unwrap_or_else(|_| text()))
        }
        BodyState::Erased | BodyState::None => None,
    };
    EntryRow {
        seq: entry.seq,
        index: stored.index,
        at: entry.at,
        kind: entry.kind.to_string(),
        on_behalf_of: entry.on_behalf_of.map(|member| names.of(member)),
        via: entry.via.as_ref().map(as_via),
        summary: summarize(entry.kind.as_str(), &stored.body),
        body,
        erased: matches!(stored.body, BodyState::Erased),
        hash: stored.hash.to_string(),
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
    let mut size = 0;
    let mut rows = Vec::new();
    for seq in (from..).take(limit.min(MOST_ENTRIES)) {
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
