//! What holds for every text.

#[path = "corpus/samples.rs"]
#[expect(dead_code, reason = "labels are for the test of recall")]
mod samples;

use std::{
    sync::LazyLock,
    time::{Duration, Instant},
};

use proptest::prelude::*;
use redaction::{Redactor, RepositoryRules};
use serde_json::Value;

static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::built_in([9; 32]));
static SAMPLES: LazyLock<Vec<String>> =
    LazyLock::new(|| samples::all(3).into_iter().map(|sample| sample.text).collect());

fn text() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        3 => any::<prop::sample::Index>().prop_map(|index| index.get(&SAMPLES).clone()),
        // What a text may be cut to.
        2 => (any::<prop::sample::Index>(), 0_usize..200, 1_usize..80).prop_map(|(index, from, length)| {
            index.get(&SAMPLES).chars().skip(from).take(length).collect()
        }),
        2 => prop::sample::select(vec![
            "[redacted:github-pat:01234567]", "[redacted:", "password", "token=", "key: ", "\"", "'", "=", ":", " ", "\n", "ß", "\u{2028}", "://a:", "@b",
            "-----BEGIN PRIVATE KEY-----", "bearer ", "s.", "eyJ", "\\\"", "\\n",
        ]).prop_map(str::to_owned),
        1 => "\\PC{0,40}",
        1 => "[A-Za-z0-9+/_=-]{8,60}",
    ];
    prop::collection::vec(piece, 0..12).prop_map(|pieces| pieces.concat())
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(1_000) })]

    #[test]
    fn what_is_redacted_stays_as_it_is(text in text()) {
        let once = REDACTOR.redact(&text);
        let twice = REDACTOR.redact(&once.text);
        prop_assert_eq!(&twice.text, &once.text);
        prop_assert_eq!(twice.total(), 0);
    }

    #[test]
    fn the_counts_are_of_the_markers_that_are_new(text in text()) {
        let redacted = REDACTOR.redact(&text);
        let markers = |text: &str| text.matches("[redacted:").count();
        prop_assert!(redacted.counts.contains_key("unsettled-text") || markers(&redacted.text) <= markers(&text) + redacted.total() as usize);
        prop_assert_eq!(redacted.total() == 0, redacted.text == text);
    }

    #[test]
    fn json_stays_the_json_it_was_but_for_its_texts(texts in prop::collection::vec(text(), 1..6)) {
        let mut value = serde_json::json!({ "all": texts, "n": [1, true, null], texts[0].as_str(): texts[0] });
        let shape = shape_of(&value);
        REDACTOR.redact_json(&mut value);
        prop_assert_eq!(shape_of(&value), shape);
        let mut again = value.clone();
        prop_assert!(REDACTOR.redact_json(&mut again).is_empty());
        prop_assert_eq!(again, value);
    }

    #[test]
    fn no_text_of_a_repository_makes_its_rules_panic(text in "\\PC{0,200}", regex in "[a-z{}()\\[\\]|.*+?0-9,\\\\]{0,40}") {
        let _ = RepositoryRules::parse(&text);
        let _ = RepositoryRules::parse(&format!("[[rule]]\nid = 'x'\nkeywords = ['abc']\nregex = '''abc{regex}'''\n[allow]\nregexes = ['''{regex}''']\n"));
    }
}

/// How many of what there are, at which depth.
fn shape_of(value: &Value) -> Vec<(usize, &'static str)> {
    fn walk(value: &Value, depth: usize, out: &mut Vec<(usize, &'static str)>) {
        match value {
            Value::Null => out.push((depth, "null")),
            Value::Bool(_) => out.push((depth, "bool")),
            Value::Number(_) => out.push((depth, "number")),
            Value::String(_) => out.push((depth, "string")),
            Value::Array(items) => {
                out.push((depth, "array"));
                items.iter().for_each(|item| walk(item, depth + 1, out));
            }
            Value::Object(members) => {
                out.push((depth, "object"));
                members.values().for_each(|member| walk(member, depth + 1, out));
            }
        }
    }
    let mut out = Vec::new();
    walk(value, 0, &mut out);
    // Keys that are redacted may stand in another order.
    out.sort_unstable();
    out
}

/// A megabyte of what is dear to search; a search that is not linear takes minutes.
#[test]
fn a_hostile_megabyte_takes_seconds_at_most() {
    let pieces = [
        "key=",
        "password token secret ",
        "curl -H x ",
        "-----BEGIN RSA PRIVATE KEY-----\nAAAAAAAAAAAAAAAAAAAA\n",
        "ey",
        "eyJ.",
        "s.",
        "SK",
        "sk-",
        "://a:",
        "lob",
        "kind: secret data:",
        "cookie: ",
        "mysql ",
        "docker login ",
        "bearer ",
        "authorization: bearer ",
        "test_key = \"",
        "A",
        ".",
        "\"d\":\"",
        "[redacted:",
        "[redacted:x:01234567]",
        "password=\"",
        "machine a password ",
        "token: &'static ",
        "echo aaaaaaaaa1| ",
        "api_key=a1b2c3d4e5f6g7h8;",
        "twitter = ",
        "Private-Lines: 1\nA\n",
        "facebook 123456789012345|",
        "nuget <add key=\"Password\" value=\"",
        "-b session=",
        "pypi-AgEIcHlwaS5vcmc",
        "ops_eyJ",
        "\\\"token\\\":\\\"",
    ];
    for piece in pieces {
        let text = piece.repeat((1 << 20) / piece.len());
        let start = Instant::now();
        let redacted = REDACTOR.redact(&text);
        let took = start.elapsed();
        if took > Duration::from_secs(1) {
            println!("{piece:?}: {took:.1?}, {} found", redacted.total());
        }
        assert!(took < Duration::from_secs(20), "{piece:?}: {took:?}");
    }
}
