//! `auditotter approve` and `auditotter reject`: decide, and sign it.

use std::{
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use hub::{
    companion::{CompanionRequest, ShownWorkItem, Status, WorkItemRow},
    words,
};
use identity::{Decision, Digest, HumanVerb, Rationale, Subject};
use vocabulary::{EvidenceOutcome, MemberId, WorkItemId, shown};
use work_items::{Evidence, Proposed, RiskPolicy, State, Step, TransitionError, assess};

use crate::{
    home::Workspace,
    key::{self, Means, OwnKey},
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
pub(super) struct Signing {
    /// The key to sign with, where the home has none or several
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Sign with a passkey in your browser, in place of the passphrase
    #[arg(long, conflicts_with = "touch_key")]
    touch: bool,
    /// Sign with a touch key, in place of the passphrase: the one in FILE, or the one in ~/.ssh
    #[arg(long, value_name = "FILE", num_args = 0..=1)]
    touch_key: Option<Option<PathBuf>>,
}

impl Signing {
    pub(super) fn key(&self) -> Option<&Path> {
        self.key.as_deref()
    }

    pub(super) fn means(&self) -> Means {
        match (&self.touch_key, self.touch) {
            (Some(file), _) => Means::TouchKey(file.clone()),
            (None, true) => Means::Passkey,
            (None, false) => Means::Passphrase,
        }
    }
}

/// Say that a change which landed may be deployed: high and critical risk take that. By touch
#[derive(Debug, clap::Args)]
pub(super) struct AttestDeployArgs {
    /// Which, as wi_...
    work_item: WorkItemId,
    /// Why it may be deployed
    #[arg(long, value_name = "TEXT")]
    why: Rationale,
    #[command(flatten)]
    signing: Signing,
    /// Print an object
    #[arg(long)]
    json: bool,
}

pub(super) fn attest_deploy(workspace: &Workspace, args: AttestDeployArgs) -> anyhow::Result<ExitCode> {
    // Nobody should have to touch anything to learn that it has not landed.
    let row: WorkItemRow = workspace
        .hub()?
        .ask(&CompanionRequest::WorkItem { id: args.work_item })?;
    let state: State = row.state.parse()?;
    if state.after(Step::Attest, row.risk).is_none() {
        bail!(TransitionError {
            id: row.id,
            state,
            risk: row.risk,
            wanted: State::Attested,
        });
    }
    decide(
        workspace,
        HumanVerb::AttestDeploy,
        args.work_item,
        Some(args.why),
        &args.signing,
        args.json,
    )
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
    if verb != HumanVerb::Reject && !judged_by_them {
        bail!("{id} was judged by rules that this auditotter does not have; have it proposed again");
    }
    let subject = Subject::WorkItem {
        id,
        policy: proposed.assessment.policy_digest,
        risk: proposed.assessment.risk,
    };
    let (evidence, digest) = read_evidence(&shown, id)?;
    let means = signing.means();
    let decision = own.decision(
        &shown.posed,
        verb,
        (subject, digest),
        rationale,
        (now, means.tier()),
    );
    let text = shown_to(&proposed, &evidence, &decision, &own, &status);
    let to = format!("{verb} {id} ({} risk)", proposed.assessment.risk);
    let signed = own.sign(&hub, (&decision, &means), (&text, &to, "nothing was decided"))?;
    let row: WorkItemRow = hub.ask(&CompanionRequest::Decide { signed })?;
    if json {
        output::json(&row)?;
    } else {
        output::line(&format!("{} is {}", row.id, row.state));
    }
    Ok(ExitCode::SUCCESS)
}

/// The evidence that is shown, and the digest of all that is: made here, so that what is signed is what was read.
pub(super) fn read_evidence(
    shown: &ShownWorkItem,
    id: WorkItemId,
) -> anyhow::Result<(Vec<Evidence>, Digest)> {
    let mut digest = Digest::of_subject(shown.recorded.as_bytes());
    let mut found = Vec::new();
    for text in &shown.evidence {
        let evidence: Evidence = serde_json::from_str(text).context("the hub shows what is no evidence")?;
        if evidence.work_item != id {
            bail!(
                "the hub shows evidence on {}, not on {id}; nothing was decided",
                evidence.work_item
            );
        }
        digest = digest.with_evidence(&Digest::of_subject(text.as_bytes()));
        found.push(evidence);
    }
    Ok((found, digest))
}

pub(super) fn name_of(status: &Status, member: MemberId) -> String {
    let known = status.members.iter().find(|known| known.id == member);
    known.map_or_else(|| member.to_string(), |known| known.name.to_string())
}

/// Evidence, as it is shown: whose word it is, and the words themselves.
pub(super) fn evidence_words(evidence: &[Evidence], status: &Status) -> Vec<String> {
    let mut words = Vec::new();
    for found in evidence {
        let (who, finding) = (name_of(status, found.on_behalf_of), &found.finding);
        words.push(format!(
            "{} {} by {}, says {who} (via {}) at {}",
            finding.kind(),
            finding.outcome(),
            finding.tool(),
            found.via,
            words::moment(found.recorded_at)
        ));
        words.extend(
            finding
                .summary()
                .lines()
                .map(|line| format!("  {}", shown(line, 2_000))),
        );
    }
    words
}

fn shown_to(
    proposed: &Proposed,
    evidence: &[Evidence],
    decision: &Decision,
    own: &OwnKey,
    status: &Status,
) -> Shown {
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
    words.extend(evidence_words(evidence, status));
    let human = name_of(status, proposed.on_behalf_of);
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
    if !evidence.is_empty() {
        let of = |outcome| {
            evidence
                .iter()
                .filter(|found| found.finding.outcome() == outcome)
                .count()
        };
        let (passed, failed) = (of(EvidenceOutcome::Passed), of(EvidenceOutcome::Failed));
        facts.push((
            "evidence",
            format!("{passed} passed, {failed} failed, as whoever recorded it says"),
        ));
        let lines = evidence
            .iter()
            .rev()
            .find_map(|found| found.finding.changed_lines());
        facts.extend(lines.map(|lines| ("changed lines", format!("{lines}, as they say"))));
    }
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
        words: Some((
            if evidence.is_empty() {
                format!("{} was proposed with these words", proposed.id)
            } else {
                format!(
                    "{} was proposed, and evidence recorded, with these words",
                    proposed.id
                )
            },
            words,
        )),
        facts,
        advice: None,
    }
}
