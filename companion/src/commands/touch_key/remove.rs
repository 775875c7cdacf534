//! `auditotter touch-key remove`.

use std::process::ExitCode;

use hub::companion::{CompanionRequest, TouchKeyRow};
use identity::Fingerprint;

use crate::{home::Workspace, output};

/// Let go of a touch key; it holds from the next decision on and needs no passphrase
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Args {
    /// Which, as `auditotter touch-key list` shows it
    fingerprint: Fingerprint,
    /// Print an array of objects
    #[arg(long)]
    json: bool,
}

pub(super) fn run(workspace: &Workspace, args: Args) -> anyhow::Result<ExitCode> {
    let Args { fingerprint, json } = args;
    let rows: Vec<TouchKeyRow> = workspace
        .hub()?
        .ask(&CompanionRequest::RemoveTouchKey { fingerprint })?;
    if json {
        output::json(&rows)?;
    } else {
        output::line(&format!("{fingerprint} decides nothing any more"));
    }
    Ok(ExitCode::SUCCESS)
}
