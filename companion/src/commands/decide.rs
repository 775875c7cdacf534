//! `auditotter approve` and `auditotter reject`: decide, and sign it.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use hub::{
    companion::{CompanionRequest, ShownWorkItem, Status, WorkItemRow},
    words,
};
use identity::{Decision, Digest, HumanVerb, Rationale, Subject};
use vocabulary::WorkItemId;
use work_items::{Proposed, RiskPolicy, assess};

use crate::{
    home::Workspace,
    key::{self, OwnKey},
    output,
};

/// Say that proposed work may begin; asks for your passphrase
#[derive(Debug, clap::Args)]
pub(super) struct ApproveArgs {
    /// Which, as wi_...
    work_item: WorkItemId,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    why: Option<Rationale>,
    /// The key to sign with, where the home has none or several
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
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
    /// The key to sign with, where the home has none or several
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Print an object
    #[arg(long)]
    json: bool,
}

pub(super) fn approve(workspace: &Workspace, args: ApproveArgs) -> anyhow::Result<ExitCode> {
    decide(
        workspace,
        HumanVerb::Approve,
        args.work_item,
        args.why,
        args.key,
        args.json,
    )
}

pub(super) fn reject(workspace: &Workspace, args: RejectArgs) -> anyhow::Result<ExitCode> {
    decide(
        workspace,
        HumanVerb::Reject,
        args.work_item,
        Some(args.why),
        args.key,
        args.json,
    )
}

fn decide(
    workspace: &Workspace,
    verb: HumanVerb,
    id: WorkItemId,
    rationale: Option<Rationale>,
    key: Option<PathBuf>,
    json: bool,
) -> anyhow::Result<ExitCode> {
    let hub = workspace.hub()?;
    let status: Status = hub.ask(&CompanionRequest::Status)?;
    let now = key::now_as_the_ledger(&status)?;
    let own = OwnKey::find(workspace, &status, key.as_deref())?;
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
    if proposed.assessment.policy_digest == rules.digest()
        && proposed.assessment != assess(&proposed.proposal, rules)
    {
        bail!("{id} is not judged as the rules say; nothing was decided, run: auditotter doctor");
    }
    let subject = Subject::WorkItem {
        id,
        policy: proposed.assessment.policy_digest,
        risk: proposed.assessment.risk,
    };
    let digest = Digest::of_subject(shown.recorded.as_bytes());
    let decision = own.decision(&shown.posed, verb, (subject, digest), rationale, now);
    let text = in_words(&proposed, &decision, &own, &status);
    let to = format!("{verb} {id} ({} risk)", proposed.assessment.risk);
    let seed = own.open(&text, &to, "nothing was decided")?;
    let signed = decision.sign(&seed.decision_key())?;
    let row: WorkItemRow = hub.ask(&CompanionRequest::Decide { signed })?;
    if json {
        output::json(&row)?;
    } else {
        output::line(&format!("{} is {}", row.id, row.state));
    }
    Ok(ExitCode::SUCCESS)
}

/// What is signed. What the agent wrote comes first and quoted, so that however long it is, what stands right above the
/// question is ours.
fn in_words(proposed: &Proposed, decision: &Decision, own: &OwnKey, status: &Status) -> String {
    let proposal = &proposed.proposal;
    let judged = &proposed.assessment;
    let mut lines = vec![format!("{} was proposed with these words:", proposed.id)];
    lines.push(format!("  | {}", proposal.title()));
    let description = proposal.description().map(ToString::to_string);
    for line in description.iter().flat_map(|text| text.lines()) {
        lines.push(format!("  | {line}"));
    }
    for path in proposal.paths() {
        lines.push(format!("  | path {path}"));
    }
    let human = status
        .members
        .iter()
        .find(|member| member.id == proposed.on_behalf_of)
        .map_or_else(
            || proposed.on_behalf_of.to_string(),
            |member| member.name.to_string(),
        );
    lines.push(format!(
        "{} decides to {} {}:",
        own.member.name,
        decision.verb.to_string().to_uppercase(),
        proposed.id
    ));
    lines.push(format!("  title         {}", proposal.title()));
    lines.push(format!(
        "  proposed for  {human} (via {}) at {}",
        proposed.via,
        words::moment(proposed.proposed_at)
    ));
    if let Some(repository) = proposal.repository() {
        lines.push(format!("  repository    {repository}"));
    }
    lines.push(format!("  paths         {}", proposal.paths().len()));
    lines.push(format!(
        "  type          {}: {}",
        judged.item_type.as_str(),
        judged.type_reasons.join("; ")
    ));
    lines.push(format!(
        "  risk          {}: {}",
        judged.risk,
        judged.risk_reasons.join("; ")
    ));
    if let Some(rationale) = &decision.rationale {
        lines.push(format!(
            "  because       {}",
            rationale.to_string().replace('\n', "\n                ")
        ));
    }
    lines.push(format!("  digest        {}", decision.subject_digest));
    lines.push(format!(
        "  vouches for   a ledger of {} entries, whose root is",
        decision.history.size
    ));
    lines.push(format!("                {}", decision.history.root));
    lines.join("\n")
}
