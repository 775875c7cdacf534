//! `auditotter import`: the real clients' own records, taken in after the fact.

use std::{
    fs,
    io::Write as _,
    path::{Path, PathBuf},
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use testkit::{Home, Terminal, clients::repository_root, export::Export};

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

/// A record of so many megabytes: one of a real session over and over, each call under a name of its own.
fn long(home: &Home, name: &str, megabytes: usize) -> PathBuf {
    let kept = repository_root().join(format!("capture/tests/transcripts/{name}.jsonl"));
    let text = fs::read_to_string(kept).unwrap();
    let path = home.file("long.jsonl");
    let mut file = fs::File::create(&path).unwrap();
    let (mut written, mut number) = (0, 0);
    while written < megabytes * 1_000_000 {
        let again = text.replace("toolu_", &format!("toolu_{number}_"));
        let again = again.replace("call_", &format!("call_{number}_"));
        file.write_all(again.as_bytes()).unwrap();
        (written, number) = (written + again.len(), number + 1);
    }
    path
}

/// The most memory that a process ever had, in kB.
fn peak_of(pid: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    peak.unwrap().trim().trim_end_matches(" kB").parse().unwrap()
}

#[test]
fn a_long_record_takes_hardly_more_memory_than_a_short_one() {
    for (name, another) in [("claude-code", "codex"), ("codex", "claude-code")] {
        let home = Home::founded();
        let _ = imported(&home, &[&copied(&home, another)]);
        let hub = home.hub().unwrap();
        let before = peak_of(hub);
        let file = long(&home, name, 40);
        let _ = imported(&home, &[file.to_str().unwrap()]);
        assert_eq!(home.hub(), Some(hub));
        let more = peak_of(hub).saturating_sub(before);
        assert!(more < 32 * 1024, "{name}: the hub took {more} kB more for 40 MB");
    }
}

/// What every entry of a trace says, apart from whose it is.
fn said(export: &Export) -> Vec<(String, Value, Value)> {
    let entries = export.trace.iter();
    entries
        .map(|entry| {
            (
                entry.kind.clone(),
                entry.entry["refs"].clone(),
                entry.body.clone(),
            )
        })
        .collect()
}

/// A person's terminal says what it is.
fn at_a_terminal(home: &Home, arguments: &[&str]) -> Terminal {
    let mut command = home.auditotter(arguments);
    command.env("TERM", "xterm-256color");
    Terminal::start(command)
}

#[test]
fn an_import_that_is_interrupted_leaves_the_terminal_clean_and_goes_on_where_it_stopped() {
    let home = Home::founded();
    let file = long(&home, "codex", 5);
    let file = file.to_str().unwrap();
    let mut terminal = at_a_terminal(&home, &["import", file]);
    // It is on its way.
    terminal.expect("MiB of ");
    let hub = Pid::from_raw(home.hub().unwrap().try_into().unwrap()).unwrap();
    kill_process(hub, Signal::STOP).unwrap();
    // Nothing more is acknowledged from here on.
    terminal.enter("\u{3}");
    let (code, shown) = terminal.end();
    kill_process(hub, Signal::CONT).unwrap();
    assert_eq!(code, Some(130), "{shown}");
    let bar = shown.rfind("MiB of ").unwrap();
    assert!(
        shown[bar..].contains("\u{1b}[2K"),
        "the bar is left behind: {shown:?}"
    );
    assert!(!shown.contains("\u{1b}[?25l"), "the cursor is hidden: {shown:?}");
    let trace = home.traces()[0].to_string();
    let broken_off = Export::of(&home, &trace);
    assert_eq!(broken_off.of_kind("import.ended").len(), 0);
    assert!(!broken_off.of_kind("transcript.read").is_empty());

    let whole = imported(&home, &[file]);
    assert_eq!((&whole["id"], &whole["already"]), (&json!(trace), &json!(false)));
    let export = Export::of(&home, whole["id"].as_str().unwrap());
    let _ = export.verified_by_us().expect_success();
    assert!(
        said(&export).starts_with(&said(&broken_off)),
        "what was acknowledged stands"
    );
    let at_once = Home::founded();
    let other = at_once.file("long.jsonl");
    fs::copy(file, &other).unwrap();
    let all = imported(&at_once, &[other.to_str().unwrap()]);
    let at_once = Export::of(&at_once, all["id"].as_str().unwrap());
    assert!(
        said(&export) == said(&at_once),
        "it says something else than what is imported at once"
    );
}

#[test]
fn how_far_an_import_is_shows_on_a_terminal_and_nowhere_else() {
    let home = Home::founded();
    let file = long(&home, "codex", 3);
    let file = file.to_str().unwrap();
    let (code, shown) = at_a_terminal(&home, &["import", file]).end();
    assert_eq!(code, Some(0), "{shown}");
    assert!(shown.contains("MiB, ") && shown.contains(" left"), "{shown:?}");
    assert!(shown.contains("Imported "), "{shown:?}");
    for (terminal, arguments) in [
        (true, &["import", "--json", file][..]),
        (false, &["import", file]),
    ] {
        let home = Home::founded();
        let (code, shown) = if terminal {
            at_a_terminal(&home, arguments).end()
        } else {
            let ran = home.run(arguments);
            (ran.code, ran.stdout + &ran.stderr)
        };
        assert_eq!(code, Some(0), "{shown}");
        assert!(!shown.contains(" left") && !shown.contains('\u{1b}'), "{shown:?}");
    }
}

/// A session whose client worked in a folder, and said a word there that only its repository knows as a secret.
fn worked_in(home: &Home, folder: &Path) -> PathBuf {
    let line = |more: &Value| {
        let mut line = json!({
            "sessionId": "00000000-0000-4000-8000-000000000001", "timestamp": "2026-11-21T14:16:49.162Z",
            "promptId": "00000000-0000-4000-8000-000000000002", "cwd": folder,
        });
        let members = line.as_object_mut().unwrap();
        members.extend(more.as_object().unwrap().clone());
        format!("{line}\n")
    };
    let asked = line(&json!({
        "type": "user", "uuid": "1", "message": { "role": "user", "content": "Open it with otter-4711-4711" },
    }));
    let said = "It opens with otter-4711-4711, not with postgres://alice:tr0ub4dor@db.example.org/app";
    let answered = line(&json!({
        "type": "assistant", "uuid": "2", "message": {
            "id": "m1", "model": "claude-opus-5-5", "usage": { "input_tokens": 1, "output_tokens": 2 },
            "content": [{ "type": "text", "text": said }],
        },
    }));
    let path = home.file("worked.jsonl");
    fs::write(&path, asked + &answered).unwrap();
    path
}

const RULES: &str = "[[rule]]\nid = \"otter\"\nregex = 'otter-[0-9]{4}-[0-9]{4}'\nkeywords = [\"otter-\"]\n";

#[test]
fn a_repository_s_own_secrets_are_cleared_of_what_was_said_in_it() {
    let home = Home::founded();
    let repository = home.repository();
    fs::create_dir(repository.folder.join(".auditotter")).unwrap();
    fs::write(repository.folder.join(".auditotter/redact.toml"), RULES).unwrap();
    let below = repository.folder.join("src");
    fs::create_dir(&below).unwrap();
    let file = worked_in(&home, &below);
    let ran = home.run(&["import", file.to_str().unwrap()]);
    assert_eq!((ran.code, &*ran.stderr), (Some(0), ""));
    let export = export_of(&home, &json!(home.traces()[0].to_string()));
    let answered = &export.of_kind("model.answered")[0].body;
    assert_eq!(
        answered["redacted"],
        json!({ "repository/otter": 1, "url-password": 1 })
    );
    for entry in &export.trace {
        assert!(!entry.body.to_string().contains("4711"), "{entry:#?}");
    }
}

#[test]
fn what_a_repository_knows_as_a_secret_stays_one_when_the_client_works_elsewhere() {
    let home = Home::founded();
    let repository = home.repository();
    fs::create_dir(repository.folder.join(".auditotter")).unwrap();
    fs::write(repository.folder.join(".auditotter/redact.toml"), RULES).unwrap();
    let file = worked_in(&home, &repository.folder);
    let lines = fs::read_to_string(&file).unwrap();
    let (asked, answered) = lines.split_once('\n').unwrap();
    let of_another = json!({ "type": "system", "sessionId": "another", "cwd": home.file("of another") });
    let gone = home.file("gone");
    let left = answered.replace(repository.folder.to_str().unwrap(), gone.to_str().unwrap());
    // It broke off before it left: what it goes on with is read anew.
    fs::write(&file, format!("{asked}\n{of_another}\n")).unwrap();
    assert_eq!(home.run(&["import", file.to_str().unwrap()]).code, Some(0));
    fs::write(&file, format!("{asked}\n{of_another}\n{left}")).unwrap();
    let ran = home.run(&["import", file.to_str().unwrap(), "--json"]);
    let told: Value = serde_json::from_str(&ran.expect_success()).unwrap();
    assert_eq!(told["gone"], json!([gone]));
    let export = export_of(&home, &json!(home.traces()[0].to_string()));
    let answered = &export.of_kind("model.answered")[0].body;
    assert_eq!(answered["redacted"]["repository/otter"], 1, "{answered:#}");
    for entry in &export.trace {
        assert!(!entry.body.to_string().contains("4711"), "{entry:#?}");
    }
}

#[test]
fn where_the_folder_is_gone_the_built_in_rules_hold_and_that_is_said() {
    let home = Home::founded();
    let gone = home.file("gone");
    let file = worked_in(&home, &gone);
    let ran = home.run(&["import", file.to_str().unwrap()]);
    assert_eq!(ran.code, Some(0), "{ran:?}");
    assert!(
        ran.stderr.contains(gone.to_str().unwrap()) && ran.stderr.contains("built in only"),
        "{ran:?}"
    );
    let export = export_of(&home, &json!(home.traces()[0].to_string()));
    let answered = &export.of_kind("model.answered")[0].body;
    assert_eq!(answered["redacted"], json!({ "url-password": 1 }));
    let prompt = &export.of_kind("prompt")[0].body["text"];
    assert_eq!(prompt, "Open it with otter-4711-4711");
}

/// A line of Claude Code's in which so many tools are called.
fn calls(many: usize) -> String {
    let used = (0..many)
        .map(|number| json!({ "type": "tool_use", "id": format!("t{number}"), "name": "Read", "input": {} }));
    let line = json!({
        "type": "assistant", "uuid": "2", "timestamp": "2026-11-21T14:16:49.162Z",
        "sessionId": "00000000-0000-4000-8000-000000000001",
        "message": { "id": "m1", "model": "claude-opus-5-5", "content": used.collect::<Vec<_>>() },
    });
    format!("{line}\n")
}

#[test]
fn a_line_that_says_more_than_a_batch_takes_is_cut_and_what_comes_after_it_is_read() {
    let home = Home::founded();
    let file = worked_in(&home, &home.user());
    let (line, after) = (calls(70_000), fs::read_to_string(&file).unwrap());
    fs::write(&file, format!("{line}{after}")).unwrap();
    let trace = imported(&home, &[file.to_str().unwrap()]);
    let export = Export::of(&home, trace["id"].as_str().unwrap());
    let _ = export.verified_by_us().expect_success();
    assert_eq!(export.of_kind("tool.called").len(), 1_000);
    let gaps: Vec<&Value> = export
        .of_kind("capture.gap")
        .into_iter()
        .map(|gap| &gap.body)
        .collect();
    assert_eq!(
        gaps,
        [&json!({ "line_cut": { "end": line.len(), "entries": 69_000 } })]
    );
    assert_eq!(export.of_kind("model.answered").len(), 1);
    assert_eq!(export.of_kind("import.ended").len(), 1);
}
