//! Answers stay within what clients pass on, however much there is to tell.

use serde_json::{Value, json};
use testkit::{Home, StdioClient};

/// Clients warn at 10,000 tokens; at four characters a token this is where that begins.
const MOST_CHARACTERS: usize = 40_000;

/// How many requests are on their way at once, so that they share the disk's pace.
const AT_ONCE: usize = 64;

/// Sends many calls, a window at a time, and checks each answer.
fn flood(client: &mut StdioClient, tool: &str, arguments: impl Iterator<Item = Value>) {
    let mut arguments = arguments.peekable();
    while arguments.peek().is_some() {
        let asked: Vec<u64> = arguments
            .by_ref()
            .take(AT_ONCE)
            .map(|arguments| client.send("tools/call", json!({ "name": tool, "arguments": arguments })))
            .collect();
        for id in asked {
            let answer = client.answer(id).unwrap();
            assert_ne!(answer["isError"], json!(true), "{answer}");
        }
    }
}

fn size(client: &mut StdioClient, tool: &str, arguments: Value) -> (usize, Value) {
    let answer = client
        .request("tools/call", json!({ "name": tool, "arguments": arguments }))
        .unwrap();
    assert_ne!(answer["isError"], json!(true), "{answer}");
    (
        answer.to_string().chars().count(),
        answer["structuredContent"].clone(),
    )
}

#[test]
fn a_trace_of_large_notes_is_read_in_small_pages_without_a_gap() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let note = |n: usize| json!({ "text": format!("{n} {}", "\u{1}\"ä".repeat(4_000)) });
    flood(&mut client, "append_trace_note", (0..120).map(note));
    let (mut from, mut seqs) = (0, Vec::new());
    loop {
        let asked = json!({ "from": from, "limit": 100, "bodies": true });
        let (characters, page) = size(&mut client, "read_trace", asked);
        assert!(
            characters < MOST_CHARACTERS,
            "from {from}: {characters} characters"
        );
        let entries = page["entries"].as_array().unwrap();
        seqs.extend(entries.iter().filter_map(|entry| entry["seq"].as_u64()));
        match page["next"].as_u64() {
            // Reading is recorded too: what was there when we began is what we want to see.
            Some(next) if next <= 360 => from = next,
            _ => break,
        }
    }
    assert!(seqs.len() > 360, "{}", seqs.len());
    assert!(seqs.iter().copied().eq(0..seqs.len() as u64), "{seqs:?}");
}

#[test]
fn ten_thousand_work_items_are_listed_in_small_pages() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let title = "A title as long as a title may reasonably be, and then some more of it, for good measure";
    flood(
        &mut client,
        "propose_work_item",
        (0..10_000).map(|n| json!({ "title": format!("{title} {n}") })),
    );
    let (characters, page) = size(&mut client, "list_work_items", json!({ "limit": 50 }));
    assert!(characters < MOST_CHARACTERS, "{characters} characters");
    assert_eq!(page["items"].as_array().unwrap().len(), 50);
    let newest = page["items"][0]["title"].as_str().unwrap();
    assert!(newest.ends_with(" 9999"), "{newest}");
    let (mut seen, mut next) = (50, page["next"].clone());
    while !next.is_null() {
        let page = size(
            &mut client,
            "list_work_items",
            json!({ "limit": 50, "after": next }),
        )
        .1;
        seen += page["items"].as_array().unwrap().len();
        next = page.get("next").cloned().unwrap_or_default();
    }
    assert_eq!(seen, 10_000);
}

#[test]
fn a_work_item_as_large_as_may_be_is_still_answered_whole() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let paths: Vec<String> = (0..50)
        .map(|n| format!("src/{}/{n}.rs", "deep/".repeat(20)))
        .collect();
    let arguments = json!({
        "title": "t".repeat(200),
        "description": "\"ä".repeat(1_500),
        "paths": paths,
        "repository": "acme/shop",
    });
    let proposed = client.call("propose_work_item", arguments);
    assert!(!proposed.is_error, "{}", proposed.text);
    let (characters, item) = size(
        &mut client,
        "get_work_item",
        json!({ "id": proposed.structured["id"] }),
    );
    assert!(characters < MOST_CHARACTERS, "{characters} characters");
    assert_eq!(item["paths"].as_array().unwrap().len(), 50);
}
