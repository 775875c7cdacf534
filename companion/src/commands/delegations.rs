//! `auditotter delegations`: what is lent now.

use std::process::ExitCode;

use hub::companion::{CompanionRequest, DelegationRow};

use hub::words;

use crate::{home::Workspace, output};

/// Show what is lent, and to whom
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Also what has expired or was revoked
    #[arg(long)]
    all: bool,
    /// Print an array of objects
    #[arg(long)]
    json: bool,
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let mut rows: Vec<DelegationRow> = workspace.hub()?.ask(&CompanionRequest::Delegations)?;
    rows.retain(|row| args.all || row.state == "lent");
    if args.json {
        output::json(&rows)?;
    } else if rows.is_empty() {
        output::line("Nothing is lent. Lend with: auditotter delegate --agent claude-code");
    } else {
        let cells: Vec<[String; 7]> = rows
            .into_iter()
            .map(|row| {
                [
                    row.id.to_string(),
                    row.state,
                    format!("{} to {}", row.lent_by, row.agent),
                    row.repositories.join(" "),
                    row.paths.join(" "),
                    row.verbs.join(" "),
                    words::moment(row.expires_at),
                ]
            })
            .collect();
        output::table(
            ["ID", "STATE", "LENT", "REPOSITORIES", "PATHS", "VERBS", "UNTIL"],
            &cells,
        );
    }
    Ok(ExitCode::SUCCESS)
}
