//! What the MCP server asks within the hub itself: the ledger, as the guest whose request it is.

use std::sync::Arc;

use axum::http::request::Parts;
use mcp_server::{hub::Hub, hub_link::LinkError};
use protocol::{
    Answer, Call, Observation, Refusal, RefusalCode, ReplyBody, Request, RequestBody, tools::AwaitDecision,
};
use rmcp::model::{Extensions, Implementation};
use tokio::sync::watch;
use vocabulary::TraceId;

use super::guests::Guest;
use crate::{agents::AgentDoor, clock};

/// Carries requests of any guest to the ledger. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Courier {
    door: AgentDoor,
    closing: watch::Receiver<bool>,
}

impl Courier {
    pub(super) const fn new(door: AgentDoor, closing: watch::Receiver<bool>) -> Self {
        Self { door, closing }
    }

    /// Records what was seen that is no call.
    pub(super) async fn observe(&self, guest: &Guest, observation: Observation) {
        // A protocol error has no effect that could be withheld, so the client hears of it even where the record could
        // not be made.
        match self.ask(guest, RequestBody::Observe(observation)).await {
            Ok(ReplyBody::Recorded(_)) => {}
            unrecorded => tracing::warn!(?unrecorded, "a protocol error was not recorded"),
        }
    }

    async fn ask(&self, guest: &Guest, body: RequestBody) -> Result<ReplyBody, LinkError> {
        let caller = guest.enter(&self.door).await.map_err(LinkError::Refused)?;
        let id = clock::new_id()
            .map_err(|error| LinkError::Failed(Refusal::new(RefusalCode::NoEntropy, &error)))?;
        self.door
            .ask(caller, Request { id, body }, self.closing.clone())
            .await
            .ok_or(LinkError::Closing)
    }
}

impl Hub for Courier {
    async fn identify(&self, client: &Implementation, asked: &Extensions) {
        if let Some(guest) = guest(asked) {
            guest.identify(client);
        }
    }

    async fn call(&self, call: Call, asked: &Extensions) -> Result<Answer, LinkError> {
        // The door puts one into every request; without one there is nobody to ask for.
        let guest = guest(asked).ok_or(LinkError::Closing)?;
        let _waiting = if call.tool == AwaitDecision::NAME {
            Some(guest.wait().ok_or(LinkError::TooManyWaiting)?)
        } else {
            None
        };
        match self.ask(&guest, RequestBody::Call(call)).await? {
            ReplyBody::Answer(answer) => Ok(answer),
            ReplyBody::Failed(refusal) => Err(LinkError::Failed(refusal)),
            ReplyBody::Recorded(_) | ReplyBody::Heard(_) => {
                Err(LinkError::Broken("the answer is not one to a call".to_owned()))
            }
        }
    }

    async fn trace(&self, asked: &Extensions) -> Option<TraceId> {
        guest(asked)?.trace()
    }
}

/// Whose request this is: the door says so beside the request, or in its head.
fn guest(asked: &Extensions) -> Option<Arc<Guest>> {
    let beside = asked.get::<Arc<Guest>>();
    beside
        .or_else(|| asked.get::<Parts>()?.extensions.get())
        .map(Arc::clone)
}
