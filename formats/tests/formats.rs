//! A session, as each format has it: against golden files, and against what the formats' own specifications ask.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should stop where it stands"
)]

#[path = "formats/otlp.rs"]
mod otlp;
#[path = "formats/schema.rs"]
mod schema;
#[path = "formats/session.rs"]
mod session;

use std::{fs, path::Path};

use formats::{AgentTrace, Content, Jsonl, Located, Otel};
use serde_json::{Value, json};
use trace_store::export::VerifiedEntry;

use session::Told;

/// Compares with what is kept; what was made lies beside it under `target/` where they differ.
fn golden(name: &str, made: &str) {
    let kept = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("tests/golden")
        .join(name);
    let expected = fs::read_to_string(&kept).unwrap_or_default();
    if made != expected {
        let beside = Path::new(env!("CARGO_TARGET_TMPDIR")).join(name);
        fs::write(&beside, made).unwrap();
        panic!(
            "{} is not what is made; that is in {}",
            kept.display(),
            beside.display()
        );
    }
}

fn jsonl(entries: &[VerifiedEntry]) -> String {
    let mut out = Vec::new();
    let mut lines = Jsonl::new(&mut out);
    entries.iter().try_for_each(|entry| lines.take(entry)).unwrap();
    lines.finish().unwrap();
    String::from_utf8(out).unwrap()
}

fn otel(entries: &[VerifiedEntry], content: Content) -> String {
    let mut out = Vec::new();
    let mut spans = Otel::new(&mut out, "0.1.0", content);
    entries.iter().try_for_each(|entry| spans.take(entry)).unwrap();
    spans.finish().unwrap();
    String::from_utf8(out).unwrap()
}

/// The records, and how many edits lie outside of Alice's shop.
fn agent_trace(entries: &[VerifiedEntry]) -> (String, u64) {
    let mut out = Vec::new();
    let mut records = AgentTrace::new(&mut out, Some("http://localhost:7687/traces/tr_x".to_owned()));
    for entry in entries {
        records
            .take(entry, |name, cwd, after| {
                assert_eq!(cwd, (name != "Cargo.lock").then_some("/home/alice/shop"));
                match name
                    .strip_prefix("/home/alice/shop/")
                    .or_else(|| (!name.starts_with('/')).then_some(name))
                {
                    Some(path) => Located::Within {
                        path: path.to_owned(),
                        revision: after.map(|_| "a1b2c3d4e5f6a7b8c9d0e1f2a3b4c5d6e7f8a9b0".to_owned()),
                    },
                    None => Located::Outside,
                }
            })
            .unwrap();
    }
    let outside = records.finish().unwrap();
    (String::from_utf8(out).unwrap(), outside)
}

fn lines(text: &str) -> Vec<Value> {
    assert!(text.is_empty() || text.ends_with('\n'));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect()
}

#[test]
fn a_session_is_one_line_for_each_entry_with_its_body_in_place() {
    let entries = session::alices();
    let made = jsonl(&entries);
    golden("session.jsonl", &made);
    let lines = lines(&made);
    assert_eq!(lines.len(), entries.len());
    for (line, entry) in lines.iter().zip(&entries) {
        assert_eq!(line["entry"]["seq"], entry.entry.seq);
        assert_eq!(line["hash"], entry.hash.to_string());
        let states = ["body", "text", "erased"].map(|name| line.get(name).is_some());
        let there = states.into_iter().filter(|there| *there).count();
        assert_eq!(there, usize::from(entry.entry.body.is_some()), "{line}");
    }
}

#[test]
fn a_session_is_a_tree_of_spans_that_otlp_accepts() {
    let entries = session::alices();
    for (content, name) in [
        (Content::Left, "session.otlp.jsonl"),
        (Content::Written, "session.content.otlp.jsonl"),
    ] {
        let made = otel(&entries, content);
        golden(name, &made);
        let spans = otlp::checked(&lines(&made));
        let root = spans.iter().filter(|span| span["parentSpanId"].is_null()).count();
        assert_eq!(root, 1);
        assert!(
            spans
                .iter()
                .any(|span| span["name"] == "chat claude-opus-5-5" && span["kind"] == 3)
        );
        // The hub's answer names its request alone.
        let note = |span: &&Value| {
            span["name"]
                .as_str()
                .is_some_and(|name| name.ends_with("append_trace_note"))
        };
        let notes: Vec<_> = spans.iter().filter(note).collect();
        assert_eq!(
            notes.len(),
            2,
            "as the client says it, and as the server heard it"
        );
        for note in notes {
            assert!(!otlp::has(note, "auditotter.outcome", "not told"), "{note}");
        }
        let denied = spans
            .iter()
            .find(|span| span["status"]["code"] == 2 && span["name"] == "execute_tool Write");
        assert!(otlp::has(denied.unwrap(), "error.type", "not_approved"));
    }
    assert!(
        !otel(&entries, Content::Left).contains("Fix the reset bug"),
        "nobody asked for what was said"
    );
}

#[test]
fn calls_beyond_those_that_are_followed_are_written_as_that_and_counted() {
    let spans = |open: usize, ended: &[usize]| {
        let mut told = Told::new();
        told.tells("session.started", &[], &json!({ "session": "s1" }));
        let id = |number: usize| format!("t{number}");
        for number in 0..open {
            let body = json!({ "tool": "Read", "arguments": {} });
            told.tells("tool.called", &[("call", &id(number))], &body);
        }
        for number in ended {
            let body = json!({ "tool": "Read", "returned": {} });
            told.tells("tool.returned", &[("call", &id(*number))], &body);
        }
        otlp::checked(&lines(&otel(&told.entries(), Content::Left)))
    };
    let with = |spans: &[Value], outcome: &str| {
        let with = spans
            .iter()
            .filter(|span| otlp::has(span, "auditotter.outcome", outcome));
        with.count()
    };
    let count = |spans: &[Value], key: &str| {
        let root = spans.iter().find(|span| span["parentSpanId"].is_null()).unwrap();
        let attributes = root["attributes"].as_array().unwrap();
        let found = attributes.iter().find(|attribute| attribute["key"] == key)?;
        found["value"]["intValue"].as_str().map(str::to_owned)
    };
    let all = spans(256, &[0]);
    assert_eq!((with(&all, "not told"), with(&all, "not followed")), (255, 0));
    assert_eq!(count(&all, "auditotter.calls_not_followed"), None);
    // The older half is let go of; one of these ends twice, as a patch of two files does, and one that is followed.
    let all = spans(257, &[3, 3, 200]);
    assert_eq!((with(&all, "not told"), with(&all, "not followed")), (128, 128));
    assert_eq!(
        (
            count(&all, "auditotter.calls_not_followed").as_deref(),
            count(&all, "auditotter.ends_not_followed").as_deref()
        ),
        (Some("128"), Some("1"))
    );
}

#[test]
fn a_session_s_edits_are_records_that_the_specification_s_schema_accepts() {
    let (made, outside) = agent_trace(&session::alices());
    golden("session.agent-trace.jsonl", &made);
    assert_eq!(outside, 1);
    let schema = schema::Schema::of_agent_trace();
    let records = lines(&made);
    assert_eq!(records.len(), 4);
    for record in &records {
        schema.check(record);
        let mut broken = record.clone();
        broken["files"][0]["conversations"][0]["ranges"] =
            serde_json::json!([{ "start_line": 0, "end_line": 1 }]);
        assert!(schema.finds_fault_with(&broken));
        broken.as_object_mut().unwrap().remove("files");
        assert!(schema.finds_fault_with(&broken));
    }
}

#[test]
fn what_cannot_be_read_is_left_out_and_stops_nothing() {
    let mut told = Told::new();
    told.says("session.opened", &[], b"not json");
    told.says("tool.called", &[("call", "c1")], b"[]");
    told.says("tool.returned", &[("call", "another")], b"{}");
    told.says(
        "tool.called",
        &[("call", "c1")],
        br#"{"tool":"","arguments":null}"#,
    );
    told.says("file.edited", &[], br#"{"path":7,"diff":"+x"}"#);
    told.says("file.changed", &[], br#"{"path":"a"}"#);
    told.says(
        "model.answered",
        &[("claimed_at", "yesterday")],
        br#"{"usage":{"input":-1,"output":18446744073709551615}}"#,
    );
    told.says("subagent.stopped", &[], br#"{"agent":{"id":"unknown"}}"#);
    told.says("subagent.started", &[], br#"{"agent":{"id":"left"}}"#);
    told.says("something.newer", &[], b"\xff");
    told.erased("prompt");
    let entries = told.entries();
    let spans = otlp::checked(&lines(&otel(&entries, Content::Written)));
    assert_eq!(spans.len(), 5, "{spans:#?}");
    assert_eq!(agent_trace(&entries), (String::new(), 0));
    assert_eq!(lines(&jsonl(&entries)).len(), entries.len());
    assert_eq!(otel(&[], Content::Left), "");
}

#[test]
fn a_long_session_is_many_lines_each_of_which_a_collector_takes() {
    let mut told = Told::new();
    told.says("session.opened", &[], b"{}");
    for number in 0..5_000 {
        let call = format!("c{number}");
        told.says(
            "tool.called",
            &[("call", &call)],
            br#"{"tool":"Bash","arguments":{}}"#,
        );
        told.says(
            "command.run",
            &[("call", &call)],
            br#"{"command":"true","output":""}"#,
        );
        told.says("gate.observed", &[], b"{}");
    }
    let entries = told.entries();
    let made = lines(&otel(&entries, Content::Left));
    assert_eq!(made.len(), 10);
    let spans = otlp::checked(&made);
    assert_eq!(spans.len(), 5_001);
    let root = spans.iter().find(|span| span["parentSpanId"].is_null()).unwrap();
    assert_eq!(root["events"].as_array().unwrap().len(), 128);
    assert_eq!(root["droppedEventsCount"], 5_000 - 128);
}

#[test]
fn an_imported_session_says_so_and_its_times_are_those_that_were_claimed() {
    let mut told = Told::new();
    told.says(
        "session.imported",
        &[],
        br#"{"session":"old","model":"gpt-5.5","cwd":"/home/alice/shop"}"#,
    );
    let claimed = ("claimed_at", "2026-01-02T03:04:05.000000Z");
    told.says(
        "tool.called",
        &[("call", "c"), claimed],
        br#"{"tool":"apply_patch","arguments":{}}"#,
    );
    told.says(
        "file.edited",
        &[("call", "c"), claimed],
        br#"{"tool":"apply_patch","path":"a.rs","change":"created","diff":"+x\n"}"#,
    );
    let entries = told.entries();
    let spans = otlp::checked(&lines(&otel(&entries, Content::Left)));
    let root = spans.iter().find(|span| span["parentSpanId"].is_null()).unwrap();
    assert!(otlp::has_flag(root, "auditotter.imported"));
    assert_eq!(root["startTimeUnixNano"], "1767323045000000000");
    let (records, _) = agent_trace(&entries);
    let record = &lines(&records)[0];
    assert_eq!(record["timestamp"], "2026-01-02T03:04:05.000000Z");
    assert_eq!(record["metadata"]["auditotter"]["imported"], true);
    assert_eq!(
        record["files"][0]["conversations"][0]["contributor"]["model_id"],
        "openai/gpt-5.5"
    );
}

#[test]
fn an_edit_that_says_its_folder_is_looked_for_from_there() {
    let mut told = Told::new();
    for kind in ["file.edited", "file.changed"] {
        told.says(
            kind,
            &[],
            br#"{"tool":"apply_patch","path":"a.rs","folder":"/home/alice/other","change":"created","diff":"+x\n"}"#,
        );
    }
    let mut out = Vec::new();
    let mut records = AgentTrace::new(&mut out, None);
    let mut asked = Vec::new();
    for entry in told.entries() {
        let locate = |_: &str, from: Option<&str>, _: Option<&str>| {
            asked.push(from.map(str::to_owned));
            Located::Outside
        };
        records.take(&entry, locate).unwrap();
    }
    assert_eq!(records.finish().unwrap(), 2);
    assert_eq!(
        asked,
        [
            Some("/home/alice/other".to_owned()),
            Some("/home/alice/other".to_owned())
        ]
    );
}
