//! What is known of a trace's calls, as far as there is room.

use std::collections::HashMap;

/// Of how many calls it is known what became of them; no session makes more.
const MOST: usize = 100_000;

/// What is known of a call.
#[derive(Debug, Clone, Copy, Default)]
pub(crate) struct Fate {
    /// Whether it stands in the trace that it was made.
    pub(crate) called: bool,
    /// Whether something else than a transcript says so.
    pub(crate) announced: bool,
    /// Whether its end stands there.
    pub(crate) ended: bool,
}

/// What is known of each call. A client may call one whatever it likes, at length: a digest of that is kept.
#[derive(Debug)]
pub(crate) struct Fates {
    known: HashMap<[u8; 16], Fate>,
    most: usize,
}

impl Default for Fates {
    fn default() -> Self {
        Self::of_most(MOST)
    }
}

impl Fates {
    /// Those of at most so many.
    pub(super) fn of_most(most: usize) -> Self {
        Self {
            known: HashMap::new(),
            most,
        }
    }

    /// What is known of a call.
    pub(crate) fn of(&self, call: &str) -> Fate {
        self.known.get(&name(call)).copied().unwrap_or_default()
    }

    /// The same, to be changed; nothing, where there is no room for it.
    pub(crate) fn of_mut(&mut self, call: &str) -> Option<&mut Fate> {
        self.has_room_for(call)
            .then(|| self.known.entry(name(call)).or_default())
    }

    /// Whether it is remembered, or can be.
    pub(crate) fn has_room_for(&self, call: &str) -> bool {
        self.known.len() < self.most || self.known.contains_key(&name(call))
    }

    #[cfg(test)]
    pub(super) fn len(&self) -> usize {
        self.known.len()
    }
}

fn name(call: &str) -> [u8; 16] {
    let mut name = [0; 16];
    blake3::Hasher::new()
        .update(call.as_bytes())
        .finalize_xof()
        .fill(&mut name);
    name
}
