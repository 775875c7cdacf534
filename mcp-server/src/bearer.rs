//! `auditotter-mcp bearer`: what a client shows to a hub over HTTP that cannot sign by itself.

use std::io::{self, Write as _};

use anyhow::Context as _;
use delegation::Bearer;
use mcp_server::session::Session;
use serde_json::json;
use zeroize::Zeroizing;

use crate::Acting;

/// What to print, and for whom.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    #[command(flatten)]
    acting: Acting,
    /// Print it as the JSON of headers that Claude Code's `headersHelper` wants
    #[arg(long)]
    headers: bool,
}

impl Args {
    /// Begins a session and prints its credential.
    pub(crate) fn print(self) -> anyhow::Result<()> {
        let unnamed = self.acting.agent.is_none() && self.acting.delegation.is_none();
        anyhow::ensure!(!unnamed, "say for whom, with --agent NAME or --delegation FILE");
        let session = Session::open_now(&self.acting.lender()?)?;
        let shown = Bearer::compose(session.token(), session.holder());
        let text = if self.headers {
            let bearer = Zeroizing::new(format!("Bearer {}", shown.as_str()));
            Zeroizing::new(json!({ "Authorization": bearer.as_str() }).to_string())
        } else {
            shown
        };
        writeln!(io::stdout(), "{}", text.as_str()).context("stdout cannot be written")
    }
}
