//! What an entry says, read leniently: bodies are others' words, and newer versions say more.

use serde_json::Value;
use trace_store::{BodyState, Entry, export::VerifiedEntry};
use vocabulary::Timestamp;

/// The vendors whose models are known by the beginnings of their names.
const VENDORS: [(&str, &str); 8] = [
    ("claude-", "anthropic"),
    ("gpt-", "openai"),
    ("o1", "openai"),
    ("o3", "openai"),
    ("o4", "openai"),
    ("codex-", "openai"),
    ("gemini-", "google"),
    ("grok-", "xai"),
];

/// The body's JSON; nothing where there is none, or it was erased.
pub(crate) fn body_of(entry: &VerifiedEntry) -> Option<Value> {
    match &entry.body {
        BodyState::Present(bytes) => serde_json::from_slice(bytes).ok(),
        BodyState::Erased | BodyState::None => None,
    }
}

/// A text in a body.
pub(crate) fn text<'b>(body: Option<&'b Value>, pointer: &str) -> Option<&'b str> {
    body?.pointer(pointer)?.as_str()
}

/// When it happened: as whoever told it later claims, else when it was recorded.
pub(crate) fn moment_of(entry: &Entry) -> Timestamp {
    let claimed = entry.refs.get("claimed_at").and_then(|at| at.parse().ok());
    claimed.unwrap_or(entry.at)
}

/// Whether that is a claim.
pub(crate) fn is_claimed(entry: &Entry) -> bool {
    moment_of(entry) != entry.at
}

/// What a session says of itself, as far as it was read.
#[derive(Debug, Default)]
pub(crate) struct Session {
    /// The agent's own name, and its version.
    pub(crate) agent: Option<String>,
    pub(crate) version: Option<String>,
    /// The client's name of the session.
    pub(crate) conversation: Option<String>,
    /// The newest model that is known.
    pub(crate) model: Option<String>,
    /// Where the client works.
    pub(crate) cwd: Option<String>,
    /// Whether it was taken in from what a client had written before.
    pub(crate) imported: bool,
}

impl Session {
    /// Takes note of what an entry says of the session.
    pub(crate) fn note(&mut self, entry: &Entry, body: Option<&Value>) {
        if let Some(via) = &entry.via {
            self.agent.get_or_insert_with(|| via.agent().to_owned());
            if self.version.is_none() {
                self.version = via.version().map(str::to_owned);
            }
            if self.conversation.is_none() {
                self.conversation = via.instance().map(str::to_owned);
            }
        }
        let own = |pointer: &str| {
            text(body, pointer)
                .filter(|text| !text.is_empty())
                .map(str::to_owned)
        };
        match entry.kind.as_str() {
            "session.imported" => {
                self.imported = true;
                self.model = own("/model").or_else(|| self.model.take());
                self.cwd = own("/cwd").or_else(|| self.cwd.take());
                self.conversation = own("/session").or_else(|| self.conversation.take());
            }
            "session.started" => {
                self.conversation = own("/session").or_else(|| self.conversation.take());
                self.model = own("/model").or_else(|| self.model.take());
                self.cwd = own("/cwd").or_else(|| self.cwd.take());
            }
            // What an agent's agents answer with is theirs.
            "model.answered" if entry.refs.get("agent").is_none() => {
                self.model = own("/model").or_else(|| self.model.take());
            }
            _ => {}
        }
    }

    /// Who makes the model, where its name says so, else where the client has only one vendor's.
    pub(crate) fn vendor(&self) -> Option<&'static str> {
        let by_model = self.model.as_deref().and_then(vendor_of);
        by_model.or_else(|| match self.agent.as_deref()? {
            "claude-code" => Some("anthropic"),
            "codex" => Some("openai"),
            _ => None,
        })
    }
}

/// Who makes a model of this name.
pub(crate) fn vendor_of(model: &str) -> Option<&'static str> {
    let known = VENDORS.iter().find(|(start, _)| model.starts_with(start));
    known.map(|(_, vendor)| *vendor)
}
