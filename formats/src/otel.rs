//! OpenTelemetry's conventions for generative AI (<https://github.com/open-telemetry/semantic-conventions-genai>, in development, as of 2026-11), as OTLP/JSON
//! in the form of the OTLP file exporter: JSON Lines, each a whole `resourceSpans` that a collector takes by itself.
//!
//! The session is an `invoke_agent` span, and so is each agent that it started; a call of a tool is an `execute_tool` span, an
//! answer of the model a `chat` span. What else is on record that a person would look for is an event of the session's span.

mod span;

use std::{
    collections::{BTreeMap, BTreeSet},
    io::{self, Write},
};

use serde_json::{Value, json};
use trace_store::{ChainId, Entry, export::VerifiedEntry};
use vocabulary::Timestamp;

use crate::told::{Session, body_of, is_claimed, moment_of, text, vendor_of};
use span::{Attributes, Batch, Event, Kind, Span};

/// Most events of the session's span (the limit of OpenTelemetry's own libraries); what is beyond is counted.
const MOST_EVENTS: usize = 128;

/// Most calls that are kept open; a session has a few at once. Of more, the older half is written without waiting for its end.
const MOST_OPEN: usize = 256;

/// Of how many of these the end is recognized when it is told after all, to count it.
const MOST_LET_GO: usize = 65_536;

/// What else becomes an event.
const EVENTS: [&str; 12] = [
    "prompt",
    "note.appended",
    "gate.denied",
    "gate.observed",
    "permission.asked",
    "permission.given",
    "permission.refused",
    "capture.gap",
    "turn.interrupted",
    "context.compacted",
    "protocol.error",
    "call.cancelled",
];

/// Whether what was said is written, or only that it was.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Content {
    /// Only that it was, as the conventions want it unless somebody asks.
    Left,
    /// What was said: prompts, answers, arguments and results, as they were recorded.
    Written,
}

/// Writes spans.
#[derive(Debug)]
pub struct Otel<W> {
    batch: Batch<W>,
    content: Content,
    session: Session,
    /// The session's own span, begun with the first entry.
    root: Option<Root>,
    /// Calls whose end was not told yet, by the client's or our own id of them.
    /// Several of one id, where a client announces the call of a server that records it as well: the one within the other.
    calls: BTreeMap<String, Vec<Call>>,
    /// The calls that were written before their end.
    let_go: LetGo,
    /// Agents that the session started.
    agents: BTreeMap<String, Agent>,
    /// When each agent was told something last, as a prompt or a result: then its model was asked.
    told: BTreeMap<String, Timestamp>,
}

#[derive(Debug)]
struct Root {
    trace: String,
    span: String,
    begun: Timestamp,
    last: Timestamp,
    about: Vec<(&'static str, String)>,
    events: Vec<Event>,
    dropped: u32,
}

#[derive(Debug)]
struct Call {
    span: String,
    /// The request by which it came, where our own hub heard it: its answer names no more than that.
    request: Option<String>,
    /// The call within which it is.
    within: Option<String>,
    agent: String,
    tool: String,
    begun: Timestamp,
    attributes: Attributes,
    error: Option<(String, Option<String>)>,
}

#[derive(Debug, Default)]
struct LetGo {
    calls: u64,
    /// By what ties them to their ends.
    ids: BTreeSet<u64>,
    /// How many ends were told after all.
    ends: u64,
}

impl LetGo {
    fn call(&mut self, id: &str) {
        self.calls += 1;
        if self.ids.len() < MOST_LET_GO {
            self.ids.insert(short(id));
        }
    }

    fn end(&mut self, entry: &Entry) {
        if id_of(entry).is_some_and(|id| self.ids.remove(&short(&id))) {
            self.ends += 1;
        }
    }
}

#[derive(Debug)]
struct Agent {
    span: String,
    kind: Option<String>,
    begun: Timestamp,
}

impl<W: Write> Otel<W> {
    /// Writes there; `version` is that of the program that does.
    pub fn new(out: W, version: &str, content: Content) -> Self {
        Self {
            batch: Batch::new(out, version),
            content,
            session: Session::default(),
            root: None,
            calls: BTreeMap::new(),
            let_go: LetGo::default(),
            agents: BTreeMap::new(),
            told: BTreeMap::new(),
        }
    }

    /// Takes the entry that comes next.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn take(&mut self, entry: &VerifiedEntry) -> io::Result<()> {
        let ChainId::Trace(trace) = entry.entry.chain else {
            return Ok(());
        };
        let said = body_of(entry);
        let (recorded, body) = (&entry.entry, said.as_ref());
        self.session.note(recorded, body);
        let at = moment_of(recorded);
        let root = self.root.get_or_insert_with(|| Root {
            trace: trace.uuid().simple().to_string(),
            span: span_of(entry),
            begun: at,
            last: at,
            about: about(recorded),
            events: Vec::new(),
            dropped: 0,
        });
        root.begun = root.begun.min(at);
        root.last = root.last.max(at);
        match recorded.kind.as_str() {
            "tool.called" => self.call(entry, body, at),
            "tool.returned" => {
                let result = body.and_then(|body| body.get("returned")).cloned();
                self.end(entry, at, None, result)
            }
            "tool.denied" => self.refused(entry, body, at, "/denied"),
            "tool.rejected" => self.refused(entry, body, at, "/rejected"),
            "tool.failed" => {
                let error = ("tool_failed".to_owned(), text(body, "/error").map(str::to_owned));
                self.end(entry, at, Some(error), None)
            }
            "permission.refused" => {
                self.note(recorded, body, at);
                let error = (
                    "permission_refused".to_owned(),
                    text(body, "/reason").map(str::to_owned),
                );
                self.end(entry, at, Some(error), None)
            }
            "gate.denied" => {
                // It ends as the client says; why, the gate said.
                let code = text(body, "/code").unwrap_or("gate_denied").to_owned();
                let because = text(body, "/because").map(str::to_owned);
                let calls = id_of(recorded).and_then(|id| self.calls.get_mut(&id));
                if let Some(call) = calls.and_then(|calls| calls.last_mut()) {
                    call.error = Some((code, because));
                }
                self.note(recorded, body, at);
                Ok(())
            }
            "command.run" => {
                let code = body
                    .and_then(|body| body.get("exit_code")?.as_i64())
                    .filter(|code| *code != 0);
                let interrupted = body.and_then(|body| body.get("interrupted")) == Some(&Value::Bool(true));
                let error = code
                    .map(|code| (format!("exit_{code}"), None))
                    .or_else(|| interrupted.then(|| ("interrupted".to_owned(), None)));
                let result = body.map(
                    |body| json!({ "output": body.get("output"), "error_output": body.get("error_output") }),
                );
                self.end(entry, at, error, result)
            }
            "file.edited" => {
                let result = body.map(|body| json!({ "path": body.get("path"), "diff": body.get("diff") }));
                self.end(entry, at, None, result)
            }
            "model.answered" => self.answered(entry, body, at),
            "subagent.started" => {
                if let Some(id) = text(body, "/agent/id") {
                    let kind = text(body, "/agent/kind").filter(|kind| !kind.is_empty());
                    let agent = Agent {
                        span: span_of(entry),
                        kind: kind.map(str::to_owned),
                        begun: at,
                    };
                    self.agents.insert(id.to_owned(), agent);
                }
                Ok(())
            }
            "subagent.stopped" => {
                let ended = text(body, "/agent/id").and_then(|id| Some((id, self.agents.remove(id)?)));
                ended.map_or(Ok(()), |(id, agent)| self.end_agent(id, agent, at))
            }
            kind => {
                if kind == "prompt" {
                    self.told.insert(agent_of(recorded), at);
                }
                if EVENTS.contains(&kind) {
                    self.note(recorded, body, at);
                }
                Ok(())
            }
        }
    }

    /// Writes what is still open, and the session's own span.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        for call in std::mem::take(&mut self.calls).into_values().flatten() {
            self.write_unended(call, "not told")?;
        }
        let last = self.root.as_ref().map(|root| root.last);
        for (id, agent) in std::mem::take(&mut self.agents) {
            self.end_agent(&id, agent, last.unwrap_or(Timestamp::EPOCH))?;
        }
        if let Some(root) = self.root.take() {
            let mut attributes = self.invoked(self.session.agent.as_deref());
            attributes.extend(&root.about);
            if self.session.imported {
                attributes.flag("auditotter.imported");
            }
            for (name, count) in [
                ("auditotter.calls_not_followed", self.let_go.calls),
                ("auditotter.ends_not_followed", self.let_go.ends),
            ] {
                if count > 0 {
                    attributes.number(name, count);
                }
            }
            let mut span = Span::new(
                &root.trace,
                &root.span,
                None,
                named("invoke_agent", self.session.agent.as_deref()),
                Kind::Internal,
            );
            span.between(root.begun, root.last);
            span.attributes = attributes.into_all();
            span.events = root.events;
            span.dropped_events_count = root.dropped;
            self.batch.push(span, &self.session)?;
        }
        self.batch.finish(&self.session)
    }

    fn call(&mut self, entry: &VerifiedEntry, body: Option<&Value>, at: Timestamp) -> io::Result<()> {
        self.make_room()?;
        let recorded = &entry.entry;
        let tool = text(body, "/tool")
            .filter(|tool| !tool.is_empty())
            .unwrap_or("unknown");
        let mut attributes = Attributes::default();
        attributes.text("gen_ai.operation.name", "execute_tool");
        attributes.text("gen_ai.tool.name", tool);
        if let Some(id) = recorded.refs.get("call") {
            attributes.text("gen_ai.tool.call.id", id);
        }
        self.conversation(&mut attributes);
        attributes.extend(&about(recorded));
        let arguments = body.and_then(|body| body.get("arguments"));
        if let (Content::Written, Some(arguments)) = (self.content, arguments) {
            attributes.text("gen_ai.tool.call.arguments", &arguments.to_string());
        }
        let id = id_of(recorded).unwrap_or_else(|| format!("#{}", recorded.seq));
        let open = self.calls.entry(id).or_default();
        let within = open.last().map(|outer| outer.span.clone());
        open.push(Call {
            span: span_of(entry),
            request: recorded.refs.get("request").map(str::to_owned),
            within,
            agent: agent_of(recorded),
            tool: tool.to_owned(),
            begun: at,
            attributes,
            error: None,
        });
        Ok(())
    }

    fn make_room(&mut self) -> io::Result<()> {
        if self.calls.values().map(Vec::len).sum::<usize>() < MOST_OPEN {
            return Ok(());
        }
        let open = std::mem::take(&mut self.calls).into_iter();
        let mut open: Vec<_> = open
            .flat_map(|(id, calls)| calls.into_iter().map(move |call| (id.clone(), call)))
            .collect();
        open.sort_by_key(|(_, call)| call.begun);
        for (place, (id, call)) in open.into_iter().enumerate() {
            if place < MOST_OPEN / 2 {
                self.let_go.call(&id);
                self.write_unended(call, "not followed")?;
            } else {
                self.calls.entry(id).or_default().push(call);
            }
        }
        Ok(())
    }

    /// Writes a call without its end, and why: none is on record, or it was not waited for.
    fn write_unended(&mut self, mut call: Call, why: &str) -> io::Result<()> {
        call.attributes.text("auditotter.outcome", why);
        let begun = call.begun;
        self.write_call(call, begun)
    }

    fn refused(
        &mut self,
        entry: &VerifiedEntry,
        body: Option<&Value>,
        at: Timestamp,
        pointer: &str,
    ) -> io::Result<()> {
        let own = |name: &str| text(body, &format!("{pointer}/{name}")).map(str::to_owned);
        let error = (
            own("code").unwrap_or_else(|| "refused".to_owned()),
            own("message"),
        );
        self.end(entry, at, Some(error), None)
    }

    fn end(
        &mut self,
        entry: &VerifiedEntry,
        at: Timestamp,
        error: Option<(String, Option<String>)>,
        result: Option<Value>,
    ) -> io::Result<()> {
        self.told.insert(agent_of(&entry.entry), at);
        // One call may have several ends, as a patch of several files; the first counts.
        let Some(mut call) = self.ended(&entry.entry) else {
            self.let_go.end(&entry.entry);
            return Ok(());
        };
        // What the gate said is why; what the client says is that.
        call.error = call.error.or(error);
        if let (Content::Written, Some(result)) = (self.content, result) {
            call.attributes
                .text("gen_ai.tool.call.result", &result.to_string());
        }
        self.write_call(call, at)
    }

    /// The open call that an entry ends: the innermost of the client's id, else the one that came by the same request.
    fn ended(&mut self, entry: &Entry) -> Option<Call> {
        let request = entry.refs.get("request");
        let asked = |call: &Call| call.request.as_deref() == request;
        let (id, at) = if entry.refs.get("call").is_some() {
            let id = id_of(entry)?;
            let at = self.calls.get(&id)?.len().checked_sub(1)?;
            (id, at)
        } else {
            request?;
            let mut open = self.calls.iter();
            open.find_map(|(id, calls)| Some((id.clone(), calls.iter().rposition(asked)?)))?
        };
        let open = self.calls.get_mut(&id)?;
        let ended = open.remove(at);
        if open.is_empty() {
            self.calls.remove(&id);
        }
        Some(ended)
    }

    fn write_call(&mut self, call: Call, at: Timestamp) -> io::Result<()> {
        let Some(root) = &self.root else { return Ok(()) };
        let of_agent = self.agents.get(&call.agent).map(|agent| &agent.span);
        let parent = call.within.as_ref().or(of_agent).unwrap_or(&root.span);
        let mut span = Span::new(
            &root.trace,
            &call.span,
            Some(parent),
            named("execute_tool", Some(&call.tool)),
            Kind::Internal,
        );
        span.between(call.begun, at);
        let mut attributes = call.attributes;
        if let Some((class, message)) = call.error {
            attributes.text("error.type", &class);
            span.failed(message.filter(|_| self.content == Content::Written));
        }
        span.attributes = attributes.into_all();
        self.batch.push(span, &self.session)
    }

    fn answered(&mut self, entry: &VerifiedEntry, body: Option<&Value>, at: Timestamp) -> io::Result<()> {
        let Some(root) = &self.root else { return Ok(()) };
        let agent = agent_of(&entry.entry);
        let model = text(body, "/model").filter(|model| !model.is_empty());
        let mut attributes = Attributes::default();
        attributes.text("gen_ai.operation.name", "chat");
        let vendor = model.and_then(vendor_of).or_else(|| self.session.vendor());
        attributes.text(
            "gen_ai.provider.name",
            provider(vendor, self.session.agent.as_deref()),
        );
        self.conversation(&mut attributes);
        if let Some(model) = model {
            attributes.text("gen_ai.request.model", model);
            attributes.text("gen_ai.response.model", model);
        }
        if let Some(id) = text(body, "/message") {
            attributes.text("gen_ai.response.id", id);
        }
        for (name, pointer) in [
            ("gen_ai.usage.input_tokens", "/usage/input"),
            ("gen_ai.usage.output_tokens", "/usage/output"),
            ("gen_ai.usage.cache_read.input_tokens", "/usage/cache_read"),
            ("gen_ai.usage.cache_creation.input_tokens", "/usage/cache_write"),
            ("gen_ai.usage.reasoning.output_tokens", "/usage/reasoning"),
        ] {
            if let Some(count) = body.and_then(|body| body.pointer(pointer)?.as_u64()) {
                attributes.number(name, count);
            }
        }
        attributes.extend(&about(&entry.entry));
        if let (Content::Written, Some(said)) = (self.content, text(body, "/text")) {
            let message = json!([{ "role": "assistant", "parts": [{ "type": "text", "content": said }], "finish_reason": "stop" }]);
            attributes.text("gen_ai.output.messages", &message.to_string());
        }
        let parent = self.agents.get(&agent).map_or(&root.span, |agent| &agent.span);
        let mut span = Span::new(
            &root.trace,
            &span_of(entry),
            Some(parent),
            named("chat", model),
            Kind::Client,
        );
        span.between(self.told.get(&agent).copied().unwrap_or(at).min(at), at);
        span.attributes = attributes.into_all();
        self.batch.push(span, &self.session)
    }

    fn end_agent(&mut self, id: &str, agent: Agent, at: Timestamp) -> io::Result<()> {
        let Some(root) = &self.root else { return Ok(()) };
        let mut attributes = self.invoked(agent.kind.as_deref());
        attributes.text("gen_ai.agent.id", id);
        let mut span = Span::new(
            &root.trace,
            &agent.span,
            Some(&root.span),
            named("invoke_agent", agent.kind.as_deref()),
            Kind::Internal,
        );
        span.between(agent.begun, at);
        span.attributes = attributes.into_all();
        self.batch.push(span, &self.session)
    }

    fn invoked(&self, name: Option<&str>) -> Attributes {
        let mut attributes = Attributes::default();
        attributes.text("gen_ai.operation.name", "invoke_agent");
        attributes.text(
            "gen_ai.provider.name",
            provider(self.session.vendor(), self.session.agent.as_deref()),
        );
        if let Some(name) = name {
            attributes.text("gen_ai.agent.name", name);
        }
        // What an agent's agents are, and with which model, they say themselves or nobody does.
        if name == self.session.agent.as_deref() {
            let own = [
                ("gen_ai.agent.version", &self.session.version),
                ("gen_ai.request.model", &self.session.model),
            ];
            for (key, value) in own {
                if let Some(value) = value {
                    attributes.text(key, value);
                }
            }
        }
        self.conversation(&mut attributes);
        attributes
    }

    fn conversation(&self, attributes: &mut Attributes) {
        if let Some(conversation) = &self.session.conversation {
            attributes.text("gen_ai.conversation.id", conversation);
        }
    }

    /// Adds an event to the session's span, where there is room.
    fn note(&mut self, recorded: &Entry, body: Option<&Value>, at: Timestamp) {
        let Some(root) = &mut self.root else { return };
        if root.events.len() >= MOST_EVENTS {
            root.dropped = root.dropped.saturating_add(1);
            return;
        }
        let mut attributes = Attributes::default();
        attributes.extend(&about(recorded));
        if let Some(code) = text(body, "/code") {
            attributes.text("error.type", code);
        }
        if let Some(tool) = text(body, "/tool") {
            attributes.text("gen_ai.tool.name", tool);
        }
        if let (Content::Written, Some(said)) = (self.content, body) {
            if recorded.kind.as_str() == "prompt" {
                let said = said.get("text").cloned().unwrap_or_default();
                let messages = json!([{ "role": "user", "parts": [{ "type": "text", "content": said }] }]);
                attributes.text("gen_ai.input.messages", &messages.to_string());
            } else {
                attributes.text("auditotter.body", &said.to_string());
            }
        }
        root.events
            .push(Event::new(at, recorded.kind.as_str(), attributes));
    }
}

/// What leads from a span or event back to what was recorded.
fn about(entry: &Entry) -> Vec<(&'static str, String)> {
    let mut about = vec![
        ("auditotter.trace", entry.chain.to_string()),
        ("auditotter.seq", entry.seq.to_string()),
    ];
    about.extend(entry.on_behalf_of.map(|member| ("user.id", member.to_string())));
    about.extend(
        entry
            .delegation
            .map(|delegation| ("auditotter.delegation", delegation.to_string())),
    );
    for (name, of) in [("auditotter.turn", "turn"), ("auditotter.work_item", "work_item")] {
        about.extend(entry.refs.get(of).map(|value| (name, value.to_owned())));
    }
    if is_claimed(entry) {
        about.push(("auditotter.recorded_at", entry.at.to_string()));
    }
    about
}

/// What ties a call to its end: the client's id of it, else the request's by which it came.
fn id_of(entry: &Entry) -> Option<String> {
    let id = entry.refs.get("call").or_else(|| entry.refs.get("request"))?;
    Some(format!("{}/{id}", agent_of(entry)))
}

/// The beginning of a digest of that: whoever makes two alike miscounts their own calls.
fn short(id: &str) -> u64 {
    let [a, b, c, d, e, f, g, h, ..] = *blake3::hash(id.as_bytes()).as_bytes();
    u64::from_be_bytes([a, b, c, d, e, f, g, h])
}

/// Which agent within the session; empty for the first.
fn agent_of(entry: &Entry) -> String {
    entry.refs.get("agent").unwrap_or_default().to_owned()
}

/// A span's own number: the first eight bytes of the hash of the entry with which it began.
fn span_of(entry: &VerifiedEntry) -> String {
    hex::encode(&entry.hash.as_bytes()[..8])
}

fn named(operation: &str, what: Option<&str>) -> String {
    what.map_or_else(|| operation.to_owned(), |what| format!("{operation} {what}"))
}

/// The provider as the conventions name it.
fn provider<'a>(vendor: Option<&'a str>, agent: Option<&'a str>) -> &'a str {
    match vendor {
        Some("google") => "gcp.gen_ai",
        Some("xai") => "x_ai",
        Some(vendor) => vendor,
        // Required, and a value of one's own is allowed.
        None => agent.unwrap_or("unknown"),
    }
}
