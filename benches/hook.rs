//! What a hook costs whoever waits for it: the whole process, durable, with the hub up, against what Node takes to do nothing;
//! and what the gate takes within the hub, by the hub's own clock, with 10,000 work items approved.
//!
//! `cargo build --release && cargo bench -p benches --bench hook`, with `-- quick` for a hundredth of the work items.

#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot measure has nothing to return"
)]

use std::{
    fs::{self, File},
    path::PathBuf,
    process::{Child, Command, Stdio},
    time::Duration,
};

use benches::{Row, percentile, print, samples_in_turns};
use identity::HumanVerb;
use rustix::process::{Pid, Signal, kill_process};
use serde_json::{Value, json};
use testkit::{
    Home,
    program::{PATIENCE, until},
};

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
    let written = used(
        "Write",
        json!({ "file_path": repository.folder.join("docs/a.md"), "content": "x" }),
    );
    let run = used(
        "Bash",
        json!({ "command": "cd docs && sed -i 's/a/b/' a.md | tee b.md > c.md" }),
    );
    let timed = TimedHub::serve(&home);
    let (mut writes, _) = samples_in_turns(EVENTS, || tell(&home, &written), || tell(&home, &run));
    rows.push(limit(
        &format!("hook whose call the gate judges, {items} approved work items, p99, against 15 ms"),
        percentile(&mut writes, 0.99),
        Duration::from_millis(15),
        1.0,
    ));
    let mut within = timed.end();
    assert!(within.len() >= 2 * EVENTS, "each call was judged");
    for (which, part) in [("p50", 0.5), ("p99", 0.99), ("the longest", 1.0)] {
        rows.push(limit(
            &format!("of it, the gate within the hub, {which}, against 1 ms"),
            percentile(&mut within, part),
            Duration::from_millis(1),
            1.0,
        ));
    }
    print(&rows);
}

/// A hub that says of each judgement how long it took.
struct TimedHub {
    hub: Child,
    log: PathBuf,
}

impl TimedHub {
    fn serve(home: &Home) -> Self {
        assert!(home.stop_hub());
        let log = home.file("judged.log");
        let mut serve = home.auditotter(&["serve"]);
        serve
            .env("AUDITOTTER_LOG", "hub::events=debug")
            .stdout(Stdio::null())
            .stderr(File::create(&log).unwrap());
        let hub = serve.spawn().unwrap();
        until(PATIENCE, || home.hub()).unwrap();
        Self { hub, log }
    }

    /// Ends it, and says what it said.
    fn end(mut self) -> Vec<Duration> {
        let pid = i32::try_from(self.hub.id()).ok().and_then(Pid::from_raw).unwrap();
        kill_process(pid, Signal::TERM).unwrap();
        self.hub.wait().unwrap();
        let log = fs::read_to_string(&self.log).unwrap();
        let micros = log.lines().filter_map(|line| line.split("took_us=").nth(1));
        micros
            .map(|micros| Duration::from_micros(micros.trim().parse().unwrap()))
            .collect()
    }
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
