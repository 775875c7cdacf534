//! The client's own record of its session, line by line. It says what no hook tells: the model's answers, what they took, and the
//! ends of calls that no event told.
//!
//! The shapes are those of Claude Code 2.1 (`<session>.jsonl`) and Codex 0.169 (`rollout-….jsonl`). Only what is recognized is taken: a
//! line that tomorrow's client writes is counted and left out, and so is one of another session. What a model thought is not taken.

mod claude_code;
mod codex;
mod lines;
mod open;

use std::sync::Arc;

use serde_json::Value;
use vocabulary::Client;

use self::{claude_code::ClaudeCode, codex::Codex, lines::Lines};
use crate::{
    event::SubAgent,
    record::{Body, Record},
};

pub use self::lines::MOST_LINE_BYTES;

/// The longest identifier or word that is taken as such, in bytes.
const MOST_WORD_BYTES: usize = 256;

/// The longest path of a folder, in bytes, as Linux has it.
const MOST_FOLDER_BYTES: usize = 4096;

/// Reads a transcript as it grows, in pieces of any length.
#[derive(Debug)]
pub struct Transcript {
    lines: Lines,
    grammar: Grammar,
}

#[derive(Debug)]
enum Grammar {
    ClaudeCode(ClaudeCode),
    Codex(Codex),
}

/// A line that came to its end.
#[derive(Debug, Clone, PartialEq)]
pub struct Line {
    /// Where the next one begins.
    pub end: u64,
    /// Where the client worked then, as it says there or said before.
    pub folder: Option<Arc<str>>,
    /// What it says.
    pub said: Said,
}

/// What a line says.
#[derive(Debug, Clone, PartialEq)]
pub enum Said {
    /// So much of what is taken; nothing, where it is the client's own business.
    Items(Vec<Item>),
    /// Nothing that is known.
    Unknown,
    /// Something of another session.
    Foreign,
}

/// Something that is taken of a transcript.
#[derive(Debug, Clone, PartialEq)]
pub struct Item {
    /// What the client calls it, where that is said.
    pub id: Option<String>,
    /// When it happened, as the client says.
    pub claimed_at: Option<String>,
    /// What it is.
    pub what: What,
    /// What would be kept of it, in order.
    pub records: Vec<Record>,
}

/// What an item is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum What {
    /// Somebody said something to the agent.
    Prompt,
    /// The model answered.
    Answer,
    /// A tool was to be used.
    Called,
    /// A tool's use came to its end.
    Ended {
        /// Whether the tool was started, so that hooks would have told of it; a call that is not understood ends as well.
        ran: bool,
    },
    /// The agent had nothing more to do, or was stopped.
    TurnEnded,
}

impl Item {
    /// The client's id of the call that it is about.
    #[must_use]
    pub fn call(&self) -> Option<&str> {
        self.records.first()?.call.as_deref()
    }

    /// The turn that it belongs to.
    #[must_use]
    pub fn turn(&self) -> Option<&str> {
        self.records.first()?.turn.as_deref()
    }
}

impl Transcript {
    /// One of a client, of which nothing was read yet. With a session, what another one says is left out; without, the first that is
    /// named is taken for it.
    #[must_use]
    pub fn of(client: Client, session: Option<String>) -> Self {
        let grammar = match client {
            Client::ClaudeCode => Grammar::ClaudeCode(ClaudeCode::of(session)),
            Client::Codex => Grammar::Codex(Codex::of(session)),
        };
        Self {
            lines: Lines::default(),
            grammar,
        }
    }

    /// Whose transcript a line is part of, where that can be told from it alone.
    #[must_use]
    pub fn client_of(line: &[u8]) -> Option<Client> {
        let line: Value = serde_json::from_slice(line).ok()?;
        if line.get("payload").is_some() && word(&line, "type").as_deref() == Some("session_meta") {
            return Some(Client::Codex);
        }
        let names = line.get("sessionId").and_then(Value::as_str).is_some();
        (names && line.get("type").is_some()).then_some(Client::ClaudeCode)
    }

    /// Reads on, and gives each line that comes to its end.
    pub fn feed(&mut self, bytes: &[u8], each: &mut dyn FnMut(Line)) {
        let grammar = &mut self.grammar;
        self.lines.feed(bytes, &mut |end, line| {
            let said = match line.map(serde_json::from_slice::<Value>) {
                Some(Ok(line)) => match &mut *grammar {
                    Grammar::ClaudeCode(claude_code) => claude_code.read(&line),
                    Grammar::Codex(codex) => codex.read(&line),
                },
                Some(Err(_)) | None => Said::Unknown,
            };
            let folder = match &*grammar {
                Grammar::ClaudeCode(claude_code) => claude_code.folder(),
                Grammar::Codex(codex) => codex.folder(),
            };
            let folder = folder.cloned();
            each(Line { end, folder, said });
        });
    }

    /// Up to which byte it was read: the end of the last whole line.
    #[must_use]
    pub const fn read(&self) -> u64 {
        self.lines.read()
    }

    /// Lets go of a line that has not come to its end: it is fed again, from [`Self::read`] on.
    pub fn let_go(&mut self) {
        self.lines.let_go();
    }

    /// What the client calls the session, once that was said.
    #[must_use]
    pub fn session(&self) -> Option<&str> {
        match &self.grammar {
            Grammar::ClaudeCode(claude_code) => claude_code.session(),
            Grammar::Codex(codex) => codex.session(),
        }
    }

    /// Whose record it is within the session, where it is that of an agent which another started; known with the session, where that was
    /// not given.
    #[must_use]
    pub fn agent(&self) -> Option<&str> {
        match &self.grammar {
            Grammar::ClaudeCode(claude_code) => claude_code.agent(),
            Grammar::Codex(codex) => codex.agent(),
        }
    }
}

/// Takes note of where the client works from here on, where something of this very session says it.
fn go_on_in(folder: &mut Option<Arc<str>>, told: &Value) {
    let named = told.get("cwd").and_then(Value::as_str);
    let named = named.filter(|named| named.starts_with('/') && named.len() <= MOST_FOLDER_BYTES);
    if let Some(named) = named.filter(|named| folder.as_deref() != Some(*named)) {
        *folder = Some(Arc::from(named));
    }
}

/// A member that is a word.
fn word(of: &Value, name: &str) -> Option<String> {
    let found = of.get(name)?.as_str()?;
    (!found.is_empty() && found.len() <= MOST_WORD_BYTES).then(|| found.to_owned())
}

/// A member that is a text.
fn text(of: &Value, name: &str) -> Option<String> {
    Some(of.get(name)?.as_str()?.to_owned())
}

/// The texts of a message's parts, one under the other; nothing, where there are none.
fn texts(parts: &Value) -> Option<String> {
    if let Some(text) = parts.as_str() {
        return Some(text.to_owned());
    }
    let texts: Vec<&str> = parts
        .as_array()?
        .iter()
        .filter_map(|part| part.get("text")?.as_str())
        .collect();
    (!texts.is_empty()).then(|| texts.join("\n"))
}

/// Makes records that belong to one turn and one agent.
#[derive(Debug, Clone, Default)]
struct Place {
    claimed_at: Option<String>,
    turn: Option<String>,
    by: Option<SubAgent>,
}

impl Place {
    fn item(&self, id: Option<String>, what: What, records: Vec<(Option<String>, Body)>) -> Item {
        let records = records.into_iter().map(|(call, body)| Record {
            call,
            turn: self.turn.clone(),
            by: self.by.clone(),
            body,
        });
        Item {
            id,
            claimed_at: self.claimed_at.clone(),
            what,
            records: records.collect(),
        }
    }
}
