//! Which recorded edits a file's lines may come from, and what stood behind each: for `auditotter blame`.
//!
//! What is answered is what the ledger has. Whether a commit was made in a trace that its message names is not for the hub to
//! say, which has no repository.

use std::{
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path},
};

use serde::{Deserialize, Serialize};
use serde_json::Value;
use trace_store::{BodyState, ChainId, Entry, ReadError, Store};
use vocabulary::{RepoPath, Span, Timestamp, TraceId, WorkItemId, shown};

use super::{
    answer::TraceRow,
    traces::{self, Names},
};
use crate::workspace::Workspace;

/// The kinds of entries that say what changed in a file.
const EDITS: [&str; 2] = ["file.edited", "file.changed"];

/// Most traces of one question.
pub const MOST_TRACES: usize = 64;

/// Most lines of a file that are asked for in one trace.
pub const MOST_LINES: usize = 20_000;

/// Most folders in which a file may lie.
const MOST_FOLDERS: usize = 64;

/// Most entries of a trace that are looked at.
const MOST_ENTRIES: u64 = 200_000;

/// Most edits of a trace whose bodies are read, and most bytes of those.
const MOST_BODIES: usize = 5_000;
const MOST_BODY_BYTES: usize = 64 << 20;

/// Most edits that are told of a trace.
const MOST_EDITS: usize = 500;

/// How many entries are read at once.
const PAGE: usize = 1_000;

/// How much of a prompt is told, in characters.
const PROMPT_CHARS: usize = 2_000;

/// What is asked of one trace.
#[derive(Debug, Clone, Serialize, Deserialize)]
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

/// What is known of one trace.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub struct TraceOfLines {
    /// Which.
    pub trace: TraceId,
    /// The trace, summed up; not there where the ledger knows no such trace.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<TraceRow>,
    /// The edits of that file that added one of the lines, in order.
    pub edits: Vec<EditOfLines>,
    /// How many edits of that file are recorded.
    pub edits_of_file: u64,
    /// How many edits, of whatever file, were erased.
    pub erased: u64,
    /// Whether there is more than was looked at.
    pub cut: bool,
}

/// An edit that added some of the lines.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EditOfLines {
    /// Its place in the trace.
    pub seq: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// Its hash, in hex.
    pub hash: String,
    /// What it is: `file.edited` or `file.changed`.
    pub kind: String,
    /// With which tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// The file, as it was named.
    pub path: String,
    /// Whether only the end of that name fits: the session worked in a folder that is none of those asked for.
    pub elsewhere: bool,
    /// Whether it was found while the agent had no turn, so that somebody else may have made it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub between_turns: bool,
    /// Whose record says so, where no hook told of it: `transcript`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
    /// Which of the lines it added, by their place in the question.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub adds: Vec<usize>,
    /// Which agent within the session, where it was not the first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// What the agent had been told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub prompt: Option<PromptOfLines>,
    /// The work that covered it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub work_item: Option<WorkOfLines>,
}

/// What an agent was told before it edited.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct PromptOfLines {
    /// Its place in the trace.
    pub seq: u64,
    /// When.
    pub at: Timestamp,
    /// Its beginning; not there where it was erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// The agent that was told, where another agent told it and no human.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Whether it is of the same turn, as the client numbers them; else it is the newest one before.
    pub same_turn: bool,
}

/// The work that covered an edit.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct WorkOfLines {
    /// Which.
    pub id: WorkItemId,
    /// As it was proposed; not there where the ledger knows no such work.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub title: Option<String>,
    /// Where it stands.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
    /// Whether it is certain that it plans the file. A call may be made under work that has nothing to do with what it changes.
    #[serde(default)]
    pub plans_path: bool,
    /// What was decided, in order.
    #[serde(default)]
    pub decisions: Vec<DecisionOfLines>,
}

/// A decision on that work.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct DecisionOfLines {
    /// What.
    pub verb: String,
    /// Who, by name.
    pub by: String,
    /// How it was signed.
    pub tier: String,
    /// When, by the clock of whoever decided.
    pub at: Timestamp,
}

/// A line's name in a question: 128 bits of its plain BLAKE3, without its end.
#[must_use]
pub fn line_digest(line: &[u8]) -> String {
    let line = line.strip_suffix(b"\r").unwrap_or(line);
    hex::encode(&blake3::hash(line).as_bytes()[..16])
}

/// Looks a trace through.
pub(super) fn look(store: &Store, asked: &AskedLines, names: &Names) -> Result<TraceOfLines, ReadError> {
    let mut found = TraceOfLines {
        trace: asked.trace,
        known: traces::row(store, asked.trace, names)?,
        edits: Vec::new(),
        edits_of_file: 0,
        erased: 0,
        cut: asked.lines.len() > MOST_LINES || asked.folders.len() > MOST_FOLDERS,
    };
    if found.known.is_none() {
        return Ok(found);
    }
    let mut lines: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
    for (place, line) in asked.lines.iter().take(MOST_LINES).enumerate() {
        lines.entry(line).or_default().push(place);
    }
    let chain = ChainId::Trace(asked.trace);
    let mut before = Before::default();
    let (mut next, mut bodies, mut bytes) = (0, 0, 0);
    loop {
        let page = store.entries(chain, next, PAGE)?;
        let Some(last) = page.last() else { break };
        next = last.seq + 1;
        for entry in &page {
            before.note(entry);
            if !EDITS.contains(&entry.kind.as_str()) {
                continue;
            }
            if bodies >= MOST_BODIES || bytes >= MOST_BODY_BYTES || found.edits.len() >= MOST_EDITS {
                found.cut = true;
                return Ok(found);
            }
            let Some(stored) = store.entry(chain, entry.seq)? else {
                continue;
            };
            let body = match &stored.body {
                BodyState::Present(body) => body,
                BodyState::Erased => {
                    found.erased += 1;
                    continue;
                }
                BodyState::None => continue,
            };
            bodies += 1;
            bytes += body.len();
            let Ok(edited) = serde_json::from_slice::<Edited>(body) else {
                continue;
            };
            let Some((path, elsewhere)) = edited.of(asked) else {
                continue;
            };
            found.edits_of_file += 1;
            let adds = edited.adds(&lines);
            if adds.is_empty() {
                continue;
            }
            found.edits.push(EditOfLines {
                seq: entry.seq,
                at: entry.at,
                hash: stored.hash.to_string(),
                kind: entry.kind.to_string(),
                tool: edited.tool.as_deref().map(|tool| shown(tool, 128)),
                path: path.to_owned(),
                elsewhere,
                between_turns: edited.between_turns,
                source: entry.refs.get("source").map(str::to_owned),
                adds,
                agent: entry.refs.get("agent").map(str::to_owned),
                prompt: before.prompt(store, entry)?,
                work_item: before.covering(entry),
            });
        }
        if next >= MOST_ENTRIES {
            found.cut = true;
            break;
        }
    }
    Ok(found)
}

/// Says of the work that was found what the workspace knows of it. The paths are those that were asked for, trace by trace.
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
        // In another repository the path would be another file.
        work.plans_path = !elsewhere && plans(item.proposed.proposal.paths(), path);
        work.title = Some(item.proposed.proposal.title().to_string());
        work.state = Some(item.state.as_str().to_owned());
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

/// What stands in the trace before an edit, and is about it.
#[derive(Debug, Default)]
struct Before {
    /// The newest prompt of a human, and the newest of each turn.
    newest: Option<(u64, Timestamp)>,
    of_turns: BTreeMap<String, (u64, Timestamp)>,
    /// The newest call of each name. A client may give one name to two calls.
    calls: BTreeMap<String, Call>,
}

/// A call, as it was announced.
#[derive(Debug)]
struct Call {
    /// Which work covered it.
    work_item: Option<String>,
    /// Whether our own server has said as well that it is made.
    repeated: bool,
    /// Whether what came of it is told.
    ended: bool,
}

impl Before {
    fn note(&mut self, entry: &Entry) {
        let own = |name: &str| entry.refs.get(name).map(str::to_owned);
        match entry.kind.as_str() {
            "prompt" => {
                let place = (entry.seq, entry.at);
                if let Some(turn) = own("turn") {
                    self.of_turns.insert(turn, place);
                }
                // What one agent told another is that one's turn, and nobody else's.
                if entry.refs.get("agent").is_none() {
                    self.newest = Some(place);
                }
            }
            "tool.called" => {
                let Some(call) = own("call") else { return };
                // Our own server says again that an announced call of it is made; whatever else begins is another call.
                if entry.refs.get("request").is_some()
                    && let Some(going) = self.calls.get_mut(&call)
                    && !going.repeated
                    && !going.ended
                {
                    going.repeated = true;
                    return;
                }
                let begun = Call {
                    work_item: own("work_item"),
                    repeated: entry.refs.get("request").is_some(),
                    ended: false,
                };
                self.calls.insert(call, begun);
            }
            "tool.returned" | "tool.failed" | "tool.denied" | "tool.rejected" | "file.edited"
            | "command.run" | "permission.refused" => {
                let call = entry.refs.get("call");
                if let Some(going) = call.and_then(|call| self.calls.get_mut(call)) {
                    going.ended = true;
                }
            }
            _ => {}
        }
    }

    fn prompt(&self, store: &Store, edit: &Entry) -> Result<Option<PromptOfLines>, ReadError> {
        let of_turn = edit.refs.get("turn").and_then(|turn| self.of_turns.get(turn));
        let Some((seq, at)) = of_turn.copied().or(self.newest) else {
            return Ok(None);
        };
        let stored = store.entry(edit.chain, seq)?;
        let told = stored.as_ref().and_then(|stored| stored.entry.refs.get("agent"));
        let agent = told.map(str::to_owned);
        let text = stored.and_then(|stored| match stored.body {
            BodyState::Present(body) => serde_json::from_slice::<Value>(&body).ok(),
            BodyState::Erased | BodyState::None => None,
        });
        let text =
            text.and_then(|body| Some(body.get("text")?.as_str()?.chars().take(PROMPT_CHARS).collect()));
        Ok(Some(PromptOfLines {
            seq,
            at,
            text,
            agent,
            same_turn: of_turn.is_some(),
        }))
    }

    fn covering(&self, edit: &Entry) -> Option<WorkOfLines> {
        let own = edit.refs.get("work_item");
        let of_call = || self.calls.get(edit.refs.get("call")?)?.work_item.as_deref();
        let id = own.or_else(of_call)?.parse().ok()?;
        Some(WorkOfLines {
            id,
            title: None,
            state: None,
            plans_path: false,
            decisions: Vec::new(),
        })
    }
}

/// What an edit says.
#[derive(Debug, Deserialize)]
struct Edited {
    path: String,
    #[serde(default)]
    moved_to: Option<String>,
    #[serde(default)]
    tool: Option<String>,
    #[serde(default)]
    diff: Option<String>,
    #[serde(default)]
    between_turns: bool,
}

impl Edited {
    /// Under which name it is of the file that is asked for, and whether only the end of that name fits.
    fn of(&self, asked: &AskedLines) -> Option<(&str, bool)> {
        let named = [Some(self.path.as_str()), self.moved_to.as_deref()];
        let mut found = None;
        for name in named.into_iter().flatten() {
            match fits(name, asked) {
                Some(false) => return Some((name, false)),
                Some(true) => found = Some((name, true)),
                None => {}
            }
        }
        found
    }

    /// Which of the lines it added.
    fn adds(&self, lines: &BTreeMap<&str, Vec<usize>>) -> Vec<usize> {
        let diff = self.diff.as_deref().unwrap_or_default();
        let added = diff.split('\n').filter_map(|line| line.strip_prefix('+'));
        let places: BTreeSet<usize> = added
            .filter_map(|line| lines.get(line_digest(line.as_bytes()).as_str()))
            .flatten()
            .copied()
            .collect();
        places.into_iter().collect()
    }
}

/// Whether a name is that of the file: in one of its folders (`Some(false)`), or by its end only (`Some(true)`).
fn fits(name: &str, asked: &AskedLines) -> Option<bool> {
    let (name, path) = (Path::new(name), Path::new(&asked.path));
    let steps = |path: &Path| path.components().any(|step| matches!(step, Component::ParentDir));
    if steps(name) || asked.path.is_empty() {
        return None;
    }
    if name.is_absolute() {
        // A worktree may lie within another: the innermost folder is the one in which the file is.
        let folders = asked.folders.iter().take(MOST_FOLDERS);
        let within = folders.filter_map(|folder| name.strip_prefix(folder).ok());
        if let Some(within) = within.min_by_key(|within| within.components().count()) {
            return (within == path).then_some(false);
        }
        return name.ends_with(path).then_some(true);
    }
    // From the folder in which the client worked, which may lie within the repository.
    let name: &Path = name.strip_prefix(".").unwrap_or(name);
    if name == path {
        Some(false)
    } else {
        (name.components().count() > 0 && path.ends_with(name)).then_some(true)
    }
}

#[cfg(test)]
mod tests {
    use trace_store::{EntryHash, Kind, Refs};

    use super::*;

    #[test]
    fn a_file_is_known_by_its_folder_or_else_by_the_end_of_its_name() {
        let asked = AskedLines {
            trace: TraceId::new(1, [0; 10]),
            path: "src/reset.rs".to_owned(),
            folders: vec![
                "/home/alice/shop".to_owned(),
                "/home/alice/other tree".to_owned(),
                "/home/alice/shop/.claude/worktrees/fix".to_owned(),
            ],
            lines: Vec::new(),
        };
        for (name, expected) in [
            ("/home/alice/shop/src/reset.rs", Some(false)),
            ("/home/alice/other tree/src/reset.rs", Some(false)),
            ("/home/alice/shop/old/src/reset.rs", None),
            ("/home/alice/shop/.claude/worktrees/fix/src/reset.rs", Some(false)),
            ("/home/alice/shop/.claude/worktrees/fix/old/src/reset.rs", None),
            ("/home/alice/shop/.claude/worktrees/src/reset.rs", None),
            ("/home/alice/shop/../shop/src/reset.rs", None),
            ("/home/alice/clone/src/reset.rs", Some(true)),
            ("/home/alice/clone/xsrc/reset.rs", None),
            ("src/reset.rs", Some(false)),
            ("./src/reset.rs", Some(false)),
            ("reset.rs", Some(true)),
            ("reset", None),
            ("../src/reset.rs", None),
            ("", None),
        ] {
            assert_eq!(fits(name, &asked), expected, "{name}");
        }
    }

    #[test]
    fn an_edit_added_the_lines_behind_its_plus_signs() {
        let asked = [line_digest(b"b"), line_digest(b"a"), line_digest(b"b\r")];
        let mut lines: BTreeMap<&str, Vec<usize>> = BTreeMap::new();
        for (place, line) in asked.iter().enumerate() {
            lines.entry(line).or_default().push(place);
        }
        let edited = Edited {
            path: String::new(),
            moved_to: None,
            tool: None,
            between_turns: false,
            diff: Some("@@ -1,2 +1,2 @@\n a\n-a\n+b\r\n".to_owned()),
        };
        assert_eq!(edited.adds(&lines), [0, 2]);
    }

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

    #[test]
    fn a_call_has_the_work_under_which_it_was_announced_last() {
        let work = WorkItemId::new(1, [1; 10]);
        let entry = |kind, refs: &[(&str, &str)]| Entry {
            chain: ChainId::Trace(TraceId::new(1, [1; 10])),
            seq: 0,
            prev: EntryHash::NONE,
            at: Timestamp::EPOCH,
            kind: Kind::from_static(kind),
            on_behalf_of: None,
            via: None,
            delegation: None,
            refs: refs
                .iter()
                .fold(Refs::new(), |refs, (name, value)| refs.with(name, value).unwrap()),
            body: None,
        };
        let id = work.to_string();
        let mut before = Before::default();
        let mut after = |kind, refs: &[(&str, &str)]| {
            before.note(&entry(kind, refs));
            let edit = entry("file.edited", &[("call", "t1")]);
            before.covering(&edit).map(|work| work.id)
        };
        let covered = [("call", "t1"), ("work_item", id.as_str())];
        assert_eq!(after("tool.called", &covered), Some(work));
        // Our own server says that the same call is made.
        let own = [("call", "t1"), ("request", "r1")];
        assert_eq!(after("tool.called", &own), Some(work));
        assert_eq!(after("tool.returned", &[("call", "t1")]), Some(work));
        // And now the name is given to another call.
        assert_eq!(after("tool.called", &[("call", "t1")]), None);
        assert_eq!(after("tool.called", &covered), Some(work));
        assert_eq!(after("tool.called", &own), Some(work));
        assert_eq!(after("tool.called", &[("call", "t1"), ("request", "r2")]), None);
    }
}
