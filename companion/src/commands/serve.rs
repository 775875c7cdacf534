//! `auditotter serve`: be the hub.

use std::{
    io::{self, Write as _},
    net::SocketAddr,
    path::PathBuf,
    process::ExitCode,
    time::Duration,
};

use anyhow::Context as _;
use hub::{
    http::{Listen, PublicUrl, TlsFiles},
    serve::{IDLE, Listening, Presence},
};
use protocol::autostart::{READY, TAKEN};
use tracing_subscriber::EnvFilter;

use crate::home::Workspace;

/// Run the hub in the foreground, until it is interrupted
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Serve browsers and agents over HTTP at this address and port; else as workspace.json says
    #[arg(long, value_name = "ADDRESS")]
    listen: Option<SocketAddr>,
    /// The address under which people and agents elsewhere reach it
    #[arg(long, value_name = "URL", requires = "listen")]
    public_url: Option<PublicUrl>,
    /// A certificate chain to encrypt with, as PEM
    #[arg(long, value_name = "FILE", requires_all = ["listen", "tls_key"])]
    tls_cert: Option<PathBuf>,
    /// The certificate's private key, as PEM
    #[arg(long, value_name = "FILE", requires = "tls_cert")]
    tls_key: Option<PathBuf>,
    /// Leave the terminal, and end after half an hour without a connection
    #[arg(long, hide = true)]
    detached: bool,
    /// How long a detached hub stays without a connection, in seconds
    #[arg(long, hide = true, requires = "detached", value_name = "SECONDS")]
    idle: Option<u64>,
}

impl Args {
    fn listening(&self) -> Listening {
        let Some(address) = self.listen else {
            return Listening::AsSet;
        };
        let files = self.tls_cert.clone().zip(self.tls_key.clone());
        Listening::At(Listen {
            address,
            public_url: self.public_url.clone(),
            tls: files.map(|(certificate, key)| TlsFiles { certificate, key }),
        })
    }
}

/// How long what is still under way at the end is waited for, once the hub has said that it ends.
const PATIENCE: Duration = Duration::from_secs(2);

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    tracing_subscriber::fmt()
        .with_writer(io::stderr)
        .with_ansi(false)
        // rmcp tells each step of each session, and repeats what clients send.
        .with_env_filter(
            EnvFilter::try_from_env("AUDITOTTER_LOG").unwrap_or_else(|_| EnvFilter::new("info,rmcp=off")),
        )
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
    let served = runtime.block_on(hub::serve::serve(home, presence, args.listening(), |inbox| {
        tracing::info!(home = shown, inbox, "the hub is open");
        // Whoever started us may be gone; then nobody needs to know.
        let _ = writeln!(io::stdout(), "{READY}");
        if let Some(inbox) = inbox {
            let _ = writeln!(io::stdout(), "the inbox is at {inbox}");
        }
    }));
    // What is still looked at off the hooks' path holds the store, and may hang on a disk that does not answer.
    runtime.shutdown_timeout(PATIENCE);
    match served {
        Ok(()) => Ok(ExitCode::SUCCESS),
        Err(taken) if args.detached && taken.is_taken() => Ok(ExitCode::from(TAKEN)),
        Err(error) => Err(error.into()),
    }
}
