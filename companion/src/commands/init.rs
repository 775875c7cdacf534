//! `auditotter init`: a new workspace and its first member.

use std::{net::SocketAddr, process::ExitCode};

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
    /// Where the inbox listens for your browser: an address and port of this machine, or none
    #[arg(long, value_name = "ADDRESS|none", default_value = INBOX, value_parser = listening)]
    listen: Listening,
}

/// Where the inbox is unless somebody says otherwise.
const INBOX: &str = "127.0.0.1:7687";

/// Where the inbox listens, if anywhere.
#[derive(Debug, Clone, Copy)]
struct Listening(Option<SocketAddr>);

fn listening(text: &str) -> Result<Listening, String> {
    if text == "none" {
        return Ok(Listening(None));
    }
    let address: SocketAddr = text
        .parse()
        .map_err(|_| format!("`{text}` is no address and port, like {INBOX}"))?;
    if address.ip().is_loopback() {
        Ok(Listening(Some(address)))
    } else {
        Err(format!(
            "{address} can be reached from elsewhere; for that, run: auditotter serve --listen {address} --public-url https://..."
        ))
    }
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
            listen: args.listen.0,
        },
    )?;

    output::line(&format!("Workspace {id} is in {home}."));
    output::line(&format!(
        "Your key is in {home}/keys; it opens only with the passphrase. Nobody can reset that."
    ));
    output::line("");
    output::line(
        "Lend something to an agent, then have its client know the server, and record what it does:",
    );
    output::line("");
    output::line("  Claude Code   auditotter delegate --agent claude-code");
    output::line("                auditotter install claude-code");
    output::line("  Codex         auditotter delegate --agent codex");
    output::line("                auditotter install codex");
    Ok(ExitCode::SUCCESS)
}
