//! `auditotter blame`: which session, prompt, work and human each line of a file comes from.

mod attribution;
mod place;
mod words;

use std::{collections::BTreeMap, process::ExitCode};

use hub::companion::{AskedLines, CompanionRequest, MOST_LINES, MOST_TRACES, TraceOfLines, line_digest};
use vocabulary::{GitObject, TraceId};

use crate::{
    git::{Blamed, Commit, Repository, folder_and_name},
    home::Workspace,
    output,
};
use attribution::Attribution;
use place::{LARGEST, Lines, Place};

/// Say from which session, prompt, work and human each line of a file comes, as far as its commits say and the ledger confirms
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which file, or which lines of it
    #[arg(value_name = "FILE[:LINE|:FROM-TO]")]
    place: std::ffi::OsString,
    /// Print an array of objects
    #[arg(long)]
    json: bool,
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let place = Place::parse(&args.place)?;
    let (folder, name) = folder_and_name(&place.file)?;
    let repository = Repository::at(folder);
    let lines = Lines::of(&place, &repository.committed(name, LARGEST)?)?;
    let blamed = match lines.committed() {
        Some(range) => repository.blame(name, Some(range))?,
        None => Vec::new(),
    };
    let mut ids: Vec<GitObject> = blamed.iter().map(|line| line.commit).collect();
    ids.sort_unstable();
    ids.dedup();
    let commits = repository.commits(&ids)?;
    let found = ask(workspace, &repository, &blamed, &commits)?;
    let attributions = attribution::of(&lines, &blamed, &commits, &found);
    if args.json {
        output::json(&attributions)?;
    } else {
        words::print(&place.file, &attributions);
    }
    Ok(ExitCode::SUCCESS)
}

/// What the ledger says of some lines of one commit's file, in one trace that the commit names.
#[derive(Debug)]
pub(super) struct About {
    /// Of which it was asked: places in what was blamed.
    places: Vec<usize>,
    answer: TraceOfLines,
}

/// All that it says.
#[derive(Debug, Default)]
pub(super) struct Found(BTreeMap<(GitObject, TraceId), Vec<About>>);

impl Found {
    fn about(&self, commit: GitObject, trace: TraceId) -> impl Iterator<Item = &About> {
        self.0.get(&(commit, trace)).into_iter().flatten()
    }
}

/// Asks the hub about every trace that a commit names, of the lines that are from it.
fn ask(
    workspace: &Workspace,
    repository: &Repository,
    blamed: &[Blamed],
    commits: &BTreeMap<GitObject, Commit>,
) -> anyhow::Result<Found> {
    let mut of_commits: BTreeMap<GitObject, Vec<usize>> = BTreeMap::new();
    for (place, line) in blamed.iter().enumerate() {
        of_commits.entry(line.commit).or_default().push(place);
    }
    let named = commits.values().any(|commit| !commit.traces.is_empty());
    let folders: Vec<String> = if named {
        let folders = repository.worktrees()?.into_iter();
        folders
            .filter_map(|folder| folder.into_os_string().into_string().ok())
            .collect()
    } else {
        Vec::new()
    };
    let mut questions = Vec::new();
    for (commit, places) in of_commits {
        let traces = commits.get(&commit).map(|commit| commit.traces.as_slice());
        for trace in traces.unwrap_or_default() {
            for some in places.chunks(MOST_LINES) {
                let lines = some.iter().map(|place| line_digest(&blamed[*place].text));
                let asked = AskedLines {
                    trace: *trace,
                    path: blamed[some[0]].path.to_string_lossy().into_owned(),
                    folders: folders.clone(),
                    lines: lines.collect(),
                };
                questions.push(((commit, *trace), some.to_vec(), asked));
            }
        }
    }
    let mut found = Found::default();
    let mut questions = questions.into_iter().peekable();
    while questions.peek().is_some() {
        // As many as one message holds.
        let (mut asking, mut lines) = (Vec::new(), 0);
        while let Some(next) = questions.next_if(|(_, places, _)| {
            asking.is_empty() || (asking.len() < MOST_TRACES && lines + places.len() <= MOST_LINES)
        }) {
            lines += next.1.len();
            asking.push(next);
        }
        let asked = asking.iter().map(|(_, _, asked)| asked.clone()).collect();
        let answers: Vec<TraceOfLines> = workspace.hub()?.ask(&CompanionRequest::Blame { asked })?;
        for ((about, places, _), answer) in asking.into_iter().zip(answers) {
            found.0.entry(about).or_default().push(About { places, answer });
        }
    }
    Ok(found)
}

/// What is printed.
type Attributions = Vec<Attribution>;
