//! What can be said of each line: the commit's word, what of it the ledger confirms, and what does not fit.

use std::collections::BTreeMap;

use hub::companion::{EditOfLines, TraceOfLines, TraceRow};
use serde::Serialize;
use time::Duration;
use vocabulary::{GitObject, Timestamp, TraceId};

use super::{
    Attributions,
    asking::{About, Found},
    place::Lines,
};
use crate::git::{Blamed, Commit, without_return};

/// How much later than the session's last entry a commit may be written and still be of it: git counts in seconds, and other
/// hooks take their time.
const AFTER_LAST: Duration = Duration::minutes(1);

/// Lines that stand together and come from the same.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Attribution {
    /// The first line, as it lies here.
    pub(super) from: usize,
    /// The last one.
    pub(super) to: usize,
    /// What they come from.
    #[serde(flatten)]
    pub(super) origin: Origin,
}

/// What lines come from.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct Origin {
    /// How much is certain.
    pub(super) certain: Certain,
    /// The commit; not there where they are not committed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) commit: Option<OfCommit>,
    /// The sessions that the commit names.
    pub(super) sessions: Vec<OfSession>,
}

/// How much is certain of lines.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Certain {
    /// An edit of theirs, of this very file, is on record in a session that the commit names and that was recorded.
    Edit,
    /// The commit names a session that was recorded, and of no edit of it is that known.
    Session,
    /// The commit names only what was imported from a file: nothing of it was recorded, whatever it says.
    Claim,
    /// The commit names a session of which the ledger knows nothing.
    Unknown,
    /// The commit names no session.
    Nobody,
    /// They are not committed.
    Uncommitted,
}

/// A commit, as it is printed.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct OfCommit {
    pub(super) id: GitObject,
    pub(super) author: String,
    pub(super) authored_at: Timestamp,
    pub(super) committed_at: Timestamp,
    pub(super) subject: String,
}

/// A session that a commit names.
#[derive(Debug, Clone, PartialEq, Serialize)]
pub(super) struct OfSession {
    /// Its trace.
    pub(super) trace: TraceId,
    /// Whether the ledger knows it.
    pub(super) known: bool,
    /// Whether the trace was imported from a file: then it is a claim, and for nobody.
    pub(super) imported: bool,
    /// For whom; not there where nobody proved it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) on_behalf_of: Option<String>,
    /// Via what, as it says itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) via: Option<String>,
    /// The edit that added the lines: of those before the commit that are known best, the newest.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) edit: Option<serde_json::Value>,
    #[serde(skip)]
    pub(super) told: Option<Box<EditOfLines>>,
    /// How many edits added such a line.
    pub(super) among: usize,
    /// How many edits of that file the session has on record.
    pub(super) edits_of_file: u64,
    /// What does not fit, and what could not be looked at.
    pub(super) doubts: Vec<String>,
}

impl OfSession {
    /// Whether somebody's delegation stood behind it as it was recorded.
    const fn is_recorded(&self) -> bool {
        self.known && !self.imported
    }

    /// Whether it is known that it made an edit of these lines.
    pub(super) fn has_edit(&self) -> bool {
        self.told.as_ref().is_some_and(|edit| is_certain(edit))
    }

    fn has_recorded_edit(&self) -> bool {
        // The client's own record is a file that an agent with a shell can write.
        let told = self.told.as_ref();
        self.is_recorded() && self.has_edit() && told.is_some_and(|edit| edit.source.is_none())
    }
}

/// How far a trace was looked through, in all questions about it.
#[derive(Debug)]
struct Looked<'f> {
    answer: &'f TraceOfLines,
    edits_of_file: u64,
    erased: u64,
    cut: bool,
}

impl<'f> Looked<'f> {
    fn of(own: &'f About, all: &[About]) -> Self {
        let answers = || all.iter().map(|about| &about.answer);
        Self {
            answer: &own.answer,
            edits_of_file: own.answer.edits_of_file,
            erased: answers().map(|answer| answer.erased).max().unwrap_or_default(),
            cut: answers().any(|answer| answer.cut),
        }
    }
}

/// The edit that is taken for a line's.
#[derive(Debug, Clone, Copy, Default)]
struct Chosen<'f> {
    edit: Option<&'f EditOfLines>,
    among: usize,
    /// Edits that added such a line only after the commit was made.
    later: bool,
}

/// Says of each line what can be said, and puts together what stands together.
pub(super) fn of(
    lines: &Lines,
    blamed: &[Blamed],
    commits: &BTreeMap<GitObject, Commit>,
    found: &Found,
) -> Attributions {
    let by_number: BTreeMap<usize, usize> = blamed
        .iter()
        .enumerate()
        .map(|(place, line)| (line.number, place))
        .collect();
    let mut all: Attributions = Vec::new();
    let mut before: BTreeMap<TraceId, u64> = BTreeMap::new();
    for (number, committed) in lines.each() {
        let place = committed.and_then(|line| by_number.get(&line)).copied();
        let known = place.and_then(|place| Some((place, commits.get(&blamed[place].commit)?)));
        let origin = match known {
            Some((place, commit)) => of_line(place, &blamed[place], commit, found, &mut before),
            None => Origin {
                certain: Certain::Uncommitted,
                commit: None,
                sessions: Vec::new(),
            },
        };
        match all.last_mut() {
            Some(last) if last.origin == origin && last.to + 1 == number => last.to = number,
            _ => all.push(Attribution {
                from: number,
                to: number,
                origin,
            }),
        }
    }
    all
}

fn of_line(
    place: usize,
    line: &Blamed,
    commit: &Commit,
    found: &Found,
    before: &mut BTreeMap<TraceId, u64>,
) -> Origin {
    let mut sessions = Vec::new();
    for trace in &commit.traces {
        let Some((own, all)) = found.about(*trace, place) else {
            continue;
        };
        let chosen = choose(place, line, commit, own, before.get(trace).copied());
        if let Some(edit) = chosen.edit {
            before.insert(*trace, edit.seq);
        }
        sessions.push(session(&Looked::of(own, all), commit, chosen));
    }
    // Where many commits were squashed, an edit says which session it was; what was imported says that of none that was recorded.
    let says_which = if sessions.iter().any(OfSession::is_recorded) {
        sessions.iter().any(OfSession::has_recorded_edit)
    } else {
        sessions.iter().any(OfSession::has_edit)
    };
    if says_which {
        sessions.retain(OfSession::has_edit);
    }
    let certain = if sessions.iter().any(OfSession::has_recorded_edit) {
        Certain::Edit
    } else if sessions.iter().any(OfSession::is_recorded) {
        Certain::Session
    } else if sessions.iter().any(|session| session.known) {
        Certain::Claim
    } else if sessions.is_empty() {
        Certain::Nobody
    } else {
        Certain::Unknown
    };
    Origin {
        certain,
        commit: Some(OfCommit {
            id: commit.id,
            author: commit.author.clone(),
            authored_at: commit.authored_at,
            committed_at: commit.committed_at,
            subject: commit.subject.clone(),
        }),
        sessions,
    }
}

/// How well it is known that an edit is one of this file's by the session: by where it was, when, and who told of it.
fn known_by(edit: &EditOfLines) -> (bool, bool, bool) {
    (!edit.elsewhere, !edit.between_turns, edit.source.is_none())
}

/// Whether that is certain, as far as the record goes.
const fn is_certain(edit: &EditOfLines) -> bool {
    !edit.elsewhere && !edit.between_turns
}

/// Of the edits before the commit that added such a line, those that are known best, so that the same text in another folder hides none of this
/// file; of these the newest. Of a line that could be anybody's, as a lone bracket, rather the one that added the line above.
fn choose<'f>(
    place: usize,
    line: &Blamed,
    commit: &Commit,
    about: &'f About,
    above: Option<u64>,
) -> Chosen<'f> {
    // Git counts whole seconds.
    let end = commit.committed_at.saturating_add(Duration::SECOND);
    let asked = about.places.get(&place);
    let edits = about.answer.edits.iter();
    let adding = edits.filter(|edit| asked.is_some_and(|asked| edit.adds.binary_search(asked).is_ok()));
    let (in_time, later): (Vec<_>, Vec<_>) = adding.partition(|edit| edit.at <= end);
    let best = in_time.iter().map(|edit| known_by(edit)).max();
    let known_best: Vec<_> = in_time
        .iter()
        .filter(|edit| Some(known_by(edit)) == best)
        .collect();
    let text = String::from_utf8_lossy(without_return(&line.text));
    let telling = text.chars().filter(|c| c.is_alphanumeric()).count() >= 3;
    let same = (!telling)
        .then(|| known_best.iter().find(|edit| Some(edit.seq) == above))
        .flatten();
    Chosen {
        edit: same.or_else(|| known_best.last()).map(|edit| **edit),
        among: in_time.len(),
        later: in_time.is_empty() && !later.is_empty(),
    }
}

fn session(looked: &Looked<'_>, commit: &Commit, chosen: Chosen<'_>) -> OfSession {
    let answer = looked.answer;
    let known = answer.known.as_ref();
    let told = chosen.edit.map(|edit| {
        Box::new(EditOfLines {
            adds: Vec::new(),
            ..edit.clone()
        })
    });
    OfSession {
        trace: answer.trace,
        known: known.is_some(),
        imported: known.is_some_and(|row| row.imported),
        on_behalf_of: known
            .filter(|row| !row.imported)
            .map(|row| row.on_behalf_of.clone()),
        via: known
            .and_then(|row| row.via.as_ref())
            .map(|via| format!("{} {}", via.agent, via.version).trim_end().to_owned()),
        edit: told.as_ref().and_then(|edit| serde_json::to_value(edit).ok()),
        told,
        among: chosen.among,
        edits_of_file: looked.edits_of_file,
        doubts: doubts(looked, known, commit, chosen),
    }
}

fn doubts(looked: &Looked<'_>, known: Option<&TraceRow>, commit: &Commit, chosen: Chosen<'_>) -> Vec<String> {
    let Some(row) = known else {
        return vec!["the ledger of this workspace knows no such trace; only the commit says so".to_owned()];
    };
    let mut doubts = Vec::new();
    if row.imported {
        doubts.push(
            "the trace was imported from a file, not recorded: all of it is a claim, and for nobody"
                .to_owned(),
        );
    } else if chosen.edit.is_some_and(|edit| edit.source.is_some()) {
        doubts.push("no hook told of this edit: only the client's own record says so".to_owned());
    }
    let prompt = chosen.edit.and_then(|edit| edit.prompt.as_ref());
    if !row.imported && prompt.is_some_and(|prompt| prompt.source.is_some()) {
        doubts.push("no hook told of the prompt: only the client's own record says so".to_owned());
    }
    if commit.committed_at.saturating_add(Duration::SECOND) < row.began_at {
        doubts.push(format!(
            "the commit was made at {}, before the session began at {}",
            commit.committed_at, row.began_at
        ));
    } else if commit.authored_at > row.last_at.saturating_add(AFTER_LAST) {
        doubts.push(format!(
            "the commit was written at {}, after the session's last entry at {}",
            commit.authored_at, row.last_at
        ));
    }
    if chosen.later {
        doubts.push("an edit that added such a line was recorded only after the commit".to_owned());
    }
    if chosen.edit.is_some_and(|edit| edit.between_turns) {
        doubts.push(
            "it was found to have changed while the agent had no turn: by somebody else, or by something that went on running".to_owned(),
        );
    }
    if chosen.edit.is_some_and(|edit| edit.folder_unknown) {
        doubts.push(
            "the edit names the file without its folder, and where the session worked is not on record: only the end of the name fits"
                .to_owned(),
        );
    } else if chosen.edit.is_some_and(|edit| edit.elsewhere) {
        doubts.push(
            "the edit was in another folder than this repository's; only the end of the file's name fits"
                .to_owned(),
        );
    }
    if chosen.edit.is_none() && looked.erased > 0 {
        doubts.push(format!(
            "{} edits of this session were erased, and may have been it",
            looked.erased
        ));
    }
    if looked.cut {
        doubts.push("the session has more on record than was looked through".to_owned());
    }
    doubts
}

#[cfg(test)]
mod tests;
