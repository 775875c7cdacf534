//! `auditotter doctor`: what is wrong here, and what to do about it.

mod attack;

use std::{
    fs,
    os::unix::fs::{MetadataExt as _, PermissionsExt as _},
    path::Path,
    process::{Command, ExitCode, Stdio},
};

use hub::{
    Settings,
    companion::{CompanionRequest, Status, VerifiedChain},
};
use serde::Serialize;
use time::Duration;
use vocabulary::Client;

use super::install;
use crate::{home::Workspace, output};

/// A ledger clock that runs ahead of the machine's by more than this was set by a wrong clock once.
const CLOCK_TOLERANCE: Duration = Duration::minutes(2);

/// Check this home, its hub and the clients, and say how to mend what is wrong. Ends with 0 where all is well, 1 where something is
/// bad, and 3 where nothing is bad and something of --attack could not be tried
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Also try what an agent with a shell would try first; each attempt is refused and recorded
    #[arg(long)]
    attack: bool,
    /// Print an array of objects
    #[arg(long)]
    json: bool,
}

/// What ends a look at which nothing was bad, but not everything was tried: neither 0, which says that it held, nor 1.
const NOT_ALL_TRIED: u8 = 3;

/// One thing that was looked at.
#[derive(Debug, Serialize)]
struct Finding {
    id: &'static str,
    /// Nothing where nobody can say, for it was not tried.
    well: Option<bool>,
    what: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    remedy: Option<String>,
}

impl Finding {
    fn well(id: &'static str, what: impl Into<String>) -> Self {
        Self {
            id,
            well: Some(true),
            what: what.into(),
            remedy: None,
        }
    }

    fn untried(id: &'static str, why: &str) -> Self {
        Self {
            id,
            well: None,
            what: format!("not tried: {why}"),
            remedy: None,
        }
    }

    fn ill(id: &'static str, what: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self {
            id,
            well: Some(false),
            what: what.into(),
            remedy: Some(remedy.into()),
        }
    }
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let mut findings = examine(workspace);
    if args.attack {
        findings.extend(attack::run(workspace)?);
    }
    let count = |well| findings.iter().filter(|finding| finding.well == well).count();
    let (bad, untried) = (count(Some(false)), count(None));
    if args.json {
        output::json(&findings)?;
    } else {
        for finding in &findings {
            let mark = match finding.well {
                Some(true) => "ok ",
                Some(false) => "BAD",
                None => "?  ",
            };
            output::line(&format!("{mark}  {:<12} {}", finding.id, finding.what));
            if let Some(remedy) = &finding.remedy {
                output::line(&format!("                  -> {remedy}"));
            }
        }
        let ok = count(Some(true));
        output::line(&format!("{ok} ok, {bad} bad, {untried} not tried"));
    }
    Ok(match (bad, untried) {
        (0, 0) => ExitCode::SUCCESS,
        (0, _) => NOT_ALL_TRIED.into(),
        _ => ExitCode::FAILURE,
    })
}

fn examine(workspace: &Workspace) -> Vec<Finding> {
    let home = &workspace.home;
    let mut findings = Vec::new();
    match Settings::read(home) {
        Ok(settings) => findings.push(Finding::well(
            "home",
            format!("workspace {} in {}", settings.workspace, home.path().display()),
        )),
        Err(error) => {
            findings.push(Finding::ill(
                "home",
                error.to_string(),
                "auditotter init --name NAME --email EMAIL",
            ));
            return findings;
        }
    }
    findings.extend([
        private("permissions", home.path()),
        private("hub key", &home.hub_key()),
        keys(&home.keys()),
        delegations(&home.delegations()),
        binary(),
    ]);
    match workspace
        .hub()
        .and_then(|hub| Ok((hub.ask::<Status>(&CompanionRequest::Status)?, hub)))
    {
        Ok((status, hub)) => {
            findings.push(Finding::well(
                "hub",
                format!("version {}, process {}", status.version, status.pid),
            ));
            findings.push(clock(&status));
            let verified: Result<Vec<VerifiedChain>, _> = hub.ask(&CompanionRequest::Verify { trace: None });
            findings.push(match verified {
                Ok(chains) => match chains.iter().find(|chain| !chain.holds) {
                    None => Finding::well("store", format!("{} entries in {} chains hold", status.entries, chains.len().saturating_sub(1))),
                    Some(broken) => Finding::ill(
                        "store",
                        format!("{} does not hold: {}", broken.id, broken.broken.as_deref().unwrap_or("unknown")),
                        "keep a copy of the home as it is; restore the store from a backup; nothing repairs it by dropping",
                    ),
                },
                Err(error) => Finding::ill("store", error.to_string(), "look into hub.log in the home"),
            });
        }
        Err(error) => findings.push(Finding::ill(
            "hub",
            error.to_string(),
            "run `auditotter serve` in a terminal and read what it says",
        )),
    }
    findings.extend(spool(&home.spool()));
    findings.extend([Client::ClaudeCode, Client::Codex].into_iter().flat_map(client));
    findings
}

fn private(id: &'static str, path: &Path) -> Finding {
    let shown = path.display();
    match fs::metadata(path) {
        Ok(meta) if meta.uid() != rustix::process::geteuid().as_raw() => Finding::ill(
            id,
            format!("{shown} belongs to another user"),
            format!("chown -R \"$USER\" '{shown}'"),
        ),
        Ok(meta) if meta.permissions().mode() & 0o077 != 0 => Finding::ill(
            id,
            format!("{shown} is open to other users"),
            format!("chmod go-rwx '{shown}'"),
        ),
        Ok(_) => Finding::well(id, format!("{shown} is yours alone")),
        Err(error) => Finding::ill(
            id,
            format!("{shown}: {error}"),
            "restore it from a backup of the home",
        ),
    }
}

fn keys(folder: &Path) -> Finding {
    let sealed: Vec<_> = files(folder, "age");
    match sealed.as_slice() {
        [] => Finding::ill(
            "key",
            format!("no key in {}", folder.display()),
            "restore your key file from a backup; without it you cannot lend or decide",
        ),
        [path] => match fs::read(path).map(|bytes| identity::looks_sealed(&bytes)) {
            Ok(true) => private("key", path),
            Ok(false) => Finding::ill(
                "key",
                format!("{} is damaged", path.display()),
                "restore it from a backup",
            ),
            Err(error) => Finding::ill(
                "key",
                format!("{}: {error}", path.display()),
                "make it readable for you",
            ),
        },
        [_, _, ..] => Finding::ill(
            "key",
            format!("{} keys in {}", sealed.len(), folder.display()),
            "keep only your own there",
        ),
    }
}

fn delegations(folder: &Path) -> Finding {
    let open = files(folder, "token")
        .into_iter()
        .map(|path| private("delegations", &path))
        .find(|finding| finding.well != Some(true));
    open.unwrap_or_else(|| {
        Finding::well(
            "delegations",
            format!("{} on this machine", files(folder, "token").len()),
        )
    })
}

fn binary() -> Finding {
    let beside = std::env::current_exe()
        .ok()
        .map(|own| own.with_file_name("auditotter-mcp"));
    match beside {
        Some(path) if path.exists() => Finding::well("server", path.display().to_string()),
        _ => Finding::ill(
            "server",
            "auditotter-mcp is not beside this program",
            "install both from one release",
        ),
    }
}

fn clock(status: &Status) -> Finding {
    let ahead = status.now.since(hub::clock::now());
    if ahead > CLOCK_TOLERANCE {
        Finding::ill(
            "clock",
            format!(
                "the ledger is {} minutes ahead of this machine",
                ahead.whole_minutes()
            ),
            "the machine's clock is or was wrong: set it right; until it has caught up, tokens end early and new entries bear the ledger's time",
        )
    } else {
        Finding::well("clock", "the ledger's time is the machine's")
    }
}

fn spool(folder: &Path) -> Option<Finding> {
    let refused = files(&folder.join("refused"), "json").len();
    (refused > 0).then(|| {
        Finding::ill(
            "spool",
            format!("{refused} spooled records did not prove themselves"),
            format!(
                "look at them in {}, then remove them",
                folder.join("refused").display()
            ),
        )
    })
}

/// Whether a client that is installed knows our server, and tells it what it does; nothing where it is not installed.
fn client(client: Client) -> Vec<Finding> {
    let (id, hooks, program, shown) = match client {
        Client::ClaudeCode => ("claude code", "claude hooks", "claude", "Claude Code"),
        Client::Codex => ("codex", "codex hooks", "codex", "Codex"),
    };
    let listed = Command::new(program)
        .args(["mcp", "list"])
        .stdin(Stdio::null())
        .stderr(Stdio::null())
        .output();
    let Ok(listed) = listed else {
        return Vec::new();
    };
    let remedy = format!("auditotter install {client}");
    let known = String::from_utf8_lossy(&listed.stdout).contains("auditotter");
    let server = if known {
        Finding::well(id, format!("{shown} has the server registered"))
    } else {
        Finding::ill(id, format!("{shown} does not know the server"), &remedy)
    };
    let told = match install::records(client) {
        Ok(true) if client == Client::Codex => Finding::well(
            hooks,
            format!("{shown} has them; whether you trusted them, only /hooks in Codex says"),
        ),
        Ok(true) => Finding::well(hooks, format!("{shown} records what it does")),
        Ok(false) => Finding::ill(
            hooks,
            format!("what {shown} does with its own tools is not recorded"),
            remedy,
        ),
        Err(error) => Finding::ill(hooks, format!("{error:#}"), "mend that file, then look again"),
    };
    vec![server, told]
}

fn files(folder: &Path, extension: &str) -> Vec<std::path::PathBuf> {
    fs::read_dir(folder)
        .into_iter()
        .flatten()
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|found| found == extension))
        .collect()
}
