//! `/t/tr_…`: an AgentTrace as it is told, a window of it at a time, and ways to what somebody looks for in it.

use std::{collections::BTreeMap, sync::Arc};

use askama::Template;
use axum::{
    extract::{Path, Query, State},
    response::Response,
};
use protocol::{Refusal, RefusalCode};
use serde::Deserialize;
use trace_store::{ReadError, Store};
use vocabulary::{Timestamp, TraceId, WorkItemId, shown};

use super::{Failure, Moment, html};
use crate::{
    companion::{
        Of, TraceRow,
        traces::{self, Names},
    },
    dispatch::unreadable,
    inbox::{Inbox, door::Visitor},
    telling::{self, Outline, Touched, Turn},
    workspace::Workspace,
};

/// How many entries a page shows.
const ENTRIES: u64 = 100;

/// How many files, work items and prompts a page leads to.
const JUMPS: usize = 60;

/// How many moments.
const TICKS: u32 = 8;

#[derive(Debug, Template)]
#[template(path = "trace.html")]
struct Page {
    who: String,
    timeline: Timeline,
    jumps: Jumps,
}

/// A part of a trace, each entry read back from the ledger and verified on the way.
#[derive(Debug)]
pub(super) struct Timeline {
    pub(super) trace: TraceId,
    pub(super) on_behalf_of: String,
    pub(super) via: String,
    pub(super) entries: u64,
    pub(super) head: String,
    pub(super) began: Moment,
    pub(super) last: Moment,
    /// How many gaps there are in what was captured.
    pub(super) gaps: u64,
    /// Where the first of them are.
    pub(super) first_gaps: Vec<u64>,
    pub(super) imported: bool,
    pub(super) turns: Vec<Turn>,
    pub(super) first: u64,
    pub(super) earlier: Option<u64>,
    pub(super) later: Option<u64>,
    /// Of what only is shown, in words, and as the page's address has it.
    pub(super) only: Option<Only>,
    /// Which entry somebody wants to see.
    pub(super) see: Option<u64>,
}

impl Timeline {
    /// Whether a step is to stand open: it is what somebody wants to see.
    pub(super) fn opens(&self, step: &telling::Step) -> bool {
        step.entries.iter().any(|entry| Some(entry.seq) == self.see)
    }

    pub(super) fn is_empty(&self) -> bool {
        self.turns.is_empty()
    }
}

#[derive(Debug)]
pub(super) struct Only {
    what: &'static str,
    name: String,
    entries: usize,
    key: &'static str,
    value: String,
}

/// Where a page leads to.
#[derive(Debug)]
struct Jumps {
    turns: Vec<Jump>,
    more_turns: usize,
    files: Vec<Jump>,
    more_files: usize,
    work_items: Vec<Jump>,
    ticks: Vec<Jump>,
}

#[derive(Debug)]
struct Jump {
    value: String,
    name: String,
    note: String,
    is_here: bool,
}

/// What somebody looks for.
#[derive(Debug, Default, Deserialize)]
pub(in crate::inbox) struct Looking {
    from: Option<u64>,
    see: Option<u64>,
    at: Option<String>,
    file: Option<String>,
    item: Option<WorkItemId>,
    gaps: Option<u8>,
}

impl Looking {
    fn of(&self) -> Option<Of> {
        let file = self.file.clone().map(Of::File);
        let item = || self.item.map(Of::WorkItem);
        file.or_else(item).or_else(|| self.gaps.map(|_| Of::Gaps))
    }
}

pub(in crate::inbox) async fn trace(
    State(inbox): State<Inbox>,
    Path(id): Path<String>,
    Query(looking): Query<Looking>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    let unknown = |_| Failure::Refused(Refusal::new(RefusalCode::NotFound, &"that is no trace's name"));
    let trace = id.parse().map_err(unknown)?;
    let (timeline, outline) = read(&inbox, trace, looking, ENTRIES, false).await?;
    let named = Arc::clone(&outline);
    let titles = inbox.run(move |workspace, _| titles(workspace, &named)).await?;
    let jumps = Jumps::of(&outline, &titles, &timeline);
    html(&Page {
        who: visitor.name,
        timeline,
        jumps,
    })
}

/// The end of a trace.
pub(super) async fn timeline(inbox: &Inbox, trace: TraceId, many: u64) -> Result<Timeline, Failure> {
    let (timeline, _) = read(inbox, trace, Looking::default(), many, true).await?;
    Ok(timeline)
}

async fn read(
    inbox: &Inbox,
    trace: TraceId,
    looking: Looking,
    many: u64,
    end: bool,
) -> Result<(Timeline, Arc<Outline>), Failure> {
    let (names, now, outlines) = inbox
        .run(|workspace, draft| (Names::known(workspace), draft.now(), workspace.outlines.clone()))
        .await?;
    let ledger = inbox.ledger.clone();
    let reading = tokio::task::spawn_blocking(move || {
        let store = ledger.store();
        let failed = |error: ReadError| unreadable(&error);
        let row = traces::row(store, trace, &names)
            .map_err(failed)?
            .ok_or_else(|| traces::no_trace(trace))?;
        let outline = outlines.of(store, trace).map_err(failed)?;
        let window = Window::of(store, &row, &looking, many, end)?;
        let only = looking.of();
        let places = only.as_ref().map(|of| traces::places(&outline, of));
        let limit = usize::try_from(many).unwrap_or(usize::MAX);
        let rows = match &places {
            Some(places) => {
                let wanted = places.range(window.first..).copied().take(limit);
                traces::picked(store, trace, wanted, &names)
            }
            None => traces::picked(store, trace, (window.first..).take(limit), &names),
        };
        let rows = rows.map_err(failed)?;
        let first = rows.first().map_or(window.first, |row| row.seq);
        let prompt = outline.turn_before(first).filter(|_| places.is_none());
        let prompt = prompt.map(|turn| traces::picked(store, trace, std::iter::once(turn.seq), &names));
        let prompt = prompt
            .transpose()
            .map_err(failed)?
            .and_then(|mut rows| rows.pop());
        let only = only
            .zip(places.as_ref())
            .map(|(of, places)| Only::of(&of, places.len()));
        let next = rows.last().map_or(first, |row| row.seq + 1);
        let later = match &places {
            Some(places) => places.range(next..).next().copied(),
            None => (next < row.entries).then_some(next),
        };
        let earlier = match &places {
            Some(places) => {
                let before: Vec<u64> = places.range(..first).rev().take(limit).copied().collect();
                before.last().copied()
            }
            None => (first > 0).then(|| first.saturating_sub(many)),
        };
        let rows = if places.is_some() {
            rows
        } else {
            let (mut all, after) = traces::missing(store, trace, &rows, &names).map_err(failed)?;
            all.extend(rows);
            all.extend(after);
            all
        };
        let turns = telling::tell(&rows, prompt.as_ref());
        let timeline = shown_as(row, &outline, now, turns);
        Ok::<_, Refusal>((
            Timeline {
                first,
                earlier,
                later,
                only,
                see: window.see,
                ..timeline
            },
            outline,
        ))
    });
    Ok(reading.await.map_err(|error| unreadable(&error))??)
}

fn shown_as(row: TraceRow, outline: &Outline, now: Timestamp, turns: Vec<Turn>) -> Timeline {
    Timeline {
        trace: row.id,
        via: row.via.map(|via| via.agent).unwrap_or_default(),
        on_behalf_of: row.on_behalf_of,
        entries: row.entries,
        head: row.head,
        began: Moment::new(row.began_at, now),
        last: Moment::new(row.last_at, now),
        gaps: outline.gaps,
        first_gaps: outline.gap_places.iter().take(5).copied().collect(),
        imported: outline.imported,
        turns,
        first: 0,
        earlier: None,
        later: None,
        only: None,
        see: None,
    }
}

/// Where a page begins.
struct Window {
    first: u64,
    see: Option<u64>,
}

impl Window {
    fn of(store: &Store, row: &TraceRow, looking: &Looking, many: u64, end: bool) -> Result<Self, Refusal> {
        if end {
            let first = row.entries.saturating_sub(many);
            return Ok(Self { first, see: None });
        }
        let at = match &looking.at {
            Some(text) => {
                let at = telling::moment(text, row.began_at)
                    .map_err(|error| Refusal::new(RefusalCode::MalformedArguments, &error))?;
                let found = traces::since(store, row.id, at).map_err(|error| unreadable(&error))?;
                Some(found.min(row.entries.saturating_sub(1)))
            }
            None => None,
        };
        // Pages begin at the same entries from wherever somebody comes: what belongs together stays so.
        let see = looking.see.or(at);
        let page = |seq: u64| seq / many * many;
        let first = looking.from.or_else(|| see.map(page)).unwrap_or(0);
        Ok(Self { first, see })
    }
}

impl Only {
    fn of(of: &Of, entries: usize) -> Self {
        let (what, key, value) = match of {
            Of::File(path) => ("What was done to", "file", path.clone()),
            Of::WorkItem(id) => ("What was done for", "item", id.to_string()),
            Of::Gaps => ("Gaps in what was captured", "gaps", "1".to_owned()),
        };
        let name = match of {
            Of::Gaps => String::new(),
            Of::File(_) | Of::WorkItem(_) => shown(&value, 300),
        };
        Self {
            what,
            name,
            entries,
            key,
            value,
        }
    }
}

/// What each work item of a session is about, and where it stands.
fn titles(workspace: &Workspace, outline: &Outline) -> BTreeMap<String, (String, String)> {
    let known = outline.work_items.keys().take(JUMPS).filter_map(|id| {
        let item = workspace.work_items.get(id.parse().ok()?)?;
        Some((
            id.clone(),
            (item.proposed.proposal.title().to_string(), item.state.to_string()),
        ))
    });
    known.collect()
}

impl Jumps {
    fn of(outline: &Outline, titles: &BTreeMap<String, (String, String)>, timeline: &Timeline) -> Self {
        let is = |key: &str, value: &str| {
            let only = timeline.only.as_ref();
            only.is_some_and(|only| only.key == key && only.value == value)
        };
        let mut files: Vec<(&String, &Touched)> = outline.files.iter().collect();
        files.sort_by_key(|(_, touched)| std::cmp::Reverse(touched.times));
        let files = files.into_iter().take(JUMPS).map(|(path, touched)| Jump {
            is_here: is("file", path),
            value: path.clone(),
            name: shown(path, 300),
            note: touched.times.to_string(),
        });
        let work_items = outline.work_items.keys().take(JUMPS).map(|id| {
            let (name, note) = titles
                .get(id)
                .cloned()
                .unwrap_or_else(|| (shown(id, 64), String::new()));
            Jump {
                is_here: is("item", id),
                value: id.clone(),
                name: shown(&name, 120),
                note,
            }
        });
        // Around what is shown, where there are many.
        let here = outline.turns.partition_point(|turn| turn.seq < timeline.first);
        let skipped = here
            .saturating_sub(JUMPS / 2)
            .min(outline.turns.len().saturating_sub(JUMPS));
        let turns = outline.turns.iter().skip(skipped).take(JUMPS).map(|turn| Jump {
            value: turn.seq.to_string(),
            name: turn.says.clone(),
            note: telling::clock(turn.at),
            is_here: false,
        });
        let turns: Vec<Jump> = turns.collect();
        Self {
            more_turns: outline.turns.len() - turns.len(),
            turns,
            files: files.collect(),
            more_files: outline.files.len().saturating_sub(JUMPS),
            work_items: work_items.collect(),
            ticks: ticks(timeline),
        }
    }
}

/// Moments of a session, evenly apart; none of one that was over at once.
fn ticks(timeline: &Timeline) -> Vec<Jump> {
    let (began, last) = (timeline.began.at, timeline.last.at);
    let step = last.since(began) / f64::from(TICKS);
    if timeline.entries <= ENTRIES || step < time::Duration::SECOND {
        return Vec::new();
    }
    let tick = |number: u32| {
        let at = began.saturating_add(step * f64::from(number));
        Jump {
            value: at.to_string(),
            name: telling::clock(at),
            note: String::new(),
            is_here: false,
        }
    };
    (0..TICKS).map(tick).collect()
}
