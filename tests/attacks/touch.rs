//! A touch that nobody made: answering the page in a human's place, a passkey of one's own, a touch of another decision.

use hub::{
    clock,
    companion::{CompanionRequest, PasskeyRow, WorkItemRow},
};
use identity::{Credential, Decision, Enrolment, HumanVerb, Seed, SignedDecision, SignedEnrolment, Tier};
use serde_json::json;
use testkit::{Device, Home, Terminal};
use vocabulary::WorkItemId;

fn proposed(home: &Home) -> WorkItemId {
    let mut client = home.claude_code();
    let proposed = client.call("propose_work_item", json!({ "title": "Fix a typo in the docs" }));
    client.end();
    proposed.structured["id"].as_str().unwrap().parse().unwrap()
}

fn enrolment(home: &Home, device: &Device) -> Enrolment {
    Enrolment {
        workspace: home.workspace(),
        member: home.alice(),
        credential: Credential::Passkey(device.passkey()),
        at: clock::now(),
    }
}

fn tries_to_enrol(home: &Home, signed: SignedEnrolment) -> Result<Vec<PasskeyRow>, String> {
    let asked = home.link().ask(&CompanionRequest::Enrol { signed });
    asked.map_err(|error| error.to_string())
}

fn touched(home: &Home, id: WorkItemId, verb: HumanVerb) -> Decision {
    Decision {
        tier: Tier::T1,
        ..home.decision(&home.pose(id), verb, Some("because"))
    }
}

fn tries(home: &Home, signed: SignedDecision) -> Result<WorkItemRow, String> {
    let asked = home.link().ask(&CompanionRequest::Decide { signed });
    asked.map_err(|error| error.to_string())
}

#[test]
fn a_passkey_that_no_member_signed_for_is_nobodys() {
    let home = Home::lent();
    let device = Device::new(9);
    let id = proposed(&home);
    let forged = enrolment(&home, &device)
        .sign(&Seed::from_entropy([8; 32]).decision_key())
        .unwrap();
    let refused = tries_to_enrol(&home, forged).unwrap_err();
    assert!(refused.contains("is not signed by the key of"), "{refused}");
    let text = touched(&home, id, HumanVerb::Approve).text().unwrap();
    let refused = tries(
        &home,
        SignedDecision::touched(text.clone(), device.touches(&text)),
    )
    .unwrap_err();
    assert!(refused.contains("a passkey that is none of"), "{refused}");
    let codes: Vec<String> = home
        .workspace_chain()
        .iter()
        .filter(|recorded| recorded.kind == "decision.refused")
        .map(|recorded| recorded.body["refusal"]["code"].as_str().unwrap().to_owned())
        .collect();
    assert_eq!(codes, ["decision_unproved"; 2]);
}

#[test]
fn a_touch_is_of_one_decision_and_of_whoever_enrolled_it() {
    let home = Home::lent();
    let device = Device::new(9);
    let id = proposed(&home);
    let signed = home.enrol(&enrolment(&home, &device));
    for _ in 0..2 {
        assert_eq!(tries_to_enrol(&home, signed.clone()).unwrap().len(), 1);
    }
    let approve = touched(&home, id, HumanVerb::Approve).text().unwrap();
    let reject = touched(&home, id, HumanVerb::Reject).text().unwrap();
    let borrowed = SignedDecision::touched(approve.clone(), device.touches(&reject));
    assert!(
        tries(&home, borrowed)
            .unwrap_err()
            .contains("answers another challenge")
    );
    let called_t0 = home
        .decision(&home.pose(id), HumanVerb::Approve, None)
        .text()
        .unwrap();
    let disguised = SignedDecision::touched(called_t0.clone(), device.touches(&called_t0));
    assert!(
        tries(&home, disguised)
            .unwrap_err()
            .contains("is signed otherwise")
    );
    let row = tries(
        &home,
        SignedDecision::touched(approve.clone(), device.touches(&approve)),
    )
    .unwrap();
    assert_eq!(
        (row.state.as_str(), row.decisions[0].tier.as_str()),
        ("approved", "T1")
    );
    home.stop_hub();
    let row: WorkItemRow = home.ask(&CompanionRequest::WorkItem { id });
    assert_eq!(row.state, "approved", "also after a restart");
}

#[test]
fn a_touch_lets_nobody_in_however_it_was_come_by() {
    let home = Home::lent();
    let device = Device::new(9);
    home.enrol(&enrolment(&home, &device));
    let seed = Seed::from_entropy([5; 32]);
    let registration = identity::SignedRegistration::sign(
        &seed,
        clock::new_id().unwrap(),
        "Bob".parse().unwrap(),
        "bob@example.com".parse().unwrap(),
        home.workspace(),
    )
    .unwrap();
    let posed: hub::companion::PosedRow = home.ask(&CompanionRequest::PoseNewcomer {
        registration: registration.clone(),
    });
    let decision = Decision {
        workspace: posed.workspace,
        verb: HumanVerb::GrantAccess,
        subject: identity::Subject::Member(registration.claims()),
        subject_digest: identity::Digest::of_subject(&registration.canonical().unwrap()),
        rationale: None,
        member: home.alice(),
        challenge: posed.challenge,
        history: identity::History {
            size: posed.ledger_size,
            root: posed.ledger_root,
        },
        at: clock::now(),
        tier: Tier::T1,
    };
    // As a page of the attacker's own would have it signed, under whatever words.
    let text = decision.text().unwrap();
    let signed = SignedDecision::touched(text.clone(), device.touches(&text));
    let refused = home
        .link()
        .ask::<serde_json::Value>(&CompanionRequest::LetIn { registration, signed })
        .unwrap_err();
    assert!(
        refused.to_string().contains("takes the passphrase, not a touch"),
        "{refused}"
    );
    let status: hub::companion::Status = home.ask(&CompanionRequest::Status);
    assert_eq!(status.members.len(), 1);
}

#[test]
fn a_passkey_that_was_removed_does_not_come_back() {
    let home = Home::lent();
    let device = Device::new(9);
    let signed = home.enrol(&enrolment(&home, &device));
    let request = CompanionRequest::RemovePasskey {
        credential: device.passkey().id,
    };
    let left: Vec<PasskeyRow> = home.ask(&request);
    assert!(left.is_empty());
    for _ in 0..2 {
        let refused = tries_to_enrol(&home, signed.clone()).unwrap_err();
        assert!(refused.contains("or was once"), "{refused}");
        home.stop_hub();
    }
}

#[test]
fn an_enrolment_of_last_week_is_not_taken_up() {
    let home = Home::lent();
    let old = Enrolment {
        at: clock::now().saturating_add(-time::Duration::WEEK),
        ..enrolment(&home, &Device::new(9))
    };
    let signed = home.enrol_later(&old);
    let refused = tries_to_enrol(&home, signed).unwrap_err();
    assert!(refused.contains("enrol it again"), "{refused}");
}

#[test]
fn the_page_takes_one_answer_from_itself_and_shows_itself_to_nobody_else() {
    let home = Home::lent();
    let mut terminal = Terminal::start(home.auditotter(&["passkey", "add"]));
    terminal.expect("http://localhost:");
    let rest = terminal.rest_of_line();
    let (port, path) = rest.trim().split_once('/').unwrap();
    let host = format!("localhost:{port}");
    let url = format!("http://127.0.0.1:{port}/{path}");
    let agent: ureq::Agent = ureq::Agent::config_builder()
        .http_status_as_error(false)
        .build()
        .into();
    let get = |url: &str, host: &str| agent.get(url).header("host", host).call().unwrap();
    assert_eq!(get(&url, "rebound.example").status(), 421);
    assert_eq!(get(&format!("http://127.0.0.1:{port}/"), &host).status(), 404);
    assert_eq!(
        get(&format!("http://127.0.0.1:{port}/guess"), &host).status(),
        404
    );
    let page = get(&url, &host);
    let policy = page.headers()["content-security-policy"]
        .to_str()
        .unwrap()
        .to_owned();
    assert!(
        policy.starts_with("default-src 'none'; script-src 'nonce-") && !policy.contains("unsafe"),
        "{policy}"
    );

    let answer = serde_json::to_string(&Device::new(9).passkey()).unwrap();
    let post = |origin: Option<&str>, kind: &str, body: &str| {
        let mut request = agent
            .post(&url)
            .header("host", &host)
            .header("content-type", kind);
        if let Some(origin) = origin {
            request = request.header("origin", origin);
        }
        request.send(body).unwrap().status().as_u16()
    };
    let own = format!("http://{host}");
    let json = "application/json";
    assert_eq!(post(None, json, &answer), 403);
    assert_eq!(post(Some("http://evil.example"), json, &answer), 403);
    assert_eq!(post(Some("null"), json, &answer), 403);
    assert_eq!(post(Some(&own), "text/plain", &answer), 403);
    assert_eq!(post(Some(&own), json, "{}"), 400);
    assert_eq!(post(Some(&own), json, &"x".repeat(20 * 1024)), 413);
    // Whoever got hold of the address makes the terminal show a code that no page of Alice's shows.
    assert_eq!(post(Some(&own), json, &answer), 200);
    terminal.expect("Go on only if the page in your browser shows this very code.");
    terminal.expect_secret("Passphrase of Alice, to take up this passkey: ");
    // The page keeps its port until then, on every address that `localhost` may mean, and takes nothing more.
    assert_eq!(post(Some(&own), json, &answer), 409);
    let port: u16 = port.parse().unwrap();
    for address in ["127.0.0.1", "::1"] {
        let bound = std::net::TcpListener::bind((address, port)).map(drop);
        let kind = bound.map_err(|error| error.kind());
        assert!(kind.is_err(), "{address} was free");
    }
    drop(terminal);
    let passkeys: Vec<PasskeyRow> = home.ask(&CompanionRequest::Passkeys);
    assert!(passkeys.is_empty());
}
