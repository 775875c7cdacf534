use proptest::prelude::*;
use serde_json::json;

use super::*;

fn row(seq: u64, kind: &str, refs: &[(&str, &str)], body: Value) -> EntryRow {
    EntryRow {
        seq,
        index: seq,
        at: vocabulary::Timestamp::EPOCH,
        kind: kind.to_owned(),
        on_behalf_of: None,
        via: None,
        refs: refs
            .iter()
            .map(|(name, value)| ((*name).to_owned(), (*value).to_owned()))
            .collect(),
        summary: String::new(),
        body: Some(body),
        erased: false,
        hash: "00".repeat(32),
    }
}

fn places(turns: &[Turn]) -> Vec<Vec<u64>> {
    let steps = turns.iter().flat_map(|turn| &turn.steps);
    steps
        .map(|step| step.entries.iter().map(|entry| entry.seq).collect())
        .collect()
}

#[test]
fn what_is_called_by_a_name_that_was_used_before_is_another_call() {
    let call = [("call", "t1")];
    let rows = [
        row(
            0,
            "tool.called",
            &call,
            json!({ "tool": "Read", "arguments": {} }),
        ),
        row(1, "tool.returned", &call, json!({ "returned": "" })),
        row(
            2,
            "tool.called",
            &call,
            json!({ "tool": "Bash", "arguments": { "command": "rm -rf /" } }),
        ),
        row(
            3,
            "command.run",
            &call,
            json!({ "command": "rm -rf /", "output": "" }),
        ),
        // Before the first one ended.
        row(
            4,
            "tool.called",
            &[("call", "t2")],
            json!({ "tool": "Read", "arguments": {} }),
        ),
        row(
            5,
            "tool.called",
            &[("call", "t2")],
            json!({ "tool": "Bash", "arguments": {} }),
        ),
        row(
            6,
            "gate.denied",
            &[("call", "t2")],
            json!({ "code": "x", "because": "y" }),
        ),
    ];
    let turns = tell(&rows, None);
    assert_eq!(places(&turns), [vec![0, 1], vec![2, 3], vec![4], vec![5, 6]]);
    assert_eq!(turns[0].steps[3].tone, Tone::Bad);
}

#[test]
fn a_gap_is_never_folded_into_a_call() {
    let rows = [
        row(
            0,
            "tool.called",
            &[("call", "t1"), ("request", "r1")],
            json!({ "tool": "Read" }),
        ),
        row(
            1,
            "capture.gap",
            &[("call", "t1"), ("request", "r1")],
            json!({ "unannounced": { "tool": "x" } }),
        ),
        row(2, "tool.returned", &[("call", "t1")], json!({ "returned": "" })),
    ];
    let turns = tell(&rows, None);
    assert_eq!(places(&turns), [vec![0, 2], vec![1]]);
    assert_eq!(turns[0].steps[1].tone, Tone::Gap);
}

#[test]
fn a_page_that_begins_within_a_turn_says_which() {
    let prompt = row(0, "prompt", &[("turn", "p1")], json!({ "text": "Fix it" }));
    let rows = [row(
        7,
        "tool.returned",
        &[("turn", "p1"), ("call", "t1")],
        json!({ "returned": "" }),
    )];
    let turns = tell(&rows, Some(&prompt));
    assert_eq!(turns.len(), 1);
    assert!(turns[0].goes_on && turns[0].prompt.as_ref().is_some_and(|prompt| prompt.seq == 0));
    assert_eq!(turns[0].steps[0].then, "the call itself stands further up");
    assert_eq!(loose(&rows).lost.into_iter().collect::<Vec<_>>(), ["t1"]);
}

#[test]
fn a_call_of_our_own_server_ends_with_its_answer_where_no_client_tells_of_it() {
    let own = [("call", "t1"), ("request", "r1")];
    let called = row(0, "tool.called", &own, json!({ "tool": "get_work_item" }));
    let returned = row(
        1,
        "tool.returned",
        &[("request", "r1")],
        json!({ "returned": {} }),
    );
    assert_eq!(loose(std::slice::from_ref(&called)).open.len(), 2);
    assert_eq!(loose(&[called.clone(), returned.clone()]), Loose::default());
    let announced = row(
        0,
        "tool.called",
        &[("call", "t1"), ("request", "r0")],
        json!({ "tool": "mcp__auditotter__get_work_item" }),
    );
    let open = loose(&[announced, called, returned]).open;
    assert!(open.contains("t1"), "the client tells of its end yet");
}

proptest! {
    #[test]
    fn every_entry_is_told_once_whatever_is_said_of_it(
        said in proptest::collection::vec((0usize..14, 0u8..4, 0u8..4, 0u8..3, any::<bool>(), 0usize..6), 0..60),
    ) {
        let kinds = [
            "prompt", "tool.called", "tool.returned", "tool.failed", "tool.denied", "file.edited", "file.changed", "command.run",
            "gate.denied", "permission.asked", "permission.refused", "turn.ended", "capture.gap", "x.y",
        ];
        let bodies = [
            json!(null), json!([1]), json!("text"), json!({}), json!({ "tool": "Bash", "arguments": { "command": 1 } }),
            json!({ "diff": "+a", "path": "a", "redacted": { "r": u64::MAX } }),
        ];
        let rows: Vec<EntryRow> = said
            .iter()
            .zip(0u64..)
            .map(|((kind, call, request, turn, erased, body), seq)| {
                let named = [("call", call), ("request", request), ("turn", turn)];
                let texts: Vec<(&str, String)> = named.iter().map(|(name, number)| (*name, number.to_string())).collect();
                let refs: Vec<(&str, &str)> = texts
                    .iter()
                    .filter(|(_, number)| number != "0")
                    .map(|(name, number)| (*name, number.as_str()))
                    .collect();
                let mut row = row(seq, kinds[*kind], &refs, bodies[*body].clone());
                if *erased {
                    (row.body, row.erased) = (None, true);
                }
                row
            })
            .collect();
        let turns = tell(&rows, None);
        let prompts = turns.iter().filter_map(|turn| turn.prompt.as_ref().map(|prompt| prompt.seq));
        let mut seen: Vec<u64> = places(&turns).concat().into_iter().chain(prompts).collect();
        seen.sort_unstable();
        prop_assert!(seen.into_iter().eq(0..rows.len() as u64));
        for step in turns.iter().flat_map(|turn| &turn.steps) {
            prop_assert!(step.entries.is_sorted_by_key(|entry| entry.seq));
            prop_assert!(step.entries.iter().all(|entry| entry.tone <= step.tone), "a line says the worst of what is under it");
            prop_assert!(!step.does.is_empty() || step.is_call);
        }
    }
}
