//! `auditotter demo`: the main job on real parts, in a temporary home.

mod client;
mod tamper;

use std::{
    fs,
    io::BufReader,
    path::{Path, PathBuf},
    process::{Command, ExitCode},
};

use anyhow::{Context as _, bail, ensure};
use client::Client;
use delegation::{AgentVerb, Grant, PathGlobs, Repositories, RootKey, mint};
use hub::{
    clock,
    companion::{
        CompanionLink, CompanionRequest, DelegationRow, EntryRow, RevokeOutcome, Status, TraceRow,
        VerifiedChain,
    },
    create,
    export_claims::{ProveError, prove},
};
use identity::{Passphrase, Seed, SignedRegistration, WorkFactor};
use protocol::home::Home;
use serde_json::json;
use time::Duration;
use trace_store::export::VerifyError;
use vocabulary::{DelegationId, MemberId, Risk, TraceId};
use zeroize::Zeroizing;

use crate::output;

/// How long the hub may take to end: it finishes what is in flight first.
const ENDING: std::time::Duration = std::time::Duration::from_secs(15);

/// Show the whole story in a temporary home, under a minute, without a question
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// Keep the temporary home and say where it is
    #[arg(long)]
    keep: bool,
}

pub(super) fn run(args: &Args) -> anyhow::Result<ExitCode> {
    let folder = tempfile::Builder::new().prefix("auditotter-demo-").tempdir()?;
    let stage = Stage::set(folder.path())?;
    let played = stage.play();
    stage.clear();
    if args.keep || played.is_err() {
        output::line(&format!(
            "\nThe demo's home is kept in {}",
            folder.keep().display()
        ));
    } else {
        let path = folder.path().to_owned();
        folder
            .close()
            .with_context(|| format!("the demo's home could not be removed; remove {}", path.display()))?;
    }
    played?;
    Ok(ExitCode::SUCCESS)
}

/// A home with a member and a delegation, and the binaries that play in it.
struct Stage {
    home: Home,
    server: PathBuf,
    hub: CompanionLink,
    delegation: DelegationId,
    export: PathBuf,
}

impl Stage {
    fn set(folder: &Path) -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let server = own.with_file_name("auditotter-mcp");
        ensure!(
            server.exists(),
            "auditotter-mcp is not beside {}; build both: cargo build --release",
            own.display()
        );
        let home = Home::from(folder.join("home"));

        chapter("Alice makes a workspace and lends Claude Code something for an hour");
        let seed = Seed::from_entropy(clock::random()?);
        let (workspace, member): (_, MemberId) = (clock::new_id()?, clock::new_id()?);
        let registration = SignedRegistration::sign(
            &seed,
            member,
            "Alice".parse()?,
            "alice@example.com".parse()?,
            workspace,
        )?;
        // Nobody will ever type it: the demo holds the seed itself, and both end with it.
        let passphrase = Passphrase::new(Zeroizing::new(hex::encode(clock::random::<32>()?)))?;
        let sealed_seed = identity::seal(&seed, &passphrase, WorkFactor::lowest())?;
        create::workspace(
            &home,
            create::Founding {
                workspace,
                registration,
                member,
                sealed_seed,
                listen: None,
            },
        )?;

        let hub = CompanionLink::new(home.clone(), own);
        let status: Status = hub.ask(&CompanionRequest::Status)?;
        let grant = Grant {
            id: clock::new_id()?,
            on_behalf_of: member,
            agent: "claude-code".parse()?,
            verbs: AgentVerb::ALL.into_iter().collect(),
            repositories: Repositories::Only([("acme/shop").parse()?].into_iter().collect()),
            paths: PathGlobs::parse(&["src/**".to_owned(), "docs/**".to_owned()])?,
            risk_ceiling: Risk::Medium,
            expires_at: hub::words::whole_seconds(status.now.saturating_add(Duration::HOUR)),
        };
        let token = mint(
            &RootKey::from_secret(&seed.delegation_secret()),
            0,
            &grant,
            clock::random()?,
        )?;
        let witness = token.witness(clock::random()?)?.as_str().to_owned();
        let _: DelegationRow = hub.ask(&CompanionRequest::Grant { witness })?;
        fs::write(
            home.delegations().join(format!("{}.token", grant.id)),
            token.expose(),
        )?;
        for line in hub::words::of_grant(&grant, "Alice").lines() {
            output::line(&format!("  {line}"));
        }
        Ok(Self {
            home,
            server,
            hub,
            delegation: grant.id,
            export: folder.join("trace.jsonl"),
        })
    }

    fn play(&self) -> anyhow::Result<()> {
        let trace = self.session()?;
        self.read_back(trace)?;
        self.tamper()
    }

    /// A scripted client speaks MCP with the real `auditotter-mcp`.
    fn session(&self) -> anyhow::Result<TraceId> {
        chapter("An agent works, through the real auditotter-mcp");
        let mut server = Command::new(&self.server);
        server.arg("--home").arg(self.home.path());
        let mut agent = Client::start(server)?;
        agent.call(
            "propose_work_item",
            &json!({ "title": "Fix the password reset bug", "repository": "acme/shop", "paths": ["src/reset/mail.rs"],
                     "description": "The reset link is sent with the old host name." }),
        )?;
        agent.call(
            "append_trace_note",
            &json!({ "text": "The host name is read once at start; it must be read per mail." }),
        )?;
        let denied = agent.call(
            "propose_work_item",
            &json!({ "title": "Rotate the deploy keys", "repository": "acme/shop", "paths": ["infra/keys.tf"] }),
        )?;
        ensure!(denied.is_error, "a path that was not lent was not denied");

        chapter("Alice takes the delegation back, in the middle of the session");
        let why = Some("the demo shows it".to_owned());
        let revoked: RevokeOutcome = self.hub.ask(&CompanionRequest::Revoke {
            delegation: self.delegation,
            why,
        })?;
        output::line(&format!("  {} is revoked", revoked.id));
        let refused = agent.call("append_trace_note", &json!({ "text": "One more thing." }))?;
        ensure!(refused.is_error, "a revoked delegation was not refused");
        agent.end()?;

        let traces: Vec<TraceRow> = self.hub.ask(&CompanionRequest::Traces { limit: 1 })?;
        Ok(traces.first().context("no trace was recorded")?.id)
    }

    fn read_back(&self, trace: TraceId) -> anyhow::Result<()> {
        chapter("The trace, played back");
        let entries: Vec<EntryRow> = self.hub.ask(&CompanionRequest::Entries {
            trace,
            from: 0,
            limit: 100,
        })?;
        for line in super::trace::told(&entries) {
            output::line(&format!("  {line}"));
        }
        chapter("And verified: in the store, and as a file that needs nothing else");
        let chains: Vec<VerifiedChain> = self.hub.ask(&CompanionRequest::Verify { trace: None })?;
        for chain in &chains {
            ensure!(chain.holds, "{} does not hold", chain.id);
            let checked = chain.checked.as_ref().context("nothing was checked")?;
            output::line(&format!("  {} holds: {} entries", chain.id, checked.entries));
        }
        let mut file = fs::File::create(&self.export)?;
        self.hub
            .download(&CompanionRequest::Export { trace }, &mut file)?;
        let proved = prove(BufReader::new(fs::File::open(&self.export)?))?;
        let verified = proved.verified;
        output::line(&format!(
            "  the export holds: {} entries, under the ledger's root {}",
            verified.head.next_seq, verified.checkpoint.root
        ));
        Ok(())
    }

    fn tamper(&self) -> anyhow::Result<()> {
        chapter("A copy is tampered with: one word of the note is changed");
        let forged = tamper::change_a_word(&fs::read_to_string(&self.export)?)?;
        match prove(forged.as_bytes()) {
            Err(ProveError::Export(broken @ VerifyError::DoesNotHold { .. })) => {
                output::line(&format!("  caught: it {broken}"));
                Ok(())
            }
            Err(other) => bail!("the tampered copy was refused for another reason: {other}"),
            Ok(_) => bail!("the tampered copy was accepted"),
        }
    }

    /// Ends the hub that the stage's own server started, and waits until it wrote its last.
    fn clear(&self) {
        if let Ok(Some(status)) = self.hub.ask_running::<Status>(&CompanionRequest::Status)
            && let Some(pid) = i32::try_from(status.pid)
                .ok()
                .and_then(rustix::process::Pid::from_raw)
        {
            let _ = rustix::process::kill_process(pid, rustix::process::Signal::TERM);
            let _ = hub::lock::let_go(&self.home, ENDING);
        }
    }
}

fn chapter(title: &str) {
    output::line(&format!("\n{title}\n"));
}
