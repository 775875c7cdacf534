//! `auditotter import`: a past session, from its client's own record.

use std::{
    fs::File,
    io::{Read as _, Seek as _},
    path::PathBuf,
    process::{self, ExitCode},
    thread,
};

use anyhow::{Context as _, bail};
use hub::companion::{CompanionRequest, ImportRow, ImportState, MOST_IMPORTED_BYTES, whose};
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use serde_json::json;
use vocabulary::Client;

use crate::{home::Workspace, output, plain};

/// How much is handed over at a time.
const PIECE_BYTES: usize = 1024 * 1024;

/// As shells say that a command was interrupted: 128 and the signal's number.
const INTERRUPTED: i32 = 130;

/// Take a past session into a trace, from the client's own record of it
///
/// Claude Code keeps them in ~/.claude/projects, Codex in ~/.codex/sessions. The trace says that it was imported: nobody proved
/// anything of it. The same file again adds nothing; one that has grown is gone on with, as is an import that broke off. Secrets are
/// replaced by the rules that are built in, and by those of the repository in which the client worked, where that is here.
#[derive(Debug, clap::Args)]
pub(super) struct Args {
    /// The client's file, as .../SESSION.jsonl or .../rollout-TIME-THREAD.jsonl
    file: PathBuf,
    /// Whose it is, claude-code or codex; else its first lines tell
    #[arg(long)]
    client: Option<Client>,
    /// Print an object
    #[arg(long)]
    json: bool,
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    let shown = args.file.display();
    let mut file = plain::open(&args.file).with_context(|| format!("{shown} was not read"))?;
    let bytes = file.metadata()?.len();
    if bytes > MOST_IMPORTED_BYTES {
        bail!("{shown} has {bytes} bytes, and at most {MOST_IMPORTED_BYTES} are taken in");
    }
    let Some(whose) = whose(&mut file, args.client)? else {
        bail!(
            "{shown} is no record of a session that is known: its lines are neither Claude Code's nor Codex'"
        );
    };
    let digest = digest_of(&mut file, bytes)?;
    let name = args
        .file
        .file_name()
        .map(|name| name.to_string_lossy().into_owned());
    let request = CompanionRequest::Import {
        client: whose.client,
        session: whose.session,
        agent: whose.agent,
        file: name.unwrap_or_default(),
        bytes,
        digest,
    };
    let (mut upload, row) = workspace.hub()?.upload(&request)?;
    if row.state == ImportState::Already {
        return said(args, &row, bytes);
    }
    let progress = progress(bytes, args.json);
    clear_when_interrupted(progress.clone())?;
    file.rewind()?;
    let mut pieces = file.take(bytes);
    let mut piece = Vec::with_capacity(PIECE_BYTES);
    loop {
        piece.clear();
        (&mut pieces).take(PIECE_BYTES as u64).read_to_end(&mut piece)?;
        if piece.is_empty() {
            break;
        }
        upload.hand_over(&piece)?;
        progress.inc(piece.len() as u64);
    }
    let row = upload.end()?;
    progress.finish_and_clear();
    said(args, &row, bytes)
}

fn digest_of(file: &mut File, bytes: u64) -> anyhow::Result<String> {
    file.rewind()?;
    let mut hasher = blake3::Hasher::new();
    hasher.update_reader((&*file).take(bytes))?;
    Ok(hasher.finalize().to_hex().to_string())
}

/// On a terminal, a bar; else nothing.
fn progress(bytes: u64, json: bool) -> ProgressBar {
    let target = match json {
        true => ProgressDrawTarget::hidden(),
        false => ProgressDrawTarget::stderr(),
    };
    let bar = ProgressBar::with_draw_target(Some(bytes), target);
    if let Ok(style) = ProgressStyle::with_template("{bar:40} {bytes} of {total_bytes}, {eta} left") {
        bar.set_style(style);
    }
    bar
}

/// Leaves nothing of the bar on the terminal where somebody has enough of it. What the hub has acknowledged stands; the same command
/// goes on there.
fn clear_when_interrupted(progress: ProgressBar) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_io()
        .build()
        .context("nobody can wait for an interruption")?;
    thread::spawn(move || {
        if runtime.block_on(tokio::signal::ctrl_c()).is_ok() {
            progress.finish_and_clear();
            process::exit(INTERRUPTED);
        }
    });
    Ok(())
}

fn said(args: &Args, row: &ImportRow, bytes: u64) -> anyhow::Result<ExitCode> {
    let already = row.state == ImportState::Already;
    if args.json {
        output::json(&json!({ "id": row.trace, "already": already, "bytes": bytes, "gone": row.gone }))?;
        return Ok(ExitCode::SUCCESS);
    }
    let file = args.file.display();
    for gone in &row.gone {
        output::beside(&format!(
            "{gone}, where the client worked, is not here: of what was said there, secrets were replaced by the rules that are built in only."
        ));
    }
    let trace = row.trace.map(|trace| trace.to_string()).unwrap_or_default();
    output::line(&if already {
        format!("{file} had been imported, into {trace}; nothing was added.")
    } else {
        format!("Imported {file} into {trace}. Look at it with: auditotter trace replay {trace}")
    });
    Ok(ExitCode::SUCCESS)
}
