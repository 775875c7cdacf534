//! The page where a human decides, offered over HTTP: on the stream of the call that proposed, and nowhere else.

use serde_json::{Value, json};
use testkit::{Home, ListeningHub, WebClient};

fn opens_pages() -> Value {
    json!({ "elicitation": { "url": {} } })
}

fn proposing() -> Value {
    json!({ "name": "propose_work_item", "arguments": { "title": "Fix it" } })
}

fn nothing_was_decided(home: &Home, proposals: usize) {
    let chain = home.workspace_chain();
    let count = |kind: &str| chain.iter().filter(|entry| entry.kind == kind).count();
    assert_eq!(
        (count("work_item.proposed"), count("decision.made")),
        (proposals, 0)
    );
}

#[test]
fn a_client_that_opens_pages_is_asked_on_the_stream_of_its_call() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let mut client = WebClient::lent(&home, &hub).with_initialize(&opens_pages());
    for answer in [
        json!({ "result": { "action": "accept", "content": { "decision": "approve" } } }),
        json!({ "result": { "action": "decline" } }),
        json!({ "error": { "code": -1, "message": "no" } }),
    ] {
        let heard = client.send("tools/call", proposing()).messages();
        let [question, result] = <[Value; 2]>::try_from(heard).unwrap();
        assert_eq!(question["method"], "elicitation/create");
        let proposed = &result["result"]["structuredContent"];
        assert_eq!(question["params"]["url"], proposed["approval_url"]);
        let mut said = json!({ "jsonrpc": "2.0", "id": question["id"] });
        for (name, value) in answer.as_object().unwrap() {
            said[name] = value.clone();
        }
        assert_eq!(client.post(&said).status, 202);
        let seen = client.call("get_work_item", json!({ "id": proposed["id"] }));
        assert_eq!(seen.structured["state"], "proposed");
    }
    let mut plain = WebClient::lent(&home, &hub).with_initialize(&json!({ "elicitation": {} }));
    assert_eq!(plain.send("tools/call", proposing()).messages().len(), 1);
    hub.end();
    nothing_was_decided(&home, 4);
}

#[test]
fn in_the_stateless_era_the_page_comes_first_and_a_state_is_its_sessions_own() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let asking = |client: &mut WebClient, state: Option<&Value>| {
        let mut params = proposing();
        params["_meta"] = json!({ "io.modelcontextprotocol/clientCapabilities": opens_pages() });
        if let Some(state) = state {
            params["requestState"] = state.clone();
            params["inputResponses"] = json!({ "approval": { "action": "accept" } });
        }
        client.request("tools/call", params)
    };
    let mut client = WebClient::lent(&home, &hub);
    let mut other = WebClient::lent(&home, &hub);
    let first = asking(&mut client, None).unwrap();
    assert_eq!(first["resultType"], "input_required", "{first}");
    let state = &first["requestState"];
    // Another session, before and after it has a trace.
    assert_eq!(asking(&mut other, Some(state)).unwrap_err().code, -32602);
    assert!(
        !other
            .call("append_trace_note", json!({ "text": "hello" }))
            .is_error
    );
    assert_eq!(asking(&mut other, Some(state)).unwrap_err().code, -32602);
    let proposed = asking(&mut client, Some(state)).unwrap();
    assert_eq!(
        proposed["structuredContent"]["approval_url"],
        first["inputRequests"]["approval"]["params"]["url"]
    );
    hub.end();
    nothing_was_decided(&home, 1);
}
