//! What people do in a browser: a real one, with a passkey device made of software.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it stands"
)]

#[path = "browser/inbox.rs"]
mod inbox;
#[path = "browser/landing.rs"]
mod landing;
#[path = "browser/looks.rs"]
mod looks;
#[path = "browser/telling.rs"]
mod telling;
#[path = "browser/touch.rs"]
mod touch;
