//! `auditotter approve` and `auditotter reject`: decide, and sign it.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use hub::{
    companion::{CompanionRequest, ShownWorkItem, Status, WorkItemRow},
    words,
};
use identity::{Decision, Digest, HumanVerb, Rationale, Subject, Tier};
use vocabulary::WorkItemId;
use work_items::{Proposed, RiskPolicy, assess};

use crate::{
    home::Workspace,
    key::{self, OwnKey},
    output,
    shown::Shown,
};

/// Say that proposed work may begin; asks for your passphrase
#[derive(Debug, clap::Args)]
pub(super) struct ApproveArgs {
    /// Which, as wi_...
    work_item: WorkItemId,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    why: Option<Rationale>,
    #[command(flatten)]
    signing: Signing,
    /// Print an object
    #[arg(long)]
    json: bool,
}

/// Say that proposed work may not begin; asks for your passphrase
#[derive(Debug, clap::Args)]
pub(super) struct RejectArgs {
    /// Which, as wi_...
    work_item: WorkItemId,
    /// Why: whoever is told no is told the reason
    #[arg(long, value_name = "TEXT")]
    why: Rationale,
    #[command(flatten)]
    signing: Signing,
    /// Print an object
    #[arg(long)]
    json: bool,
}

/// How a decision on a work item is signed.
#[derive(Debug, clap::Args)]
struct Signing {
    /// The key to sign with, where the home has none or several
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Sign with a passkey in your browser, in place of the passphrase
    #[arg(long)]
    touch: bool,
}

impl Signing {
    const fn tier(&self) -> Tier {
        if self.touch { Tier::T1 } else { Tier::T0 }
    }
}

pub(super) fn approve(workspace: &Workspace, args: ApproveArgs) -> anyhow::Result<ExitCode> {
    decide(
        workspace,
        HumanVerb::Approve,
        args.work_item,
        args.why,
        &args.signing,
        args.json,
    )
}

pub(super) fn reject(workspace: &Workspace, args: RejectArgs) -> anyhow::Result<ExitCode> {
    decide(
        workspace,
        HumanVerb::Reject,
        args.work_item,
        Some(args.why),
        &args.signing,
        args.json,
    )
}

fn decide(
    workspace: &Workspace,
    verb: HumanVerb,
    id: WorkItemId,
    rationale: Option<Rationale>,
    signing: &Signing,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let hub = workspace.hub()?;
    let status: Status = hub.ask(&CompanionRequest::Status)?;
    let now = key::now_as_the_ledger(&status)?;
    let own = OwnKey::find(workspace, &status, signing.key.as_deref())?;
    let shown: ShownWorkItem = hub.ask(&CompanionRequest::Pose { id })?;
    // Whoever answers at the socket: what is read here is what is signed, for its digest is made here.
    let proposed: Proposed =
        serde_json::from_str(&shown.recorded).context("the hub shows what is no work item")?;
    if proposed.id != id {
        bail!(
            "the hub shows {} in place of {id}; nothing was decided",
            proposed.id
        );
    }
    // Nor is its word taken for how it was judged.
    let rules = RiskPolicy::built_in();
    let judged_by_them = proposed.assessment.policy_digest == rules.digest();
    if judged_by_them && proposed.assessment != assess(&proposed.proposal, rules) {
        bail!("{id} is not judged as the rules say; nothing was decided, run: auditotter doctor");
    }
    if verb == HumanVerb::Approve && !judged_by_them {
        bail!("{id} was judged by rules that this auditotter does not have; have it proposed again");
    }
    let subject = Subject::WorkItem {
        id,
        policy: proposed.assessment.policy_digest,
        risk: proposed.assessment.risk,
    };
    let digest = Digest::of_subject(shown.recorded.as_bytes());
    let decision = own.decision(
        &shown.posed,
        verb,
        (subject, digest),
        rationale,
        (now, signing.tier()),
    );
    let text = shown_to(&proposed, &decision, &own, &status);
    let to = format!("{verb} {id} ({} risk)", proposed.assessment.risk);
    let signed = own.sign(&hub, &decision, (&text, &to, "nothing was decided"))?;
    let row: WorkItemRow = hub.ask(&CompanionRequest::Decide { signed })?;
    if json {
        output::json(&row)?;
    } else {
        output::line(&format!("{} is {}", row.id, row.state));
    }
    Ok(ExitCode::SUCCESS)
}

fn shown_to(proposed: &Proposed, decision: &Decision, own: &OwnKey, status: &Status) -> Shown {
    let proposal = &proposed.proposal;
    let judged = &proposed.assessment;
    let mut words = vec![proposal.title().to_string()];
    let description = proposal.description().map(ToString::to_string);
    words.extend(
        description
            .iter()
            .flat_map(|text| text.lines().map(str::to_owned)),
    );
    words.extend(proposal.paths().iter().map(|path| format!("path {path}")));
    let human = status
        .members
        .iter()
        .find(|member| member.id == proposed.on_behalf_of)
        .map_or_else(
            || proposed.on_behalf_of.to_string(),
            |member| member.name.to_string(),
        );
    let mut facts = vec![
        ("title", proposal.title().to_string()),
        (
            "proposed for",
            format!(
                "{human} (via {}) at {}",
                proposed.via,
                words::moment(proposed.proposed_at)
            ),
        ),
    ];
    if let Some(repository) = proposal.repository() {
        facts.push(("repository", repository.to_string()));
    }
    facts.extend([
        ("paths", proposal.paths().len().to_string()),
        (
            "type",
            format!(
                "{}: {}",
                judged.item_type.as_str(),
                judged.type_reasons.join("; ")
            ),
        ),
        (
            "risk",
            format!("{}: {}", judged.risk, judged.risk_reasons.join("; ")),
        ),
    ]);
    if let Some(rationale) = &decision.rationale {
        facts.push(("because", rationale.to_string()));
    }
    facts.extend([
        ("digest", decision.subject_digest.to_string()),
        (
            "vouches for",
            format!("a ledger of {} entries, whose root is", decision.history.size),
        ),
        ("", decision.history.root.to_string()),
    ]);
    Shown {
        heading: format!(
            "{} decides to {} {}",
            own.member.name,
            decision.verb.to_string().to_uppercase(),
            proposed.id
        ),
        words: Some((format!("{} was proposed with these words", proposed.id), words)),
        facts,
        advice: None,
    }
}
