//! What is looked at when a session, a turn or a sub-agent began or came to its end. No hook waits for it: a client's own record is
//! long, and a working tree is large. What was found is written under the session in which it was looked for.

mod lanes;
mod transcript;
mod worktree;

use std::{path::PathBuf, sync::Arc, time::Duration};

use capture::{Event, Happened};
use trace_store::{CommitError, Ledger, ReadError};
use vocabulary::{Client, RequestId, Timestamp};

use self::lanes::Lanes;
use crate::{
    clock,
    dispatch::{Caller, Scribe},
    gating::Neighbourhood,
    record::RecordError,
    workspace::Workspace,
};

/// When there is something to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum When {
    /// A session or a turn begins: from here on the working tree is compared.
    Begins,
    /// The agent, or one that it started, had nothing more to do, or was stopped by a human.
    TurnEnds,
    /// The client's session came to its end.
    SessionEnds,
}

/// A moment at which there is something to be looked at, as a client's hook told it.
#[derive(Debug, Clone)]
pub(crate) struct Moment {
    pub(crate) when: When,
    /// Whose hook.
    pub(crate) client: Client,
    /// Where the client works.
    pub(crate) cwd: Option<PathBuf>,
    /// The client's own record, where it keeps one.
    pub(crate) transcript: Option<transcript::Told>,
    /// When it was recorded.
    pub(crate) at: Timestamp,
}

impl Moment {
    /// That of an event, where it is one.
    pub(crate) fn of(client: Client, event: &Event) -> Option<Self> {
        let when = match &event.happened {
            Happened::SessionStarted { .. } | Happened::Prompt { .. } => When::Begins,
            Happened::TurnEnded { .. } | Happened::Interrupted | Happened::SubAgentStopped { .. } => {
                When::TurnEnds
            }
            Happened::SessionEnded { .. } => When::SessionEnds,
            _ => return None,
        };
        let absolute =
            |path: &Option<String>| path.as_ref().map(PathBuf::from).filter(|path| path.is_absolute());
        Some(Self {
            when,
            client,
            cwd: absolute(&event.cwd),
            transcript: transcript::Told::of(event),
            at: Timestamp::EPOCH,
        })
    }

    /// The same, recorded at that time.
    pub(crate) fn recorded(self, at: Timestamp) -> Self {
        Self { at, ..self }
    }
}

/// Looks, and writes what it found. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Aftermath {
    eye: Arc<Eye>,
    lanes: Lanes,
}

/// What looking takes.
#[derive(Debug)]
struct Eye {
    ledger: Ledger<Workspace>,
    around: Arc<Neighbourhood>,
    trees: worktree::Trees,
    transcripts: transcript::Transcripts,
}

impl Aftermath {
    pub(crate) fn new(ledger: Ledger<Workspace>, around: Arc<Neighbourhood>) -> Self {
        Self {
            eye: Arc::new(Eye {
                ledger,
                around,
                trees: worktree::Trees::default(),
                transcripts: transcript::Transcripts::default(),
            }),
            lanes: Lanes::default(),
        }
    }

    /// Something was heard of a session: looks where there is something to be looked at.
    pub(crate) fn heard(&self, caller: Caller, moment: Option<Moment>) {
        self.eye.transcripts.hear(&caller, moment.as_ref());
        if let Some(moment) = moment {
            self.follow(caller, moment);
        }
    }

    /// Looks when it is this moment's turn: after the earlier ones of its session.
    fn follow(&self, caller: Caller, moment: Moment) {
        let eye = Arc::clone(&self.eye);
        self.lanes
            .enter(caller.token.session(), move || eye.look(&caller, &moment));
    }

    /// Looks once more at the sessions of which nothing was heard for so long and that did not end, each once.
    pub(crate) fn look_after_silence(&self, silence: Duration) {
        for (caller, moment) in self.eye.transcripts.silent_for(silence) {
            let eye = Arc::clone(&self.eye);
            self.lanes.enter(caller.token.session(), move || {
                if let Err(error) = transcript::look_after_silence(&eye, &caller, &moment) {
                    tracing::warn!(%error, trace = %caller.trace, "the client's own record was not read");
                }
            });
        }
    }

    /// Looks a last time, and waits until everything was looked at, or for so long.
    pub(crate) async fn finish(&self, grace: Duration) {
        self.look_after_silence(Duration::ZERO);
        if tokio::time::timeout(grace, self.lanes.empty()).await.is_err() {
            tracing::warn!("not everything was looked at that came to its end");
        }
    }
}

impl Eye {
    fn look(&self, caller: &Caller, moment: &Moment) {
        if let Err(error) = worktree::look(self, caller, moment) {
            tracing::warn!(%error, trace = %caller.trace, "the working tree was not compared");
        }
        if let Err(error) = transcript::look(self, caller, moment) {
            tracing::warn!(%error, trace = %caller.trace, "the client's own record was not read");
        }
    }

    /// Writes what was found, whole or not at all, under a request of its own.
    fn write(
        &self,
        caller: &Caller,
        write: impl FnOnce(&mut Workspace, &mut Scribe<'_, '_>) -> Result<(), RecordError> + Send + 'static,
    ) -> Result<(), AftermathError> {
        let caller = caller.clone();
        let request: RequestId = clock::new_id()?;
        self.ledger.call(move |workspace, draft| {
            let mut scribe = Scribe {
                draft,
                caller: &caller,
                request,
            };
            let written = write(workspace, &mut scribe);
            // What is found is no word of the client's: what it told before that, and comes later, is not too late.
            if written.is_err() {
                draft.abort();
            }
            written
        })??;
        Ok(())
    }
}

/// Why something was not looked at, or what was found not written.
#[derive(Debug, thiserror::Error)]
enum AftermathError {
    #[error(transparent)]
    Commit(#[from] CommitError),
    #[error(transparent)]
    Record(#[from] RecordError),
    #[error(transparent)]
    Read(#[from] ReadError),
    #[error("there is no randomness: {0}")]
    Entropy(#[from] getrandom::Error),
    #[error("{path}: {source}")]
    Transcript { path: PathBuf, source: std::io::Error },
}
