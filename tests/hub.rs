//! The hub as a process: starting by itself, being the only one, ending, being killed, and being lied to.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should stop where it stands"
)]

#[path = "hub/disk.rs"]
mod disk;
#[path = "hub/forged.rs"]
mod forged;
#[path = "hub/killed.rs"]
mod killed;
#[path = "hub/life.rs"]
mod life;
#[path = "hub/spool.rs"]
mod spool;
#[path = "hub/strangers.rs"]
mod strangers;
#[path = "hub/wire.rs"]
mod wire;

/// How many of a trace's entries are of this kind.
fn count(trace: &[testkit::home::Recorded], kind: &str) -> usize {
    trace.iter().filter(|recorded| recorded.kind == kind).count()
}
