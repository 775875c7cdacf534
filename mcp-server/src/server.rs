//! The MCP server: what each method answers. Every tool call goes to the hub as it came.

use std::{sync::Arc, time::Duration};

use protocol::{Answer, Call, Outcome, Refusal, RefusalCode, Via, tools::AwaitDecision};
use rmcp::{
    ErrorData, Peer, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorCode, Implementation,
        InitializeRequestParams, InitializeResult, ListPromptsResult, ListResourceTemplatesResult,
        ListResourcesResult, ListToolsResult, PaginatedRequestParams, ProgressNotificationParam,
        ProgressToken, ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult,
        RequestMetaObject, ResourceContents, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::{
    hub_link::{HubLink, LinkError},
    resources,
    stdio::RECORDED,
    tools,
};

/// Told to the model once a session.
const INSTRUCTIONS: &str = "Audit Otter records what you do and on whose behalf. Before you change code, call \
propose_work_item, show the human its approval_url, and wait with await_decision; a human decides, you cannot. Note plans and findings \
with append_trace_note. A denial says what would have to change: tell the human, do not work around it.";

/// How much of a client's id for a call is recorded: in the worst case four bytes a character, and a reference in
/// an entry holds 256.
const MAX_CALL_ID_CHARS: usize = 64;

/// How often a client is told that a human still has to decide.
const PROGRESS_EVERY: Duration = Duration::from_secs(5);

/// The server's handler. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Server {
    hub: HubLink,
    instance: Arc<str>,
    tools: Arc<[Tool]>,
}

impl Server {
    /// A server that asks this hub. `instance` tells this process apart from others of the same agent.
    #[must_use]
    pub fn new(hub: HubLink, instance: &str) -> Self {
        Self {
            hub,
            instance: instance.into(),
            tools: tools::all().into(),
        }
    }

    async fn identify(&self, client: &Implementation) {
        self.hub
            .identify(Via::from_client(&client.name, &client.version, &self.instance))
            .await;
    }

    /// In the stateless era each request says anew who asks.
    async fn identify_stateless(&self, context: &RequestContext<RoleServer>) {
        if let Some(client) = context.meta.client_info() {
            self.identify(&client).await;
        }
    }

    async fn ask(
        &self,
        tool: &str,
        arguments: Map<String, Value>,
        resource: Option<String>,
        context: &RequestContext<RoleServer>,
    ) -> Result<Answer, LinkError> {
        self.identify_stateless(context).await;
        self.hub
            .call(Call {
                tool: tool.to_owned(),
                arguments: Value::Object(arguments),
                call_id: call_id(&context.meta),
                resource,
                client: client_turn(&context.meta),
            })
            .await
    }
}

/// The client's own id for a call: Claude Code's equals the `tool_use_id` of its hooks.
fn call_id(meta: &RequestMetaObject) -> Option<String> {
    ["claudecode/toolUseId", "callId"]
        .into_iter()
        .find_map(|key| meta.0.get(key).and_then(Value::as_str))
        .map(|id| id.chars().take(MAX_CALL_ID_CHARS).collect())
}

/// What Codex says of the session and turn that a call belongs to.
fn client_turn(meta: &RequestMetaObject) -> Option<Value> {
    let turn = meta.0.get("x-codex-turn-metadata")?;
    let kept: Map<String, Value> = ["session_id", "turn_id", "model"]
        .into_iter()
        .filter_map(|key| {
            let text: String = turn.get(key)?.as_str()?.chars().take(128).collect();
            Some((key.to_owned(), Value::String(text)))
        })
        .collect();
    (!kept.is_empty()).then_some(Value::Object(kept))
}

fn refused(verb: &str, refusal: &Refusal, answer: &Answer) -> CallToolResult {
    let text = format!(
        "{verb} ({}): {} [{} #{}]",
        refusal.code, refusal.message, answer.recorded.trace, answer.recorded.seq
    );
    CallToolResult::error(vec![ContentBlock::text(text)])
}

/// Tells the client, as long as something is waited for, that this is so: it may otherwise give up.
async fn with_progress<T>(
    peer: &Peer<RoleServer>,
    token: ProgressToken,
    waited_for: impl Future<Output = T>,
) -> T {
    let mut waited_for = std::pin::pin!(waited_for);
    let started = Instant::now();
    let mut ticks = tokio::time::interval_at(started + PROGRESS_EVERY, PROGRESS_EVERY);
    loop {
        tokio::select! {
            done = &mut waited_for => return done,
            _ = ticks.tick() => {
                let waited = started.elapsed().as_secs_f64();
                let told = ProgressNotificationParam::new(token.clone(), waited)
                    .with_message("waiting for a human to decide");
                // A client that does not listen is not to be kept from its answer.
                let _ = peer.notify_progress(told).await;
            }
        }
    }
}

impl ServerHandler for Server {
    fn get_info(&self) -> ServerConfig {
        InitializeResult::new(
            ServerCapabilities::builder()
                .enable_tools()
                .enable_resources()
                .build(),
        )
        .with_server_info(Implementation::new("auditotter", env!("CARGO_PKG_VERSION")))
        .with_instructions(INSTRUCTIONS)
    }

    async fn initialize(
        &self,
        request: InitializeRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<InitializeResult, ErrorData> {
        self.identify(&request.client_info).await;
        context.peer.set_peer_info(request.clone());
        self.negotiate_initialize(&request)
    }

    async fn list_tools(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        Ok(ListToolsResult::with_all_items(self.tools.to_vec()))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let asked = self.ask(
            &request.name,
            request.arguments.unwrap_or_default(),
            None,
            &context,
        );
        let answered = match context.meta.get_progress_token() {
            Some(token) if request.name == AwaitDecision::NAME => {
                with_progress(&context.peer, token, asked).await
            }
            _ => asked.await,
        };
        let answer = match answered {
            Ok(answer) => answer,
            // The hub cannot record what it cannot read; the transport records the error instead.
            Err(error @ (LinkError::Unsendable(_) | LinkError::TooDeep)) => {
                return Err(ErrorData::invalid_params(error.to_string(), None));
            }
            Err(error) => {
                return Ok(CallToolResult::error(vec![ContentBlock::text(error.to_string())]).into());
            }
        };
        let result = match &answer.outcome {
            Outcome::Returned(result) => {
                let mut answered = CallToolResult::structured(result.clone());
                answered.content = vec![ContentBlock::text(tools::text_of(&request.name, result))];
                answered
            }
            Outcome::Denied(refusal) => refused("denied", refusal, &answer),
            // MCP: an unknown tool is a protocol error, not a tool's answer.
            Outcome::Rejected(refusal) if refusal.is(RefusalCode::UnknownTool) => {
                let data = json!({ RECORDED: answer.recorded });
                return Err(ErrorData::invalid_params(refusal.message.clone(), Some(data)));
            }
            Outcome::Rejected(refusal) => refused("not done", refusal, &answer),
        };
        Ok(result.into())
    }

    async fn list_resources(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let own = self.hub.trace().await.map(resources::of_trace);
        Ok(ListResourcesResult::with_all_items(own.into_iter().collect()))
    }

    async fn list_resource_templates(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListResourceTemplatesResult, ErrorData> {
        Ok(ListResourceTemplatesResult::with_all_items(resources::templates()))
    }

    async fn read_resource(
        &self,
        request: ReadResourceRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<ReadResourceResponse, ErrorData> {
        let Some((tool, arguments)) = resources::call_for(&request.uri) else {
            let message = format!(
                "there is no resource {}",
                request.uri.chars().take(200).collect::<String>()
            );
            return Err(ErrorData::resource_not_found(message, None));
        };
        let answer = self
            .ask(tool, arguments, Some(request.uri.clone()), &context)
            .await
            .map_err(|error| ErrorData::internal_error(error.to_string(), None))?;
        match &answer.outcome {
            Outcome::Returned(result) => {
                let contents = ResourceContents::text(result.to_string(), request.uri);
                Ok(ReadResourceResult::new(vec![contents.with_mime_type("application/json")]).into())
            }
            Outcome::Denied(refusal) | Outcome::Rejected(refusal) => {
                let data = json!({ RECORDED: answer.recorded });
                Err(ErrorData::new(
                    ErrorCode::RESOURCE_NOT_FOUND,
                    refusal.message.clone(),
                    Some(data),
                ))
            }
        }
    }

    async fn list_prompts(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListPromptsResult, ErrorData> {
        Err(ErrorData::method_not_found::<rmcp::model::ListPromptsRequestMethod>())
    }
}
