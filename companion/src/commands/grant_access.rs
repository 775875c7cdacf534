//! `auditotter grant-access`: let somebody in.

use std::{fs, path::PathBuf, process::ExitCode};

use anyhow::{Context as _, bail};
use hub::companion::{CompanionRequest, MemberRow, PosedRow, Status};
use identity::{Digest, HumanVerb, Rationale, SignedRegistration, Subject, Tier};

use crate::{
    home::Workspace,
    key::{self, Means, OwnKey},
    output,
    shown::Shown,
};

/// A registration is a few hundred bytes.
const MOST_BYTES: u64 = 16 * 1024;

/// Let somebody in as a member; asks for your passphrase. Without a file, says how one is made
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// What they made with `auditotter join`, as me_....json
    file: Option<PathBuf>,
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

pub(super) fn run(workspace: &Workspace, args: Args) -> anyhow::Result<ExitCode> {
    let hub = workspace.hub()?;
    let status: Status = hub.ask(&CompanionRequest::Status)?;
    let Some(file) = args.file else {
        output::line("Whoever is to be a member runs this, and sends you the file that ends in .json:");
        output::line("");
        output::line(&format!(
            "  auditotter join --workspace {} --name NAME --email ADDRESS",
            status.workspace
        ));
        return Ok(ExitCode::SUCCESS);
    };
    let now = key::now_as_the_ledger(&status)?;
    let own = OwnKey::find(workspace, &status, args.key.as_deref())?;
    let shown = file.display();
    if fs::metadata(&file).is_ok_and(|meta| meta.len() > MOST_BYTES) {
        bail!("{shown} is no registration: it is too large");
    }
    let text = fs::read(&file).with_context(|| format!("{shown} cannot be read"))?;
    let registration: SignedRegistration =
        serde_json::from_slice(&text).with_context(|| format!("{shown} is no registration"))?;
    let newcomer = registration.verify(status.workspace)?;
    let posed: PosedRow = hub.ask(&CompanionRequest::PoseNewcomer {
        registration: registration.clone(),
    })?;
    let subject = (
        Subject::Member(newcomer.id),
        Digest::of_subject(&registration.canonical()?),
    );
    let decision = own.decision(
        &posed,
        HumanVerb::GrantAccess,
        subject,
        args.why.clone(),
        (now, Tier::T0),
    );
    let text = Shown {
        heading: format!("{} lets in", own.member.name),
        words: None,
        facts: vec![
            ("name", format!("{} <{}>", newcomer.name, newcomer.email)),
            ("member", newcomer.id.to_string()),
            ("decides with", newcomer.decision_key.to_string()),
            ("lends with", newcomer.delegation_key.to_string()),
            ("because", args.why.as_ref().map_or_else(|| "no reason given".to_owned(), ToString::to_string)),
            ("digest", subject.1.to_string()),
        ],
        advice: Some(
            "Whoever holds these keys then lends and decides in their name: ask them whether the keys are theirs."
                .to_owned(),
        ),
    };
    let to = format!("let in {} <{}>", newcomer.name, newcomer.email);
    let signed = own.sign(
        &hub,
        (&decision, &Means::Passphrase),
        (&text, &to, "nobody was let in"),
    )?;
    let row: MemberRow = hub.ask(&CompanionRequest::LetIn { registration, signed })?;
    if args.json {
        output::json(&row)?;
    } else {
        output::line(&format!("{} <{}> is a member", row.name, row.email));
    }
    Ok(ExitCode::SUCCESS)
}
