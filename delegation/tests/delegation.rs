//! What the delegation room promises, asked through its public API and attacked with tokens written by hand.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on says where"
)]

mod attacks;
mod chain;
mod documented;
mod forge;
mod hostile;
mod laws;
mod mutations;
mod roundtrip;
mod standing;
mod threads;
mod traps;
mod world;
