//! Reading a home's ledger as it lies on disk, while no hub has it.

use trace_store::{BodyState, ChainId, OpenError, Store, Stored};
use vocabulary::TraceId;

use super::Home;
use crate::program::{self, PATIENCE};

impl Home {
    /// Every entry of a trace. Ends the hub first.
    ///
    /// # Panics
    /// Where the store is refused or the trace does not verify.
    #[must_use]
    pub fn trace(&self, trace: TraceId) -> Vec<Recorded> {
        self.chain(ChainId::Trace(trace))
    }

    /// Every entry of the workspace's own chain. Ends the hub first.
    ///
    /// # Panics
    /// Where the store is refused or the chain does not verify.
    #[must_use]
    pub fn workspace_chain(&self) -> Vec<Recorded> {
        self.chain(ChainId::Workspace(self.workspace()))
    }

    /// The traces of this home, in no order that means anything. Ends the hub first.
    ///
    /// # Panics
    /// Where the store is refused.
    #[must_use]
    pub fn traces(&self) -> Vec<TraceId> {
        let chains = self
            .store()
            .chains(None, usize::MAX)
            .expect("chains can be listed");
        let traces = chains.into_iter().filter_map(|summary| match summary.chain {
            ChainId::Trace(trace) => Some(trace),
            ChainId::Workspace(_) => None,
        });
        traces.collect()
    }

    fn chain(&self, chain: ChainId) -> Vec<Recorded> {
        let store = self.store();
        store.verify_chain(chain).expect("the chain holds");
        let entries = store
            .chain(chain, 0, usize::MAX - 1)
            .expect("the chain can be read");
        entries.into_iter().map(Recorded::from).collect()
    }

    fn store(&self) -> Store {
        self.stop_hub();
        let opened = program::until(PATIENCE, || {
            match Store::open(&self.layout().store(), self.workspace()) {
                // A process that another test is just starting holds a copy of our lock until it is exec'd.
                Err(OpenError::Locked { .. }) => None,
                opened => Some(opened.expect("the store opens")),
            }
        });
        opened.expect("the store's lock is let go of")
    }
}

/// An entry, as tests ask about it.
#[derive(Debug)]
pub struct Recorded {
    /// What it is.
    pub kind: String,
    /// What it says; null where it has no body.
    pub body: serde_json::Value,
    /// All of it.
    pub stored: Stored,
}

impl From<Stored> for Recorded {
    fn from(stored: Stored) -> Self {
        let body = match &stored.body {
            BodyState::Present(bytes) => serde_json::from_slice(bytes).expect("bodies are JSON"),
            BodyState::None | BodyState::Erased => serde_json::Value::Null,
        };
        Self {
            kind: stored.entry.kind.as_str().to_owned(),
            body,
            stored,
        }
    }
}
