//! Who waits is told that something changed, and looks again.

use tokio::sync::watch;

/// Tells those who wait. Cheap to clone.
#[derive(Debug, Clone, Default)]
pub(crate) struct News {
    decided: watch::Sender<()>,
    changed: watch::Sender<()>,
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

    /// Changes with each decision.
    pub(crate) fn decisions(&self) -> watch::Receiver<()> {
        self.decided.subscribe()
    }

    /// Changes with whatever the workspace's own chain says anew.
    pub(crate) fn changes(&self) -> watch::Receiver<()> {
        self.changed.subscribe()
    }
}
