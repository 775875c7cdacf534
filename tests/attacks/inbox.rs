//! What an agent with a shell, a page somewhere else, and a thief of a cookie try at the inbox.

use hub::companion::{CompanionRequest, DelegationRow, WorkItemRow};
use identity::{Credential, Enrolment};
use serde_json::{Value, json};
use testkit::{
    Device, Home, ListeningHub, Visitor,
    device::{PRESENT, VERIFIED},
    home::Person,
};
use vocabulary::WorkItemId;

/// A work item that waits, with the link to it.
fn proposed(home: &Home) -> (WorkItemId, String) {
    let mut client = home.claude_code();
    let proposed = client.call("propose_work_item", json!({ "title": "Fix a typo in the docs" }));
    client.end();
    let id = proposed.structured["id"].as_str().unwrap().parse().unwrap();
    let link = proposed.structured["approval_url"].as_str().unwrap();
    let (_, path) = link.split_once("/d/").unwrap();
    (id, format!("/d/{path}"))
}

fn state(home: &Home, id: WorkItemId) -> String {
    let row: WorkItemRow = home.ask(&CompanionRequest::WorkItem { id });
    row.state
}

/// Alice's workspace with Bob in it, who has a passkey, and its inbox.
fn inbox() -> (Home, Person, ListeningHub) {
    let home = Home::lent();
    let bob = home.bob();
    let served = home.serve();
    (home, bob, served)
}

/// The refusals on record, of this kind of entry.
fn refusals(home: &Home, kind: &str) -> Vec<String> {
    let chain = home.workspace_chain();
    let of_kind = chain.iter().filter(|recorded| recorded.kind == kind);
    of_kind
        .map(|recorded| recorded.body["refusal"]["code"].as_str().unwrap().to_owned())
        .collect()
}

/// The text of a decision as the page would have it signed.
fn text(visitor: &Visitor, home: &Home, id: WorkItemId, verdict: &str) -> Value {
    let row: WorkItemRow = home.ask(&CompanionRequest::WorkItem { id });
    let posed = visitor.post(&format!("/w/{id}/challenge"), &json!({ "digest": row.digest }));
    let posed = posed.json();
    let meant = json!({ "challenge": posed["challenge"], "verdict": verdict, "rationale": "it is right so" });
    visitor.post(&format!("/w/{id}/text"), &meant).json()
}

#[test]
fn who_holds_the_link_sees_nothing_without_logging_in_and_spends_nothing_by_looking() {
    let (home, bob, served) = inbox();
    let (id, link) = proposed(&home);
    let agent = Visitor::of(&served);
    for _ in 0..3 {
        let looked = agent.get(&link);
        assert_eq!(
            (looked.status, looked.location),
            (303, Some(format!("/login?next={link}")))
        );
        assert!(!looked.text.contains("typo"));
    }
    for path in ["/", "/delegations", "/members", "/events", &format!("/w/{id}")] {
        let looked = agent.get(path);
        assert_eq!(looked.status, 303, "{path}: {looked:?}");
        assert!(!looked.text.contains("Alice"), "{path}: {looked:?}");
    }
    for method in ["HEAD", "PUT", "DELETE", "PATCH", "POST"] {
        let tried = agent.send(method, &link, None, "text/html");
        assert!(matches!(tried.status, 303 | 405), "{method}: {tried:?}");
    }
    let bob_looks = Visitor::logged_in(&served, &bob.device).get(&link);
    assert_eq!(bob_looks.status, 200, "{bob_looks:?}");
    assert!(bob_looks.text.contains("Fix a typo in the docs"));
    let again = Visitor::logged_in(&served, &bob.device).get(&link);
    assert_eq!((again.status, state(&home, id)), (200, "proposed".to_owned()));
    let told = home.workspace_chain();
    assert_eq!(told.last().unwrap().kind, "work_item.proposed");
}

#[test]
fn a_link_says_when_it_is_spent_superseded_or_nobodys_and_offers_the_way_on() {
    let (home, bob, served) = inbox();
    let visitor = Visitor::logged_in(&served, &bob.device);
    let (id, link) = proposed(&home);
    let mut client = home.claude_code();
    let arguments = json!({
        "id": id, "kind": "review", "outcome": "passed", "tool": "reviewer", "summary": "nothing found",
    });
    let recorded = client.call("record_evidence", arguments);
    assert!(!recorded.is_error, "{recorded:?}");
    client.end();
    let superseded = visitor.get(&link);
    assert_eq!(superseded.status, 410);
    assert!(
        superseded.text.contains("This link is superseded"),
        "{superseded:?}"
    );
    assert!(superseded.text.contains(&format!("href=\"/w/{id}\"")));

    let asked = text(&visitor, &home, id, "yes");
    let decided = visitor.post(
        "/decisions",
        &json!({ "decision": asked["decision"], "assertion": bob.device.touches(asked["decision"].as_str().unwrap()) }),
    );
    assert_eq!(decided.json()["state"], "approved");
    let spent = visitor.get(&link);
    assert_eq!(spent.status, 410);
    assert!(
        spent.text.contains("This link is spent") && spent.text.contains("Bob said so"),
        "{spent:?}"
    );
    let (_, bare) = id
        .to_string()
        .split_once('_')
        .map(|(kind, bare)| (kind.to_owned(), bare.to_owned()))
        .unwrap();
    for nobodys in [
        &format!("/d/{}{bare}", "0".repeat(32)),
        &format!("/d/{bare}"),
        "/d/x",
        "/d/%2e%2e",
    ] {
        let looked = visitor.get(nobodys);
        assert_eq!(looked.status, 404, "{nobodys}: {looked:?}");
        assert!(looked.text.contains("Go to the inbox"), "{looked:?}");
    }
}

#[test]
fn only_a_touch_that_knows_its_human_by_an_enrolled_passkey_logs_in() {
    let (home, bob, served) = inbox();
    let visitor = Visitor::of(&served);
    let refused = [
        visitor.log_in(&bob.device, PRESENT),
        visitor.log_in(&bob.device, 4),
        visitor.log_in(&Device::new(77), VERIFIED),
    ];
    for answer in refused {
        assert_eq!(
            (answer.status, answer.code().as_str(), answer.cookie),
            (403, "login_refused", None)
        );
    }
    // What was signed once logs nobody in again, and no other challenge is as good.
    let asked = visitor.post("/login/challenge", &json!({})).json();
    let other = visitor.post("/login/challenge", &json!({})).json();
    // What a page on another port of this machine had signed is not for this one.
    let elsewhere = bob.device.asserts(asked["challenge"].as_str().unwrap(), VERIFIED);
    let phished = visitor.post(
        "/login",
        &json!({ "nonce": asked["nonce"], "assertion": elsewhere }),
    );
    assert_eq!(phished.status, 403);
    let assertion = bob
        .device
        .asserts_at(served.url(), asked["challenge"].as_str().unwrap(), VERIFIED);
    let crossed = visitor.post(
        "/login",
        &json!({ "nonce": other["nonce"], "assertion": assertion }),
    );
    assert_eq!(crossed.status, 403);
    let login = json!({ "nonce": asked["nonce"], "assertion": assertion });
    assert_eq!(visitor.post("/login", &login).status, 204);
    assert_eq!(visitor.post("/login", &login).status, 403);
    assert_eq!(refusals(&home, "access.denied"), ["login_refused"; 6]);
}

#[test]
fn a_touch_for_logging_in_decides_nothing_and_a_touch_for_deciding_logs_nobody_in() {
    let (home, bob, served) = inbox();
    let (id, _) = proposed(&home);
    let visitor = Visitor::logged_in(&served, &bob.device);
    let asked = text(&visitor, &home, id, "yes");
    let login = visitor.post("/login/challenge", &json!({})).json();
    let challenge = login["challenge"].as_str().unwrap();
    let for_login = bob.device.asserts_at(served.url(), challenge, VERIFIED);
    let decided = visitor.post(
        "/decisions",
        &json!({ "decision": asked["decision"], "assertion": for_login }),
    );
    assert_eq!(
        (decided.status, decided.code().as_str()),
        (403, "decision_unproved")
    );
    let for_deciding = bob.device.touches(asked["decision"].as_str().unwrap());
    let logged_in = visitor.post(
        "/login",
        &json!({ "nonce": login["nonce"], "assertion": for_deciding }),
    );
    assert_eq!((logged_in.status, state(&home, id)), (403, "proposed".to_owned()));
    assert_eq!(refusals(&home, "decision.refused"), ["decision_unproved"]);
}

#[test]
fn a_stolen_cookie_looks_and_decides_nothing() {
    let (home, bob, served) = inbox();
    let (id, _) = proposed(&home);
    let thief = Visitor::logged_in(&served, &bob.device);
    let asked = text(&thief, &home, id, "yes");
    let decision = asked["decision"].as_str().unwrap();
    let altered = decision.replace("approve", "reject");
    // What is no decision, or is one in other bytes, is refused before anybody asks whose touch it is.
    let respaced = decision.replacen('{', "{ ", 1);
    for (text, assertion) in [
        (decision, Device::new(78).touches(decision)),
        (altered.as_str(), bob.device.touches(decision)),
        (respaced.as_str(), bob.device.touches(&respaced)),
        ("rubbish", bob.device.touches("rubbish")),
    ] {
        let body = json!({ "decision": text, "assertion": assertion });
        let tried = thief.post("/decisions", &body);
        assert_eq!(
            (tried.status, tried.code().as_str()),
            (403, "decision_unproved"),
            "{tried:?}"
        );
    }
    assert_eq!(state(&home, id), "proposed");
    // Logging out ends it for whoever has a copy, and so does letting the member go.
    let copy = thief.clone();
    assert_eq!(thief.post("/logout", &json!({})).status, 204);
    assert_eq!(copy.get("/").status, 303);
    assert_eq!(refusals(&home, "decision.refused"), ["decision_unproved"; 4]);
}

#[test]
fn who_asks_for_ever_more_challenges_keeps_nobody_else_from_logging_in_or_deciding() {
    let (home, bob, served) = inbox();
    let (id, _) = proposed(&home);
    let visitor = Visitor::of(&served);
    let asked = visitor.post("/login/challenge", &json!({})).json();
    for _ in 0..300 {
        assert_eq!(visitor.post("/login/challenge", &json!({})).status, 200);
    }
    let assertion = bob
        .device
        .asserts_at(served.url(), asked["challenge"].as_str().unwrap(), VERIFIED);
    let entered = visitor.post(
        "/login",
        &json!({ "nonce": asked["nonce"], "assertion": assertion }),
    );
    assert_eq!(entered.status, 204, "{entered:?}");

    let bob_decides = Visitor::logged_in(&served, &bob.device);
    let decision = text(&bob_decides, &home, id, "yes");
    // A terminal is asked by whoever has a shell here.
    for _ in 0..1_100 {
        let _ = home.pose(id);
    }
    let body = json!({
        "decision": decision["decision"], "assertion": bob.device.touches(decision["decision"].as_str().unwrap()),
    });
    let decided = bob_decides.post("/decisions", &body);
    assert_eq!(decided.json()["state"], "approved", "{decided:?}");
}

#[test]
fn a_login_ends_with_its_passkey() {
    let (home, bob, served) = inbox();
    let visitor = Visitor::logged_in(&served, &bob.device);
    assert_eq!(visitor.get("/").status, 200);
    let _: Value = home.ask(&CompanionRequest::RemovePasskey {
        credential: bob.device.passkey().id,
    });
    assert_eq!(visitor.get("/").status, 303);
    assert_eq!(visitor.log_in(&bob.device, VERIFIED).status, 403);
}

#[test]
fn a_cookie_that_another_port_of_this_machine_set_locks_nobody_out() {
    let (_home, bob, served) = inbox();
    let mut visitor = Visitor::logged_in(&served, &bob.device);
    let own = visitor.cookie.clone().unwrap();
    let nobodys = "auditotter=AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE";
    for tossed in ["auditotter=x".to_owned(), nobodys.to_owned()] {
        visitor.cookie = Some(format!("{tossed}; {own}"));
        assert_eq!(visitor.get("/").status, 200, "{tossed}");
    }
    visitor.cookie = Some(nobodys.to_owned());
    assert_eq!(visitor.get("/").status, 303);
}

#[test]
fn another_sites_page_does_nothing_in_the_name_of_who_looks_at_it() {
    let (home, bob, served) = inbox();
    let _waiting = proposed(&home);
    let lent: Vec<DelegationRow> = home.ask(&CompanionRequest::Delegations);
    let own = Visitor::logged_in(&served, &bob.device);
    let revocation = format!("/delegations/{}/revocation", lent[0].id);
    let mut tried = 0;
    for origin in [
        Some("https://evil.example".to_owned()),
        Some("null".to_owned()),
        None,
    ] {
        let mut foreign = own.clone();
        foreign.origin = origin;
        for path in [&revocation, "/logout", "/login", "/passkeys", "/decisions"] {
            let answer = foreign.post(path, &json!({}));
            assert_eq!(
                (answer.status, answer.code().as_str()),
                (403, "foreign_origin"),
                "{path}: {answer:?}"
            );
            tried += 1;
        }
    }
    for kind in [
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data",
    ] {
        let form = own.send("POST", &revocation, Some("{}".to_owned()), kind);
        assert_eq!((form.status, form.code().as_str()), (403, "foreign_origin"));
        tried += 1;
    }
    let lent: Vec<DelegationRow> = home.ask(&CompanionRequest::Delegations);
    assert_eq!(lent[0].state, "lent");
    assert_eq!(own.post(&revocation, &json!({})).status, 204);
    let lent: Vec<DelegationRow> = home.ask(&CompanionRequest::Delegations);
    assert_eq!(lent[0].state, "revoked");
    assert_eq!(refusals(&home, "access.denied"), vec!["foreign_origin"; tried]);
}

#[test]
fn a_name_of_somebody_elses_that_points_here_is_answered_with_nothing() {
    let (home, bob, served) = inbox();
    let (id, _) = proposed(&home);
    let own = Visitor::logged_in(&served, &bob.device);
    for host in [
        "evil.example",
        "localhost.evil.example",
        "localhost:1",
        "",
        "localhost",
    ] {
        let mut rebound = own.clone();
        host.clone_into(&mut rebound.host);
        for path in ["/", "/healthz", &format!("/w/{id}")] {
            let answer = rebound.get(path);
            assert!(matches!(answer.status, 400 | 421), "{host}{path}: {answer:?}");
            assert!(!answer.text.contains("typo"), "{answer:?}");
        }
    }
    // Another of its own names leads to the one that passkeys are for.
    let port = served.port();
    let mut by_number = own;
    by_number.host = format!("127.0.0.1:{port}");
    let led = by_number.get("/members");
    assert_eq!(
        (led.status, led.location),
        (307, Some(format!("{}/members", served.url())))
    );
    assert_eq!(by_number.post("/logout", &json!({})).status, 421);
}

#[test]
fn a_decision_on_another_item_or_on_what_has_changed_is_refused() {
    let (home, bob, served) = inbox();
    let ((first, _), (second, _)) = (proposed(&home), proposed(&home));
    let visitor = Visitor::logged_in(&served, &bob.device);
    let row: WorkItemRow = home.ask(&CompanionRequest::WorkItem { id: first });
    let posed = visitor
        .post(&format!("/w/{first}/challenge"), &json!({ "digest": row.digest }))
        .json();
    let meant = json!({ "challenge": posed["challenge"], "verdict": "yes" });
    let other = visitor.post(&format!("/w/{second}/text"), &meant);
    assert_eq!(other.code(), "challenge_spent");
    let stale = visitor.post(
        &format!("/w/{second}/challenge"),
        &json!({ "digest": "00".repeat(32) }),
    );
    assert_eq!(stale.code(), "decision_not_allowed");
    let asked = visitor.post(&format!("/w/{first}/text"), &meant).json();
    let decision = asked["decision"].as_str().unwrap();
    let body = json!({ "decision": decision, "assertion": bob.device.touches(decision) });
    let decided = visitor.post("/decisions", &body);
    assert_eq!(decided.json(), json!({ "id": first, "state": "approved" }));
    assert_eq!(state(&home, second), "proposed");
}

#[test]
fn a_race_of_two_equal_decisions_is_one_entry() {
    let (home, bob, served) = inbox();
    let (id, _) = proposed(&home);
    let visitor = Visitor::logged_in(&served, &bob.device);
    let asked = text(&visitor, &home, id, "yes");
    let decision = asked["decision"].as_str().unwrap();
    let body = json!({ "decision": decision, "assertion": bob.device.touches(decision) });
    let statuses: Vec<u16> = std::thread::scope(|scope| {
        let racing: Vec<_> = (0..8)
            .map(|_| scope.spawn(|| visitor.post("/decisions", &body).status))
            .collect();
        racing.into_iter().map(|racer| racer.join().unwrap()).collect()
    });
    assert_eq!(statuses, [200; 8]);
    let made = home.workspace_chain();
    let made = made.iter().filter(|recorded| recorded.kind == "decision.made");
    assert_eq!(made.count(), 1);
}

#[test]
fn a_passkey_handed_in_on_the_page_counts_only_with_its_owners_signature() {
    let (home, _bob, served) = inbox();
    let visitor = Visitor::of(&served);
    let device = Device::new(79);
    let enrolment = Enrolment {
        workspace: home.workspace(),
        member: home.alice(),
        credential: Credential::Passkey(device.passkey()),
        at: hub::clock::now(),
    };
    let forged = enrolment
        .sign(&identity::Seed::from_entropy([8; 32]).decision_key())
        .unwrap();
    let refused = visitor.post("/passkeys", &serde_json::to_value(&forged).unwrap());
    assert_eq!(
        (refused.status, refused.code().as_str()),
        (403, "decision_unproved")
    );
    assert_eq!(visitor.log_in(&device, VERIFIED).status, 403);
    let signed = home.enrol_later(&enrolment);
    let taken = visitor.post("/passkeys", &serde_json::to_value(&signed).unwrap());
    assert_eq!(taken.status, 204, "{taken:?}");
    assert_eq!(visitor.log_in(&device, VERIFIED).status, 204);
    assert_eq!(refusals(&home, "decision.refused"), ["decision_unproved"]);
}

#[test]
fn pages_say_that_nothing_of_elsewhere_belongs_to_them() {
    let (_home, bob, served) = inbox();
    let visitor = Visitor::logged_in(&served, &bob.device);
    for path in [
        "/",
        "/login",
        "/members",
        "/delegations",
        "/passkeys/new",
        "/w/wi_x",
    ] {
        let page = visitor.get(path);
        let header = |wanted: &str| {
            let found = page.headers.iter().find(|(name, _)| name == wanted);
            found.map(|(_, value)| value.as_str()).unwrap_or_default()
        };
        let policy = header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; script-src 'self';"),
            "{path}: {policy}"
        );
        assert!(
            policy.contains("frame-ancestors 'none'") && !policy.contains("unsafe"),
            "{path}"
        );
        assert_eq!(
            (header("cache-control"), header("referrer-policy")),
            ("no-store", "no-referrer"),
            "{path}"
        );
        assert!(
            !page.text.contains("<style") && !page.text.contains("onclick"),
            "{path}"
        );
    }
    let cookie = Visitor::of(&served).log_in(&bob.device, VERIFIED);
    let set = cookie
        .headers
        .iter()
        .find(|(name, _)| name == "set-cookie")
        .unwrap()
        .1
        .clone();
    assert!(
        set.contains("HttpOnly") && set.contains("SameSite=Lax") && set.contains("Max-Age=43200"),
        "{set}"
    );
}
