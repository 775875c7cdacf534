//! The MCP server: what each method answers. Every tool call goes to the hub as it came.

use std::{sync::Arc, time::Duration};

use protocol::{Answer, Call, Outcome, Refusal, RefusalCode, tools::AwaitDecision};
use rmcp::{
    ErrorData, Peer, RoleServer, ServerHandler,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, CustomRequest, CustomResult,
        ErrorCode, GetSkillRequestParams, GetSkillResult, Implementation, InitializeRequestParams,
        InitializeResult, ListResourceTemplatesResult, ListResourcesResult, ListSkillsResult,
        ListToolsResult, PaginatedRequestParams, ProgressNotificationParam, ProgressToken,
        ReadResourceRequestParams, ReadResourceResponse, ReadResourceResult, RequestMetaObject,
        ResourceContents, ServerCapabilities, ServerConfig, Tool,
    },
    service::RequestContext,
};
use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::{
    hub::Hub,
    hub_link::LinkError,
    mistakes::{self, RECORDED},
    page::Pages,
    resources, skill, tools,
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

/// How deep arguments may be nested. JSON is read to 128 levels, and on the way to the hub more stands around them.
const MOST_NESTED: usize = 64;

/// The server's handler. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Server<H> {
    hub: H,
    tools: Arc<[Tool]>,
    pages: Pages,
}

impl<H: Hub> Server<H> {
    /// A server that asks this hub.
    #[must_use]
    pub fn new(hub: H) -> Self {
        Self {
            hub,
            tools: tools::all().into(),
            pages: Pages::new(),
        }
    }

    async fn ask(
        &self,
        tool: &str,
        arguments: Map<String, Value>,
        resource: Option<String>,
        context: &RequestContext<RoleServer>,
    ) -> Result<Answer, LinkError> {
        let arguments = Value::Object(arguments);
        if nested_over(&arguments, MOST_NESTED) {
            return Err(LinkError::TooDeep { levels: MOST_NESTED });
        }
        // In the stateless era each request says anew who asks.
        if let Some(client) = context.meta.client_info() {
            self.hub.identify(&client, &context.extensions).await;
        }
        let call = Call {
            tool: tool.to_owned(),
            arguments,
            call_id: call_id(&context.meta),
            resource,
            client: client_turn(&context.meta),
        };
        self.hub.call(call, &context.extensions).await
    }
}

fn nested_over(value: &Value, levels: usize) -> bool {
    match value {
        Value::Array(values) => levels == 0 || values.iter().any(|value| nested_over(value, levels - 1)),
        Value::Object(members) => levels == 0 || members.values().any(|value| nested_over(value, levels - 1)),
        _ => false,
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

fn returned(tool: &str, result: &Value) -> CallToolResult {
    let mut answered = CallToolResult::structured(result.clone());
    answered.content = vec![ContentBlock::text(tools::text_of(tool, result))];
    answered
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

impl<H: Hub> ServerHandler for Server<H> {
    fn get_info(&self) -> ServerConfig {
        InitializeResult::new(
            ServerCapabilities::builder()
                .enable_tools()
                .enable_resources()
                // There are none; clients ask whether there are, also where nothing is said of them.
                .enable_prompts()
                .enable_skills()
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
        self.hub.identify(&request.client_info, &context.extensions).await;
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
        if request.request_state.is_some() {
            let own = self.hub.trace(&context.extensions).await;
            if let Some(result) = self.pages.held_back(&request, own)? {
                return Ok(returned(&request.name, &result).into());
            }
        }
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
            Err(error @ (LinkError::Unsendable(_) | LinkError::TooDeep { .. })) => {
                return Err(ErrorData::invalid_params(error.to_string(), None));
            }
            Err(error) => {
                return Ok(CallToolResult::error(vec![ContentBlock::text(error.to_string())]).into());
            }
        };
        if let Some(first) = self.pages.offer(&request.name, &answer, &context).await {
            return Ok(first.into());
        }
        let result = match &answer.outcome {
            Outcome::Returned(result) => returned(&request.name, result),
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
        context: RequestContext<RoleServer>,
    ) -> Result<ListResourcesResult, ErrorData> {
        let own = self.hub.trace(&context.extensions).await.map(resources::of_trace);
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
        // It is no secret and nobody's work: whoever is connected may read how to work with us.
        if request.uri == skill::URI {
            let contents = ResourceContents::text(skill::TEXT, skill::URI).with_mime_type("text/markdown");
            return Ok(ReadResourceResult::new(vec![contents]).into());
        }
        let Some((tool, arguments)) = resources::call_for(&request.uri) else {
            let uri: String = request.uri.chars().take(200).collect();
            let message = format!("there is no resource {uri}");
            let data = json!({ "uri": uri });
            return Err(ErrorData::resource_not_found(message, Some(data)));
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
                let data = json!({ RECORDED: answer.recorded, "uri": request.uri });
                Err(ErrorData::new(
                    ErrorCode::RESOURCE_NOT_FOUND,
                    refusal.message.clone(),
                    Some(data),
                ))
            }
        }
    }

    async fn list_skills(
        &self,
        _: Option<PaginatedRequestParams>,
        _: RequestContext<RoleServer>,
    ) -> Result<ListSkillsResult, ErrorData> {
        Ok(ListSkillsResult::with_all_items(vec![skill::skill()]))
    }

    async fn get_skill(
        &self,
        request: GetSkillRequestParams,
        _: RequestContext<RoleServer>,
    ) -> Result<GetSkillResult, ErrorData> {
        if request.uri == skill::URI {
            return Ok(GetSkillResult::new(skill::skill()));
        }
        let uri: String = request.uri.chars().take(200).collect();
        Err(ErrorData::invalid_params(
            format!("there is no skill {uri}"),
            None,
        ))
    }

    async fn on_custom_request(
        &self,
        request: CustomRequest,
        _: RequestContext<RoleServer>,
    ) -> Result<CustomResult, ErrorData> {
        let name: String = request.method.chars().take(80).collect();
        // A version without `initialize` does not have that method, whatever its parameters.
        Err(
            if mistakes::is_ours(&request.method) && request.method != "initialize" {
                let message = format!("the parameters of {name} are not what MCP defines");
                ErrorData::invalid_params(message, None)
            } else {
                ErrorData::new(ErrorCode::METHOD_NOT_FOUND, name, None)
            },
        )
    }
}
