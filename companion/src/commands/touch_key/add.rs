//! `auditotter touch-key add`.

use std::{path::PathBuf, process::ExitCode};

use hub::companion::{CompanionRequest, Status, TouchKeyRow};
use identity::{Credential, Enrolment};

use crate::{
    home::Workspace,
    key::{self, OwnKey},
    output,
    shown::Shown,
    touch_key,
};

/// Sign with your passphrase that a touch key is yours; make one with `ssh-keygen -t ed25519-sk -O verify-required`
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Args {
    /// Its public half, as ssh-keygen wrote it
    #[arg(value_name = "FILE.pub")]
    file: PathBuf,
    /// The key to sign with, where the home has none or several
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
    /// Print an array of objects
    #[arg(long)]
    json: bool,
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let touch_key = touch_key::read_public(&args.file)?;
    let hub = workspace.hub()?;
    let status: Status = hub.ask(&CompanionRequest::Status)?;
    let own = OwnKey::find(workspace, &status, args.key.as_deref())?;
    let text = Shown {
        heading: format!(
            "{} takes up a touch key that decides in their name",
            own.member.name
        ),
        words: None,
        facts: vec![
            ("fingerprint", touch_key.fingerprint().to_string()),
            ("public key", touch_key.to_string()),
        ],
        advice: Some(
            "Go on only if `ssh-keygen -l -f FILE.pub` shows this very fingerprint for a key of yours.\nIt decides only if it was made with -O verify-required.".to_owned(),
        ),
    };
    let seed = own.open(
        &text.to_string(),
        "take up this touch key",
        "no touch key was taken up",
    )?;
    let enrolment = Enrolment {
        workspace: status.workspace,
        member: own.member.id,
        credential: Credential::TouchKey(touch_key),
        at: key::now_as_the_ledger(&hub.ask(&CompanionRequest::Status)?)?,
    };
    let signed = enrolment.sign(&seed.decision_key())?;
    let rows: Vec<TouchKeyRow> = hub.ask(&CompanionRequest::Enrol { signed })?;
    if args.json {
        output::json(&rows)?;
    } else {
        output::line("Decide with a touch from now on: auditotter approve wi_... --touch-key FILE");
    }
    Ok(ExitCode::SUCCESS)
}
