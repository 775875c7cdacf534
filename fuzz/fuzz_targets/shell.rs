//! No command makes the gate panic, hang or overflow its stack, and none becomes less by standing in a group. Seed with shell scripts.
#![no_main]

use std::path::Path;

use gate::{Effect, Found, Policy, Surroundings, What, effect_of};
use libfuzzer_sys::fuzz_target;
use serde_json::json;

fn judged(command: &str) -> Effect {
    let around = Surroundings {
        root: Path::new("/home/alice/shop"),
        cwd: Path::new("/home/alice/shop"),
        home: Some(Path::new("/home/alice")),
        own_home: Some(Path::new("/home/alice/.local/share/auditotter")),
        look: &|_| Found::Other,
    };
    effect_of("Bash", &json!({ "command": command }), &around, &Policy::default())
}

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let alone = judged(text);
    let grouped = judged(&format!("{{ {text}\n}}"));
    let anywhere = grouped.changes().iter().any(|change| change.what == What::Anywhere);
    // A backslash at the end would take the newline with it, and a brace would end the group: that is another command.
    let stands_alone = !text.ends_with('\\') && !text.contains('}');
    if text.len() < 60_000 && !anywhere && stands_alone {
        for change in alone.changes() {
            assert!(grouped.changes().iter().any(|other| other.what == change.what), "{text:?}");
        }
    }
});
