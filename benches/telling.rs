//! How soon somebody reads a long session: its page, its replay, and whether it holds.
//!
//! `cargo build --release && cargo bench -p benches --bench telling`, with `-- quick` for a hundredth of the steps.

#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot measure has nothing to return"
)]

use std::{
    io::{BufRead as _, BufReader},
    process::Stdio,
    time::{Duration, Instant},
};

use benches::{Row, percentile, print, timed};
use hub::companion::{CompanionRequest, VerifiedChain};
use testkit::{Home, Visitor};
use vocabulary::TraceId;

const LOOKS: usize = 200;
const REPLAYS: usize = 50;

fn main() {
    let quick = std::env::args().any(|argument| argument == "quick");
    let steps = if quick { 100 } else { 10_000 };
    let home = Home::lent();
    let bob = home.bob();
    let trace = home.forge_a_long_session(steps);
    let served = home.serve();
    let visitor = Visitor::logged_in(&served, &bob.device);
    let middle = format!("?from={}", steps / 100 * 100);
    let mut rows = Vec::new();
    let first = timed(|| look(&visitor, trace, ""));
    rows.push(row(
        format!("trace page, {steps} steps, nobody looked before"),
        first,
        200,
    ));
    for (what, query) in [
        ("trace page", ""),
        ("the same in the middle", middle.as_str()),
        (
            "what was done to one file",
            "?file=/home/alice/shop/src/tenant_7/mail.rs",
        ),
        ("at a moment", "?at=23:59"),
    ] {
        let mut samples: Vec<Duration> = (0..LOOKS)
            .map(|_| timed(|| look(&visitor, trace, query)))
            .collect();
        both(&mut rows, &format!("{what}, {steps} steps"), &mut samples, 200);
    }
    let mut samples: Vec<Duration> = (0..REPLAYS).map(|_| replayed(&home, trace)).collect();
    both(
        &mut rows,
        "`trace replay`, from its start to its second line",
        &mut samples,
        50,
    );
    let mut samples: Vec<Duration> = (0..REPLAYS).map(|_| timed(|| verify(&home, trace))).collect();
    both(
        &mut rows,
        &format!("verify the trace, {steps} steps"),
        &mut samples,
        100,
    );
    print(&rows);
}

fn row(name: String, ours: Duration, millis: u64) -> Row {
    Row {
        name: name.into(),
        ours: ours.into(),
        baseline: Duration::from_millis(millis).into(),
        at_most: 1.0,
    }
}

fn both(rows: &mut Vec<Row>, name: &str, samples: &mut [Duration], millis: u64) {
    for (share, called) in [(0.5, "p50"), (0.99, "p99")] {
        rows.push(row(
            format!("{name}, {called}, against {millis} ms"),
            percentile(samples, share),
            millis,
        ));
    }
}

fn look(visitor: &Visitor, trace: TraceId, query: &str) {
    let answer = visitor.get(&format!("/t/{trace}{query}"));
    assert_eq!(answer.status, 200, "{answer:?}");
    assert!(answer.text.contains("✓ verified"));
}

/// The first line says whose session it is; the second is the first of the session itself.
fn replayed(home: &Home, trace: TraceId) -> Duration {
    let mut command = home.auditotter(&["trace", "replay", &trace.to_string()]);
    let started = Instant::now();
    let mut replay = command.stdout(Stdio::piped()).spawn().unwrap();
    let mut lines = BufReader::new(replay.stdout.take().unwrap()).lines();
    let _whose = lines.next().unwrap().unwrap();
    let line = lines
        .by_ref()
        .map(Result::unwrap)
        .find(|line| !line.is_empty())
        .unwrap();
    let took = started.elapsed();
    assert!(line.contains("tenant 0"), "{line}");
    drop(lines);
    replay.wait().unwrap();
    took
}

fn verify(home: &Home, trace: TraceId) {
    let chains: Vec<VerifiedChain> = home.ask(&CompanionRequest::Verify { trace: Some(trace) });
    assert!(chains.iter().all(|chain| chain.holds));
}
