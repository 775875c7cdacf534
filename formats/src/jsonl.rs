//! One line of JSON for each entry, with its body in place.

use std::io::{self, Write};

use serde::Serialize;
use serde_json::{Value, value::RawValue};
use trace_store::{BodyState, export::VerifiedEntry};

/// Writes one line of JSON for each entry: `index`, `hash`, `entry`, and `body`, `text` or `erased`.
#[derive(Debug)]
pub struct Jsonl<W> {
    out: W,
}

#[derive(Serialize)]
struct Line<'e> {
    index: u64,
    hash: String,
    entry: &'e RawValue,
    #[serde(skip_serializing_if = "Option::is_none")]
    body: Option<Value>,
    #[serde(skip_serializing_if = "Option::is_none")]
    text: Option<String>,
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    erased: bool,
}

impl<W: Write> Jsonl<W> {
    /// Writes there.
    pub const fn new(out: W) -> Self {
        Self { out }
    }

    /// Writes the line of the entry that comes next.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn take(&mut self, entry: &VerifiedEntry) -> io::Result<()> {
        let canonical = str::from_utf8(&entry.bytes).map_err(io::Error::other)?;
        let mut line = Line {
            index: entry.index,
            hash: entry.hash.to_string(),
            entry: serde_json::from_str(canonical).map_err(io::Error::from)?,
            body: None,
            text: None,
            erased: false,
        };
        match &entry.body {
            BodyState::None => {}
            BodyState::Erased => line.erased = true,
            // Written anew: what was recorded may have line ends of its own in it.
            BodyState::Present(bytes) => match serde_json::from_slice(bytes) {
                Ok(body) => line.body = Some(body),
                Err(_) => line.text = Some(String::from_utf8_lossy(bytes).into_owned()),
            },
        }
        serde_json::to_writer(&mut self.out, &line)?;
        self.out.write_all(b"\n")
    }

    /// Ends it.
    ///
    /// # Errors
    /// Where it cannot be written.
    pub fn finish(mut self) -> io::Result<()> {
        self.out.flush()
    }
}
