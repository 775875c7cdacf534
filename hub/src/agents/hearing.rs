//! The same door for a process that lives for one request, as a client's hook does: let in, heard and answered at once, in one
//! batch.

use std::sync::Arc;

use protocol::{HubMessage, OpenReply, Refusal, RefusalCode, Reply, ReplyBody, RequestBody, Tell};
use trace_store::Draft;
use vocabulary::SessionId;

use super::{AgentDoor, said};
use crate::{
    admission::{Opening, admit},
    clock, deeds,
    dispatch::{self, Step},
    events,
    tools::Prepared,
    workspace::Workspace,
};

impl AgentDoor {
    /// Lets in who tells, and records what is told.
    pub(super) async fn hear(&self, tell: Tell, nonce: [u8; 32]) -> HubMessage {
        let arrived = clock::now();
        let Tell { open, request } = tell;
        let id = request.id;
        let (hub, around) = (self.workspace, self.around.clone());
        let prepared = match &request.body {
            RequestBody::Event(event) => {
                let (event, neighbourhood) = (event.clone(), Arc::clone(&around.neighbourhood));
                let reading = tokio::task::spawn_blocking(move || events::read(&event, &neighbourhood));
                match reading.await {
                    Ok(told) => Some(Prepared::Told(told)),
                    Err(error) => {
                        let body = ReplyBody::Failed(Refusal::new(RefusalCode::NotRecorded, &error));
                        return HubMessage::Reply(Reply { id, body });
                    }
                }
            }
            RequestBody::Call(_) | RequestBody::Observe(_) | RequestBody::Close => None,
        };
        let (moment, deeds) = match &prepared {
            Some(Prepared::Told(Ok(told))) => (told.moment().cloned(), told.deeds()),
            _ => (None, Arc::from([])),
        };
        let token = moment.as_ref().map(|_| open.token.clone());
        let done = self
            .run(move |workspace, draft| {
                let before = said(workspace, draft);
                let (caller, _) = admit(workspace, draft, &open, hub, nonce, Opening::Telling)?;
                let step = dispatch::request(workspace, draft, &caller, &around, &request, prepared);
                remember(workspace, draft, caller.token.session(), &step);
                Ok((step, caller, said(workspace, draft) != before, draft.now()))
            })
            .await;
        let body = match done {
            Ok(Ok((Step::Done(body), caller, changed, at))) => {
                if changed {
                    self.news.changed();
                }
                if let ReplyBody::Heard(heard) = &body {
                    // Before it is answered: what is permitted begins no earlier.
                    let told = deeds::Told {
                        arrived,
                        answered: clock::now(),
                        permitted: heard.denied.is_none(),
                    };
                    let remembered = &self.around.neighbourhood.deeds;
                    remembered.note(caller.token.session(), &deeds, told);
                    let moment = moment.map(|moment| moment.recorded(at));
                    self.aftermath.heard(caller, moment.zip(token)).await;
                }
                body
            }
            Ok(Ok((Step::First(_), ..))) => ReplyBody::Failed(Refusal::new(
                RefusalCode::Conflict,
                &"what takes long is asked on a connection that stays",
            )),
            Ok(Err(refusal)) => return HubMessage::Opening(OpenReply::Refused(refusal)),
            Err(error) => ReplyBody::Failed(Refusal::new(RefusalCode::NotRecorded, &error)),
        };
        HubMessage::Reply(Reply { id, body })
    }
}

/// Keeps what is known of the sessions that told something lately, for the next word is near; their traces have the rest.
fn remember(workspace: &mut Workspace, draft: &Draft<'_>, session: SessionId, step: &Step) {
    // What began with a request that failed did not begin.
    let failed = matches!(step, Step::Done(ReplyBody::Failed(_)));
    let over = if failed {
        Some(session)
    } else {
        workspace.heard.note(session)
    };
    if let Some(Err(error)) = over.map(|over| workspace.forget(draft, over)) {
        tracing::debug!(%error, "a session stays in memory");
    }
}
