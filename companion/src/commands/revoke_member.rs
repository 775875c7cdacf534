//! `auditotter revoke-member`: let go of a member.

use std::{path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use hub::companion::{CompanionRequest, MemberRow, PosedRow, Status};
use identity::{Digest, HumanVerb, Member, Rationale, Subject, Tier};
use vocabulary::MemberId;

use crate::{
    home::Workspace,
    key::{self, Means, OwnKey},
    output,
    shown::Shown,
};

/// Let go of a member: they lend and decide nothing from then on, and what they lent is taken back
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Who, as me_...
    member: MemberId,
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
    let posed: PosedRow = hub.ask(&CompanionRequest::PoseDeparture { member: args.member })?;
    let known = status.members.iter().find(|member| member.id == args.member);
    let text = &known
        .with_context(|| format!("{} is no member", args.member))?
        .canonical;
    // Whoever answers at the socket: what is shown is read from what is signed.
    let member: Member = serde_json::from_str(text).context("the hub shows what is no member")?;
    if member.id != args.member {
        bail!(
            "the hub shows {} in place of {}; nobody was let go of",
            member.id,
            args.member
        );
    }
    let subject = (Subject::Member(member.id), Digest::of_subject(text.as_bytes()));
    let shown = Shown {
        heading: format!("{} lets go of", own.member.name),
        words: None,
        facts: vec![
            ("name", format!("{} <{}>", member.name, member.email)),
            ("member", member.id.to_string()),
            ("because", args.why.to_string()),
        ],
        advice: Some(
            "They lend and decide nothing from then on, and what they lent is taken back.".to_owned(),
        ),
    };
    let decision = own.decision(
        &posed,
        HumanVerb::RevokeMember,
        subject,
        Some(args.why),
        (now, Tier::T0),
    );
    let to = format!("let go of {} <{}>", member.name, member.email);
    let signed = own.sign(
        &hub,
        (&decision, &Means::Passphrase),
        (&shown, &to, "nobody was let go of"),
    )?;
    let rows: Vec<MemberRow> = hub.ask(&CompanionRequest::LetGo { signed })?;
    if args.json {
        output::json(&rows)?;
    } else {
        output::line(&format!(
            "{} <{}> is a member no longer",
            member.name, member.email
        ));
    }
    Ok(ExitCode::SUCCESS)
}
