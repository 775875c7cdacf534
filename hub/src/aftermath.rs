//! What is looked at when a session, a turn or a sub-agent began or came to its end. No hook waits for it: a client's own record is
//! long, and a working tree is large. What was found is written under the session in which it was looked for.

mod beginning;
mod lanes;
mod owed;
mod transcript;
mod worktree;

use std::{
    path::{Path, PathBuf},
    sync::{Arc, mpsc},
    time::Duration,
};

use capture::{Event, Happened};
use serde::{Deserialize, Serialize};
use trace_store::{CommitError, Ledger, ReadError};
use vocabulary::{Client, RequestId, Timestamp};

pub(crate) use self::owed::OwedKey;
use self::{lanes::Lanes, owed::Owed};
use crate::{
    clock,
    dispatch::{Caller, Scribe},
    gating::Neighbourhood,
    record::RecordError,
    workspace::Workspace,
};

/// After how long a session has fallen silent: longer than almost any command takes.
const SILENCE: Duration = Duration::from_secs(15 * 60);

/// The longest path that is followed: what is longer, no system call takes (`PATH_MAX`).
const MOST_PATH_BYTES: usize = 4_096;

/// When there is something to be looked at.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum When {
    /// A session or a turn begins: from here on the working tree is compared.
    Begins,
    /// The agent, or one that it started, had nothing more to do, or was stopped by a human.
    TurnEnds,
    /// The client's session came to its end.
    SessionEnds,
}

/// A moment at which there is something to be looked at, as a client's hook told it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
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
        Some(Self {
            when,
            client,
            cwd: place(event.cwd.as_deref()),
            transcript: transcript::Told::of(event),
            at: Timestamp::EPOCH,
        })
    }

    /// The same, recorded at that time.
    pub(crate) fn recorded(self, at: Timestamp) -> Self {
        Self { at, ..self }
    }

    /// The same, told long after it was: how far the client's record went then, nobody can say any more. What ended goes on no more.
    pub(crate) fn told_late(mut self) -> Self {
        let ended = self.when == When::SessionEnds || self.is_of_an_agent();
        if let Some(told) = self.transcript.as_mut().filter(|_| !ended) {
            told.forget_length();
        }
        self
    }

    /// Whether it is one of an agent that another started, which has a record of its own.
    pub(crate) fn is_of_an_agent(&self) -> bool {
        let told = self.transcript.as_ref();
        told.is_some_and(|told| told.of_an_agent)
    }

    /// Whether the client's session begins with it, and does not only go on.
    fn is_anew(&self) -> bool {
        self.transcript.as_ref().is_some_and(|told| told.anew)
    }

    /// The same of a session that began with an earlier one which was not looked at.
    fn or_anew(mut self, anew: bool) -> Self {
        if let Some(told) = &mut self.transcript {
            told.anew |= anew;
        }
        self
    }

    /// The same once it was looked at.
    fn looked_at(mut self) -> Self {
        if let Some(told) = &mut self.transcript {
            told.anew = false;
        }
        self
    }

    /// Whether it is the same, looked at or not.
    fn is(&self, other: &Self) -> bool {
        self.clone().looked_at() == other.clone().looked_at()
    }
}

/// A place that a client named, if one can go there.
fn place(named: Option<&str>) -> Option<PathBuf> {
    let named = named.filter(|named| named.len() <= MOST_PATH_BYTES)?;
    Path::new(named).is_absolute().then(|| named.into())
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
    owed: Owed,
}

impl Aftermath {
    /// What it owes, it keeps in a folder, under a key.
    pub(crate) fn new(
        ledger: Ledger<Workspace>,
        around: Arc<Neighbourhood>,
        folder: PathBuf,
        key: Arc<OwedKey>,
    ) -> Self {
        Self {
            eye: Arc::new(Eye {
                ledger,
                around,
                trees: worktree::Trees::default(),
                transcripts: transcript::Transcripts::default(),
                owed: Owed::of(folder, key),
            }),
            lanes: Lanes::default(),
        }
    }

    /// Something was heard of a session, under a token: notes what is to be looked at, if anything is, and has it looked at after what
    /// was to be looked at before it. Returns when that is noted.
    pub(crate) async fn heard(&self, caller: Caller, moment: Option<(Moment, String)>) {
        self.eye
            .transcripts
            .hear(&caller, moment.as_ref().map(|(moment, _)| moment));
        let Some((moment, token)) = moment else { return };
        let (noting, noted) = mpsc::channel::<()>();
        let eye = Arc::clone(&self.eye);
        let (told_by, told) = (caller.clone(), moment.clone());
        // No file is waited for here: this thread serves everybody.
        let note = tokio::task::spawn_blocking(move || {
            eye.owed.note(&told_by, &token, &told);
            drop(noting);
        });
        let eye = Arc::clone(&self.eye);
        self.lanes.enter(caller.token.session(), move || {
            // What was looked at before it was noted would be owed for ever.
            let _ = noted.recv();
            eye.look(&caller, &moment);
        });
        if let Err(error) = note.await {
            tracing::warn!(%error, "what is owed to a session was not noted");
        }
    }

    /// Something was heard of a session that was told while no hub could be reached: it is only noted, for what was told with it comes
    /// first. For what takes its time anyway.
    pub(crate) fn heard_late(&self, caller: &Caller, token: &str, moment: &Moment) {
        self.eye.transcripts.hear(caller, Some(moment));
        self.eye.owed.note(caller, token, moment);
    }

    /// The same of what was found again, or comes when its trace has gone on: its session is as silent as it was.
    pub(crate) fn found_again(&self, caller: &Caller, token: &str, moment: &Moment) {
        self.eye.owed.note(caller, token, moment);
    }

    /// Looks once more at the sessions that fell silent and did not end, each once.
    pub(crate) fn look_after_silence(&self) {
        self.look_at_silent_for(SILENCE);
    }

    fn look_at_silent_for(&self, silence: Duration) {
        for (caller, moment) in self.eye.transcripts.silent_for(silence) {
            let eye = Arc::clone(&self.eye);
            self.lanes.enter(caller.token.session(), move || {
                eye.look_after_silence(&caller, &moment)
            });
        }
    }

    /// Looks a last time, and waits until everything was looked at, or for so long.
    pub(crate) async fn finish(&self, grace: Duration) {
        self.look_at_silent_for(Duration::ZERO);
        if tokio::time::timeout(grace, self.lanes.empty()).await.is_err() {
            tracing::warn!("not everything was looked at that came to its end; the next hub goes on with it");
        }
        let eye = Arc::clone(&self.eye);
        let noting = tokio::task::spawn_blocking(move || eye.owed.all_came_back());
        let _ = tokio::time::timeout(grace, noting).await;
    }
}

impl Eye {
    fn look(&self, caller: &Caller, moment: &Moment) {
        match worktree::look(self, caller, moment) {
            Ok(()) => self.owed.compared(caller.token.session(), moment),
            Err(error) => tracing::warn!(%error, trace = %caller.trace, "the working tree was not compared"),
        }
        self.read(caller, moment);
    }

    /// Reads on in the client's own record; that is not owed any more then.
    fn read(&self, caller: &Caller, moment: &Moment) {
        let read = transcript::look(self, caller, moment);
        if let Err(error) = &read {
            tracing::warn!(%error, trace = %caller.trace, "the client's own record was not read");
        }
        if matches!(read, Err(AftermathError::Commit(_))) {
            return;
        }
        if let Some(since) = self.owed.done(caller.token.session(), moment) {
            self.tell_left_out(caller, since);
        }
    }

    /// Says that nobody looked at agents for which there was no room, the first of which ended then.
    fn tell_left_out(&self, caller: &Caller, since: Timestamp) {
        match transcript::tell_unread(self, caller, since) {
            Ok(()) => self.owed.said_left_out(caller.token.session()),
            Err(error) => {
                tracing::warn!(%error, trace = %caller.trace, "that agents were not looked at is in no trace yet");
            }
        }
    }

    fn look_after_silence(&self, caller: &Caller, moment: &Moment) {
        match transcript::look_after_silence(self, caller, moment) {
            Ok(true) => self.owed.settle(caller.token.session(), moment),
            // A command may be under way: the next hub asks again.
            Ok(false) => {}
            Err(error) => {
                tracing::warn!(%error, trace = %caller.trace, "the client's own record was not read");
            }
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
