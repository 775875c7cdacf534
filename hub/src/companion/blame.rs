//! Which recorded edits a file's lines may come from, and what stood behind each: for `auditotter blame`.
//!
//! What is answered is what the ledger has. Whether a commit was made in a trace that its message names is not for the hub to
//! say, which has no repository.

mod answer;
mod before;
mod edited;

use std::{collections::BTreeSet, path::Path};

use serde::{Deserialize, Serialize};
use trace_store::{BodyState, ChainId, ReadError, Store, Stored};
use vocabulary::{RepoPath, Span, TraceId, shown};

use super::traces::{self, Names};
use crate::workspace::Workspace;
pub use answer::{DecisionOfLines, EditOfLines, PromptOfLines, TraceOfLines, WorkOfLines};
use before::Before;
use edited::{Edited, Fit, Places};

/// A file's change that a client's tool made, which is named from where the client works; and one that the working tree showed,
/// which is named from its top folder.
const EDITED: &str = "file.edited";
const CHANGED: &str = "file.changed";

/// Most questions at once.
pub const MOST_QUESTIONS: usize = 64;

/// Most lines of a file that one question asks for.
pub const MOST_LINES: usize = 20_000;

/// Most folders in which a file may lie.
const MOST_FOLDERS: usize = 64;

/// Most entries of a trace that are looked at.
const MOST_ENTRIES: u64 = 200_000;

/// Most edits of a trace whose bodies are read, and most bytes of those.
const MOST_BODIES: usize = 5_000;
const MOST_BODY_BYTES: usize = 64 << 20;

/// Most edits that one question is told of, and about how many bytes all questions together: an answer is one message.
const MOST_EDITS: usize = 500;
const MOST_TOLD_BYTES: usize = 6 << 20;

/// How much of a name is told, in characters.
const NAME_CHARS: usize = 4_096;

/// How many entries are read at once.
const PAGE: usize = 1_000;

/// What is asked of one trace.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AskedLines {
    /// Which.
    pub trace: TraceId,
    /// The file, from the repository's top folder.
    pub path: String,
    /// Where that folder lies on this machine, in each of its worktrees.
    pub folders: Vec<String>,
    /// The lines, as [`line_digest`] names them.
    pub lines: Vec<String>,
}

/// A line's name in a question: 128 bits of its plain BLAKE3, without its end.
#[must_use]
pub fn line_digest(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    hex::encode(&blake3::hash(line).as_bytes()[..16])
}

/// Looks through the traces that are asked about, each once however many questions are about it. The answers are in the questions' order.
pub(super) fn look(
    store: &Store,
    asked: &[AskedLines],
    names: &Names,
) -> Result<Vec<TraceOfLines>, ReadError> {
    let room = MOST_TOLD_BYTES / asked.len().max(1);
    let mut answers = asked
        .iter()
        .map(|asked| Answer::begun(store, asked, names, room))
        .collect::<Result<Vec<_>, _>>()?;
    let known = answers.iter().filter(|answer| answer.found.known.is_some());
    let traces: BTreeSet<TraceId> = known.map(|answer| answer.asked.trace).collect();
    for trace in traces {
        let about = answers.iter_mut().filter(|answer| answer.asked.trace == trace);
        look_through(store, trace, &mut about.collect::<Vec<_>>())?;
    }
    Ok(answers.into_iter().map(|answer| answer.found).collect())
}

/// Reads a trace from its beginning, for all that is asked about it.
fn look_through(store: &Store, trace: TraceId, answers: &mut [&mut Answer<'_>]) -> Result<(), ReadError> {
    let chain = ChainId::Trace(trace);
    let mut before = Before::default();
    let (mut next, mut bodies, mut bytes) = (0, 0, 0);
    loop {
        let page = store.entries(chain, next, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        next = last.seq + 1;
        for entry in &page {
            before.note(entry);
            if ![EDITED, CHANGED].contains(&entry.kind.as_str()) {
                continue;
            }
            let full = answers.iter().all(|answer| answer.full);
            if bodies >= MOST_BODIES || bytes >= MOST_BODY_BYTES || full {
                answers.iter_mut().for_each(|answer| answer.found.cut = true);
                return Ok(());
            }
            let Some(stored) = store.entry(chain, entry.seq)? else {
                continue;
            };
            let body = match &stored.body {
                BodyState::Present(body) => body,
                BodyState::Erased => {
                    answers.iter_mut().for_each(|answer| answer.found.erased += 1);
                    continue;
                }
                BodyState::None => continue,
            };
            bodies += 1;
            bytes += body.len();
            let Ok(edited) = serde_json::from_slice::<Edited>(body) else {
                continue;
            };
            for answer in answers.iter_mut() {
                answer.take(store, &mut before, &stored, &edited)?;
            }
        }
        if next >= MOST_ENTRIES {
            answers.iter_mut().for_each(|answer| answer.found.cut = true);
            return Ok(());
        }
    }
}

/// The answer to one question, as far as the trace was read.
#[derive(Debug)]
struct Answer<'a> {
    asked: &'a AskedLines,
    lines: Places<'a>,
    found: TraceOfLines,
    /// How many bytes may still be told.
    room: usize,
    /// Whether nothing more is told.
    full: bool,
}

impl<'a> Answer<'a> {
    fn begun(store: &Store, asked: &'a AskedLines, names: &Names, room: usize) -> Result<Self, ReadError> {
        let mut lines = Places::new();
        for (place, line) in asked.lines.iter().take(MOST_LINES).enumerate() {
            lines.entry(line).or_default().push(place);
        }
        let found = TraceOfLines {
            trace: asked.trace,
            known: traces::row(store, asked.trace, names)?,
            edits: Vec::new(),
            edits_of_file: 0,
            erased: 0,
            cut: asked.lines.len() > MOST_LINES || asked.folders.len() > MOST_FOLDERS,
        };
        Ok(Self {
            asked,
            lines,
            found,
            room,
            full: false,
        })
    }

    /// Takes an edit in, if it is one of this file.
    fn take(
        &mut self,
        store: &Store,
        before: &mut Before,
        stored: &Stored,
        edited: &Edited,
    ) -> Result<(), ReadError> {
        let entry = &stored.entry;
        let worked_in = if entry.kind.as_str() == EDITED && edited.needs_folder() {
            before.folder(store, entry)?
        } else {
            None
        };
        let Some((path, fit)) = edited.of(self.asked, worked_in) else {
            return Ok(());
        };
        self.found.edits_of_file += 1;
        let adds = edited.adds(&self.lines);
        if adds.is_empty() || self.full {
            return Ok(());
        }
        let told = EditOfLines {
            seq: entry.seq,
            at: entry.at,
            hash: stored.hash.to_string(),
            kind: entry.kind.to_string(),
            tool: edited.tool.as_deref().map(|tool| shown(tool, 128)),
            path: path.chars().take(NAME_CHARS).collect(),
            elsewhere: fit != Fit::Here,
            folder_unknown: fit == Fit::Unknown,
            between_turns: edited.between_turns,
            source: entry.refs.get("source").map(str::to_owned),
            adds,
            agent: entry.refs.get("agent").map(str::to_owned),
            prompt: before.prompt(store, entry)?,
            work_item: before.covering(entry),
        };
        let size = serde_json::to_vec(&told).map_or(usize::MAX, |text| text.len());
        if self.found.edits.len() >= MOST_EDITS || size > self.room {
            (self.found.cut, self.full) = (true, true);
            return Ok(());
        }
        self.room -= size;
        self.found.edits.push(told);
        Ok(())
    }
}

/// Says of the work that was found what the workspace knows of it. The paths are those that were asked for, question by question.
pub(super) fn name_work(workspace: &Workspace, found: &mut [TraceOfLines], paths: &[String]) {
    let edits = found
        .iter_mut()
        .zip(paths)
        .flat_map(|(trace, path)| trace.edits.iter_mut().map(move |edit| (edit, path)));
    for (edit, path) in edits {
        let elsewhere = edit.elsewhere;
        let Some(work) = edit.work_item.as_mut() else {
            continue;
        };
        let Some(item) = workspace.work_items.get(work.id) else {
            continue;
        };
        work.title = Some(item.proposed.proposal.title().to_string());
        work.state = Some(item.state.as_str().to_owned());
        // In another repository the path would be another file.
        work.plans_path = !elsewhere && plans(item.proposed.proposal.paths(), path);
        if !work.plans_path {
            continue;
        }
        let decided = item.decided().map(|(decision, _)| DecisionOfLines {
            verb: decision.verb.to_string(),
            by: workspace.name_of(decision.member),
            tier: decision.tier.to_string(),
            at: decision.at,
        });
        work.decisions = decided.collect();
    }
}

/// Whether paths that were planned have this file among them.
fn plans(planned: &[RepoPath], path: &str) -> bool {
    let Ok(path) = path.parse::<RepoPath>() else {
        return false;
    };
    planned.iter().any(|planned| match planned.span() {
        Span::File => planned.as_str() == path.as_str(),
        Span::Tree => Path::new(path.as_str()).starts_with(planned.as_str()),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn work_plans_its_files_and_what_is_below_its_folders() {
        let planned = |paths: &[&str], path: &str| {
            let paths: Vec<RepoPath> = paths.iter().map(|path| path.parse().unwrap()).collect();
            plans(&paths, path)
        };
        assert!(planned(&["src/auth/**"], "src/auth/a/b.rs"));
        assert!(planned(&["README.md", "src/a.rs"], "src/a.rs"));
        assert!(planned(&["**"], "src/a.rs"));
        assert!(!planned(&["src/auth/**"], "src/authority.rs"));
        assert!(!planned(&["src/a.rs"], "src/a.rs/b"));
        assert!(!planned(&[], "src/a.rs"));
        assert!(!planned(&["**"], "../a.rs"));
    }
}
