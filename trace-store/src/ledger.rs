//! The one writer: jobs run in order on one thread, and those that arrive while a commit is being made
//! durable share the next one.

mod draft;
mod writer;

use std::{
    error::Error,
    fmt,
    path::Path,
    sync::{
        Arc, Mutex, PoisonError,
        mpsc::{self, Sender},
    },
    thread::JoinHandle,
};

use vocabulary::{Timestamp, WorkspaceId};

pub use draft::{AppendError, Appended, Draft, EraseError};

use crate::{OpenError, Store};
use writer::{Job, Message, Writer};

/// The system's clock.
pub type Clock = Box<dyn Fn() -> Timestamp + Send>;
/// Fills bytes with randomness from which salts are made.
pub type Entropy = Box<dyn FnMut(&mut [u8]) + Send>;

/// What a ledger needs from outside.
pub struct Config {
    /// The workspace that the ledger must belong to.
    pub workspace: WorkspaceId,
    /// The system's clock; the ledger's own never goes backwards, whatever this one does.
    pub clock: Clock,
    /// Where salts come from.
    pub entropy: Entropy,
}

/// Handle to a ledger's one writer thread, and to the state `S` that it owns. Cheap to clone.
///
/// The thread ends when [`Ledger::close`] is called or the last handle is dropped.
pub struct Ledger<S> {
    store: Store,
    jobs: Sender<Message<S>>,
    thread: Arc<Mutex<Option<Thread>>>,
}

type Thread = JoinHandle<Result<(), LedgerError>>;

/// Why a job's appends are not in the ledger. None of them is, and the state is as if the job had not run.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitError {
    /// The ledger could not be written. The next job is tried again.
    #[error("nothing was recorded: {0}")]
    Storage(Arc<str>),
    /// The ledger is out of use until it is opened again.
    #[error("nothing was recorded, and nothing will be until the ledger is opened again: {0}")]
    Refused(LedgerError),
    /// The job panicked.
    #[error("nothing was recorded: the request failed unexpectedly")]
    Panicked,
    /// The ledger was closed before the job ran.
    #[error("nothing was recorded: the ledger is closed")]
    Closed,
}

/// Why a ledger accepts nothing more until it is opened again.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LedgerError {
    /// What is on disk is unknown since a commit failed.
    #[error("{0}")]
    Storage(Arc<str>),
    /// The state could not be rebuilt after a commit failed.
    #[error("the state could not be rebuilt from the ledger: {0}")]
    Fold(Arc<str>),
    /// The writer thread panicked.
    #[error("the ledger's thread failed unexpectedly")]
    Panicked,
}

/// The ledger was closed: the job was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ledger is closed")]
pub struct Closed;

impl<S: Send + 'static> Ledger<S> {
    /// Opens the store in this folder, rebuilds the state with `fold`, and starts the writer thread.
    ///
    /// `fold` is called again whenever a commit fails, for jobs change the state before their entries are durable.
    ///
    /// # Errors
    /// [`OpenError`] when the store cannot be opened, `fold` fails, or no thread can be started.
    pub fn open<E>(
        dir: &Path,
        config: Config,
        fold: impl Fn(&Store) -> Result<S, E> + Send + 'static,
    ) -> Result<Self, OpenError>
    where
        E: Error + Send + Sync + 'static,
    {
        let store = Store::open(dir, config.workspace)?;
        let state = fold(&store).map_err(|error| OpenError::Fold(Box::new(error)))?;
        let fold = move |store: &Store| fold(store).map_err(|error| error.to_string());
        let (jobs, inbox) = mpsc::channel();
        let writer = Writer::new(store.clone(), config, state, Box::new(fold));
        let thread = std::thread::Builder::new()
            .name("ledger".to_owned())
            .spawn(move || writer.run(&inbox))
            .map_err(OpenError::Thread)?;
        Ok(Self {
            store,
            jobs,
            thread: Arc::new(Mutex::new(Some(thread))),
        })
    }

    /// Has the writer thread run a job, and then `done` with what it returned, once everything that the job
    /// appended is durable.
    ///
    /// Jobs run in the order in which they were submitted. A job may read and change the state; it sees what
    /// earlier jobs did, durable or not, which is why a job that appends nothing is done together with the
    /// batch it ran in (at once, where that has appended nothing). When the commit fails, `done` gets the error
    /// for every job of the batch, and the state is rebuilt. `done` must be quick: everything waits for it.
    ///
    /// # Errors
    /// [`Closed`] when the ledger is closed; `done` is called with [`CommitError::Closed`] then, too.
    pub fn submit<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S, &mut Draft<'_>) -> R + Send + 'static,
        done: impl FnOnce(Result<R, CommitError>) + Send + 'static,
    ) -> Result<(), Closed> {
        self.jobs
            .send(Message::Job(Job::new(job, done)))
            .map_err(|_| Closed)
    }

    /// Runs a job and waits until what it appended is durable.
    ///
    /// # Errors
    /// [`CommitError`] when nothing of it was recorded.
    pub fn call<R: Send + 'static>(
        &self,
        job: impl FnOnce(&mut S, &mut Draft<'_>) -> R + Send + 'static,
    ) -> Result<R, CommitError> {
        let (answer, answered) = mpsc::sync_channel(1);
        let done = move |result| {
            // Whoever asked is waiting below.
            let _ = answer.send(result);
        };
        self.submit(job, done).map_err(|Closed| CommitError::Closed)?;
        answered.recv().unwrap_or(Err(CommitError::Closed))
    }

    /// What is durable, for reading from any thread.
    #[must_use]
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Finishes the jobs that were submitted before, and ends the writer thread. The store's folder is free
    /// again once the last handle and store are dropped.
    ///
    /// # Errors
    /// [`LedgerError`] when the ledger had gone out of use.
    pub fn close(self) -> Result<(), LedgerError> {
        // A thread that is gone has nothing left to finish.
        let _ = self.jobs.send(Message::Close);
        let thread = self.thread.lock().unwrap_or_else(PoisonError::into_inner).take();
        match thread {
            Some(thread) => thread.join().unwrap_or(Err(LedgerError::Panicked)),
            None => Ok(()),
        }
    }
}

impl<S> Clone for Ledger<S> {
    fn clone(&self) -> Self {
        Self {
            store: self.store.clone(),
            jobs: self.jobs.clone(),
            thread: Arc::clone(&self.thread),
        }
    }
}

impl<S> fmt::Debug for Ledger<S> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Ledger")
            .field("store", &self.store)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
