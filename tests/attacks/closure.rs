//! Every door there is, with everything that an agent can hold: behind none of them is a decision, a gated state, an
//! enrolled key or an erased body. A door that these tests do not know fails them.

#[path = "closure/hooks.rs"]
mod hooks;
#[path = "closure/routes.rs"]
mod routes;
#[path = "closure/sockets.rs"]
mod sockets;
#[path = "closure/tools.rs"]
mod tools;

use hub::{
    clock,
    companion::{CompanionRequest, PasskeyRow, Status, TouchKeyRow, WorkItemRow},
};
use identity::{Credential, Decision, Enrolment, HumanVerb, Seed, SignedDecision, SignedEnrolment, Tier};
use serde_json::{Value, json};
use testkit::{Device, Home, home::Person};
use vocabulary::{TraceId, WorkItemId};
use work_items::Change;

use crate::members::Newcomer;

/// Where work gets only by what people decide or what a member's system was seen to do.
const GATED: [&str; 8] = [
    "approved",
    "rejected",
    "in_progress",
    "in_review",
    "merged",
    "attested",
    "deployed",
    "verified",
];

/// What stands in the workspace's chain only where a human signed something. Who takes something away needs no
/// signature, so what is removed or revoked is not here.
const SIGNED: [&str; 7] = [
    "decision.made",
    "change.decided",
    "member.added",
    "member.revoked",
    "passkey.enrolled",
    "touch_key.enrolled",
    "body.erased",
];

/// A workspace in which Bob could decide whether work begins, and whether a change lands, and what an agent with a shell knows of it.
struct World {
    home: Home,
    bob: Person,
    item: WorkItemId,
    /// What waits for a word on whether it may land.
    change: Change,
    trace: TraceId,
    nonce: String,
    before: Humans,
}

/// What only people change.
#[derive(Debug, PartialEq)]
struct Humans {
    members: Value,
    credentials: Value,
    signed: Vec<String>,
}

impl World {
    fn new() -> Self {
        let home = Home::lent();
        let bob = home.bob();
        let mut client = home.claude_code();
        let begun = client.call("propose_work_item", json!({ "title": "Fix another typo" }));
        let proposed = client.call("propose_work_item", json!({ "title": "Fix a typo in the docs" }));
        client.end();
        let begun = begun.structured["id"].as_str().unwrap().parse().unwrap();
        home.decide(begun, HumanVerb::Approve, None);
        let change = testkit::home::change(begun, "7e", &["alice@example.com"]);
        home.put_forward(&change);
        let word = |name: &str| proposed.structured[name].as_str().unwrap().to_owned();
        let (_, nonce) = proposed.structured["approval_url"]
            .as_str()
            .and_then(|url| url.split_once("/d/"))
            .unwrap();
        let before = Humans::of(&home);
        Self {
            item: word("id").parse().unwrap(),
            trace: word("trace").parse().unwrap(),
            nonce: nonce.to_owned(),
            change,
            home,
            bob,
            before,
        }
    }

    fn row(&self, id: WorkItemId) -> WorkItemRow {
        self.home.ask(&CompanionRequest::WorkItem { id })
    }

    /// What Bob would say at a terminal: that the change may land.
    fn landing(&self) -> Decision {
        let shown = self.home.pose_change(&self.change);
        let by_alice = self
            .home
            .decision_on(&self.change, &shown, HumanVerb::Approve, None);
        Decision {
            member: self.bob.member,
            tier: Tier::T1,
            ..by_alice
        }
    }

    /// A decision to approve as Bob, over what the hub really posed, touched on a device that says it is Bob's.
    fn forged_touch(&self) -> Value {
        let decision = self
            .bob
            .decision(&self.home, &self.home.pose(self.item), HumanVerb::Approve, None);
        self.forged(&decision.text().unwrap())
    }

    fn forged(&self, text: &str) -> Value {
        let mut assertion = serde_json::to_value(Device::new(77).touches(text)).unwrap();
        assertion["credential"] = json!(self.bob.device.passkey().id);
        json!({ "decision": text, "assertion": assertion })
    }

    /// The same as Alice, under a key that nobody knows.
    fn forged_key(&self) -> SignedDecision {
        let decision = self
            .home
            .decision(&self.home.pose(self.item), HumanVerb::Approve, None);
        decision.sign(&stranger().decision_key()).unwrap()
    }

    /// A passkey of the agent's own, enrolled as Alice's.
    fn forged_enrolment(&self) -> SignedEnrolment {
        let enrolment = Enrolment {
            workspace: self.home.workspace(),
            member: self.home.alice(),
            credential: Credential::Passkey(Device::new(77).passkey()),
            at: clock::now(),
        };
        enrolment.sign(&stranger().decision_key()).unwrap()
    }

    /// Whoever would be let in, and the decision of Alice's under a key that is not hers.
    fn forged_entry(&self) -> (Newcomer, SignedDecision) {
        let workspace = self.home.workspace();
        let newcomer = Newcomer::of(workspace, "Carol", "carol@example.com");
        let granted = newcomer.granted_by(&self.home, self.home.alice());
        let signed = granted.sign(&stranger().decision_key()).unwrap();
        (newcomer, signed)
    }

    /// Nothing came of all that was tried, it was put on record, and a human still can decide.
    fn holds(self) {
        let landing = self.row(self.change.work_item());
        assert!(
            landing.landings.is_empty() && landing.verdicts.is_empty(),
            "{landing:?}"
        );
        assert_eq!((landing.state.as_str(), landing.decisions.len()), ("approved", 1));
        let row = self.row(self.item);
        assert!(!GATED.contains(&row.state.as_str()), "{row:?}");
        assert!(row.decisions.is_empty(), "{row:?}");
        assert_eq!(Humans::of(&self.home), self.before);
        let trace = self.home.trace(self.trace);
        assert!(trace.iter().all(|entry| !entry.body.is_null()), "a body is gone");
        let chain = self.home.workspace_chain();
        let refused = |entry: &&testkit::home::Recorded| {
            matches!(entry.kind.as_str(), "decision.refused" | "access.denied")
        };
        let traces = self.home.traces();
        let denied = traces.iter().flat_map(|trace| self.home.trace(*trace));
        let rejected = denied.filter(|entry| {
            matches!(
                entry.kind.as_str(),
                "tool.denied" | "tool.rejected" | "client.event"
            )
        });
        assert!(
            chain.iter().filter(refused).count() + rejected.count() > 0,
            "what was tried is on record"
        );
        if row.state == "proposed" {
            let row = self
                .bob
                .decide(&self.home, self.item, HumanVerb::Approve, None)
                .unwrap();
            assert_eq!(row.state, "approved");
            assert_ne!(
                Humans::of(&self.home),
                self.before,
                "a decision would have been seen"
            );
        }
        let landed = self.bob.land(&self.home, &self.change, HumanVerb::Approve, None);
        assert_eq!(landed.unwrap().landings[0].role, "independent");
    }
}

impl Humans {
    fn of(home: &Home) -> Self {
        let workspace = home.workspace_chain();
        let traces = home.traces();
        let entries = workspace
            .into_iter()
            .chain(traces.into_iter().flat_map(|trace| home.trace(trace)));
        let status: Status = home.ask(&CompanionRequest::Status);
        let passkeys: Vec<PasskeyRow> = home.ask(&CompanionRequest::Passkeys);
        let touch_keys: Vec<TouchKeyRow> = home.ask(&CompanionRequest::TouchKeys);
        Self {
            members: json!(status.members),
            credentials: json!([passkeys, touch_keys]),
            signed: entries
                .map(|entry| entry.kind)
                .filter(|kind| SIGNED.contains(&kind.as_str()))
                .collect(),
        }
    }
}

fn stranger() -> Seed {
    Seed::from_entropy([77; 32])
}

/// The words of a JSON enum, as its reader says them when it is given another one.
fn words<T: serde::de::DeserializeOwned>() -> Vec<String> {
    let said = serde_json::from_str::<T>(r#""no such word""#)
        .err()
        .unwrap()
        .to_string();
    let (_, listed) = said.split_once("expected ").unwrap_or_else(|| panic!("{said}"));
    listed.split('`').skip(1).step_by(2).map(str::to_owned).collect()
}
