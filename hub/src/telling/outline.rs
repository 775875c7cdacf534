//! What a trace has, without what it says: where the gaps are, which files it touched, for which work items, and where each turn begins.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};

use serde_json::Value;
use trace_store::{BodyState, ChainId, Entry, ReadError, Store};
use vocabulary::TraceId;

use crate::companion::TurnRow;

/// How many entries are read at a time.
const PAGE: usize = 1_024;

/// How many calls are remembered, whose other entries may still come.
const MOST_GOING: usize = 512;

/// How many entries of one call are put under what it touched.
const MOST_OF_A_CALL: usize = 64;

/// How many files and work items of one call are remembered, under which its later entries are put as well.
const MOST_NAMES_OF_A_CALL: usize = 256;

/// How long a name may be that is listed, in bytes.
const MOST_NAME_BYTES: usize = 1_024;

/// How many places one outline lists. Beyond it counts, and lists no more.
const MOST_PLACES: usize = 200_000;

/// How many files, work items and turns it lists.
const MOST_NAMES: usize = 2_000;

/// What was touched, and by which entries: those of whole calls.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Touched {
    /// How often.
    pub times: u64,
    /// Where in the trace.
    pub places: BTreeSet<u64>,
}

/// The outline of a trace.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Outline {
    /// How many entries it is of.
    pub entries: u64,
    /// How many gaps there are in what was captured.
    pub gaps: u64,
    /// Where they are.
    pub gap_places: BTreeSet<u64>,
    /// Files that were changed, by the path that the client gave.
    pub files: BTreeMap<String, Touched>,
    /// Work items for which something was done.
    pub work_items: BTreeMap<String, Touched>,
    /// Whether it says that it is not a record but was imported.
    pub imported: bool,
    /// Whether there is more than an outline lists.
    pub more: bool,
    /// Where each turn begins.
    pub turns: Vec<TurnRow>,
    places: usize,
    going: HashMap<String, Going>,
    /// The call that a request was about: our own server's answers name the request only.
    requests: HashMap<String, String>,
    order: VecDeque<(String, Option<String>)>,
    /// How often something was put under a name: what taking all of it in cost.
    #[cfg(test)]
    touches: usize,
}

/// A call whose other entries may still come.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
struct Going {
    entries: Vec<u64>,
    files: BTreeSet<String>,
    work_items: BTreeSet<String>,
}

impl Outline {
    /// Takes in what was recorded since.
    ///
    /// # Errors
    /// [`ReadError`] where that cannot be read or does not verify.
    pub(crate) fn go_on(&mut self, store: &Store, trace: TraceId) -> Result<(), ReadError> {
        let chain = ChainId::Trace(trace);
        loop {
            let page = store.entries(chain, self.entries, PAGE)?;
            for entry in &page {
                let body = if says_more(entry) {
                    store
                        .entry(chain, entry.seq)?
                        .and_then(|stored| match stored.body {
                            BodyState::Present(bytes) => serde_json::from_slice(&bytes).ok(),
                            BodyState::Erased | BodyState::None => None,
                        })
                } else {
                    None
                };
                self.take(entry, body.as_ref());
            }
            if page.len() < PAGE {
                return Ok(());
            }
        }
    }

    /// Takes the next entry in; with its body, where [`says_more`].
    fn take(&mut self, entry: &Entry, body: Option<&Value>) {
        let kind = entry.kind.as_str();
        let seq = entry.seq;
        self.entries = seq + 1;
        let said = |name: &str| body.and_then(|body| body.get(name)?.as_str());
        match kind {
            "capture.gap" => {
                self.gaps += 1;
                if self.room(1) {
                    self.gap_places.insert(seq);
                }
            }
            "session.imported" => self.imported = true,
            "prompt" if self.turns.len() < MOST_NAMES => self.turns.push(TurnRow {
                seq,
                at: entry.at,
                says: super::Text::line(said("text").unwrap_or_default(), 120).plain(),
            }),
            _ => {}
        }
        let (call, request) = (entry.refs.get("call"), entry.refs.get("request"));
        let id = call.or_else(|| request.map(|id| self.requests.get(id).map_or(id, String::as_str)));
        let id = id.map(str::to_owned);
        let mut files: Vec<&str> = match kind {
            "file.edited" | "file.changed" => ["path", "moved_to"].into_iter().filter_map(said).collect(),
            _ => Vec::new(),
        };
        files.dedup();
        let work_item = entry.refs.get("work_item");
        // Taken out rather than copied: a call may have as many entries as somebody likes.
        let known = id.as_ref().and_then(|id| self.going.remove(id));
        let mut going = known.unwrap_or_default();
        let linked = going.entries.len() < MOST_OF_A_CALL;
        if linked {
            going.entries.push(seq);
        }
        self.put(seq, &files, &mut going.files, &going.entries, |outline| {
            &mut outline.files
        });
        self.put(
            seq,
            work_item.as_slice(),
            &mut going.work_items,
            &going.entries,
            |outline| &mut outline.work_items,
        );
        let named = !going.files.is_empty() || !going.work_items.is_empty();
        self.more |= named && !linked;
        if let Some(id) = id {
            self.remember(id, request, going);
        }
    }

    fn remember(&mut self, id: String, request: Option<&str>, going: Going) {
        if let Some(request) = request.filter(|request| *request != id) {
            self.requests.insert(request.to_owned(), id.clone());
        }
        self.order.push_back((id.clone(), request.map(str::to_owned)));
        self.going.insert(id, going);
        while self.order.len() > MOST_GOING {
            if let Some((oldest, request)) = self.order.pop_front() {
                // What was spoken of since stands further back as well.
                if !self.order.iter().rev().any(|(id, _)| *id == oldest) {
                    self.going.remove(&oldest);
                }
                if let Some(request) = request {
                    self.requests.remove(&request);
                }
            }
        }
    }

    /// Puts an entry under the names that it says itself, and under those that its call had before.
    fn put(
        &mut self,
        seq: u64,
        says: &[&str],
        before: &mut BTreeSet<String>,
        entries: &[u64],
        of: impl Fn(&mut Self) -> &mut BTreeMap<String, Touched>,
    ) {
        // The entries of the call that are kept are put under all of its names, so that this ends.
        if entries.last() == Some(&seq) {
            for name in before.iter().filter(|name| !says.contains(&name.as_str())) {
                self.touch(name, false, &[seq], &of);
            }
        }
        for name in says {
            if name.len() > MOST_NAME_BYTES {
                self.more = true;
            } else if before.contains(*name) {
                self.touch(name, true, &[seq], &of);
            } else if before.len() < MOST_NAMES_OF_A_CALL {
                before.insert((*name).to_owned());
                self.touch(name, true, entries, &of);
                if entries.last() != Some(&seq) {
                    self.touch(name, false, &[seq], &of);
                }
            } else {
                self.more = true;
                self.touch(name, true, &[seq], &of);
            }
        }
    }

    fn touch(
        &mut self,
        name: &str,
        says: bool,
        places: &[u64],
        of: impl Fn(&mut Self) -> &mut BTreeMap<String, Touched>,
    ) {
        #[cfg(test)]
        {
            self.touches += 1;
        }
        if !of(self).contains_key(name) {
            if of(self).len() >= MOST_NAMES {
                self.more = true;
                return;
            }
            of(self).insert(name.to_owned(), Touched::default());
        }
        let room = self.room(places.len());
        if let Some(touched) = of(self).get_mut(name) {
            touched.times += u64::from(says);
            if room {
                touched.places.extend(places);
            }
        }
    }

    fn room(&mut self, places: usize) -> bool {
        let room = self.places + places <= MOST_PLACES;
        if room {
            self.places += places;
        } else {
            self.more = true;
        }
        room
    }

    /// What it weighs, in places.
    pub(super) fn weight(&self) -> usize {
        self.places + self.files.len() + self.turns.len()
    }

    /// The entries of a file: of this path, or of those that end in it.
    #[must_use]
    pub fn of_file(&self, path: &str) -> BTreeSet<u64> {
        if let Some(touched) = self.files.get(path) {
            return touched.places.clone();
        }
        let ending = format!("/{}", path.trim_start_matches("./").trim_start_matches('/'));
        let ends = self.files.iter().filter(|(known, _)| known.ends_with(&ending));
        ends.flat_map(|(_, touched)| touched.places.iter().copied())
            .collect()
    }

    /// The entries of a work item.
    #[must_use]
    pub fn of_work_item(&self, id: &str) -> BTreeSet<u64> {
        self.work_items
            .get(id)
            .map(|touched| touched.places.clone())
            .unwrap_or_default()
    }

    /// Where the turn begins in which this entry stands; nothing, where that is the entry itself.
    pub(crate) fn turn_before(&self, seq: u64) -> Option<&TurnRow> {
        let after = self.turns.partition_point(|turn| turn.seq <= seq);
        let turn = self.turns.get(after.checked_sub(1)?)?;
        (turn.seq < seq).then_some(turn)
    }
}

/// Whether an entry's body has to be read for the outline.
fn says_more(entry: &Entry) -> bool {
    matches!(entry.kind.as_str(), "file.edited" | "file.changed" | "prompt")
}

#[cfg(test)]
mod tests;
