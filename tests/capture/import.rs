//! `auditotter import`: the real clients' own records, taken in after the fact.

use std::fs;

use serde_json::Value;
use testkit::{Home, clients::repository_root, export::Export};

const FILES: [(&str, &str); 5] = [
    ("claude-code", "claude-code"),
    ("claude-code-subagent", "claude-code"),
    ("codex", "codex"),
    ("codex-code-mode", "codex"),
    ("codex-subagent", "codex"),
];

/// A copy of one of them, in a session of its own where another has the same.
fn copied(home: &Home, name: &str) -> String {
    let path = repository_root().join(format!("capture/tests/transcripts/{name}.jsonl"));
    let mut text = fs::read_to_string(path).unwrap();
    if name == "codex-code-mode" {
        text = text.replace(
            "01900000-0000-7000-8000-000000000001",
            "01900000-0000-7000-8000-00000000000c",
        );
    }
    let copy = home.file(&format!("{name}.jsonl"));
    fs::write(&copy, text).unwrap();
    copy.to_str().unwrap().to_owned()
}

fn imported(home: &Home, arguments: &[&str]) -> Value {
    let said = home
        .run(&[&["import", "--json"], arguments].concat())
        .expect_success();
    serde_json::from_str(&said).unwrap()
}

fn export_of(home: &Home, trace: &Value) -> Export {
    let export = Export::of(home, trace.as_str().unwrap());
    let _ = export.verified_by_us().expect_success();
    if let Some(judged) = export.verified_by_python() {
        let _ = judged.expect_success();
    }
    export
}

#[test]
fn every_real_transcript_becomes_a_trace_that_says_that_nobody_proved_it() {
    let home = Home::founded();
    for (name, client) in FILES {
        let file = copied(&home, name);
        let first = imported(&home, &[&file]);
        assert_eq!(first["already"], false, "{name}");
        let export = export_of(&home, &first["id"]);
        let kinds = export.kinds();
        assert_eq!(
            (kinds[0], kinds[kinds.len() - 1]),
            ("session.imported", "import.ended"),
            "{name}"
        );
        let begin = &export.trace[0].body;
        assert_eq!(begin["client"], client);
        let digest = blake3::hash(&fs::read(&file).unwrap()).to_hex().to_string();
        assert_eq!(begin["digest"], digest);
        assert_eq!(export.trace[export.trace.len() - 1].body["digest"], digest);
        assert_eq!(
            export.of_kind("prompt").len(),
            if name == "claude-code" { 4 } else { 1 },
            "{name}"
        );
        assert!(!export.of_kind("model.answered").is_empty(), "{name}");
        for entry in &export.trace {
            assert!(entry.entry.get("on_behalf_of").is_none(), "{entry:#?}");
            assert!(entry.entry.get("delegation").is_none(), "{entry:#?}");
            let told = !["session.imported", "import.ended", "transcript.read"].contains(&&*entry.kind);
            assert_eq!(told, entry.entry["refs"]["claimed_at"].is_string(), "{entry:#?}");
        }
        // The same file again adds nothing, under whatever name.
        let other = home.file("other.jsonl");
        fs::copy(&file, &other).unwrap();
        let again = imported(&home, &[other.to_str().unwrap(), "--client", client]);
        assert_eq!(
            (&again["id"], &again["already"]),
            (&first["id"], &Value::Bool(true)),
            "{name}"
        );
        assert_eq!(export_of(&home, &first["id"]).trace.len(), export.trace.len());
    }
    let listed = home.run(&["trace", "list"]).expect_success();
    assert_eq!(
        listed.matches("imported, nobody proved it").count(),
        FILES.len(),
        "{listed}"
    );
    let _ = home.run(&["trace", "verify"]).expect_success();
}

#[test]
fn a_file_that_has_grown_is_gone_on_with_and_one_that_was_changed_is_refused() {
    let home = Home::founded();
    let file = copied(&home, "codex");
    let whole = fs::read_to_string(&file).unwrap();
    let begin: String = whole.split_inclusive('\n').take(40).collect();
    fs::write(&file, &begin).unwrap();
    let first = imported(&home, &[&file]);
    let before = export_of(&home, &first["id"]);
    fs::write(&file, &whole).unwrap();
    assert!(home.kill_hub());
    let grown = imported(&home, &[&file]);
    assert_eq!(grown["id"], first["id"]);
    let export = export_of(&home, &first["id"]);
    assert_eq!(export.of_kind("import.ended").len(), 2);
    let at_once = Home::founded();
    let all = imported(&at_once, &[&copied(&at_once, "codex")]);
    let said = |export: &Export| -> Vec<Value> {
        let told = export
            .trace
            .iter()
            .filter(|entry| entry.entry["refs"]["claimed_at"].is_string());
        told.map(|entry| entry.body.clone()).collect()
    };
    assert_eq!(said(&export), said(&export_of(&at_once, &all["id"])));
    assert!(before.trace.len() < export.trace.len());
    for changed in [whole.replacen("apples", "pears_", 1), begin] {
        fs::write(&file, changed).unwrap();
        let ran = home.run(&["import", &file]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(ran.stderr.contains("it was changed since"), "{ran:?}");
    }
    assert_eq!(export_of(&home, &first["id"]).trace.len(), export.trace.len());
}

#[test]
fn what_is_no_transcript_is_refused_and_leaves_nothing() {
    let home = Home::founded();
    let file = home.file("diary.jsonl");
    for text in ["", "Dear diary\n", "{\"type\":\"diary\"}\n"] {
        fs::write(&file, text).unwrap();
        let ran = home.run(&["import", file.to_str().unwrap()]);
        assert_eq!(ran.code, Some(1), "{ran:?}");
        assert!(
            ran.stderr.contains("no record of a session that is known"),
            "{ran:?}"
        );
    }
    for none in ["/dev/zero", home.user().to_str().unwrap()] {
        assert_eq!(home.run(&["import", none]).code, Some(1), "{none}");
    }
    assert!(home.traces().is_empty());
}

#[test]
fn secrets_are_cleared_of_what_is_imported() {
    let home = Home::founded();
    let file = copied(&home, "codex");
    let secret = "postgres://alice:tr0ub4dor@db.example.org/app";
    let text = fs::read_to_string(&file)
        .unwrap()
        .replace("All done in the shop.", secret);
    fs::write(&file, text).unwrap();
    let trace = imported(&home, &[&file]);
    let export = export_of(&home, &trace["id"]);
    for entry in &export.trace {
        assert!(!entry.body.to_string().contains("tr0ub4dor"), "{entry:#?}");
    }
}
