//! Evidence that nobody's agent recorded, that was recorded elsewhere, or after a human had looked.

use delegation::AgentVerb;
use hub::{
    clock,
    companion::{CompanionRequest, WorkItemRow},
    export_claims::prove,
    kind::EntryKind,
    records::{self, DecisionMade},
};
use identity::HumanVerb;
use serde_json::{Value, json};
use testkit::{Home, StdioClient, home::Lending};
use trace_store::{ChainId, NewEntry, Refs, Via};
use vocabulary::{Risk, TraceId, WorkItemId, WorkspaceId};
use work_items::{Evidence, Finding};

use crate::decisions::{break_off, refused_by_both};

const WHY: &str = "Read it twice; the lock is held throughout.";

fn review(id: WorkItemId) -> Value {
    json!({ "id": id, "kind": "review", "outcome": "passed", "tool": "careful-review", "summary": "Read all of it." })
}

fn propose(client: &mut StdioClient, arguments: Value) -> (WorkItemId, TraceId) {
    let proposed = client.call("propose_work_item", arguments);
    assert!(!proposed.is_error, "{}", proposed.text);
    let parsed = |name: &str| proposed.structured[name].as_str().unwrap().to_owned();
    (parsed("id").parse().unwrap(), parsed("trace").parse().unwrap())
}

fn high_risk(client: &mut StdioClient) -> (WorkItemId, TraceId) {
    let arguments = json!({ "title": "Change how sessions are signed", "paths": ["src/auth/token.rs"],
                            "repository": "acme/shop" });
    propose(client, arguments)
}

fn row(home: &Home, id: WorkItemId) -> WorkItemRow {
    home.ask(&CompanionRequest::WorkItem { id })
}

#[test]
fn evidence_takes_a_delegation_under_which_the_same_work_could_be_proposed() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let (id, _) = high_risk(&mut client);
    client.end();
    let other = Lending::to("claude-code").within("acme/other", "**");
    let docs = Lending::to("claude-code").within("acme/shop", "docs/**");
    let timid = Lending {
        risk_ceiling: Risk::Medium,
        ..Lending::to("claude-code")
    };
    let mute = Lending {
        verbs: vec![
            AgentVerb::ProposeWorkItem,
            AgentVerb::ReadWorkItems,
            AgentVerb::AppendTraceNote,
        ],
        ..Lending::to("claude-code")
    };
    for (lending, code) in [
        (other, "repository_not_lent"),
        (docs, "path_not_lent"),
        (timid, "risk_above_ceiling"),
        (mute, "verb_not_lent"),
    ] {
        home.lend(&lending);
        let mut client = home.claude_code();
        let answer = client.call("record_evidence", review(id));
        assert!(
            answer.is_error && answer.text.contains(code),
            "{code}: {}",
            answer.text
        );
        client.end();
    }
    // Somebody else's agent, for repositories that this is not of, does not even see it.
    let bob = home.bob();
    bob.lends(&home, &Lending::to("claude-code").within("acme/other", "**"));
    let mut client = home.claude_code();
    let answer = client.call("record_evidence", review(id));
    assert!(
        answer.is_error && answer.text.contains("not_found"),
        "{}",
        answer.text
    );
    client.end();
    assert!(row(&home, id).evidence.is_empty());
}

#[test]
fn evidence_says_whose_word_it_is_and_no_argument_changes_that() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let (id, _) = high_risk(&mut client);
    for smuggled in ["on_behalf_of", "via", "by", "recorded_at", "state", "approved"] {
        let mut arguments = review(id);
        arguments[smuggled] = json!("Bob");
        let answer = client.call("record_evidence", arguments);
        assert!(
            answer.is_error && answer.text.contains("unknown field"),
            "{}",
            answer.text
        );
    }
    for (field, value, why) in [
        ("kind", json!("approval"), "unknown variant"),
        ("outcome", json!("approved"), "unknown variant"),
        ("tool", json!("review\u{202e}dessap"), "U+202E"),
        ("summary", json!(" "), "summary is empty"),
        ("summary", json!("x".repeat(2_001)), "at most 2000"),
        ("digest", json!("07"), "64 hexadecimal digits"),
        ("commit", json!("HEAD"), "no full name of a git object"),
        ("changed_lines", json!(-1), "invalid value"),
    ] {
        let mut arguments = review(id);
        arguments[field] = value;
        let answer = client.call("record_evidence", arguments);
        assert!(
            answer.is_error && answer.text.contains(why),
            "{why}: {}",
            answer.text
        );
    }
    let recorded = client.call("record_evidence", review(id));
    assert!(!recorded.is_error, "{}", recorded.text);
    client.end();
    let evidence = row(&home, id).evidence;
    assert_eq!(
        (evidence.len(), evidence[0].by.as_str()),
        (1, "Alice (via claude-code)")
    );
}

#[test]
fn evidence_that_arrives_while_a_human_looks_makes_them_look_again() {
    let home = Home::lent();
    let bob = home.bob();
    let mut client = home.claude_code();
    let (id, _) = high_risk(&mut client);
    assert!(!client.call("record_evidence", review(id)).is_error);
    let shown = home.pose(id);
    let failed = json!({ "id": id, "kind": "test", "outcome": "failed", "tool": "cargo test", "summary": "Two fail." });
    assert!(!client.call("record_evidence", failed).is_error);
    let signed = bob.sign(&bob.decision(&home, &shown, HumanVerb::Approve, Some(WHY)));
    let refused = home
        .link()
        .ask::<WorkItemRow>(&CompanionRequest::Decide { signed })
        .unwrap_err();
    assert!(refused.to_string().contains("is not what was shown"), "{refused}");
    assert_eq!(row(&home, id).state, "proposed");
    // Nor does leaving out what failed make it what is there.
    let mut partly = home.pose(id);
    partly.evidence.pop();
    let signed = bob.sign(&bob.decision(&home, &partly, HumanVerb::Approve, Some(WHY)));
    let refused = home
        .link()
        .ask::<WorkItemRow>(&CompanionRequest::Decide { signed })
        .unwrap_err();
    assert!(refused.to_string().contains("is not what was shown"), "{refused}");
    assert_eq!(
        bob.decide(&home, id, HumanVerb::Approve, Some(WHY))
            .unwrap()
            .state,
        "approved"
    );
    client.end();
}

#[test]
fn evidence_is_no_approval_and_of_no_use_to_the_one_for_whom_it_was_recorded() {
    let home = Home::lent();
    let bob = home.bob();
    let mut client = home.claude_code();
    let (id, _) = high_risk(&mut client);
    assert!(!client.call("record_evidence", review(id)).is_error);
    client.end();
    assert_eq!(row(&home, id).state, "proposed");
    let decision = home.decision(&home.pose(id), HumanVerb::Approve, Some(WHY));
    let refused = home
        .link()
        .ask::<WorkItemRow>(&CompanionRequest::Decide {
            signed: home.sign(&decision),
        })
        .unwrap_err()
        .to_string();
    assert!(
        refused.contains("another human") && !refused.contains("evidence of"),
        "{refused}"
    );
    let by_passphrase = identity::Decision {
        tier: identity::Tier::T0,
        ..bob.decision(&home, &home.pose(id), HumanVerb::Approve, Some(WHY))
    };
    let refused = home
        .link()
        .ask::<WorkItemRow>(&CompanionRequest::Decide {
            signed: bob.sign(&by_passphrase),
        })
        .unwrap_err()
        .to_string();
    assert!(refused.contains("a signature by touch"), "{refused}");
    assert_eq!(row(&home, id).state, "proposed");
}

/// An entry with evidence, as whoever has a shell can write it.
fn forged(workspace: WorkspaceId, evidence: &Evidence, trace: TraceId) -> (ChainId, NewEntry) {
    let mut refs = Refs::new();
    refs.insert("trace", trace.to_string()).unwrap();
    refs.insert("work_item", evidence.work_item.to_string()).unwrap();
    let entry = NewEntry {
        kind: EntryKind::EvidenceRecorded.into(),
        on_behalf_of: Some(evidence.on_behalf_of),
        via: Some(Via::new(&evidence.via, None, None).unwrap()),
        delegation: Some(evidence.delegation),
        refs,
        body: Some(records::write(evidence).unwrap()),
    };
    (ChainId::Workspace(workspace), entry)
}

fn finding() -> Finding {
    let mut finding = review(WorkItemId::new(1, [1; 10]));
    finding.as_object_mut().unwrap().remove("id");
    serde_json::from_value(finding).unwrap()
}

#[test]
fn evidence_written_by_hand_under_what_nobody_lent_is_believed_by_nobody() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let (id, trace) = high_risk(&mut client);
    client.end();
    let (workspace, alice) = (home.workspace(), home.alice());
    home.forge_now(move |now| {
        let evidence = Evidence {
            work_item: id,
            finding: finding(),
            on_behalf_of: alice,
            via: "claude-code".to_owned(),
            delegation: clock::new_id().unwrap(),
            trace,
            recorded_at: now,
        };
        vec![forged(workspace, &evidence, trace)]
    });
    // Biscuits are beyond the second verifier; it says what it does not check.
    let context: Vec<u64> = (0..home.workspace_chain().len() as u64).collect();
    let file = home.forged_export(trace, &context, &[]);
    let why = prove(file.as_slice()).unwrap_err().to_string();
    assert!(why.contains("whose grant is not in the file"), "{why}");
    break_off(&home, "which was not lent then");
}

#[test]
fn evidence_written_by_hand_with_another_time_or_for_another_human_is_believed_by_nobody() {
    for wrong in ["time", "human", "place"] {
        let home = Home::lent();
        let delegation = home.lend(&Lending::to("claude-code"));
        let mut client = home.claude_code();
        let (id, trace) = high_risk(&mut client);
        client.end();
        let (workspace, alice) = (home.workspace(), home.alice());
        home.forge_now(move |now| {
            let mut evidence = Evidence {
                work_item: id,
                finding: finding(),
                on_behalf_of: alice,
                via: "claude-code".to_owned(),
                delegation,
                trace,
                recorded_at: now,
            };
            if wrong == "time" {
                evidence.recorded_at = now.saturating_add(-time::Duration::DAY);
            }
            let elsewhere = if wrong == "place" {
                TraceId::new(1, [1; 10])
            } else {
                trace
            };
            let (chain, mut entry) = forged(workspace, &evidence, elsewhere);
            if wrong == "human" {
                entry.on_behalf_of = Some(vocabulary::MemberId::new(1, [1; 10]));
            }
            vec![(chain, entry)]
        });
        let told = "not recorded as that of those whom it names";
        let why = refused_by_both(&home, trace, &[]);
        assert!(why.contains(told), "{wrong}: {why}");
        break_off(&home, told);
    }
}

#[test]
fn high_risk_that_was_approved_without_evidence_is_believed_by_nobody() {
    let home = Home::lent();
    let bob = home.bob();
    let mut client = home.claude_code();
    let (id, trace) = high_risk(&mut client);
    client.end();
    let shown = home.pose(id);
    let decision = bob.decision(&home, &shown, HumanVerb::Approve, Some(WHY));
    let mut refs = Refs::new();
    for (name, value) in [
        ("challenge", decision.challenge.to_string()),
        ("trace", trace.to_string()),
        ("work_item", id.to_string()),
    ] {
        refs.insert(name, value).unwrap();
    }
    let made = DecisionMade {
        signed: bob.sign(&decision),
        posed_at: clock::now(),
        changed_lines: None,
    };
    let entry = NewEntry {
        kind: EntryKind::DecisionMade.into(),
        on_behalf_of: Some(bob.member),
        via: None,
        delegation: None,
        refs,
        body: Some(records::write(&made).unwrap()),
    };
    home.forge(vec![(ChainId::Workspace(home.workspace()), entry)]);
    // The sizes for which the two decisions in there vouch: to let Bob in, and this one.
    let granted: u64 = home
        .workspace_chain()
        .iter()
        .filter(|recorded| recorded.kind == "member.added")
        .filter_map(|recorded| {
            let said: Value =
                serde_json::from_str(recorded.body["granted"]["signed"]["decision"].as_str()?).unwrap();
            said["ledger_size"].as_u64()
        })
        .next()
        .unwrap();
    let why = refused_by_both(&home, trace, &[granted, decision.history.size]);
    assert!(why.contains("evidence of a machine's review"), "{why}");
    break_off(&home, "evidence of a machine's review");
}
