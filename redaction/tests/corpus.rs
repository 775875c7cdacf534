//! How much is found, and how much is taken for a secret that is none.

#[path = "corpus/lookalikes.rs"]
mod lookalikes;
#[path = "corpus/samples.rs"]
mod samples;

use std::collections::{BTreeMap, BTreeSet};

use redaction::Redactor;

const KEY: [u8; 32] = [42; 32];

#[test]
fn nearly_every_labelled_secret_is_replaced() {
    let redactor = Redactor::built_in(KEY);
    let mut kinds = BTreeSet::new();
    let mut score = BTreeMap::from([(false, (0, 0)), (true, (0, 0))]);
    for seed in 1..=5 {
        for sample in samples::all(seed) {
            kinds.insert(sample.kind);
            let redacted = redactor.redact(&sample.text);
            // Of a secret of several lines, no line may be left.
            let left = sample.secret.lines().any(|line| redacted.text.contains(line));
            let (found, all) = score.get_mut(&sample.held_out).unwrap();
            *all += 1;
            if left {
                println!("missed ({}): {}", sample.kind, sample.text.escape_debug());
            } else {
                *found += 1;
                assert!(redacted.total() > 0);
            }
        }
    }
    let recall = |(found, all): (u32, u32)| f64::from(found) / f64::from(all);
    let (known, held_out) = (score[&false], score[&true]);
    let both = (known.0 + held_out.0, known.1 + held_out.1);
    println!(
        "{} kinds, {} secrets: recall {:.4} (tuned on {:.4}, held out {:.4})",
        kinds.len(),
        both.1,
        recall(both),
        recall(known),
        recall(held_out)
    );
    assert!(kinds.len() >= 40 && both.1 >= 150);
    assert!(recall(both) >= 0.95 && recall(known) >= 0.95 && recall(held_out) >= 0.95);
}

#[test]
fn hardly_anything_in_source_code_is_taken_for_a_secret() {
    let redactor = Redactor::built_in(KEY);
    let (mut lines, mut wrong) = (0, 0);
    for source in samples::sources() {
        lines += source.text.lines().count();
        let redacted = redactor.redact(&source.text);
        if redacted.total() > 0 {
            for (before, after) in source
                .text
                .lines()
                .zip(redacted.text.lines())
                .filter(|(a, b)| a != b)
            {
                println!("{}: {before}\n    {after}", source.path);
            }
            wrong += redacted.total();
        }
    }
    let rate = f64::from(wrong) * 10_000.0 / f64::from(u32::try_from(lines).unwrap());
    println!("{wrong} of {lines} lines of this repository: {rate:.2} in 10,000");
    assert!(lines >= 20_000, "{lines}");
    assert!(rate <= 1.0, "{rate}");
}

#[test]
fn hardly_anything_that_only_looks_drawn_is_taken_for_a_secret() {
    let redactor = Redactor::built_in(KEY);
    let text = lookalikes::lines(7, 20_000);
    let redacted = redactor.redact(&text);
    for (before, after) in text
        .lines()
        .zip(redacted.text.lines())
        .filter(|(a, b)| a != b)
        .take(50)
    {
        println!("{before}\n    {after}");
    }
    let rate = f64::from(redacted.total()) / 2.0;
    println!("{} of 20,000 look-alikes: {rate:.2} in 10,000", redacted.total());
    assert!(rate <= 1.0, "{rate}");
}
