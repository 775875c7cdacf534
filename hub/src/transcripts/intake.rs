//! What is written of a transcript's lines: what nothing else told, cleared of secrets, in batches that end with how far it was read.

use std::collections::HashSet;

use capture::transcript::{Item, Line, Said, What};
use serde::Serialize;
use serde_json::Value;
use time::{OffsetDateTime, format_description::well_known::Rfc3339};
use trace_store::Refs;
use vocabulary::Timestamp;

use super::{
    SOURCE,
    folders::Folders,
    past::{Past, Telling},
    reading::Reading,
};
use crate::{
    events::{self, Cleared},
    gating::Neighbourhood,
    kind::EntryKind,
    record::RecordError,
    records::{CaptureGap, Missed, TranscriptRead},
};

/// How much of a file is taken in before it is asked whether that should be written: even of the shortest lines no more than a batch
/// has room for.
pub(crate) const CHUNK: usize = 64 * 1024;

/// How many entries one batch has, and how many bytes their bodies; about.
const MOST_ENTRIES: usize = 256;
const MOST_BYTES: usize = 4 * 1024 * 1024;

/// How many entries one line of a client's comes to: what is longer is no word of a client's. A batch is read as a whole, whichever
/// of its entries is asked for.
const MOST_OF_A_LINE: usize = 1_000;

/// How much is kept of one text, in bytes; as hooks have it.
const MOST_TEXT_BYTES: usize = 256 * 1024;

/// The longest body that is written, well within what an entry may have; what is longer is no word of a client's.
const MOST_BODY_BYTES: usize = 8 * 1024 * 1024;

/// How many turns a gap names.
const MOST_TURNS: usize = 64;

/// An entry, ready to be written.
#[derive(Debug)]
pub(crate) struct Prepared {
    pub(crate) kind: EntryKind,
    pub(crate) refs: Refs,
    pub(crate) body: Value,
}

/// For what a transcript is read.
#[derive(Debug)]
pub(crate) enum Purpose<'a> {
    /// For what hooks did not tell.
    Rest,
    /// For all of it, which was said in these folders.
    Import(&'a mut Folders),
}

/// Takes in a transcript's lines.
#[derive(Debug)]
pub(crate) struct Intake<'a> {
    past: &'a mut Past,
    around: &'a Neighbourhood,
    cwd: Option<&'a str>,
    purpose: Purpose<'a>,
    /// What was said before anything was heard, while that lasts.
    before: Option<Missed>,
    /// What was written before the file was written anew.
    told: Option<HashSet<Telling>>,
    uncovered: Missed,
    /// How much was left out of calls that nobody could follow any more.
    unfollowed: u64,
    /// Whether any line was recognized.
    recognized: bool,
    unknown: u64,
    foreign: u64,
    entries: Vec<Prepared>,
    size: usize,
    /// How many entries there were when the line began that is taken in.
    line_began: usize,
    /// How many of its entries were left out.
    left_out: u64,
}

impl<'a> Intake<'a> {
    pub(crate) fn new(
        past: &'a mut Past,
        around: &'a Neighbourhood,
        cwd: Option<&'a str>,
        purpose: Purpose<'a>,
    ) -> Self {
        Self {
            past,
            around,
            cwd,
            purpose,
            before: None,
            told: None,
            uncovered: Missed::default(),
            unfollowed: 0,
            recognized: false,
            unknown: 0,
            foreign: 0,
            entries: Vec::new(),
            size: 0,
            line_began: 0,
            left_out: 0,
        }
    }

    /// Goes on where another one paused: with what was said before anything was heard, where nothing of the file had been read, and
    /// with what stands in the trace already, where the file was written anew.
    pub(crate) fn resume(&mut self, before: Option<Missed>, told: Option<HashSet<Telling>>) {
        (self.before, self.told) = (before, told);
    }

    /// What the next one goes on with.
    pub(crate) fn pause(self) -> (Option<Missed>, Option<HashSet<Telling>>) {
        (self.before, self.told)
    }

    /// Notes that something should have been recorded and was not.
    pub(crate) fn gap(&mut self, gap: &CaptureGap) -> Result<(), RecordError> {
        self.put(EntryKind::CaptureGap, Refs::new(), gap)
    }

    /// Takes in a line.
    pub(crate) fn take(&mut self, line: Line) -> Result<(), RecordError> {
        // What is imported was said where its own lines say; what is told now, where the hook does.
        if let (Purpose::Import(folders), Some(folder)) = (&mut self.purpose, line.folder) {
            folders.go_on_in(folder, self.around);
        }
        match line.said {
            Said::Unknown => self.unknown += 1,
            Said::Foreign => self.foreign += 1,
            Said::Items(items) => {
                self.recognized = true;
                (self.line_began, self.left_out) = (self.entries.len(), 0);
                for item in items {
                    self.take_item(item)?;
                }
                if self.left_out > 0 {
                    let (end, entries) = (line.end, self.left_out);
                    self.gap(&CaptureGap::LineCut { end, entries })?;
                }
            }
        }
        Ok(())
    }

    /// Whether what was taken in should be written.
    pub(crate) const fn is_full(&self) -> bool {
        self.entries.len() >= MOST_ENTRIES || self.size >= MOST_BYTES
    }

    /// What is to be written now, ending with how far it was read; nothing, where no line was one of a transcript's and
    /// nothing had been read of it.
    pub(crate) fn close(
        &mut self,
        path: &str,
        reading: &Reading,
        is_last: bool,
    ) -> Result<Vec<Prepared>, RecordError> {
        if !self.recognized && self.entries.is_empty() {
            return Ok(Vec::new());
        }
        if !self.recognized {
            // What a file says that took the place of a transcript and is none: nothing, so not how long it is either.
            let nothing = TranscriptRead {
                path: path.to_owned(),
                bytes: 0,
                digest: blake3::hash(b"").to_hex().to_string(),
                unknown: 0,
                foreign: 0,
            };
            self.put(
                EntryKind::TranscriptRead,
                Refs::new().with("source", SOURCE)?,
                &nothing,
            )?;
            return Ok(std::mem::take(&mut self.entries));
        }
        // What comes later may still be from before: it is said once.
        let before = if is_last { self.before.take() } else { None };
        if let Some(before) = before.filter(is_something) {
            self.gap(&CaptureGap::BeganBefore(before))?;
        }
        let uncovered = std::mem::take(&mut self.uncovered);
        if is_something(&uncovered) {
            self.gap(&CaptureGap::Uncovered(uncovered))?;
        }
        if let entries @ 1.. = std::mem::take(&mut self.unfollowed) {
            self.gap(&CaptureGap::TooManyCalls { entries })?;
        }
        let read = TranscriptRead {
            path: path.to_owned(),
            bytes: reading.bytes(),
            digest: reading.digest(),
            unknown: std::mem::take(&mut self.unknown),
            foreign: std::mem::take(&mut self.foreign),
        };
        let source = Refs::new().with("source", SOURCE)?;
        self.put(EntryKind::TranscriptRead, source, &read)?;
        self.size = 0;
        Ok(std::mem::take(&mut self.entries))
    }

    fn take_item(&mut self, item: Item) -> Result<(), RecordError> {
        let claimed_at = item.claimed_at.as_deref().and_then(moment);
        if matches!(self.purpose, Purpose::Rest) {
            if let Some(before) = &mut self.before {
                if !covers(self.past, &item) {
                    note(before, &item, claimed_at);
                    return Ok(());
                }
                let before = self.before.take().filter(is_something);
                if let Some(missed) = before {
                    self.gap(&CaptureGap::BeganBefore(missed))?;
                }
            }
            // Whether it stands in the trace already, nobody could say.
            if item
                .call()
                .is_some_and(|call| !self.past.calls.has_room_for(call))
            {
                self.unfollowed += item.records.len() as u64;
                return Ok(());
            }
            let known = self.past.calls.of(item.call().unwrap_or_default());
            let done = item.what == What::Ended { ran: true };
            let missed_turn = item.turn().is_some_and(|turn| !self.past.knows_turn(turn));
            let missed = match item.what {
                What::Answer | What::Called => missed_turn,
                What::Ended { .. } => done && !known.announced && !known.ended,
                What::Prompt | What::TurnEnded => false,
            };
            let told = match item.what {
                What::Prompt => !missed_turn,
                What::Called => known.called,
                What::Ended { .. } => known.ended,
                What::Answer => false,
                What::TurnEnded => true,
            };
            let again = self.is_told_again(&item, claimed_at);
            if missed && !again {
                note(&mut self.uncovered, &item, claimed_at);
            }
            if told || again {
                return Ok(());
            }
        }
        // Of what is left out of a line nothing is remembered either: one may name as many calls as it has room for.
        if self.has_room_in_line()
            && let Some(fate) = item.call().and_then(|call| self.past.calls.of_mut(call))
        {
            fate.called |= item.what == What::Called;
            fate.ended |= matches!(item.what, What::Ended { .. });
        }
        for record in item.records {
            let Some(kind) = events::kind_of(&record.body) else {
                continue;
            };
            if !self.has_room_in_line() {
                self.left_out += 1;
                continue;
            }
            let mut refs = events::refs_of(&record, None)?;
            refs.insert("source", SOURCE.to_owned())?;
            for (name, value) in [
                ("item", item.id.clone()),
                ("claimed_at", claimed_at.map(|at| at.to_string())),
            ] {
                if let Some(value) = value {
                    refs.insert(name, value)?;
                }
            }
            let mut cleared = Cleared::of(record, |value| match &self.purpose {
                Purpose::Rest => self.around.clear(value, self.cwd),
                Purpose::Import(folders) => folders.clear(value, self.around),
            })?;
            cut(&mut cleared.body);
            if cleared.body.to_string().len() > MOST_BODY_BYTES {
                self.unknown += 1;
                continue;
            }
            self.put(kind, refs, &cleared.body)?;
        }
        Ok(())
    }

    const fn has_room_in_line(&self) -> bool {
        self.entries.len() - self.line_began < MOST_OF_A_LINE
    }

    /// Whether a part of a file that was written anew stands in the trace already.
    fn is_told_again(&self, item: &Item, claimed_at: Option<Timestamp>) -> bool {
        let telling = (item.id.clone(), claimed_at.map(|at| at.to_string()));
        self.told.as_ref().is_some_and(|told| told.contains(&telling))
    }

    fn put<T: Serialize>(&mut self, kind: EntryKind, refs: Refs, body: &T) -> Result<(), RecordError> {
        let body = serde_json::to_value(body)?;
        self.size += body.to_string().len();
        self.entries.push(Prepared { kind, refs, body });
        Ok(())
    }
}

/// Whether a hook told of what an item is part of.
fn covers(past: &Past, item: &Item) -> bool {
    let announced = item.call().is_some_and(|call| past.calls.of(call).announced);
    announced || item.turn().is_some_and(|turn| past.knows_turn(turn))
}

fn note(missed: &mut Missed, item: &Item, claimed_at: Option<Timestamp>) {
    let turn = item
        .turn()
        .filter(|turn| !missed.turns.iter().any(|known| known == turn));
    if let Some(turn) = turn.filter(|_| missed.turns.len() < MOST_TURNS) {
        missed.turns.push(turn.to_owned());
    }
    match item.what {
        What::Ended { ran: true } => missed.calls += 1,
        What::Answer => missed.answers += 1,
        _ => {}
    }
    missed.first = missed.first.or(claimed_at);
    missed.last = claimed_at.or(missed.last);
}

fn is_something(missed: &Missed) -> bool {
    *missed != Missed::default()
}

/// A moment as clients write it.
pub(crate) fn moment(text: &str) -> Option<Timestamp> {
    let moment = OffsetDateTime::parse(text, &Rfc3339).ok()?;
    Timestamp::from_offset_date_time(moment).ok()
}

/// Keeps the beginnings of long texts. They are cleared by now: half a secret is one as well.
fn cut(value: &mut Value) {
    match value {
        Value::String(text) if text.len() > MOST_TEXT_BYTES => {
            let (whole, end) = (text.len(), text.floor_char_boundary(MOST_TEXT_BYTES));
            text.truncate(end);
            text.push_str(&format!("[{} more bytes were not recorded]", whole - end));
        }
        Value::Array(elements) => elements.iter_mut().for_each(cut),
        Value::Object(members) => members.values_mut().for_each(cut),
        _ => {}
    }
}

#[cfg(test)]
mod tests;
