//! `auditotter trace export`.

use std::{
    io::Write as _,
    path::{Path, PathBuf},
    process::ExitCode,
};

use anyhow::{Context as _, bail};
use hub::companion::CompanionRequest;
use tempfile::NamedTempFile;
use vocabulary::TraceId;

use crate::{home::Workspace, output};

/// Write a trace into a file that verifies offline
#[derive(Debug, clap::Args)]
pub(in crate::commands) struct Args {
    /// Which, as tr_...
    trace: TraceId,
    /// The file to write; it must not exist
    #[arg(short, long, value_name = "FILE")]
    output: PathBuf,
}

pub(super) fn run(workspace: &Workspace, args: &Args) -> anyhow::Result<ExitCode> {
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
    workspace
        .hub()?
        .download(&CompanionRequest::Export { trace: args.trace }, &mut unfinished)?;
    unfinished
        .flush()
        .and_then(|()| unfinished.as_file().sync_all())
        .with_context(failed)?;
    unfinished
        .persist_noclobber(path)
        .map_err(|error| error.error)
        .with_context(failed)?;
    output::line(&format!(
        "{}; check it with: auditotter verify {}",
        path.display(),
        path.display()
    ));
    Ok(ExitCode::SUCCESS)
}
