//! What no well-behaved client sends: answered as JSON-RPC defines, recorded, and never the end of the session.

use serde_json::{Value, json};
use testkit::Home;

use crate::kinds;

/// The bodies of a home's recorded protocol errors.
fn protocol_errors(home: &Home) -> Vec<Value> {
    let trace = home.traces()[0];
    home.trace(trace)
        .into_iter()
        .filter(|recorded| recorded.kind == "protocol.error")
        .map(|recorded| recorded.body["observation"]["protocol_error"].clone())
        .collect()
}

#[test]
fn what_is_no_message_is_refused_recorded_and_survived() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let five_mebibytes = vec![b'x'; 5 * 1024 * 1024];
    let rubbish: [(&[u8], i64); 6] = [
        (b"{\"jsonrpc\":", -32700),
        (b"\xff\xfe\x00", -32700),
        (b"[{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"ping\"}]", -32600),
        (&five_mebibytes, -32600),
        (b"{\"jsonrpc\":\"1.0\",\"id\":\"a\"}", -32600),
        (b"42", -32600),
    ];
    for (line, code) in rubbish {
        let shown = String::from_utf8_lossy(&line[..line.len().min(40)]);
        client.line(line);
        let complaint = if shown.contains("\"a\"") {
            client.answer_to(&json!("a")).unwrap_err()
        } else {
            client.complaint()
        };
        assert_eq!(complaint.code, code, "{shown}: {complaint:?}");
    }
    let note = client.call("append_trace_note", json!({ "text": "still here" }));
    assert!(!note.is_error, "{}", note.text);
    client.end();
    let recorded = protocol_errors(&home);
    let codes: Vec<i64> = recorded
        .iter()
        .filter_map(|error| error["code"].as_i64())
        .collect();
    assert_eq!(codes, rubbish.map(|(_, code)| code));
    assert_eq!(recorded[0]["received"], "{\"jsonrpc\":");
    for error in recorded {
        assert!(
            error["received"].as_str().unwrap().len() <= 2048,
            "a record of bounded size"
        );
    }
}

#[test]
fn a_method_that_does_not_exist_is_answered_and_recorded() {
    let home = Home::lent();
    let mut client = home.claude_code();
    client.call("describe_delegation", json!({}));
    let error = client.request("work_items/approve", json!({})).unwrap_err();
    assert_eq!(error.code, -32601, "{error:?}");
    client.end();
    assert_eq!(protocol_errors(&home)[0]["code"], -32601);
}

#[test]
fn a_tool_that_does_not_exist_is_answered_and_recorded() {
    let home = Home::lent();
    let mut client = home.claude_code();
    for human in ["approve", "grant_access", "no_such_tool"] {
        let error = client.try_call(human, json!({ "id": "wi_x" })).unwrap_err();
        assert_eq!(error.code, -32602, "{error:?}");
        assert!(error.message.contains(human), "{error:?}");
    }
    client.end();
    let pairs = ["tool.called", "tool.rejected"].repeat(3);
    let expected: Vec<&str> = ["session.opened"]
        .into_iter()
        .chain(pairs)
        .chain(["session.closed"])
        .collect();
    assert_eq!(kinds(&home), expected);
}

#[test]
fn malformed_arguments_are_explained_and_recorded() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let wrong = [
        ("propose_work_item", json!({}), "missing field `title`"),
        ("propose_work_item", json!({ "title": 7 }), "invalid type"),
        (
            "propose_work_item",
            json!({ "title": "x", "state": "approved" }),
            "unknown field `state`",
        ),
        (
            "propose_work_item",
            json!({ "title": "x", "risk": "none" }),
            "none",
        ),
        ("get_work_item", json!({ "id": "wi_nonsense" }), "wi_"),
        ("read_trace", json!({ "from": -1 }), "invalid value"),
        ("append_trace_note", json!({ "text": "" }), "text is empty"),
    ];
    for (tool, arguments, told) in &wrong {
        let answer = client.call(tool, arguments.clone());
        assert!(answer.is_error, "{tool} {arguments}");
        assert!(answer.text.contains(told), "{tool} {arguments}: {}", answer.text);
        assert!(
            answer.text.contains("[tr_"),
            "it says where it was recorded: {}",
            answer.text
        );
    }
    client.end();
    let rejected = kinds(&home)
        .into_iter()
        .filter(|kind| kind == "tool.rejected")
        .count();
    assert_eq!(rejected, wrong.len());
}

#[test]
fn arguments_that_are_no_object_are_refused_as_the_protocol_wants() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let asked = json!({ "name": "append_trace_note", "arguments": ["text"] });
    let error = client.request("tools/call", asked).unwrap_err();
    assert_eq!(error.code, -32602, "{error:?}");
    client.end();
    assert_eq!(protocol_errors(&home)[0]["method"], "tools/call");
}

#[test]
fn a_cancelled_request_is_recorded_and_the_session_goes_on() {
    let home = Home::lent();
    let mut client = home.claude_code();
    client.call("describe_delegation", json!({}));
    let asked = client.send("tools/call", json!({ "name": "verify_trace", "arguments": {} }));
    client.cancel(asked, "the human pressed escape");
    let note = client.call("append_trace_note", json!({ "text": "still here" }));
    assert!(!note.is_error, "{}", note.text);
    client.forget(asked);
    client.end();
    let trace = home.trace(home.traces()[0]);
    let cancelled = trace
        .iter()
        .find(|recorded| recorded.kind == "call.cancelled")
        .expect("the cancellation is recorded");
    let observed = &cancelled.body["observation"]["cancelled"];
    assert_eq!(observed["request"], asked.to_string());
    assert_eq!(observed["reason"], "the human pressed escape");
}

#[test]
fn a_title_of_one_mebibyte_is_refused_and_not_kept() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let answer = client.call("propose_work_item", json!({ "title": "x".repeat(1024 * 1024) }));
    assert!(answer.is_error);
    assert!(
        answer.text.contains("title") && answer.text.len() < 600,
        "{}",
        answer.text
    );
    let listed = client.call("list_work_items", json!({})).structured;
    assert_eq!(listed["items"], json!([]));
}

#[test]
fn a_client_that_looks_and_leaves_leaves_no_trace() {
    let home = Home::lent();
    let (status, stderr) = home.claude_code().end();
    assert!(status.success(), "{stderr}");
    assert_eq!(home.traces(), []);
}

#[test]
fn what_no_hub_could_read_is_refused_recorded_and_survived() {
    let home = Home::lent();
    let mut client = home.claude_code();
    client.call("append_trace_note", json!({ "text": "one" }));
    let deep = format!("{}{}", "[".repeat(115), "]".repeat(115));
    // Numbers are longer in the form in which they are passed on.
    let wide = format!("[{}]", vec!["1e9"; 900_000].join(","));
    for (id, arguments) in [("deep", deep), ("wide", wide)] {
        let line = format!(
            r#"{{"jsonrpc":"2.0","id":"{id}","method":"tools/call","params":{{"name":"append_trace_note","arguments":{{"text":{arguments}}}}}}}"#
        );
        client.line(line.as_bytes());
        let error = client.answer_to(&json!(id)).unwrap_err();
        assert_eq!(error.code, -32602, "{error:?}");
        assert!(error.message.contains("nothing done"), "{error:?}");
    }
    let note = client.call("append_trace_note", json!({ "text": "still here" }));
    assert!(!note.is_error, "{}", note.text);
    client.end();
    let trace = home.trace(home.traces()[0]);
    assert_eq!(protocol_errors(&home).len(), 2);
    let resumed = trace.iter().any(|recorded| recorded.kind == "session.resumed");
    assert!(!resumed, "the connection held");
}
