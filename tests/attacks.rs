//! What an agent with a shell, running as the same user, tries in order to have its work approved. Each fails, and
//! leaves an entry that says what was tried.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should stop where it stands"
)]

#[path = "attacks/closure.rs"]
mod closure;
#[path = "attacks/decisions.rs"]
mod decisions;
#[path = "attacks/evidence.rs"]
mod evidence;
#[path = "attacks/inbox.rs"]
mod inbox;
#[path = "attacks/landing.rs"]
mod landing;
#[path = "attacks/landing_inbox.rs"]
mod landing_inbox;
#[path = "attacks/lending.rs"]
mod lending;
#[path = "attacks/lifecycle.rs"]
mod lifecycle;
#[path = "attacks/members.rs"]
mod members;
#[path = "attacks/rollback.rs"]
mod rollback;
#[path = "attacks/touch.rs"]
mod touch;
#[path = "attacks/touch_key.rs"]
mod touch_key;
