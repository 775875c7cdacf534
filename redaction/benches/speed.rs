//! Searching a text for secrets, against one BLAKE3 digest of the same bytes: what recording them costs anyway.
//!
//! `cargo bench -p redaction`. The texts: this workspace's own sources as they are; a log as agents leave it, where every
//! fourth line has a keyword and none a secret; the same with a secret in every 500th line; and a megabyte of one hostile line.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that cannot go on stops"
)]

#[expect(dead_code, reason = "labels are for the test of recall")]
#[path = "../tests/corpus/samples.rs"]
mod samples;

use std::{
    hint::black_box,
    time::{Duration, Instant},
};

use redaction::Redactor;

const ROUNDS: usize = 15;
/// What has to be reached, in MB/s (10^6 bytes), on one core.
const AT_LEAST: f64 = 100.0;

fn main() {
    let start = Instant::now();
    let redactor = Redactor::built_in([1; 32]);
    println!(
        "all rules read and compiled, once a process: {:.1?}",
        start.elapsed()
    );
    let sources: String = samples::sources()
        .iter()
        .map(|source| source.text.as_str())
        .collect();
    let rows = [
        ("sources of this workspace", sources, true),
        ("log, keywords in every 4th line", log(0), true),
        ("the same, a secret in every 500th line", log(500), true),
        (
            "no keyword at all",
            "lorem ipsum dolor sit amet, 0123 ".repeat(60_000),
            true,
        ),
        ("one line of assignments", "key=".repeat(260_000), false),
        (
            "one line of names",
            "password token secret ".repeat(50_000),
            false,
        ),
        ("one line of curl", "curl -H x ".repeat(100_000), false),
        (
            "one line of beginnings",
            "-----BEGIN RSA PRIVATE KEY----- ".repeat(32_000),
            false,
        ),
    ];
    println!("| text | MB | MB/s | BLAKE3 MB/s | times BLAKE3 | at least MB/s |\n|---|---|---|---|---|---|");
    for (name, text, held) in rows {
        let (ours, baseline) = in_turns(
            if held { ROUNDS } else { 2 },
            || drop(black_box(redactor.redact(black_box(&text)))),
            || {
                black_box(blake3::hash(black_box(text.as_bytes())));
            },
        );
        let megabytes = f64::from(u32::try_from(text.len()).unwrap()) / 1e6;
        let speed = |time: Duration| megabytes / time.as_secs_f64();
        println!(
            "| {name} | {megabytes:.1} | {:.0} | {:.0} | {:.1} | {} |",
            speed(ours),
            speed(baseline),
            ours.as_secs_f64() / baseline.as_secs_f64(),
            if held {
                format!("{AT_LEAST:.0}")
            } else {
                "-".to_owned()
            },
        );
    }
}

/// The median of each, in turns, so that a busy machine slows both alike.
fn in_turns(rounds: usize, mut ours: impl FnMut(), mut baseline: impl FnMut()) -> (Duration, Duration) {
    let (mut a, mut b) = (Vec::new(), Vec::new());
    for round in 0..=rounds {
        for (action, times) in [(&mut ours as &mut dyn FnMut(), &mut a), (&mut baseline, &mut b)] {
            let start = Instant::now();
            action();
            if round > 0 {
                times.push(start.elapsed());
            }
        }
    }
    a.sort_unstable();
    b.sort_unstable();
    (a[a.len() / 2], b[b.len() / 2])
}

/// About 4 MB of what commands print; a secret in every so many lines, or none.
fn log(secret_every: usize) -> String {
    let mut draw = samples::Draw::new(3);
    let mut text = String::new();
    for line in 0..50_000 {
        if secret_every > 0 && line % secret_every == secret_every - 1 {
            text.push_str(&draw.fill("export API_TOKEN=ghp_{w36}\n"));
        }
        text.push_str(&draw.fill(match line % 16 {
            0 => "2026-01-01T12:00:{d2}Z INFO  server: request id={h16} path=/api/v1/items status=200 took={d2}ms\n",
            1 => "    Compiling serde_json v1.0.{d3}\n",
            2 => "test auth::tests::a_token_without_a_key_is_refused ... ok\n",
            3 => "        let response = client.get(&url).send().await?;\n",
            4 => "{h40} Read the password from the terminal, never from an argument\n",
            5 => "drwxr-xr-x  2 alice alice  4096 Jan  1 12:00 node_modules\n",
            6 => "warning: unused variable: `key` --> src/access.rs:{d3}:9\n",
            7 => "    at Object.<anonymous> (/app/dist/index.js:{d4}:{d2})\n",
            8 => "diff --git a/src/{l8}.rs b/src/{l8}.rs\n",
            9 => "+    pub fn new(path: &Path, size: usize) -> io::Result<Self>;\n",
            10 => "   \"resolved\": \"https://registry.npmjs.org/{l9}/-/{l9}-1.{d2}.0.tgz\",\n",
            11 => "GET https://example.org/assets/{w12}.css 304\n",
            12 => "# The quick brown fox jumps over the lazy dog, line {d5}.\n",
            13 => "\n",
            14 => "-        self.secret_len = config.secret_key.len(); // {d4}\n",
            _ => "        assert_eq!(found.len(), {d2}, \"what was found\");\n",
        }));
    }
    text
}
