//! `auditotter trace verify`.

use std::process::ExitCode;

use hub::companion::{CompanionRequest, VerifiedChain};
use vocabulary::TraceId;

use crate::{home::Workspace, output};

/// Verify a trace's chain, or every chain and the tree over them
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Args {
    /// Which, as tr_...; else all
    trace: Option<TraceId>,
    /// Print an array of objects, or one object for one trace
    #[arg(long)]
    json: bool,
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let chains: Vec<VerifiedChain> = workspace
        .hub()?
        .ask(&CompanionRequest::Verify { trace: args.trace })?;
    let holds = chains.iter().all(|chain| chain.holds);
    match (args.json, args.trace, chains.first()) {
        (true, Some(_), Some(only)) => output::json(only)?,
        (true, _, _) => output::json(&chains)?,
        (false, _, _) => {
            for chain in &chains {
                output::line(&match (&chain.checked, &chain.broken) {
                    (Some(checked), _) => {
                        format!(
                            "{} holds: {} entries, head {}",
                            chain.id, checked.entries, checked.head
                        )
                    }
                    (None, broken) => {
                        format!(
                            "{} DOES NOT HOLD: {}",
                            chain.id,
                            broken.as_deref().unwrap_or("unknown")
                        )
                    }
                });
            }
        }
    }
    Ok(if holds {
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    })
}
