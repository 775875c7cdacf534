//! What stands in a trace before an edit and is about it: where the session worked, what was said, and which work covered it.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use serde::Deserialize;
use serde_json::Value;
use trace_store::{BodyState, Entry, ReadError, Store};
use vocabulary::Timestamp;

use super::answer::{PromptOfLines, WorkOfLines};

/// How much of a prompt is told, in characters.
const PROMPT_CHARS: usize = 2_000;

/// What was read of a trace until an edit.
#[derive(Debug, Default)]
pub(super) struct Before {
    /// The newest prompt of a human, and the newest of each turn.
    newest: Option<(u64, Timestamp)>,
    of_turns: BTreeMap<String, (u64, Timestamp)>,
    /// The newest call of each name. A client may give one name to two calls.
    calls: BTreeMap<String, Call>,
    /// Where the client's session began the last time.
    begun: Begun,
}

/// In which folder a session began.
#[derive(Debug, Default)]
enum Begun {
    /// It is not on record.
    #[default]
    Nowhere,
    /// This entry says so. It is read when somebody asks.
    At(u64),
    In(PathBuf),
}

/// What the beginning of a client's session says of that.
#[derive(Debug, Deserialize)]
struct Started {
    cwd: Option<PathBuf>,
    /// Of which secrets it was cleared.
    redacted: Option<Value>,
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
    /// Takes note of an entry.
    pub(super) fn note(&mut self, entry: &Entry) {
        let own = |name: &str| entry.refs.get(name).map(str::to_owned);
        match entry.kind.as_str() {
            "session.started" => self.begun = Begun::At(entry.seq),
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

    /// The folder in which the session began the last time, where that is on record.
    pub(super) fn folder(&mut self, store: &Store, edit: &Entry) -> Result<Option<&Path>, ReadError> {
        if let Begun::At(seq) = self.begun {
            let stored = store.entry(edit.chain, seq)?;
            let started = stored.and_then(|stored| match stored.body {
                BodyState::Present(body) => serde_json::from_slice::<Started>(&body).ok(),
                BodyState::Erased | BodyState::None => None,
            });
            // With something else in its name it is another folder.
            let whole = started.filter(|started| started.redacted.is_none());
            let folder = whole.and_then(|started| started.cwd);
            self.begun = folder.map_or(Begun::Nowhere, Begun::In);
        }
        Ok(match &self.begun {
            Begun::In(folder) => Some(folder),
            Begun::Nowhere | Begun::At(_) => None,
        })
    }

    /// What the agent had been told.
    pub(super) fn prompt(&self, store: &Store, edit: &Entry) -> Result<Option<PromptOfLines>, ReadError> {
        let of_turn = edit.refs.get("turn").and_then(|turn| self.of_turns.get(turn));
        let Some((seq, at)) = of_turn.copied().or(self.newest) else {
            return Ok(None);
        };
        let stored = store.entry(edit.chain, seq)?;
        let own = |name: &str| Some(stored.as_ref()?.entry.refs.get(name)?.to_owned());
        let (agent, source) = (own("agent"), own("source"));
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
            source,
            same_turn: of_turn.is_some(),
        }))
    }

    /// Which work covered it.
    pub(super) fn covering(&self, edit: &Entry) -> Option<WorkOfLines> {
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

#[cfg(test)]
mod tests {
    use trace_store::{ChainId, EntryHash, Kind, Refs};
    use vocabulary::{TraceId, WorkItemId};

    use super::*;

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
