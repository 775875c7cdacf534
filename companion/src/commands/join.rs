//! `auditotter join`: make a key of one's own for somebody else's workspace.

use std::{
    fs,
    io::{self, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::Context as _;
use hub::clock;
use identity::{Email, PersonName, Seed, SignedRegistration, WorkFactor};
use vocabulary::{MemberId, WorkspaceId};

use crate::{output, terminal};

/// Make your key for a workspace, and what its members need to let you in
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Which workspace, as ws_...; `auditotter grant-access` says it to whoever invites you
    #[arg(long, value_name = "ID")]
    workspace: WorkspaceId,
    /// Your name, as it will stand beside everything done on your behalf
    #[arg(long)]
    name: PersonName,
    /// Your address
    #[arg(long)]
    email: Email,
    /// Where to put both files
    #[arg(long, value_name = "DIR", default_value = ".")]
    to: PathBuf,
}

pub(super) fn run(args: Args) -> anyhow::Result<ExitCode> {
    let passphrase = terminal::new_passphrase(&args.name.to_string())?;
    let member: MemberId = clock::new_id()?;
    let seed = Seed::from_entropy(clock::random()?);
    let registration = SignedRegistration::sign(&seed, member, args.name, args.email, args.workspace)?;
    let sealed = identity::seal(&seed, &passphrase, WorkFactor::FOR_PEOPLE)?;
    let key = args.to.join(format!("{member}.age"));
    let said = args.to.join(format!("{member}.json"));
    let failed = |path: &Path| format!("{} cannot be written", path.display());
    create(&key, &sealed).with_context(|| failed(&key))?;
    if let Err(error) = create(&said, &serde_json::to_vec_pretty(&registration)?) {
        let _ = fs::remove_file(&key);
        return Err(error).with_context(|| failed(&said));
    }
    output::line(&format!(
        "Your key is {}; it opens only with the passphrase. Keep it.",
        key.display()
    ));
    output::line(&format!("Send {} to a member, who runs:", said.display()));
    output::line("");
    output::line(&format!("  auditotter grant-access {member}.json"));
    Ok(ExitCode::SUCCESS)
}

/// Writes a file that was not there, for its owner only.
fn create(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut file = fs::OpenOptions::new()
        .write(true)
        .create_new(true)
        .mode(0o600)
        .open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}
