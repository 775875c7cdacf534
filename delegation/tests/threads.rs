//! A busy machine: no good call is refused because others run.

use std::{
    sync::{Arc, Mutex},
    thread,
    time::Instant,
};

use delegation::{AgentVerb, Revocations, TokenCache};

use crate::world::{self, plain};

const THREADS: u64 = 16;
const CALLS: u64 = 1_000_000;

#[test]
fn a_million_calls_under_sixteen_threads_are_all_authorized() {
    let cache = Arc::new(Mutex::new(TokenCache::new(64)));
    let start = Instant::now();
    let threads: Vec<_> = (0..THREADS)
        .map(|_| {
            let cache = Arc::clone(&cache);
            thread::spawn(move || {
                let (keyring, session, holder) =
                    (world::keyring(), world::session(), world::holder().public());
                let revoked = Revocations::default();
                let operation = plain(AgentVerb::AppendTraceNote);
                let mut done = 0_u64;
                for _ in 0..CALLS / THREADS {
                    let token = cache.lock().unwrap().verify(session.as_str(), &keyring).unwrap();
                    let asked =
                        token.authorize(&operation, world::session_id(), &holder, world::at(0), &revoked);
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
