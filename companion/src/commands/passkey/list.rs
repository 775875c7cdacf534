//! `auditotter passkey list`.

use std::process::ExitCode;

use hub::companion::{CompanionRequest, PasskeyRow};

use crate::{home::Workspace, output};

/// Show whose passkeys there are
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Args {
    /// Print an array of objects
    #[arg(long)]
    json: bool,
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let rows: Vec<PasskeyRow> = workspace.hub()?.ask(&CompanionRequest::Passkeys)?;
    if args.json {
        output::json(&rows)?;
    } else if rows.is_empty() {
        output::line("There is no passkey. Make one with: auditotter passkey add");
    } else {
        let cells: Vec<[String; 3]> = rows
            .iter()
            .map(|row| [row.id.to_string(), row.name.to_string(), row.rp_id.clone()])
            .collect();
        output::table(["ID", "WHOSE", "FOR"], &cells);
    }
    Ok(ExitCode::SUCCESS)
}
