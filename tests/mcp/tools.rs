//! The ten tools and the resources: what they list, what they answer, and that both agree.

use identity::HumanVerb;
use serde_json::{Value, json};
use testkit::{Home, StdioClient, stdio::ToolAnswer};

use crate::{kinds, schema::violations};

/// The tools, with arguments that each can do something with; `$WI` is a work item that exists.
fn calls(item: &Value) -> [(&'static str, Value); 10] {
    [
        (
            "propose_work_item",
            json!({ "title": "Fix the password reset bug", "repository": "acme/shop", "paths": ["src/auth/reset.rs"],
                    "description": "The link is sent with the old host name.", "risk": "high" }),
        ),
        ("await_decision", json!({ "id": item })),
        ("get_work_item", json!({ "id": item })),
        (
            "record_evidence",
            json!({ "id": item, "kind": "test", "outcome": "failed", "tool": "cargo test", "summary": "One test fails.",
                    "digest": "07".repeat(32), "changed_lines": 12, "commit": "c0".repeat(20), "tree": "7e".repeat(20) }),
        ),
        ("report_progress", json!({ "id": item, "state": "in_progress" })),
        ("list_work_items", json!({ "state": "proposed", "limit": 1 })),
        (
            "append_trace_note",
            json!({ "text": "The host name is read once.", "refs": ["src/auth/reset.rs"] }),
        ),
        ("read_trace", json!({ "from": 0, "limit": 3, "bodies": true })),
        ("verify_trace", json!({})),
        ("describe_delegation", json!({})),
    ]
}

fn propose(client: &mut StdioClient, title: &str) -> ToolAnswer {
    let proposed = client.call("propose_work_item", json!({ "title": title }));
    assert!(!proposed.is_error, "{}", proposed.text);
    proposed
}

#[test]
fn the_list_of_tools_costs_less_than_nine_kibibytes() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let listed = client.request("tools/list", json!({})).unwrap();
    let size = listed.to_string().len();
    assert!(size < 9 * 1024, "tools/list answers {size} bytes");
    for tool in listed["tools"].as_array().unwrap() {
        let name = tool["name"].as_str().unwrap();
        assert!(tool["inputSchema"]["type"] == "object", "{name}: {tool}");
        assert!(tool["outputSchema"]["type"] == "object", "{name}: {tool}");
        let hints = &tool["annotations"];
        let writes = matches!(
            name,
            "propose_work_item" | "record_evidence" | "report_progress" | "append_trace_note"
        );
        assert_eq!(hints["readOnlyHint"], json!(!writes), "{name}: {hints}");
        assert!(format!("mcp__plugin_auditotter_auditotter__{name}").len() <= 64);
    }
}

#[test]
fn every_tool_answers_what_its_schemas_promise() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let listed = client.request("tools/list", json!({})).unwrap();
    let item = propose(&mut client, "Read the host name per mail").structured["id"].clone();
    propose(&mut client, "Another");
    // Decided, or its decision would be waited for.
    let id = item.as_str().unwrap().parse().unwrap();
    home.decide(id, HumanVerb::Approve, Some("small and tested"));
    for (tool, arguments) in calls(&item) {
        let schema = listed["tools"]
            .as_array()
            .unwrap()
            .iter()
            .find(|known| known["name"] == tool)
            .unwrap_or_else(|| panic!("{tool} is not listed"));
        check(&schema["inputSchema"], &arguments, tool);
        let answer = client.call(tool, arguments);
        assert!(!answer.is_error, "{tool}: {}", answer.text);
        check(&schema["outputSchema"], &answer.structured, tool);
        assert!(
            !answer.text.is_empty() && answer.text.len() < 600,
            "{tool}: {} bytes of text",
            answer.text.len()
        );
    }
}

fn check(schema: &Value, value: &Value, at: &str) {
    assert!(
        schema["properties"].is_object(),
        "{at}: a schema that promises nothing"
    );
    assert_eq!(violations(schema, value), Vec::<String>::new(), "{at}: {value}");
}

#[test]
fn a_proposal_says_who_answers_for_it_and_where_a_human_decides() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let arguments =
        json!({ "title": "Fix the login crash", "paths": ["src/auth/login.rs"], "repository": "acme/shop" });
    let proposed = client.call("propose_work_item", arguments).structured;
    assert_eq!(proposed["state"], "proposed");
    assert_eq!(proposed["type"], "bug");
    assert_eq!(proposed["on_behalf_of"], "Alice (via claude-code)");
    let id = proposed["id"].as_str().unwrap();
    let (inbox, challenge) = proposed["approval_url"]
        .as_str()
        .unwrap()
        .split_once("/d/")
        .unwrap();
    assert_eq!(inbox, "http://localhost:7687");
    let (seal, named) = challenge.split_at(32);
    assert!(
        seal.bytes().all(|digit| digit.is_ascii_hexdigit()),
        "128 bits that nobody guesses: {challenge}"
    );
    assert_eq!(format!("wi_{named}"), id);
    let seen = client.call("get_work_item", json!({ "id": id })).structured;
    for field in [
        "id",
        "state",
        "type",
        "risk",
        "type_reasons",
        "risk_reasons",
        "trace",
    ] {
        assert_eq!(seen[field], proposed[field], "{field}");
    }
    client.end();
    let chain = home.workspace_chain();
    let recorded = chain.last().unwrap();
    assert_eq!(recorded.kind, "work_item.proposed");
    assert_eq!(recorded.body["proposal"]["title"], "Fix the login crash");
    assert_eq!(recorded.stored.entry.via.as_ref().unwrap().agent(), "claude-code");
}

#[test]
fn work_items_are_listed_newest_first_and_page_by_page() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let mut ids: Vec<Value> = (0..5)
        .map(|n| propose(&mut client, &format!("Item {n}")).structured["id"].clone())
        .collect();
    ids.reverse();
    let (mut found, mut after) = (Vec::new(), Value::Null);
    loop {
        let page = client
            .call("list_work_items", json!({ "limit": 2, "after": after }))
            .structured;
        let items = page["items"].as_array().unwrap();
        assert!(items.len() <= 2);
        found.extend(items.iter().map(|item| item["id"].clone()));
        match page.get("next") {
            Some(next) => after = next.clone(),
            None => break,
        }
    }
    assert_eq!(found, ids);
}

#[test]
fn work_items_and_traces_are_resources_and_reading_them_is_recorded() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let item = propose(&mut client, "Read me").structured;
    let trace = item["trace"].as_str().unwrap().to_owned();
    let listed = client.request("resources/list", json!({})).unwrap();
    assert_eq!(
        listed["resources"][0]["uri"],
        format!("auditotter://traces/{trace}")
    );
    let templates = client.request("resources/templates/list", json!({})).unwrap();
    let uris: Vec<&str> = templates["resourceTemplates"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|template| template["uriTemplate"].as_str())
        .collect();
    assert_eq!(uris, ["auditotter://work-items/{id}", "auditotter://traces/{id}"]);
    for (uri, field) in [
        (
            format!("auditotter://work-items/{}", item["id"].as_str().unwrap()),
            "title",
        ),
        (format!("auditotter://traces/{trace}"), "entries"),
    ] {
        let read = client.request("resources/read", json!({ "uri": uri })).unwrap();
        let text = read["contents"][0]["text"].as_str().unwrap();
        let content: Value = serde_json::from_str(text).unwrap();
        assert!(!content[field].is_null(), "{uri}: {content}");
        assert_eq!(read["contents"][0]["uri"], uri);
    }
    let missing = client
        .request(
            "resources/read",
            json!({ "uri": "auditotter://work-items/wi_00000000000000000000000000" }),
        )
        .unwrap_err();
    assert_eq!(missing.code, -32002, "{missing:?}");
    client
        .request("resources/read", json!({ "uri": "file:///etc/passwd" }))
        .unwrap_err();
    client.end();
    let kinds = kinds(&home);
    let called = kinds.iter().filter(|kind| *kind == "tool.called").count();
    assert_eq!(called, 4, "a proposal and three readings: {kinds:?}");
    assert_eq!(kinds[kinds.len() - 2], "protocol.error", "{kinds:?}");
}

#[test]
fn the_skill_is_served_as_the_clients_plugins_have_it() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let uri = "skill://auditotter/SKILL.md";
    let listed = client.request("skills/list", json!({})).unwrap();
    let [skill] = listed["skills"].as_array().unwrap().as_slice() else {
        panic!("{listed}");
    };
    assert_eq!(
        (&skill["uri"], &skill["frontmatter"]["name"]),
        (&json!(uri), &json!("auditotter"))
    );
    let got = client.request("skills/get", json!({ "uri": uri })).unwrap();
    assert_eq!(&got["skill"], skill);
    let read = client.request("resources/read", json!({ "uri": uri })).unwrap();
    let text = read["contents"][0]["text"].as_str().unwrap();
    let file = testkit::clients::repository_root().join("skills/auditotter/skills/auditotter/SKILL.md");
    assert_eq!(text, std::fs::read_to_string(file).unwrap());
    let told = &skill["resources"][0];
    assert_eq!(told["size"], text.len());
    assert!(
        client
            .request("skills/get", json!({ "uri": "skill://other/SKILL.md" }))
            .is_err()
    );
    client.end();
}
