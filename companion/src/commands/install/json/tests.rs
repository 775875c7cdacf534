use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;

/// Files as people and programs leave them.
const SAMPLES: [&str; 20] = [
    "{}",
    "{ }",
    "{\n}\n",
    "{\n\n}",
    "{\"a\":1}",
    "{ \"a\": 1 }\n",
    "{\n  \"a\": 1\n}\n",
    "{\n\t\"a\": 1,\n\n\t\"b\": [ ]\n}",
    "{\r\n    \"a\": {\r\n        \"b\": []\r\n    }\r\n}\r\n",
    "{\n  \"a\": 1, // why\n  \"b\": 2 // why not\n}\n",
    "{\n  \"a\": 1,\n  // about nothing\n}\n",
    "{\n  \"a\": 1, // trailing\n}\n",
    "// first\n{\n  // only a remark\n}\n",
    "{ /* a */ \"a\" /* b */ : /* c */ 1 /* d */ , /* e */ }",
    "{ // to the end\n}",
    "{\"a\":1 // to the end\n}",
    "{\"a\":1,}",
    "{\"a\":\"//\", \"b\":\"/*,\"}",
    "{\n\"a\": 1\n}",
    "{\"a\": 1,\n \"b\": 2}",
];

#[test]
fn what_is_put_in_and_taken_out_leaves_every_byte() {
    for before in SAMPLES {
        let (with, blank) = append(before, &[], "\"ours\": [1]").unwrap();
        assert_eq!(
            value_at(&with, &[Step::Member("ours")]).unwrap(),
            Some(json!([1])),
            "{before:?}: {with:?}"
        );
        let after = remove(&with, &[], Step::Member("ours"), &blank.unwrap_or_default()).unwrap();
        assert_eq!(after, before, "{with:?}");
    }
}

#[test]
fn what_others_added_behind_it_stays() {
    for before in SAMPLES {
        let (with, blank) = append(before, &[], "\"ours\": [1]").unwrap();
        let (more, _) = append(&with, &[], "\"theirs\": 2").unwrap();
        let after = remove(&more, &[], Step::Member("ours"), &blank.unwrap_or_default()).unwrap();
        let mut expected = value_at(before, &[]).unwrap().unwrap();
        expected["theirs"] = json!(2);
        assert_eq!(
            value_at(&after, &[]).unwrap(),
            Some(expected),
            "{more:?}: {after:?}"
        );
    }
}

#[test]
fn it_looks_like_what_is_there() {
    let put = |text: &str| append(text, &[], "\"ours\": 1").unwrap().0;
    assert_eq!(put("{}"), "{\n  \"ours\": 1\n}");
    assert_eq!(put("{\"a\":1}"), "{\"a\":1,\"ours\": 1}");
    assert_eq!(put("{\n\t\"a\": 1\n}\n"), "{\n\t\"a\": 1,\n\t\"ours\": 1\n}\n");
    assert_eq!(
        put("{\r\n  \"a\": 1 // why\r\n}"),
        "{\r\n  \"a\": 1, // why\r\n  \"ours\": 1\r\n}"
    );
    let nested = append("{\n    \"a\": {}\n}", &[Step::Member("a")], "\"ours\": 1")
        .unwrap()
        .0;
    assert_eq!(nested, "{\n    \"a\": {\n        \"ours\": 1\n    }\n}");
}

#[test]
fn what_is_no_json_is_refused_with_its_place() {
    for (text, place) in [
        ("{\n  \"a\": 1\n  \"b\": 2\n}", "line 2"),
        ("{\"a\": }", "line 1"),
        ("{'a': 1}", "line 1"),
        ("{\"a\": 1", "line 1"),
        ("[", "line 1"),
    ] {
        let error = append(text, &[], "\"ours\": 1").unwrap_err().to_string();
        assert!(error.contains(place), "{text}: {error}");
    }
    let twice = value_at("{\"a\": 1, \"a\": 2}", &[Step::Member("a")]).unwrap_err();
    assert!(twice.to_string().contains("twice"), "{twice}");
}

/// Any JSON object.
fn object() -> impl Strategy<Value = Value> {
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<i64>().prop_map(Value::from),
        ".{0,8}".prop_map(Value::from),
    ];
    let any = leaf.prop_recursive(3, 20, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map(".{0,6}", inner, 0..4)
                .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>())),
        ]
    });
    prop::collection::btree_map("[a-z/*,{}\"]{0,6}", any, 0..5)
        .prop_map(|members| Value::from(members.into_iter().collect::<Map<_, _>>()))
}

proptest! {
    #[test]
    fn any_object_however_it_is_written_comes_back(object in object(), pretty: bool, crlf: bool, end in "[ \t\n]{0,3}") {
        let mut before = if pretty { serde_json::to_string_pretty(&object) } else { serde_json::to_string(&object) }.unwrap();
        before.push_str(&end);
        if crlf {
            before = before.replace('\n', "\r\n");
        }
        let (with, blank) = append(&before, &[], "\"OURS\": {}").unwrap();
        let (deep, _) = append(&with, &[Step::Member("OURS")], "\"x\": [2]").unwrap();
        let after = remove(&deep, &[], Step::Member("OURS"), &blank.unwrap_or_default()).unwrap();
        prop_assert_eq!(after, before);
    }
}
