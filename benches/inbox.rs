//! How soon an agent goes on once a human has decided, and how long people wait for a page.
//!
//! `cargo build --release && cargo bench -p benches --bench inbox`, with `-- quick` for a hundredth of the entries and
//! items.

#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot measure has nothing to return"
)]

use std::{
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use benches::{Row, percentile, print, timed};
use hub::companion::{CompanionRequest, WorkItemRow};
use serde_json::{Value, json};
use testkit::{Device, Home, ListeningHub, StdioClient, Visitor};

const DECISIONS: usize = 40;
const LOOKS: usize = 400;

/// How long an agent has been waiting when the human decides.
const WAITING: Duration = Duration::from_millis(50);

fn main() {
    let quick = std::env::args().any(|argument| argument == "quick");
    let (items, entries) = if quick { (100, 10_000) } else { (10_000, 1_000_000) };
    let home = Home::lent();
    let bob = home.bob();
    home.fill(entries);
    let served = home.serve();
    let mut agent = home.claude_code();
    let ids: Vec<String> = (0..items).map(|number| propose(&mut agent, number)).collect();
    let visitor = Visitor::logged_in(&served, &bob.device);
    let mut rows = vec![decided(&home, agent, &visitor, &bob.device, &ids)];
    let newest = ids.last().unwrap();
    for (what, path) in [("inbox", "/".to_owned()), ("work item", format!("/w/{newest}"))] {
        let name = format!("{what} page, p99, {items} items and {entries} entries, against 50 ms");
        rows.push(page(&served, &visitor, &path, name));
    }
    print(&rows);
}

fn propose(agent: &mut StdioClient, number: usize) -> String {
    let title = format!("Fix the reset link of tenant {number}");
    let proposed = agent.call("propose_work_item", json!({ "title": title }));
    proposed.structured["id"].as_str().unwrap().to_owned()
}

/// From the browser's request, with the touch already made, until the agent that waits has its answer.
fn decided(home: &Home, mut agent: StdioClient, visitor: &Visitor, device: &Device, ids: &[String]) -> Row {
    let (ask, asked) = mpsc::channel::<String>();
    let (answer, answered) = mpsc::channel();
    let waiting = thread::spawn(move || {
        for id in asked {
            let told = agent.call("await_decision", json!({ "id": id }));
            assert_eq!(told.structured["state"], "approved", "{told:?}");
            answer.send(Instant::now()).unwrap();
        }
    });
    let mut samples: Vec<Duration> = ids
        .iter()
        .take(DECISIONS)
        .map(|id| {
            let signed = signed(home, visitor, device, id);
            ask.send(id.clone()).unwrap();
            thread::sleep(WAITING);
            let started = Instant::now();
            assert_eq!(visitor.post("/decisions", &signed).status, 200);
            answered.recv().unwrap().duration_since(started)
        })
        .collect();
    drop(ask);
    waiting.join().unwrap();
    Row {
        name: "decision in the browser to `await_decision` answered, p50, against 100 ms".into(),
        ours: percentile(&mut samples, 0.5).into(),
        baseline: Duration::from_millis(100).into(),
        at_most: 1.0,
    }
}

fn signed(home: &Home, visitor: &Visitor, device: &Device, id: &str) -> Value {
    let row: WorkItemRow = home.ask(&CompanionRequest::WorkItem {
        id: id.parse().unwrap(),
    });
    let looking = json!({ "digest": row.digest });
    let posed = visitor.post(&format!("/w/{id}/challenge"), &looking).json();
    let meant = json!({ "challenge": posed["challenge"], "verdict": "yes" });
    let text = visitor.post(&format!("/w/{id}/text"), &meant).json();
    let assertion = device.touches(text["decision"].as_str().unwrap());
    json!({ "decision": text["decision"], "assertion": assertion })
}

fn page(served: &ListeningHub, visitor: &Visitor, path: &str, name: String) -> Row {
    let mut samples: Vec<Duration> = (0..LOOKS)
        .map(|_| timed(|| assert_eq!(visitor.get(path).status, 200, "{}{path}", served.url())))
        .collect();
    Row {
        name: name.into(),
        ours: percentile(&mut samples, 0.99).into(),
        baseline: Duration::from_millis(50).into(),
        at_most: 1.0,
    }
}
