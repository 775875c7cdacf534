//! One entry, told: what happened in a few words, and what there is to read of it.

use serde_json::Value;
use vocabulary::Timestamp;

use super::{
    diff::Diff,
    gap,
    moment::clock,
    said::{Said, command, grouped, readable},
    text::{Folded, Text, spelt},
    tools,
};
use crate::companion::EntryRow;

/// How much of a text stands on a line, in characters.
const MOST_LINE_CHARS: usize = 200;

/// How much of a body is shown as it was recorded, in characters; the whole is in an export.
const MOST_BODY_CHARS: usize = 6_000;

/// How an entry is to be looked at. The later, the more it matters.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Default)]
pub enum Tone {
    /// Nobody needs to look at it.
    Quiet,
    /// Something happened.
    #[default]
    Plain,
    /// Something did not work, or is gone.
    Warn,
    /// Something was not allowed.
    Bad,
    /// Something was not recorded.
    Gap,
}

impl Tone {
    /// Its name, as a style sheet has it.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Quiet => "quiet",
            Self::Plain => "plain",
            Self::Warn => "warn",
            Self::Bad => "bad",
            Self::Gap => "gap",
        }
    }
}

/// Something that an entry has to be read for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Part {
    /// What somebody said.
    Words(Folded),
    /// What something wrote or was given, and what that is called.
    Output(String, Folded),
    /// What changed in a file.
    Changed(Diff),
}

/// An entry, told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// Its place in the chain.
    pub seq: u64,
    /// Its place in the ledger.
    pub index: u64,
    /// When it was recorded.
    pub at: Timestamp,
    /// When it is said to have happened, where it was told later.
    pub claimed_at: Option<Timestamp>,
    /// Its hash, in hex.
    pub hash: String,
    /// What it is, in the ledger's words.
    pub kind: String,
    /// For whom, by name.
    pub on_behalf_of: Option<String>,
    /// Via what.
    pub via: Option<String>,
    /// By which agent within the session, where it is not the first.
    pub agent: Option<Text>,
    /// The work item that it is about.
    pub work_item: Option<Text>,
    /// Whether what it said was erased.
    pub erased: bool,
    /// How it is to be looked at.
    pub tone: Tone,
    /// What happened, in our words.
    pub does: String,
    /// To what, in theirs.
    pub what: Text,
    /// What came of it, in a few words.
    pub then: String,
    /// How many secrets were replaced in it, by rule.
    pub redacted: Vec<(Text, u64)>,
    /// What there is to read.
    pub parts: Vec<Part>,
    /// What it says, as it was recorded.
    pub body: Option<Text>,
}

impl Told {
    /// Tells an entry.
    #[must_use]
    pub fn of(row: &EntryRow) -> Self {
        let mut words = Words::of(row);
        // What the line says already needs not be read again.
        if let [Part::Words(only)] = words.parts.as_slice()
            && only.line().is_some_and(|line| line.plain() == words.what.plain())
        {
            words.parts.clear();
        }
        let said = Said::of(row.body.as_ref());
        let reference = |name: &str| row.refs.get(name);
        let redacted = said.members("/redacted");
        Self {
            seq: row.seq,
            index: row.index,
            at: row.at,
            claimed_at: reference("claimed_at")
                .map(String::as_str)
                .or_else(|| said.at("/claimed_at")?.as_str())
                .and_then(|at| at.parse().ok()),
            hash: row.hash.clone(),
            kind: row.kind.clone(),
            on_behalf_of: row.on_behalf_of.clone(),
            via: row.via.as_ref().map(|via| vocabulary::shown(&via.agent, 64)),
            agent: reference("agent").map(|id| Text::line(id, 64)),
            work_item: reference("work_item").map(|id| Text::line(id, 64)),
            erased: row.erased,
            tone: if row.erased {
                words.tone.max(Tone::Warn)
            } else {
                words.tone
            },
            does: words.does,
            what: words.what,
            then: words.then,
            redacted: redacted
                .filter_map(|(rule, count)| Some((Text::line(rule, 80), count.as_u64()?)))
                .collect(),
            parts: words.parts,
            body: row.body.as_ref().map(legible),
        }
    }

    /// How its hash begins.
    #[must_use]
    pub fn hash_prefix(&self) -> &str {
        self.hash.get(..8).unwrap_or(&self.hash)
    }

    /// Its time of day.
    #[must_use]
    pub fn clock(&self) -> String {
        clock(self.at)
    }

    /// When it was recorded, as people write it.
    #[must_use]
    pub fn moment(&self) -> String {
        crate::words::moment(self.at)
    }

    /// When it is said to have happened, as people write it.
    #[must_use]
    pub fn claimed(&self) -> Option<String> {
        self.claimed_at.map(crate::words::moment)
    }

    /// Whether it has more to read than its line says.
    #[must_use]
    pub fn is_longer(&self) -> bool {
        !self.parts.is_empty()
    }

    /// How many secrets were replaced in it.
    #[must_use]
    pub fn secrets(&self) -> u64 {
        self.redacted
            .iter()
            .fold(0, |sum, (_, count)| sum.saturating_add(*count))
    }
}

/// JSON in which every character is seen: what misleads stands there as an escape, which reads back as itself.
fn legible(body: &Value) -> Text {
    let json = serde_json::to_string_pretty(body).unwrap_or_default();
    let (kept, rest) = match json.char_indices().nth(MOST_BODY_CHARS) {
        None => (json.as_str(), 0),
        Some((cut, _)) => (&json[..cut], json.len() - cut),
    };
    let more = format!("\n… {rest} more bytes; the whole is in an export");
    let spelt: String = kept
        .chars()
        .map(|c| match c {
            '\t' | '\r' => spelt(c),
            c => c.to_string(),
        })
        .collect();
    Text::of(&if rest == 0 { spelt } else { spelt + &more })
}

/// What an entry comes to, in words.
#[derive(Default)]
struct Words {
    tone: Tone,
    does: String,
    what: Text,
    then: String,
    parts: Vec<Part>,
}

impl Words {
    fn of(row: &EntryRow) -> Self {
        let said = Said::of(row.body.as_ref());
        if let Some(body @ (Value::String(_) | Value::Array(_))) = said.whole()
            && row.kind != "capture.gap"
        {
            // What is no object is the beginning of a body that was too long, or nothing that we wrote.
            return Self::new(Tone::Plain, &named(&row.kind), "").with("it says", &readable(body));
        }
        Self::of_session(&row.kind, said)
            .or_else(|| Self::of_call(&row.kind, said))
            .or_else(|| Self::of_file(&row.kind, said))
            .or_else(|| Self::of_permission(&row.kind, said))
            .or_else(|| Self::of_speech(&row.kind, said))
            .unwrap_or_else(|| Self::of_anything(row, said))
    }

    fn new(tone: Tone, does: &str, what: &str) -> Self {
        Self {
            tone,
            does: does.to_owned(),
            what: Text::line(what, MOST_LINE_CHARS),
            ..Self::default()
        }
    }

    /// What somebody said, or why something was: apart from our own words.
    fn told(tone: Tone, does: &str, what: &str) -> Self {
        let mut words = Self::new(tone, does, what);
        if !words.what.is_empty() {
            words.does.push(':');
        }
        words
    }

    fn then(mut self, then: impl Into<String>) -> Self {
        self.then = Text::line(&then.into(), MOST_LINE_CHARS).plain();
        self
    }

    /// With a text to read, where there is one.
    fn with(mut self, name: &str, text: &str) -> Self {
        let folded = Folded::of(text);
        if !folded.is_empty() {
            self.parts
                .push(Part::Output(Text::line(name, 64).plain(), folded));
        }
        self
    }

    fn saying(mut self, text: &str) -> Self {
        let folded = Folded::of(text);
        if !folded.is_empty() {
            self.parts.push(Part::Words(folded));
        }
        self
    }

    /// With every member of an object that is there.
    fn with_all(mut self, said: Said<'_>, pointer: &str) -> Self {
        for (name, value) in said.members(pointer) {
            if name != "redacted" {
                self = self.with(&name.replace('_', " "), &readable(value));
            }
        }
        self
    }

    fn of_session(kind: &str, said: Said<'_>) -> Option<Self> {
        Some(match kind {
            "session.opened" => Self::new(Tone::Quiet, "The hub opened the session", ""),
            "session.resumed" => {
                Self::new(Tone::Quiet, "The session went on", "").then(said.text("/reason").to_owned())
            }
            "session.closed" => Self::new(Tone::Quiet, "The hub closed the session", ""),
            "session.imported" => Self::told(
                Tone::Gap,
                "Imported: what follows is what a file said, and not what was recorded",
                said.text("/file"),
            )
            .with_all(said, ""),
            "session.started" => {
                let how = ["/source", "/model"].map(|name| said.text(name));
                let how: Vec<&str> = how.into_iter().filter(|word| !word.is_empty()).collect();
                {
                    let cwd = said.text("/cwd");
                    let does = if cwd.is_empty() {
                        "The client's session began"
                    } else {
                        "The client's session began in"
                    };
                    Self::new(Tone::Plain, does, cwd)
                }
                .then(how.join(", "))
            }
            "session.ended" => {
                Self::new(Tone::Plain, "The client's session ended", "").then(said.text("/reason").to_owned())
            }
            "context.compacted" => Self::told(
                Tone::Plain,
                "What the agent remembers was shortened",
                said.text("/trigger"),
            )
            .saying(said.text("/summary")),
            "subagent.started" | "subagent.stopped" => {
                let does = if kind == "subagent.started" {
                    "Another agent was started"
                } else {
                    "That agent ended"
                };
                let which = format!("{} {}", said.text("/agent/kind"), said.text("/agent/id"));
                Self::told(Tone::Plain, does, &which).saying(said.text("/last_message"))
            }
            "transcript.read" => {
                let bytes = said.at("/bytes").and_then(Value::as_u64);
                let bytes = bytes.map(|bytes| format!("{} bytes", grouped(bytes)));
                Self::told(
                    Tone::Quiet,
                    "The client's own record was read",
                    said.text("/path"),
                )
                .then(bytes.unwrap_or_default())
            }
            "capture.gap" => {
                let gap = gap::of(said);
                let what: Vec<String> = gap
                    .known
                    .iter()
                    .map(|(name, what)| format!("{name} {what}"))
                    .collect();
                let known = gap.known.iter();
                known.fold(
                    Self::told(Tone::Gap, &gap.words, &what.join(", ")),
                    |words, (name, what)| words.with(name, what),
                )
            }
            "client.event" => {
                Self::new(Tone::Quiet, "The client told of", said.text("/event")).with_all(said, "/said")
            }
            _ => return None,
        })
    }

    fn of_call(kind: &str, said: Said<'_>) -> Option<Self> {
        let refused = |tone: Tone, does: &str, pointer: &str| {
            let message = said.text(&format!("{pointer}/message"));
            Self::told(tone, does, message).then(said.text(&format!("{pointer}/code")).to_owned())
        };
        Some(match kind {
            "tool.called" => {
                let null = Value::Null;
                let input = said.at("/arguments").unwrap_or(&null);
                let mut words = Self {
                    does: tools::verb(said.text("/tool")),
                    what: tools::object(input),
                    ..Self::default()
                };
                if words.what.is_empty() {
                    words.what = Text::line(said.text("/resource"), MOST_LINE_CHARS);
                }
                words = words.then(said.text("/tool").to_owned());
                match input {
                    Value::Object(_) => words.with_all(said, "/arguments"),
                    other => words.with("given", &readable(other)),
                }
            }
            "tool.returned" => {
                let returned = said.at("/returned").map(readable).unwrap_or_default();
                Self::new(Tone::Plain, "Returned", "").with("returned", &returned)
            }
            "tool.denied" => refused(Tone::Bad, "Denied", "/denied"),
            "tool.rejected" => refused(Tone::Warn, "Rejected", "/rejected"),
            "access.denied" => refused(Tone::Bad, "Turned away", "/refusal"),
            "decision.refused" => refused(Tone::Bad, "A decision was refused", "/refusal"),
            "tool.failed" => {
                let then = if said.flag("/interrupted") {
                    "interrupted"
                } else {
                    "failed"
                };
                Self::new(Tone::Warn, "Failed", said.text("/tool"))
                    .then(then)
                    .with("error", said.text("/error"))
            }
            "command.run" => Self::of_command(said),
            "protocol.error" => Self::told(
                Tone::Warn,
                "The client sent what is no MCP",
                said.text("/observation/protocol_error/message"),
            ),
            "call.cancelled" => Self::told(
                Tone::Plain,
                "The client withdrew its request",
                said.text("/observation/cancelled/reason"),
            ),
            _ => return None,
        })
    }

    fn of_command(said: Said<'_>) -> Self {
        let code = said.number("/exit_code");
        let then = match (code, said.flag("/interrupted"), said.flag("/background")) {
            (_, true, _) => "interrupted".to_owned(),
            (Some(code), ..) => format!("exit {code}"),
            (None, _, true) => "goes on in the background".to_owned(),
            (None, ..) => "done".to_owned(),
        };
        let failed = code.is_some_and(|code| code != 0) || said.flag("/interrupted");
        let ran = said.at("/command").map(command).unwrap_or_default();
        let words = Self::new(if failed { Tone::Warn } else { Tone::Plain }, "Ran", &ran).then(then);
        let words = if ran.contains('\n') {
            words.with("command", &ran)
        } else {
            words
        };
        words
            .with("output", said.text("/output"))
            .with("error output", said.text("/error_output"))
    }

    fn of_file(kind: &str, said: Said<'_>) -> Option<Self> {
        if kind != "file.edited" && kind != "file.changed" {
            return None;
        }
        let does = match said.text("/change") {
            "created" | "added" => "Created",
            "deleted" | "removed" => "Deleted",
            "" | "changed" | "edited" | "modified" => "Changed",
            other => &format!("Changed ({})", Text::line(other, 64).plain()),
        };
        let path = match (said.text("/path"), said.text("/moved_to")) {
            (path, "") => path.to_owned(),
            (path, moved) => format!("{path} → {moved}"),
        };
        let mut words = Self::new(Tone::Plain, does, &path);
        if let Some(diff) = said
            .at("/diff")
            .and_then(Value::as_str)
            .filter(|diff| !diff.is_empty())
        {
            let diff = Diff::of(diff);
            words.then = counted(diff.added, diff.removed);
            words.parts.push(Part::Changed(diff));
        } else {
            words = words.then("what changed is not told");
        }
        if kind == "file.changed" {
            words.then = format!("{}, as found on disk", words.then);
        }
        Some(words)
    }

    fn of_permission(kind: &str, said: Said<'_>) -> Option<Self> {
        let gate = |tone: Tone, does: &str| {
            let words = Self::told(tone, does, said.text("/because")).then(said.text("/code").to_owned());
            let paths = said.at("/paths").map(readable).unwrap_or_default();
            words
                .with("what to do", said.text("/next"))
                .with("paths", &paths)
                .with("the repository's rules", said.text("/rules"))
        };
        Some(match kind {
            "gate.denied" => gate(Tone::Bad, "The gate denied it"),
            "gate.observed" => gate(Tone::Warn, "The gate would have denied it"),
            "permission.asked" => {
                let on = said.at("/arguments").map(tools::object).unwrap_or_default();
                let verb = tools::verb(said.text("/tool"));
                let what = format!("{verb} {}", on.plain());
                Self::told(Tone::Plain, "A human was asked for permission", &what)
            }
            "permission.given" => Self::new(Tone::Plain, "A human allowed it", "").then("allowed by a human"),
            "permission.refused" => {
                Self::told(Tone::Warn, "It was not allowed", said.text("/reason")).then("not allowed")
            }
            _ => return None,
        })
    }

    fn of_speech(kind: &str, said: Said<'_>) -> Option<Self> {
        Some(match kind {
            "prompt" => {
                Self::told(Tone::Plain, "Said to the agent", said.text("/text")).saying(said.text("/text"))
            }
            "note.appended" => {
                Self::told(Tone::Plain, "Noted", said.text("/text")).saying(said.text("/text"))
            }
            "model.answered" => {
                let message = said.at("/message").map(readable).unwrap_or_default();
                let text = match said.text("/text") {
                    "" => message.as_str(),
                    text => text,
                };
                let tokens = |name: &str| said.at(&format!("/usage/{name}")).and_then(Value::as_u64);
                let used: Vec<String> = [("input", "in"), ("output", "out")]
                    .into_iter()
                    .filter_map(|(name, word)| Some(format!("{} tokens {word}", grouped(tokens(name)?))))
                    .collect();
                let model = Some(said.text("/model").to_owned()).filter(|model| !model.is_empty());
                let then: Vec<String> = model.into_iter().chain(used).collect();
                Self::told(Tone::Plain, "The agent said", text)
                    .then(then.join(", "))
                    .saying(text)
            }
            "turn.ended" => {
                let last = said.text("/last_message");
                Self::told(Tone::Plain, "The agent was done", last).saying(last)
            }
            "turn.interrupted" => {
                let unfinished = said.at("/unfinished").and_then(Value::as_array);
                let then = match unfinished.map_or(0, Vec::len) {
                    0 => String::new(),
                    1 => "of one call nobody told how it ended".to_owned(),
                    many => format!("of {many} calls nobody told how they ended"),
                };
                let calls = said.at("/unfinished").map(readable).unwrap_or_default();
                Self::told(Tone::Warn, "The turn broke off", said.text("/last_message"))
                    .then(then)
                    .with("unfinished", &calls)
            }
            _ => return None,
        })
    }

    /// What has no words of its own here: a kind of the workspace's chain, or one of a newer version.
    fn of_anything(row: &EntryRow, said: Said<'_>) -> Self {
        let known = row.kind.parse::<crate::kind::EntryKind>().is_ok();
        let summary = if known { row.summary.as_str() } else { "" };
        let words = Self::new(Tone::Plain, &named(&row.kind), summary);
        if known { words } else { words.with_all(said, "") }
    }
}

/// How many lines came and went, as people write it.
pub(super) fn counted(added: usize, removed: usize) -> String {
    format!("+{added} −{removed}")
}

/// A kind as words: `model.answered` as `Model answered`.
fn named(kind: &str) -> String {
    let words = kind.replace(['.', '_'], " ");
    let mut letters = words.chars();
    let first = letters.next().map(|c| c.to_ascii_uppercase());
    first.into_iter().chain(letters).collect()
}
