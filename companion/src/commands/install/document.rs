//! What is in a client's file, edited: with its byte order mark where it has one, and named where it is not as it should be.

use anyhow::Context as _;

use super::{files::Found, hooks, receipt::is_blank};

/// The events under which hooks of ours stand in a file.
pub(super) fn hooks_in(found: &Found) -> anyhow::Result<Vec<String>> {
    let text = found.text()?.unwrap_or_default();
    Ok(read_json(found, text, hooks::recorded)?.unwrap_or_default())
}

/// What a file's JSON says; `None` where nothing is in it.
pub(super) fn read_json<T>(
    found: &Found,
    text: &str,
    read: impl FnOnce(&str) -> anyhow::Result<T>,
) -> anyhow::Result<Option<T>> {
    let text = text.strip_prefix(BOM).unwrap_or(text);
    if is_blank(text) {
        return Ok(None);
    }
    read(text).map(Some).with_context(|| left_alone(found))
}

/// What some editors put before everything else.
pub(super) const BOM: char = '\u{feff}';

fn left_alone(found: &Found) -> String {
    format!("{} was left alone", found.path.display())
}

/// A file's JSON, edited; one that has nothing in it is an empty object.
pub(super) fn edited(
    found: &Found,
    edit: impl FnOnce(&str) -> anyhow::Result<String>,
) -> anyhow::Result<String> {
    let text = found.text()?.unwrap_or_default();
    if is_blank(text) {
        let put = edit("{}").with_context(|| left_alone(found))?;
        return Ok(format!("{put}\n"));
    }
    edited_plain(found, edit)
}

/// A file's text, edited, with its byte order mark where it has one.
pub(super) fn edited_plain(
    found: &Found,
    edit: impl FnOnce(&str) -> anyhow::Result<String>,
) -> anyhow::Result<String> {
    let text = found.text()?.unwrap_or_default();
    match text.strip_prefix(BOM) {
        Some(text) => edit(text).map(|text| format!("{BOM}{text}")),
        None => edit(text),
    }
    .with_context(|| left_alone(found))
}
