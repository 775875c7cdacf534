//! Decisions that nobody made: forged, altered, replayed, of something else, or written into the store by hand.

use std::fs;

use hub::{
    companion::{CompanionRequest, ShownWorkItem, WorkItemRow},
    export_claims::{ProveError, prove},
    kind::EntryKind,
    records::{self, DecisionMade, MemberAdded},
};
use identity::{Decision, Digest, HumanVerb, Seed, SignedDecision, SignedRegistration};
use serde_json::{Value, json};
use testkit::{Home, Terminal, export::Export, home::Lending};
use trace_store::{ChainId, NewEntry, Refs};
use vocabulary::{Timestamp, TraceId, WorkItemId, WorkspaceId};

/// A home with something proposed in it, and which.
fn with_a_proposal() -> (Home, WorkItemId, TraceId) {
    let home = Home::lent();
    let (id, trace) = propose(&home, "Fix a typo in the docs");
    (home, id, trace)
}

fn propose(home: &Home, title: &str) -> (WorkItemId, TraceId) {
    let mut client = home.claude_code();
    let proposed = client.call(
        "propose_work_item",
        json!({ "title": title, "paths": ["docs/a.md"] }),
    );
    assert!(!proposed.is_error, "{}", proposed.text);
    client.end();
    let parsed = |name: &str| proposed.structured[name].as_str().unwrap().to_owned();
    (parsed("id").parse().unwrap(), parsed("trace").parse().unwrap())
}

/// Sends a decision that has to be refused; returns the code.
fn refused(home: &Home, signed: SignedDecision) -> String {
    let refused = home
        .link()
        .ask::<WorkItemRow>(&CompanionRequest::Decide { signed })
        .unwrap_err();
    refused.to_string()
}

fn state(home: &Home, id: WorkItemId) -> String {
    let row: WorkItemRow = home.ask(&CompanionRequest::WorkItem { id });
    row.state
}

/// The codes of the refused decisions that are on record.
fn on_record(home: &Home) -> Vec<String> {
    home.workspace_chain()
        .iter()
        .filter(|recorded| recorded.kind == "decision.refused")
        .map(|recorded| recorded.body["refusal"]["code"].as_str().unwrap().to_owned())
        .collect()
}

/// The same decision with another word in its text, under the old signature.
fn altered(signed: &SignedDecision, name: &str, word: Value) -> SignedDecision {
    let mut whole = serde_json::to_value(signed).unwrap();
    let mut said: Value = serde_json::from_str(signed.text()).unwrap();
    assert_ne!(said[name], word);
    said[name] = word;
    whole["decision"] = json!(said.to_string());
    serde_json::from_value(whole).unwrap()
}

#[test]
fn a_decision_under_anybodys_key_but_the_members_decides_nothing() {
    let (home, id, _) = with_a_proposal();
    let decision = home.decision(&home.pose(id), HumanVerb::Approve, None);
    let forged = decision
        .sign(&Seed::from_entropy([9; 32]).decision_key())
        .unwrap();
    assert!(refused(&home, forged).contains("is not signed by the key of"));
    let stranger = Decision {
        member: hub::clock::new_id().unwrap(),
        ..decision
    };
    assert!(refused(&home, home.sign(&stranger)).contains("is no member"));
    assert_eq!(state(&home, id), "proposed");
    assert_eq!(on_record(&home), ["decision_unproved"; 2]);
}

#[test]
fn a_signed_rejection_does_not_become_an_approval() {
    let (home, id, _) = with_a_proposal();
    let decision = home.decision(&home.pose(id), HumanVerb::Reject, Some("no"));
    let signed = home.sign(&decision);
    assert!(refused(&home, altered(&signed, "verb", json!("approve"))).contains("not signed"));
    assert_eq!(state(&home, id), "proposed");
    let said = home
        .workspace_chain()
        .into_iter()
        .find(|recorded| recorded.kind == "decision.refused")
        .unwrap();
    assert!(
        said.body["said"]
            .as_str()
            .unwrap()
            .contains(r#""verb":"approve""#),
        "what was tried is on record"
    );
}

#[test]
fn the_same_decision_again_is_one_entry_and_another_is_refused() {
    let (home, id, _) = with_a_proposal();
    let decision = home.decision(&home.pose(id), HumanVerb::Approve, None);
    let other = home.decision(&home.pose(id), HumanVerb::Reject, Some("on second thought"));
    let signed = home.sign(&decision);
    for _ in 0..3 {
        let signed = signed.clone();
        let row: WorkItemRow = home.ask(&CompanionRequest::Decide { signed });
        assert_eq!((row.state.as_str(), row.decisions.len()), ("approved", 1));
    }
    assert!(refused(&home, home.sign(&other)).contains("is approved"));
    home.stop_hub();
    let row: WorkItemRow = home.ask(&CompanionRequest::Decide { signed });
    assert_eq!(row.decisions.len(), 1, "also after a restart");
    let made = home
        .workspace_chain()
        .iter()
        .filter(|recorded| recorded.kind == "decision.made")
        .count();
    assert_eq!(
        (made, on_record(&home)),
        (1, vec!["decision_not_allowed".to_owned()])
    );
}

#[test]
fn two_who_decide_at_the_same_moment_make_one_decision() {
    let (home, id, _) = with_a_proposal();
    let decisions: Vec<SignedDecision> = (0..8)
        .map(|n| {
            let verb = if n % 2 == 0 {
                HumanVerb::Approve
            } else {
                HumanVerb::Reject
            };
            home.sign(&home.decision(&home.pose(id), verb, Some("quick")))
        })
        .collect();
    let decided = std::thread::scope(|scope| {
        let racing: Vec<_> = decisions
            .into_iter()
            .map(|signed| {
                let link = home.link();
                scope.spawn(move || {
                    link.ask::<WorkItemRow>(&CompanionRequest::Decide { signed })
                        .is_ok()
                })
            })
            .collect();
        racing
            .into_iter()
            .map(|racer| racer.join().unwrap())
            .filter(|decided| *decided)
            .count()
    });
    assert_eq!(decided, 1);
    let row: WorkItemRow = home.ask(&CompanionRequest::WorkItem { id });
    assert_eq!(row.decisions.len(), 1);
}

#[test]
fn a_decision_answers_the_challenge_that_was_posed_for_it_and_no_other() {
    let (home, id, _) = with_a_proposal();
    let (other, _) = propose(&home, "Something else");
    let (shown, elsewhere) = (home.pose(id), home.pose(other));
    let decision = home.decision(&shown, HumanVerb::Approve, None);
    let borrowed = Decision {
        challenge: elsewhere.posed.challenge,
        ..decision.clone()
    };
    assert!(refused(&home, home.sign(&borrowed)).contains("was posed for something else"));
    let older = Decision {
        history: identity::History {
            size: 2,
            ..decision.history
        },
        ..decision.clone()
    };
    assert!(refused(&home, home.sign(&older)).contains("was posed for something else"));
    let changed = Decision {
        subject_digest: Digest::of_subject(b"something nicer"),
        ..decision.clone()
    };
    assert!(refused(&home, home.sign(&changed)).contains("is not what was shown"));
    let invented = Decision {
        challenge: identity::Challenge::from_entropy([1; 16]),
        ..decision.clone()
    };
    assert!(refused(&home, home.sign(&invented)).contains("is not open"));
    let of_elsewhere = Decision {
        workspace: WorkspaceId::new(1, [1; 10]),
        ..decision.clone()
    };
    assert!(refused(&home, home.sign(&of_elsewhere)).contains("not of this one"));
    let of_tomorrow = Decision {
        at: decision.at.saturating_add(time::Duration::DAY),
        ..decision.clone()
    };
    assert!(refused(&home, home.sign(&of_tomorrow)).contains("check the machine's clock"));
    // A hub that was started anew knows no challenge: what was shown before it has to be looked at again.
    home.stop_hub();
    assert!(refused(&home, home.sign(&decision)).contains("was started anew"));
    assert_eq!(state(&home, id), "proposed");
    assert_eq!(on_record(&home).len(), 7);
}

#[test]
fn high_risk_is_not_let_through_by_the_only_human_there_is() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let proposed = client.call(
        "propose_work_item",
        json!({ "title": "Change how sessions are signed", "paths": ["src/auth/token.rs"] }),
    );
    client.end();
    assert_eq!(proposed.structured["risk"], "high", "{}", proposed.text);
    let id = proposed.structured["id"].as_str().unwrap().parse().unwrap();
    let why = "I read it all and it is fine as it stands";
    let decision = home.decision(&home.pose(id), HumanVerb::Approve, Some(why));
    let told = refused(&home, home.sign(&decision));
    for missing in [
        "another human",
        "a signature by touch",
        "evidence of a machine's review",
    ] {
        assert!(told.contains(missing), "{missing}: {told}");
    }
    // Nor by calling it less risky than it was judged.
    let low = altered(&home.sign(&decision), "risk", json!("low"));
    assert!(refused(&home, low).contains("not signed"));
    let belittled = Decision {
        subject: identity::Subject::WorkItem {
            id,
            policy: match decision.subject {
                identity::Subject::WorkItem { policy, .. } => policy,
                _ => panic!("{decision:?}"),
            },
            risk: vocabulary::Risk::Low,
        },
        ..decision
    };
    assert!(refused(&home, home.sign(&belittled)).contains("is of high risk"));
    assert_eq!(state(&home, id), "proposed");
}

#[test]
fn a_terminal_of_ones_own_is_of_no_use_without_the_passphrase() {
    let (home, id, _) = with_a_proposal();
    let id = id.to_string();
    let mut terminal = Terminal::start(home.auditotter(&["approve", &id]));
    terminal.expect_secret("Passphrase of Alice, to ");
    terminal.enter("let me in, I am Alice");
    let (code, shown) = terminal.end();
    assert_eq!(code, Some(1), "{shown}");
    assert!(shown.contains("nothing was decided"), "{shown}");
    for arguments in [&["approve", &id][..], &["reject", &id, "--why", "no"]] {
        let mut command = home.command("setsid");
        command
            .arg("--wait")
            .arg(testkit::program::path("auditotter"))
            .args(arguments);
        let ran = testkit::program::run(command);
        assert_eq!(ran.code, Some(1));
        assert!(ran.stderr.contains("there is no terminal"), "{}", ran.stderr);
    }
    assert_eq!(state(&home, id.parse().unwrap()), "proposed");
}

/// An entry of the workspace's chain, as whoever has a shell can write it.
pub(crate) fn made(home: &Home, signed: SignedDecision, decision: &Decision) -> (ChainId, NewEntry) {
    made_at(home, signed, decision, hub::clock::now())
}

fn made_at(
    home: &Home,
    signed: SignedDecision,
    decision: &Decision,
    posed_at: Timestamp,
) -> (ChainId, NewEntry) {
    let identity::Subject::WorkItem { id, .. } = decision.subject else {
        panic!("{decision:?}")
    };
    let row: WorkItemRow = home.ask(&CompanionRequest::WorkItem { id });
    let mut refs = Refs::new();
    for (name, value) in [
        ("challenge", decision.challenge.to_string()),
        ("trace", row.trace.to_string()),
        ("work_item", id.to_string()),
    ] {
        refs.insert(name, value).unwrap();
    }
    let entry = NewEntry {
        kind: EntryKind::DecisionMade.into(),
        on_behalf_of: Some(decision.member),
        via: None,
        delegation: None,
        refs,
        body: Some(
            records::write(&DecisionMade {
                signed,
                posed_at,
                changed_lines: None,
            })
            .unwrap(),
        ),
    };
    (ChainId::Workspace(home.workspace()), entry)
}

/// Exports a trace with the whole of the workspace's chain; neither verifier may believe it. Says why ours does not.
pub(crate) fn refused_by_both(home: &Home, trace: TraceId, history: &[u64]) -> String {
    let context: Vec<u64> = (0..home.workspace_chain().len() as u64).collect();
    let file = home.forged_export(trace, &context, history);
    let why = prove(file.as_slice()).unwrap_err();
    assert!(matches!(why, ProveError::Claim { .. }), "{why}");
    let path = home.file("forged.jsonl");
    fs::write(&path, file).unwrap();
    if let Some(ran) = Export::read(path).verified_by_python() {
        assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
    }
    why.to_string()
}

#[test]
fn a_decision_that_somebody_held_back_does_not_come_true_later() {
    let (home, id, trace) = with_a_proposal();
    let shown: ShownWorkItem = home.pose(id);
    let decision = Decision {
        at: hub::clock::now().saturating_add(-time::Duration::days(90)),
        ..home.decision(&shown, HumanVerb::Approve, None)
    };
    let signed = home.sign(&decision);
    let entry = made(&home, signed, &decision);
    home.forge(vec![entry]);
    let why = refused_by_both(&home, trace, &[decision.history.size]);
    assert!(why.contains("not within the time that a challenge has"), "{why}");
    break_off(&home, "not within the time that a challenge has");
}

/// The hub does not start on what is written there.
pub(crate) fn break_off(home: &Home, why: &str) {
    let ran = home.run(&["inbox"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains(why), "{}", ran.stderr);
}

#[test]
fn a_founder_of_ones_own_in_another_chain_founds_nothing() {
    let (home, id, trace) = with_a_proposal();
    let shown: ShownWorkItem = home.pose(id);
    let seed = Seed::from_entropy([9; 32]);
    let registration = SignedRegistration::sign(
        &seed,
        home.alice(),
        "Alice".parse().unwrap(),
        "alice@example.com".parse().unwrap(),
        home.workspace(),
    );
    let added = MemberAdded {
        registration: registration.unwrap(),
        root_key_id: 0,
        granted: None,
    };
    let decision = home.decision(&shown, HumanVerb::Approve, None);
    let forged = decision.sign(&seed.decision_key()).unwrap();
    let approval = made(&home, forged, &decision);
    for chain in [
        ChainId::Workspace(WorkspaceId::new(1, [1; 10])),
        ChainId::Trace(hub::clock::new_id().unwrap()),
    ] {
        let founder = || NewEntry {
            kind: EntryKind::MemberAdded.into(),
            on_behalf_of: Some(home.alice()),
            via: None,
            delegation: None,
            refs: Refs::new(),
            body: Some(records::write(&added).unwrap()),
        };
        home.forge(vec![(chain, founder()), (chain, founder())]);
        let context = [(chain, 0), (chain, 1), (ChainId::Workspace(home.workspace()), 3)];
        let file = home.forged_export_of(trace, &context, &[decision.history.size]);
        assert!(prove(file.as_slice()).is_err(), "{chain}");
        let path = home.file("forged.jsonl");
        fs::write(&path, file).unwrap();
        if let Some(ran) = Export::read(path).verified_by_python() {
            assert_eq!(ran.code, Some(1), "{}{}", ran.stdout, ran.stderr);
        }
    }
    home.forge(vec![approval]);
    break_off(&home, "is not signed by the key of");
}

#[test]
fn rubbish_in_place_of_a_decision_is_recorded_in_few_words_and_hides_nothing() {
    let (home, id, _) = with_a_proposal();
    let rubbish = format!(r#"{{"{}":1}}"#, "x".repeat(3 << 20));
    let signed: SignedDecision =
        serde_json::from_value(json!({ "decision": rubbish, "signature": "0".repeat(128) })).unwrap();
    for _ in 0..40 {
        let told = refused(&home, signed.clone());
        assert!(told.len() < 1_000, "{} bytes", told.len());
    }
    // A member's own words, sent a second time in another place, are on record nevertheless.
    let decision = home.decision(&home.pose(id), HumanVerb::Approve, None);
    let elsewhere = Decision {
        subject_digest: Digest::of_subject(b"something else"),
        ..decision
    };
    refused(&home, home.sign(&elsewhere));
    let codes = on_record(&home);
    assert!((30..=60).contains(&codes.len()), "{}", codes.len());
    assert_eq!(codes.last().unwrap(), "decision_not_allowed");
    let largest = home
        .workspace_chain()
        .iter()
        .filter_map(|recorded| recorded.stored.entry.body.as_ref().map(|body| body.size))
        .max();
    assert!(largest < Some(20_000), "{largest:?}");
}

#[test]
fn proposals_as_large_as_they_come_do_not_hide_the_inbox() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let paths: Vec<String> = (0..100)
        .map(|n| format!("docs/{n}{}", "\"".repeat(900)))
        .collect();
    for n in 0..50 {
        let proposed = client.call(
            "propose_work_item",
            json!({ "title": format!("Number {n}"), "paths": paths, "description": "\n".repeat(16_000) + "x" }),
        );
        assert!(!proposed.is_error, "{}", proposed.text);
    }
    client.end();
    let waiting: Vec<Value> = serde_json::from_str(&home.run(&["inbox", "--json"]).expect_success()).unwrap();
    assert_eq!(waiting.len(), 50);
}

#[test]
fn a_decision_written_into_the_store_by_hand_is_not_believed() {
    let (home, id, _) = with_a_proposal();
    let shown: ShownWorkItem = home.pose(id);
    let decision = home.decision(&shown, HumanVerb::Approve, None);
    let forged = decision
        .sign(&Seed::from_entropy([9; 32]).decision_key())
        .unwrap();
    home.forge(vec![made(&home, forged, &decision)]);
    let ran = home.run(&["inbox"]);
    assert_eq!(ran.code, Some(1));
    assert!(
        ran.stderr.contains("is not signed by the key of"),
        "the hub does not start on it: {}",
        ran.stderr
    );
}

#[test]
fn a_decision_over_another_past_does_not_verify_anywhere() {
    let (home, id, trace) = with_a_proposal();
    let shown: ShownWorkItem = home.pose(id);
    let decision = home.decision(&shown, HumanVerb::Approve, None);
    let of_another_past = Decision {
        history: identity::History {
            root: Digest::from_bytes([1; 32]),
            ..decision.history
        },
        ..decision
    };
    home.forge(vec![made(&home, home.sign(&of_another_past), &of_another_past)]);
    let why = refused_by_both(&home, trace, &[of_another_past.history.size]);
    assert!(why.contains("not how this ledger began"), "{why}");
    let ran = home.run(&["inbox"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("it vouches for a ledger"), "{}", ran.stderr);
}

#[test]
fn no_tool_and_no_argument_of_one_decides() {
    let (home, id, _) = with_a_proposal();
    home.lend(&Lending::to("claude-code"));
    let mut client = home.claude_code();
    for tool in [
        "approve",
        "reject",
        "grant_access",
        "attest_deploy",
        "revoke_member",
        "erase_body",
        "decide",
    ] {
        let error = client.try_call(tool, json!({ "id": id })).unwrap_err();
        assert!(error.message.contains("there is no tool"), "{error:?}");
    }
    for smuggled in [
        json!({ "id": id, "state": "approved" }),
        json!({ "id": id, "decision": "approve" }),
        json!({ "id": id, "verb": "approve" }),
    ] {
        for tool in ["await_decision", "get_work_item"] {
            let answer = client.call(tool, smuggled.clone());
            assert!(
                answer.is_error && answer.text.contains("unknown field"),
                "{}",
                answer.text
            );
        }
    }
    client.end();
    assert_eq!(state(&home, id), "proposed");
}
