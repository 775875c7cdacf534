//! OpenAI's Responses API, as Codex uses it: `POST /v1/responses`, streamed.

use serde_json::{Value, json};

use super::{
    Action, Asked, Shared, ToolResult, Whose,
    http::{Request, Response},
    messages::text_of,
};

pub(super) fn answer(shared: &Shared, request: Request) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return Response::not_found();
    };
    let asked = read(request.target, body);
    let turn = asked.turns;
    let item = match shared.next(asked) {
        Action::Call {
            whose: Whose::Client,
            tool,
            arguments,
        } => json!({
            "type": "function_call",
            "id": format!("fc_scripted_{turn}"),
            "call_id": call_id(turn),
            "name": tool,
            "arguments": arguments.to_string(),
        }),
        Action::Call {
            whose: Whose::Server,
            tool,
            arguments,
        } => json!({
            "type": "function_call",
            "id": format!("fc_scripted_{turn}"),
            "call_id": call_id(turn),
            "name": tool,
            "namespace": format!("mcp__{}", shared.mcp_server),
            "arguments": arguments.to_string(),
        }),
        Action::Say(text) => json!({
            "type": "message",
            "id": format!("msg_scripted_{turn}"),
            "role": "assistant",
            "content": [{ "type": "output_text", "text": text }],
        }),
    };
    let id = format!("resp_scripted_{turn}");
    Response::events(&[
        json!({ "type": "response.created", "response": { "id": id } }),
        json!({ "type": "response.output_item.done", "output_index": 0, "item": item }),
        json!({ "type": "response.completed", "response": {
            "id": id,
            "usage": {
                "input_tokens": 1, "input_tokens_details": null,
                "output_tokens": 1, "output_tokens_details": null, "total_tokens": 2,
            },
        }}),
    ])
}

/// The id under which the model calls a tool at this turn.
pub(super) fn call_id(turn: usize) -> String {
    format!("call_scripted_{turn}")
}

fn read(target: String, body: Value) -> Asked {
    let input = body["input"].as_array().cloned().unwrap_or_default();
    let own = |item: &&Value| {
        item["type"] == "function_call" || (item["type"] == "message" && item["role"] == "assistant")
    };
    Asked {
        target,
        tools: body["tools"]
            .as_array()
            .into_iter()
            .flatten()
            .flat_map(names)
            .collect(),
        turns: input.iter().filter(own).count(),
        results: input
            .iter()
            .filter(|item| item["type"] == "function_call_output")
            .map(|item| ToolResult {
                call_id: item["call_id"].as_str().unwrap_or_default().to_owned(),
                text: text_of(&item["output"]),
            })
            .collect(),
        body,
    }
}

/// A tool's name, or those of a namespace of tools with the namespace before each.
fn names(tool: &Value) -> Vec<String> {
    let name = tool["name"]
        .as_str()
        .or_else(|| tool["type"].as_str())
        .unwrap_or_default()
        .to_owned();
    match tool["tools"].as_array() {
        Some(inner) => inner
            .iter()
            .filter_map(|tool| tool["name"].as_str())
            .map(|inner| format!("{name}.{inner}"))
            .collect(),
        None => vec![name],
    }
}
