//! `auditotter passkey add`.

use std::{path::PathBuf, process::ExitCode};

use hub::companion::{CompanionRequest, PasskeyRow, Status};
use identity::{Credential, Enrolment};

use crate::{
    home::Workspace,
    key::{self, OwnKey},
    output,
    shown::Shown,
    touch,
};

/// Make a passkey in your browser, and sign with your passphrase that it is yours
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Args {
    /// The key to sign with, where the home has none or several
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Print an array of objects
    #[arg(long)]
    json: bool,
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let hub = workspace.hub()?;
    let status: Status = hub.ask(&CompanionRequest::Status)?;
    let own = OwnKey::find(workspace, &status, args.key.as_deref())?;
    let known: Vec<PasskeyRow> = hub.ask(&CompanionRequest::Passkeys)?;
    let known: Vec<_> = known.into_iter().map(|passkey| passkey.id).collect();
    // Open until the passphrase was given or refused.
    let made = touch::new_passkey(&own.member, &known)?;
    let enrolment = Enrolment {
        workspace: status.workspace,
        member: own.member.id,
        credential: Credential::Passkey(made.answer.clone()),
        at: key::now_as_the_ledger(&hub.ask(&CompanionRequest::Status)?)?,
    };
    let text = Shown {
        heading: format!(
            "{} takes up a passkey that decides in their name",
            own.member.name
        ),
        words: None,
        facts: vec![
            ("code", touch::code_of(&made.answer)),
            ("credential", made.answer.id.to_string()),
        ],
        advice: Some("Go on only if the page in your browser shows this very code.".to_owned()),
    };
    let seed = own.open(
        &text.to_string(),
        "take up this passkey",
        "no passkey was taken up",
    )?;
    let signed = enrolment.sign(&seed.decision_key())?;
    let rows: Vec<PasskeyRow> = hub.ask(&CompanionRequest::Enrol { signed })?;
    if args.json {
        output::json(&rows)?;
    } else {
        output::line("Decide with a touch from now on: auditotter approve wi_... --touch");
    }
    Ok(ExitCode::SUCCESS)
}
