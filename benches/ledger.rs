//! The ledger: durable appends against raw file appends, verifying against hashing, and growth to a million entries.
//!
//! `cargo bench -p benches --bench ledger`, with `-- quick` for a hundredth of the entries.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that cannot measure has nothing to return, and prints what it measured"
)]

use std::{
    convert::Infallible,
    fs::File,
    io::{self, BufRead as _, BufReader, Write as _},
    path::Path,
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use benches::{Amount, Row, in_turns, percentile, print, resident, timed};
use trace_store::{BodyState, ChainId, Config, Kind, Ledger, NewEntry, Refs, Salt, SaltedBody, Store, Via};
use vocabulary::{DelegationId, MemberId, Timestamp, TraceId, WorkspaceId};

const BODY: usize = 1024;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if let Some(position) = arguments.iter().position(|argument| argument == "idle") {
        return idle(Path::new(&arguments[position + 1]));
    }
    let quick = arguments.iter().any(|argument| argument == "quick");
    let mut rows = Vec::new();
    for (writers, each, name, at_most) in [
        (
            1,
            10_000,
            "durable appends, 1 KiB bodies, 1 writer (time; at most 1/0.7)",
            1.0 / 0.7,
        ),
        (
            64,
            1_000,
            "durable appends, 1 KiB bodies, 64 writers (time; at most 1/0.5)",
            2.0,
        ),
    ] {
        let each = if quick { each / 10 } else { each };
        let dir = tempfile::tempdir().unwrap();
        let ledger = open(dir.path());
        let (raw, raw_thread) = raw_writer(File::create(dir.path().join("raw")).unwrap());
        let (ours, baseline) = in_turns(
            9,
            || appends(&ledger, writers, each),
            || raw_appends(&raw, writers, each),
        );
        ledger.close().unwrap();
        drop(raw);
        raw_thread.join().unwrap();
        let rate = |time: Duration| f64::from(writers * each) / time.as_secs_f64();
        println!(
            "{writers} writers: ours {:.0}/s, raw {:.0}/s",
            rate(ours),
            rate(baseline)
        );
        rows.push(Row {
            name: name.into(),
            ours: ours.into(),
            baseline: baseline.into(),
            at_most,
        });
    }
    verifying(if quick { 10_000 } else { 200_000 }, &mut rows);
    growth(if quick { 10_000 } else { 1_000_000 }, &mut rows);
    print(&rows);
}

fn workspace() -> WorkspaceId {
    WorkspaceId::new(1, [1; 10])
}

fn trace(number: u8) -> TraceId {
    TraceId::new(2, [number; 10])
}

fn open(dir: &Path) -> Ledger<()> {
    let config = Config {
        workspace: workspace(),
        clock: Box::new(|| {
            let now = std::time::UNIX_EPOCH.elapsed().unwrap();
            Timestamp::from_unix_micros(now.as_micros().try_into().unwrap()).unwrap()
        }),
        entropy: Box::new(|bytes| getrandom::fill(bytes).unwrap()),
    };
    Ledger::open(dir, config, |_: &Store| Ok::<_, Infallible>(())).unwrap()
}

/// What a traced tool call looks like; whoever brings it has committed to its body.
fn call() -> (NewEntry, SaltedBody) {
    let mut salt = [0; Salt::LEN];
    getrandom::fill(&mut salt).unwrap();
    let body = SaltedBody::new(Salt::from_bytes(salt), vec![7; BODY]);
    let entry = NewEntry {
        kind: Kind::from_static("tool.called"),
        on_behalf_of: Some(MemberId::new(3, [3; 10])),
        via: Some(Via::new("claude-code", Some("2.1.197"), Some("se-1")).unwrap()),
        delegation: Some(DelegationId::new(4, [4; 10])),
        refs: Refs::new().with("tool", "append_trace_note").unwrap(),
        body: None,
    };
    (entry, body)
}

fn in_parallel(writers: u32, work: impl Fn(u8) + Sync) {
    thread::scope(|scope| {
        for writer in 0..writers {
            let work = &work;
            scope.spawn(move || work(u8::try_from(writer).unwrap()));
        }
    });
}

fn appends(ledger: &Ledger<()>, writers: u32, each: u32) {
    in_parallel(writers, |writer| {
        for _ in 0..each {
            let (entry, body) = call();
            ledger
                .call(move |(), draft| draft.append_salted(trace(writer), entry, body).unwrap())
                .unwrap();
        }
    });
}

type Record = (Vec<u8>, mpsc::SyncSender<()>);

/// The same thread and channels as the ledger's, with a plain file.
fn raw_writer(mut file: File) -> (mpsc::Sender<Record>, thread::JoinHandle<()>) {
    let (sender, inbox) = mpsc::channel::<Record>();
    let writer = thread::spawn(move || {
        let mut buffer = Vec::new();
        while let Ok(first) = inbox.recv() {
            let batch: Vec<_> = std::iter::once(first).chain(inbox.try_iter()).collect();
            buffer.clear();
            batch
                .iter()
                .for_each(|(record, _)| buffer.extend_from_slice(record));
            file.write_all(&buffer).unwrap();
            file.sync_data().unwrap();
            batch.into_iter().for_each(|(_, done)| done.send(()).unwrap());
        }
    });
    (sender, writer)
}

fn raw_appends(sender: &mpsc::Sender<Record>, writers: u32, each: u32) {
    in_parallel(writers, |_| {
        for _ in 0..each {
            let (done, wait) = mpsc::sync_channel(1);
            sender.send((vec![7; BODY], done)).unwrap();
            wait.recv().unwrap();
        }
    });
}

/// Appends this many entries to one chain, without waiting for each.
fn fill(ledger: &Ledger<()>, chain: TraceId, count: u64) {
    let (done, wait) = mpsc::channel();
    let mut flying = 0;
    for _ in 0..count {
        let (done, (entry, body)) = (done.clone(), call());
        ledger
            .submit(
                move |(), draft| draft.append_salted(chain, entry, body).unwrap().index,
                move |result| done.send(result.unwrap()).unwrap(),
            )
            .unwrap();
        flying += 1;
        while flying > 256 {
            wait.recv().unwrap();
            flying -= 1;
        }
    }
    while flying > 0 {
        wait.recv().unwrap();
        flying -= 1;
    }
}

fn verifying(count: u64, rows: &mut Vec<Row>) {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(dir.path());
    let chain = trace(1);
    fill(&ledger, chain, count);
    let store = ledger.store();
    let stored = store
        .chain(ChainId::Trace(chain), 0, usize::try_from(count).unwrap())
        .unwrap();
    let hash_alone = || {
        for entry in &stored {
            std::hint::black_box(blake3::hash(&entry.bytes));
            if let BodyState::Present(body) = &entry.body {
                std::hint::black_box(blake3::hash(body));
            }
        }
    };
    let verify = || assert_eq!(store.verify_chain(chain.into()).unwrap().entries, count);
    let (ours, baseline) = in_turns(5, verify, hash_alone);
    println!("verify: {:.0} entries/s", count as f64 / ours.as_secs_f64());
    rows.push(Row {
        name: "verify a chain, bodies included, against blake3 alone over the same bytes".into(),
        ours: ours.into(),
        baseline: baseline.into(),
        at_most: 3.0,
    });
    rows.push(Row {
        name: "verify a chain, against 300,000 entries/s".into(),
        ours: ours.into(),
        baseline: Duration::from_secs_f64(count as f64 / 300_000.0).into(),
        at_most: 1.0,
    });
}

fn growth(count: u64, rows: &mut Vec<Row>) {
    let dir = tempfile::tempdir().unwrap();
    let (mut small, mut large) = (Vec::new(), Vec::new());
    let mut figures = Vec::new();
    for (target, samples) in [(1_000, &mut small), (count, &mut large)] {
        let ledger = open(dir.path());
        let missing = target - ledger.store().len();
        // 32 chains, as of as many sessions.
        for chain in 0..32 {
            fill(&ledger, trace(chain), missing / 32);
        }
        for _ in 0..3_000 {
            samples.push(timed(|| {
                let (entry, body) = call();
                ledger
                    .call(|(), draft| draft.append_salted(trace(99), entry, body).unwrap())
                    .unwrap();
            }));
        }
        ledger.close().unwrap();
        let figure = idle_figures(dir.path());
        println!(
            "{target} entries: append p50 {:?}, p99 {:?}; opened in {:?}, idle at {}",
            percentile(samples, 0.5),
            percentile(samples, 0.99),
            figure.opened,
            figure.resident
        );
        figures.push(figure);
    }
    rows.push(Row {
        name: "append p99 at 1,000,000 entries, against 1,000".into(),
        ours: percentile(&mut large, 0.99).into(),
        baseline: percentile(&mut small, 0.99).into(),
        at_most: 1.5,
    });
    if let [small, large] = figures.as_slice() {
        rows.push(Row {
            name: "resident memory of the store at 1,000,000 entries, against 1,000".into(),
            ours: large.resident,
            baseline: small.resident,
            at_most: 1.5,
        });
        rows.push(Row {
            name: "opening, against 100 ms".into(),
            ours: large.opened.into(),
            baseline: Duration::from_millis(100).into(),
            at_most: 1.0,
        });
    }
}

struct Figures {
    opened: Duration,
    resident: Amount,
}

/// Opening a store and idling, in a process of its own so that nothing else is counted.
fn idle_figures(dir: &Path) -> Figures {
    let mut process = Command::new(std::env::current_exe().unwrap())
        .arg("idle")
        .arg(dir)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut opened = String::new();
    BufReader::new(process.stdout.take().unwrap())
        .read_line(&mut opened)
        .unwrap();
    let resident = resident(process.id()).unwrap();
    drop(process.stdin.take());
    process.wait().unwrap();
    Figures {
        opened: Duration::from_micros(opened.trim().parse().unwrap()),
        resident,
    }
}

/// Says how long opening took, in microseconds, and idles until its stdin is closed.
fn idle(dir: &Path) {
    let start = Instant::now();
    let ledger = open(dir);
    let opened = start.elapsed();
    let (entry, body) = call();
    ledger
        .call(|(), draft| draft.append_salted(trace(99), entry, body).unwrap())
        .unwrap();
    println!("{}", opened.as_micros());
    io::copy(&mut io::stdin(), &mut io::sink()).unwrap();
}
