//! `auditotter erase-body`: erase what an entry said, and leave that it said something.

use std::{path::PathBuf, process::ExitCode};

use anyhow::bail;
use hub::companion::{CompanionRequest, EntryRow, ShownEntry, Status};
use identity::{Digest, HumanVerb, Rationale, Subject, Tier};
use serde_json::Value;
use vocabulary::TraceId;

use crate::{
    home::Workspace,
    key::{self, Means, OwnKey},
    output,
    shown::Shown,
};

/// Erase what an entry of a trace said, as a leaked secret; that it said something, who erased it and why stays
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Of which trace, as tr_...
    trace: TraceId,
    /// Which entry
    seq: u64,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    why: Rationale,
    /// The key to sign with, where the home has none or several
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Print an array of objects
    #[arg(long)]
    json: bool,
}

pub(super) fn run(workspace: &Workspace, args: Args) -> anyhow::Result<ExitCode> {
    let hub = workspace.hub()?;
    let status: Status = hub.ask(&CompanionRequest::Status)?;
    let now = key::now_as_the_ledger(&status)?;
    let own = OwnKey::find(workspace, &status, args.key.as_deref())?;
    let (trace, seq) = (args.trace, args.seq);
    let shown: ShownEntry = hub.ask(&CompanionRequest::PoseErasure { trace, seq })?;
    // Whoever answers at the socket: what is erased is what was asked for.
    let entry: Value = serde_json::from_str(&shown.entry)?;
    if entry["chain"] != trace.to_string() || entry["seq"] != seq {
        bail!("the hub shows another entry than {seq} of {trace}; nothing was erased");
    }
    let subject = (
        Subject::Entry { trace, seq },
        Digest::of_subject(shown.entry.as_bytes()),
    );
    let text = Shown {
        heading: format!("{} erases, for good", own.member.name),
        words: Some((format!("Entry {seq} of {trace} says"), vec![shown.summary])),
        facts: vec![
            ("entry", format!("{seq} of {trace}")),
            ("kind", entry["kind"].as_str().unwrap_or_default().to_owned()),
            ("bytes", entry["body"]["size"].to_string()),
            ("because", args.why.to_string()),
        ],
        advice: Some(
            "Other entries may repeat what it says, as answers to read_trace do; each is erased by itself."
                .to_owned(),
        ),
    };
    let decision = own.decision(
        &shown.posed,
        HumanVerb::EraseBody,
        subject,
        Some(args.why),
        (now, Tier::T0),
    );
    let to = format!("erase entry {seq} of {trace}");
    let signed = own.sign(
        &hub,
        (&decision, &Means::Passphrase),
        (&text, &to, "nothing was erased"),
    )?;
    let rows: Vec<EntryRow> = hub.ask(&CompanionRequest::Erase { signed })?;
    if args.json {
        output::json(&rows)?;
    } else {
        output::line(&format!("What entry {seq} of {trace} said is erased"));
    }
    Ok(ExitCode::SUCCESS)
}
