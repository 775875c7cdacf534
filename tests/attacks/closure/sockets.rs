//! Every message on the two sockets: an agent with a shell may open both.

use hub::companion::CompanionRequest;
use protocol::{AgentMessage, Observation, RequestBody};
use serde_json::{Value, json};

use super::{World, words};

/// What an agent would send for a request of the companion's.
fn attempts(world: &World, request: &str) -> Vec<Value> {
    let (home, trace) = (&world.home, world.trace);
    let (newcomer, let_in) = world.forged_entry();
    let forged = world.forged_key();
    let touched = world.forged_touch();
    let touched = json!({ "decision": touched["decision"], "signature": touched["assertion"] });
    let token = home.mint(&home.grant(&testkit::home::Lending::to("claude-code")));
    let change = &world.change;
    let others = testkit::home::change(change.work_item(), "0d", &["carol@example.com"]);
    let fields = match request {
        "status" | "delegations" | "passkeys" | "touch_keys" | "to_land" | "exceptions" => {
            return vec![json!(request)];
        }
        "grant" => vec![json!({ "witness": token.expose() })],
        // To take back what was lent takes no more than a shell; of something that nobody lent.
        "revoke" => vec![json!({ "delegation": "dl_00000000000000000000000001", "why": null })],
        "inbox" | "traces" => vec![json!({ "limit": 10 })],
        "work_item" | "pose" => vec![json!({ "id": world.item })],
        "pose_newcomer" => vec![json!({ "registration": newcomer.registration })],
        "let_in" => vec![
            json!({ "registration": newcomer.registration, "signed": let_in }),
            json!({ "registration": newcomer.registration, "signed": forged }),
        ],
        "enrol" => vec![json!({ "signed": world.forged_enrolment() })],
        "remove_passkey" => vec![json!({ "credential": "AAAA" })],
        "remove_touch_key" => vec![json!({ "fingerprint": format!("SHA256:{}", "A".repeat(43)) })],
        "pose_departure" => vec![json!({ "member": world.bob.member })],
        "pose_erasure" => vec![json!({ "trace": trace, "seq": 0 })],
        "let_go" | "erase" | "decide" => vec![json!({ "signed": forged }), json!({ "signed": touched })],
        "pose_change" => vec![json!({ "change": change }), json!({ "change": others })],
        // What is put forward is nobody's word; what waits is what was put forward last.
        "propose_change" => vec![json!({ "change": others }), json!({ "change": change })],
        "decide_change" => {
            let landing = world.forged(&world.landing().text().unwrap());
            let landing = json!({ "decision": landing["decision"], "signature": landing["assertion"] });
            vec![
                json!({ "change": change, "signed": forged }),
                json!({ "change": change, "signed": touched }),
                json!({ "change": change, "signed": landing }),
                json!({ "change": others, "signed": landing }),
            ]
        }
        "inspect" => vec![json!({ "token": token.expose() })],
        // It says what it likes, in a trace of its own that names nobody.
        "import" => vec![
            json!({ "client": "codex", "session": "s", "agent": null, "file": "x", "bytes": 3, "digest": "00".repeat(32) }),
        ],
        "entries" => vec![json!({ "trace": trace, "from": 0, "limit": 10 })],
        "blame" => {
            let asked = json!({ "trace": trace, "path": "src/a.rs", "folders": ["/"], "lines": ["00"] });
            vec![json!({ "asked": [asked] })]
        }
        "entries_of" => ["gaps", "work_item", "file"]
            .map(|of| match of {
                "gaps" => json!("gaps"),
                "file" => json!({ "file": "../../etc/passwd" }),
                other => json!({ other: world.item }),
            })
            .map(|of| json!({ "trace": trace, "of": of, "from": 0, "limit": 10 }))
            .to_vec(),
        "seek" => vec![json!({ "trace": trace, "at": "2026-01-01T00:00:00.000000Z" })],
        "trace" | "outline" | "verify" | "export" => vec![json!({ "trace": trace })],
        unknown => panic!("{unknown}: how would an agent misuse it? Say it here"),
    };
    fields
        .into_iter()
        .map(|fields| json!({ request: fields }))
        .collect()
}

#[test]
fn no_message_on_the_companions_socket_decides_anything_unless_a_human_signed_it() {
    let world = World::new();
    let requests = words::<CompanionRequest>();
    assert!(requests.len() >= 25, "{requests:?}");
    for request in &requests {
        for attempt in attempts(&world, request) {
            let attempt: CompanionRequest =
                serde_json::from_value(attempt.clone()).unwrap_or_else(|error| panic!("{attempt}: {error}"));
            let answered = world.home.link().ask::<Value>(&attempt);
            let changing = matches!(
                request.as_str(),
                "let_in"
                    | "let_go"
                    | "enrol"
                    | "erase"
                    | "decide"
                    | "decide_change"
                    | "revoke"
                    | "remove_passkey"
                    | "remove_touch_key"
            );
            assert!(!changing || answered.is_err(), "{request}: {answered:?}");
        }
    }
    world.holds();
}

#[test]
fn what_can_be_said_on_the_agents_socket_is_known() {
    assert_eq!(words::<AgentMessage>(), ["open", "request", "tell"]);
    assert_eq!(words::<RequestBody>(), ["call", "observe", "event", "close"]);
    assert_eq!(words::<Observation>(), ["protocol_error", "cancelled"]);
}
