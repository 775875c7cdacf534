//! Reading a home's ledger as it lies on disk, while no hub has it.

use std::convert::Infallible;

use hub::clock;
use time::Duration;
use trace_store::{
    BodyState, ChainId, CheckpointSigner, Config, Kind, Ledger, NewEntry, OpenError, Store, Stored, export,
};
use vocabulary::{Timestamp, TraceId};

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

    /// Adds so many entries to the ledger, in traces of a thousand, as the sessions of a long time would. Ends the hub
    /// first.
    ///
    /// # Panics
    /// Where the store is refused or cannot be written.
    pub fn fill(&self, entries: u64) {
        self.stop_hub();
        let config = Config {
            workspace: self.workspace(),
            clock: Box::new(clock::now),
            entropy: Box::new(|bytes| bytes.fill(7)),
        };
        let fold = |_: &Store| Ok::<_, Infallible>(());
        let ledger = Ledger::open(&self.layout().store(), config, fold).expect("the store opens");
        for number in 0..entries.div_ceil(1_000) {
            let chain = ChainId::Trace(TraceId::new(number, [9; 10]));
            let written = ledger.call(move |(), draft| {
                for _ in 0..1_000 {
                    let entry = NewEntry {
                        body: Some(br#"{"text":"Reading the session code first.","refs":[]}"#.to_vec()),
                        ..NewEntry::new(Kind::from_static("note.appended"))
                    };
                    draft.append(chain, entry).expect("an entry can be appended");
                }
            });
            written.expect("entries can be written");
        }
        ledger.close().expect("the store closes");
    }

    /// Appends to the ledger what no hub would, as whoever has a shell can: every hash fits, whatever it says. Ends the
    /// hub first.
    ///
    /// # Panics
    /// Where the store is refused.
    pub fn forge(&self, forged: Vec<(ChainId, NewEntry)>) {
        self.forge_now(|_| forged);
    }

    /// The same with what says of itself when it was written, at that very moment of the ledger's.
    ///
    /// # Panics
    /// Where the store is refused.
    pub fn forge_now(&self, forged: impl FnOnce(Timestamp) -> Vec<(ChainId, NewEntry)> + Send + 'static) {
        self.forge_in(Duration::ZERO, forged);
    }

    /// The same by a clock that is so far ahead. The ledger's time never goes back: whatever comes later is of later.
    ///
    /// # Panics
    /// Where the store is refused.
    pub fn forge_in(
        &self,
        ahead: Duration,
        forged: impl FnOnce(Timestamp) -> Vec<(ChainId, NewEntry)> + Send + 'static,
    ) {
        self.stop_hub();
        let opened = program::until(PATIENCE, || {
            let config = Config {
                workspace: self.workspace(),
                clock: Box::new(move || clock::now().saturating_add(ahead)),
                entropy: Box::new(|bytes| bytes.fill(7)),
            };
            match Ledger::open(&self.layout().store(), config, |_| Ok::<_, Infallible>(())) {
                Err(OpenError::Locked { .. }) => None,
                opened => Some(opened.expect("the store opens")),
            }
        });
        let ledger = opened.expect("the store's lock is let go of");
        let appended = ledger.call(move |(), draft| {
            forged(draft.now())
                .into_iter()
                .try_for_each(|(chain, entry)| draft.append(chain, entry).map(drop))
        });
        appended
            .expect("the forged entries are durable")
            .expect("the forged entries are appended");
        ledger.close().expect("the ledger closes");
    }

    /// Appends to the ledger as a session does, a few entries at a time. Ends the hub first.
    ///
    /// # Panics
    /// Where the store is refused.
    pub fn forge_bit_by_bit(&self, mut forged: Vec<(ChainId, NewEntry)>) {
        self.stop_hub();
        let config = Config {
            workspace: self.workspace(),
            clock: Box::new(clock::now),
            entropy: Box::new(|bytes| bytes.fill(7)),
        };
        let fold = |_: &Store| Ok::<_, Infallible>(());
        let ledger = Ledger::open(&self.layout().store(), config, fold).expect("the store opens");
        while !forged.is_empty() {
            let few: Vec<_> = forged.drain(..forged.len().min(4)).collect();
            let written = ledger.call(move |(), draft| {
                few.into_iter()
                    .try_for_each(|(chain, entry)| draft.append(chain, entry).map(drop))
            });
            written
                .expect("the forged entries are durable")
                .expect("the forged entries are appended");
        }
        ledger.close().expect("the ledger closes");
    }

    /// An export of a trace with these entries of the workspace's chain, and these earlier sizes of the ledger, under a checkpoint of a key of one's own. Ends
    /// the hub first.
    ///
    /// # Panics
    /// Where it cannot be written.
    #[must_use]
    pub fn forged_export(&self, trace: TraceId, context: &[u64], history: &[u64]) -> Vec<u8> {
        let chain = ChainId::Workspace(self.workspace());
        let context: Vec<_> = context.iter().map(|seq| (chain, *seq)).collect();
        self.forged_export_of(trace, &context, history)
    }

    /// The same with entries of any chain beside it.
    ///
    /// # Panics
    /// Where it cannot be written.
    #[must_use]
    pub fn forged_export_of(&self, trace: TraceId, context: &[(ChainId, u64)], history: &[u64]) -> Vec<u8> {
        let signer = CheckpointSigner::from_seed(self.workspace(), &[7; 32]);
        let mut written = Vec::new();
        export::write(&self.store(), trace, context, history, &signer, &mut written)
            .expect("it can be exported");
        written
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
