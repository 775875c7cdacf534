//! `auditotter trace show`.

use std::process::ExitCode;

use hub::companion::{CompanionRequest, TraceRow};
use serde_json::json;
use vocabulary::TraceId;

use super::pages;
use hub::words;

use crate::{home::Workspace, output};

/// Show a trace, entry by entry, with bodies
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Args {
    /// Which, as tr_...
    trace: TraceId,
    /// Print an object that holds the entries
    #[arg(long)]
    json: bool,
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let hub = workspace.hub()?;
    let row: TraceRow = hub.ask(&CompanionRequest::Trace { trace: args.trace })?;
    if args.json {
        let mut entries = Vec::new();
        pages::each(&hub, args.trace, 0, |entry| {
            entries.push(entry);
            Ok(())
        })?;
        let mut object = serde_json::to_value(&row)?;
        object["chain"] = json!(entries);
        output::json(&object)?;
        return Ok(ExitCode::SUCCESS);
    }
    let via = row
        .via
        .as_ref()
        .map_or_else(String::new, |via| format!(" (via {} {})", via.agent, via.version));
    if row.imported {
        output::line(&format!("{}, imported, nobody proved it{via}", row.id));
        output::line("IMPORTED: it is what a file said, a claim, and not what was recorded");
    } else {
        output::line(&format!("{} on behalf of {}{via}", row.id, row.on_behalf_of));
    }
    output::line(&format!(
        "{} entries, {} to {}",
        row.entries,
        words::moment(row.began_at),
        words::moment(row.last_at)
    ));
    output::line(&format!("head {}", row.head));
    pages::each(&hub, args.trace, 0, |entry| {
        output::line(&format!(
            "\n#{} {} {} {}",
            entry.seq, entry.at, entry.kind, entry.hash
        ));
        match (&entry.body, entry.erased) {
            (_, true) => output::line("  [body erased]"),
            // Line by line, for the line ends are ours; JSON by itself escapes only some of what steers a terminal.
            (Some(body), _) => {
                for line in serde_json::to_string_pretty(body)?.lines() {
                    output::line(&format!("  {}", output::escaped(line)));
                }
            }
            (None, false) => {}
        }
        Ok(())
    })?;
    Ok(ExitCode::SUCCESS)
}
