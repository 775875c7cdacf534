//! `auditotter trace`: what agents did.

mod export;
mod list;
mod replay;
mod show;
mod telling;
mod verify;

use std::process::ExitCode;

use clap::Subcommand;

use hub::companion::EntryRow;

use crate::home::Workspace;

/// Entries of a session, told line by line.
pub(super) fn told(entries: &[EntryRow]) -> Vec<String> {
    let turns = hub::telling::tell(entries, None);
    let lines = turns.iter().flat_map(|turn| telling::turn(turn, false));
    lines.map(|line| line.written(false)).collect()
}

/// Look at what agents did: list, show, replay, verify, export
#[derive(Debug, Subcommand)]
pub(super) enum Command {
    List(list::Args),
    Show(show::Args),
    Replay(replay::Args),
    Verify(verify::Args),
    Export(export::Args),
}

pub(super) fn run(workspace: &Workspace, command: Command) -> anyhow::Result<ExitCode> {
    match command {
        Command::List(args) => list::run(workspace, &args),
        Command::Show(args) => show::run(workspace, &args),
        Command::Replay(args) => replay::run(workspace, &args),
        Command::Verify(args) => verify::run(workspace, &args),
        Command::Export(args) => export::run(workspace, &args),
    }
}

mod pages {
    //! A trace's entries, asked for a page at a time.

    use hub::companion::{CompanionLink, CompanionRequest, EntryRow, LinkError};
    use vocabulary::TraceId;

    /// So many at first, that somebody sees something at once; then as many as come.
    const FIRST_PAGE: usize = 8;
    const PAGE: usize = 500;

    /// Gives every entry from a position on, in order, to `each`.
    pub(super) fn each(
        hub: &CompanionLink,
        trace: TraceId,
        from: u64,
        mut each: impl FnMut(EntryRow) -> anyhow::Result<()>,
    ) -> anyhow::Result<()> {
        let mut from = from;
        let mut limit = FIRST_PAGE;
        loop {
            let page: Result<Vec<EntryRow>, LinkError> =
                hub.ask(&CompanionRequest::Entries { trace, from, limit });
            limit = PAGE;
            let page = page?;
            let Some(last) = page.last() else { return Ok(()) };
            from = last.seq + 1;
            page.into_iter().try_for_each(&mut each)?;
        }
    }
}
