//! How long one judgement takes, from a tool's input to the verdict: `cargo run --release -p gate --example pace`.

use std::{hint::black_box, path::Path, time::Instant};

use gate::{ApprovedItem, ApprovedWork, Found, Lent, Policy, Surroundings, effect_of, judge};
use serde_json::json;
use vocabulary::{Risk, WorkItemId};

#[expect(clippy::unwrap_used, reason = "its own paths parse")]
fn main() {
    const ROUNDS: usize = 500;
    let items = (0..10_000u64).map(|number| ApprovedItem {
        id: WorkItemId::new(number, [0; 10]),
        paths: [
            format!("src/module{number}/**"),
            format!("docs/{number}.md"),
            "src/shared/**".to_owned(),
        ]
        .iter()
        .map(|path| path.parse().unwrap())
        .collect(),
        risk: Risk::Medium,
    });
    let begun = Instant::now();
    let approved = ApprovedWork::new(items);
    eprintln!("10,000 work items arranged in {:?}, once", begun.elapsed());
    let look = |path: &Path| match path.read_link() {
        Ok(to) => Found::Link(to),
        Err(_) if path.is_dir() => Found::Folder,
        Err(_) => Found::Other,
    };
    let around = Surroundings {
        root: Path::new("/home/alice/shop"),
        cwd: Path::new("/home/alice/shop"),
        home: Some(Path::new("/home/alice")),
        own_home: None,
        look: &look,
    };
    let lent = Lent {
        covers: &|_| true,
        ceiling: Risk::Critical,
    };
    let policy = Policy::default();
    let deep = format!("{}rm src/a;{}", "{ ".repeat(20), " };".repeat(20));
    for (name, command) in [
        (
            "reading",
            "cd src && rg -n 'fn main' . | sort | uniq -c | head -20".to_owned(),
        ),
        ("one target", "touch src/module77/a/b/c.rs".to_owned()),
        ("shared by all", "touch src/shared/a.rs".to_owned()),
        (
            "here-document of 8 KiB",
            format!(
                "cat > src/module77/a.rs <<'EOF'\n{}EOF\n",
                "let x = (1, 2);\n".repeat(512)
            ),
        ),
        ("60 KiB of words", format!("cat {}", "a/b ".repeat(15_000))),
        (
            "800 targets",
            format!(
                "touch{}",
                (0..800).map(|n| format!(" src/shared/{n}")).collect::<String>()
            ),
        ),
        ("not told", "cargo test --workspace".to_owned()),
        ("nested", deep),
        ("hostile parentheses", "(".repeat(60_000)),
    ] {
        let input = json!({ "command": command });
        let mut times: Vec<_> = (0..ROUNDS)
            .map(|_| {
                let begun = Instant::now();
                let effect = effect_of("Bash", black_box(&input), &around, &policy);
                black_box(judge(&effect, &lent, &approved, &|_| Risk::Medium));
                begun.elapsed()
            })
            .collect();
        times.sort();
        eprintln!(
            "{name}: p50 {:?}, p99 {:?}",
            times[ROUNDS / 2],
            times[ROUNDS * 99 / 100]
        );
    }
}
