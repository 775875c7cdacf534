//! Moving a work item to where only humans lead, or somebody else's anywhere at all.

use hub::{
    companion::{CompanionRequest, WorkItemRow},
    export_claims::prove,
    kind::EntryKind,
    records::WorkItemExpired,
};
use identity::HumanVerb;
use serde_json::{Value, json};
use testkit::{Home, StdioClient, home::Lending};
use trace_store::{ChainId, NewEntry, Refs, Via};
use vocabulary::{DelegationId, MemberId, Timestamp, TraceId, WorkItemId, WorkspaceId};

use crate::decisions::{break_off, refused_by_both};

fn propose(client: &mut StdioClient) -> (WorkItemId, TraceId) {
    let proposed = client.call(
        "propose_work_item",
        json!({ "title": "Fix a typo in the docs", "repository": "acme/shop", "paths": ["docs/a.md"] }),
    );
    assert!(!proposed.is_error, "{}", proposed.text);
    let parsed = |name: &str| proposed.structured[name].as_str().unwrap().to_owned();
    (parsed("id").parse().unwrap(), parsed("trace").parse().unwrap())
}

fn state(home: &Home, id: WorkItemId) -> String {
    let row: WorkItemRow = home.ask(&CompanionRequest::WorkItem { id });
    row.state
}

#[test]
fn no_report_says_what_only_humans_say_or_what_nobody_saw() {
    let home = Home::lent();
    let mut client = home.claude_code();
    let (id, _) = propose(&mut client);
    for gated in [
        "proposed", "approved", "rejected", "expired", "merged", "attested", "deployed", "verified",
    ] {
        let answer = client.call("report_progress", json!({ "id": id, "state": gated }));
        assert!(
            answer.is_error && answer.text.contains("unknown variant"),
            "{gated}: {}",
            answer.text
        );
    }
    for tool in ["merge", "deploy", "verify", "attest_deploy", "expire", "withdraw"] {
        let error = client.try_call(tool, json!({ "id": id })).unwrap_err();
        assert!(error.message.contains("there is no tool"), "{error:?}");
    }
    client.end();
    home.decide(id, HumanVerb::Reject, Some("not now"));
    let mut client = home.claude_code();
    for reported in ["in_progress", "in_review", "withdrawn"] {
        let answer = client.call("report_progress", json!({ "id": id, "state": reported }));
        assert!(
            answer.is_error && answer.text.contains("nothing comes after that"),
            "{reported}: {}",
            answer.text
        );
    }
    client.end();
    assert_eq!(state(&home, id), "rejected");
}

#[test]
fn somebody_elses_agent_reports_nothing_on_what_was_proposed_for_another() {
    let home = Home::lent();
    let bob = home.bob();
    let mut client = home.claude_code();
    let (id, _) = propose(&mut client);
    client.end();
    home.decide(id, HumanVerb::Approve, None);
    // It sees the work item, for its repository was lent to it.
    bob.lends(&home, &Lending::to("claude-code").within("acme/shop", "**"));
    let mut client = home.claude_code();
    for reported in ["in_progress", "withdrawn"] {
        let answer = client.call("report_progress", json!({ "id": id, "state": reported }));
        assert!(
            answer.is_error && answer.text.contains("proposed for another human"),
            "{}",
            answer.text
        );
    }
    client.end();
    home.lend(&Lending::to("claude-code").within("acme/shop", "src/**"));
    let mut client = home.claude_code();
    let answer = client.call("report_progress", json!({ "id": id, "state": "withdrawn" }));
    assert!(
        answer.is_error && answer.text.contains("path_not_lent"),
        "{}",
        answer.text
    );
    client.end();
    assert_eq!(state(&home, id), "approved");
}

/// What a shell can write of a work item into the workspace's chain.
struct Forgery {
    workspace: WorkspaceId,
    trace: TraceId,
    id: WorkItemId,
    by: Option<(MemberId, DelegationId)>,
}

impl Forgery {
    fn entry(&self, kind: trace_store::Kind, body: &Value) -> (ChainId, NewEntry) {
        let mut refs = Refs::new();
        refs.insert("trace", self.trace.to_string()).unwrap();
        refs.insert("work_item", self.id.to_string()).unwrap();
        let entry = NewEntry {
            kind,
            on_behalf_of: self.by.map(|(member, _)| member),
            via: self.by.map(|_| Via::new("claude-code", None, None).unwrap()),
            delegation: self.by.map(|(_, delegation)| delegation),
            refs,
            body: Some(serde_json::to_vec(body).unwrap()),
        };
        (ChainId::Workspace(self.workspace), entry)
    }

    fn report(&self, state: &str, now: Timestamp) -> Value {
        let (member, delegation) = self.by.unwrap();
        json!({ "work_item": self.id, "report": { "state": state }, "on_behalf_of": member, "via": "claude-code",
                "delegation": delegation, "trace": self.trace, "reported_at": now })
    }
}

#[test]
fn what_is_written_by_hand_leads_nowhere_a_report_could_not_lead() {
    for (state, told) in [
        ("in_progress", "is proposed, and so cannot become in_progress"),
        ("in_review", "is proposed, and so cannot become in_review"),
        ("approved", "unknown variant `approved`"),
        ("merged", "unknown variant `merged`"),
    ] {
        let home = Home::founded();
        let delegation = home.lend(&Lending::to("claude-code"));
        let mut client = home.claude_code();
        let (id, trace) = propose(&mut client);
        client.end();
        let forgery = Forgery {
            workspace: home.workspace(),
            trace,
            id,
            by: Some((home.alice(), delegation)),
        };
        home.forge_now(move |now| {
            let body = forgery.report(state, now);
            vec![forgery.entry(EntryKind::ProgressReported.into(), &body)]
        });
        let why = refused_by_both(&home, trace, &[]);
        assert!(why.contains(told), "{state}: {why}");
        break_off(&home, told);
    }
}

#[test]
fn a_report_under_what_was_taken_back_is_believed_by_nobody() {
    let home = Home::founded();
    let delegation = home.lend(&Lending::to("claude-code"));
    let mut client = home.claude_code();
    let (id, trace) = propose(&mut client);
    client.end();
    let _: Value = home.ask(&CompanionRequest::Revoke {
        delegation,
        why: None,
    });
    let forgery = Forgery {
        workspace: home.workspace(),
        trace,
        id,
        by: Some((home.alice(), delegation)),
    };
    home.forge_now(move |now| {
        let body = forgery.report("withdrawn", now);
        vec![forgery.entry(EntryKind::ProgressReported.into(), &body)]
    });
    let why = refused_by_both(&home, trace, &[]);
    assert!(why.contains("was taken back by then"), "{why}");
    break_off(&home, "which was not lent then");
}

#[test]
fn nothing_ends_undecided_before_its_time_or_by_anybodys_word() {
    for by_alice in [false, true] {
        let home = Home::founded();
        let delegation = home.lend(&Lending::to("claude-code"));
        let mut client = home.claude_code();
        let (id, trace) = propose(&mut client);
        client.end();
        let forgery = Forgery {
            workspace: home.workspace(),
            trace,
            id,
            by: by_alice.then(|| (home.alice(), delegation)),
        };
        let body = serde_json::to_value(WorkItemExpired { work_item: id }).unwrap();
        let days = if by_alice { 15 } else { 13 };
        home.forge_in(time::Duration::days(days), move |_| {
            vec![forgery.entry(EntryKind::WorkItemExpired.into(), &body)]
        });
        let told = if by_alice {
            "the hub's to say"
        } else {
            "cannot have ended undecided then"
        };
        let why = refused_by_both(&home, trace, &[]);
        assert!(why.contains(told), "{why}");
        break_off(&home, told);
    }
}

/// What GitHub will say one day has no form yet: whoever writes it wrote what nobody reads.
#[test]
fn what_nobody_can_observe_yet_is_not_read_from_the_store() {
    for kind in [
        "work_item.merged",
        "work_item.deployed",
        "work_item.verified",
        "work_item.attested",
    ] {
        assert!(
            kind.parse::<EntryKind>().is_err(),
            "{kind} has a reader, and no test of its door"
        );
        let home = Home::founded();
        home.lend(&Lending::to("claude-code"));
        let mut client = home.claude_code();
        let (id, trace) = propose(&mut client);
        client.end();
        let forgery = Forgery {
            workspace: home.workspace(),
            trace,
            id,
            by: None,
        };
        let body = json!({ "work_item": id });
        home.forge(vec![forgery.entry(trace_store::Kind::from_static(kind), &body)]);
        break_off(&home, "a newer auditotter wrote it");
        let context: Vec<u64> = (0..home.workspace_chain().len() as u64).collect();
        let proved = prove(home.forged_export(trace, &context, &[]).as_slice()).unwrap();
        assert_eq!(
            (proved.work_items[0].state.as_str(), proved.work_items[0].gated),
            ("proposed", false)
        );
    }
}

#[test]
fn an_attestation_of_what_did_not_land_is_refused_by_the_hub_and_believed_by_nobody() {
    let home = Home::lent();
    let bob = home.bob();
    let mut client = home.claude_code();
    let (id, trace) = propose(&mut client);
    client.end();
    home.decide(id, HumanVerb::Approve, None);
    let why = "It works on my machine.";
    let refused = bob
        .decide(&home, id, HumanVerb::AttestDeploy, Some(why))
        .unwrap_err();
    assert!(
        refused.contains("is approved, and so cannot become attested"),
        "{refused}"
    );
    let refused = home
        .workspace_chain()
        .into_iter()
        .filter(|recorded| recorded.kind == "decision.refused")
        .count();
    assert_eq!(refused, 1);
    let decision = bob.decision(&home, &home.pose(id), HumanVerb::AttestDeploy, Some(why));
    let (signed, size) = (bob.sign(&decision), decision.history.size);
    let entry = crate::decisions::made(&home, signed, &decision);
    home.forge(vec![entry]);
    let mut sizes: Vec<u64> = home
        .workspace_chain()
        .iter()
        .filter_map(|recorded| {
            let signed = recorded
                .body
                .pointer("/granted/signed/decision")
                .or_else(|| recorded.body.pointer("/signed/decision"))?;
            let said: Value = serde_json::from_str(signed.as_str()?).unwrap();
            said["ledger_size"].as_u64()
        })
        .collect();
    sizes.sort_unstable();
    sizes.dedup();
    assert!(sizes.contains(&size));
    let _ = refused_by_both(&home, trace, &sizes);
    break_off(&home, "cannot become attested");
}
