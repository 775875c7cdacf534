//! `auditotter install`: our server, hooks and skill in a client's own configuration, and out of it again.

mod claude;
mod document;
mod files;
mod git;
mod hooks;
mod json;
mod obstacles;
mod places;
mod plan;
mod receipt;
mod server_program;
mod servers;
mod spaced;

use std::{process::ExitCode, str::FromStr};

use similar::TextDiff;
use vocabulary::{Client, ClientError};

use crate::{home::Workspace, output};
use places::Places;
pub(super) use places::Scope;
use plan::{Change, Plan};
use server_program::ServerProgram;

/// Put the MCP server, the hooks and the skill into a client's configuration, or a hook into a repository of git's; everything else there stays
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Whose configuration: claude-code or codex; or git, for the repository of this folder: commits made in an agent's session name its trace
    into: Into,
    /// For whoever works in this folder, in files that a repository may share
    #[arg(long, conflicts_with = "user")]
    project: bool,
    /// For you, wherever you work; this is what happens unless --project is said
    #[arg(long)]
    user: bool,
    /// Take out what was put in, and leave what was there before
    #[arg(long)]
    uninstall: bool,
    /// Only show what would change
    #[arg(long)]
    dry_run: bool,
}

/// What something is put into.
#[derive(Debug, Clone, Copy)]
enum Into {
    Client(Client),
    Git,
}

impl FromStr for Into {
    type Err = ClientError;

    fn from_str(text: &str) -> Result<Self, ClientError> {
        if text == "git" {
            Ok(Self::Git)
        } else {
            text.parse().map(Self::Client)
        }
    }
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let Into::Client(client) = args.into else {
        return git::run(workspace, args).map(|()| ExitCode::SUCCESS);
    };
    let scope = if args.project { Scope::Project } else { Scope::User };
    let places = Places::of(client, scope)?;
    let plan = if args.uninstall {
        Plan::to_take_out(&places)?
    } else {
        let program = ServerProgram::find(workspace.home.path())?;
        Plan::to_put_in(&places, &program)?
    };
    if args.dry_run {
        preview(plan.changes(), &plan.steps);
    } else {
        carry_out(&plan)?;
    }
    for remark in &plan.remarks {
        output::line(remark);
    }
    if !args.uninstall && !args.dry_run {
        next(client, scope);
    }
    Ok(ExitCode::SUCCESS)
}

/// Whether what a client of this user does by itself is recorded.
pub(super) fn records(client: Client) -> anyhow::Result<bool> {
    obstacles::records(&Places::of(client, Scope::User)?)
}

fn preview<'a>(changes: impl Iterator<Item = &'a Change>, steps: &[claude::Step]) {
    let mut nothing = steps.is_empty();
    for change in changes {
        nothing = false;
        let name = change.found.path.display().to_string();
        let (before, after) = (
            shown(change.found.bytes.as_deref()),
            shown(change.after.as_deref()),
        );
        let diff = TextDiff::from_lines(&before, &after);
        let (from, to) = (
            if change.found.bytes.is_some() {
                name.as_str()
            } else {
                "/dev/null"
            },
            if change.after.is_some() {
                name.as_str()
            } else {
                "/dev/null"
            },
        );
        output::line(diff.unified_diff().header(from, to).to_string().trim_end());
    }
    for step in steps {
        output::line(&format!("Would run: {step}"));
    }
    if nothing {
        output::line("Nothing would change.");
    } else {
        output::line("Nothing was changed: this only shows what would be.");
    }
}

fn shown(bytes: Option<&[u8]>) -> String {
    String::from_utf8_lossy(bytes.unwrap_or_default()).into_owned()
}

fn carry_out(plan: &Plan) -> anyhow::Result<()> {
    // The client's own commands first: where one fails, nothing else has been touched.
    for step in &plan.steps {
        step.run()?;
        output::line(&format!("{}.", step.done()));
    }
    for change in plan.changes() {
        change.found.replace(change.after.as_deref())?;
        if let Some(said) = change.said() {
            output::line(&said);
        }
    }
    plan.tidy();
    for Change { what, found, .. } in plan.unchanged() {
        if let Some(what) = what.already {
            output::line(&format!("{what} {}.", found.path.display()));
        }
    }
    if plan.is_empty() {
        output::line(plan.nothing);
    }
    Ok(())
}

fn next(client: Client, scope: Scope) {
    if client == Client::Codex {
        if scope == Scope::Project {
            output::line(
                "Codex reads a project's files only where the project is trusted: start `codex` there and say so.",
            );
        }
        output::line(
            "Codex runs no hook before you trusted it: start `codex`, choose \"Trust all and continue\", or look at each with /hooks. \
             Until then nothing of what it does by itself is recorded.",
        );
    } else {
        output::line(
            "Start sessions anew that run already. \
             Where a tool call cannot be recorded, Claude Code does not make it: take the hooks out before you remove auditotter-mcp.",
        );
        if scope == Scope::Project {
            output::line("Claude Code asks each person once whether this project's server may start.");
        }
    }
    output::line(&format!(
        "If nothing is lent yet: auditotter delegate --agent {client}"
    ));
}
