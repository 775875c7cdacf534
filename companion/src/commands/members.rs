//! `auditotter members`: who answers for what agents do here.

use std::process::ExitCode;

use hub::companion::{CompanionRequest, Status};

use crate::{home::Workspace, output};

/// Show who is a member
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Print an array of objects
    #[arg(long)]
    json: bool,
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let status: Status = workspace.hub()?.ask(&CompanionRequest::Status)?;
    if args.json {
        output::json(&status.members)?;
    } else {
        let cells: Vec<[String; 3]> = status
            .members
            .iter()
            .map(|member| {
                [
                    member.id.to_string(),
                    member.name.to_string(),
                    member.email.to_string(),
                ]
            })
            .collect();
        output::table(["ID", "NAME", "EMAIL"], &cells);
    }
    Ok(ExitCode::SUCCESS)
}
