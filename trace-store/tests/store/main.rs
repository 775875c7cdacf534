//! The store and its exports, as they behave on a real disk: damaged, cut short, killed, full.

#![expect(clippy::unwrap_used, reason = "a test that cannot be set up has failed")]

mod atomic;
mod crash;
mod damage;
mod disk_full;
mod export;
mod fixture;
mod golden;
mod opening;
