//! `auditotter trace list`.

use std::process::ExitCode;

use hub::companion::{CompanionRequest, TraceRow};

use hub::words;

use crate::{home::Workspace, output};

/// List traces, newest first
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Args {
    /// At most so many
    #[arg(long, default_value_t = 50)]
    limit: usize,
    /// Print an array of objects
    #[arg(long)]
    json: bool,
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let rows: Vec<TraceRow> = workspace
        .hub()?
        .ask(&CompanionRequest::Traces { limit: args.limit })?;
    if args.json {
        output::json(&rows)?;
    } else if rows.is_empty() {
        output::line("No agent has been recorded yet.");
    } else {
        let cells: Vec<[String; 4]> = rows
            .into_iter()
            .map(|row| {
                let via = row
                    .via
                    .map_or_else(String::new, |via| format!(" (via {})", via.agent));
                let who = if row.imported {
                    format!("imported, nobody proved it{via}")
                } else {
                    format!("{}{via}", row.on_behalf_of)
                };
                [
                    row.id.to_string(),
                    words::moment(row.began_at),
                    row.entries.to_string(),
                    who,
                ]
            })
            .collect();
        output::table(["ID", "BEGAN", "ENTRIES", "WHO"], &cells);
    }
    Ok(ExitCode::SUCCESS)
}
