//! Codex': a rollout, in which a call's end is told twice: as an item, with all that is known of it, and as what the model reads.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{Item, Place, Said, What, go_on_in, open::Open, text, texts, word};
use crate::{
    edit::{self, Change, FileEdited},
    event::{SubAgent, Used},
    record::{self, Answered, Body, Failed, Prompt, Returned, TurnEnded, TurnInterrupted, Usage},
};

/// The events that say nothing of what is taken.
const OWN_EVENTS: [&str; 3] = ["task_started", "thread_settings_applied", "token_count"];

/// The items that say nothing of what is taken: what the model thought, and what its outputs tell as well.
const OWN_ITEMS: [&str; 2] = ["Reasoning", "CollabAgentToolCall"];

/// The parts of a conversation that say nothing of what is taken.
const OWN_RESPONSES: [&str; 3] = ["message", "reasoning", "additional_tools"];

/// Tools whose use hooks are told of, and whose end is told as an output only.
const TOLD: [&str; 3] = ["spawn_agent", "wait_agent", "view_image"];

/// With what an output begins of a call that came to nothing.
const REFUSED: [&str; 3] = ["unsupported", "Tool call blocked", "Command blocked"];

#[derive(Debug)]
pub(super) struct Codex {
    session: Option<String>,
    /// Whether the file said whose it is, and that it is this one's.
    own: bool,
    by: Option<SubAgent>,
    turn: Option<String>,
    model: Option<String>,
    /// Where the client works.
    folder: Option<Arc<str>>,
    open: Open,
}

impl Codex {
    pub(super) fn of(session: Option<String>) -> Self {
        Self {
            session,
            own: false,
            by: None,
            turn: None,
            model: None,
            folder: None,
            open: Open::default(),
        }
    }

    pub(super) fn session(&self) -> Option<&str> {
        self.session.as_deref()
    }

    pub(super) fn agent(&self) -> Option<&str> {
        self.by.as_ref().map(|by| by.id.as_str())
    }

    pub(super) const fn folder(&self) -> Option<&Arc<str>> {
        self.folder.as_ref()
    }

    pub(super) fn read(&mut self, line: &Value) -> Said {
        let (Some(kind), Some(payload)) = (word(line, "type"), line.get("payload")) else {
            return Said::Unknown;
        };
        if kind == "session_meta" {
            self.began(payload);
        }
        if !self.own {
            return Said::Foreign;
        }
        let place = Place {
            claimed_at: word(line, "timestamp"),
            turn: word(payload, "turn_id").or_else(|| self.turn.clone()),
            by: self.by.clone(),
        };
        let own = Said::Items(Vec::new());
        let inner = word(payload, "type").unwrap_or_default();
        match (kind.as_str(), inner.as_str()) {
            ("turn_context", _) => {
                go_on_in(&mut self.folder, payload);
                self.turn = word(payload, "turn_id").or_else(|| self.turn.take());
                self.model = word(payload, "model").or_else(|| self.model.take());
                own
            }
            ("session_meta" | "world_state" | "compacted", _) => own,
            ("token_usage_record", _) => Said::Items(self.used(payload, &place)),
            ("event_msg", "item_completed") => match payload.get("item") {
                Some(item) => self.completed(item, &place),
                None => Said::Unknown,
            },
            ("event_msg", "task_complete") => {
                let last_message = text(payload, "last_agent_message");
                ended(&place, Body::TurnEnded(TurnEnded { last_message }))
            }
            ("event_msg", "turn_aborted") => ended(&place, Body::TurnInterrupted(TurnInterrupted::default())),
            ("event_msg", event) if OWN_EVENTS.contains(&event) => own,
            ("response_item", "function_call" | "custom_tool_call") => {
                Said::Items(self.called(payload, &place).into_iter().collect())
            }
            ("response_item", "function_call_output" | "custom_tool_call_output") => {
                Said::Items(self.told(payload, &place).into_iter().collect())
            }
            ("response_item", part) if OWN_RESPONSES.contains(&part) => own,
            _ => Said::Unknown,
        }
    }

    fn began(&mut self, meta: &Value) {
        // Where a session was begun from another one, that one's beginning stands in the file as well.
        if self.own {
            return;
        }
        let named = word(meta, "session_id").or_else(|| word(meta, "id"));
        if self.session.is_none() {
            self.session.clone_from(&named);
        }
        self.own = named.is_some() && named == self.session;
        if self.own {
            go_on_in(&mut self.folder, meta);
        }
        if word(meta, "parent_thread_id").is_some() {
            self.by = word(meta, "id").map(|id| SubAgent { id, kind: None });
        }
    }

    fn used(&self, record: &Value, place: &Place) -> Vec<Item> {
        let number = |name: &str| record.get("usage")?.get(name)?.as_u64();
        let usage = record.get("usage").map(|_| Usage {
            input: number("input_tokens").unwrap_or_default(),
            output: number("output_tokens").unwrap_or_default(),
            cache_read: number("cached_input_tokens"),
            cache_write: number("cache_write_input_tokens"),
            reasoning: number("reasoning_output_tokens"),
        });
        let message = word(record, "response_id");
        vec![self.answer(place, message, None, usage)]
    }

    fn answer(&self, place: &Place, id: Option<String>, text: Option<String>, usage: Option<Usage>) -> Item {
        let answered = Answered {
            text,
            model: self.model.clone(),
            message: id.clone(),
            usage,
        };
        place.item(id, What::Answer, vec![(None, Body::ModelAnswered(answered))])
    }

    fn called(&mut self, call: &Value, place: &Place) -> Option<Item> {
        let used = used_of(call)?;
        let called = (used.call.clone(), Body::ToolCalled(used.clone().into()));
        self.open.begin(used);
        Some(place.item(None, What::Called, vec![called]))
    }

    /// What the model reads of a call's end; of one that was not done, nothing else does.
    fn told(&mut self, output: &Value, place: &Place) -> Option<Item> {
        let call = word(output, "call_id")?;
        let told = output.get("output").and_then(texts).unwrap_or_default();
        if told.contains("Process running with session ID") || !self.open.has(&call) {
            return None;
        }
        let used = self.open.end(&call)?;
        let is_text = output.get("output").is_some_and(Value::is_string);
        // What these do when they are done is told as an item.
        let failed = matches!(used.tool.as_str(), "Bash" | "apply_patch")
            || (used.tool == "view_image" && is_text)
            || REFUSED.iter().any(|beginning| told.starts_with(beginning));
        let ran = !failed && TOLD.contains(&used.tool.as_str());
        let records = if failed {
            let (tool, error) = (used.tool, told);
            let failed = Failed {
                tool,
                error,
                interrupted: false,
            };
            vec![(used.call, Body::ToolFailed(failed))]
        } else {
            record::returned(used, Value::String(told))
        };
        Some(place.item(None, What::Ended { ran }, records))
    }

    fn completed(&mut self, item: &Value, place: &Place) -> Said {
        let (kind, id) = (word(item, "type").unwrap_or_default(), word(item, "id"));
        let said = || item.get("content").and_then(texts);
        let items = match kind.as_str() {
            "AgentMessage" => vec![self.answer(place, id, said(), None)],
            "UserMessage" => match said() {
                Some(text) => {
                    let prompt = (None, Body::Prompt(Prompt { text }));
                    vec![place.item(id, What::Prompt, vec![prompt])]
                }
                None => Vec::new(),
            },
            "CommandExecution" => self.end(place, id, Some(command(item)), |used| {
                let output = text(item, "aggregated_output").unwrap_or_default();
                let code = item.get("exit_code").cloned().unwrap_or_default();
                record::returned(used, json!({ "output": output, "exit_code": code }))
            }),
            "FileChange" => {
                let folder = self.folder.clone();
                self.end(place, id, None, |used| changed(used, item, folder.as_deref()))
            }
            "McpToolCall" => self.end(place, id, mcp(item), |used| answered(used, item)),
            own if OWN_ITEMS.contains(&own) => Vec::new(),
            _ => return Said::Unknown,
        };
        Said::Items(items)
    }

    /// The end of a call and, where a program of the model's made it, its beginning.
    fn end(
        &mut self,
        place: &Place,
        id: Option<String>,
        known: Option<(String, Value)>,
        end: impl FnOnce(Used) -> Vec<(Option<String>, Body)>,
    ) -> Vec<Item> {
        let Some(id) = id else { return Vec::new() };
        let begun = self.open.end(&id);
        let mut items = Vec::new();
        let (tool, input) = known.unwrap_or_else(|| ("apply_patch".to_owned(), Value::Null));
        let used = Used {
            call: Some(id.clone()),
            tool,
            input,
        };
        if begun.is_none() && !used.input.is_null() {
            let called = (Some(id), Body::ToolCalled(used.clone().into()));
            items.push(place.item(None, What::Called, vec![called]));
        }
        items.push(place.item(None, What::Ended { ran: true }, end(used)));
        items
    }
}

fn ended(place: &Place, body: Body) -> Said {
    Said::Items(vec![place.item(None, What::TurnEnded, vec![(None, body)])])
}

/// A call, under the name and with the input that hooks are told; nothing, where they are told none.
fn used_of(call: &Value) -> Option<Used> {
    let (id, name) = (word(call, "call_id")?, word(call, "name")?);
    let custom = text(call, "input");
    let given = text(call, "arguments").unwrap_or_default();
    let arguments: Value = serde_json::from_str(&given).unwrap_or(Value::String(given));
    let (tool, input) = match (name.as_str(), custom) {
        // A program that calls tools, each of which is told by itself; and a word to one that runs already.
        ("exec", Some(_)) | ("write_stdin", _) => return None,
        (_, Some(custom)) => (name, json!({ "command": custom })),
        ("exec_command", None) => {
            let command = arguments.get("cmd").cloned().unwrap_or_default();
            ("Bash".to_owned(), json!({ "command": command }))
        }
        (_, None) => match word(call, "namespace").filter(|space| space.starts_with("mcp__")) {
            Some(space) => (format!("{space}__{name}"), arguments),
            None => (name, arguments),
        },
    };
    Some(Used {
        call: Some(id),
        tool,
        input,
    })
}

/// What a shell was given to run: that shell's own words say nothing.
fn command(item: &Value) -> (String, Value) {
    let words = item.get("command").cloned().unwrap_or_default();
    let given = match words.as_array().map(Vec::as_slice) {
        Some([_, flag, given]) if flag.as_str().is_some_and(|flag| flag.starts_with('-')) => given.clone(),
        _ => words,
    };
    ("Bash".to_owned(), json!({ "command": given }))
}

fn mcp(item: &Value) -> Option<(String, Value)> {
    let (server, tool) = (word(item, "server")?, word(item, "tool")?);
    let arguments = item.get("arguments").cloned().unwrap_or_else(|| json!({}));
    Some((format!("mcp__{server}__{tool}"), arguments))
}

fn answered(used: Used, item: &Value) -> Vec<(Option<String>, Body)> {
    let result = item.get("result").cloned().unwrap_or_default();
    let is_error = result.get("isError").and_then(Value::as_bool).unwrap_or_default();
    if is_error || word(item, "status").as_deref() == Some("failed") {
        let said = result.get("content").and_then(texts);
        let error = said.or_else(|| text(item, "error")).unwrap_or_default();
        return vec![record::failed(used, error, false)];
    }
    record::returned(used, result)
}

fn changed(used: Used, item: &Value, folder: Option<&str>) -> Vec<(Option<String>, Body)> {
    let changes = item.get("changes").and_then(Value::as_object);
    let (Some(changes), Some("completed")) = (changes, word(item, "status").as_deref()) else {
        let said = |name| text(item, name).filter(|text| !text.is_empty());
        let error = said("stderr").or_else(|| said("stdout")).unwrap_or_default();
        return vec![record::failed(used, error, false)];
    };
    if changes.len() > record::MOST_EDITS {
        let returned = Value::Object(changes.clone());
        return vec![(used.call, Body::ToolReturned(Returned { returned }))];
    }
    let edits = changes.iter().map(|(path, told)| {
        let (kind, content) = (word(told, "type").unwrap_or_default(), text(told, "content"));
        let change = match kind.as_str() {
            "add" => Change::Created,
            "delete" => Change::Deleted,
            _ => Change::Changed,
        };
        let digest = |text: &String| blake3::hash(text.as_bytes()).to_hex().to_string();
        let (before, after) = match change {
            Change::Created => (None, content.as_ref().map(digest)),
            Change::Deleted => (content.as_ref().map(digest), None),
            Change::Changed => (None, None),
        };
        let whole = || match change {
            Change::Created => content.as_deref().map(edit::whole_file).unwrap_or_default(),
            Change::Changed | Change::Deleted => String::new(),
        };
        let edited = FileEdited {
            tool: used.tool.clone(),
            path: path.clone(),
            moved_to: text(told, "move_path"),
            folder: None,
            change,
            before,
            after,
            diff: text(told, "unified_diff").unwrap_or_else(whole),
        };
        (used.call.clone(), Body::FileEdited(edited.named_from(folder)))
    });
    edits.collect()
}
