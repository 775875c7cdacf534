//! What the real clients wrote of their sessions, as they wrote it, and what is taken of it.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should stop where it stands"
)]

use std::{
    collections::{BTreeMap, BTreeSet},
    fmt::Write as _,
    fs,
    path::Path,
};

use capture::{
    Body, Event, Usage,
    transcript::{Item, Line, Said, Transcript, What},
};
use proptest::prelude::*;
use serde_json::json;
use vocabulary::Client;

/// The session of Claude Code's, and that of Codex'.
const SESSIONS: [&str; 2] = [
    "00000000-0000-4000-8000-000000000001",
    "01900000-0000-7000-8000-000000000001",
];

const FILES: [(&str, Client); 5] = [
    ("claude-code", Client::ClaudeCode),
    ("claude-code-subagent", Client::ClaudeCode),
    ("codex", Client::Codex),
    ("codex-code-mode", Client::Codex),
    ("codex-subagent", Client::Codex),
];

fn bytes_of(name: &str) -> Vec<u8> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/transcripts");
    fs::read(folder.join(format!("{name}.jsonl"))).unwrap()
}

fn session_of(client: Client) -> Option<String> {
    let own = match client {
        Client::ClaudeCode => SESSIONS[0],
        Client::Codex => SESSIONS[1],
    };
    Some(own.to_owned())
}

/// The lines of a transcript that is handed over in these pieces.
fn lines(client: Client, session: Option<String>, pieces: &[&[u8]]) -> (Vec<Line>, u64) {
    let mut transcript = Transcript::of(client, session);
    let mut lines = Vec::new();
    for piece in pieces {
        transcript.feed(piece, &mut |line| lines.push(line));
    }
    (lines, transcript.read())
}

fn items(name: &str, client: Client) -> Vec<Item> {
    let bytes = bytes_of(name);
    let (lines, read) = lines(client, session_of(client), &[&bytes]);
    assert_eq!(read, bytes.len() as u64);
    let items = lines.into_iter().flat_map(|line| match line.said {
        Said::Items(items) => items,
        other => panic!("{name}, line that ends at {}: {other:?}", line.end),
    });
    items.collect()
}

fn kept(item: &Item) -> String {
    let mut text = format!("{:?}", item.what);
    for (name, value) in [("id", &item.id), ("at", &item.claimed_at)] {
        if let Some(value) = value {
            write!(text, " {name}={value}").unwrap();
        }
    }
    for record in &item.records {
        let body = serde_json::to_string(&record.body).unwrap();
        let kind = format!("{:?}", record.body);
        write!(text, "\n  {}", kind.split('(').next().unwrap()).unwrap();
        for (name, value) in [
            ("call", record.call.clone()),
            ("turn", record.turn.clone()),
            ("by", record.by.as_ref().map(|by| by.id.clone())),
        ] {
            if let Some(value) = value {
                write!(text, " {name}={value}").unwrap();
            }
        }
        write!(text, "\n    {body}").unwrap();
    }
    text
}

#[test]
fn what_the_clients_wrote_is_taken_as_it_always_was() {
    for (name, client) in FILES {
        let all: Vec<String> = items(name, client).iter().map(kept).collect();
        insta::assert_snapshot!(name, all.join("\n"));
        let bytes = bytes_of(name);
        let first = bytes.split(|byte| *byte == b'\n').next().unwrap();
        assert_eq!(Transcript::client_of(first), Some(client), "{name}");
    }
}

/// What the answers of a transcript took, each counted as it is told.
fn taken(items: &[Item]) -> (usize, u64, BTreeSet<String>) {
    let (mut answers, mut output, mut models) = (0, 0, BTreeSet::new());
    for item in items {
        for record in &item.records {
            let Body::ModelAnswered(answered) = &record.body else {
                continue;
            };
            models.extend(answered.model.clone());
            if let Some(Usage { output: more, .. }) = answered.usage {
                answers += 1;
                output += more;
            }
        }
    }
    (answers, output, models)
}

#[test]
fn what_an_answer_took_is_counted_once() {
    // As the client's own record counts them: `cost-state` and `thread_token_usage`.
    let (answers, output, models) = taken(&items("claude-code", Client::ClaudeCode));
    assert_eq!(models, BTreeSet::from(["claude-opus-5-5".to_owned()]));
    let text = String::from_utf8(bytes_of("claude-code")).unwrap();
    let mut told = BTreeMap::new();
    for line in text.lines() {
        let line: serde_json::Value = serde_json::from_str(line).unwrap();
        if line["type"] == "assistant" {
            let id = line["message"]["id"].as_str().unwrap().to_owned();
            told.insert(id, line["message"]["usage"]["output_tokens"].as_u64().unwrap());
        }
    }
    assert_eq!((answers, output), (told.len(), told.values().sum()));

    for name in ["codex", "codex-code-mode", "codex-subagent"] {
        let (_, output, models) = taken(&items(name, Client::Codex));
        assert_eq!(models.len(), 1, "{name}");
        let text = String::from_utf8(bytes_of(name)).unwrap();
        let last = text
            .lines()
            .rfind(|line| line.contains("\"token_usage_record\""))
            .unwrap();
        let last: serde_json::Value = serde_json::from_str(last).unwrap();
        let whole = &last["payload"]["thread_token_usage"]["output_tokens"];
        assert_eq!(Some(output), whole.as_u64(), "{name}");
    }
}

#[test]
fn each_call_of_a_transcript_begins_and_ends_once() {
    for (name, client) in FILES {
        let items = items(name, client);
        let of = |wanted: fn(What) -> bool| {
            let found = items.iter().filter(|item| wanted(item.what));
            let calls: Vec<&str> = found.filter_map(Item::call).collect();
            let once: BTreeSet<&str> = calls.iter().copied().collect();
            assert_eq!(calls.len(), once.len(), "{name}: {calls:?}");
            once
        };
        let begun = of(|what| what == What::Called);
        let ended = of(|what| matches!(what, What::Ended { .. }));
        let never: Vec<_> = ended.difference(&begun).collect();
        // A program of the model's patched a file: what it was given stands in the program.
        let patched = "exec-00000000-0000-4000-8000-000000000002";
        assert!(never.iter().all(|call| **call == patched), "{name}: {never:?}");
        assert_eq!(begun.difference(&ended).count(), 0, "{name}");
    }
}

/// What is kept of a call's end by its name, from the hooks' events and from the transcript.
#[test]
fn a_call_s_end_reads_as_hooks_tell_it() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/events/claude-code");
    let mut told = BTreeMap::new();
    for entry in fs::read_dir(folder).unwrap() {
        let event = Event::parse(&fs::read(entry.unwrap().path()).unwrap()).unwrap();
        if event.session.as_str() != SESSIONS[0] || !event.name.starts_with("PostToolUse") {
            continue;
        }
        for record in event.records() {
            let call = record.call.clone().unwrap();
            told.entry(call).or_insert_with(Vec::new).push(record.body);
        }
    }
    let mut same = 0;
    for item in items("claude-code", Client::ClaudeCode) {
        let Some(hooks) = item.call().and_then(|call| told.get(call)) else {
            continue;
        };
        if matches!(item.what, What::Ended { .. }) {
            let bodies: Vec<Body> = item.records.into_iter().map(|record| record.body).collect();
            assert_eq!(&bodies, hooks);
            same += 1;
        }
    }
    assert!(same >= 5, "{same}");
}

#[test]
fn a_name_that_does_not_say_its_folder_is_kept_with_where_codex_worked() {
    let text = String::from_utf8(bytes_of("codex")).unwrap();
    let short = text.replace("\"/home/alice/shop/heredoc.txt\"", "\"heredoc.txt\"");
    assert_ne!(short, text);
    let (lines, _) = lines(Client::Codex, session_of(Client::Codex), &[short.as_bytes()]);
    let mut folders = BTreeMap::new();
    for line in lines {
        let Said::Items(items) = line.said else { continue };
        for record in items.into_iter().flat_map(|item| item.records) {
            if let Body::FileEdited(edit) = record.body {
                folders.insert(edit.path, edit.folder);
            }
        }
    }
    assert_eq!(folders["heredoc.txt"].as_deref(), Some("/home/alice/shop"));
    assert_eq!(folders["/home/alice/shop/new.txt"], None);
}

#[test]
fn what_another_session_said_is_left_out() {
    for (name, client) in FILES {
        let bytes = bytes_of(name);
        let (lines, _) = lines(client, Some("another".to_owned()), &[&bytes]);
        let taken = lines
            .iter()
            .filter(|line| matches!(&line.said, Said::Items(items) if !items.is_empty()));
        assert_eq!(taken.count(), 0, "{name}");
    }
}

#[test]
fn what_is_no_line_of_a_transcript_is_counted_and_left_out() {
    let deep = "[".repeat(100_000);
    for line in [
        "",
        "{",
        "[]",
        "7",
        "-----BEGIN OPENSSH PRIVATE KEY-----",
        "{\"type\":\"tomorrow\",\"sessionId\":\"s\"}",
        "{\"type\":\"assistant\",\"sessionId\":\"s\"}",
        "{\"type\":\"event_msg\",\"payload\":{\"type\":\"item_completed\"}}",
        &deep,
    ] {
        for client in [Client::ClaudeCode, Client::Codex] {
            let bytes = format!("{line}\n");
            let (lines, read) = lines(client, Some("s".to_owned()), &[bytes.as_bytes()]);
            assert!(
                matches!(lines[0].said, Said::Unknown | Said::Foreign),
                "{line}: {lines:?}"
            );
            assert_eq!(read, bytes.len() as u64);
        }
    }
}

proptest! {
    #[test]
    fn a_transcript_in_two_pieces_is_the_same_as_in_one(
        which in 0..FILES.len(), cut in any::<prop::sample::Index>(), again in any::<prop::sample::Index>(),
    ) {
        let (name, client) = FILES[which];
        let bytes = bytes_of(name);
        let whole = lines(client, session_of(client), &[&bytes]);
        let (begin, rest) = bytes.split_at(cut.index(bytes.len() + 1));
        let (middle, end) = rest.split_at(again.index(rest.len() + 1));
        prop_assert_eq!(&lines(client, session_of(client), &[begin, middle, end]), &whole);
        // As the hub does it: up to the last whole line, and from there on later.
        let mut transcript = Transcript::of(client, session_of(client));
        let mut found = Vec::new();
        transcript.feed(begin, &mut |line| found.push(line));
        transcript.let_go();
        let from = usize::try_from(transcript.read()).unwrap();
        transcript.feed(&bytes[from..], &mut |line| found.push(line));
        prop_assert_eq!(&(found, transcript.read()), &whole);
    }

    #[test]
    fn no_bytes_make_reading_panic(bytes: Vec<u8>) {
        for client in [Client::ClaudeCode, Client::Codex] {
            lines(client, None, &[&bytes, b"\n"]);
        }
    }

    #[test]
    fn no_line_of_odd_members_makes_reading_panic(
        which in 0..FILES.len(), line in any::<prop::sample::Index>(), put in prop::collection::vec((any::<prop::sample::Index>(), 0..6usize), 1..6),
    ) {
        let (name, client) = FILES[which];
        let text = String::from_utf8(bytes_of(name)).unwrap();
        let all: Vec<&str> = text.lines().collect();
        let mut odd: serde_json::Value = serde_json::from_str(all[line.index(all.len())]).unwrap();
        for (place, what) in put {
            let mut pointers = Vec::new();
            places(&odd, &mut String::new(), &mut pointers);
            let others = [
                serde_json::json!(null), serde_json::json!(-7), serde_json::json!("x"), serde_json::json!([{}, 1, "y"]),
                serde_json::json!({ "type": "text" }), serde_json::json!("x".repeat(300)),
            ];
            if let Some(found) = odd.pointer_mut(&pointers[place.index(pointers.len())]) {
                *found = others[what].clone();
            }
        }
        let bytes = format!("{}\n{odd}\n{text}", all[0]);
        let (lines, _) = lines(client, session_of(client), &[bytes.as_bytes()]);
        for line in lines {
            if let Said::Items(items) = line.said {
                for record in items.iter().flat_map(|item| &item.records) {
                    serde_json::to_string(&record.body).unwrap();
                }
            }
        }
    }
}

/// Every place in a value.
fn places(value: &serde_json::Value, here: &mut String, all: &mut Vec<String>) {
    all.push(here.clone());
    let length = here.len();
    let mut inner = |name: &str, value: &serde_json::Value| {
        write!(here, "/{}", name.replace('~', "~0").replace('/', "~1")).unwrap();
        places(value, here, all);
        here.truncate(length);
    };
    match value {
        serde_json::Value::Object(members) => members.iter().for_each(|(name, value)| inner(name, value)),
        serde_json::Value::Array(elements) => {
            for (number, value) in elements.iter().enumerate() {
                inner(&number.to_string(), value);
            }
        }
        _ => {}
    }
}

#[test]
fn a_line_with_many_results_is_taken_whole_and_makes_no_more_of_them_than_it_says() {
    let results: Vec<_> = (0..10_000)
        .map(|number| serde_json::json!({ "type": "tool_result", "tool_use_id": format!("t{number}"), "content": "ok" }))
        .collect();
    let line = serde_json::json!({
        "type": "user", "sessionId": SESSIONS[0], "uuid": "u1", "timestamp": "2026-11-21T00:00:00.000Z",
        "message": { "role": "user", "content": results }, "toolUseResult": { "stdout": "x".repeat(1 << 20) },
    });
    let text = format!("{line}\n");
    let (lines, _) = lines(
        Client::ClaudeCode,
        session_of(Client::ClaudeCode),
        &[text.as_bytes()],
    );
    let [
        Line {
            said: Said::Items(items),
            ..
        },
    ] = lines.as_slice()
    else {
        panic!("{} lines", lines.len())
    };
    assert_eq!(items.len(), 10_000);
    assert_eq!(items[9_999].call(), Some("t9999"));
    let said: usize = items
        .iter()
        .flat_map(|item| &item.records)
        .map(|record| serde_json::to_string(&record.body).unwrap().len())
        .sum();
    assert!(
        said < 2 << 20,
        "{said} bytes: what stands beside them is nobody's"
    );
}

/// The folders that the lines of a file say, one after the other.
fn folders(client: Client, session: &str, file: &[serde_json::Value]) -> Vec<Option<String>> {
    let text: String = file.iter().map(|line| format!("{line}\n")).collect();
    let (lines, _) = lines(client, Some(session.to_owned()), &[text.as_bytes()]);
    let folders = lines.into_iter().map(|line| line.folder);
    folders
        .map(|folder| folder.map(|folder| folder.to_string()))
        .collect()
}

#[test]
fn another_session_s_line_says_nothing_of_where_the_client_worked() {
    let said = |kind: &str, session: &str, folder: &str| json!({ "type": kind, "sessionId": session, "cwd": folder, "message": { "content": "x" } });
    let told = folders(
        Client::ClaudeCode,
        "s1",
        &[
            said("system", "s2", "/of/another"),
            said("user", "s1", "/shop"),
            said("user", "s2", "/of/another"),
            said("system", "s2", "/of/another"),
            json!({ "type": "system", "cwd": "/of/nobody" }),
            said("system", "s1", "/shop/web"),
            said("user", "s1", "not/whole"),
        ],
    );
    let (shop, web) = (Some("/shop".to_owned()), Some("/shop/web".to_owned()));
    assert_eq!(
        told,
        [
            None,
            shop.clone(),
            shop.clone(),
            shop.clone(),
            shop,
            web.clone(),
            web
        ]
    );
}

#[test]
fn the_beginning_of_the_session_before_says_nothing_of_where_codex_works() {
    let began = |session: &str, folder: &str| json!({ "type": "session_meta", "payload": { "id": session, "cwd": folder } });
    let changes = json!({ "a.rs": { "type": "add", "content": "x" } });
    let item = json!({ "type": "FileChange", "id": "c1", "status": "completed", "changes": changes });
    let file = [
        began("s1", "/shop"),
        began("s0", "/of/the/one/before"),
        json!({ "type": "event_msg", "payload": { "type": "token_count", "cwd": "/of/a/call" } }),
        json!({ "type": "event_msg", "payload": { "type": "item_completed", "item": item } }),
        json!({ "type": "turn_context", "payload": { "turn_id": "u1", "cwd": "/shop/web" } }),
    ];
    let (shop, web) = (Some("/shop".to_owned()), Some("/shop/web".to_owned()));
    let told = folders(Client::Codex, "s1", &file);
    assert_eq!(told, [shop.clone(), shop.clone(), shop.clone(), shop, web]);
    let text: String = file.iter().map(|line| format!("{line}\n")).collect();
    let (lines, _) = lines(Client::Codex, Some("s1".to_owned()), &[text.as_bytes()]);
    let Said::Items(items) = &lines[3].said else {
        panic!("{lines:?}");
    };
    let Body::FileEdited(edited) = &items[0].records[0].body else {
        panic!("{items:?}");
    };
    assert_eq!(edited.folder.as_deref(), Some("/shop"));
}
