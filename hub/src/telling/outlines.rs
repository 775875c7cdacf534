//! Outlines of the traces that were looked at lately. A trace only grows, so an outline is gone on with where it ends; only where a body was
//! erased it is made anew, for it may hold what is gone.

use std::{
    collections::HashMap,
    sync::{Arc, Mutex, PoisonError},
};

use trace_store::{ReadError, Store};
use vocabulary::TraceId;

use super::Outline;

/// How many are kept, and how much they weigh together.
const MOST: usize = 128;
const MOST_WEIGHT: usize = 500_000;

/// Outlines. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outlines(Arc<Mutex<Kept>>);

#[derive(Debug, Default)]
struct Kept {
    /// With how long ago each was asked for, in questions.
    known: HashMap<TraceId, (Arc<Outline>, u64)>,
    asked: u64,
    /// How often something was erased.
    erasures: u64,
}

impl Outlines {
    /// The outline of a trace as it stands. Reads what was recorded since it was asked for last; blocks meanwhile.
    pub(crate) fn of(&self, store: &Store, trace: TraceId) -> Result<Arc<Outline>, ReadError> {
        let (known, erasures) = {
            let mut kept = self.kept();
            kept.asked += 1;
            let asked = kept.asked;
            let known = kept.known.get_mut(&trace).map(|(outline, last)| {
                *last = asked;
                Arc::clone(outline)
            });
            (known.unwrap_or_default(), kept.erasures)
        };
        let standing = store.head(trace_store::ChainId::Trace(trace))?;
        if standing.is_none_or(|head| head.next_seq == known.entries) {
            return Ok(known);
        }
        let mut outline = Outline::clone(&known);
        outline.go_on(store, trace)?;
        let outline = Arc::new(outline);
        let mut kept = self.kept();
        // What was read while something was erased may hold it.
        if kept.erasures == erasures {
            let asked = kept.asked;
            kept.known.insert(trace, (Arc::clone(&outline), asked));
            kept.shrink();
        }
        drop(kept);
        Ok(outline)
    }

    /// Something of a trace was erased.
    pub(crate) fn forget(&self, trace: TraceId) {
        let mut kept = self.kept();
        kept.erasures += 1;
        kept.known.remove(&trace);
    }

    fn kept(&self) -> std::sync::MutexGuard<'_, Kept> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Kept {
    fn shrink(&mut self) {
        let weight = |known: &HashMap<TraceId, (Arc<Outline>, u64)>| -> usize {
            known.values().map(|(outline, _)| outline.weight()).sum()
        };
        while self.known.len() > MOST || (self.known.len() > 1 && weight(&self.known) > MOST_WEIGHT) {
            let oldest = self.known.iter().min_by_key(|(_, (_, asked))| *asked);
            let Some(oldest) = oldest.map(|(trace, _)| *trace) else {
                return;
            };
            self.known.remove(&oldest);
        }
    }
}
