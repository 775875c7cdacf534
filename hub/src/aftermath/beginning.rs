//! What is looked at when a hub begins: what the one before owed to sessions, and those that fell silent meanwhile. Off every fast path,
//! one session after the other.

use std::{path::Path, sync::Arc, time::Duration};

use tokio::sync::{oneshot, watch};
use trace_store::ChainId;
use vocabulary::{Timestamp, TraceId};

use super::{Aftermath, AftermathError, Eye, Moment, SILENCE, When, owed::Note, transcript, worktree};
use crate::dispatch::Caller;

impl Aftermath {
    /// Looks at what the hub before this one owed, until this one closes.
    pub(crate) async fn go_on(&self, mut closing: watch::Receiver<bool>) {
        let eye = Arc::clone(&self.eye);
        let files = tokio::task::spawn_blocking(move || eye.owed.files());
        for file in files.await.unwrap_or_default() {
            let eye = Arc::clone(&self.eye);
            let begun = tokio::task::spawn_blocking(move || eye.begin(&file));
            let Ok(Some((caller, note))) = begun.await else {
                continue;
            };
            let (eye, (looked, done)) = (Arc::clone(&self.eye), oneshot::channel::<()>());
            self.lanes.enter(caller.token.session(), move || {
                eye.look_at_owed(&caller, &note);
                drop(looked);
            });
            tokio::select! {
                // Also where the look breaks off, or was not come to.
                _ = done => {}
                _ = closing.wait_for(|closing| *closing) => return,
            }
        }
    }
}

impl Eye {
    /// A note, and for whom something is written of it. What was lent may be over by now: whoever writes asks that.
    fn begin(&self, file: &Path) -> Option<(Caller, Note)> {
        let note = self.owed.begin(file)?;
        let (token, session) = (note.token.clone(), note.session);
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
            Ok(Some((token, trace))) => {
                let via = note.via.clone();
                Some((Caller { token, via, trace }, note))
            }
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

    fn look_at_owed(&self, caller: &Caller, note: &Note) {
        for agent in &note.agents {
            self.read(caller, agent);
        }
        let newest = note.newest.as_ref();
        let looked = newest.map(|newest| self.look_at_left(caller, newest, note.compared));
        if let Some(Err(error)) = looked {
            tracing::warn!(%error, trace = %caller.trace, "what a session was owed was not looked at");
        }
        self.transcripts.forget(caller.token.session());
    }

    /// Looks at a session as the hub before left it: at its end, in its silence, or in the middle of it.
    fn look_at_left(&self, caller: &Caller, newest: &Moment, compared: bool) -> Result<(), AftermathError> {
        let tell_unwatched = |until: Timestamp| match compared {
            true => Ok(()),
            false => worktree::tell_unwatched(self, caller, &newest.clone().recorded(until)),
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
