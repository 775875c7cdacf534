//! Entries, put together: what came of a call stands with the call, and what was done for a prompt under it.

use std::collections::{BTreeSet, HashMap};

use serde_json::Value;

use super::{
    entry::{Part, Told, Tone, counted},
    text::Text,
    tools,
};
use crate::companion::EntryRow;

/// What was done from one prompt to the next; or before the first, where there is none.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Turn {
    /// What was said to the agent.
    pub prompt: Option<Told>,
    /// Whether the prompt stands further up, and not here.
    pub goes_on: bool,
    /// What was done.
    pub steps: Vec<Step>,
}

/// Something that was done: a call with all that came of it, or a single entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Step {
    /// The entries, in order; at least one.
    pub entries: Vec<Told>,
    /// Whether it is a call of a tool, or what came of one.
    pub is_call: bool,
    /// What was done, in our words.
    pub does: String,
    /// To what, in theirs.
    pub what: Text,
    /// What came of it, in a few words.
    pub then: String,
    /// The worst of its entries.
    pub tone: Tone,
}

impl Step {
    /// The first entry.
    #[must_use]
    pub fn first(&self) -> Option<&Told> {
        self.entries.first()
    }

    /// Where its entries stand: `#4` or `#4-6, 9`.
    #[must_use]
    pub fn places(&self) -> String {
        let mut runs: Vec<(u64, u64)> = Vec::new();
        for seq in self.entries.iter().map(|entry| entry.seq) {
            match runs.last_mut() {
                Some((_, last)) if *last + 1 == seq => *last = seq,
                _ => runs.push((seq, seq)),
            }
        }
        let runs: Vec<String> = runs
            .into_iter()
            .map(|(first, last)| {
                if first == last {
                    first.to_string()
                } else {
                    format!("{first}-{last}")
                }
            })
            .collect();
        format!("#{}", runs.join(", "))
    }

    /// How many secrets were replaced in it.
    #[must_use]
    pub fn secrets(&self) -> u64 {
        self.entries
            .iter()
            .map(Told::secrets)
            .fold(0, u64::saturating_add)
    }

    /// Whether something in it was erased.
    #[must_use]
    pub fn erased(&self) -> bool {
        self.entries.iter().any(|entry| entry.erased)
    }

    fn of(told: Told, is_call: bool) -> Self {
        Self {
            is_call,
            does: String::new(),
            what: Text::default(),
            then: String::new(),
            tone: told.tone,
            entries: vec![told],
        }
    }

    /// Says what it comes to, once all of it is there.
    fn sum_up(&mut self) {
        let Some(first) = self.entries.first() else { return };
        (self.does, self.what) = (first.does.clone(), first.what.clone());
        self.tone = self
            .entries
            .iter()
            .map(|entry| entry.tone)
            .max()
            .unwrap_or_default();
        if !self.is_call {
            self.then.clone_from(&first.then);
            return;
        }
        let called = first.kind == "tool.called";
        let came = self.entries.iter().skip(usize::from(called));
        let mut then: Vec<String> = Vec::new();
        let (mut files, mut lines) = (Vec::new(), None);
        for entry in came.clone() {
            let short = match entry.kind.as_str() {
                "file.edited" | "file.changed" => {
                    files.push(entry);
                    for part in &entry.parts {
                        if let Part::Changed(diff) = part {
                            let (added, removed) = lines.unwrap_or_default();
                            lines = Some((added + diff.added, removed + diff.removed));
                        }
                    }
                    continue;
                }
                "tool.denied" => format!("denied: {}", entry.then),
                "tool.rejected" => format!("rejected: {}", entry.then),
                "gate.denied" => format!("denied by the gate: {}", entry.then),
                "gate.observed" => format!("the gate would have denied it: {}", entry.then),
                "command.run" | "tool.failed" | "permission.given" | "permission.refused" => {
                    entry.then.clone()
                }
                _ => continue,
            };
            if !then.contains(&short) {
                then.push(short);
            }
        }
        if let Some(file) = files.first() {
            let named = match files.len() - 1 {
                0 => file.what.plain(),
                more => format!("{} and {more} more", file.what.plain()),
            };
            // What was run stays what was done; an edit is better named by its file than by what was asked for.
            if tools::edits(&first.then) || !called {
                self.what = Text::line(&named, 200);
            } else {
                then.push(format!("changed {named}"));
            }
            if let Some((added, removed)) = lines {
                then.push(counted(added, removed));
            }
        }
        if called && came.clone().count() == 0 {
            then.push("what came of it is not recorded here".to_owned());
        } else if !called {
            then.push("the call itself stands further up".to_owned());
        }
        self.then = then.join(", ");
    }
}

/// Tells these entries, which follow one another in a chain or were picked from it; `within` is the prompt under which the first of them stands.
#[must_use]
pub fn tell(rows: &[EntryRow], within: Option<&EntryRow>) -> Vec<Turn> {
    let mut teller = Teller::default();
    if let Some(prompt) = within {
        teller.turn = prompt.refs.get("turn").cloned();
        teller.turns.push(Turn {
            prompt: Some(Told::of(prompt)),
            goes_on: true,
            steps: Vec::new(),
        });
    }
    for row in rows {
        teller.take(row);
    }
    for turn in &mut teller.turns {
        turn.steps.iter_mut().for_each(Step::sum_up);
    }
    teller
        .turns
        .retain(|turn| !turn.steps.is_empty() || (turn.prompt.is_some() && !turn.goes_on));
    teller.turns
}

/// The names of calls that are cut in two where some entries begin and end.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Loose {
    /// Calls whose end is not among the entries.
    pub open: BTreeSet<String>,
    /// Ends whose call is not.
    pub lost: BTreeSet<String>,
}

/// Which calls are cut in two.
#[must_use]
pub fn loose(rows: &[EntryRow]) -> Loose {
    let mut loose = Loose::default();
    // How often each call was said to be made: by the client, by our own server, or by both.
    let mut begun: HashMap<&str, u8> = HashMap::new();
    let mut calls: HashMap<&str, &str> = HashMap::new();
    for row in rows {
        let names = names(row);
        if begins(row) {
            for name in &names {
                let times = begun.entry(name).or_default();
                *times = times.saturating_add(1);
                loose.open.insert((*name).to_owned());
            }
            if let [call, request] = names.as_slice() {
                calls.insert(request, call);
            }
        } else if ends(row) || row.kind == "file.changed" {
            if !names.iter().any(|name| begun.contains_key(name)) {
                loose.lost.extend(names.iter().map(|name| (*name).to_owned()));
            }
            for name in &names {
                loose.open.remove(*name);
                // What our own server answered ends the call where no client tells of it.
                if let Some(call) = calls.get(name).filter(|call| begun.get(*call) == Some(&1)) {
                    loose.open.remove(*call);
                }
            }
        }
    }
    loose
}

/// Under which names an entry is a call's.
#[must_use]
pub fn names(row: &EntryRow) -> Vec<&str> {
    let named = ["call", "request"].into_iter();
    named
        .filter_map(|name| row.refs.get(name).map(String::as_str))
        .collect()
}

/// Where a call stands, and what is known of it.
#[derive(Debug)]
struct Going {
    turn: usize,
    step: usize,
    tool: String,
    input: Value,
    /// How often it was said that it is made: by the client, and by our own server.
    told: u8,
    ended: bool,
}

#[derive(Default)]
struct Teller {
    turns: Vec<Turn>,
    /// The turn that entries belong to now, as the client calls it.
    turn: Option<String>,
    /// Whether the agent said that it is done.
    over: bool,
    going: Vec<Going>,
    by_call: HashMap<String, usize>,
    by_request: HashMap<String, usize>,
}

impl Teller {
    fn take(&mut self, row: &EntryRow) {
        let told = Told::of(row);
        let turn = row.refs.get("turn");
        if row.kind == "prompt" {
            self.turn = turn.cloned();
            self.over = false;
            self.turns.push(Turn {
                prompt: Some(told),
                ..Turn::default()
            });
            return;
        }
        if let Some(going) = self.belongs(row) {
            self.add(going, row, told);
            return;
        }
        let elsewhere = turn.is_some() && turn != self.turn.as_ref();
        let afterwards = self.over && turn.is_none();
        if self.turns.is_empty() || elsewhere || afterwards {
            self.turns.push(Turn::default());
            self.turn = turn.cloned().or_else(|| self.turn.take().filter(|_| !afterwards));
            self.over = false;
        }
        self.over |= matches!(row.kind.as_str(), "turn.ended" | "turn.interrupted");
        let by_itself = matches!(row.kind.as_str(), "note.appended" | "permission.asked");
        let is_call = begins(row) || (came_of_a_call(row) && !by_itself);
        let turn = self.turns.len() - 1;
        let Some(steps) = self.turns.last_mut().map(|turn| &mut turn.steps) else {
            return;
        };
        steps.push(Step::of(told, is_call));
        let step = steps.len() - 1;
        if is_call {
            let body = row.body.as_ref();
            let said = |name: &str| body.and_then(|body| body.get(name));
            self.going.push(Going {
                turn,
                step,
                tool: said("tool")
                    .and_then(Value::as_str)
                    .unwrap_or_default()
                    .to_owned(),
                input: said("arguments").cloned().unwrap_or_default(),
                told: u8::from(begins(row)),
                ended: ends(row),
            });
            self.know(row, self.going.len() - 1);
        }
    }

    /// The call to which an entry belongs, if to any. A client may give one name to two calls: what begins anew is another call, whatever it is called, so that
    /// nothing can be put away under what was harmless.
    fn belongs(&self, row: &EntryRow) -> Option<usize> {
        if row.kind == "capture.gap" {
            return None;
        }
        let by_call = row.refs.get("call").map(|call| self.by_call.get(call));
        let by_request = || self.by_request.get(row.refs.get("request")?);
        let found = match by_call {
            Some(found) => found.copied(),
            None if row.kind == "permission.asked" => return self.asked(row),
            None if came_of_a_call(row) => by_request().copied(),
            None => None,
        }?;
        let going = self.going.get(found)?;
        if begins(row) {
            let tool = row.body.as_ref()?.get("tool")?.as_str()?;
            let own =
                going.told == 1 && !going.ended && going.tool != tool && tools::own(&going.tool) == tool;
            return own.then_some(found);
        }
        Some(found)
    }

    /// The call for which a human is asked: clients do not name it.
    fn asked(&self, row: &EntryRow) -> Option<usize> {
        let body = row.body.as_ref()?;
        let (tool, input) = (body.get("tool")?.as_str()?, body.get("arguments")?);
        let same =
            |going: &Going| !going.ended && going.told > 0 && going.tool == tool && going.input == *input;
        self.going.iter().rposition(same)
    }

    fn add(&mut self, at: usize, row: &EntryRow, told: Told) {
        let Some(going) = self.going.get_mut(at) else {
            return;
        };
        going.told += u8::from(begins(row));
        // What our own server returned is not yet what the client tells of it.
        going.ended |= ends(row) && row.refs.contains_key("call");
        if let Some(step) = self
            .turns
            .get_mut(going.turn)
            .and_then(|turn| turn.steps.get_mut(going.step))
        {
            step.entries.push(told);
        }
        self.know(row, at);
    }

    fn know(&mut self, row: &EntryRow, at: usize) {
        if let Some(call) = row.refs.get("call") {
            self.by_call.insert(call.clone(), at);
        }
        if let Some(request) = row.refs.get("request") {
            self.by_request.insert(request.clone(), at);
        }
    }
}

fn begins(row: &EntryRow) -> bool {
    row.kind == "tool.called"
}

fn ends(row: &EntryRow) -> bool {
    matches!(
        row.kind.as_str(),
        "tool.returned"
            | "tool.failed"
            | "tool.denied"
            | "tool.rejected"
            | "file.edited"
            | "command.run"
            | "permission.refused"
    )
}

/// Whether an entry is of a kind that comes of a call.
fn came_of_a_call(row: &EntryRow) -> bool {
    ends(row)
        || (row.kind == "file.changed" && row.refs.contains_key("call"))
        || matches!(
            row.kind.as_str(),
            "gate.denied" | "gate.observed" | "permission.asked" | "permission.given" | "note.appended"
        )
}

#[cfg(test)]
mod tests;
