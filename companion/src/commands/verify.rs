//! `auditotter verify`: check an export offline. Needs no workspace, no hub and no network.

use std::{
    fs::File,
    io::BufReader,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use serde_json::json;
use trace_store::export::VerifyError;
use vocabulary::GitObject;

use hub::{
    export_claims::{ProveError, Proved, prove},
    words,
};

use crate::{git::Repository, output};

/// Whatever stopped the file from being read as an export.
const UNREADABLE: u8 = 2;

/// Verify an export offline: exit 0 if it holds, 1 if it does not, 2 if it cannot be read
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The export
    file: PathBuf,
    /// Compare changes with what git says in a repository of yours, too
    #[arg(long, value_name = "DIR")]
    repo: Option<PathBuf>,
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
            let compared = args.repo.as_deref().map(|folder| compare(&proved, folder));
            let compared = compared.transpose()?.unwrap_or_default();
            if let Some(change) = compared.iter().find(|compared| compared.agrees == Some(false)) {
                let why = format!(
                    "git says otherwise of the change {} to {} than who decided on it",
                    change.base, change.head
                );
                return does_not_hold(args, &format!("{shown} DOES NOT HOLD: {why}"), &why);
            }
            if args.json {
                let mut object = as_json(&proved);
                if args.repo.is_some() {
                    object["compared"] = json!(compared);
                }
                output::json(&object)?;
            } else {
                output::line(&format!("{shown} holds."));
                in_words(&proved);
                compared.iter().for_each(Compared::in_words);
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(ProveError::Export(VerifyError::Unreadable { line, why })) => {
            unreadable(args, &format!("{shown}, line {line}: {why}"))
        }
        Err(broken) => does_not_hold(
            args,
            &format!("{shown} DOES NOT HOLD: it {broken}"),
            &broken.to_string(),
        ),
    }
}

/// What git says of a change that stands in the file.
#[derive(Debug, serde::Serialize)]
struct Compared {
    base: GitObject,
    head: GitObject,
    /// Nothing, where the repository does not have it.
    agrees: Option<bool>,
}

impl Compared {
    fn in_words(&self) {
        let Self { base, head, agrees } = self;
        output::line(&match agrees {
            Some(_) => format!("  git         says the same of {base} to {head}"),
            None => format!("  NOT PROVED  what {base} to {head} is: this repository does not have them"),
        });
    }
}

/// Has git say again what whoever decided on each change was told.
fn compare(proved: &Proved, folder: &Path) -> anyhow::Result<Vec<Compared>> {
    let repository = Repository::at(folder);
    let changes = proved.landings.iter().map(|landing| &landing.change);
    let compared = changes.map(|change| {
        let (base, head) = (change.base(), change.head());
        let agrees = repository
            .agrees(change)
            .with_context(|| format!("{base} to {head} was not compared with {}", folder.display()))?;
        Ok(Compared { base, head, agrees })
    });
    compared.collect()
}

fn does_not_hold(args: &Args, line: &str, why: &str) -> anyhow::Result<ExitCode> {
    if args.json {
        output::json(&json!({ "holds": false, "why": why }))?;
    } else {
        output::line(line);
    }
    Ok(ExitCode::FAILURE)
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
        "gaps": proved.gaps,
        "imported": proved.imported,
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
    if proved.imported {
        output::line(
            "  NOT PROVED  that any of it happened: the trace was imported from a file, and not recorded",
        );
    }
    if !proved.gaps.is_empty() {
        let places: Vec<String> = proved.gaps.iter().take(10).map(u64::to_string).collect();
        let more = if proved.gaps.len() > places.len() {
            " and more"
        } else {
            ""
        };
        output::line(&format!(
            "  GAPS        {} in what was captured: entries {}{more}",
            proved.gaps.len(),
            places.join(", ")
        ));
    }
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
            landing.verb,
            landing.change.tree(),
            landing.change.work_item(),
            landing.name,
            landing.role
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
