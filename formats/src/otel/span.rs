//! Spans in OTLP's JSON (<https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding>): identifiers in hex, enums as numbers, and numbers of 64 bits as texts.

use std::{
    collections::BTreeSet,
    io::{self, Write},
};

use serde::Serialize;
use vocabulary::Timestamp;

use crate::told::Session;

/// Most spans of one line, and after how many bytes it ends: receivers bound what they take.
const MOST_SPANS: usize = 512;
const MOST_BYTES: usize = 1 << 20;

/// Which side of a call a span is (`SpanKind`).
#[derive(Debug, Clone, Copy)]
pub(super) enum Kind {
    Internal = 1,
    Client = 3,
}

/// `opentelemetry.proto.trace.v1.Span`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Span {
    trace_id: String,
    span_id: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    parent_span_id: Option<String>,
    name: String,
    kind: u8,
    start_time_unix_nano: String,
    end_time_unix_nano: String,
    pub(super) attributes: Vec<KeyValue>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) events: Vec<Event>,
    #[serde(skip_serializing_if = "is_zero")]
    pub(super) dropped_events_count: u32,
    #[serde(skip_serializing_if = "Option::is_none")]
    status: Option<Status>,
}

#[derive(Debug, Serialize)]
struct Status {
    #[serde(skip_serializing_if = "Option::is_none")]
    message: Option<String>,
    code: u8,
}

/// `STATUS_CODE_ERROR`.
const ERROR: u8 = 2;

/// `Span.Event`.
#[derive(Debug, Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Event {
    time_unix_nano: String,
    name: String,
    attributes: Vec<KeyValue>,
}

/// `opentelemetry.proto.common.v1.KeyValue`.
#[derive(Debug, Serialize)]
pub(super) struct KeyValue {
    key: &'static str,
    value: AnyValue,
}

/// `opentelemetry.proto.common.v1.AnyValue`.
#[derive(Debug, Serialize)]
enum AnyValue {
    #[serde(rename = "stringValue")]
    Text(String),
    #[serde(rename = "intValue")]
    Number(String),
    #[serde(rename = "boolValue")]
    Flag(bool),
}

/// Attributes, each key once: the first that is said counts.
#[derive(Debug, Default)]
pub(super) struct Attributes {
    keys: BTreeSet<&'static str>,
    all: Vec<KeyValue>,
}

impl Attributes {
    pub(super) fn text(&mut self, key: &'static str, value: &str) {
        self.put(key, AnyValue::Text(value.to_owned()));
    }

    pub(super) fn number(&mut self, key: &'static str, value: u64) {
        // The format has signed numbers.
        if let Ok(value) = i64::try_from(value) {
            self.put(key, AnyValue::Number(value.to_string()));
        }
    }

    pub(super) fn flag(&mut self, key: &'static str) {
        self.put(key, AnyValue::Flag(true));
    }

    pub(super) fn extend(&mut self, texts: &[(&'static str, String)]) {
        for (key, value) in texts {
            if *key == "auditotter.seq" {
                self.put(key, AnyValue::Number(value.clone()));
            } else {
                self.text(key, value);
            }
        }
    }

    fn put(&mut self, key: &'static str, value: AnyValue) {
        if self.keys.insert(key) {
            self.all.push(KeyValue { key, value });
        }
    }

    pub(super) fn into_all(self) -> Vec<KeyValue> {
        self.all
    }
}

impl Event {
    pub(super) fn new(at: Timestamp, kind: &str, attributes: Attributes) -> Self {
        Self {
            time_unix_nano: nanos(at),
            name: format!("auditotter.{kind}"),
            attributes: attributes.into_all(),
        }
    }
}

impl Span {
    pub(super) fn new(trace: &str, span: &str, parent: Option<&str>, name: String, kind: Kind) -> Self {
        Self {
            trace_id: trace.to_owned(),
            span_id: span.to_owned(),
            parent_span_id: parent.map(str::to_owned),
            name,
            kind: kind as u8,
            start_time_unix_nano: String::new(),
            end_time_unix_nano: String::new(),
            attributes: Vec::new(),
            events: Vec::new(),
            dropped_events_count: 0,
            status: None,
        }
    }

    /// Sets its times; it never ends before it began.
    pub(super) fn between(&mut self, begun: Timestamp, ended: Timestamp) {
        self.start_time_unix_nano = nanos(begun);
        self.end_time_unix_nano = nanos(ended.max(begun));
    }

    pub(super) fn failed(&mut self, message: Option<String>) {
        self.status = Some(Status { message, code: ERROR });
    }
}

/// Spans that wait for their line.
#[derive(Debug)]
pub(super) struct Batch<W> {
    out: W,
    version: String,
    spans: Vec<String>,
    bytes: usize,
}

impl<W: Write> Batch<W> {
    pub(super) fn new(out: W, version: &str) -> Self {
        Self {
            out,
            version: version.to_owned(),
            spans: Vec::new(),
            bytes: 0,
        }
    }

    pub(super) fn push(&mut self, span: Span, session: &Session) -> io::Result<()> {
        let text = serde_json::to_string(&span)?;
        self.bytes += text.len();
        self.spans.push(text);
        if self.spans.len() >= MOST_SPANS || self.bytes >= MOST_BYTES {
            self.write(session)?;
        }
        Ok(())
    }

    pub(super) fn finish(mut self, session: &Session) -> io::Result<()> {
        if !self.spans.is_empty() {
            self.write(session)?;
        }
        self.out.flush()
    }

    fn write(&mut self, session: &Session) -> io::Result<()> {
        let mut resource = Attributes::default();
        resource.text(
            "service.name",
            session.agent.as_deref().unwrap_or("unknown_service"),
        );
        if let Some(version) = &session.version {
            resource.text("service.version", version);
        }
        let resource = serde_json::to_string(&resource.into_all())?;
        let version = serde_json::to_string(&self.version)?;
        let spans = std::mem::take(&mut self.spans).join(",");
        self.bytes = 0;
        writeln!(
            self.out,
            "{{\"resourceSpans\":[{{\"resource\":{{\"attributes\":{resource}}},\"scopeSpans\":[{{\"scope\":{{\"name\":\"auditotter\",\"version\":{version}}},\"spans\":[{spans}]}}]}}]}}"
        )
    }
}

fn nanos(at: Timestamp) -> String {
    (u128::from(at.unix_micros()) * 1_000).to_string()
}

const fn is_zero(count: &u32) -> bool {
    *count == 0
}
