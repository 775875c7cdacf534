//! A trace in the formats of others, as the two binaries record and write it.

use std::{fs, os::unix::fs::PermissionsExt as _};

use serde_json::{Value, json};

use crate::Shop;

/// A trace in a format: what was said about it, and its lines.
fn exported(shop: &Shop, name: &str, more: &[&str]) -> (String, Vec<Value>) {
    let file = shop.home.file(name);
    let file = file.to_str().unwrap();
    let told = shop
        .auditotter(&[&["trace", "export", &shop.trace, "-o", file], more].concat())
        .expect_success();
    assert_eq!(fs::metadata(file).unwrap().permissions().mode() & 0o777, 0o600);
    let text = fs::read_to_string(file).unwrap();
    (
        told,
        text.lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect(),
    )
}

fn recorded() -> Shop {
    let shop = Shop::open();
    shop.tells(
        "UserPromptSubmit",
        json!({ "prompt": "Fix the reset bug", "prompt_id": "p1" }),
    );
    shop.writes("src/reset.rs", "fn reset() {\n    token();\n}\n", "t1", "p1");
    shop.git(&["add", "."]);
    shop.agent(&["commit", "--quiet", "-m", "Fix the reset"]);
    shop.writes("src/later.rs", "fn later() {}\n", "t2", "p1");
    shop
}

#[test]
fn every_entry_is_a_line_of_json() {
    let shop = recorded();
    let (told, lines) = exported(&shop, "all.jsonl", &["--format", "jsonl"]);
    assert!(told.contains("cannot be verified itself"), "{told}");
    let shown: Value = serde_json::from_str(
        &shop
            .auditotter(&["trace", "show", &shop.trace, "--json"])
            .expect_success(),
    )
    .unwrap();
    let chain = shown["chain"].as_array().unwrap();
    assert_eq!(lines.len(), chain.len());
    for (line, entry) in lines.iter().zip(chain) {
        assert_eq!(
            (&line["hash"], &line["body"], &line["entry"]["kind"]),
            (&entry["hash"], &entry["body"], &entry["kind"])
        );
    }
}

#[test]
fn a_session_is_a_tree_of_spans_and_what_was_said_is_in_it_only_if_asked_for() {
    let shop = recorded();
    let (_, lines) = exported(&shop, "spans.jsonl", &["--format", "otel"]);
    let spans = lines[0]["resourceSpans"][0]["scopeSpans"][0]["spans"]
        .as_array()
        .unwrap();
    let names: Vec<&str> = spans.iter().map(|span| span["name"].as_str().unwrap()).collect();
    assert_eq!(
        names,
        [
            "execute_tool Write",
            "execute_tool Write",
            "invoke_agent claude-code"
        ]
    );
    assert_eq!(spans[0]["parentSpanId"], spans[2]["spanId"]);
    assert!(!lines[0].to_string().contains("Fix the reset bug"));
    let (_, lines) = exported(&shop, "content.jsonl", &["--format", "otel", "--with-content"]);
    assert!(lines[0].to_string().contains("Fix the reset bug"));
}

#[test]
fn an_edit_has_a_revision_where_git_has_exactly_what_it_left() {
    let shop = recorded();
    let folder = shop.folder();
    let (_, lines) = exported(
        &shop,
        "here.jsonl",
        &["--format", "agent-trace", "--repo", folder.to_str().unwrap()],
    );
    let head = shop.git(&["rev-parse", "HEAD"]);
    let [committed, later] = lines.as_slice() else {
        unreachable!("{lines:?}")
    };
    assert_eq!(
        committed["vcs"],
        json!({ "type": "git", "revision": head.trim() })
    );
    assert_eq!(committed["files"][0]["path"], "src/reset.rs");
    let conversation = &committed["files"][0]["conversations"][0];
    assert_eq!(
        (
            &conversation["ranges"][0]["start_line"],
            &conversation["ranges"][0]["end_line"]
        ),
        (&json!(1), &json!(3))
    );
    assert_eq!(
        conversation["contributor"],
        json!({ "type": "ai", "model_id": "anthropic/claude-opus-5-5" })
    );
    assert_eq!(later["vcs"], Value::Null, "it is in no commit");
    let nowhere = shop.home.user();
    let other = shop.auditotter(&[
        "trace",
        "export",
        &shop.trace,
        "--format",
        "agent-trace",
        "--repo",
        nowhere.to_str().unwrap(),
        "-o",
        "x",
    ]);
    assert_eq!(other.code, Some(1), "{other:?}");
    assert!(!folder.join("x").exists());
}

#[test]
fn what_makes_no_sense_is_refused_and_leaves_nothing() {
    let shop = recorded();
    for arguments in [
        &["--format", "jsonl", "--with-content"][..],
        &["--format", "otel", "--repo", "."],
        &["--format", "xml"],
    ] {
        let ran = shop.auditotter(&[&["trace", "export", &shop.trace, "-o", "out"], arguments].concat());
        assert!(matches!(ran.code, Some(1 | 2)), "{ran:?}");
        assert!(!shop.folder().join("out").exists());
    }
    let unknown = shop.auditotter(&[
        "trace",
        "export",
        "tr_00000000000000000000000000",
        "--format",
        "jsonl",
        "-o",
        "out",
    ]);
    assert_eq!(unknown.code, Some(1));
    let left = fs::read_dir(shop.folder()).unwrap();
    assert!(
        !left
            .map(|entry| entry.unwrap().file_name())
            .any(|name| name.to_string_lossy().starts_with(".tmp"))
    );
}
