//! `auditotter inspect`: what a token says, and whether it would be accepted.

use std::{
    fs::File,
    io::{self, Read as _},
    path::PathBuf,
    process::ExitCode,
};

use anyhow::Context as _;
use delegation::TokenKind;
use hub::companion::{CompanionRequest, InspectVerdict};
use serde_json::json;

use crate::{home::Workspace, output};

/// No token is near this size; what is larger is something else.
const MAX_BYTES: u64 = 64 * 1024;

/// Show what a token says, block by block, and whether it would be accepted now
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The token's file, or - for stdin
    file: PathBuf,
    /// Print an object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let token = read(&args.file).with_context(|| format!("{} cannot be read", args.file.display()))?;
    let token = token.trim();
    let inspected = delegation::inspect(token)?;
    let verdict: Option<InspectVerdict> = if workspace.home.workspace_file().exists() {
        // The hub never sees the wider token: what is asked about is a session's share of it.
        let asked = match inspected.kind {
            TokenKind::Delegation => {
                let probe = delegation::probe(token, hub::clock::now(), hub::clock::random()?)?;
                probe.as_str().to_owned()
            }
            TokenKind::Session | TokenKind::Witness | TokenKind::Foreign => token.to_owned(),
        };
        Some(
            workspace
                .hub()?
                .ask(&CompanionRequest::Inspect { token: asked })?,
        )
    } else {
        None
    };
    if args.json {
        output::json(&json!({
            "kind": inspected.kind.as_str(),
            "delegation": inspected.grant.as_ref().map(|grant| grant.id),
            "blocks": inspected.blocks.iter().map(|block| json!({
                "words": block.words, "datalog": block.datalog,
            })).collect::<Vec<_>>(),
            "accepted": verdict.as_ref().map(|verdict| verdict.accepted),
            "why_not": verdict.as_ref().and_then(|verdict| verdict.why_not.clone()),
        }))?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&format!(
        "A {} token of {} blocks",
        inspected.kind.as_str(),
        inspected.blocks.len()
    ));
    for (index, block) in inspected.blocks.iter().enumerate() {
        output::line(&format!("\nBlock {index}"));
        for said in &block.words {
            output::line(&format!("  {}", output::escaped(said)));
        }
        output::line("");
        for source in block.datalog.lines() {
            output::line(&format!("    {}", output::escaped(source)));
        }
    }
    output::line("");
    output::line(&match verdict {
        Some(InspectVerdict { accepted: true, .. }) => "It would be accepted now.".to_owned(),
        Some(InspectVerdict { why_not, .. }) => {
            format!("It would not be accepted now: {}", why_not.unwrap_or_default())
        }
        None => format!(
            "Whether it would be accepted is unknown: there is no workspace in {}.",
            workspace.home.path().display()
        ),
    });
    Ok(ExitCode::SUCCESS)
}

fn read(file: &PathBuf) -> io::Result<String> {
    let mut text = String::new();
    if file.as_os_str() == "-" {
        io::stdin().take(MAX_BYTES).read_to_string(&mut text)?;
    } else {
        File::open(file)?.take(MAX_BYTES).read_to_string(&mut text)?;
    }
    Ok(text)
}
