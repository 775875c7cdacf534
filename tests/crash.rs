//! The hub is killed at random moments while agents write. Nothing that was acknowledged may be missing, and every
//! chain has to hold.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it stands"
)]

use std::{
    sync::{
        Arc, Condvar, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread,
};

use serde_json::json;
use testkit::{Home, StdioClient, home::Lending, program::PATIENCE};

/// How often the hub is killed; more with the environment variable.
const KILLS: usize = 200;
const KILLS_VARIABLE: &str = "AUDITOTTER_KILLS";

/// How many agents write at once.
const AGENTS: usize = 4;

/// Between two kills at most so many notes are acknowledged; how many exactly is drawn.
const MOST_NOTES_BETWEEN: u64 = 60;

/// How many notes were acknowledged by all agents, and who waits for more.
#[derive(Default)]
struct Acknowledged {
    count: Mutex<u64>,
    more: Condvar,
}

impl Acknowledged {
    fn one(&self) {
        *self.count.lock().unwrap() += 1;
        self.more.notify_all();
    }

    /// Waits for so many more than there are.
    fn wait_for(&self, more: u64) {
        let count = self.count.lock().unwrap();
        let wanted = *count + more;
        let waited = self
            .more
            .wait_timeout_while(count, PATIENCE, |count| *count < wanted)
            .unwrap();
        assert!(!waited.1.timed_out(), "the agents no longer get through to a hub");
    }
}

/// Draws numbers that depend on the seed alone, so that a failure can be run again (xorshift64).
struct Dice(u64);

impl Dice {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % limit
    }
}

#[test]
fn a_hub_that_is_killed_over_and_over_loses_nothing_that_it_acknowledged() {
    let kills = std::env::var(KILLS_VARIABLE).map_or(KILLS, |count| count.parse().unwrap());
    let home = Home::founded();
    home.lend(&Lending::to("claude-code"));
    let acknowledged = Arc::new(Acknowledged::default());
    let enough = Arc::new(AtomicBool::new(false));

    let agents: Vec<_> = (0..AGENTS)
        .map(|agent| {
            let mut client = StdioClient::claude_code(&mut home.auditotter_mcp(&[]));
            let (acknowledged, enough) = (Arc::clone(&acknowledged), Arc::clone(&enough));
            thread::spawn(move || {
                let mut notes: Vec<(u64, String)> = Vec::new();
                let mut unknown = 0_u64;
                let mut trace = None;
                for number in 0_u64.. {
                    if enough.load(Ordering::Relaxed) {
                        break;
                    }
                    let text = format!("agent {agent} note {number}");
                    let answer = client.call("append_trace_note", json!({ "text": text }));
                    if answer.is_error {
                        // The only error there may be: that it is not known whether this one was recorded.
                        assert!(answer.text.contains("unknown"), "{}", answer.text);
                        unknown += 1;
                        continue;
                    }
                    trace = Some(answer.structured["trace"].as_str().unwrap().parse().unwrap());
                    notes.push((answer.structured["seq"].as_u64().unwrap(), text));
                    acknowledged.one();
                }
                client.end();
                (trace, notes, unknown)
            })
        })
        .collect();

    let seed = u64::from(std::process::id()) | 1;
    let mut dice = Dice(seed);
    let mut killed = 0;
    while killed < kills {
        acknowledged.wait_for(dice.below(MOST_NOTES_BETWEEN) + 1);
        // A hub that is just starting may not be there to be killed yet.
        if home.kill_hub() {
            killed += 1;
        }
    }
    acknowledged.wait_for(1);
    enough.store(true, Ordering::Relaxed);

    let mut total = 0;
    // All of them first: reading the store stops the hub, and who still works would start the next.
    let agents: Vec<_> = agents.into_iter().map(|agent| agent.join().unwrap()).collect();
    for (trace, notes, unknown) in agents {
        let recorded = home.trace(trace.unwrap());
        for (seq, text) in &notes {
            let entry = &recorded[usize::try_from(*seq).unwrap()];
            assert_eq!(
                entry.kind, "note.appended",
                "seed {seed}: #{seq} should be {text}"
            );
            assert_eq!(entry.body["text"], json!(text), "seed {seed}: #{seq}");
        }
        // Asking anew after a broken connection never wrote anything twice.
        let mut texts: Vec<String> = recorded
            .iter()
            .filter(|entry| entry.kind == "note.appended")
            .map(|entry| entry.body["text"].to_string())
            .collect();
        let written = texts.len();
        texts.sort();
        texts.dedup();
        assert_eq!(texts.len(), written, "seed {seed}: a note was written twice");
        assert!(
            unknown <= kills as u64,
            "seed {seed}: {unknown} answers were lost"
        );
        total += notes.len();
    }
    let verified = home.run(&["trace", "verify"]).expect_success();
    assert_eq!(
        verified.lines().count(),
        AGENTS + 2,
        "every trace, the workspace and the ledger: {verified}"
    );
    eprintln!("{killed} kills, {total} notes acknowledged, none lost, none twice (seed {seed})");
}
