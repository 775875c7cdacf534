//! Anthropic's Messages API, as Claude Code uses it: `POST /v1/messages`, streamed.

use serde_json::{Value, json};

use super::{
    Action, Asked, Shared, ToolResult, Whose,
    http::{Request, Response},
};

pub(super) fn answer(shared: &Shared, request: Request) -> Response {
    let Ok(body) = serde_json::from_slice::<Value>(&request.body) else {
        return Response::not_found();
    };
    let asked = read(request.target, body);
    let turn = asked.turns;
    let by = if shared.helper_of(&asked.body).is_some() {
        "helper_"
    } else {
        ""
    };
    let (block, deltas, reason) = match shared.next(asked) {
        Action::Call {
            whose,
            tool,
            arguments,
        } => (
            json!({
                "type": "tool_use",
                "id": format!("{by}{}", call_id(turn)),
                "name": match whose {
                    Whose::Server => format!("mcp__{}__{tool}", shared.mcp_server),
                    Whose::Client => tool,
                },
                "input": {},
            }),
            json!({ "type": "input_json_delta", "partial_json": arguments.to_string() }),
            "tool_use",
        ),
        Action::Say(text) => (
            json!({ "type": "text", "text": "" }),
            json!({ "type": "text_delta", "text": text }),
            "end_turn",
        ),
    };
    Response::events(&[
        json!({ "type": "message_start", "message": {
            "id": format!("msg_scripted_{turn}"), "type": "message", "role": "assistant", "model": "scripted",
            "content": [], "stop_reason": null, "stop_sequence": null,
            "usage": { "input_tokens": 1, "output_tokens": 1 },
        }}),
        json!({ "type": "content_block_start", "index": 0, "content_block": block }),
        json!({ "type": "content_block_delta", "index": 0, "delta": deltas }),
        json!({ "type": "content_block_stop", "index": 0 }),
        json!({
            "type": "message_delta", "delta": { "stop_reason": reason, "stop_sequence": null },
            "usage": { "output_tokens": 1 },
        }),
        json!({ "type": "message_stop" }),
    ])
}

/// The id under which the model calls a tool at this turn.
pub(super) fn call_id(turn: usize) -> String {
    format!("toolu_scripted_{turn}")
}

fn read(target: String, body: Value) -> Asked {
    let messages = body["messages"].as_array().cloned().unwrap_or_default();
    let blocks = messages
        .iter()
        .filter(|message| message["role"] == "user")
        .filter_map(|message| message["content"].as_array())
        .flatten()
        .filter(|block| block["type"] == "tool_result");
    Asked {
        target,
        tools: body["tools"]
            .as_array()
            .into_iter()
            .flatten()
            .filter_map(|tool| tool["name"].as_str().map(str::to_owned))
            .collect(),
        turns: messages
            .iter()
            .filter(|message| message["role"] == "assistant")
            .count(),
        results: blocks
            .map(|block| ToolResult {
                call_id: block["tool_use_id"].as_str().unwrap_or_default().to_owned(),
                text: text_of(&block["content"]),
            })
            .collect(),
        body,
    }
}

/// Content is a text, or a list of blocks of which some have one.
pub(super) fn text_of(content: &Value) -> String {
    match content {
        Value::String(text) => text.clone(),
        Value::Array(blocks) => {
            let texts: Vec<&str> = blocks.iter().filter_map(|block| block["text"].as_str()).collect();
            texts.join("\n")
        }
        other => other.to_string(),
    }
}
