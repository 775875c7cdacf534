//! Our hooks among everybody's, in the JSON in which both clients keep them.

use anyhow::Context as _;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use vocabulary::Client;

use super::{
    json::{self, Step},
    receipt::Containers,
    server_program::{self, ServerProgram},
    spaced,
};

/// The member that holds them.
const HOOKS: &str = "hooks";

/// What the plugins bring: the one place where events, times and what happens on failure are said.
const fn of_the_plugin(client: Client) -> &'static str {
    match client {
        Client::ClaudeCode => include_str!("../../../../skills/auditotter/hooks/hooks.json"),
        Client::Codex => include_str!("../../../../skills/auditotter/hooks/codex.json"),
    }
}

/// What one hook runs, and for how long.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "camelCase")]
struct Handler {
    r#type: String,
    command: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    args: Option<Vec<String>>,
    timeout: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    on_failure: Option<String>,
}

/// Hooks that run together.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    hooks: Vec<Handler>,
}

/// What is to stand under each event, in the plugin's order.
fn wanted(client: Client, program: &ServerProgram) -> anyhow::Result<Vec<(String, Group)>> {
    let template = of_the_plugin(client);
    let hooks = json::value_at(template, &[Step::Member(HOOKS)])?.context("the plugin has no hooks")?;
    let arguments = program.hook_arguments(client);
    json::names(template, &[Step::Member(HOOKS)])?
        .into_iter()
        .map(|event| {
            let groups: Vec<Group> = serde_json::from_value(hooks[&event].clone())?;
            let [mut group] = <[Group; 1]>::try_from(groups)
                .map_err(|_| anyhow::anyhow!("the plugin has no single group for {event}"))?;
            for handler in &mut group.hooks {
                if handler.args.is_some() {
                    handler.command.clone_from(&program.command);
                    handler.args = Some(arguments.clone());
                } else {
                    let words = std::iter::once(&program.command).chain(&arguments);
                    handler.command = shlex::try_join(words.map(String::as_str))?;
                }
            }
            Ok((event, group))
        })
        .collect()
}

/// Whether a hook is ours: it runs `auditotter-mcp`, and that with `hook`.
fn is_ours(handler: &Value) -> bool {
    let Some(command) = handler["command"].as_str() else {
        return false;
    };
    if let Some(args) = handler["args"].as_array() {
        return server_program::is_ours(command) && args.first().is_some_and(|first| first == "hook");
    }
    shlex::split(command).is_some_and(|words| {
        let mut words = words.iter();
        words
            .next()
            .is_some_and(|program| server_program::is_ours(program))
            && words.next().is_some_and(|first| first == "hook")
    })
}

/// Which hooks of which groups are ours, and whether the whole group is.
struct Found {
    group: usize,
    handlers: Vec<usize>,
    whole: bool,
}

fn find(groups: &Value) -> Vec<Found> {
    let groups = groups.as_array().into_iter().flatten().enumerate();
    groups
        .filter_map(|(group, value)| {
            let all = value["hooks"].as_array()?;
            let ours = all.iter().enumerate().filter(|(_, handler)| is_ours(handler));
            let handlers: Vec<usize> = ours.map(|(index, _)| index).collect();
            let whole = handlers.len() == all.len();
            (!handlers.is_empty()).then_some(Found {
                group,
                handlers,
                whole,
            })
        })
        .collect()
}

/// A configuration with our hooks in it, each once and as they are wanted; where they are, the same text. What it had to
/// make is noted.
///
/// # Errors
/// Where it is not as the client documents it.
pub(super) fn put_in(
    text: &str,
    client: Client,
    program: &ServerProgram,
    made: &mut Containers,
) -> anyhow::Result<String> {
    let wanted = wanted(client, program)?;
    let mut text = ensured(text, made)?;
    for event in json::names(&text, &[Step::Member(HOOKS)])? {
        if !wanted.iter().any(|(name, _)| *name == event) {
            text = without(&text, &event, made)?;
        }
    }
    for (event, group) in &wanted {
        let list = [Step::Member(HOOKS), Step::Member(event)];
        let group_value = serde_json::to_value(group)?;
        let lines = json::layout(&text).lines;
        let group_text = spaced::text(group, lines)?;
        let Some(groups) = json::value_at(&text, &list)? else {
            let item = spaced::member(event, &format!("[{group_text}]"), lines)?;
            text = appended(&text, &list[..1], HOOKS, &item, made)?;
            made.made(&pointer(event));
            continue;
        };
        anyhow::ensure!(groups.is_array(), "what stands under {event} is no list of hooks");
        let found = find(&groups);
        if let [only] = found.as_slice()
            && groups[only.group] == group_value
        {
            continue;
        }
        // In its place where there is one: Codex knows by its number which hook was trusted.
        let place = found.iter().find(|found| found.whole).map(|found| found.group);
        for found in found.iter().rev().filter(|found| Some(found.group) != place) {
            text = without_group(&text, event, found, "")?;
        }
        text = match place {
            Some(group) => json::replace(&text, &[list[0], list[1], Step::Element(group)], &group_text)?,
            None => appended(&text, &list, &pointer(event), &group_text, made)?,
        };
    }
    Ok(text)
}

/// A configuration without our hooks, and without what was made for them.
///
/// # Errors
/// Where it is not as the client documents it.
pub(super) fn take_out(text: &str, made: &Containers) -> anyhow::Result<String> {
    let hooks = [Step::Member(HOOKS)];
    if json::value_at(text, &hooks)?.is_none() {
        return Ok(text.to_owned());
    }
    let mut text = text.to_owned();
    for event in json::names(&text, &hooks)? {
        text = without(&text, &event, made)?;
    }
    if made.was_made(HOOKS) && json::value_at(&text, &hooks)? == Some(json!({})) {
        text = json::remove(&text, &[], hooks[0], made.blank(""))?;
    }
    Ok(text)
}

/// The events under which a hook of ours stands, and does what is wanted.
pub(super) fn recorded(text: &str) -> anyhow::Result<Vec<String>> {
    let Some(hooks) = json::value_at(text, &[Step::Member(HOOKS)])? else {
        return Ok(Vec::new());
    };
    let events = hooks.as_object().into_iter().flatten();
    Ok(events
        .filter(|(_, groups)| !find(groups).is_empty())
        .map(|(event, _)| event.clone())
        .collect())
}

fn pointer(event: &str) -> String {
    format!("{HOOKS}/{event}")
}

/// With the object in which hooks are kept.
fn ensured(text: &str, made: &mut Containers) -> anyhow::Result<String> {
    match json::value_at(text, &[Step::Member(HOOKS)])? {
        None => {
            let item = spaced::member(HOOKS, "{}", json::layout(text).lines)?;
            let text = appended(text, &[], "", &item, made)?;
            made.made(HOOKS);
            Ok(text)
        }
        Some(hooks) => {
            anyhow::ensure!(hooks.is_object(), "its `{HOOKS}` is no object");
            Ok(text.to_owned())
        }
    }
}

fn appended(
    text: &str,
    path: &[Step<'_>],
    pointer: &str,
    item: &str,
    made: &mut Containers,
) -> anyhow::Result<String> {
    let (text, blank) = json::append(text, path, item)?;
    if let Some(blank) = blank {
        made.was_empty(pointer, blank);
    }
    Ok(text)
}

/// Without our hooks under an event.
fn without(text: &str, event: &str, made: &Containers) -> anyhow::Result<String> {
    let list = [Step::Member(HOOKS), Step::Member(event)];
    let Some(groups) = json::value_at(text, &list)? else {
        return Ok(text.to_owned());
    };
    let pointer = pointer(event);
    let found = find(&groups);
    let mut text = text.to_owned();
    for group in found.iter().rev() {
        text = without_group(&text, event, group, made.blank(&pointer))?;
    }
    if !found.is_empty() && made.was_made(&pointer) && json::value_at(&text, &list)? == Some(json!([])) {
        text = json::remove(&text, &list[..1], list[1], made.blank(HOOKS))?;
    }
    Ok(text)
}

fn without_group(text: &str, event: &str, found: &Found, blank: &str) -> anyhow::Result<String> {
    let list = [Step::Member(HOOKS), Step::Member(event)];
    let group = Step::Element(found.group);
    if found.whole {
        return json::remove(text, &list, group, blank);
    }
    let handlers = [list[0], list[1], group, Step::Member(HOOKS)];
    let mut text = text.to_owned();
    for handler in found.handlers.iter().rev() {
        text = json::remove(&text, &handlers, Step::Element(*handler), "")?;
    }
    Ok(text)
}

#[cfg(test)]
mod tests;
