//! `auditotter` as people meet it: at a terminal, in a pipe, and where something is wrong.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it stands"
)]

#[path = "companion/deciding.rs"]
mod deciding;
#[path = "companion/doctor.rs"]
mod doctor;
#[path = "companion/high_risk.rs"]
mod high_risk;
#[path = "companion/landing.rs"]
mod landing;
#[path = "companion/passphrase.rs"]
mod passphrase;
#[path = "companion/progress.rs"]
mod progress;
#[path = "companion/reading.rs"]
mod reading;
#[path = "companion/touch_key.rs"]
mod touch_key;

use serde_json::Value;
use testkit::Home;

/// A command's JSON, where it succeeded.
fn json_of(home: &Home, arguments: &[&str]) -> Value {
    serde_json::from_str(&home.run(arguments).expect_success()).unwrap()
}
