//! Deciding in the inbox whether a change may land: what an agent with a shell, a committer, the human for whom it acts, and who has a
//! copy of a touch try there.

use hub::companion::{CompanionRequest, ExceptionRow, WorkItemRow};
use identity::{Credential, Enrolment, HumanVerb};
use serde_json::{Value, json};
use testkit::{Device, Home, ListeningHub, Visitor, export::Export, home::change, inbox::Answer};
use vocabulary::WorkItemId;

const ALICE: &str = "alice@example.com";
const BOB: &str = "bob@example.com";

/// A home with work that may begin, its inbox, and Alice's passkey.
fn begun() -> (Home, WorkItemId, ListeningHub, Device) {
    let home = Home::lent();
    let mut client = home.claude_code();
    let proposed = client.call("propose_work_item", json!({ "title": "Fix a typo in the docs" }));
    client.end();
    let id = proposed.structured["id"].as_str().unwrap().parse().unwrap();
    home.decide(id, HumanVerb::Approve, None);
    let device = Device::new(20);
    let enrolment = Enrolment {
        workspace: home.workspace(),
        member: home.alice(),
        credential: Credential::Passkey(device.passkey()),
        at: hub::clock::now(),
    };
    let signed = home.enrol_later(&enrolment);
    let _: Value = home.ask(&CompanionRequest::Enrol { signed });
    let served = home.serve();
    (home, id, served, device)
}

/// What the page of the work item asks of whoever looks: of which digest, and as whom they would say yes.
fn asked(visitor: &Visitor, id: WorkItemId) -> Vec<(String, String)> {
    let page = visitor.get(&format!("/w/{id}"));
    assert_eq!(page.status, 200, "{page:?}");
    let marked = |text: &str, name: &str| {
        let (_, rest) = text.split_once(&format!("{name}=\"")).unwrap();
        rest.split_once('"').unwrap().0.to_owned()
    };
    let sections = page.text.split("data-decide=").skip(1);
    sections
        .filter(|section| section.contains("data-said-as"))
        .map(|section| (marked(section, "data-digest"), marked(section, "data-said-as")))
        .collect()
}

fn posed(visitor: &Visitor, id: WorkItemId, (digest, said_as): &(String, String)) -> Answer {
    let looking = json!({ "digest": digest, "said_as": said_as });
    visitor.post(&format!("/w/{id}/landing/challenge"), &looking)
}

/// The text of a decision on the first change that the page asks about.
fn text(visitor: &Visitor, id: WorkItemId, verdict: &str) -> String {
    let challenge = posed(visitor, id, &asked(visitor, id)[0]).json();
    let meant =
        json!({ "challenge": challenge["challenge"], "verdict": verdict, "rationale": "I have read it" });
    let written = visitor.post(&format!("/w/{id}/landing/text"), &meant);
    written.json()["decision"].as_str().unwrap().to_owned()
}

fn hand_in(visitor: &Visitor, text: &str, touched: &Device) -> Answer {
    visitor.post(
        "/decisions",
        &json!({ "decision": text, "assertion": touched.touches(text) }),
    )
}

fn row(home: &Home, id: WorkItemId) -> WorkItemRow {
    home.ask(&CompanionRequest::WorkItem { id })
}

fn on_record(home: &Home, kind: &str) -> Vec<String> {
    let chain = home.workspace_chain();
    let of_kind = chain.iter().filter(|recorded| recorded.kind == kind);
    of_kind
        .map(|recorded| {
            recorded.body["refusal"]["code"]
                .as_str()
                .unwrap_or_default()
                .to_owned()
        })
        .collect()
}

#[track_caller]
fn is_refused(answer: &Answer, code: &str, why: &str) {
    assert!(matches!(answer.status, 403 | 409), "{answer:?}");
    assert_eq!(answer.code(), code, "{answer:?}");
    assert!(answer.text.contains(why), "{why}: {answer:?}");
}

#[test]
fn the_delegating_human_and_a_committer_are_refused_and_a_third_member_gets_through_by_touch() {
    let (home, id, served, alices) = begun();
    let (bob, carol) = (home.bob(), home.lets_in("Carol", "carol@example.com", 12));
    home.put_forward(&change(id, "7e", &[BOB]));
    for device in [&alices, &bob.device] {
        let visitor = Visitor::logged_in(&served, device);
        let page = visitor.get(&format!("/w/{id}")).text;
        assert!(
            page.contains("somebody who neither made it nor had it made: Carol"),
            "{page}"
        );
        assert!(!page.contains("data-verdict=\"yes\""), "{page}");
        let inbox = visitor.get("/").text;
        let (mine, others) = inbox.split_once("Waiting for others").unwrap();
        assert!(
            !mine.contains("may it land?") && others.contains("may it land?"),
            "{inbox}"
        );
        let refused = hand_in(&visitor, &text(&visitor, id, "yes"), device);
        is_refused(&refused, "decision_not_allowed", "and can: carol@example.com");
        // Nor by saying that the page had said otherwise.
        let (digest, _) = asked(&visitor, id).remove(0);
        let lied = posed(&visitor, id, &(digest, "independent".to_owned()));
        is_refused(&lied, "decision_not_allowed", "not any more what your page shows");
    }
    let visitor = Visitor::logged_in(&served, &carol.device);
    let inbox = visitor.get("/").text;
    let (mine, _) = inbox.split_once("Waiting for others").unwrap();
    assert!(mine.contains("may it land?"), "{inbox}");
    let page = visitor.get(&format!("/w/{id}")).text;
    for told in [
        "7e".repeat(20),
        "c0".repeat(20),
        "ba".repeat(20),
        "bob@example.com <span class=\"hint\">(Bob)".to_owned(),
        "<dt>Changed lines</dt><dd>42</dd>".to_owned(),
        "Nobody signed that git says so".to_owned(),
    ] {
        assert!(page.contains(&told), "{told}: {page}");
    }
    // Looking, however often, changes nothing.
    let before = home
        .ask::<hub::companion::Status>(&CompanionRequest::Status)
        .entries;
    let _ = (
        visitor.get(&format!("/w/{id}")),
        posed(&visitor, id, &asked(&visitor, id)[0]),
    );
    let after = home
        .ask::<hub::companion::Status>(&CompanionRequest::Status)
        .entries;
    assert_eq!(before, after);
    let decided = hand_in(&visitor, &text(&visitor, id, "yes"), &carol.device);
    assert_eq!(
        decided.json(),
        json!({ "id": id, "state": "approved", "may_land": "yes" })
    );
    let landing = row(&home, id).landings.remove(0);
    assert_eq!(
        (landing.role.as_str(), landing.tier.as_str(), landing.by.as_str()),
        ("independent", "T1", "Carol")
    );
    drop(served);
    assert_eq!(on_record(&home, "decision.refused"), ["decision_not_allowed"; 2]);
    let export = Export::of_the_trace_of(&home, id);
    let ours = export.verified_by_us();
    assert_eq!(ours.code, Some(0), "{}{}", ours.stdout, ours.stderr);
    if let Some(ran) = export.verified_by_python() {
        let told = ran.expect_success();
        assert!(
            told.contains("1 decisions on what was to land, 0 by exception"),
            "{told}"
        );
    }
}

#[test]
fn what_is_replayed_altered_or_of_another_tree_is_refused_and_on_record() {
    let (home, id, served, _) = begun();
    let bob = home.bob();
    home.put_forward(&change(id, "7e", &[ALICE]));
    let visitor = Visitor::logged_in(&served, &bob.device);
    let shown = text(&visitor, id, "yes");
    let other_tree = shown.replace(&"7e".repeat(20), &"0d".repeat(20));
    assert_ne!(shown, other_tree);
    let touch = json!(bob.device.touches(&shown));
    let altered = visitor.post(
        "/decisions",
        &json!({ "decision": other_tree, "assertion": touch }),
    );
    is_refused(&altered, "decision_unproved", "");
    // Signed for a tree that nobody put forward; and, once somebody did, in answer to what was posed for another.
    let unknown = hand_in(&visitor, &other_tree, &bob.device);
    is_refused(
        &unknown,
        "decision_not_allowed",
        "nobody put a change with the tree",
    );
    home.put_forward(&change(id, "0d", &[ALICE]));
    let exchanged = hand_in(&visitor, &other_tree, &bob.device);
    is_refused(&exchanged, "decision_not_allowed", "is not what was shown");
    // What took the place of another is what is decided on now, and the page says so.
    is_refused(
        &hand_in(&visitor, &shown, &bob.device),
        "decision_not_allowed",
        "is superseded",
    );
    let page = visitor.get(&format!("/w/{id}")).text;
    assert!(page.contains("and superseded since: tree <code>7e7e"), "{page}");

    // The same tree, under other facts than were shown.
    let decision = text(&visitor, id, "yes");
    home.put_forward(&change(id, "0d", &[BOB]));
    is_refused(
        &hand_in(&visitor, &decision, &bob.device),
        "decision_not_allowed",
        "is superseded",
    );
    home.put_forward(&change(id, "0d", &[ALICE]));
    let page = visitor.get(&format!("/w/{id}")).text;
    assert!(
        page.contains("Of the same tree something else was said as well"),
        "{page}"
    );
    let decision = text(&visitor, id, "yes");
    // What was touched for one text is worth nothing under another, nor is another's touch.
    let again = text(&visitor, id, "yes");
    let touch = json!(bob.device.touches(&decision));
    let replayed = visitor.post("/decisions", &json!({ "decision": again, "assertion": touch }));
    is_refused(&replayed, "decision_unproved", "");
    is_refused(
        &hand_in(&visitor, &decision, &Device::new(77)),
        "decision_unproved",
        "",
    );
    assert!(row(&home, id).landings.is_empty());
    let statuses = [(); 3].map(|()| hand_in(&visitor, &decision, &bob.device).status);
    assert_eq!(statuses, [200; 3], "the same once more is the same");
    assert_eq!(row(&home, id).landings.len(), 1);
    is_refused(
        &hand_in(&visitor, &again, &bob.device),
        "decision_not_allowed",
        "decided on exactly this before",
    );
    drop(served);
    assert_eq!(on_record(&home, "change.decided").len(), 1);
    assert_eq!(
        on_record(&home, "decision.refused"),
        [
            "decision_unproved",
            "decision_not_allowed",
            "decision_not_allowed",
            "decision_not_allowed",
            "decision_not_allowed",
            "decision_unproved",
            "decision_unproved",
            "decision_not_allowed",
        ]
    );
}

#[test]
fn a_question_of_beginning_is_none_of_landing_and_neither_is_answered_for_the_other() {
    let (home, id, served, _) = begun();
    let bob = home.bob();
    let mut client = home.claude_code();
    let waiting = client.call("propose_work_item", json!({ "title": "Fix another typo" }));
    client.end();
    let other: WorkItemId = waiting.structured["id"].as_str().unwrap().parse().unwrap();
    home.put_forward(&change(id, "7e", &[ALICE]));
    let visitor = Visitor::logged_in(&served, &bob.device);
    let landing = posed(&visitor, id, &asked(&visitor, id)[0]).json();
    let digest = row(&home, other).digest;
    let begin = visitor.post(&format!("/w/{other}/challenge"), &json!({ "digest": digest }));
    for (path, challenge) in [
        (format!("/w/{id}/text"), &landing),
        (format!("/w/{other}/landing/text"), &landing),
        (format!("/w/{other}/landing/text"), &begin.json()),
        (format!("/w/{id}/landing/text"), &begin.json()),
    ] {
        let meant = json!({ "challenge": challenge["challenge"], "verdict": "yes" });
        assert_eq!(visitor.post(&path, &meant).code(), "challenge_spent", "{path}");
    }
    // Nothing can be put forward for work that may not begin yet.
    let early = change(other, "7e", &[ALICE]);
    let refused = home
        .link()
        .ask::<WorkItemRow>(&CompanionRequest::ProposeChange { change: early });
    assert!(
        refused
            .unwrap_err()
            .to_string()
            .contains("is proposed; whether a change may land")
    );
    assert!(asked(&visitor, other).is_empty());
}

#[test]
fn what_an_agent_holds_opens_no_question_and_what_it_puts_forward_lands_nothing() {
    let (home, id, served, _) = begun();
    let bob = home.bob();
    let bearer = home.bearer("claude-code");
    // Whoever has a shell can put forward what they like, also what would make Alice look independent.
    home.put_forward(&change(id, "7e", &["carol@example.com"]));
    let of_bob = asked(&Visitor::logged_in(&served, &bob.device), id).remove(0);
    let mut agent = Visitor::of(&served);
    for authorization in [None, Some(format!("Bearer {bearer}"))] {
        agent.authorization = authorization;
        assert_eq!(posed(&agent, id, &of_bob).status, 401);
        let meant = json!({ "challenge": "00".repeat(16), "verdict": "yes" });
        assert_eq!(agent.post(&format!("/w/{id}/landing/text"), &meant).status, 401);
    }
    // A cookie is not a touch.
    let thief = Visitor::logged_in(&served, &bob.device);
    let decision = text(&thief, id, "yes");
    is_refused(
        &hand_in(&thief, &decision, &Device::new(77)),
        "decision_unproved",
        "",
    );
    let mut elsewhere = thief;
    elsewhere.origin = Some("https://evil.example".to_owned());
    assert_eq!(posed(&elsewhere, id, &of_bob).code(), "foreign_origin");
    let row = row(&home, id);
    assert!(row.landings.is_empty() && row.verdicts.is_empty(), "{row:?}");
    drop(served);
    let chain = home.workspace_chain();
    let put = chain
        .iter()
        .find(|entry| entry.kind == "change.proposed")
        .unwrap();
    assert_eq!(put.stored.entry.on_behalf_of, None, "it is nobody's word");
}

#[test]
fn a_decision_counts_for_what_was_known_when_it_was_shown() {
    let (home, id, served, _) = begun();
    let bob = home.bob();
    home.put_forward(&change(id, "7e", &[ALICE]));
    let visitor = Visitor::logged_in(&served, &bob.device);
    let (before, decision) = (asked(&visitor, id).remove(0), text(&visitor, id, "yes"));
    let mut client = home.claude_code();
    let arguments = json!({
        "id": id, "kind": "test", "outcome": "failed", "tool": "nextest", "summary": "one of them fails",
    });
    assert!(!client.call("record_evidence", arguments).is_error);
    is_refused(
        &hand_in(&visitor, &decision, &bob.device),
        "decision_not_allowed",
        "is not what was shown",
    );
    is_refused(
        &posed(&visitor, id, &before),
        "decision_not_allowed",
        "not any more what your page shows",
    );
    assert_ne!(asked(&visitor, id)[0].0, before.0);
    let decided = hand_in(&visitor, &text(&visitor, id, "no"), &bob.device);
    assert_eq!(decided.json()["may_land"], "no, says Bob");
    // What comes later makes it stale, and it waits again.
    let arguments = json!({
        "id": id, "kind": "test", "outcome": "passed", "tool": "nextest", "summary": "all of them pass",
    });
    assert!(!client.call("record_evidence", arguments).is_error);
    client.end();
    let inbox = visitor.get("/").text;
    assert!(
        inbox
            .split_once("Waiting for others")
            .unwrap()
            .0
            .contains("may it land?"),
        "{inbox}"
    );
    let decided = hand_in(&visitor, &text(&visitor, id, "yes"), &bob.device);
    assert_eq!(decided.json()["may_land"], "yes");
}

#[test]
fn who_is_made_out_to_be_alone_is_offered_no_exception() {
    let (home, id, served, alices) = begun();
    let (bob, carol) = (home.bob(), home.lets_in("Carol", "carol@example.com", 12));
    // Whoever has a shell says that everybody else made it; nobody signed that.
    home.put_forward(&change(id, "7e", &[BOB, "carol@example.com"]));
    let alice = Visitor::logged_in(&served, &alices);
    let page = alice.get(&format!("/w/{id}")).text;
    assert!(page.contains("is nobody&#39;s word so far"), "{page}");
    assert!(!page.contains("data-verdict=\"yes\""), "{page}");
    assert!(!alice.get("/").text.contains("your yes would be an exception"));
    assert_eq!(asked(&alice, id)[0].1, "nobody");
    is_refused(
        &hand_in(&alice, &text(&alice, id, "yes"), &alices),
        "decision_not_allowed",
        "did not say that this would be decided as exception",
    );
    // Nor where others were made to say no to it: they answer for no list.
    let bobs = Visitor::logged_in(&served, &bob.device);
    let carols = Visitor::logged_in(&served, &carol.device);
    for (visitor, device) in [(&bobs, &bob.device), (&carols, &carol.device)] {
        assert_eq!(hand_in(visitor, &text(visitor, id, "no"), device).status, 200);
    }
    home.put_forward(&change(id, "7e", &[ALICE]));
    is_refused(
        &hand_in(&alice, &text(&alice, id, "yes"), &alices),
        "decision_not_allowed",
        "amend the change, so that its tree is another",
    );
    assert!(
        home.land(&change(id, "7e", &[ALICE]), HumanVerb::Approve, None)
            .is_err()
    );
    // What another tree says is another question.
    home.put_forward(&change(id, "0d", &[ALICE]));
    assert_eq!(asked(&bobs, id)[0].1, "independent");
}

#[test]
fn a_page_takes_nothing_that_was_posed_at_a_terminal() {
    let (home, id, served, alices) = begun();
    let change = change(id, "7e", &[ALICE]);
    home.put_forward(&change);
    let alice = Visitor::logged_in(&served, &alices);
    let shown = home.pose_change(&change);
    let meant = json!({ "challenge": shown.work_item.posed.challenge, "verdict": "yes" });
    let written = alice.post(&format!("/w/{id}/landing/text"), &meant);
    is_refused(&written, "challenge_spent", "look at it again");
    let decision = identity::Decision {
        tier: identity::Tier::T1,
        ..home.decision_on(&change, &shown, HumanVerb::Approve, None)
    };
    let decided = hand_in(&alice, &decision.text().unwrap(), &alices);
    is_refused(&decided, "challenge_spent", "shown at a terminal");
    assert!(row(&home, id).landings.is_empty());
}

#[test]
fn nobody_lets_a_change_through_by_exception_who_was_not_told_so_and_a_review_closes_it() {
    let (home, id, served, alices) = begun();
    home.put_forward(&change(id, "7e", &[ALICE]));
    let alice = Visitor::logged_in(&served, &alices);
    assert_eq!(asked(&alice, id)[0].1, "exception");
    let page = alice.get(&format!("/w/{id}")).text;
    assert!(
        page.contains("due for a review by somebody independent by "),
        "{page}"
    );
    // Told that it is an exception; by the time it arrives somebody could decide.
    let decision = text(&alice, id, "yes");
    let bob = home.bob();
    is_refused(
        &hand_in(&alice, &decision, &alices),
        "decision_not_allowed",
        "and can: bob@example.com",
    );
    // Told that it is for others; by the time it arrives nobody is left.
    assert_eq!(asked(&alice, id)[0].1, "nobody");
    let decision = text(&alice, id, "yes");
    home.let_go(bob.member, "left the team");
    is_refused(
        &hand_in(&alice, &decision, &alices),
        "decision_not_allowed",
        "did not say that this would be decided as exception",
    );
    assert_eq!(asked(&alice, id)[0].1, "exception");
    let decided = hand_in(&alice, &text(&alice, id, "yes"), &alices);
    assert_eq!(decided.json()["may_land"], "yes, by exception of Alice");
    let landing = row(&home, id).landings.remove(0);
    assert!(landing.review_due.is_some(), "{landing:?}");
    // Who comes later reviews what Alice signed, although nobody puts it forward again.
    let carol = home.lets_in("Carol", "carol@example.com", 12);
    let visitor = Visitor::logged_in(&served, &carol.device);
    assert_eq!(asked(&visitor, id)[0].1, "review");
    assert_eq!(
        hand_in(&visitor, &text(&visitor, id, "yes"), &carol.device).status,
        200
    );
    let listed: Vec<ExceptionRow> = home.ask(&CompanionRequest::Exceptions);
    assert_eq!(listed[0].reviewed_by.as_deref(), Some("Carol"));
    drop(served);
    assert_eq!(on_record(&home, "decision.refused"), ["decision_not_allowed"; 2]);
}
