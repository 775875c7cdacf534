use std::sync::Arc;

use serde_json::json;
use vocabulary::{Client, TraceId};

use super::*;
use crate::clearing::Clearing;

const SESSION: &str = "00000000-0000-4000-8000-000000000001";

/// Claude Code's line in which so many calls are made, or come to their ends.
fn line(kind: &str, blocks: impl Iterator<Item = Value>) -> String {
    let line = json!({
        "type": kind, "uuid": "1", "sessionId": SESSION, "promptId": "p1", "timestamp": "2026-11-21T14:16:49.162Z",
        "message": { "id": "m1", "content": blocks.collect::<Vec<_>>() },
    });
    format!("{line}\n")
}

fn calls(named: impl Iterator<Item = usize>) -> String {
    line(
        "assistant",
        named.map(
            |number| json!({ "type": "tool_use", "id": format!("t{number}"), "name": "Read", "input": {} }),
        ),
    )
}

fn ends(named: impl Iterator<Item = usize>) -> String {
    line(
        "user",
        named.map(
            |number| json!({ "type": "tool_result", "tool_use_id": format!("t{number}"), "content": "x" }),
        ),
    )
}

/// What is written of a file, without how far it was read.
fn taken(past: &mut Past, purpose: Purpose<'_>, text: &str) -> Vec<(EntryKind, Value)> {
    let folder = tempfile::tempdir().unwrap();
    let around = Neighbourhood::of(folder.path(), Arc::new(Clearing::derive(&[7; 32])));
    let mut intake = Intake::new(past, &around, None, purpose);
    let mut reading = Reading::of(Client::ClaudeCode, Some(SESSION.to_owned()));
    reading.feed(text.as_bytes(), &mut |line| intake.take(line).unwrap());
    let entries = intake.close("a.jsonl", &reading, true).unwrap().into_iter();
    let others = entries.filter(|entry| entry.kind != EntryKind::TranscriptRead);
    others.map(|entry| (entry.kind, entry.body)).collect()
}

fn past() -> Past {
    Past::of(TraceId::new(1, [1; 10]))
}

#[test]
fn of_calls_that_are_left_out_of_a_line_nothing_is_remembered() {
    let mut past = past();
    let told = taken(&mut past, Purpose::Rest, &calls(0..3_000));
    let cut = told.iter().filter(|(kind, _)| *kind == EntryKind::CaptureGap);
    assert!(
        cut.map(|(_, body)| body)
            .any(|body| body["line_cut"]["entries"] == 2_000)
    );
    assert_eq!(past.calls.len(), 1_000);
}

#[test]
fn an_import_follows_no_calls() {
    let mut past = Past::of_import(TraceId::new(1, [1; 10]));
    let told = taken(
        &mut past,
        Purpose::Import(&mut Folders::default()),
        &(calls(0..300) + &ends(0..300)),
    );
    assert_eq!((told.len(), past.calls.len()), (600, 0));
}

#[test]
fn every_end_of_a_line_is_told_or_counted() {
    let mut past = past();
    let told = taken(&mut past, Purpose::Rest, &ends(0..1_500));
    let returned = told.iter().filter(|(kind, _)| *kind == EntryKind::ToolReturned);
    assert_eq!(returned.count(), 1_000);
    let gaps: Vec<&Value> = told
        .iter()
        .filter_map(|(kind, body)| (*kind == EntryKind::CaptureGap).then_some(body))
        .collect();
    assert_eq!(gaps[0]["line_cut"]["entries"], 500, "{gaps:?}");
    assert_eq!(gaps[1]["uncovered"]["calls"], 1_500, "{gaps:?}");
}

#[test]
fn what_more_calls_say_than_are_followed_is_left_out_and_counted() {
    let mut past = Past::following(TraceId::new(1, [1; 10]), 3);
    let told = taken(&mut past, Purpose::Rest, &(calls(0..5) + &ends(2..7)));
    let of = |expected: EntryKind| told.iter().filter(move |(kind, _)| *kind == expected);
    assert_eq!(of(EntryKind::ToolCalled).count(), 3);
    assert_eq!(of(EntryKind::ToolReturned).count(), 1);
    let gap = json!({ "too_many_calls": { "entries": 2 + 4 } });
    assert!(
        of(EntryKind::CaptureGap).any(|(_, body)| *body == gap),
        "{told:?}"
    );
}
