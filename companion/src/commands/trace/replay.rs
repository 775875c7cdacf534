//! `auditotter trace replay`: a session, played back in its own rhythm.

use std::{
    io::{self, IsTerminal as _},
    process::ExitCode,
    thread,
    time::Duration,
};

use hub::companion::{CompanionRequest, EntryRow, TraceRow};
use vocabulary::{Timestamp, TraceId};

use super::pages;
use crate::{home::Workspace, output};

/// No pause of the session is played longer than this.
const LONGEST_PAUSE: Duration = Duration::from_secs(3);

/// Play a session back in its own rhythm; piped, without waiting
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Args {
    /// Which, as tr_...
    trace: TraceId,
    /// So many times faster than it was
    #[arg(long, default_value_t = 10.0, value_parser = speed)]
    speed: f64,
    /// From this sequence number on
    #[arg(long, value_name = "SEQ", default_value_t = 0)]
    from: u64,
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let hub = workspace.hub()?;
    let row: TraceRow = hub.ask(&CompanionRequest::Trace { trace: args.trace })?;
    let watched = io::stdout().is_terminal();
    let mut before: Option<Timestamp> = None;
    pages::each(&hub, args.trace, args.from, |entry| {
        if let (true, Some(before)) = (watched, before) {
            thread::sleep(pause(before, entry.at, args.speed));
        }
        before = Some(entry.at);
        output::line(&told(&entry, &row, watched));
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}

fn pause(before: Timestamp, now: Timestamp, speed: f64) -> Duration {
    let real = now.since(before).as_seconds_f64().max(0.0);
    Duration::try_from_secs_f64(real / speed)
        .unwrap_or(LONGEST_PAUSE)
        .min(LONGEST_PAUSE)
}

/// One entry as a line: when, where in the chain, what, who, and what was said.
pub(super) fn told(entry: &EntryRow, row: &TraceRow, coloured: bool) -> String {
    let clock = entry.at.to_string();
    let clock = clock.get(11..23).unwrap_or(&clock);
    let who = entry.on_behalf_of.as_ref().unwrap_or(&row.on_behalf_of);
    let via = entry
        .via
        .as_ref()
        .map_or_else(String::new, |via| format!(" (via {})", via.agent));
    let (colour, end) = match (coloured, entry.kind.as_str()) {
        (false, _) => ("", ""),
        (true, "tool.denied" | "access.denied") => ("\x1b[31m", "\x1b[0m"),
        (true, "tool.rejected" | "protocol.error" | "call.cancelled") => ("\x1b[33m", "\x1b[0m"),
        (true, "tool.returned") => ("\x1b[32m", "\x1b[0m"),
        (true, "tool.called" | "note.appended") => ("\x1b[36m", "\x1b[0m"),
        (true, _) => ("\x1b[2m", "\x1b[0m"),
    };
    let hash = entry.hash.get(..8).unwrap_or(&entry.hash);
    format!(
        "{clock}  #{:<4} {hash}  {colour}{:<15}{end} {who}{via}  {}",
        entry.seq, entry.kind, entry.summary
    )
}

fn speed(text: &str) -> Result<f64, String> {
    text.parse::<f64>()
        .ok()
        .filter(|speed| speed.is_finite() && *speed > 0.0)
        .ok_or_else(|| format!("`{text}` is not a speed; 1 is as it was, 10 ten times faster"))
}
