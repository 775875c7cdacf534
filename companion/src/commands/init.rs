//! `auditotter init`: a new workspace and its first member.

use std::process::ExitCode;

use hub::{clock, create};
use identity::{Email, PersonName, Seed, SignedRegistration, WorkFactor};
use vocabulary::MemberId;

use crate::{home::Workspace, output, terminal};

/// Create a workspace, with you as its first member
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Your name, as it will stand beside everything done on your behalf
    #[arg(long)]
    name: PersonName,
    /// Your address
    #[arg(long)]
    email: Email,
}

pub(super) fn run(workspace: &Workspace, args: Args) -> anyhow::Result<ExitCode> {
    let home = workspace.home.path().display().to_string();
    if workspace.home.workspace_file().exists() {
        anyhow::bail!("there is a workspace in {home} already; use it, or name another home with --home DIR");
    }
    let passphrase = terminal::new_passphrase(&args.name.to_string())?;
    let member: MemberId = clock::new_id()?;
    let id = clock::new_id()?;
    let seed = Seed::from_entropy(clock::random()?);
    let registration = SignedRegistration::sign(&seed, member, args.name, args.email, id)?;
    let sealed_seed = identity::seal(&seed, &passphrase, WorkFactor::FOR_PEOPLE)?;
    create::workspace(
        &workspace.home,
        create::Founding {
            workspace: id,
            registration,
            member,
            sealed_seed,
        },
    )?;

    output::line(&format!("Workspace {id} is in {home}."));
    output::line(&format!(
        "Your key is in {home}/keys; it opens only with the passphrase. Nobody can reset that."
    ));
    output::line("");
    output::line("Lend something to an agent, then register the server with its client:");
    output::line("");
    output::line("  Claude Code   auditotter delegate --agent claude-code");
    output::line("                claude mcp add auditotter -- auditotter-mcp");
    output::line("  Codex         auditotter delegate --agent codex");
    output::line("                codex mcp add auditotter -- auditotter-mcp");
    Ok(ExitCode::SUCCESS)
}
