//! `auditotter touch-key list`.

use std::process::ExitCode;

use hub::companion::{CompanionRequest, TouchKeyRow};

use crate::{home::Workspace, output};

/// Show whose touch keys there are
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Args {
    /// Print an array of objects
    #[arg(long)]
    json: bool,
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let rows: Vec<TouchKeyRow> = workspace.hub()?.ask(&CompanionRequest::TouchKeys)?;
    if args.json {
        output::json(&rows)?;
    } else if rows.is_empty() {
        output::line("There is no touch key. Take one up with: auditotter touch-key add FILE.pub");
    } else {
        let cells: Vec<[String; 3]> = rows
            .iter()
            .map(|row| {
                let text = row.public_key.to_string();
                let kind = text.split(' ').next().unwrap_or_default();
                [row.fingerprint.to_string(), row.name.to_string(), kind.to_owned()]
            })
            .collect();
        output::table(["FINGERPRINT", "WHOSE", "KIND"], &cells);
    }
    Ok(ExitCode::SUCCESS)
}
