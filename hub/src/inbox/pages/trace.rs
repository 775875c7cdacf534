//! `/t/tr_…`: an AgentTrace, a window of it at a time.

use std::fmt::Write as _;

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use protocol::{Refusal, RefusalCode};
use serde::Deserialize;
use vocabulary::{Timestamp, TraceId, misleads};

use super::{Failure, Moment, html};
use crate::{
    companion::{
        EntryRow, TraceRow,
        traces::{self, Names},
    },
    dispatch::unreadable,
    inbox::{Inbox, door::Visitor},
};

/// How many entries a page shows.
const ENTRIES: u64 = 60;

/// How much of a body is shown, in characters; the whole is in an export.
const BODY_CHARS: usize = 6_000;

#[derive(Debug, Template)]
#[template(path = "trace.html")]
struct Page {
    who: String,
    timeline: Timeline,
}

/// Entries of a trace, each read back from the ledger and verified on the way.
#[derive(Debug)]
pub(super) struct Timeline {
    pub(super) trace: TraceId,
    pub(super) on_behalf_of: String,
    pub(super) via: String,
    pub(super) entries: u64,
    pub(super) head: String,
    pub(super) began: Moment,
    pub(super) rows: Vec<Row>,
    pub(super) first: u64,
    pub(super) earlier: Option<u64>,
    pub(super) later: Option<u64>,
}

#[derive(Debug)]
pub(super) struct Row {
    pub(super) seq: u64,
    pub(super) index: u64,
    pub(super) at: Moment,
    pub(super) kind: String,
    /// Whether it tells of something that was not allowed.
    pub(super) alarming: bool,
    pub(super) summary: String,
    pub(super) body: Option<String>,
    pub(super) erased: bool,
    pub(super) hash: String,
}

/// From which entry on.
#[derive(Debug, Deserialize)]
pub(in crate::inbox) struct From {
    from: Option<u64>,
}

pub(in crate::inbox) async fn trace(
    State(inbox): State<Inbox>,
    Path(id): Path<String>,
    Query(from): Query<From>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    let unknown = |_| Failure::Refused(Refusal::new(RefusalCode::NotFound, &"that is no trace's name"));
    let trace = id.parse().map_err(unknown)?;
    let timeline = timeline(&inbox, trace, Some(from.from.unwrap_or(0)), ENTRIES).await?;
    html(&Page {
        who: visitor.name,
        timeline,
    })
}

/// A window of a trace; its end, where nothing says from where.
pub(super) async fn timeline(
    inbox: &Inbox,
    trace: TraceId,
    from: Option<u64>,
    many: u64,
) -> Result<Timeline, Failure> {
    let (names, now) = inbox
        .run(|workspace, draft| (Names::known(workspace), draft.now()))
        .await?;
    let ledger = inbox.ledger.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let store = ledger.store();
        let row = traces::row(store, trace, &names)
            .map_err(|error| unreadable(&error))?
            .ok_or_else(|| traces::no_trace(trace))?;
        let first = from.unwrap_or_else(|| row.entries.saturating_sub(many));
        let limit = usize::try_from(many).unwrap_or(usize::MAX);
        let rows = traces::entries(store, trace, first, limit, &names).map_err(|error| unreadable(&error))?;
        Ok::<_, Refusal>(windowed(row, rows, first, many, now))
    });
    Ok(reading.await.map_err(|error| unreadable(&error))??)
}

fn windowed(trace: TraceRow, rows: Vec<EntryRow>, first: u64, many: u64, now: Timestamp) -> Timeline {
    let next = rows.last().map_or(first, |row| row.seq + 1);
    Timeline {
        trace: trace.id,
        via: trace.via.map(|via| via.agent).unwrap_or_default(),
        on_behalf_of: trace.on_behalf_of,
        entries: trace.entries,
        head: trace.head,
        began: Moment::new(trace.began_at, now),
        rows: rows.into_iter().map(|row| shown(row, now)).collect(),
        first,
        earlier: (first > 0).then(|| first.saturating_sub(many)),
        later: (next < trace.entries).then_some(next),
    }
}

fn shown(row: EntryRow, now: Timestamp) -> Row {
    let body = row.body.map(|body| {
        let text = legible(&serde_json::to_string_pretty(&body).unwrap_or_default());
        match text.char_indices().nth(BODY_CHARS) {
            None => text,
            Some((cut, _)) => format!(
                "{}\n… {} more bytes; the whole is in an export",
                &text[..cut],
                text.len() - cut
            ),
        }
    });
    let alarming = [
        "tool.denied",
        "protocol.error",
        "access.denied",
        "decision.refused",
    ];
    Row {
        seq: row.seq,
        index: row.index,
        at: Moment::new(row.at, now),
        alarming: alarming.contains(&row.kind.as_str()),
        kind: row.kind,
        summary: row.summary,
        body,
        erased: row.erased,
        hash: row.hash,
    }
}

/// JSON in which every character is seen: what misleads stands there as an escape, which reads back as itself.
fn legible(json: &str) -> String {
    let mut text = String::with_capacity(json.len());
    for c in json.chars() {
        if c != '\n' && misleads(c) {
            let mut units = [0; 2];
            for unit in c.encode_utf16(&mut units) {
                let _ = write!(text, "\\u{unit:04x}");
            }
        } else {
            text.push(c);
        }
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_turns_the_reading_direction_is_seen_and_reads_back() {
        let said = serde_json::json!({ "a\u{202e}b": "c\u{e0041}d\n\u{1b}é" });
        let text = legible(&serde_json::to_string_pretty(&said).unwrap());
        assert!(
            text.contains(r"a\u202eb") && text.contains(r"c\udb40\udc41d\n\u001bé"),
            "{text}"
        );
        assert_eq!(serde_json::from_str::<serde_json::Value>(&text).unwrap(), said);
    }
}
