//! Claude Code's: one line for each block of an answer, each with the usage of the whole answer.

use std::{collections::VecDeque, sync::Arc};

use serde_json::Value;

use super::{Item, Place, Said, What, go_on_in, open::Open, text, texts, word};
use crate::{
    event::{SubAgent, Used},
    record::{self, Answered, Body, Permission, Prompt, Usage},
};

/// Of how many answers it is remembered that their usage was counted: the blocks of one stand near each other.
const MOST_MESSAGES: usize = 64;

/// With what a line of the client's own begins that looks like a prompt.
const NOT_SAID: [&str; 4] = [
    "<command-name>",
    "<command-message>",
    "<local-command",
    "[Request interrupted",
];

/// The types of lines that say nothing of what is taken.
const OWN: [&str; 14] = [
    "system",
    "attachment",
    "queue-operation",
    "last-prompt",
    "tools-used",
    "atis-latch",
    "cost-state",
    "api-request",
    "api-request-shape",
    "api-request-blob",
    "summary",
    "custom-title",
    "file-history-snapshot",
    "progress",
];

#[derive(Debug)]
pub(super) struct ClaudeCode {
    session: Option<String>,
    /// Whose record it is within the session, where it is not the first agent's.
    agent: Option<String>,
    turn: Option<String>,
    folder: Option<Arc<str>>,
    counted: VecDeque<String>,
    open: Open,
}

impl ClaudeCode {
    pub(super) fn of(session: Option<String>) -> Self {
        Self {
            session,
            agent: None,
            turn: None,
            folder: None,
            counted: VecDeque::new(),
            open: Open::default(),
        }
    }

    pub(super) fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    pub(super) fn agent(&self) -> Option<&str> {
        self.agent.as_deref()
    }

    pub(super) const fn folder(&self) -> Option<&Arc<str>> {
        self.folder.as_ref()
    }

    pub(super) fn read(&mut self, line: &Value) -> Said {
        let Some(kind) = word(line, "type") else {
            return Said::Unknown;
        };
        let (named, queued) = (word(line, "sessionId"), queued(line));
        if OWN.contains(&kind.as_str()) && queued.is_none() {
            if named.is_some() && named == self.session {
                go_on_in(&mut self.folder, line);
            }
            return Said::Items(Vec::new());
        }
        if self.session.is_none() {
            self.session.clone_from(&named);
            self.agent = word(line, "agentId");
        }
        if named.is_none() || named != self.session {
            return Said::Foreign;
        }
        go_on_in(&mut self.folder, line);
        if let Some(turn) = word(line, "promptId") {
            self.turn = Some(turn);
        }
        let place = Place {
            claimed_at: word(line, "timestamp"),
            turn: self.turn.clone(),
            by: word(line, "agentId").map(|id| SubAgent { id, kind: None }),
        };
        let id = word(line, "uuid");
        if let Some(text) = queued {
            return Said::Items(vec![prompt(&place, id, text)]);
        }
        let content = line.pointer("/message/content");
        match (kind.as_str(), content) {
            ("user", Some(content)) => Said::Items(self.user(line, content, id, &place)),
            ("assistant", Some(content)) => Said::Items(self.answer(line, content, id, &place)),
            _ => Said::Unknown,
        }
    }

    fn user(&mut self, line: &Value, content: &Value, id: Option<String>, place: &Place) -> Vec<Item> {
        let flag = |name: &str| line.get(name).and_then(Value::as_bool).unwrap_or_default();
        let own = flag("isMeta") || flag("isCompactSummary");
        let said = texts(content)
            .filter(|text| !own && !NOT_SAID.iter().any(|beginning| text.starts_with(beginning)));
        let mut items: Vec<Item> = said.map(|text| prompt(place, id, text)).into_iter().collect();
        let results = content.as_array().map(Vec::as_slice).unwrap_or_default();
        let is_result = |block: &&Value| block.get("type").and_then(Value::as_str) == Some("tool_result");
        let results: Vec<&Value> = results.iter().filter(is_result).collect();
        // What hooks are told stands beside the only one; beside several, nobody could say whose it is.
        let beside = match results.as_slice() {
            [_] => line.get("toolUseResult"),
            _ => None,
        };
        for block in results {
            items.extend(self.result(line, block, beside, place));
        }
        items
    }

    /// How a call ended, as the model reads it and, beside it, as hooks are told.
    fn result(&mut self, line: &Value, block: &Value, beside: Option<&Value>, place: &Place) -> Option<Item> {
        let call = word(block, "tool_use_id")?;
        let used = self.open.end(&call).unwrap_or_else(|| Used {
            call: Some(call),
            tool: String::new(),
            input: Value::Null,
        });
        let told = || block.get("content").and_then(texts).unwrap_or_default();
        let failed = block.get("is_error").and_then(Value::as_bool).unwrap_or_default();
        let records = if failed {
            let error = beside.and_then(Value::as_str).map_or_else(told, |text| {
                text.strip_prefix("Error: ").unwrap_or(text).to_owned()
            });
            if word(line, "toolDenialKind").as_deref() == Some("user-rejected") {
                let (tool, reason) = (used.tool, Some(error));
                vec![(used.call, Body::PermissionRefused(Permission { tool, reason }))]
            } else {
                vec![record::failed(used, error, false)]
            }
        } else {
            let response = beside.cloned().unwrap_or_else(|| Value::String(told()));
            record::returned(used, response)
        };
        Some(place.item(None, What::Ended { ran: true }, records))
    }

    fn answer(&mut self, line: &Value, content: &Value, id: Option<String>, place: &Place) -> Vec<Item> {
        let message = line.get("message").unwrap_or(&Value::Null);
        let name = word(message, "id");
        let usage = match &name {
            Some(name) if !self.counted.contains(name) => message.get("usage").map(usage),
            _ => None,
        };
        if let (Some(name), Some(_)) = (&name, &usage) {
            self.counted.push_back(name.clone());
            if self.counted.len() > MOST_MESSAGES {
                self.counted.pop_front();
            }
        }
        let blocks = content.as_array().map(Vec::as_slice).unwrap_or_default();
        let is = |block: &&Value, kind: &str| block.get("type").and_then(Value::as_str) == Some(kind);
        let said: Vec<Value> = blocks.iter().filter(|block| is(block, "text")).cloned().collect();
        let said = texts(&Value::Array(said)).or_else(|| text(message, "content"));
        let mut items = Vec::new();
        if said.is_some() || usage.is_some() {
            let answered = Answered {
                text: said,
                model: word(message, "model"),
                message: name,
                usage,
            };
            items.push(place.item(id, What::Answer, vec![(None, Body::ModelAnswered(answered))]));
        }
        for block in blocks.iter().filter(|block| is(block, "tool_use")) {
            let (Some(call), Some(tool)) = (word(block, "id"), word(block, "name")) else {
                continue;
            };
            let used = Used {
                call: Some(call.clone()),
                tool,
                input: block.get("input").cloned().unwrap_or_default(),
            };
            let called = (Some(call), Body::ToolCalled(used.clone().into()));
            items.push(place.item(None, What::Called, vec![called]));
            self.open.begin(used);
        }
        items
    }
}

/// What was said while the agent was at work.
fn queued(line: &Value) -> Option<String> {
    let attachment = line.get("attachment")?;
    (word(attachment, "type")? == "queued_command").then_some(())?;
    text(attachment, "prompt")
}

fn prompt(place: &Place, id: Option<String>, text: String) -> Item {
    place.item(id, What::Prompt, vec![(None, Body::Prompt(Prompt { text }))])
}

fn usage(told: &Value) -> Usage {
    let number = |name: &str| told.pointer(name).and_then(Value::as_u64);
    Usage {
        input: number("/input_tokens").unwrap_or_default(),
        output: number("/output_tokens").unwrap_or_default(),
        cache_read: number("/cache_read_input_tokens"),
        cache_write: number("/cache_creation_input_tokens"),
        reasoning: number("/output_tokens_details/thinking_tokens"),
    }
}
