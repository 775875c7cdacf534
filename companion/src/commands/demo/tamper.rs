//! What somebody would do who wants the record to say something else.

use anyhow::Context as _;
use base64::{Engine as _, engine::general_purpose::STANDARD};
use serde_json::Value;

/// Changes one word in the body of the agent's note and leaves everything else as it was, byte for byte.
pub(super) fn change_a_word(export: &str) -> anyhow::Result<String> {
    let mut lines: Vec<String> = export.lines().map(str::to_owned).collect();
    for line in &mut lines {
        let Ok(parsed) = serde_json::from_str::<Value>(line) else {
            continue;
        };
        let is_note = parsed
            .get("entry")
            .and_then(Value::as_str)
            .is_some_and(|entry| entry.contains("note.appended"));
        let Some(encoded) = parsed
            .pointer("/body/bytes")
            .and_then(Value::as_str)
            .filter(|_| is_note)
        else {
            continue;
        };
        let body = String::from_utf8(STANDARD.decode(encoded)?)?;
        let forged = STANDARD.encode(body.replacen("must", "need", 1));
        *line = line.replacen(encoded, &forged, 1);
        return Ok(lines.join("\n") + "\n");
    }
    Err(anyhow::anyhow!("no note")).context("the export holds nothing to tamper with")
}
