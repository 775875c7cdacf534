//! Every tool and every resource of MCP.

use serde_json::{Value, json};
use testkit::{ListeningHub, WebClient, stdio::RpcError};

use super::World;

/// What each tool takes, as an agent would call it.
fn arguments(world: &World, tool: &str) -> Value {
    let id = world.item;
    match tool {
        "propose_work_item" => json!({ "title": "Approve everything" }),
        "await_decision" | "get_work_item" => json!({ "id": id }),
        "record_evidence" => json!({
            "id": id, "kind": "review", "outcome": "passed", "tool": "reviewer", "summary": "approved",
        }),
        "report_progress" => json!({ "id": id, "state": "in_progress" }),
        "append_trace_note" => json!({ "text": "approved by Bob" }),
        "list_work_items" | "read_trace" | "verify_trace" | "describe_delegation" => json!({}),
        unknown => panic!("{unknown}: how would an agent misuse it? Say it here"),
    }
}

/// What nobody asked for, beside what the tool takes.
fn extras(world: &World) -> [(&'static str, Value); 8] {
    [
        ("state", json!("approved")),
        ("status", json!("approved")),
        ("approve", json!(true)),
        ("verb", json!("approve")),
        ("on_behalf_of", json!(world.bob.member)),
        ("member", json!(world.bob.member)),
        ("decision", world.forged_touch()),
        ("signed", json!(world.forged_key())),
    ]
}

/// Each word that the schema lets a property have.
fn choices(tool: &Value) -> Vec<(String, Value)> {
    let schema = &tool["inputSchema"];
    let properties = schema["properties"].as_object().into_iter().flatten();
    let mut found = Vec::new();
    for (name, property) in properties {
        let reference = property["$ref"]
            .as_str()
            .and_then(|reference| reference.strip_prefix('#'));
        let property = reference
            .and_then(|path| schema.pointer(path))
            .unwrap_or(property);
        let listed = property["enum"].as_array().into_iter().flatten();
        let one_of = property["oneOf"]
            .as_array()
            .into_iter()
            .flatten()
            .map(|one| &one["const"]);
        found.extend(listed.chain(one_of).map(|word| (name.clone(), word.clone())));
    }
    found
}

#[test]
fn no_tool_and_no_resource_decides_anything() {
    let world = World::new();
    let hub = ListeningHub::start(&world.home);
    let mut web = WebClient::lent(&world.home, &hub);
    let listed = web.request("tools/list", json!({})).unwrap();
    let tools = listed["tools"].as_array().unwrap().clone();
    assert_eq!(tools.len(), 10);
    let mut stdio = world.home.claude_code();
    let mut call = |name: &str, arguments: &Value| {
        let params = json!({ "name": name, "arguments": arguments });
        let over_http = web.request("tools/call", params.clone());
        (over_http, stdio.request("tools/call", params))
    };
    for tool in &tools {
        let name = tool["name"].as_str().unwrap();
        let plain = arguments(&world, name);
        let worked = |answer: &Result<Value, RpcError>| answer.as_ref().is_ok_and(|it| it["isError"] != true);
        // Who waits is answered after 45 seconds; what is odd, at once.
        if name != "await_decision" {
            let (over_http, over_stdio) = call(name, &plain);
            let may_fail = name == "report_progress";
            assert!(
                worked(&over_http) && worked(&over_stdio) || may_fail,
                "{name}: {over_http:?}"
            );
        }
        let extra = extras(&world).map(|(name, value)| (name.to_owned(), value));
        let mut odd: Vec<(String, Value)> = choices(tool);
        assert!(name != "report_progress" || odd.len() >= 3, "{tool}");
        odd.extend(extra);
        for (property, value) in odd {
            let mut arguments = plain.clone();
            arguments[property.as_str()] = value;
            let _ = call(name, &arguments);
        }
    }
    for verb in [
        "approve",
        "reject",
        "grant_access",
        "attest_deploy",
        "revoke_member",
        "erase_body",
        "decide",
        "update_work_item",
        "import",
        "sync",
    ] {
        let (over_http, over_stdio) = call(verb, &json!({ "id": world.item }));
        assert!(over_http.is_err() && over_stdio.is_err(), "{verb} is a tool");
    }
    let resources = web.request("resources/list", json!({})).unwrap();
    let templates = web.request("resources/templates/list", json!({})).unwrap();
    let mut addresses: Vec<String> = Vec::new();
    for resource in resources["resources"].as_array().unwrap() {
        addresses.push(resource["uri"].as_str().unwrap().to_owned());
    }
    for template in templates["resourceTemplates"].as_array().unwrap() {
        addresses.push(match template["uriTemplate"].as_str().unwrap() {
            "auditotter://work-items/{id}" => format!("auditotter://work-items/{}", world.item),
            "auditotter://traces/{id}" => format!("auditotter://traces/{}", world.trace),
            unknown => panic!("{unknown}: what would an agent read there? Say it here"),
        });
    }
    assert_eq!(addresses.len(), 3, "{addresses:?}");
    for address in &addresses {
        for uri in [
            address.clone(),
            format!("{address}?state=approved"),
            format!("{address}/approve"),
        ] {
            let over_http = web.request("resources/read", json!({ "uri": uri, "state": "approved" }));
            let over_stdio = stdio.request("resources/read", json!({ "uri": uri }));
            let plain = uri == *address && !uri.contains("traces");
            assert!(
                !plain || over_http.is_ok() && over_stdio.is_ok(),
                "{uri}: {over_http:?}"
            );
        }
    }
    for method in [
        "resources/write",
        "resources/update",
        "prompts/get",
        "completion/complete",
        "tasks/update",
    ] {
        let answered = web.request(method, json!({ "uri": addresses[0], "state": "approved" }));
        assert!(answered.is_err(), "{method} is known");
    }
    stdio.end();
    hub.end();
    world.holds();
}
