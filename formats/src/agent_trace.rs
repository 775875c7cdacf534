//! Agent Trace 0.1.0 (<https://agent-trace.dev>): which lines of which files an agent wrote, one record for each recorded edit, as JSON Lines.
//!
//! A record's lines are where they stood when the edit was made. Its `vcs` stands only where somebody who has the repository found
//! exactly what the edit left under a revision; nothing is guessed.

mod ranges;

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Map, Value, json};
use trace_store::export::VerifiedEntry;
use uuid::Builder;

use crate::told::{Session, body_of, moment_of, text, vendor_of};
use ranges::{Range, ranges};

/// The version of the specification.
const VERSION: &str = "0.1.0";

/// The longest model identifier (`maxLength` in the specification's schema).
const MOST_MODEL_CHARS: usize = 250;

/// Where an edited file lies, as far as it can be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Located {
    /// In the repository, under this path from its top folder; `revision` has exactly what the edit left.
    Within {
        /// The path, with `/` between its steps.
        path: String,
        /// The git commit.
        revision: Option<String>,
    },
    /// Elsewhere.
    Outside,
}

/// Writes records.
#[derive(Debug)]
pub struct AgentTrace<W> {
    out: W,
    session: Session,
    url: Option<String>,
    outside: u64,
}

#[derive(Serialize)]
struct Record {
    version: &'static str,
    id: String,
    timestamp: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    vcs: Option<Vcs>,
    #[serde(skip_serializing_if = "Option::is_none")]
    tool: Option<Tool>,
    files: [File; 1],
    metadata: Value,
}

#[derive(Serialize)]
struct Vcs {
    r#type: &'static str,
    revision: String,
}

#[derive(Serialize)]
struct Tool {
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    version: Option<String>,
}

#[derive(Serialize)]
struct File {
    path: String,
    conversations: [Conversation; 1],
}

#[derive(Serialize)]
struct Conversation {
    #[serde(skip_serializing_if = "Option::is_none")]
    url: Option<String>,
    contributor: Contributor,
    ranges: Vec<Range>,
}

#[derive(Serialize)]
struct Contributor {
    r#type: &'static str,
    #[serde(skip_serializing_if = "Option::is_none")]
    model_id: Option<String>,
}

impl<W: Write> AgentTrace<W> {
    /// Writes there. `url` is where people can look at the conversation.
    pub fn new(out: W, url: Option<String>) -> Self {
        Self {
            out,
            session: Session::default(),
            url,
            outside: 0,
        }
    }

    /// Writes the record of the entry that comes next, if it is an edit that added lines. `locate` says where a file lies, of which it is given the
    /// name, the folder from which it is named where that is not the repository's, and the plain BLAKE3 in hex of what the edit left, where that is known.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn take(
        &mut self,
        entry: &VerifiedEntry,
        locate: impl FnOnce(&str, Option<&str>, Option<&str>) -> Located,
    ) -> io::Result<()> {
        let said = body_of(entry);
        let body = said.as_ref();
        self.session.note(&entry.entry, body);
        let kind = entry.entry.kind.as_str();
        if !matches!(kind, "file.edited" | "file.changed") {
            return Ok(());
        }
        let (Some(named), Some(diff)) = (
            text(body, "/moved_to").or_else(|| text(body, "/path")),
            text(body, "/diff"),
        ) else {
            return Ok(());
        };
        let has = |pointer: &str| body.and_then(|body| body.pointer(pointer));
        let redacted = has("/redacted").is_some();
        let found = ranges(diff, text(body, "/change") == Some("created"), !redacted);
        if found.added == 0 {
            return Ok(());
        }
        // What a working tree shows is named from its top folder; a client's tool names from where it works. Older entries do not say it.
        let worked_in = || self.session.cwd.as_deref().filter(|_| kind == "file.edited");
        let from = text(body, "/folder").or_else(worked_in);
        let located = locate(named, from, text(body, "/after"));
        let Located::Within { path, revision } = located else {
            self.outside += 1;
            return Ok(());
        };
        let between_turns = has("/between_turns") == Some(&Value::Bool(true));
        let contributor = Contributor {
            // While no turn was under way it was somebody else, or something that the agent had left running.
            r#type: if between_turns { "unknown" } else { "ai" },
            model_id: if between_turns { None } else { self.model_id() },
        };
        let session = &self.session;
        let record = Record {
            version: VERSION,
            id: uuid_of(entry).to_string(),
            timestamp: moment_of(&entry.entry).to_string(),
            vcs: revision.map(|revision| Vcs {
                r#type: "git",
                revision,
            }),
            tool: session.agent.clone().map(|name| Tool {
                name,
                version: session.version.clone(),
            }),
            metadata: json!({ "auditotter": self.own(entry, kind, &found, redacted) }),
            files: [File {
                path,
                conversations: [Conversation {
                    url: self.url.clone(),
                    contributor,
                    ranges: found.ranges,
                }],
            }],
        };
        serde_json::to_writer(&mut self.out, &record)?;
        self.out.write_all(b"\n")
    }

    /// Ends it, and says how many edits lie outside of the repository and so are not in it.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn finish(mut self) -> io::Result<u64> {
        self.out.flush()?;
        Ok(self.outside)
    }

    /// What the format has no place for, and leads back to what was recorded.
    fn own(
        &self,
        entry: &VerifiedEntry,
        kind: &str,
        found: &ranges::Found,
        redacted: bool,
    ) -> Map<String, Value> {
        let recorded = &entry.entry;
        let mut own = Map::new();
        let mut put = |name: &str, value: Value| own.insert(name.to_owned(), value);
        put("trace", json!(recorded.chain.to_string()));
        put("seq", json!(recorded.seq));
        put("entry", json!(entry.hash.to_string()));
        put("kind", json!(kind));
        if let Some(member) = recorded.on_behalf_of {
            put("on_behalf_of", json!(member.to_string()));
        }
        if let Some(conversation) = &self.session.conversation {
            put("conversation", json!(conversation));
        }
        for name in ["turn", "call", "agent", "work_item"] {
            if let Some(value) = recorded.refs.get(name) {
                put(name, json!(value));
            }
        }
        if found.ranges.is_empty() {
            put("lines_of_unknown_place", json!(found.added));
        }
        if redacted {
            put("redacted", json!(true));
        }
        if self.session.imported {
            put("imported", json!(true));
        }
        own
    }

    /// The model as models.dev names it: with its vendor in front.
    fn model_id(&self) -> Option<String> {
        let model = self.session.model.as_deref()?;
        let id = match vendor_of(model) {
            Some(vendor) if !model.contains('/') => format!("{vendor}/{model}"),
            _ => model.to_owned(),
        };
        (id.chars().count() <= MOST_MODEL_CHARS).then_some(id)
    }
}

/// A UUID of our own making (RFC 9562, version 8) that is the same for the same entry.
fn uuid_of(entry: &VerifiedEntry) -> uuid::Uuid {
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&entry.hash.as_bytes()[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}
