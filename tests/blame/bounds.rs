//! How much is looked through.

use std::fs;

use crate::{Shop, lines::spans};

#[test]
fn a_file_that_is_no_source_is_not_read_out_of_git() {
    let shop = Shop::open();
    let file = shop.folder().join("large");
    fs::File::create(&file).unwrap().set_len((64 << 20) + 1).unwrap();
    fs::write(shop.folder().join("long"), "\n".repeat(1_000_001)).unwrap();
    shop.commits(&[]);
    for (name, says) in [
        ("large", "larger than any source"),
        ("long", "more lines than any source"),
    ] {
        // As it lies here, and as only git has it.
        for _ in 0..2 {
            let ran = shop.auditotter(&["blame", name]);
            assert_eq!(ran.code, Some(1), "{ran:?}");
            assert!(ran.stderr.contains(says), "{ran:?}");
            let _ = fs::remove_file(shop.folder().join(name));
        }
    }
}

#[test]
fn what_many_commits_say_of_one_trace_is_asked_together() {
    let shop = Shop::open();
    let mut text = String::new();
    for number in 0..40 {
        let line = format!("telling line number {number}\n");
        shop.writes("a.txt", &line, &format!("t{number}"), "p1");
        text += &line;
        fs::write(shop.folder().join("a.txt"), &text).unwrap();
        shop.commits(&[&shop.trace]);
    }
    let told = shop.blame("a.txt");
    let expected: Vec<_> = (1..=40).map(|line| (line, line, "edit")).collect();
    assert_eq!(spans(&told), expected, "each line is from its own commit");
    // Each edit added one line, and each line has its own.
    let edits = || {
        told.as_array()
            .unwrap()
            .iter()
            .map(|span| &span["sessions"][0]["edit"])
    };
    assert!(edits().all(|edit| edit["kind"] == "file.edited"), "{told:#}");
    let places: Vec<u64> = edits().map(|edit| edit["seq"].as_u64().unwrap()).collect();
    assert!(places.is_sorted_by(|one, next| one < next), "{places:?}");
}

#[test]
fn a_file_that_had_another_name_is_asked_for_under_both() {
    let shop = Shop::open();
    shop.writes("old.txt", "a telling line\n", "t1", "p1");
    shop.commits(&[&shop.trace]);
    shop.git(&["mv", "old.txt", "new.txt"]);
    shop.commits(&[]);
    shop.writes("new.txt", "a telling line\nand another one\n", "t2", "p1");
    shop.commits(&[&shop.trace]);
    let told = shop.blame("new.txt");
    assert_eq!(spans(&told), [(1, 1, "edit"), (2, 2, "edit")], "{told:#}");
    let path = |span: usize| told[span]["sessions"][0]["edit"]["path"].as_str().unwrap();
    assert!(
        path(0).ends_with("/old.txt") && path(1).ends_with("/new.txt"),
        "{told:#}"
    );
}
