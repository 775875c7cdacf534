//! Our server among others: here in Claude Code's JSON.

pub(super) mod codex;

use anyhow::bail;
use serde_json::{Value, json};

use super::{
    json::{self, Step},
    receipt::Containers,
    server_program::{self, ServerProgram},
    spaced,
};

/// The name under which clients know it, which is part of the names of its tools.
pub(super) const SERVER: &str = "auditotter";

/// The member that holds Claude Code's servers.
const SERVERS: &str = "mcpServers";

/// What stands under our name in Claude Code's JSON.
///
/// # Errors
/// Where the text is not what Claude Code documents, or the name is somebody else's.
pub(super) fn registered(text: &str) -> anyhow::Result<Option<Value>> {
    let entry = json::value_at(text, &[Step::Member(SERVERS), Step::Member(SERVER)])?;
    if entry.is_some() && !ours_in_json(text)? {
        bail!("another server is called `{SERVER}` there; remove or rename it first");
    }
    Ok(entry)
}

/// Whether our server is there, and not another of its name.
///
/// # Errors
/// Where the text is not what Claude Code documents.
pub(super) fn ours_in_json(text: &str) -> anyhow::Result<bool> {
    let entry = json::value_at(text, &[Step::Member(SERVERS), Step::Member(SERVER)])?;
    Ok(entry.is_some_and(|entry| entry["command"].as_str().is_some_and(server_program::is_ours)))
}

/// Whether an entry starts what it should.
pub(super) fn fits(entry: &Value, program: &ServerProgram) -> bool {
    let arguments = entry.get("args").cloned().unwrap_or_else(|| json!([]));
    entry["command"] == program.command.as_str() && arguments == json!(program.arguments())
}

/// Claude Code's JSON with our server.
///
/// # Errors
/// As [`registered`].
pub(super) fn put_in(text: &str, program: &ServerProgram, made: &mut Containers) -> anyhow::Result<String> {
    let lines = json::layout(text).lines;
    let entry = json!({ "type": "stdio", "command": program.command, "args": program.arguments() });
    let servers = [Step::Member(SERVERS)];
    match registered(text)? {
        Some(found) if fits(&found, program) => return Ok(text.to_owned()),
        Some(mut found) => {
            // What else somebody said of it stays.
            found["command"] = entry["command"].clone();
            found["args"] = entry["args"].clone();
            let place = [servers[0], Step::Member(SERVER)];
            return json::replace(text, &place, &spaced::text(&found, lines)?);
        }
        None => {}
    }
    let item = spaced::member(SERVER, &spaced::text(&entry, lines)?, lines)?;
    let mut text = text.to_owned();
    if json::value_at(&text, &servers)?.is_none() {
        let container = spaced::member(SERVERS, "{}", lines)?;
        let (put, blank) = json::append(&text, &[], &container)?;
        if let Some(blank) = blank {
            made.was_empty("", blank);
        }
        made.made(SERVERS);
        text = put;
    }
    let (put, blank) = json::append(&text, &servers, &item)?;
    if let Some(blank) = blank {
        made.was_empty(SERVERS, blank);
    }
    Ok(put)
}

/// Claude Code's JSON without our server.
///
/// # Errors
/// As [`ours_in_json`].
pub(super) fn take_out(text: &str, made: &Containers) -> anyhow::Result<String> {
    if !ours_in_json(text)? {
        return Ok(text.to_owned());
    }
    let servers = [Step::Member(SERVERS)];
    let text = json::remove(text, &servers, Step::Member(SERVER), made.blank(SERVERS))?;
    if made.was_made(SERVERS) && json::value_at(&text, &servers)? == Some(json!({})) {
        return json::remove(&text, &[], servers[0], made.blank(""));
    }
    Ok(text)
}
