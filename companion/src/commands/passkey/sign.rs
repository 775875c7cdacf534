//! `auditotter passkey sign`: for a passkey that was made on a page of the inbox, which has no key of anybody's.

use std::{
    ffi::OsStr,
    fs,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use identity::{Credential, Enrolment, Passkey};
use serde::Deserialize;
use vocabulary::{MemberId, WorkspaceId};

use crate::{home::Workspace, output, shown::Shown, terminal, touch};

/// Sign that a passkey is yours which you made on the inbox's page
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Args {
    /// What the page shows
    passkey: String,
    /// Your key, as me_....age; else the one in the home
    #[arg(long, value_name = "FILE")]
    key: Option<PathBuf>,
}

/// What the page shows, decoded.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Made {
    workspace: WorkspaceId,
    passkey: Passkey,
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let made: Made = URL_SAFE_NO_PAD
        .decode(args.passkey.trim())
        .ok()
        .and_then(|bytes| serde_json::from_slice(&bytes).ok())
        .context("this is not what the inbox's page shows; copy the whole command")?;
    made.passkey.check()?;
    let path = match &args.key {
        Some(path) => path.clone(),
        None => only_key(&workspace.home.keys())?,
    };
    let shown = path.display();
    let member: MemberId = path
        .file_stem()
        .and_then(OsStr::to_str)
        .and_then(|stem| stem.parse().ok())
        .with_context(|| format!("{shown} is not named after a member, as me_....age"))?;
    let enrolment = Enrolment {
        workspace: made.workspace,
        member,
        credential: Credential::Passkey(made.passkey.clone()),
        at: hub::clock::now(),
    };
    let text = Shown {
        heading: format!("{member} takes up a passkey that decides in their name"),
        words: None,
        facts: vec![
            ("code", touch::code_of(&made.passkey)),
            ("for host", made.passkey.rp_id.clone()),
            ("workspace", enrolment.workspace.to_string()),
            ("credential", made.passkey.id.to_string()),
        ],
        advice: Some("Go on only if the page in your browser shows this very code.".to_owned()),
    };
    let sealed = fs::read(&path).with_context(|| format!("the key {shown} cannot be read"))?;
    let passphrase =
        terminal::ask_passphrase(&text.to_string(), &member.to_string(), "take up this passkey")?;
    let seed = identity::open(&sealed, &passphrase)
        .with_context(|| format!("the key {shown} was not opened, nothing was signed"))?;
    let signed = enrolment.sign(&seed.decision_key())?;
    output::line(&serde_json::to_string(&signed)?);
    Ok(ExitCode::SUCCESS)
}

fn only_key(folder: &Path) -> anyhow::Result<PathBuf> {
    let entries = fs::read_dir(folder).with_context(|| format!("{} cannot be read", folder.display()))?;
    let mut keys = entries
        .filter_map(|entry| Some(entry.ok()?.path()))
        .filter(|path| path.extension().is_some_and(|extension| extension == "age"));
    match (keys.next(), keys.next()) {
        (Some(only), None) => Ok(only),
        (None, _) => bail!("no key is in {}; say which with --key FILE", folder.display()),
        (Some(_), Some(_)) => bail!(
            "several keys are in {}; say which with --key FILE",
            folder.display()
        ),
    }
}
