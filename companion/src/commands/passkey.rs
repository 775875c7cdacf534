//! `auditotter passkey`: decide with a touch.

mod add;
mod list;
mod remove;
mod sign;

use std::process::ExitCode;

use crate::home::Workspace;

/// Make, show and remove passkeys, with which you decide by a touch
#[derive(Debug, clap::Subcommand)]
pub(super) enum Command {
    Add(add::Args),
    Sign(sign::Args),
    List(list::Args),
    Remove(remove::Args),
}

pub(super) fn run(workspace: &Workspace, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::Add(args) => add::run(workspace, &args),
        Command::Sign(args) => sign::run(workspace, &args),
        Command::List(args) => list::run(workspace, &args),
        Command::Remove(args) => remove::run(workspace, args),
    }
}
