//! A busy machine: no good call is refused because others run.

use std::{thread, time::Instant};

use delegation::{AgentVerb, Revocations};
use vocabulary::Timestamp;

use crate::world::{self, plain};

const THREADS: u64 = 16;
const CALLS: u64 = 1_000_000;

#[test]
fn a_million_calls_under_sixteen_threads_are_all_authorized() {
    let start = Instant::now();
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            thread::spawn(|| {
                let (token, holder) = (world::verified(), world::holder().public());
                let revoked = Revocations::default();
                let operation = plain(AgentVerb::AppendTraceNote);
                let mut done = 0_u64;
                for call in 0..CALLS / THREADS {
                    // Each a little earlier than the one before: no answer holds for an earlier time, so that
                    // each is the Datalog's own.
                    let now = Timestamp::from_unix_micros(world::at(1).unix_micros() - call).unwrap();
                    let asked = token.authorize(&operation, world::session_id(), &holder, now, &revoked);
                    assert!(asked.is_ok(), "{asked:?}");
                    done += 1;
                }
                done
            })
        })
        .collect();
    let done: u64 = threads.into_iter().map(|thread| thread.join().unwrap()).sum();
    assert_eq!(done, CALLS);
    let took = start.elapsed();
    eprintln!("{CALLS} calls by {THREADS} threads in {took:.1?}");
}
