//! `auditotter trace export`.

use std::{
    fs::OpenOptions, io::Write as _, os::unix::fs::OpenOptionsExt as _, path::PathBuf, process::ExitCode,
};

use anyhow::{Context as _, bail};
use hub::companion::CompanionRequest;
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
    let unfinished = path.with_file_name(format!(
        ".{}.part",
        path.file_name()
            .map_or_else(|| "export".into(), |name| name.to_string_lossy())
    ));
    let written = (|| {
        let mut file = OpenOptions::new()
            .write(true)
            .create(true)
            .truncate(true)
            .mode(0o600)
            .open(&unfinished)
            .with_context(|| format!("{} cannot be written", path.display()))?;
        workspace
            .hub()?
            .download(&CompanionRequest::Export { trace: args.trace }, &mut file)?;
        file.flush()
            .and_then(|()| file.sync_all())
            .with_context(|| format!("{} cannot be written", path.display()))?;
        std::fs::rename(&unfinished, path).with_context(|| format!("{} cannot be written", path.display()))
    })();
    if written.is_err() {
        let _ = std::fs::remove_file(&unfinished);
    }
    written?;
    output::line(&format!(
        "{}; check it with: auditotter verify {}",
        path.display(),
        path.display()
    ));
    Ok(ExitCode::SUCCESS)
}
