//! Asking the client to open the page on which a human decides ("elicitation in URL mode").
//!
//! What a client answers is whether the page may be opened, and anybody who writes a client's hooks can answer that: it
//! is never a decision, and nothing here looks at it. Nor does a proposal wait for it where the protocol lets it not.

use std::{collections::BTreeMap, sync::Arc, time::Duration};

use protocol::{Answer, Outcome, tools::ProposeWorkItem};
use rmcp::{
    ErrorData, Peer, RoleServer,
    model::{
        CallToolRequestParams, ClientCapabilities, ElicitRequest, ElicitRequestParams, InputRequest,
        InputRequiredResult, ProtocolVersion, RequestStateCodec, SealOptions, ServerRequest,
    },
    service::{PeerRequestOptions, RequestContext},
};
use serde_json::Value;
use tokio::sync::Semaphore;
use vocabulary::TraceId;

use crate::clock;

/// How long a page may be offered; then the client is told that the question is withdrawn.
const OFFERED: Duration = Duration::from_secs(10 * 60);

/// How long the result waits for the question to be sent before it: over HTTP both travel on the stream of the call,
/// which the result ends.
const HEAD_START: Duration = Duration::from_millis(100);

/// How many questions may be open. Who proposes while there are so many finds the address in the answer, as always.
const MOST_OPEN: usize = 1_024;

/// What the question is called where it is one of several.
const QUESTION: &str = "approval";

/// Offers pages to clients that can open them. Cheap to clone.
#[derive(Debug, Clone)]
pub(crate) struct Pages {
    /// Seals an answer that is given once the page was offered. Without randomness no page is.
    seal: Option<Arc<RequestStateCodec>>,
    open: Arc<Semaphore>,
}

/// A page where a human decides.
struct Page {
    item: String,
    url: String,
    message: String,
}

impl Pages {
    pub(crate) fn new() -> Self {
        let key = clock::random::<32>().ok();
        Self {
            seal: key.and_then(|key| RequestStateCodec::try_new(key).ok().map(Arc::new)),
            open: Arc::new(Semaphore::new(MOST_OPEN)),
        }
    }

    /// Offers the page of what was proposed. Where the protocol has the client ask again (2026-07-28), this is what is
    /// answered first; else nothing, and the client is asked beside.
    pub(crate) async fn offer(
        &self,
        tool: &str,
        answer: &Answer,
        context: &RequestContext<RoleServer>,
    ) -> Option<InputRequiredResult> {
        let Outcome::Returned(result) = &answer.outcome else {
            return None;
        };
        if tool != ProposeWorkItem::NAME {
            return None;
        }
        let page = Page::of(result)?;
        if asks_again(context) {
            opens_pages(&context.meta.client_capabilities()?).then_some(())?;
            let sealed = self.sealed(answer.recorded.trace, result)?;
            let question = InputRequest::Elicitation(page.question(String::new()));
            let questions = BTreeMap::from([(QUESTION.to_owned(), question)]);
            return Some(InputRequiredResult::new(Some(questions), Some(sealed)));
        }
        let known = context.peer.peer_info();
        if known.is_some_and(|client| opens_pages(&client.capabilities)) {
            self.ask(&context.peer, page).await;
        }
        None
    }

    /// The answer that was held back while the page was offered; it is the same whatever the client says to that.
    ///
    /// # Errors
    /// Where the state is not of this server and this session. Nothing is done anew then.
    pub(crate) fn held_back(
        &self,
        request: &CallToolRequestParams,
        own: Option<TraceId>,
    ) -> Result<Option<Value>, ErrorData> {
        let Some(state) = request
            .request_state
            .as_deref()
            .filter(|_| request.name == ProposeWorkItem::NAME)
        else {
            return Ok(None);
        };
        let opened = self.seal.as_ref().zip(own).and_then(|(seal, trace)| {
            let json = seal.open_with(state, &bound_to(trace)).ok()?;
            serde_json::from_slice(&json).ok()
        });
        opened.map(Some).ok_or_else(|| {
            let message = "requestState is not one that this session was given, or of a server that ended; \
                           nothing was proposed anew: look with list_work_items";
            ErrorData::invalid_params(message, None)
        })
    }

    fn sealed(&self, trace: TraceId, result: &Value) -> Option<String> {
        let json = serde_json::to_vec(result).ok()?;
        let bound = bound_to(trace);
        let options = SealOptions::new().associated_data(&bound);
        Some(self.seal.as_ref()?.seal_with(&json, &options))
    }

    /// Asks, and waits for no answer.
    async fn ask(&self, peer: &Peer<RoleServer>, page: Page) {
        let Ok(open) = Arc::clone(&self.open).try_acquire_owned() else {
            return;
        };
        let item = page.item.clone();
        let question = ServerRequest::ElicitRequest(page.question(item.clone()));
        let options = PeerRequestOptions::with_timeout(OFFERED);
        let sent = tokio::time::timeout(HEAD_START, peer.send_cancellable_request(question, options));
        if let Ok(Ok(asked)) = sent.await {
            let answered = tokio::spawn(async move {
                let answered = asked.await_response().await;
                tracing::debug!(item, ?answered, "a page was offered");
                drop(open);
            });
            // It goes on behind us, until it is answered or withdrawn.
            let _ = tokio::time::timeout(HEAD_START, answered).await;
        }
    }
}

impl Page {
    fn of(result: &Value) -> Option<Self> {
        let text = |name: &str| result.get(name)?.as_str().map(str::to_owned);
        let item = text("id")?;
        Some(Self {
            url: text("approval_url")?,
            message: format!("Open the page where {item} is decided? Nothing is decided by opening it."),
            item,
        })
    }

    fn question(self, id: String) -> ElicitRequest {
        ElicitRequest::new(ElicitRequestParams::UrlElicitationParams {
            meta: None,
            message: self.message,
            url: self.url,
            elicitation_id: id,
        })
    }
}

fn bound_to(trace: TraceId) -> Vec<u8> {
    format!("{} {trace}", ProposeWorkItem::NAME).into_bytes()
}

/// Whether the client said that it opens pages; `elicitation: {}` alone means forms.
fn opens_pages(client: &ClientCapabilities) -> bool {
    client
        .elicitation
        .as_ref()
        .is_some_and(|elicitation| elicitation.url.is_some())
}

/// From 2026-07-28 on nothing is asked of a client but in answer to what it asked.
fn asks_again(context: &RequestContext<RoleServer>) -> bool {
    context
        .meta
        .protocol_version()
        .is_some_and(|version| version >= ProtocolVersion::V_2026_07_28)
}
