//! `auditotter-mcp`: what an agent's client starts. It speaks MCP on stdin and stdout and asks the hub.

mod bearer;

use std::{path::PathBuf, process::ExitCode, time::Duration};

use anyhow::Context as _;
use clap::{Parser, Subcommand};
use delegation::AgentName;
use mcp_server::{
    hook,
    hub_link::{HubAddress, HubLink, Remote},
    server::Server,
    session::Lender,
    stdio::Stdio,
    trailer::{self, GitHook},
};
use protocol::{
    home::{HOME_VARIABLE, Home},
    web::{AUTHORITIES_VARIABLE, HUB_VARIABLE},
};
use rmcp::ServiceExt as _;
use tokio::signal::unix::{SignalKind, signal};
use tracing_subscriber::EnvFilter;
use vocabulary::Client;

/// The MCP server through which a coding agent proposes work and is recorded, on behalf of a human.
///
/// Register it with a client: `claude mcp add auditotter -- auditotter-mcp` or `codex mcp add auditotter --
/// auditotter-mcp`. It acts under what `auditotter delegate` lent, and under nothing else.
#[derive(Debug, Parser)]
#[command(version, args_conflicts_with_subcommands = true)]
struct Args {
    #[command(subcommand)]
    command: Option<Command>,
    #[command(flatten)]
    acting: Acting,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Print what a client shows to a hub over HTTP: a new session's token and key, good for an hour at most
    Bearer(bearer::Args),
    /// Record what a client tells its hooks, on stdin, and say whether it may go on
    Hook {
        /// Whose hooks: claude-code or codex
        client: Client,
        #[command(flatten)]
        acting: Acting,
    },
    /// Name the trace of the agent's session in a commit's message, as a git hook; outside of a session, do nothing
    Trailer {
        /// Which hook: prepare-commit-msg or commit-msg
        hook: GitHook,
        /// The workspace's home; else AUDITOTTER_HOME, else the platform's data folder
        #[arg(long, value_name = "DIR")]
        home: Option<PathBuf>,
        /// The file with the message
        #[arg(value_name = "FILE")]
        message: PathBuf,
        /// What else git says
        #[arg(hide = true)]
        more: Vec<std::ffi::OsString>,
    },
}

/// As whom to act.
#[derive(Debug, clap::Args)]
struct Acting {
    /// The name under which the agent was lent to; else what the client calls itself
    #[arg(long, value_name = "NAME")]
    agent: Option<AgentName>,
    /// Act under this delegation only
    #[arg(long, value_name = "FILE")]
    delegation: Option<PathBuf>,
    /// The workspace's home; else AUDITOTTER_HOME, else the platform's data folder
    #[arg(long, value_name = "DIR")]
    home: Option<PathBuf>,
}

impl Acting {
    fn lender(self) -> anyhow::Result<Lender> {
        Ok(Lender::new(home(self.home)?, self.delegation, self.agent))
    }
}

fn home(asked: Option<PathBuf>) -> anyhow::Result<Home> {
    let platform = directories::ProjectDirs::from("", "", "auditotter");
    let variable = std::env::var_os(HOME_VARIABLE);
    Ok(Home::resolve(
        asked,
        variable,
        platform.as_ref().map(directories::ProjectDirs::data_dir),
    )?)
}

/// How long telling the hub that the session ends may take; who ended it is waiting.
const ENDING: Duration = Duration::from_secs(5);

fn main() -> anyhow::Result<ExitCode> {
    let args = Args::parse();
    // stdout belongs to the protocol.
    tracing_subscriber::fmt()
        .with_writer(std::io::stderr)
        .with_env_filter(EnvFilter::try_from_env("AUDITOTTER_LOG").unwrap_or_else(|_| EnvFilter::new("warn")))
        .init();
    let acting = match args.command {
        None => args.acting,
        Some(Command::Bearer(args)) => return args.print().map(|()| ExitCode::SUCCESS),
        // Before any runtime is there: a hook is waited for.
        Some(Command::Hook { client, acting }) => {
            let ran = std::panic::catch_unwind(|| match acting.lender() {
                Ok(lender) => hook::run(client, &lender),
                Err(error) => hook::cannot_run(&format!("{error:#}")),
            });
            return Ok(ran.unwrap_or_else(|_| hook::cannot_run("the hook broke")));
        }
        // Whatever happens, the commit goes on.
        Some(Command::Trailer {
            hook,
            home: asked,
            message,
            ..
        }) => {
            let _ = std::panic::catch_unwind(|| {
                if let Ok(home) = home(asked) {
                    trailer::run(&home, hook, &message);
                }
            });
            return Ok(ExitCode::SUCCESS);
        }
    };
    // One thread is enough for one client, and starts soonest.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()?;
    runtime.block_on(attend(acting))?;
    Ok(ExitCode::SUCCESS)
}

/// Serves the client until it ends.
async fn attend(acting: Acting) -> anyhow::Result<()> {
    let instance = std::process::id().to_string();
    let hub = HubLink::start(acting.lender()?, &instance, elsewhere()?);

    let (stdin, stdout) = rmcp::transport::stdio_pipes();
    let mut terminate = signal(SignalKind::terminate()).context("SIGTERM cannot be watched")?;
    let mut interrupt = signal(SignalKind::interrupt()).context("SIGINT cannot be watched")?;
    let serving = serve(Server::new(hub.clone()), Stdio::new(stdin, stdout, hub.clone()));
    let served = tokio::select! {
        served = serving => served,
        _ = terminate.recv() => Ok(()),
        _ = interrupt.recv() => Ok(()),
    };
    let ending = async {
        if hub.opened().await.is_some()
            && let Err(error) = hub.close().await
        {
            tracing::warn!(%error, "the hub was not told that the session ended");
        }
    };
    tokio::select! {
        told = tokio::time::timeout(ENDING, ending) => if told.is_err() {
            tracing::warn!("the hub did not answer; the session ends without its word");
        },
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    // tokio's stdin, where it is in use, blocks a thread that nothing can wake; the runtime is not awaited.
    match served {
        Ok(()) => std::process::exit(0),
        Err(error) => Err(error),
    }
}

/// The hub that the environment names, where it is not the home's own.
fn elsewhere() -> anyhow::Result<Option<Remote>> {
    let Some(named) = std::env::var_os(HUB_VARIABLE).filter(|named| !named.is_empty()) else {
        return Ok(None);
    };
    let address: HubAddress = named
        .to_string_lossy()
        .parse()
        .with_context(|| format!("{HUB_VARIABLE} names no hub"))?;
    let authorities = std::env::var_os(AUTHORITIES_VARIABLE)
        .filter(|named| !named.is_empty())
        .map(PathBuf::from);
    Ok(Some(Remote::new(address, authorities)?))
}

async fn serve<R, W>(server: Server<HubLink>, transport: Stdio<R, W>) -> anyhow::Result<()>
where
    R: tokio::io::AsyncRead + Unpin + Send + 'static,
    W: tokio::io::AsyncWrite + Unpin + Send + 'static,
{
    let running = match server.serve(transport).await {
        Ok(running) => running,
        // A client that looked and left is no failure.
        Err(rmcp::service::ServerInitializeError::ConnectionClosed(_)) => return Ok(()),
        Err(error) => return Err(error).context("the client did not begin as MCP defines"),
    };
    running.waiting().await.context("the MCP session ended badly")?;
    Ok(())
}
