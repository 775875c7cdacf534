//! `auditotter blame`: which session, prompt, work and human each line of a file comes from.

mod asking;
mod attribution;
mod place;
mod words;

use std::process::ExitCode;

use vocabulary::GitObject;

use crate::{
    git::{Repository, folder_and_name},
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
    let found = asking::ask(workspace, &repository, &blamed, &commits)?;
    let attributions = attribution::of(&lines, &blamed, &commits, &found);
    if args.json {
        output::json(&attributions)?;
    } else {
        words::print(&place.file, &attributions);
    }
    Ok(ExitCode::SUCCESS)
}

/// What is printed.
type Attributions = Vec<Attribution>;
