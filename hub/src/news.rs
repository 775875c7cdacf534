//! Who waits is told that something changed, and looks again.

use tokio::sync::watch;
use trace_store::{CommitError, Draft, Ledger};

use crate::{serve, workspace::Workspace};

/// Tells those who wait. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct News {
    decided: watch::Sender<()>,
    changed: watch::Sender<()>,
    taken_back: watch::Sender<u64>,
}

impl News {
    /// Somebody decided, and it is durable.
    pub(crate) fn decided(&self) {
        self.decided.send_replace(());
        self.changed();
    }

    /// Something is otherwise in the workspace, and it is durable.
    pub(crate) fn changed(&self) {
        self.changed.send_replace(());
    }

    /// Runs a job on the ledger's thread as [`serve::run`] does, and tells who looks where it changed something.
    ///
    /// # Errors
    /// Where it is not recorded.
    pub(crate) async fn run<T: Send + 'static>(
        &self,
        ledger: &Ledger<Workspace>,
        job: impl FnOnce(&mut Workspace, &mut Draft<'_>) -> T + Send + 'static,
    ) -> Result<T, CommitError> {
        let ran = serve::run(ledger, |workspace, draft| {
            let done = job(workspace, draft);
            (done, draft.changes_something())
        });
        let (done, changed) = ran.await?;
        if changed {
            self.changed();
        }
        Ok(done)
    }

    /// Something that was lent is taken back. Told before it is durable: whoever hears it asks the ledger.
    pub(crate) fn taken_back(&self) {
        self.taken_back.send_modify(|times| *times += 1);
    }

    /// How often something was taken back: who was let in before that is to be asked of the ledger again.
    pub(crate) fn times_taken_back(&self) -> u64 {
        *self.taken_back.borrow()
    }

    /// Changes whenever something is taken back.
    pub(crate) fn takings(&self) -> watch::Receiver<u64> {
        self.taken_back.subscribe()
    }

    /// Changes with each decision.
    pub(crate) fn decisions(&self) -> watch::Receiver<()> {
        self.decided.subscribe()
    }

    /// Changes with whatever the workspace's own chain says anew.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }
}
