//! `auditotter verify`: check an export offline. Needs no workspace, no hub and no network.

use std::{fs::File, io::BufReader, path::PathBuf, process::ExitCode};

use serde_json::json;
use trace_store::export::VerifyError;

use hub::{
    export_claims::{ProveError, Proved, prove},
    words,
};

use crate::output;

/// Whatever stopped the file from being read as an export.
const UNREADABLE: u8 = 2;

/// Verify an export offline: exit 0 if it holds, 1 if it does not, 2 if it cannot be read
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The export
    file: PathBuf,
    /// Print an object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let shown = args.file.display().to_string();
    let file = match File::open(&args.file) {
        Ok(file) => file,
        Err(error) => return unreadable(args, &format!("{shown}: {error}")),
    };
    match prove(BufReader::new(file)) {
        Ok(proved) => {
            if args.json {
                output::json(&as_json(&proved))?;
            } else {
                output::line(&format!("{shown} holds."));
                in_words(&proved);
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(ProveError::Export(VerifyError::Unreadable { line, why })) => {
            unreadable(args, &format!("{shown}, line {line}: {why}"))
        }
        Err(broken) => {
            if args.json {
                output::json(&json!({ "holds": false, "why": broken.to_string() }))?;
            } else {
                output::line(&format!("{shown} DOES NOT HOLD: it {broken}"));
            }
            Ok(ExitCode::FAILURE)
        }
    }
}

fn as_json(proved: &Proved) -> serde_json::Value {
    let verified = &proved.verified;
    json!({
        "holds": true,
        "id": verified.trace,
        "workspace": verified.workspace,
        "entries": verified.head.next_seq,
        "head": verified.head.hash,
        "context": verified.context,
        "bodies": verified.bodies,
        "erased_bodies": verified.erased_bodies,
        "ledger_size": verified.checkpoint.size,
        "ledger_root": verified.checkpoint.root,
        "hub_key": verified.hub_key.vkey(),
        "members": proved.members,
        "delegations": proved.delegations,
        "decisions": proved.decisions,
        "evidence": proved.evidence,
        "work_items": proved.work_items,
        "landings": proved.landings,
        "erasures": proved.erasures,
        "unexplained": proved.unexplained,
        "unproved": proved.unproved,
    })
}

fn in_words(proved: &Proved) {
    let verified = &proved.verified;
    let span = format!(
        "{} to {}",
        words::moment(verified.first_at),
        words::moment(verified.last_at)
    );
    output::line(&format!(
        "  trace       {} of workspace {}",
        verified.trace, verified.workspace
    ));
    output::line(&format!("  entries     {}, {span}", verified.head.next_seq));
    output::line(&format!("  head        {}", verified.head.hash));
    output::line(&format!(
        "  ledger      {} entries, root {}",
        verified.checkpoint.size, verified.checkpoint.root
    ));
    output::line(&format!("  signed by   {}", verified.hub_key.vkey()));
    for member in &proved.members {
        output::line(&format!(
            "  member      {member}, signed for by that member's own key"
        ));
    }
    for delegation in &proved.delegations {
        output::line(&format!(
            "  delegation  {}, signed by its lender",
            delegation.words
        ));
    }
    for decision in &proved.decisions {
        output::line(&format!(
            "  decision    {} of {} by {}, signed {} over what was proposed and over the {} entries before it",
            decision.verb, decision.id, decision.name, decision.tier, decision.ledger_size
        ));
    }
    for landing in &proved.landings {
        let exception = match (landing.review_due, &landing.reviewed_by) {
            (Some(due), Some(who)) => format!(" (due {}), reviewed by {who}", words::moment(due)),
            (Some(due), None) => format!(", to be reviewed by {}", words::moment(due)),
            (None, _) => String::new(),
        };
        output::line(&format!(
            "  change      {} of tree {} for {} by {}, {}{exception}",
            landing.verb, landing.tree, landing.id, landing.name, landing.role
        ));
    }
    for item in &proved.work_items {
        let whose = if item.gated {
            "by decision"
        } else {
            "which no decision says"
        };
        output::line(&format!("  work item   {} is {}, {whose}", item.id, item.state));
    }
    for evidence in &proved.evidence {
        output::line(&format!(
            "  evidence    {} {} by {} on {}: the word of {}",
            evidence.kind, evidence.outcome, evidence.tool, evidence.id, evidence.by
        ));
    }
    for delegation in &proved.unproved {
        output::line(&format!(
            "  NOT PROVED  that anybody lent {delegation}: its grant is not in this file"
        ));
    }
    for erasure in &proved.erasures {
        output::line(&format!(
            "  erased      what entry {} said, by {}: {}",
            erasure.seq, erasure.name, erasure.why
        ));
    }
    for seq in &proved.unexplained {
        output::line(&format!(
            "  NOT PROVED  who erased what entry {seq} said: no decision in this file says so"
        ));
    }
    if verified.erased_bodies > 0 {
        output::line(&format!(
            "  erased      {} bodies: what they said is unknown",
            verified.erased_bodies
        ));
    }
}

fn unreadable(args: &Args, why: &str) -> anyhow::Result<ExitCode> {
    if args.json {
        output::json(&json!({ "holds": null, "why": why }))?;
    } else {
        output::explain(&anyhow::anyhow!("{why}"));
    }
    Ok(ExitCode::from(UNREADABLE))
}
