//! `auditotter passkey remove`.

use std::process::ExitCode;

use hub::companion::{CompanionRequest, PasskeyRow};
use identity::Bytes;

use crate::{home::Workspace, output};

/// Let go of a passkey; it holds from the next decision on and needs no passphrase
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Args {
    /// Which, as `auditotter passkey list` shows it
    id: Bytes,
    /// Print an array of objects
    #[arg(long)]
    json: bool,
}

pub(super) fn run(workspace: &Workspace, args: Args) -> anyhow::Result<ExitCode> {
    let request = CompanionRequest::RemovePasskey {
        credential: args.id.clone(),
    };
    let rows: Vec<PasskeyRow> = workspace.hub()?.ask(&request)?;
    if args.json {
        output::json(&rows)?;
    } else {
        output::line(&format!("{} decides nothing any more", args.id));
    }
    Ok(ExitCode::SUCCESS)
}
