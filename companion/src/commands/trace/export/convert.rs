//! A bundle, in another format: verified and written entry by entry.

use std::{
    fs::File,
    io::{self, BufReader, BufWriter, Seek as _, Write},
};

use anyhow::Context as _;
use formats::{AgentTrace, Content, Jsonl, Otel};
use trace_store::{
    ChainId,
    export::{VerifiedEntry, verify_each},
};

use super::{Args, Format, revisions::Places};

/// Writes what a bundle holds in the format that is asked for, and says what to know of it.
///
/// # Errors
/// Where the bundle does not hold, so that nothing of it counts, or nothing can be written.
pub(super) fn convert(args: &Args, mut bundle: File, out: &mut impl Write) -> anyhow::Result<Option<String>> {
    bundle.rewind()?;
    let bundle = BufReader::new(bundle);
    let out = BufWriter::new(out);
    match args.format {
        Format::Bundle => Ok(None),
        Format::Jsonl => {
            let mut lines = Jsonl::new(out);
            each(args, bundle, |entry| lines.take(entry))?;
            lines.finish()?;
            Ok(None)
        }
        Format::Otel => {
            let content = if args.with_content {
                Content::Written
            } else {
                Content::Left
            };
            let mut spans = Otel::new(out, env!("CARGO_PKG_VERSION"), content);
            each(args, bundle, |entry| spans.take(entry))?;
            spans.finish()?;
            Ok(None)
        }
        Format::AgentTrace => {
            let mut places = Places::of(args.repo.as_deref(), args.trace)?;
            let mut records = AgentTrace::new(out, None);
            each(args, bundle, |entry| {
                records.take(entry, |name, from, after| places.locate(name, from, after))
            })?;
            let outside = records.finish()?;
            Ok((outside > 0).then(|| {
                format!("{outside} edits lie outside of the repository, or where that cannot be told, and are not in it.")
            }))
        }
    }
}

/// Hands over the trace's own entries, in order, as they verify.
fn each(
    args: &Args,
    bundle: BufReader<File>,
    mut take: impl FnMut(&VerifiedEntry) -> io::Result<()>,
) -> anyhow::Result<()> {
    let mut written = Ok(());
    let own = ChainId::Trace(args.trace);
    verify_each(bundle, |entry| {
        if written.is_ok() && entry.entry.chain == own {
            written = take(&entry);
        }
    })
    .context("what the hub sent")?;
    Ok(written?)
}
