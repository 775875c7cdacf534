//! Changes that are to land without anybody who may say so: forged, exchanged under a signature, replayed, with another list of
//! those who made them, or written into the store by hand.

use std::fs;

use hub::{
    companion::{CompanionRequest, WorkItemRow},
    export_claims::prove,
    kind::EntryKind,
    records::{self, ChangeDecided, DecisionMade},
};
use identity::{Decision, HumanVerb, Seed, SignedDecision, Subject, Tier};
use serde_json::json;
use testkit::{Home, export::Export, home::change};
use trace_store::{ChainId, NewEntry, Refs};
use vocabulary::{MemberId, Timestamp, TraceId, WorkItemId};
use work_items::{Change, REVIEW_DUE_AFTER};

use crate::decisions::{break_off, refused_by_both};

const ALICE: &str = "alice@example.com";
const BOB: &str = "bob@example.com";
const CAROL: &str = "carol@example.com";

/// A home with work that may begin.
pub(crate) fn begun() -> (Home, WorkItemId, TraceId) {
    let home = Home::lent();
    let (id, trace) = begin(&home, "Fix a typo in the docs");
    (home, id, trace)
}

fn begin(home: &Home, title: &str) -> (WorkItemId, TraceId) {
    let mut client = home.claude_code();
    let proposed = client.call("propose_work_item", json!({ "title": title }));
    assert!(!proposed.is_error, "{}", proposed.text);
    client.end();
    let parsed = |name: &str| proposed.structured[name].as_str().unwrap().to_owned();
    let id = parsed("id").parse().unwrap();
    home.decide(id, HumanVerb::Approve, None);
    (id, parsed("trace").parse().unwrap())
}

/// Sends a decision that has to be refused; says why it is.
fn refused(home: &Home, change: &Change, signed: SignedDecision) -> String {
    home.send_landing(change, signed).unwrap_err()
}

fn landed(home: &Home, id: WorkItemId) -> usize {
    let row: WorkItemRow = home.ask(&CompanionRequest::WorkItem { id });
    row.landings.len()
}

fn on_record(home: &Home) -> usize {
    let chain = home.workspace_chain();
    chain
        .iter()
        .filter(|recorded| recorded.kind == "decision.refused")
        .count()
}

#[test]
fn nothing_that_an_agent_holds_lets_a_change_land() {
    let (home, id, _) = begun();
    let change = change(id, "7e", &[ALICE]);
    let said = home.decision_on(&change, &home.pose_change(&change), HumanVerb::Approve, None);
    let forged = said.sign(&Seed::from_entropy([9; 32]).decision_key()).unwrap();
    assert!(refused(&home, &change, forged).contains("is not signed by the key of"));
    // No tool lands anything, and no report of an agent's leads there.
    let mut client = home.claude_code();
    let landing = client.try_call("land", json!({ "id": id }));
    assert!(landing.is_err(), "{landing:?}");
    let merged = client.try_call("report_progress", json!({ "id": id, "state": "merged" }));
    assert!(merged.is_err() || merged.is_ok_and(|answer| answer.is_error));
    client.end();
    // A shell without a person at it is no use either.
    let repository = home.repository();
    repository.commit(ALICE, "docs.md", "otters\n", "Fix it");
    let mut command = home.command("setsid");
    command
        .arg("--wait")
        .arg(testkit::program::path("auditotter"))
        .args(["land", &id.to_string(), "--repo"])
        .arg(&repository.folder);
    let ran = testkit::program::run(command);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("there is no terminal"), "{}", ran.stderr);
    assert_eq!((landed(&home, id), on_record(&home)), (0, 1));
}

#[test]
fn what_is_exchanged_between_showing_and_signing_or_recording_is_refused() {
    let (home, id, _) = begun();
    let bob = home.bob();
    let shown_change = change(id, "7e", &[ALICE]);
    let shown = home.pose_change(&shown_change);
    let said = Decision {
        member: bob.member,
        tier: Tier::T1,
        ..home.decision_on(&shown_change, &shown, HumanVerb::Approve, None)
    };
    let signed = bob.sign(&said);
    // Another tree, or another list of those who made it, under what Bob signed.
    let other_tree = change(id, "0d", &[ALICE]);
    assert!(refused(&home, &other_tree, signed.clone()).contains("on another change than it comes with"));
    for committers in [&[ALICE, CAROL][..], &[CAROL]] {
        let altered = change(id, "7e", committers);
        assert!(refused(&home, &altered, signed.clone()).contains("is not what was shown"));
    }
    // The tree exchanged in the text itself.
    let mut whole = serde_json::to_value(&signed).unwrap();
    let text = signed.text().replace(&"7e".repeat(20), &"0d".repeat(20));
    whole["decision"] = json!(text);
    let altered = serde_json::from_value(whole).unwrap();
    assert!(refused(&home, &other_tree, altered).contains("not signed"));
    // The tree exchanged before Bob signed: the challenge was posed for what he was shown.
    let elsewhere = Decision {
        subject: match said.subject {
            Subject::Change { id, policy, risk, .. } => Subject::Change {
                id,
                tree: other_tree.tree(),
                policy,
                risk,
            },
            _ => panic!("{said:?}"),
        },
        subject_digest: other_tree
            .digest(&testkit::home::digest_of(&shown.work_item))
            .unwrap(),
        ..said
    };
    assert!(refused(&home, &other_tree, bob.sign(&elsewhere)).contains("was posed for something else"));
    assert_eq!((landed(&home, id), on_record(&home)), (0, 5));
}

#[test]
fn a_word_on_one_tree_or_work_is_none_on_another_and_a_word_on_beginning_none_on_landing() {
    let (home, id, _) = begun();
    let bob = home.bob();
    let first = change(id, "7e", &[ALICE]);
    let shown = home.pose_change(&first);
    let said = Decision {
        member: bob.member,
        tier: Tier::T1,
        ..home.decision_on(&first, &shown, HumanVerb::Approve, None)
    };
    let signed = bob.sign(&said);
    let row = home.send_landing(&first, signed.clone()).unwrap();
    assert_eq!(row.landings.len(), 1);
    // The same again, also after a restart, is the same.
    home.stop_hub();
    assert_eq!(
        home.send_landing(&first, signed.clone()).unwrap().landings.len(),
        1
    );
    let (other, _) = begin(&home, "Something else");
    assert!(refused(&home, &change(id, "0d", &[ALICE]), signed.clone()).contains("on another change"));
    assert!(refused(&home, &change(other, "7e", &[ALICE]), signed.clone()).contains("on another change"));
    // Nor does it begin anything.
    let begun = home
        .link()
        .ask::<WorkItemRow>(&CompanionRequest::Decide { signed });
    assert!(begun.unwrap_err().to_string().contains("on work items only"));
    // What let work begin does not let a change land.
    let beginning = home.decision(&home.pose(other), HumanVerb::Approve, None);
    let told = refused(&home, &change(other, "7e", &[ALICE]), home.sign(&beginning));
    assert!(
        told.contains("on another change than it comes with, or on none"),
        "{told}"
    );
    assert_eq!((landed(&home, id), landed(&home, other)), (1, 0));
}

#[test]
fn neither_the_delegating_human_nor_a_committer_gets_through_and_each_try_is_on_record() {
    let (home, id, _) = begun();
    let (bob, _carol) = (home.bob(), home.lets_in("Carol", CAROL, 12));
    let by_bob = change(id, "7e", &[BOB]);
    let alone = home.land(&by_bob, HumanVerb::Approve, None).unwrap_err();
    assert!(alone.contains("and can: carol@example.com"), "{alone}");
    let own = bob.land(&home, &by_bob, HumanVerb::Approve, None).unwrap_err();
    assert!(own.contains("and can: carol@example.com"), "{own}");
    // Once somebody said of this tree that Bob committed, his own list without him is worth nothing.
    home.land(&by_bob, HumanVerb::Reject, Some("not yet")).unwrap();
    let without_him = change(id, "7e", &[ALICE]);
    let left_out = bob
        .land(&home, &without_him, HumanVerb::Approve, None)
        .unwrap_err();
    assert!(
        left_out.contains("was made by, or for, whoever decides here"),
        "{left_out}"
    );
    assert_eq!((landed(&home, id), on_record(&home)), (1, 3));
}

#[test]
fn who_decides_twice_at_the_same_moment_decides_once() {
    let (home, id, _) = begun();
    let bob = home.bob();
    let change = change(id, "7e", &[ALICE]);
    let decisions: Vec<SignedDecision> = (0..8)
        .map(|number| {
            let verb = if number % 2 == 0 {
                HumanVerb::Approve
            } else {
                HumanVerb::Reject
            };
            let said = home.decision_on(&change, &home.pose_change(&change), verb, Some("quick"));
            bob.sign(&Decision {
                member: bob.member,
                tier: Tier::T1,
                ..said
            })
        })
        .collect();
    let decided = std::thread::scope(|scope| {
        let racing: Vec<_> = decisions
            .into_iter()
            .map(|signed| scope.spawn(|| home.send_landing(&change, signed).is_ok()))
            .collect();
        let raced = racing.into_iter().map(|racer| racer.join().unwrap());
        raced.filter(|decided| *decided).count()
    });
    assert_eq!((decided, landed(&home, id)), (1, 1));
}

#[test]
fn who_comes_or_goes_between_showing_and_deciding_counts() {
    let (home, id, _) = begun();
    let own = change(id, "7e", &[ALICE]);
    let say = |home: &Home| {
        let shown = home.pose_change(&own);
        home.sign(&home.decision_on(&own, &shown, HumanVerb::Approve, None))
    };
    // Shown as an exception; by the time it arrives somebody could decide.
    let signed = say(&home);
    let bob = home.bob();
    assert!(refused(&home, &own, signed).contains("and can: bob@example.com"));
    // Shown as refused; by the time it arrives nobody is left.
    let signed = say(&home);
    home.let_go(bob.member, "left the team");
    let row = home.send_landing(&own, signed).unwrap();
    assert_eq!(row.landings[0].role, "exception");
    assert!(row.landings[0].review_due.is_some());
    // The one who left reviews nothing.
    let gone = bob.land(&home, &own, HumanVerb::Approve, None).unwrap_err();
    assert!(gone.contains("is no member"), "{gone}");
}

/// The sizes of the ledger for which decisions vouch, in order.
pub(crate) fn vouched_for(home: &Home) -> Vec<u64> {
    let chain = home.workspace_chain();
    let sizes = chain.iter().filter_map(|recorded| {
        let made = [&recorded.body, &recorded.body["made"], &recorded.body["granted"]];
        let text = made
            .into_iter()
            .find_map(|made| made["signed"]["decision"].as_str())?;
        let said: serde_json::Value = serde_json::from_str(text).unwrap();
        said["ledger_size"].as_u64()
    });
    sizes
        .collect::<std::collections::BTreeSet<u64>>()
        .into_iter()
        .collect()
}

/// An entry of the workspace's chain, as whoever has a shell can write it: with Alice's real signature, which she gave for an
/// exception that the hub refuses.
fn exception(
    said: &Decision,
    signed: SignedDecision,
    change: &Change,
    (trace, workspace): (TraceId, ChainId),
    members: Vec<MemberId>,
    (now, due): (Timestamp, Option<Timestamp>),
) -> (ChainId, NewEntry) {
    let mut refs = Refs::new();
    for (name, value) in [
        ("challenge", said.challenge.to_string()),
        ("trace", trace.to_string()),
        ("tree", change.tree().to_string()),
        ("work_item", change.work_item().to_string()),
    ] {
        refs.insert(name, value).unwrap();
    }
    let body = ChangeDecided {
        made: DecisionMade {
            signed,
            posed_at: now,
            changed_lines: change.changed_lines(),
        },
        change: change.clone(),
        members,
        review_due: due,
    };
    let entry = NewEntry {
        kind: EntryKind::ChangeDecided.into(),
        on_behalf_of: Some(said.member),
        via: None,
        delegation: None,
        refs,
        body: Some(records::write(&body).unwrap()),
    };
    (workspace, entry)
}

#[test]
fn an_exception_that_was_none_is_believed_by_neither_verifier_nor_the_hub() {
    let why = "somebody else has to, and can: bob@example.com";
    for (left_out, due, said_no) in [
        (false, true, false),
        (true, true, false),
        (false, false, false),
        (false, true, true),
    ] {
        let (home, id, trace) = begun();
        let bob = home.bob();
        if said_no {
            // To a list that names himself, for which nobody else answers.
            let named = change(id, "7e", &[BOB]);
            bob.land(&home, &named, HumanVerb::Reject, Some("I made none of it"))
                .unwrap();
        }
        let own = change(id, "7e", &[ALICE]);
        let said = home.decision_on(&own, &home.pose_change(&own), HumanVerb::Approve, None);
        let (signed, workspace) = (home.sign(&said), ChainId::Workspace(home.workspace()));
        let mut members = vec![home.alice()];
        members.extend((!left_out).then_some(bob.member));
        members.sort();
        let made = said.clone();
        home.forge_now(move |now| {
            let due = due.then(|| now.saturating_add(REVIEW_DUE_AFTER));
            vec![exception(
                &made,
                signed,
                &own,
                (trace, workspace),
                members,
                (now, due),
            )]
        });
        let told = refused_by_both(&home, trace, &vouched_for(&home));
        assert!(told.contains(why), "{told}");
        break_off(&home, why);
    }
}

#[test]
fn an_exception_that_does_not_say_so_or_of_another_time_is_not_believed() {
    for late in [false, true] {
        let (home, id, trace) = begun();
        let own = change(id, "7e", &[ALICE]);
        let said = home.decision_on(&own, &home.pose_change(&own), HumanVerb::Approve, None);
        let (signed, workspace) = (home.sign(&said), ChainId::Workspace(home.workspace()));
        let (made, members) = (said.clone(), vec![home.alice()]);
        home.forge_now(move |now| {
            let due = late.then(|| now.saturating_add(REVIEW_DUE_AFTER * 52));
            vec![exception(
                &made,
                signed,
                &own,
                (trace, workspace),
                members,
                (now, due),
            )]
        });
        let why = "an exception has to say that it is one, and until when";
        assert!(refused_by_both(&home, trace, &vouched_for(&home)).contains(why));
        break_off(&home, why);
    }
}

#[test]
fn a_file_that_leaves_out_who_was_a_member_then_does_not_verify() {
    let (home, id, trace) = begun();
    let (bob, carol) = (home.bob(), home.lets_in("Carol", CAROL, 12));
    let own = change(id, "7e", &[ALICE]);
    bob.land(&home, &own, HumanVerb::Approve, None).unwrap();
    let export = Export::of_the_trace_of(&home, id);
    assert!(export.verified_by_us().code == Some(0));
    let chain = home.workspace_chain();
    let of_carol = |place: usize| {
        let refs = &chain[place].stored.entry.refs;
        refs.get("member") == Some(carol.member.to_string().as_str())
    };
    let context: Vec<u64> = (0..chain.len())
        .filter(|place| !of_carol(*place))
        .map(|place| place as u64)
        .collect();
    let sizes = vouched_for(&home);
    let file = home.forged_export(trace, &context, &sizes);
    let why = prove(file.as_slice()).unwrap_err().to_string();
    assert!(why.contains("names others as members then"), "{why}");
    let path = home.file("forged.jsonl");
    fs::write(&path, file).unwrap();
    if let Some(ran) = Export::read(path).verified_by_python() {
        assert!(
            ran.stderr
                .contains("it names others as members then than are in the file"),
            "{}",
            ran.stderr
        );
    }
}
