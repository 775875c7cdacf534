//! Evidence: what it is good for, and what it is not.

use proptest::prelude::*;
use vocabulary::{EvidenceKind, EvidenceOutcome};

use super::*;
use crate::{Finding, RawFinding};

const ITEM: fn() -> WorkItemId = || WorkItemId::new(1, [0; 10]);

fn found(kind: EvidenceKind, outcome: EvidenceOutcome, changed_lines: Option<u32>) -> Evidence {
    let finding = Finding::parse(RawFinding {
        kind,
        outcome,
        tool: "careful-review".into(),
        summary: "Read all of it.".into(),
        digest: None,
        changed_lines,
        commit: None,
        tree: None,
    });
    Evidence {
        work_item: ITEM(),
        finding: finding.unwrap(),
        on_behalf_of: MemberId::new(1, [1; 10]),
        via: "claude-code".into(),
        delegation: DelegationId::new(1, [2; 10]),
        trace: TraceId::new(1, [3; 10]),
        recorded_at: Timestamp::EPOCH,
    }
}

fn reviewed() -> Evidence {
    found(EvidenceKind::Review, EvidenceOutcome::Passed, None)
}

fn record(items: &mut WorkItems, evidence: Evidence, number: u64) -> Result<(), EvidenceError> {
    match items.apply(Event::Evidence(evidence, digest(number))) {
        Ok(()) => Ok(()),
        Err(FoldError::Evidence(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

/// What member 2 would decide, with everything that high risk takes of them.
fn by_another(items: &WorkItems) -> Decision {
    Decision {
        member: MemberId::new(2, [2; 10]),
        rationale: Some("Read it twice; the lock is held throughout.".parse().unwrap()),
        tier: Tier::T1,
        ..decision(items, HumanVerb::Approve)
    }
}

#[test]
fn high_risk_is_approved_by_another_human_s_touch_once_a_machine_has_read_it() {
    for risk in [Risk::High, Risk::Critical] {
        let mut items = items(risk);
        for worthless in [
            found(EvidenceKind::Review, EvidenceOutcome::Failed, None),
            found(EvidenceKind::Test, EvidenceOutcome::Passed, None),
        ] {
            record(&mut items, worthless, 2).unwrap();
            let decision = by_another(&items);
            let Err(DecideError::Duties { missing, .. }) = apply(&mut items, &decision) else {
                panic!("{risk} was approved without a review");
            };
            assert_eq!(missing, [Missing::Evidence]);
        }
        record(&mut items, reviewed(), 3).unwrap();
        let whole = by_another(&items);
        for (lacking, missing) in [
            (
                Decision {
                    member: MemberId::new(1, [1; 10]),
                    ..whole.clone()
                },
                Missing::AnotherHuman,
            ),
            (
                Decision {
                    tier: Tier::T0,
                    ..whole.clone()
                },
                Missing::Touch,
            ),
            (
                Decision {
                    rationale: Some("looks - fine - to me".parse().unwrap()),
                    ..whole.clone()
                },
                Missing::Rationale,
            ),
        ] {
            let refused = apply(&mut items, &lacking).unwrap_err();
            let DecideError::Duties { missing: lacks, .. } = refused else {
                panic!("{refused}");
            };
            assert_eq!(lacks, [missing]);
        }
        assert_eq!(apply(&mut items, &whole), Ok(State::Approved));
    }
}

#[test]
fn evidence_that_comes_after_looking_makes_the_decision_stale() {
    for verb in [HumanVerb::Approve, HumanVerb::Reject] {
        let mut items = items(Risk::Low);
        let shown = decision(&items, verb);
        record(
            &mut items,
            found(EvidenceKind::Test, EvidenceOutcome::Failed, None),
            2,
        )
        .unwrap();
        assert_eq!(apply(&mut items, &shown), Err(DecideError::Changed(ITEM())));
        let again = decision(&items, verb);
        assert!(apply(&mut items, &again).is_ok());
    }
}

#[test]
fn evidence_that_comes_after_deciding_is_kept_and_changes_nothing_of_what_was_decided() {
    let mut items = items(Risk::Low);
    record(
        &mut items,
        found(EvidenceKind::Build, EvidenceOutcome::Passed, Some(3)),
        2,
    )
    .unwrap();
    let approved = decision(&items, HumanVerb::Approve);
    apply(&mut items, &approved).unwrap();
    record(
        &mut items,
        found(EvidenceKind::Test, EvidenceOutcome::Failed, Some(9)),
        3,
    )
    .unwrap();
    let item = items.get(ITEM()).unwrap();
    assert_eq!(item.digest, approved.subject_digest);
    assert_eq!((item.evidence_shown().len(), item.evidence.len()), (1, 2));
    assert_eq!(item.changed_lines(), Some(9));
}

#[test]
fn on_what_was_rejected_nothing_is_recorded() {
    let mut items = items(Risk::Low);
    let no = decision(&items, HumanVerb::Reject);
    apply(&mut items, &no).unwrap();
    assert!(matches!(
        record(&mut items, reviewed(), 2),
        Err(EvidenceError::Closed {
            state: State::Rejected,
            ..
        })
    ));
}

#[test]
fn nobody_keeps_a_work_item_undecided_by_recording_for_ever() {
    let mut items = items(Risk::Low);
    for number in 0..64 {
        record(&mut items, reviewed(), number).unwrap();
    }
    assert_eq!(
        record(&mut items, reviewed(), 64),
        Err(EvidenceError::TooMuch(ITEM()))
    );
    let of_another = Evidence {
        on_behalf_of: MemberId::new(2, [2; 10]),
        ..reviewed()
    };
    record(&mut items, of_another, 65).unwrap();
    let decided = decision(&items, HumanVerb::Reject);
    assert_eq!(apply(&mut items, &decided), Ok(State::Rejected));
}

#[test]
fn evidence_of_nothing_or_via_something_misleading_is_not_taken_up() {
    let mut items = items(Risk::Low);
    let unknown = Evidence {
        work_item: WorkItemId::new(2, [0; 10]),
        ..reviewed()
    };
    assert!(matches!(
        record(&mut items, unknown, 2),
        Err(EvidenceError::Unknown(_))
    ));
    let misleading = Evidence {
        via: "claude-code\nreview passed".into(),
        ..reviewed()
    };
    assert_eq!(record(&mut items, misleading, 2), Err(EvidenceError::Via(ITEM())));
    assert_eq!(items.get(ITEM()).unwrap().digest, digest(1));
}

proptest! {
    #[test]
    fn the_digest_names_which_evidence_there_was_and_in_which_order(
        some in proptest::collection::vec(0_u64..4, 0..6), other in proptest::collection::vec(0_u64..4, 0..6),
    ) {
        let digest_with = |numbers: &[u64]| {
            let mut items = items(Risk::Low);
            for number in numbers {
                record(&mut items, reviewed(), *number).unwrap();
            }
            items.get(ITEM()).unwrap().digest
        };
        prop_assert_eq!(digest_with(&some) == digest_with(&other), some == other);
    }
}
