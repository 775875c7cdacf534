//! Our server among others in Codex's TOML.

use anyhow::{Context as _, bail};
use serde_json::Value;
use toml_edit::{Array, DocumentMut, Item, Table, value};

use super::{
    super::{
        json::{self, Step},
        server_program::{self, ServerProgram},
    },
    SERVER, SERVERS,
};

/// The table that holds Codex's.
const TABLE: &str = "mcp_servers";

/// What the plugin says of it; Codex reads all of it.
const PLUGIN: &str = include_str!("../../../../../skills/auditotter/.mcp.json");

fn toml(text: &str) -> anyhow::Result<DocumentMut> {
    text.parse().map_err(|error: toml_edit::TomlError| {
        // Its own words, which quote the line, on one of ours.
        let words: Vec<&str> = error.message().split_whitespace().collect();
        let line = error.span().map_or(1, |span| {
            text[..span.start.min(text.len())].matches('\n').count() + 1
        });
        anyhow::anyhow!("line {line}: {}", words.join(" "))
    })
}

/// Whether Codex has our plugin, and it is on.
///
/// # Errors
/// Where it is no TOML.
pub(in super::super) fn plugin_enabled(text: &str) -> anyhow::Result<bool> {
    let document = toml(text)?;
    let plugins = document.get("plugins").and_then(Item::as_table_like);
    Ok(plugins.is_some_and(|plugins| {
        plugins.iter().any(|(name, plugin)| {
            name.starts_with("auditotter@") && plugin.get("enabled").and_then(Item::as_bool) != Some(false)
        })
    }))
}

/// Whether Codex runs no hooks at all.
///
/// # Errors
/// Where it is no TOML.
pub(in super::super) fn hooks_off(text: &str) -> anyhow::Result<bool> {
    let document = toml(text)?;
    let switch = document
        .get("features")
        .and_then(|features| features.get("hooks"));
    Ok(switch.and_then(Item::as_bool) == Some(false))
}

/// Our entry in Codex's TOML.
fn entry(document: &DocumentMut) -> anyhow::Result<Option<&Item>> {
    let entry = document.get(TABLE).and_then(|servers| servers.get(SERVER));
    if entry.is_some_and(|entry| !is_ours(entry)) {
        bail!("another server is called `{SERVER}` there; remove or rename it first");
    }
    Ok(entry)
}

fn is_ours(entry: &Item) -> bool {
    let command = entry.get("command").and_then(Item::as_str);
    command.is_some_and(server_program::is_ours)
}

/// What the plugin says of the server besides what starts it.
fn manners() -> anyhow::Result<Vec<(String, Item)>> {
    let all = json::value_at(PLUGIN, &[Step::Member(SERVERS), Step::Member(SERVER)])?;
    let all = all.context("the plugin has no server")?;
    let names = json::names(PLUGIN, &[Step::Member(SERVERS), Step::Member(SERVER)])?;
    names
        .into_iter()
        .filter(|name| name != "command")
        .map(|name| {
            let item = match &all[&name] {
                Value::String(text) => value(text),
                Value::Number(number) => value(number.as_i64().context("the plugin has no whole number")?),
                Value::Array(words) => value(words.iter().filter_map(Value::as_str).collect::<Array>()),
                _ => bail!("the plugin says what has no place in Codex's configuration: {name}"),
            };
            Ok((name, item))
        })
        .collect()
}

fn arguments(program: &ServerProgram) -> Array {
    program.arguments().into_iter().collect()
}

/// The table as it is written.
fn block(command: &str, arguments: &Array, newline: &str) -> anyhow::Result<String> {
    let mut table = Table::new();
    table.insert("command", value(command));
    if !arguments.is_empty() {
        table.insert("args", value(arguments.clone()));
    }
    for (name, item) in manners()? {
        table.insert(&name, item);
    }
    let lines = table.to_string().replace('\n', newline);
    Ok(format!("[{TABLE}.{SERVER}]{newline}{lines}"))
}

/// Codex's TOML with our server.
///
/// # Errors
/// Where it is no TOML, or the name is somebody else's, or there is no place for a table.
pub(in super::super) fn put_in(text: &str, program: &ServerProgram) -> anyhow::Result<String> {
    let mut document = toml(text)?;
    let Some(found) = entry(&document)? else {
        let newline = newline(text);
        let block = block(&program.command, &arguments(program), newline)?;
        let put = if text.is_empty() {
            block
        } else if text.ends_with('\n') {
            format!("{text}{newline}{block}")
        } else {
            // The file goes on without a last line break, so that it can be told afterwards.
            format!("{text}{newline}{newline}{}", block.trim_end_matches(['\r', '\n']))
        };
        let read = toml(&put).ok();
        anyhow::ensure!(
            read.as_ref()
                .and_then(|read| entry(read).ok().flatten())
                .is_some(),
            "its `{TABLE}` is written so that no table can be added; write it as [{TABLE}.NAME]"
        );
        return Ok(put);
    };
    let fits = found.get("command").and_then(Item::as_str) == Some(&program.command)
        && words(found.get("args")) == program.arguments();
    let missing: Vec<_> = manners()?
        .into_iter()
        .filter(|(name, _)| found.get(name).is_none())
        .collect();
    if fits && missing.is_empty() {
        return Ok(text.to_owned());
    }
    let entry = document[TABLE][SERVER]
        .as_table_like_mut()
        .context("what stands under our name is no table")?;
    entry.insert("command", value(&program.command));
    if program.arguments().is_empty() {
        entry.remove("args");
    } else {
        entry.insert("args", value(arguments(program)));
    }
    for (name, item) in missing {
        entry.insert(&name, item);
    }
    Ok(with_line_ends_of(text, document.to_string()))
}

/// Codex's TOML without our server.
///
/// # Errors
/// Where it is no TOML.
pub(in super::super) fn take_out(text: &str) -> anyhow::Result<String> {
    let mut document = toml(text)?;
    let named = document.get(TABLE).and_then(|servers| servers.get(SERVER));
    let Some(found) = named.filter(|entry| is_ours(entry)) else {
        return Ok(text.to_owned());
    };
    let command = found.get("command").and_then(Item::as_str).unwrap_or_default();
    let arguments: Array = words(found.get("args")).into_iter().collect();
    let newline = newline(text);
    let block = block(command, &arguments, newline)?;
    if let Some(left) = cut(text, &block, newline) {
        // Only if the table ends where our lines do.
        if toml(&left).is_ok_and(|left| entry(&left).is_ok_and(|entry| entry.is_none())) {
            return Ok(left);
        }
    }
    if let Some(servers) = document.get_mut(TABLE).and_then(Item::as_table_like_mut) {
        servers.remove(SERVER);
    }
    Ok(with_line_ends_of(text, document.to_string()))
}

/// A text without our lines and the blank line that was put before them, where they stand as they were written and a table
/// or nothing follows.
fn cut(text: &str, block: &str, newline: &str) -> Option<String> {
    let bare = block.trim_end_matches(['\r', '\n']);
    let start = text.find(bare)?;
    let rest = &text[start + bare.len()..];
    let before = &text[..start];
    if rest.is_empty() {
        let twice = newline.repeat(2);
        return Some(before.strip_suffix(&twice).unwrap_or(before).to_owned());
    }
    let rest = rest.strip_prefix(newline)?;
    let mut said = rest
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty() && !line.starts_with('#'));
    if said.next().is_some_and(|next| !next.starts_with('[')) {
        return None;
    }
    let before = before
        .strip_suffix(newline)
        .filter(|left| left.is_empty() || left.ends_with('\n'))
        .unwrap_or(before);
    Some(format!("{before}{rest}"))
}

fn words(item: Option<&Item>) -> Vec<String> {
    let array = item.and_then(Item::as_array).into_iter().flatten();
    array
        .filter_map(|word| word.as_str().map(str::to_owned))
        .collect()
}

fn newline(text: &str) -> &'static str {
    if text.contains("\r\n") { "\r\n" } else { "\n" }
}

/// toml_edit ends every line as Unix does.
fn with_line_ends_of(before: &str, after: String) -> String {
    let all_crlf = before.contains('\n') && before.matches('\n').count() == before.matches("\r\n").count();
    if all_crlf && !after.contains("\r\n") {
        after.replace('\n', "\r\n")
    } else {
        after
    }
}

#[cfg(test)]
mod tests;
