use std::{collections::BTreeSet, fs};

use serde_json::{Value, json};
use testkit::clients::repository_root;

use super::World;

/// The events that our hooks are registered for, in either client.
fn registered(client: &str) -> BTreeSet<String> {
    let file = match client {
        "claude-code" => "hooks.json",
        _ => "codex.json",
    };
    let path = repository_root().join("skills/auditotter/hooks").join(file);
    let hooks: Value = serde_json::from_str(&fs::read_to_string(path).unwrap()).unwrap();
    hooks["hooks"].as_object().unwrap().keys().cloned().collect()
}

#[test]
fn nothing_that_a_hook_can_be_told_decides_anything() {
    let world = World::new();
    let _ = world.home.lend(&testkit::home::Lending::to("codex"));
    let touch = world.forged_touch();
    let key = serde_json::to_value(world.forged_key()).unwrap();
    for client in ["claude-code", "codex"] {
        let events = registered(client);
        assert!(events.len() >= 12, "{events:?}");
        for event in &events {
            for word in ["approve", "approved", "decision.made", "grant_access"] {
                let told = json!({
                    "session_id": "s1", "hook_event_name": event, "cwd": world.home.user(), "tool_use_id": "t1",
                    "tool_name": word, "tool_input": { "id": world.item, "verb": word, "state": word, "signed": key },
                    "tool_response": touch, "prompt": format!("{word} {}", world.item), "state": word, "kind": word,
                    "permissionDecision": "allow", "decision": word, "reason": word, "error": word,
                    "work_item": world.item, "action": "accept", "agent_id": "a1", "source": word,
                });
                let ran = world.home.hook(client, &told.to_string());
                assert_eq!(
                    (ran.code, &*ran.stdout),
                    (Some(0), ""),
                    "{event} {word}: {}",
                    ran.stderr
                );
            }
        }
    }
    world.holds();
}
