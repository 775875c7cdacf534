//! `auditotter trace export`.

mod convert;
mod revisions;

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail, ensure};
use hub::companion::CompanionRequest;
use tempfile::NamedTempFile;
use vocabulary::TraceId;

use crate::{home::Workspace, output};

/// Write a trace into a file that verifies offline, or in a format of others'
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Args {
    /// Which, as tr_...
    trace: TraceId,
    /// The file to write; it must not exist
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
    /// How it is written: only a bundle can be verified again
    #[arg(long, value_enum, default_value_t = Format::Bundle)]
    format: Format,
    /// With otel: what was said too, and not only that it was
    #[arg(long)]
    with_content: bool,
    /// With agent-trace: the repository in which the files lie, for paths from its top folder and for revisions
    #[arg(long, value_name = "DIR")]
    repo: Option<PathBuf>,
}

/// How a trace is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
enum Format {
    /// Signed, with proofs, for `auditotter verify`
    Bundle,
    /// Which lines an agent wrote: a record of <https://agent-trace.dev> for each edit, as JSON Lines
    AgentTrace,
    /// Spans by OpenTelemetry's conventions for generative AI, as OTLP/JSON Lines
    Otel,
    /// An object for each entry, with its body, as JSON Lines
    Jsonl,
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
    ensure!(
        !args.with_content || args.format == Format::Otel,
        "--with-content is for --format otel: a bundle and jsonl hold what was said anyway, and agent-trace has no place for it"
    );
    ensure!(
        args.repo.is_none() || args.format == Format::AgentTrace,
        "--repo is for --format agent-trace"
    );
    let path = &args.output;
    if path.exists() {
        bail!("{} exists; name a file that does not", path.display());
    }
    let failed = || format!("{} cannot be written", path.display());
    let folder = path
        .parent()
        .filter(|folder| !folder.as_os_str().is_empty())
        .unwrap_or_else(|| Path::new("."));
    // Beside the file that it becomes, new, and for its owner only; gone again unless it is finished.
    let mut unfinished = NamedTempFile::new_in(folder).with_context(failed)?;
    let (hub, request) = (workspace.hub()?, CompanionRequest::Export { trace: args.trace });
    let remark = if args.format == Format::Bundle {
        hub.download(&request, &mut unfinished)?;
        None
    } else {
        // First as a bundle, which is verified while it is read: what is written in other formats nobody can verify again.
        let mut bundle =
            tempfile::tempfile().context("nothing can be written in the folder for temporary files")?;
        hub.download(&request, &mut bundle)?;
        convert::convert(args, bundle, &mut unfinished)?
    };
    unfinished
        .flush()
        .and_then(|()| unfinished.as_file().sync_all())
        .with_context(failed)?;
    unfinished
        .persist_noclobber(path)
        .map_err(|error| error.error)
        .with_context(failed)?;
    output::line(&match args.format {
        Format::Bundle => format!(
            "{}; check it with: auditotter verify {}",
            path.display(),
            path.display()
        ),
        _ => format!(
            "{}; it was made from what verified, and cannot be verified itself",
            path.display()
        ),
    });
    if let Some(remark) = remark {
        output::line(&remark);
    }
    Ok(ExitCode::SUCCESS)
}
