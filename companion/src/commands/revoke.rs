//! `auditotter revoke`: take a delegation back, now.

use std::process::ExitCode;

use hub::companion::{CompanionRequest, RevokeOutcome};
use vocabulary::DelegationId;

use hub::words;

use crate::{home::Workspace, output};

/// Take a delegation back; it holds from the next call on and needs no passphrase
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which, as dl_...
    delegation: DelegationId,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    why: Option<String>,
    /// Print an object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(workspace: &Workspace, args: Args) -> anyhow::Result<ExitCode> {
    let request = CompanionRequest::Revoke {
        delegation: args.delegation,
        why: args.why,
    };
    let revoked: RevokeOutcome = workspace.hub()?.ask(&request)?;
    // Of no use any more, and one thing less that lies about. The ledger is what refuses it.
    let file = workspace
        .home
        .delegations()
        .join(format!("{}.token", args.delegation));
    let _ = std::fs::remove_file(file);
    if args.json {
        output::json(&revoked)?;
    } else {
        output::line(&format!(
            "{} is revoked since {}",
            revoked.id,
            words::moment(revoked.revoked_at)
        ));
    }
    Ok(ExitCode::SUCCESS)
}
