use serde_json::json;
use trace_store::{EntryHash, Kind, Refs};
use vocabulary::Timestamp;

use super::*;

/// Kind, references and body.
type Said<'a> = (&'static str, &'a [(&'a str, &'a str)], Value);

fn taken(entries: &[Said<'_>]) -> Outline {
    let mut outline = Outline::default();
    for ((kind, refs, body), seq) in entries.iter().zip(0..) {
        let named = refs.iter();
        let entry = Entry {
            chain: ChainId::Trace(TraceId::new(1, [1; 10])),
            seq,
            prev: EntryHash::NONE,
            at: Timestamp::EPOCH,
            kind: Kind::from_static(kind),
            on_behalf_of: None,
            via: None,
            delegation: None,
            refs: named.fold(Refs::new(), |refs, (name, value)| refs.with(name, value).unwrap()),
            body: None,
        };
        outline.take(&entry, Some(body).filter(|_| says_more(&entry)));
    }
    outline
}

#[test]
fn a_file_has_whole_calls_and_a_work_item_what_was_done_for_it() {
    let outline = taken(&[
        ("prompt", &[], json!({ "text": "Fix it" })),
        ("tool.called", &[("call", "t1")], json!({})),
        ("tool.called", &[("call", "t2")], json!({})),
        (
            "file.edited",
            &[("call", "t1")],
            json!({ "path": "/shop/src/a.rs", "moved_to": "/shop/src/b.rs" }),
        ),
        ("permission.given", &[("call", "t1")], json!({})),
        (
            "command.run",
            &[("call", "t2")],
            json!({ "path": "/shop/src/c.rs" }),
        ),
        (
            "file.changed",
            &[("call", "t2")],
            json!({ "path": "/shop/src/a.rs" }),
        ),
        ("capture.gap", &[("call", "t2")], json!({})),
        // Announced, and asked of our own server.
        ("tool.called", &[("call", "t3"), ("request", "r1")], json!({})),
        ("tool.called", &[("call", "t3"), ("request", "r2")], json!({})),
        (
            "tool.returned",
            &[("request", "r2"), ("work_item", "wi_1")],
            json!({}),
        ),
        ("tool.returned", &[("call", "t3"), ("request", "r3")], json!({})),
    ]);
    let places = |found: BTreeSet<u64>| found.into_iter().collect::<Vec<_>>();
    assert_eq!(places(outline.of_file("/shop/src/a.rs")), [1, 2, 3, 4, 5, 6, 7]);
    assert_eq!(places(outline.of_file("./src/b.rs")), [1, 3, 4]);
    for unknown in ["c.rs", "rc/a.rs", "", "/"] {
        assert_eq!(places(outline.of_file(unknown)), [0; 0], "{unknown}");
    }
    assert_eq!(places(outline.of_work_item("wi_1")), [8, 9, 10, 11]);
    assert_eq!((outline.gaps, outline.gap_places.first()), (1, Some(&7)));
    assert_eq!(outline.files["/shop/src/a.rs"].times, 2);
    assert_eq!(outline.turn_before(0), None);
    assert_eq!(
        outline.turn_before(5).map(|turn| turn.says.as_str()),
        Some("Fix it")
    );
}

#[test]
fn an_outline_of_what_somebody_fills_stays_within_bounds() {
    let mut outline = Outline::default();
    for number in 0..3 * MOST_NAMES as u64 {
        let entry = Entry {
            chain: ChainId::Trace(TraceId::new(1, [1; 10])),
            seq: number,
            prev: EntryHash::NONE,
            at: Timestamp::EPOCH,
            kind: Kind::from_static("file.edited"),
            on_behalf_of: None,
            via: None,
            delegation: None,
            refs: Refs::new().with("call", number).unwrap(),
            body: None,
        };
        outline.take(&entry, Some(&json!({ "path": format!("file {number}") })));
    }
    assert_eq!(outline.files.len(), MOST_NAMES);
    assert!(outline.more && outline.going.len() <= MOST_GOING && outline.order.len() <= MOST_GOING);
}

#[test]
fn a_call_with_very_many_edits_costs_no_more_than_as_many_calls_with_one() {
    let mut outline = Outline::default();
    let edits = 20_000;
    for number in 0..edits {
        let entry = Entry {
            chain: ChainId::Trace(TraceId::new(1, [1; 10])),
            seq: number,
            prev: EntryHash::NONE,
            at: Timestamp::EPOCH,
            kind: Kind::from_static("file.edited"),
            on_behalf_of: None,
            via: None,
            delegation: None,
            refs: Refs::new().with("call", "t1").unwrap(),
            body: None,
        };
        outline.take(&entry, Some(&json!({ "path": format!("file {number}") })));
    }
    let going = &outline.going["t1"];
    assert_eq!(
        (going.entries.len(), going.files.len()),
        (MOST_OF_A_CALL, MOST_NAMES_OF_A_CALL)
    );
    let linked = MOST_OF_A_CALL * MOST_OF_A_CALL + MOST_NAMES_OF_A_CALL;
    assert!(outline.touches <= edits as usize + linked, "{}", outline.touches);
    assert!(
        outline.places <= MOST_NAMES + MOST_NAMES_OF_A_CALL * (MOST_OF_A_CALL + 1),
        "{}",
        outline.places
    );
    // What is beyond the bounds of its call is still listed by itself.
    let places: Vec<u64> = outline.of_file("file 1000").into_iter().collect();
    assert_eq!(
        (outline.more, outline.files.len(), places),
        (true, MOST_NAMES, vec![1_000])
    );
}

#[test]
fn a_name_that_is_too_long_is_not_kept_and_an_outline_says_that_there_is_more() {
    let outline = taken(&[
        ("file.edited", &[], json!({ "path": "a".repeat(MOST_NAME_BYTES) })),
        (
            "file.edited",
            &[],
            json!({ "path": "b".repeat(MOST_NAME_BYTES + 1) }),
        ),
    ]);
    assert_eq!((outline.files.len(), outline.more), (1, true));
}
