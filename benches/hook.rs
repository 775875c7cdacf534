//! What a hook costs whoever waits for it: the whole process, durable, with the hub up, against what Node takes to do nothing;
//! and what the gate adds with 10,000 work items approved.
//!
//! `cargo build --release && cargo bench -p benches --bench hook`, with `-- quick` for a hundredth of the work items.

#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot measure has nothing to return"
)]

use std::{fs, process::Command, time::Duration};

use benches::{Row, percentile, print, samples_in_turns};
use identity::HumanVerb;
use serde_json::{Value, json};
use testkit::Home;

const EVENTS: usize = 400;

fn main() {
    let quick = std::env::args().any(|argument| argument == "quick");
    let items = if quick { 100 } else { 10_000 };
    let home = Home::lent();
    let repository = home.repository();
    let prompt =
        event(&json!({ "hook_event_name": "UserPromptSubmit", "prompt": "Fix the password reset bug" }));
    tell(&home, &prompt);
    let mut node = Command::new("node");
    node.args(["-e", "0"]);
    let (mut ours, mut nodes) = samples_in_turns(
        EVENTS,
        || tell(&home, &prompt),
        || assert!(node.status().unwrap().success()),
    );
    let node = percentile(&mut nodes, 0.5);
    let limit = |name: &str, ours: Duration, baseline: Duration, at_most: f64| Row {
        name: name.to_owned().into(),
        ours: ours.into(),
        baseline: baseline.into(),
        at_most,
    };
    let mut rows = vec![
        limit(
            "hook, whole process, durable, p50, against 5 ms",
            percentile(&mut ours, 0.5),
            Duration::from_millis(5),
            1.0,
        ),
        limit(
            "the same, p99, against 15 ms",
            percentile(&mut ours, 0.99),
            Duration::from_millis(15),
            1.0,
        ),
        limit(
            "the same, p50, against `node -e 0`",
            percentile(&mut ours, 0.5),
            node,
            0.2,
        ),
    ];
    approve(&home, items);
    let folder = repository.folder.join(".auditotter");
    fs::create_dir(&folder).unwrap();
    fs::write(folder.join("policy.toml"), "mode = \"enforce\"\n").unwrap();
    let used = |tool: &str, input: Value| {
        event(&json!({
            "hook_event_name": "PreToolUse", "cwd": repository.folder, "tool_name": tool, "tool_use_id": "t", "tool_input": input,
        }))
    };
    let free = used(
        "Read",
        json!({ "file_path": repository.folder.join("docs/a.md") }),
    );
    let judged = used(
        "Write",
        json!({ "file_path": repository.folder.join("docs/a.md"), "content": "x" }),
    );
    let (mut free, mut judged) = samples_in_turns(EVENTS, || tell(&home, &free), || tell(&home, &judged));
    let with = percentile(&mut judged, 0.99);
    rows.push(limit(
        &format!("hook whose call the gate judges, {items} approved work items, p99, against 15 ms"),
        with,
        Duration::from_millis(15),
        1.0,
    ));
    rows.push(limit(
        "what judging adds to it, p50, against 1 ms",
        percentile(&mut judged, 0.5).saturating_sub(percentile(&mut free, 0.5)),
        Duration::from_millis(1),
        1.0,
    ));
    print(&rows);
}

fn event(more: &Value) -> String {
    let mut event =
        json!({ "session_id": "s1", "cwd": "/", "prompt_id": "p1", "permission_mode": "default" });
    event
        .as_object_mut()
        .unwrap()
        .extend(more.as_object().unwrap().clone());
    event.to_string()
}

fn tell(home: &Home, event: &str) {
    let ran = home.hook("claude-code", event);
    assert_eq!((ran.code, &*ran.stdout, &*ran.stderr), (Some(0), "", ""));
}

/// So many work items of this session, each approved by Alice.
fn approve(home: &Home, items: usize) {
    let mut client = home.claude_code();
    for number in 0..items {
        let call = format!("call-{number}");
        if number == 0 {
            tell(
                home,
                &event(&json!({
                    "hook_event_name": "PreToolUse", "tool_name": "mcp__auditotter__propose_work_item", "tool_use_id": call, "tool_input": {},
                })),
            );
        }
        let proposed = client
            .request(
                "tools/call",
                json!({
                    "name": "propose_work_item", "_meta": { "claudecode/toolUseId": call },
                    "arguments": { "title": format!("Fix typo {number} in the docs"), "paths": ["docs/**"] },
                }),
            )
            .unwrap();
        let id = proposed["structuredContent"]["id"]
            .as_str()
            .unwrap()
            .parse()
            .unwrap();
        home.decide(id, HumanVerb::Approve, None);
    }
    let _ = client.end();
}
