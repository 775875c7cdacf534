//! What the hub is asked: of each trace that a commit names, all at once. To answer, it reads the trace from its beginning.

use std::collections::BTreeMap;

use hub::companion::{AskedLines, CompanionRequest, MOST_LINES, MOST_QUESTIONS, TraceOfLines, line_digest};
use vocabulary::{GitObject, TraceId};

use crate::{
    git::{Blamed, Commit, Repository},
    home::Workspace,
};

/// What the ledger says of some lines of a file, in one trace.
#[derive(Debug)]
pub(super) struct About {
    /// Of which it was asked: places in what was blamed, and in the question.
    pub(super) places: BTreeMap<usize, usize>,
    pub(super) answer: TraceOfLines,
}

/// All that it says.
#[derive(Debug, Default)]
pub(super) struct Found(BTreeMap<TraceId, Vec<About>>);

impl Found {
    /// What it says of a line in a trace, and what it says of others that were asked together with it: the trace is looked through for all of them.
    pub(super) fn about(&self, trace: TraceId, place: usize) -> Option<(&About, &[About])> {
        let all = self.0.get(&trace)?;
        let own = all.iter().find(|about| about.places.contains_key(&place))?;
        Some((own, all))
    }

    #[cfg(test)]
    pub(super) fn of(all: impl IntoIterator<Item = (TraceId, Vec<About>)>) -> Self {
        Self(all.into_iter().collect())
    }
}

/// A question, and the places in what was blamed that it is about.
#[derive(Debug, Clone)]
struct Question {
    places: BTreeMap<usize, usize>,
    asked: AskedLines,
}

/// Asks the hub about every trace that a commit names, of the lines that are from it.
pub(super) fn ask(
    workspace: &Workspace,
    repository: &Repository,
    blamed: &[Blamed],
    commits: &BTreeMap<GitObject, Commit>,
) -> anyhow::Result<Found> {
    let mut found = Found::default();
    let named = commits.values().any(|commit| !commit.traces.is_empty());
    if !named {
        return Ok(found);
    }
    let folders = repository.worktrees()?.into_iter();
    let folders: Vec<String> = folders
        .filter_map(|folder| folder.into_os_string().into_string().ok())
        .collect();
    for message in messages(questions(blamed, commits, &folders)) {
        let asked = message.iter().map(|question| question.asked.clone()).collect();
        let answers: Vec<TraceOfLines> = workspace.hub()?.ask(&CompanionRequest::Blame { asked })?;
        for (Question { places, asked }, answer) in message.into_iter().zip(answers) {
            let about = found.0.entry(asked.trace).or_default();
            about.push(About { places, answer });
        }
    }
    Ok(found)
}

/// The questions, trace by trace. A line is asked for once in each, however often the file has it and whichever commits it is from.
fn questions(blamed: &[Blamed], commits: &BTreeMap<GitObject, Commit>, folders: &[String]) -> Vec<Question> {
    let mut of_files: BTreeMap<(TraceId, String), Vec<usize>> = BTreeMap::new();
    for (place, line) in blamed.iter().enumerate() {
        let traces = commits.get(&line.commit).map(|commit| commit.traces.as_slice());
        for trace in traces.unwrap_or_default() {
            let path = line.path.to_string_lossy().into_owned();
            of_files.entry((*trace, path)).or_default().push(place);
        }
    }
    let mut all = Vec::new();
    for ((trace, path), places) in of_files {
        let begun = || Question {
            places: BTreeMap::new(),
            asked: AskedLines {
                trace,
                path: path.clone(),
                folders: folders.to_vec(),
                lines: Vec::new(),
            },
        };
        let (mut question, mut known) = (begun(), BTreeMap::new());
        for place in places {
            let digest = line_digest(&blamed[place].text);
            if question.asked.lines.len() == MOST_LINES && !known.contains_key(&digest) {
                all.push(std::mem::replace(&mut question, begun()));
                known.clear();
            }
            let lines = &mut question.asked.lines;
            let at = *known.entry(digest).or_insert_with_key(|digest| {
                lines.push(digest.clone());
                lines.len() - 1
            });
            question.places.insert(place, at);
        }
        all.push(question);
    }
    all
}

/// The questions, as many together as are about one trace and as one message holds.
fn messages(questions: Vec<Question>) -> Vec<Vec<Question>> {
    let mut all: Vec<Vec<Question>> = Vec::new();
    let mut lines = 0;
    for question in questions {
        let more = question.asked.lines.len();
        match all.last_mut() {
            Some(last)
                if last[0].asked.trace == question.asked.trace
                    && last.len() < MOST_QUESTIONS
                    && lines + more <= MOST_LINES =>
            {
                lines += more;
                last.push(question);
            }
            _ => {
                lines = more;
                all.push(vec![question]);
            }
        }
    }
    all
}

#[cfg(test)]
mod tests {
    use vocabulary::Timestamp;

    use super::*;

    fn trace(number: u64) -> TraceId {
        TraceId::new(number, [1; 10])
    }

    fn id(number: usize) -> GitObject {
        format!("{number:040x}").parse().unwrap()
    }

    fn commit(number: usize, traces: &[TraceId]) -> (GitObject, Commit) {
        let commit = Commit {
            id: id(number),
            author: String::new(),
            authored_at: Timestamp::EPOCH,
            committed_at: Timestamp::EPOCH,
            subject: String::new(),
            traces: traces.to_vec(),
        };
        (commit.id, commit)
    }

    fn line(number: usize, commit: usize, path: &str, text: &str) -> Blamed {
        Blamed {
            number,
            commit: id(commit),
            path: path.into(),
            text: text.into(),
        }
    }

    fn asked(blamed: &[Blamed], commits: &BTreeMap<GitObject, Commit>) -> Vec<Vec<Question>> {
        messages(questions(blamed, commits, &["/home/alice/shop".to_owned()]))
    }

    #[test]
    fn a_trace_is_asked_about_once_for_the_lines_of_all_its_commits() {
        let (mut blamed, mut commits) = (Vec::new(), BTreeMap::new());
        for number in 0..500 {
            // One in ten names another trace, and it had another name at first.
            let of = trace(u64::from(number % 10 == 0));
            let path = if number < 100 { "old.rs" } else { "new.rs" };
            commits.extend([commit(number, &[of])]);
            blamed.push(line(number + 1, number, path, &format!("line {number}")));
        }
        let messages = asked(&blamed, &commits);
        assert_eq!(messages.len(), 2);
        for message in &messages {
            let paths: Vec<&str> = message.iter().map(|question| &*question.asked.path).collect();
            assert_eq!(paths, ["new.rs", "old.rs"]);
        }
        let places: usize = messages
            .iter()
            .flatten()
            .map(|question| question.places.len())
            .sum();
        assert_eq!(places, 500);
    }

    #[test]
    fn a_line_is_asked_for_once_however_often_it_stands_there() {
        let commits = BTreeMap::from([commit(1, &[trace(1)]), commit(2, &[trace(1), trace(2)])]);
        let blamed = [
            line(1, 1, "a.rs", "}"),
            line(2, 2, "a.rs", "}"),
            line(3, 2, "a.rs", "fn a() {"),
            line(4, 1, "a.rs", "}\r"),
            line(5, 3, "a.rs", "of no commit that is known"),
        ];
        let messages = asked(&blamed, &commits);
        let told: Vec<_> = messages.iter().flatten().collect();
        assert_eq!(told.len(), 2);
        assert_eq!(told[0].asked.lines, [line_digest(b"}"), line_digest(b"fn a() {")]);
        assert_eq!(told[0].places, BTreeMap::from([(0, 0), (1, 0), (2, 1), (3, 0)]));
        assert_eq!(told[1].places, BTreeMap::from([(1, 0), (2, 1)]));
    }

    #[test]
    fn no_message_has_more_lines_than_one_may_have() {
        let commits = BTreeMap::from([commit(1, &[trace(1)])]);
        let blamed: Vec<Blamed> = (0..2 * MOST_LINES + 5)
            .map(|number| line(number + 1, 1, "a.rs", &number.to_string()))
            .collect();
        let messages = asked(&blamed, &commits);
        let lines: Vec<usize> = messages
            .iter()
            .map(|message| message[0].asked.lines.len())
            .collect();
        assert_eq!(lines, [MOST_LINES, MOST_LINES, 5]);
        assert!(messages.iter().all(|message| message.len() == 1));
    }
}
