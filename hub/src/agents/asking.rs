//! The same door for those who come over HTTP: each request is a visit of its own.

use std::sync::Arc;

use delegation::VerifiedToken;
use protocol::{Open, Opened, Refusal, RefusalCode, ReplyBody, Request, Via};
use tokio::sync::watch;
use trace_store::CommitError;
use vocabulary::{SessionId, TraceId, WorkspaceId};

use super::{AgentDoor, said};
use crate::{
    admission::{
        Opening, Proved, Shown, admit, enter_recognized, prove, recognize, standing, turn_away,
        turn_away_known,
    },
    dispatch::{self, Caller, Step},
    tools::Prepared,
};

impl AgentDoor {
    /// Says whose session it is that a token and its key were shown for.
    ///
    /// # Errors
    /// [`Refusal`], which is recorded.
    pub(crate) async fn recognize(&self, shown: Shown) -> Result<Arc<VerifiedToken>, Refusal> {
        self.run(move |workspace, draft| recognize(workspace, draft, &shown))
            .await
            .map_err(|error| unrecorded(&error))?
    }

    /// Whether what was recognized is good now. Nobody tried anything, so nothing is recorded.
    pub(crate) async fn still_stands(&self, token: Arc<VerifiedToken>) -> bool {
        let standing = self.run(move |workspace, draft| standing(workspace, draft, &token));
        matches!(standing.await, Ok(Ok(())))
    }

    /// How often something was taken back so far.
    pub(crate) fn times_taken_back(&self) -> u64 {
        self.news.times_taken_back()
    }

    /// Changes whenever something is taken back.
    pub(crate) fn takings(&self) -> watch::Receiver<u64> {
        self.news.takings()
    }

    /// Opens the session of somebody who was recognized, or takes it up again.
    ///
    /// # Errors
    /// [`Refusal`], which is recorded.
    pub(crate) async fn enter(
        &self,
        token: Arc<VerifiedToken>,
        text: Arc<str>,
        via: Via,
    ) -> Result<(), Refusal> {
        self.run(move |workspace, draft| enter_recognized(workspace, draft, &token, &text, &via).map(drop))
            .await
            .map_err(|error| unrecorded(&error))?
    }

    /// Whether the token's key signed this request.
    ///
    /// # Errors
    /// [`Refusal`], which is recorded.
    pub(crate) async fn prove(&self, proved: Arc<Proved>) -> Result<(), Refusal> {
        let hub = self.workspace;
        self.run(move |workspace, draft| prove(workspace, draft, hub, &proved))
            .await
            .map_err(|error| unrecorded(&error))?
    }

    /// Opens the session of an agent side elsewhere, or takes it up again; a session that is open here under another
    /// token is renewed.
    ///
    /// # Errors
    /// [`Refusal`], which is recorded.
    pub(crate) async fn open_remote(
        &self,
        open: Open,
        nonce: [u8; 32],
        same_token: bool,
    ) -> Result<(Caller, Opened), Refusal> {
        let hub = self.workspace;
        self.run(move |workspace, draft| {
            let session = workspace
                .tokens
                .verify(&open.token, workspace.members.keyring())
                .map(|token| token.session());
            let opening = match session {
                Ok(session) if !same_token && workspace.sessions.contains_key(&session) => {
                    Opening::Renewing(TraceId::from_uuid(session.uuid()))
                }
                _ => Opening::Connecting,
            };
            admit(workspace, draft, &open, hub, nonce, opening)
        })
        .await
        .map_err(|error| unrecorded(&error))?
    }

    /// Whose hub this is.
    pub(crate) const fn workspace(&self) -> WorkspaceId {
        self.workspace
    }

    /// Records that somebody was turned away.
    pub(crate) async fn turn_away(&self, refusal: Refusal, token: String) -> Refusal {
        self.run(move |workspace, draft| turn_away(workspace, draft, refusal, &token))
            .await
            .unwrap_or_else(|error| unrecorded(&error))
    }

    /// Records that somebody was turned away who is known.
    pub(crate) async fn turn_away_known(
        &self,
        refusal: Refusal,
        token: Arc<VerifiedToken>,
        text: Arc<str>,
        via: Via,
    ) {
        let recorded = self
            .run(move |workspace, draft| turn_away_known(workspace, draft, refusal, token, &text, &via))
            .await;
        if let Err(error) = recorded {
            tracing::warn!(%error, "that a session was turned away was not recorded");
        }
    }

    /// Carries a request out; `None` where the hub closes while it waits for people, and nothing is recorded of it.
    pub(crate) async fn ask(
        &self,
        caller: Caller,
        request: Request,
        closing: watch::Receiver<bool>,
    ) -> Option<ReplyBody> {
        match self.step(caller.clone(), request.clone(), None).await {
            Ok(Step::Done(body)) => Some(body),
            Ok(Step::First(first)) => {
                let prepared = self.prepare(first, closing).await?;
                match self.step(caller, request, Some(prepared)).await {
                    Ok(Step::Done(body)) => Some(body),
                    Ok(Step::First(_)) => Some(ReplyBody::Failed(Refusal::new(
                        RefusalCode::Conflict,
                        &"what has to come first did not settle",
                    ))),
                    Err(error) => Some(ReplyBody::Failed(unrecorded(&error))),
                }
            }
            Err(error) => Some(ReplyBody::Failed(unrecorded(&error))),
        }
    }

    async fn step(
        &self,
        caller: Caller,
        request: Request,
        prepared: Option<Prepared>,
    ) -> Result<Step, CommitError> {
        let around = self.around.clone();
        let (step, changed) = self
            .run(move |workspace, draft| {
                let before = said(workspace, draft);
                let step = dispatch::request(workspace, draft, &caller, &around, &request, prepared);
                (step, said(workspace, draft) != before)
            })
            .await?;
        if changed {
            self.news.changed();
        }
        Ok(step)
    }

    /// Lets go of what is remembered of a session; whoever takes it up again finds it in its trace.
    pub(crate) fn let_go(&self, session: SessionId) {
        let door = self.clone();
        tokio::spawn(async move { door.forget(session).await });
    }
}

fn unrecorded(error: &CommitError) -> Refusal {
    Refusal::new(RefusalCode::NotRecorded, error)
}
