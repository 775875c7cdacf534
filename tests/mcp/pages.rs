//! The page where a human decides, offered to clients that open pages. What a client says to that is no decision, and a
//! proposal waits for none of it.

use serde_json::{Value, json};
use testkit::{Home, StdioClient};

use crate::kinds;

/// Whatever a client may say when it is asked to open a page.
fn answers() -> Vec<Value> {
    vec![
        json!({ "result": { "action": "accept" } }),
        json!({ "result": { "action": "accept", "content": { "approved": true, "decision": "approve" } } }),
        json!({ "result": { "action": "decline" } }),
        json!({ "result": { "action": "cancel" } }),
        json!({ "result": { "action": "approve" } }),
        json!({ "result": {} }),
        json!({ "error": { "code": -32603, "message": "there is no browser" } }),
    ]
}

fn opens_pages() -> Value {
    json!({ "elicitation": { "form": {}, "url": {} } })
}

fn opening_pages(home: &Home) -> StdioClient {
    let mut client = StdioClient::start(&mut home.auditotter_mcp(&[]));
    client.declare(opens_pages());
    client
}

fn propose(title: &str) -> Value {
    json!({ "name": "propose_work_item", "arguments": { "title": title } })
}

/// Nothing but proposals is there, and nobody decided on them.
fn nothing_was_decided(home: &Home, client: &mut StdioClient, proposals: usize) {
    let listed = client.call("list_work_items", json!({})).structured;
    let items = listed["items"].as_array().unwrap();
    assert_eq!(items.len(), proposals, "{listed}");
    assert!(items.iter().all(|item| item["state"] == "proposed"), "{listed}");
    let workspace = home.workspace_chain();
    let kinds: Vec<&str> = workspace.iter().map(|entry| entry.kind.as_str()).collect();
    assert!(!kinds.contains(&"decision.made"), "{kinds:?}");
    assert_eq!(
        kinds.iter().filter(|kind| **kind == "work_item.proposed").count(),
        proposals
    );
}

#[test]
fn a_client_that_opens_pages_is_asked_and_has_its_answer_before_it_says_anything() {
    let home = Home::lent();
    // Codex begins with this version, and says that it opens pages.
    let mut client = StdioClient::start(&mut home.auditotter_mcp(&["--agent", "claude-code"]));
    client.declare(opens_pages());
    client.initialize("2025-06-18", "codex-mcp-client").unwrap();
    for (count, answer) in answers().iter().enumerate() {
        let proposed = client.call("propose_work_item", json!({ "title": format!("Fix {count}") }));
        assert!(!proposed.is_error, "{}", proposed.text);
        let (id, question) = client.asked("elicitation/create");
        assert_eq!(question["mode"], "url");
        assert_eq!(question["url"], proposed.structured["approval_url"]);
        assert_eq!(question["elicitationId"], proposed.structured["id"]);
        client.reply(&id, answer);
    }
    // And of one that is never answered.
    let unanswered = client.call("propose_work_item", json!({ "title": "Fix the last" }));
    assert_eq!(unanswered.structured["state"], "proposed");
    let (_, question) = client.asked("elicitation/create");
    assert_eq!(question["url"], unanswered.structured["approval_url"]);
    nothing_was_decided(&home, &mut client, answers().len() + 1);
    let (status, stderr) = client.end();
    assert!(status.success(), "{stderr}");
}

#[test]
fn who_only_fills_in_forms_is_not_asked() {
    let home = Home::lent();
    for capabilities in [
        json!({}),
        json!({ "elicitation": {} }),
        json!({ "elicitation": { "form": {} } }),
    ] {
        for stateless in [false, true] {
            let mut client = StdioClient::start(&mut home.auditotter_mcp(&[]));
            client.declare(capabilities.clone());
            if stateless {
                client.go_stateless();
            } else {
                client.initialize("2025-11-25", "claude-code").unwrap();
            }
            let proposed = client.call("propose_work_item", json!({ "title": "Fix it" }));
            assert!(proposed.structured["approval_url"].is_string(), "{proposed:?}");
            let note = client.call("append_trace_note", json!({ "text": "and on" }));
            assert!(!note.is_error);
            assert!(!client.has_heard("elicitation/create"), "{capabilities}");
        }
    }
}

#[test]
fn in_the_stateless_era_the_page_comes_first_and_the_same_answer_whatever_is_said_to_that() {
    let home = Home::lent();
    let mut client = opening_pages(&home);
    client.go_stateless();
    let answers = answers();
    for (count, answer) in answers.iter().enumerate() {
        let asked = propose(&format!("Fix {count}"));
        let first = client.request("tools/call", asked.clone()).unwrap();
        assert_eq!(first["resultType"], "input_required", "{first}");
        let question = &first["inputRequests"]["approval"];
        assert_eq!(question["method"], "elicitation/create");
        assert_eq!(question["params"]["mode"], "url");
        let mut again = asked;
        again["requestState"] = first["requestState"].clone();
        again["inputResponses"] = json!({ "approval": answer["result"] });
        let proposed = client.request("tools/call", again.clone()).unwrap();
        assert_eq!(proposed["isError"], false, "{proposed}");
        assert_eq!(
            proposed["structuredContent"]["approval_url"], question["params"]["url"],
            "{proposed}"
        );
        assert_eq!(proposed["structuredContent"]["state"], "proposed");
        // Asked twice it is no second proposal, whatever else the arguments say by then.
        again["arguments"] = json!({ "title": "Something else" });
        let repeated = client.request("tools/call", again).unwrap();
        assert_eq!(repeated["structuredContent"], proposed["structuredContent"]);
    }
    // A client that never asks again has proposed all the same.
    let first = client.request("tools/call", propose("Fix the last")).unwrap();
    assert!(first["inputRequests"]["approval"]["params"]["url"].is_string());
    nothing_was_decided(&home, &mut client, answers.len() + 1);
    client.end();
    let called = kinds(&home).iter().filter(|kind| *kind == "tool.called").count();
    assert_eq!(
        called,
        answers.len() + 2,
        "each proposal is one call, and the list"
    );
}

#[test]
fn a_state_that_this_session_was_not_given_proposes_nothing() {
    let home = Home::lent();
    let mut client = opening_pages(&home);
    client.go_stateless();
    let mut other = opening_pages(&home);
    other.go_stateless();
    let given = client.request("tools/call", propose("Fix it")).unwrap()["requestState"].clone();
    let others = other.request("tools/call", propose("Fix that")).unwrap()["requestState"].clone();
    let text = given.as_str().unwrap();
    let (rest, last) = text.split_at(text.len() - 20);
    let turned: String = last.chars().rev().collect();
    let bent = format!("{rest}{turned}");
    assert_ne!(bent, text);
    for state in ["", "x", "rs1.AAAA.AAAA", &bent, others.as_str().unwrap()] {
        let mut again = propose("Fix it again");
        again["requestState"] = json!(state);
        let refused = client.request("tools/call", again).unwrap_err();
        assert_eq!(refused.code, -32602, "{state}: {refused:?}");
        assert!(
            refused.message.contains("nothing was proposed anew"),
            "{refused:?}"
        );
    }
    // What goes with another tool is not looked at.
    let note = json!({ "name": "append_trace_note", "arguments": { "text": "hello" }, "requestState": bent });
    assert_eq!(client.request("tools/call", note).unwrap()["isError"], false);
    nothing_was_decided(&home, &mut client, 2);
}
