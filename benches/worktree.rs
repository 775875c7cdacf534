//! How soon what changed in a working tree is on record: from the end of a turn until the change that no hook told stands in the
//! trace, against `git status` in the same tree.
//!
//! `cargo build --release && cargo bench -p benches --bench worktree`, with `-- quick` for a hundredth of the files.

#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot measure has nothing to return"
)]

use std::{fs, path::Path, time::Duration};

use benches::{Row, print, samples_in_turns};
use hub::companion::{CompanionRequest, TraceRow};
use serde_json::{Value, json};
use testkit::{
    Home,
    program::{PATIENCE, until},
};

const TURNS: usize = 20;

fn main() {
    let quick = std::env::args().any(|argument| argument == "quick");
    let sizes = [10_000, 50_000].map(|files| if quick { files / 100 } else { files });
    let rows: Vec<Row> = sizes.into_iter().map(measured).collect();
    print(&rows);
}

fn measured(files: usize) -> Row {
    let home = Home::lent();
    let repository = home.repository();
    for number in 0..files {
        let folder = repository.folder.join(format!("src/{}", number / 100));
        if number % 100 == 0 {
            fs::create_dir_all(&folder).unwrap();
        }
        let text = format!("// {number}\n").repeat(400);
        fs::write(folder.join(format!("{number}.rs")), text).unwrap();
    }
    let _ = repository.git(&["add", "."]);
    let alice = ["-c", "user.name=Alice", "-c", "user.email=alice@example.org"];
    let begin = ["commit", "--quiet", "--message", "Begin"];
    let _ = repository.git(&[&alice[..], &begin].concat());
    let folder = repository.folder.as_path();
    tell(&home, folder, "SessionStart", &json!({ "source": "startup" }));
    until(PATIENCE, || {
        let log = fs::read_to_string(home.layout().log()).unwrap_or_default();
        log.contains("a working tree is watched").then_some(())
    })
    .unwrap();
    let mut turn = 0;
    let (mut ours, mut git) = samples_in_turns(
        TURNS,
        || {
            turn += 1;
            fs::write(folder.join("src/0/0.rs"), format!("// turn {turn}\n")).unwrap();
            let before = entries(&home);
            tell(&home, folder, "Stop", &json!({}));
            // The turn's end, and what changed.
            until(PATIENCE, || (entries(&home) >= before + 2).then_some(())).unwrap();
        },
        || {
            let _ = repository.git(&["status", "--porcelain"]);
        },
    );
    let median = |samples: &mut [Duration]| benches::percentile(samples, 0.5);
    Row {
        name: format!("an unrecorded change of {files} files on record after a turn, against `git status`")
            .into(),
        ours: median(&mut ours).into(),
        baseline: median(&mut git).into(),
        at_most: 10.0,
    }
}

/// How many entries the only trace has.
fn entries(home: &Home) -> u64 {
    let rows: Vec<TraceRow> = home.ask(&CompanionRequest::Traces { limit: 10 });
    rows.iter().map(|row| row.entries).sum()
}

fn tell(home: &Home, folder: &Path, name: &str, more: &Value) {
    let mut event = json!({ "session_id": "s1", "hook_event_name": name, "cwd": folder });
    let members = event.as_object_mut().unwrap();
    members.extend(more.as_object().unwrap().clone());
    let ran = home.hook("claude-code", &event.to_string());
    assert_eq!(
        (ran.code, &*ran.stdout, &*ran.stderr),
        (Some(0), "", ""),
        "{event}"
    );
}
