//! Every route over HTTP, by every method.

use serde_json::{Value, json};
use testkit::{ListeningHub, Visitor};

use super::World;

/// All the hub serves: its own tests hold that there are no others.
const ROUTES: &str = include_str!("../../../hub/src/http/routes.txt");

const METHODS: [&str; 7] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"];

/// The route as somebody would ask for it.
fn path(world: &World, delegation: &str, route: &str) -> String {
    let item = match route.ends_with("/landing/challenge") || route.ends_with("/landing/text") {
        true => world.change.work_item(),
        false => world.item,
    };
    let (item, trace) = (item.to_string(), world.trace.to_string());
    let filled = match route.split('/').nth(1) {
        Some("w") => route.replace("{id}", &item),
        Some("t") => route.replace("{id}", &trace),
        Some("delegations") => route.replace("{id}", delegation),
        Some("d") => route.replace("{nonce}", &world.nonce),
        _ => route.to_owned(),
    };
    assert!(
        !filled.contains('{'),
        "{route}: what should stand there? Say it here"
    );
    filled
}

/// Everything that might be taken for a decision, an enrolment or a change.
fn bodies(world: &World, thief: &Visitor) -> Vec<Value> {
    let touched = world.forged_touch();
    let posed = json!({ "challenge": world.home.pose(world.item).posed.challenge, "verdict": "yes" });
    let at = format!("/w/{}/landing", world.change.work_item());
    let looking = json!({ "digest": world.landing().subject_digest, "said_as": "independent" });
    let posed_to_land = thief.post(&format!("{at}/challenge"), &looking).json();
    let meant = json!({ "challenge": posed_to_land["challenge"], "verdict": "yes" });
    let written = thief.post(&format!("{at}/text"), &meant).json();
    let generic = json!({
        "id": world.item, "state": "approved", "status": "approved", "approved": true, "verb": "approve",
        "member": world.bob.member, "decision": touched["decision"], "_method": "PATCH",
    });
    let tool = json!({
        "jsonrpc": "2.0", "id": 1, "method": "tools/call",
        "params": { "name": "approve", "arguments": { "id": world.item } },
    });
    vec![
        json!({}),
        touched,
        json!({ "signed": world.forged_key() }),
        json!(world.forged_enrolment()),
        posed,
        json!({ "digest": digest(world) }),
        looking,
        meant,
        world.forged(written["decision"].as_str().unwrap()),
        json!({ "import": [generic], "entries": [generic] }),
        generic,
        tool,
    ]
}

fn digest(world: &World) -> Value {
    let row: hub::companion::WorkItemRow = world
        .home
        .ask(&hub::companion::CompanionRequest::WorkItem { id: world.item });
    json!(row.digest)
}

/// What an agent can show: nothing, what it was lent, what it opened a session with, and what it stole.
fn visitors(world: &World, served: &ListeningHub, bearer: &str) -> Vec<Visitor> {
    let nobody = Visitor::of(served);
    let token = std::fs::read_dir(world.home.layout().delegations())
        .unwrap()
        .filter_map(|file| std::fs::read_to_string(file.unwrap().path()).ok())
        .find(|text| !text.trim().is_empty())
        .unwrap();
    let showing = |credential: &str| {
        let mut visitor = nobody.clone();
        visitor.authorization = Some(format!("Bearer {}", credential.trim()));
        visitor
    };
    let thief = Visitor::logged_in(served, &world.bob.device);
    vec![nobody.clone(), showing(&token), showing(bearer), thief]
}

#[test]
fn behind_no_route_an_agent_decides_anything() {
    let world = World::new();
    let delegation = world.home.lend(&testkit::home::Lending::to("codex")).to_string();
    let bearer = world.home.bearer("claude-code");
    let served = world.home.serve();
    let bodies = bodies(&world, &Visitor::logged_in(&served, &world.bob.device));
    let routes: Vec<&str> = ROUTES.lines().collect();
    assert!(routes.len() > 20, "{routes:?}");
    let mut let_in = 0;
    for route in routes {
        let path = path(&world, &delegation, route);
        for visitor in visitors(&world, &served, &bearer) {
            for method in METHODS {
                let looked = visitor.send(method, &path, None, "text/html");
                assert_ne!(looked.status, 429, "{method} {path}");
                let_in += usize::from(looked.status == 200);
            }
            for method in ["POST", "PUT", "PATCH", "DELETE"] {
                for body in &bodies {
                    for kind in ["application/json", "text/plain"] {
                        let answer = visitor.send(method, &path, Some(body.to_string()), kind);
                        assert!(answer.status < 500, "{method} {path} {body}: {answer:?}");
                    }
                }
            }
        }
    }
    assert!(let_in > 30, "what was shown opened doors: {let_in}");
    drop(served);
    world.holds();
}
