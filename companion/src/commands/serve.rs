//! `auditotter serve`: be the hub.

use std::{
    io::{self, Write as _},
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use hub::serve::{IDLE, Presence};
use protocol::autostart::{READY, TAKEN};
use tracing_subscriber::EnvFilter;

use crate::home::Workspace;

/// Run the hub in the foreground, until it is interrupted
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Leave the terminal, and end after half an hour without a connection
    #[arg(long, hide = true)]
    detached: bool,
    /// How long a detached hub stays without a connection, in seconds
    #[arg(long, hide = true, requires = "detached", value_name = "SECONDS")]
    idle: Option<u64>,
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(false)
        .with_env_filter(EnvFilter::try_from_env("AUDITOTTER_LOG").unwrap_or_else(|_| EnvFilter::new("info")))
        .init();
    let presence = if args.detached {
        // Fails only where this process leads a group already; then it has left its terminal's.
        let _ = rustix::process::setsid();
        Presence::Detached {
            idle: args.idle.map_or(IDLE, Duration::from_secs),
        }
    } else {
        Presence::Foreground
    };
    let home = workspace.home.clone();
    let shown = home.path().display().to_string();
    // The doors wait on sockets and the work is done on the ledger's own thread: one thread serves both.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .context("the hub's runtime cannot be started")?;
    let served = runtime.block_on(hub::serve::serve(home, presence, || {
        tracing::info!(home = shown, "the hub is open");
        // Whoever started us may be gone; then nobody needs to know.
        let _ = writeln!(io::stdout(), "{READY}");
    }));
    match served {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(taken) if args.detached && taken.is_taken() => Ok(ExitCode::from(TAKEN)),
        Err(error) => Err(error.into()),
    }
}
