//! The writer thread: collects jobs, runs them, makes what they appended durable, tells whoever asked.

use std::{
    marker::PhantomData,
    panic::{AssertUnwindSafe, catch_unwind},
    sync::{
        Arc,
        mpsc::{Receiver, TryRecvError},
    },
};

use super::{CommitError, Config, Draft, LedgerError, draft::MAX_BATCH};
use crate::{
    Store,
    store::{Batch, CommitFailure},
};

/// Above this many bytes of entries and bodies, a batch takes no further job.
const MAX_BATCH_BYTES: usize = 4 << 20;

/// What the writer thread is sent.
pub(super) enum Message<S> {
    Job(Job<S>),
    Close,
}

/// A job and whom to tell. However it ends, dropped without having run included, they are told.
pub(super) struct Job<S>(Option<Box<dyn Runnable<S>>>);

trait Runnable<S>: Send {
    fn run(self: Box<Self>, state: &mut S, draft: &mut Draft<'_>) -> Ran;
    fn refuse(self: Box<Self>, error: CommitError);
}

/// A job that has run, and the telling that is still to do.
enum Ran {
    Returned(Finish),
    Panicked(Finish),
}

type Finish = Box<dyn FnOnce(Result<(), CommitError>) + Send>;

struct Work<J, D, R>(J, D, PhantomData<fn() -> R>);

impl<S, R, J, D> Runnable<S> for Work<J, D, R>
where
    R: Send + 'static,
    J: FnOnce(&mut S, &mut Draft<'_>) -> R + Send,
    D: FnOnce(Result<R, CommitError>) + Send + 'static,
{
    fn run(self: Box<Self>, state: &mut S, draft: &mut Draft<'_>) -> Ran {
        let Self(job, done, _) = *self;
        match catch_unwind(AssertUnwindSafe(|| job(state, draft))) {
            Ok(answer) => Ran::Returned(Box::new(|durable| done(durable.map(|()| answer)))),
            Err(_) => Ran::Panicked(Box::new(|_| done(Err(CommitError::Panicked)))),
        }
    }

    fn refuse(self: Box<Self>, error: CommitError) {
        let Self(_, done, _) = *self;
        done(Err(error));
    }
}

impl<S> Job<S> {
    pub(super) fn new<R: Send + 'static>(
        job: impl FnOnce(&mut S, &mut Draft<'_>) -> R + Send + 'static,
        done: impl FnOnce(Result<R, CommitError>) + Send + 'static,
    ) -> Self
    where
        S: 'static,
    {
        Self(Some(Box::new(Work(job, done, PhantomData))))
    }

    fn refuse(mut self, error: CommitError) {
        if let Some(work) = self.0.take() {
            work.refuse(error);
        }
    }
}

impl<S> Drop for Job<S> {
    fn drop(&mut self) {
        if let Some(work) = self.0.take() {
            work.refuse(CommitError::Closed);
        }
    }
}

type Fold<S> = Box<dyn Fn(&Store) -> Result<S, String> + Send>;

/// The one owner of the state, and of the right to write.
pub(super) struct Writer<S> {
    store: Store,
    config: Config,
    fold: Fold<S>,
    state: Result<S, LedgerError>,
    batch: Batch,
    finishes: Vec<Finish>,
    buffer: Vec<u8>,
    /// The index failed and must be opened again before anything else.
    index_failed: bool,
}

/// Whether the writer goes on.
enum Next {
    Continue,
    Close,
}

impl<S> Writer<S> {
    pub(super) fn new(store: Store, config: Config, state: S, fold: Fold<S>) -> Self {
        Self {
            store,
            config,
            fold,
            state: Ok(state),
            batch: Batch::default(),
            finishes: Vec::new(),
            buffer: Vec::new(),
            index_failed: false,
        }
    }

    pub(super) fn run(mut self, inbox: &Receiver<Message<S>>) -> Result<(), LedgerError> {
        while let Ok(first) = inbox.recv() {
            if let Next::Close = self.batch(first, inbox) {
                break;
            }
        }
        self.state.map(|_| ())
    }

    /// Runs this job and those that are waiting, then commits.
    fn batch(&mut self, first: Message<S>, inbox: &Receiver<Message<S>>) -> Next {
        let mut message = first;
        let next = loop {
            match message {
                Message::Close => break Next::Close,
                Message::Job(job) => self.run_job(job),
            }
            if self.batch.pending.len() >= MAX_BATCH / 2 || self.batch.bytes() >= MAX_BATCH_BYTES {
                break Next::Continue;
            }
            message = match inbox.try_recv() {
                Ok(message) => message,
                Err(TryRecvError::Empty | TryRecvError::Disconnected) => break Next::Continue,
            };
        };
        self.commit();
        next
    }

    fn run_job(&mut self, mut job: Job<S>) {
        let state = match &mut self.state {
            Ok(state) => state,
            Err(error) => return job.refuse(CommitError::Refused(error.clone())),
        };
        if self.index_failed {
            match self
                .store
                .reopen_index()
                .and_then(|()| self.store.seal_full_windows())
            {
                Ok(()) => self.index_failed = false,
                Err(error) => return job.refuse(CommitError::Storage(error.to_string().into())),
            }
        }
        let Some(work) = job.0.take() else {
            return;
        };
        let now = (self.config.clock)()
            .max(self.store.last_at())
            .max(self.batch.last_at());
        let mut draft = Draft::new(&self.store, &mut self.batch, &mut self.config.entropy, now);
        let ran = work.run(state, &mut draft);
        if let Ran::Panicked(_) = ran {
            draft.abort();
        }
        match ran {
            Ran::Returned(finish) if self.batch.is_empty() => finish(Ok(())),
            Ran::Returned(finish) => self.finishes.push(finish),
            Ran::Panicked(finish) => {
                // What the panicking job left of the state is anybody's guess.
                self.commit();
                self.rebuild();
                finish(Ok(()));
            }
        }
    }

    /// Makes the batch durable and tells its jobs.
    fn commit(&mut self) {
        if self.batch.is_empty() {
            // Jobs that took back what they had appended.
            self.finishes.drain(..).for_each(|finish| finish(Ok(())));
            return;
        }
        let committed = self.store.commit(&self.batch, &mut self.buffer);
        self.batch.clear();
        match committed {
            Ok(()) => {
                self.finishes.drain(..).for_each(|finish| finish(Ok(())));
                if let Err(error) = self.store.seal_full_windows() {
                    tracing::warn!(%error, "the ledger's index could not be written; it is opened again before the next request");
                    self.index_failed = true;
                }
            }
            Err(failure) => {
                let reason: Arc<str> = failure.to_string().into();
                let error = match failure {
                    CommitFailure::Clean(_) | CommitFailure::Read(_) => {
                        self.rebuild();
                        CommitError::Storage(reason)
                    }
                    CommitFailure::Unknown(_) => {
                        let error = LedgerError::Storage(reason);
                        self.state = Err(error.clone());
                        CommitError::Refused(error)
                    }
                };
                self.finishes
                    .drain(..)
                    .for_each(|finish| finish(Err(error.clone())));
            }
        }
    }

    fn rebuild(&mut self) {
        if self.state.is_ok() {
            self.state = (self.fold)(&self.store).map_err(|error| LedgerError::Fold(error.into()));
        }
    }
}
