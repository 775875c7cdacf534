//! The calls of a transcript that have not come to their end: an end names its call, and not what it was.

use std::collections::VecDeque;

use crate::event::Used;

/// How many are remembered; more are not under way at once.
const MOST: usize = 256;

/// How many bytes of inputs are remembered.
const MOST_BYTES: usize = 32 * 1024 * 1024;

/// The open calls, the newest last.
#[derive(Debug, Default)]
pub(super) struct Open {
    calls: VecDeque<(Used, usize)>,
    bytes: usize,
}

impl Open {
    pub(super) fn begin(&mut self, used: Used) {
        let size = used.input.to_string().len();
        self.bytes += size;
        self.calls.push_back((used, size));
        while self.calls.len() > MOST || self.bytes > MOST_BYTES {
            let Some((_, size)) = self.calls.pop_front() else {
                break;
            };
            self.bytes -= size;
        }
    }

    /// Whether it is open.
    pub(super) fn has(&self, id: &str) -> bool {
        self.calls
            .iter()
            .any(|(used, _)| used.call.as_deref() == Some(id))
    }

    pub(super) fn end(&mut self, id: &str) -> Option<Used> {
        let known = self
            .calls
            .iter()
            .rposition(|(used, _)| used.call.as_deref() == Some(id))?;
        let (used, size) = self.calls.remove(known)?;
        self.bytes -= size;
        Some(used)
    }
}
