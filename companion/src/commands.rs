//! The commands, one file each.

mod blame;
mod decide;
mod delegate;
mod delegations;
mod demo;
mod doctor;
mod erase_body;
mod exceptions;
mod grant_access;
mod import;
mod inbox;
mod init;
mod inspect;
mod install;
mod join;
mod land;
mod members;
mod passkey;
mod revoke;
mod revoke_member;
mod serve;
mod show;
mod touch_key;
mod trace;
mod verify;

use std::{path::PathBuf, process::ExitCode};

use clap::{Parser, Subcommand};

use crate::home::Workspace;

/// Agents propose. Humans approve. The audit trail falls out of the work.
#[derive(Debug, Parser)]
#[command(name = "auditotter", version, propagate_version = true)]
pub(crate) struct Cli {
    /// The workspace's home; else AUDITOTTER_HOME, else the platform's data folder
    #[arg(long, global = true, value_name = "DIR")]
    home: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Init(init::Args),
    Install(install::Args),
    Delegate(delegate::Args),
    Delegations(delegations::Args),
    Import(import::Args),
    Inspect(inspect::Args),
    Inbox(inbox::Args),
    Show(show::Args),
    Approve(decide::ApproveArgs),
    Reject(decide::RejectArgs),
    Land(land::Args),
    Blame(blame::Args),
    Exceptions(exceptions::Args),
    AttestDeploy(decide::AttestDeployArgs),
    Members(members::Args),
    GrantAccess(grant_access::Args),
    RevokeMember(revoke_member::Args),
    EraseBody(erase_body::Args),
    Join(join::Args),
    #[command(subcommand)]
    Passkey(passkey::Command),
    #[command(subcommand)]
    TouchKey(touch_key::Command),
    Revoke(revoke::Args),
    Serve(serve::Args),
    #[command(subcommand)]
    Trace(trace::Command),
    Verify(verify::Args),
    Demo(demo::Args),
    Doctor(doctor::Args),
}

/// Runs a command; the exit code is that of the command's own meaning.
pub(crate) fn run(cli: Cli) -> anyhow::Result<ExitCode> {
    // These need no workspace: an auditor has none, the demo makes its own, and who joins has none yet.
    let command = match cli.command {
        Command::Verify(args) => return verify::run(&args),
        Command::Demo(args) => return demo::run(&args),
        Command::Join(args) => return join::run(args),
        command => command,
    };
    let workspace = Workspace::resolve(cli.home)?;
    match command {
        Command::Init(args) => init::run(&workspace, args),
        Command::Install(args) => install::run(&workspace, &args),
        Command::Delegate(args) => delegate::run(&workspace, args),
        Command::Delegations(args) => delegations::run(&workspace, &args),
        Command::Import(args) => import::run(&workspace, &args),
        Command::Inspect(args) => inspect::run(&workspace, &args),
        Command::Inbox(args) => inbox::run(&workspace, &args),
        Command::Show(args) => show::run(&workspace, &args),
        Command::Approve(args) => decide::approve(&workspace, args),
        Command::Reject(args) => decide::reject(&workspace, args),
        Command::Land(args) => land::run(&workspace, args),
        Command::Blame(args) => blame::run(&workspace, &args),
        Command::Exceptions(args) => exceptions::run(&workspace, &args),
        Command::AttestDeploy(args) => decide::attest_deploy(&workspace, args),
        Command::Members(args) => members::run(&workspace, &args),
        Command::GrantAccess(args) => grant_access::run(&workspace, args),
        Command::RevokeMember(args) => revoke_member::run(&workspace, args),
        Command::EraseBody(args) => erase_body::run(&workspace, args),
        Command::Passkey(command) => passkey::run(&workspace, command),
        Command::TouchKey(command) => touch_key::run(&workspace, command),
        Command::Revoke(args) => revoke::run(&workspace, args),
        Command::Serve(args) => serve::run(&workspace, &args),
        Command::Trace(command) => trace::run(&workspace, command),
        Command::Doctor(args) => doctor::run(&workspace, &args),
        Command::Verify(_) | Command::Demo(_) | Command::Join(_) => Ok(ExitCode::SUCCESS),
    }
}
