//! `auditotter touch-key`: decide with a security key of OpenSSH's.

mod add;
mod list;
mod remove;

use std::process::ExitCode;

use crate::home::Workspace;

/// Take up, show and remove touch keys: OpenSSH keys on a security key, with which you decide by a touch
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    Add(add::Args),
    List(list::Args),
    Remove(remove::Args),
}

pub(super) fn run(workspace: &Workspace, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Add(args) => add::run(workspace, &args),
        Command::List(args) => list::run(workspace, &args),
        Command::Remove(args) => remove::run(workspace, args),
    }
}
