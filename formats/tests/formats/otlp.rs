//! What OTLP/JSON asks of spans: <https://opentelemetry.io/docs/specs/otlp/#json-protobuf-encoding> and `trace.proto`.

use std::collections::BTreeSet;

use serde_json::Value;

/// The members that a span may have, in lowerCamelCase as they must be.
const OF_SPANS: [&str; 11] = [
    "traceId",
    "spanId",
    "parentSpanId",
    "name",
    "kind",
    "startTimeUnixNano",
    "endTimeUnixNano",
    "attributes",
    "events",
    "droppedEventsCount",
    "status",
];

/// All spans of these lines, once nothing is wrong with them.
pub(crate) fn checked(lines: &[Value]) -> Vec<Value> {
    let mut spans = Vec::new();
    for line in lines {
        only(line, &["resourceSpans"]);
        let resources = line["resourceSpans"].as_array().unwrap();
        for resource in resources {
            only(resource, &["resource", "scopeSpans"]);
            attributes(&resource["resource"]["attributes"]);
            assert!(has_key(&resource["resource"], "service.name"));
            for scope in resource["scopeSpans"].as_array().unwrap() {
                only(scope, &["scope", "spans"]);
                only(&scope["scope"], &["name", "version"]);
                let of_scope = scope["spans"].as_array().unwrap();
                assert!((1..=512).contains(&of_scope.len()));
                spans.extend(of_scope.iter().cloned());
            }
        }
    }
    let ids: BTreeSet<&str> = spans
        .iter()
        .map(|span| span["spanId"].as_str().unwrap())
        .collect();
    assert_eq!(ids.len(), spans.len(), "each has its own");
    let traces: BTreeSet<&str> = spans
        .iter()
        .map(|span| span["traceId"].as_str().unwrap())
        .collect();
    assert!(traces.len() <= 1);
    for span in &spans {
        only(span, &OF_SPANS);
        hex(&span["traceId"], 32);
        hex(&span["spanId"], 16);
        if let Some(parent) = span.get("parentSpanId") {
            assert!(ids.contains(parent.as_str().unwrap()), "{span}");
            assert_ne!(parent, &span["spanId"]);
        }
        assert!(!span["name"].as_str().unwrap().is_empty());
        assert!((1..=5).contains(&span["kind"].as_u64().unwrap()));
        let (begun, ended) = (nanos(&span["startTimeUnixNano"]), nanos(&span["endTimeUnixNano"]));
        assert!(begun <= ended, "{span}");
        attributes(&span["attributes"]);
        assert!(has_key(span, "gen_ai.operation.name"));
        if !has(span, "gen_ai.operation.name", "execute_tool") {
            assert!(has_key(span, "gen_ai.provider.name"), "{span}");
        } else {
            assert!(has_key(span, "gen_ai.tool.name"));
        }
        if let Some(status) = span.get("status") {
            only(status, &["message", "code"]);
            assert_eq!(status["code"], 2);
            assert!(has_key(span, "error.type"), "{span}");
        }
        for event in span.get("events").and_then(Value::as_array).into_iter().flatten() {
            only(event, &["timeUnixNano", "name", "attributes"]);
            let _ = nanos(&event["timeUnixNano"]);
            attributes(&event["attributes"]);
        }
    }
    spans
}

/// Whether it has this attribute with this text.
pub(crate) fn has(of: &Value, key: &str, text: &str) -> bool {
    let mut all = of["attributes"].as_array().unwrap().iter();
    all.any(|attribute| attribute["key"] == key && attribute["value"]["stringValue"] == text)
}

/// Whether it has this attribute, and it is true.
pub(crate) fn has_flag(of: &Value, key: &str) -> bool {
    let mut all = of["attributes"].as_array().unwrap().iter();
    all.any(|attribute| attribute["key"] == key && attribute["value"]["boolValue"] == true)
}

fn has_key(of: &Value, key: &str) -> bool {
    let mut all = of["attributes"].as_array().unwrap().iter();
    all.any(|attribute| attribute["key"] == key)
}

fn only(object: &Value, members: &[&str]) {
    for name in object.as_object().unwrap().keys() {
        assert!(members.contains(&name.as_str()), "{name} in {object}");
    }
}

fn hex(id: &Value, digits: usize) {
    let id = id.as_str().unwrap();
    assert!(
        id.len() == digits && id.bytes().all(|byte| byte.is_ascii_hexdigit()),
        "{id}"
    );
    assert!(id.bytes().any(|byte| byte != b'0'), "an id of zeros is invalid");
}

/// A fixed64, which JSON has as a text of digits.
fn nanos(value: &Value) -> u64 {
    value.as_str().unwrap().parse().unwrap()
}

fn attributes(all: &Value) {
    let mut keys = BTreeSet::new();
    for attribute in all.as_array().unwrap() {
        only(attribute, &["key", "value"]);
        assert!(
            keys.insert(attribute["key"].as_str().unwrap()),
            "{attribute}: twice"
        );
        let value = attribute["value"].as_object().unwrap();
        assert_eq!(value.len(), 1);
        match value
            .iter()
            .next()
            .map(|(name, value)| (name.as_str(), value))
            .unwrap()
        {
            ("stringValue", value) => assert!(value.is_string()),
            ("boolValue", value) => assert!(value.is_boolean()),
            ("intValue", value) => {
                let _: i64 = value.as_str().unwrap().parse().unwrap();
            }
            (other, _) => panic!("{other}"),
        }
    }
}
