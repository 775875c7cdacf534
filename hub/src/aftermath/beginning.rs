//! What is looked at when a hub begins: what the one before owed to sessions, and those that fell silent meanwhile. Off every fast path,
//! one session after the other. The same is done for sessions of which something was told while no hub could be reached.

use std::{sync::Arc, time::Duration};

use tokio::sync::{oneshot, watch};
use trace_store::ChainId;
use vocabulary::{SessionId, Timestamp, TraceId};

use super::{
    Aftermath, AftermathError, Eye, Moment, SILENCE, When,
    lanes::LONGEST_LOOK,
    owed::{Begun, MOST_NOTES, Note, Owed},
    transcript, worktree,
};
use crate::dispatch::Caller;

/// Which of the notes: those that are looked at, or those of which it is only said that nobody did.
type Which = fn(&Owed, SessionId) -> Option<Begun>;

impl Aftermath {
    /// Looks at what the hub before this one owed, until this one closes.
    pub(crate) async fn go_on(&self, mut closing: watch::Receiver<bool>) {
        tokio::select! {
            () = self.go_through_notes() => {}
            _ = closing.wait_for(|closing| *closing) => {}
        }
    }

    async fn go_through_notes(&self) {
        let eye = Arc::clone(&self.eye);
        let sessions = tokio::task::spawn_blocking(move || eye.owed.sessions()).await;
        for (before, session) in sessions.unwrap_or_default().into_iter().enumerate() {
            let which: Which = if before < MOST_NOTES {
                Owed::begin
            } else {
                Owed::leave
            };
            let (looked, done) = oneshot::channel();
            self.look_at_note(session, which, looked);
            // Also where the look breaks off, or was not come to.
            if tokio::time::timeout(LONGEST_LOOK, done).await.is_err() {
                self.eye.owed.hangs(session);
            }
        }
    }

    /// Looks at what is owed to a session, after what was to be looked at before.
    pub(crate) fn look_at_owed(&self, session: SessionId) {
        let (looked, _) = oneshot::channel();
        self.look_at_note(session, Owed::begin, looked);
    }

    /// Agents' records are long as well: each has its own turn.
    fn look_at_note(&self, session: SessionId, which: Which, looked: oneshot::Sender<()>) {
        let aftermath = self.clone();
        self.lanes.enter(session, move || {
            let Some((caller, begun)) = aftermath.eye.begin(session, which) else {
                return;
            };
            let note = match begun {
                Begun::Look(note) => note,
                Begun::Leave(note) => return aftermath.eye.leave(&caller, &note),
            };
            // Before any agent is looked at: a hub that is killed by one has said it.
            if let Some(since) = note.left_out {
                aftermath.eye.tell_left_out(&caller, since);
            }
            for agent in &note.agents {
                let (eye, caller, agent) = (Arc::clone(&aftermath.eye), caller.clone(), agent.clone());
                aftermath.lanes.enter(session, move || eye.read(&caller, &agent));
            }
            let eye = Arc::clone(&aftermath.eye);
            aftermath.lanes.enter(session, move || {
                eye.look_at_left(&caller, &note);
                drop(looked);
            });
        });
    }
}

impl Eye {
    /// A note, and for whom something is written of it. What was lent may be over by now: whoever writes asks that.
    fn begin(&self, session: SessionId, which: Which) -> Option<(Caller, Begun)> {
        let begun = which(&self.owed, session)?;
        let Note { token, via, .. } = begun.note().clone();
        let known = self.ledger.call(move |workspace, draft| {
            let token = workspace
                .tokens
                .verify(&token, workspace.members.keyring())
                .ok()?;
            let trace = TraceId::from_uuid(token.session().uuid());
            let begun = matches!(draft.head(ChainId::Trace(trace)), Ok(Some(_)));
            (begun && token.session() == session).then_some((token, trace))
        });
        match known {
            Ok(Some((token, trace))) => Some((Caller { token, via, trace }, begun)),
            Ok(None) => {
                self.owed.let_go(session);
                None
            }
            // Nothing can be written now; the next hub finds it again.
            Err(error) => {
                tracing::warn!(%error, %session, "what is owed to a session was not looked at");
                None
            }
        }
    }

    /// Says that nobody looked at what a session is owed, and lets go of it.
    fn leave(&self, caller: &Caller, note: &Note) {
        let said = note
            .since()
            .map_or(Ok(()), |since| transcript::tell_unread(self, caller, since));
        match said {
            Ok(()) => self.owed.left(note),
            Err(error) => {
                tracing::warn!(%error, trace = %caller.trace, "that a session was not looked at is in no trace yet");
            }
        }
    }

    /// Looks at a session as the hub before left it.
    fn look_at_left(&self, caller: &Caller, note: &Note) {
        let session = caller.token.session();
        // What was told since has a look of its own, which may have come first: an older moment is nothing to compare with then.
        let newest = self.owed.still_newest(note);
        let looked = newest.map(|(newest, compared)| self.look_at_newest(caller, &newest, compared));
        if let Some(Err(error)) = looked {
            tracing::warn!(%error, trace = %caller.trace, "what a session was owed was not looked at");
        }
        self.transcripts.forget(session);
        self.owed.came_back(session);
    }

    /// Looks at its end, in its silence, or in the middle of it.
    fn look_at_newest(&self, caller: &Caller, newest: &Moment, compared: bool) -> Result<(), AftermathError> {
        if self.trees.knows(caller.token.session()) {
            // This hub was there before, and compares, if it has not yet.
            if compared {
                self.read(caller, newest);
            } else {
                self.look(caller, newest);
            }
            return Ok(());
        }
        let tell_unwatched = |until: Timestamp| {
            if !compared {
                worktree::tell_unwatched(self, caller, &newest.clone().recorded(until))?;
                self.owed.said_unwatched(caller.token.session(), newest);
            }
            Ok::<_, AftermathError>(())
        };
        if newest.when == When::SessionEnds {
            tell_unwatched(newest.at)?;
            self.read(caller, newest);
            return Ok(());
        }
        let now = self.ledger.call(|_, draft| draft.now())?;
        let silence = self.silence_of(caller, now)?;
        self.transcripts.hear_of(caller, newest, silence);
        if silence < SILENCE {
            tracing::info!(trace = %caller.trace, seconds = silence.as_secs(), "a session was left open");
            // As far as its hooks told; of the rest they may tell yet.
            self.read(caller, newest);
            return Ok(());
        }
        tell_unwatched(now)?;
        self.look_after_silence(caller, newest);
        Ok(())
    }

    /// How long nothing was recorded of what a session's hooks tell, by the ledger's own clock.
    fn silence_of(&self, caller: &Caller, now: Timestamp) -> Result<Duration, AftermathError> {
        let heard = transcript::heard(self, caller)?;
        let silence = heard.map(|heard| now.since(heard));
        Ok(silence
            .and_then(|silence| silence.try_into().ok())
            .unwrap_or_default())
    }
}
