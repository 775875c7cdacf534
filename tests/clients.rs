//! The real Claude Code and Codex at work, from their npm packages, under a scripted model: what they do lands in the
//! ledger, and what they may not do does not happen.
//!
//! Everything is read back from an exported trace that `auditotter verify` and `examples/verify.py` accept.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should stop where it stands"
)]

#[path = "clients/alice.rs"]
mod alice;
#[path = "clients/approval.rs"]
mod approval;
#[path = "clients/claude_code.rs"]
mod claude_code;
#[path = "clients/codex.rs"]
mod codex;
#[path = "clients/registration.rs"]
mod registration;
#[path = "clients/story.rs"]
mod story;
