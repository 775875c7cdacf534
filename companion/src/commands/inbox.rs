//! `auditotter inbox`: what waits for a human, and why.

use std::process::ExitCode;

use hub::{
    companion::{CompanionRequest, ExceptionRow, InboxRow, ToLandRow},
    words,
};

use crate::{home::Workspace, output};

/// Show what was proposed and waits for somebody to decide
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 50)]
    limit: usize,
    /// Print an array of objects
    #[arg(long)]
    json: bool,
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let request = CompanionRequest::Inbox { limit: args.limit };
    let hub = workspace.hub()?;
    let rows: Vec<InboxRow> = hub.ask(&request)?;
    if args.json {
        output::json(&rows)?;
        return Ok(ExitCode::SUCCESS);
    }
    let to_land: Vec<ToLandRow> = hub.ask(&CompanionRequest::ToLand)?;
    let mut exceptions: Vec<ExceptionRow> = hub.ask(&CompanionRequest::Exceptions)?;
    exceptions.retain(|row| row.reviewed_by.is_none());
    if rows.is_empty() {
        output::line("Nothing waits for a decision.");
    } else {
        let cells: Vec<[String; 6]> = rows
            .iter()
            .map(|row| {
                [
                    row.id.to_string(),
                    row.risk.to_string(),
                    row.item_type.clone(),
                    row.proposed_by.clone(),
                    words::moment(row.proposed_at),
                    row.title.clone(),
                ]
            })
            .collect();
        output::table(["ID", "RISK", "TYPE", "PROPOSED BY", "AT", "TITLE"], &cells);
        output::line("Look closer with: auditotter show wi_... Then: auditotter approve or reject");
    }
    if !to_land.is_empty() {
        let cells: Vec<[String; 6]> = to_land
            .iter()
            .map(|row| {
                [
                    row.id.to_string(),
                    row.risk.to_string(),
                    row.tree.to_string(),
                    row.proposed_by.clone(),
                    words::moment(row.at),
                    row.title.clone(),
                ]
            })
            .collect();
        output::line("");
        output::line("Put forward to land, as nobody's word:");
        output::table(["ID", "RISK", "TREE", "PROPOSED BY", "AT", "TITLE"], &cells);
        output::line("Decide where its repository is: auditotter land wi_... Or in the inbox.");
    }
    if !exceptions.is_empty() {
        let overdue = exceptions.iter().filter(|row| row.overdue).count();
        output::line(&format!(
            "Landed by exception, waiting for a review: {} ({overdue} overdue). Look closer with: auditotter exceptions",
            exceptions.len()
        ));
    }
    Ok(ExitCode::SUCCESS)
}
