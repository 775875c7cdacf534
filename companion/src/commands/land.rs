//! `auditotter land`: decide whether a change may land, and sign it.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use hub::{
    companion::{CompanionLink, CompanionRequest, ShownChange, Status, WorkItemRow},
    words,
};
use identity::{Decision, Digest, HumanVerb, Rationale};
use vocabulary::{MemberId, WorkItemId};
use work_items::{Change, Evidence, Proposed, RiskPolicy, assess};

use super::decide::{Signing, evidence_words, name_of, read_evidence};
use crate::{
    git::{Addresses, Repository},
    home::Workspace,
    key::{self, OwnKey},
    output,
    shown::Shown,
};

/// Say that a change may land, as git has it in this folder; whoever made it, or had it made, cannot alone
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// For which work item, as wi_...
    work_item: WorkItemId,
    /// The repository
    #[arg(long, value_name = "DIR", default_value = ".")]
    repo: PathBuf,
    /// The commit whose tree is to land
    #[arg(long, value_name = "REV", default_value = "HEAD")]
    rev: String,
    /// The commit on which it is to land; else origin's branch, main or master
    #[arg(long, value_name = "REV")]
    base: Option<String>,
    /// Put it forward, so that members can say in the inbox whether it may land; decides nothing
    #[arg(long, conflicts_with_all = ["reject", "why", "key", "touch", "touch_key"])]
    propose: bool,
    /// Say that it may not
    #[arg(long, requires = "why")]
    reject: bool,
    /// Why, for the record
    #[arg(long, value_name = "TEXT")]
    why: Option<Rationale>,
    #[command(flatten)]
    signing: Signing,
    /// Print an object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(workspace: &Workspace, args: Args) -> anyhow::Result<ExitCode> {
    let hub = workspace.hub()?;
    let status: Status = hub.ask(&CompanionRequest::Status)?;
    if args.propose {
        return propose(&hub, &status, &args);
    }
    let now = key::now_as_the_ledger(&status)?;
    let own = OwnKey::find(workspace, &status, args.signing.key())?;
    let id = args.work_item;
    let verb = if args.reject {
        HumanVerb::Reject
    } else {
        HumanVerb::Approve
    };
    // Whoever wrote addresses that cannot be read as they are keeps nobody from saying no.
    let addresses = match verb {
        HumanVerb::Reject => Addresses::Spelt,
        _ => Addresses::AsTheyAre,
    };
    let change = read(&args, addresses)?;
    let shown: ShownChange = hub.ask(&CompanionRequest::PoseChange {
        change: change.clone(),
    })?;
    // Whoever answers at the socket: what is read here is what is signed, for its digest is made here.
    let proposed: Proposed =
        serde_json::from_str(&shown.work_item.recorded).context("the hub shows what is no work item")?;
    if proposed.id != id {
        bail!(
            "the hub shows {} in place of {id}; nothing was decided",
            proposed.id
        );
    }
    let rules = RiskPolicy::built_in();
    if proposed.assessment != assess(&proposed.proposal, rules) {
        bail!("{id} is not judged as the rules of this auditotter say; nothing was decided");
    }
    let (evidence, known) = read_evidence(&shown.work_item, id)?;
    let subject = change.subject_of(&proposed);
    let means = args.signing.means();
    let decision = own.decision(
        &shown.work_item.posed,
        verb,
        (subject, change.digest(&known)?),
        args.why,
        (now, means.tier()),
    );
    let standing = Standing::of(verb, own.member.id, &shown);
    let text = shown_to(
        (&proposed, &change, &evidence),
        &decision,
        &own,
        &status,
        &standing,
    );
    let to = format!("{verb} {} for {id}", change.tree());
    let signed = own.sign(&hub, (&decision, &means), (&text, &to, "nothing was decided"))?;
    let row: WorkItemRow = hub.ask(&CompanionRequest::DecideChange { change, signed })?;
    if args.json {
        output::json(&row)?;
    } else if let Some(landing) = row
        .landings
        .iter()
        .rfind(|landing| landing.member == own.member.id)
    {
        output::line(&format!("{} {} for {}", landing.verb, landing.tree, row.id));
        if let Some(due) = landing.review_due {
            output::line(&format!(
                "By exception: nobody independent could. Somebody else has to review it by {}",
                words::moment(due)
            ));
        }
        for verdict in row.verdicts.iter().filter(|verdict| verdict.tree == landing.tree) {
            output::line(&format!("May it land: {}", verdict.words));
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn read(args: &Args, addresses: Addresses) -> anyhow::Result<Change> {
    Repository::at(&args.repo).change(args.work_item, &args.rev, args.base.as_deref(), addresses)
}

/// Puts the change forward. Nobody signs that, so nothing is asked for.
fn propose(hub: &CompanionLink, status: &Status, args: &Args) -> anyhow::Result<ExitCode> {
    let change = read(args, Addresses::AsTheyAre)?;
    let row: WorkItemRow = hub.ask(&CompanionRequest::ProposeChange {
        change: change.clone(),
    })?;
    if args.json {
        output::json(&row)?;
        return Ok(ExitCode::SUCCESS);
    }
    output::line(&format!("Put forward for {}: tree {}", row.id, change.tree()));
    output::line(&format!("of commit {}, onto {}", change.head(), change.base()));
    match &status.inbox {
        Some(inbox) => output::line(&format!("Members decide on it at {inbox}/w/{}#landings", row.id)),
        None => output::line("No inbox is open for members to decide on it; open one with: auditotter serve"),
    }
    Ok(ExitCode::SUCCESS)
}

/// As whom somebody decides here, as far as the hub says; it asks again when it records.
enum Standing {
    Independent,
    Reviews,
    Objects,
    NotAlone,
    Exception,
}

impl Standing {
    fn of(verb: HumanVerb, own: MemberId, shown: &ShownChange) -> Self {
        if verb != HumanVerb::Approve {
            Self::Objects
        } else if shown.independent.contains(&own) {
            if shown.waits_for_review {
                Self::Reviews
            } else {
                Self::Independent
            }
        } else if shown.excepted {
            Self::Exception
        } else {
            Self::NotAlone
        }
    }

    const fn words(&self) -> &'static str {
        match self {
            Self::Independent => "somebody who did not make it",
            Self::Reviews => "somebody who reviews what was let through by exception",
            Self::Objects => "somebody who says no",
            Self::NotAlone => {
                "one of those who made it, or had it made:\nit will be refused, for it is for others"
            }
            Self::Exception => {
                "one of those who made it, or had it made, for there is nobody else:\nan exception, listed and due for a review in 7 days"
            }
        }
    }
}

/// Who made it, by address: no rule can tell whose an address is that is no member's.
fn made_by(change: &Change, status: &Status) -> String {
    let whose = |address: &String| {
        let known = status.members.iter();
        let member = known
            .filter(|member| member.email.to_string().eq_ignore_ascii_case(address))
            .map(|member| member.name.to_string())
            .next();
        member.map_or_else(
            || format!("{address} (no member's address)"),
            |name| format!("{address} ({name})"),
        )
    };
    let all: Vec<String> = change.committers().iter().map(whose).collect();
    all.join("\n")
}

fn shown_to(
    (proposed, change, evidence): (&Proposed, &Change, &[Evidence]),
    decision: &Decision,
    own: &OwnKey,
    status: &Status,
    standing: &Standing,
) -> Shown {
    let mut words = vec![proposed.proposal.title().to_string()];
    words.extend(evidence_words(evidence, status));
    let mut facts = vec![
        ("title", proposed.proposal.title().to_string()),
        ("tree", change.tree().to_string()),
        ("of commit", change.head().to_string()),
        ("onto", change.base().to_string()),
        ("commits", change.commits().to_string()),
        ("made by", made_by(change, status)),
        ("for", name_of(status, proposed.on_behalf_of)),
        (
            "changed lines",
            change.changed_lines().map_or_else(
                || "unknown: not all of it is text".to_owned(),
                |lines| lines.to_string(),
            ),
        ),
        (
            "risk",
            format!(
                "{}: {}",
                proposed.assessment.risk,
                proposed.assessment.risk_reasons.join("; ")
            ),
        ),
        ("decided as", standing.words().to_owned()),
    ];
    if let Some(rationale) = &decision.rationale {
        facts.push(("because", rationale.to_string()));
    }
    facts.extend([
        ("digest", Digest::to_string(&decision.subject_digest)),
        (
            "vouches for",
            format!("a ledger of {} entries, whose root is", decision.history.size),
        ),
        ("", decision.history.root.to_string()),
    ]);
    Shown {
        heading: format!(
            "{} decides to {} what is to land for {}",
            own.member.name,
            decision.verb.to_string().to_uppercase(),
            proposed.id
        ),
        words: Some((format!("What others wrote of {}", proposed.id), words)),
        facts,
        advice: Some("Git in this repository says so. Is this the commit that you looked at?".to_owned()),
    }
}
