//! What comes after a change landed, in a version that could see it; and approvals that no longer fit.

use vocabulary::{EvidenceKind, EvidenceOutcome, ReportedState};

use super::*;
use crate::{Finding, RawFinding, RawReport, Report, Seen, Stale};

fn id() -> WorkItemId {
    WorkItemId::new(1, [0; 10])
}

fn evidence(kind: EvidenceKind, outcome: EvidenceOutcome) -> Evidence {
    let finding = Finding::parse(RawFinding {
        kind,
        outcome,
        tool: "careful".into(),
        summary: "Read all of it.".into(),
        digest: None,
        changed_lines: None,
        commit: None,
        tree: None,
    });
    Evidence {
        work_item: id(),
        finding: finding.unwrap(),
        on_behalf_of: MemberId::new(1, [1; 10]),
        via: "claude-code".into(),
        delegation: DelegationId::new(1, [2; 10]),
        trace: TraceId::new(1, [3; 10]),
        recorded_at: Timestamp::EPOCH,
    }
}

fn see(items: &mut WorkItems, seen: Seen) -> Result<State, FoldError> {
    let observed = Observed::supposed(id(), seen, MemberId::new(2, [2; 10]));
    items.apply(Event::Observed(observed))?;
    Ok(items.get(id()).unwrap().state)
}

fn merged() -> Seen {
    Seen::Merged("c0".repeat(20).parse().unwrap())
}

fn deployed() -> Seen {
    Seen::Deployed("production".into())
}

fn approved(risk: Risk) -> WorkItems {
    let mut items = items(risk);
    let reviewed = evidence(EvidenceKind::Review, EvidenceOutcome::Passed);
    items.apply(Event::Evidence(reviewed, digest(2))).unwrap();
    let decision = Decision {
        member: MemberId::new(2, [2; 10]),
        rationale: Some("Read it twice; the lock is held throughout.".parse().unwrap()),
        tier: Tier::T1,
        ..decision(&items, HumanVerb::Approve)
    };
    apply(&mut items, &decision).unwrap();
    items
}

fn landed(risk: Risk) -> WorkItems {
    let mut items = approved(risk);
    for state in [ReportedState::InProgress, ReportedState::InReview] {
        let report = Report::parse(RawReport {
            state,
            pull_request: None,
            why: None,
        });
        items
            .apply(Event::Reported(Reported {
                work_item: id(),
                report: report.unwrap(),
                on_behalf_of: MemberId::new(1, [1; 10]),
                via: "claude-code".into(),
                delegation: DelegationId::new(1, [2; 10]),
                trace: TraceId::new(1, [3; 10]),
                reported_at: Timestamp::EPOCH,
            }))
            .unwrap();
    }
    assert_eq!(see(&mut items, merged()), Ok(State::Merged));
    items
}

fn attestation(items: &WorkItems) -> Decision {
    Decision {
        subject_digest: items.get(id()).unwrap().at_stake(),
        tier: Tier::T1,
        ..decision(items, HumanVerb::AttestDeploy)
    }
}

#[test]
fn high_risk_is_deployed_once_a_human_attested_it_and_low_risk_without() {
    for risk in [Risk::High, Risk::Critical] {
        let mut items = landed(risk);
        let early = see(&mut items, deployed()).unwrap_err().to_string();
        assert!(early.ends_with("from there it can become attested"), "{early}");
        let attested = attestation(&items);
        assert_eq!(apply(&mut items, &attested), Ok(State::Attested));
        assert_eq!(see(&mut items, deployed()), Ok(State::Deployed));
        assert_eq!(see(&mut items, Seen::Verified), Ok(State::Verified));
    }
    for risk in [Risk::Low, Risk::Medium] {
        let mut items = landed(risk);
        let needless = attestation(&items);
        assert!(matches!(
            apply(&mut items, &needless),
            Err(DecideError::Transition(_))
        ));
        assert_eq!(see(&mut items, deployed()), Ok(State::Deployed));
    }
}

#[test]
fn an_attestation_takes_a_touch_and_a_word_on_all_that_is_known() {
    let mut items = landed(Risk::High);
    let whole = attestation(&items);
    let refused = apply(
        &mut items,
        &Decision {
            tier: Tier::T0,
            rationale: None,
            ..whole.clone()
        },
    );
    let Err(DecideError::Duties { missing, .. }) = refused else {
        panic!("{refused:?}");
    };
    assert_eq!(missing, [Missing::Why, Missing::Touch]);
    let as_approved = Decision {
        subject_digest: items.get(id()).unwrap().digest,
        ..whole.clone()
    };
    assert_eq!(apply(&mut items, &as_approved), Err(DecideError::Changed(id())));
    let failed = evidence(EvidenceKind::Scan, EvidenceOutcome::Failed);
    items.apply(Event::Evidence(failed, digest(3))).unwrap();
    assert_eq!(apply(&mut items, &whole), Err(DecideError::Changed(id())));
    let again = attestation(&items);
    assert_eq!(apply(&mut items, &again), Ok(State::Attested));
}

#[test]
fn nothing_is_attested_before_it_landed() {
    for mut items in [items(Risk::High), approved(Risk::High)] {
        let early = attestation(&items);
        assert!(matches!(
            apply(&mut items, &early),
            Err(DecideError::Transition(_))
        ));
    }
}

#[test]
fn an_approval_is_stale_once_other_rules_hold_or_something_failed() {
    let built_in = RiskPolicy::built_in();
    let rules = |risk| RiskPolicy::new([("none/**".to_owned(), risk, "none".to_owned())]).unwrap();
    let mut low = approved(Risk::Low);
    let item = low.get(id()).unwrap();
    assert_eq!(item.stale(built_in), None);
    assert_eq!(item.stale(&rules(Risk::High)), Some(Stale::Rules));
    assert_eq!(
        items(Risk::Low).get(id()).unwrap().stale(&rules(Risk::High)),
        None
    );
    let passed = evidence(EvidenceKind::Test, EvidenceOutcome::Passed);
    low.apply(Event::Evidence(passed, digest(3))).unwrap();
    assert_eq!(low.get(id()).unwrap().stale(built_in), None);
    let failed = evidence(EvidenceKind::Test, EvidenceOutcome::Failed);
    low.apply(Event::Evidence(failed, digest(4))).unwrap();
    assert_eq!(
        low.get(id()).unwrap().stale(built_in).unwrap().to_string(),
        "stale: 1 of 2 pieces of evidence that came later say that something failed"
    );
    let everything = RiskPolicy::new([("**".to_owned(), Risk::High, "all".to_owned())]).unwrap();
    let raw = RawProposal {
        title: "Number 1".to_owned(),
        paths: vec!["docs/a.md".to_owned()],
        ..RawProposal::default()
    };
    let proposal = Proposal::parse(raw).unwrap();
    let mut items = WorkItems::default();
    let proposed = Proposed {
        assessment: assess(&proposal, built_in),
        proposal,
        ..proposed(1)
    };
    items.apply(Event::Proposed(proposed, digest(1))).unwrap();
    let yes = decision(&items, HumanVerb::Approve);
    apply(&mut items, &yes).unwrap();
    assert_eq!(
        items.get(id()).unwrap().stale(&everything),
        Some(Stale::Risk(Risk::High))
    );
}
