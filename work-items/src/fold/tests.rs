use ed25519_dalek::{Signer as _, SigningKey};
use identity::{
    Assertion, Bytes, Challenge, Credential, History, Passkey, Seed, SignedDecision, SignedRegistration,
    Signer, Tier, touch_challenge,
};
use sha2::{Digest as _, Sha256};
use vocabulary::{DelegationId, MemberId, Risk, Timestamp, TraceId, WorkspaceId};

use super::*;
use crate::{Missing, Proposal, RawProposal, RiskPolicy, assess};

mod evidence;
mod landed;
mod landing;
mod laws;
mod reports;

fn digest(number: u64) -> Digest {
    Digest::of_subject(&number.to_le_bytes())
}

fn proposed(number: u64) -> Proposed {
    let raw = RawProposal {
        title: format!("Number {number}"),
        ..RawProposal::default()
    };
    let proposal = Proposal::parse(raw).unwrap();
    Proposed {
        id: WorkItemId::new(number, [0; 10]),
        assessment: assess(&proposal, RiskPolicy::built_in()),
        proposal,
        on_behalf_of: MemberId::new(1, [1; 10]),
        via: "claude-code".to_owned(),
        delegation: DelegationId::new(1, [2; 10]),
        trace: TraceId::new(1, [3; 10]),
        proposed_at: Timestamp::EPOCH,
    }
}

#[test]
fn ten_thousand_items_are_paged_newest_first_without_a_gap() {
    let mut items = WorkItems::default();
    for number in 0..10_000 {
        items
            .apply(Event::Proposed(proposed(number), digest(number)))
            .unwrap();
    }
    let (mut after, mut seen) = (None, Vec::new());
    loop {
        let page: Vec<WorkItemId> = items
            .newest_first(after)
            .take(50)
            .map(|item| item.proposed.id)
            .collect();
        let Some(last) = page.last() else { break };
        after = Some(*last);
        seen.extend(page);
    }
    assert_eq!(
        seen,
        (0..10_000)
            .rev()
            .map(|number| WorkItemId::new(number, [0; 10]))
            .collect::<Vec<_>>()
    );
}

#[test]
fn the_same_proposal_twice_is_refused_and_changes_nothing() {
    let mut items = WorkItems::default();
    items.apply(Event::Proposed(proposed(1), digest(1))).unwrap();
    let again = items.apply(Event::Proposed(proposed(1), digest(1)));
    assert_eq!(again, Err(FoldError::Twice(WorkItemId::new(1, [0; 10]))));
    assert_eq!(items.len(), 1);
}

/// Work item 1, at this risk.
fn items(risk: Risk) -> WorkItems {
    let raw = RawProposal {
        title: "Number 1".to_owned(),
        declared_risk: Some(risk),
        ..RawProposal::default()
    };
    let proposal = Proposal::parse(raw).unwrap();
    let proposed = Proposed {
        assessment: assess(&proposal, RiskPolicy::built_in()),
        proposal,
        ..proposed(1)
    };
    assert_eq!(proposed.assessment.risk, risk);
    let mut items = WorkItems::default();
    items.apply(Event::Proposed(proposed, digest(1))).unwrap();
    items
}

/// What member 1, for whom the work was proposed, would decide.
fn decision(items: &WorkItems, verb: HumanVerb) -> Decision {
    let item = items.get(WorkItemId::new(1, [0; 10])).unwrap();
    Decision {
        workspace: WorkspaceId::new(1, [1; 10]),
        verb,
        subject: item.subject(),
        subject_digest: item.digest,
        rationale: Some("not worth it".parse().unwrap()),
        member: MemberId::new(1, [1; 10]),
        challenge: Challenge::from_entropy([1; 16]),
        history: History {
            size: 3,
            root: Digest::from_bytes([3; 32]),
        },
        at: Timestamp::EPOCH,
        tier: Tier::T0,
    }
}

/// A decision as the member signs it whom it names, with the key or the passkey that everybody has here.
fn signed(decision: &Decision) -> Signed<Decision> {
    let seed = Seed::from_entropy([1; 32]);
    let registration = SignedRegistration::sign(
        &seed,
        decision.member,
        "Alice".parse().unwrap(),
        "alice@example.com".parse().unwrap(),
        decision.workspace,
    );
    let member = registration.unwrap().verify(decision.workspace).unwrap();
    let (passkey, signed) = match decision.tier {
        Tier::T0 => (None, decision.sign(&seed.decision_key()).unwrap()),
        Tier::T1 => {
            let (passkey, signed) = touched(decision);
            (Some(Credential::Passkey(passkey)), signed)
        }
    };
    signed
        .verify(decision.workspace, |_| {
            Some(Signer {
                member: &member,
                credentials: passkey.as_slice(),
            })
        })
        .unwrap()
}

/// A touch of a device made of software.
fn touched(decision: &Decision) -> (Passkey, SignedDecision) {
    let key = SigningKey::from_bytes(&[9; 32]);
    let spki = [
        0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
    ];
    let passkey = Passkey {
        id: Bytes::new(vec![7; 16]),
        public_key: Bytes::new([&spki[..], key.verifying_key().as_bytes()].concat()),
        rp_id: "localhost".to_owned(),
    };
    let text = decision.text().unwrap();
    let challenge = Bytes::new(touch_challenge(&text).to_vec());
    let client =
        format!(r#"{{"type":"webauthn.get","challenge":"{challenge}","origin":"http://localhost:1"}}"#);
    let device = [&Sha256::digest("localhost")[..], &[5, 0, 0, 0, 0]].concat();
    let message = [device.as_slice(), &Sha256::digest(&client)].concat();
    let assertion = Assertion {
        credential: passkey.id.clone(),
        signature: Bytes::new(key.sign(&message).to_vec()),
        authenticator_data: Bytes::new(device),
        client_data: Bytes::new(client.into_bytes()),
    };
    (passkey, SignedDecision::touched(text, assertion))
}

const fn at_once() -> Circumstances {
    Circumstances {
        posed_at: Timestamp::EPOCH,
        recorded_at: Timestamp::EPOCH,
        changed_lines: None,
    }
}

fn apply(items: &mut WorkItems, decision: &Decision) -> Result<State, DecideError> {
    match items.apply(Event::Decided(signed(decision), at_once())) {
        Ok(()) => Ok(items.get(WorkItemId::new(1, [0; 10])).unwrap().state),
        Err(FoldError::Decision(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

#[test]
fn low_and_medium_risk_take_one_human_be_it_the_one_for_whom_it_is() {
    for risk in [Risk::Low, Risk::Medium] {
        for (verb, state) in [
            (HumanVerb::Approve, State::Approved),
            (HumanVerb::Reject, State::Rejected),
        ] {
            let mut items = items(risk);
            let decision = decision(&items, verb);
            assert_eq!(apply(&mut items, &decision), Ok(state));
            let item = items.get(WorkItemId::new(1, [0; 10])).unwrap();
            assert_eq!(item.decisions, [decision]);
        }
    }
}

#[test]
fn what_was_decided_is_not_decided_again() {
    for first in [HumanVerb::Approve, HumanVerb::Reject] {
        for second in [HumanVerb::Approve, HumanVerb::Reject] {
            let mut items = items(Risk::Low);
            let decided = decision(&items, first);
            let state = apply(&mut items, &decided).unwrap();
            let again = decision(&items, second);
            let refused = apply(&mut items, &again).unwrap_err();
            assert!(
                matches!(&refused, DecideError::Transition(refused) if refused.state == state),
                "{refused}"
            );
            assert_eq!(
                items.get(WorkItemId::new(1, [0; 10])).unwrap().decisions,
                [decided]
            );
        }
    }
}

#[test]
fn high_risk_asks_for_everything_at_once_and_says_what() {
    for risk in [Risk::High, Risk::Critical] {
        let mut items = items(risk);
        let own = decision(&items, HumanVerb::Approve);
        let Err(DecideError::Duties { missing, .. }) = apply(&mut items, &own) else {
            panic!("{risk} was approved");
        };
        use Missing::{AnotherHuman, Evidence, Rationale, Touch};
        assert_eq!(missing, [Evidence, Rationale, AnotherHuman, Touch]);
        let anothers = Decision {
            member: MemberId::new(2, [2; 10]),
            rationale: Some("Read it twice; the lock is held throughout.".parse().unwrap()),
            ..own
        };
        let Err(DecideError::Duties { missing, .. }) = apply(&mut items, &anothers) else {
            panic!("{risk} was approved");
        };
        assert_eq!(missing, [Evidence, Touch]);
        // Saying no takes no more than anywhere.
        let no = decision(&items, HumanVerb::Reject);
        assert_eq!(apply(&mut items, &no), Ok(State::Rejected));
    }
}

#[test]
fn whoever_says_no_says_why() {
    let mut items = items(Risk::Low);
    let silent = Decision {
        rationale: None,
        ..decision(&items, HumanVerb::Reject)
    };
    let refused = apply(&mut items, &silent).unwrap_err();
    assert!(refused.to_string().ends_with("takes: a word on why"), "{refused}");
}

#[test]
fn a_decision_stands_for_what_was_shown_only() {
    let mut items = items(Risk::Low);
    let shown = decision(&items, HumanVerb::Approve);
    let other = Decision {
        subject_digest: digest(2),
        ..shown.clone()
    };
    assert!(matches!(apply(&mut items, &other), Err(DecideError::Changed(_))));
    let id = WorkItemId::new(1, [0; 10]);
    let Subject::WorkItem { policy, risk, .. } = shown.subject else {
        panic!("{shown:?}")
    };
    for subject in [
        Subject::WorkItem {
            id,
            policy: Digest::from_bytes([9; 32]),
            risk,
        },
        Subject::WorkItem {
            id,
            policy,
            risk: Risk::Medium,
        },
    ] {
        let other = Decision {
            subject,
            ..shown.clone()
        };
        assert!(matches!(
            apply(&mut items, &other),
            Err(DecideError::Judged { .. })
        ));
    }
    let unknown = Decision {
        subject: Subject::WorkItem {
            id: WorkItemId::new(2, [0; 10]),
            policy,
            risk,
        },
        ..shown.clone()
    };
    assert!(matches!(
        apply(&mut items, &unknown),
        Err(DecideError::Unknown(_))
    ));
    let of_a_member = Decision {
        verb: HumanVerb::GrantAccess,
        subject: Subject::Member(shown.member),
        ..shown
    };
    assert!(matches!(
        apply(&mut items, &of_a_member),
        Err(DecideError::NotOfWork(HumanVerb::GrantAccess))
    ));
    assert_eq!(items.get(id).unwrap().state, State::Proposed);
}

#[test]
fn other_rules_have_another_digest() {
    let rules = |label: &str| RiskPolicy::new([("src/**".to_owned(), Risk::High, label.to_owned())]).unwrap();
    assert_eq!(rules("a").digest(), rules("a").digest());
    assert_ne!(rules("a").digest(), rules("b").digest());
    assert_ne!(rules("a").digest(), RiskPolicy::built_in().digest());
}

#[test]
fn what_is_recorded_as_less_risky_than_the_rules_say_is_not_believed() {
    let raw = RawProposal {
        title: "Sign sessions otherwise".to_owned(),
        paths: vec!["src/auth/token.rs".to_owned()],
        ..RawProposal::default()
    };
    let proposal = Proposal::parse(raw).unwrap();
    let honest = Proposed {
        assessment: assess(&proposal, RiskPolicy::built_in()),
        proposal,
        ..proposed(1)
    };
    assert!(honest.assessment.risk >= Risk::High);
    let mut belittled = honest.clone();
    belittled.assessment.risk = Risk::Low;
    let mut sweetened = honest.clone();
    sweetened.assessment.risk_reasons = vec!["docs only: low".to_owned()];
    for forged in [belittled, sweetened] {
        let refused = WorkItems::default().apply(Event::Proposed(forged, digest(1)));
        assert!(matches!(refused, Err(FoldError::Misjudged(..))), "{refused:?}");
    }
    let mut misleading = honest.clone();
    misleading.via = "claude-code\n  risk          low".to_owned();
    let refused = WorkItems::default().apply(Event::Proposed(misleading, digest(1)));
    assert!(matches!(refused, Err(FoldError::Via(_))), "{refused:?}");

    // By rules that nobody has, nobody approves; saying no is always possible.
    let mut elsewhere = honest;
    elsewhere.assessment.policy_digest = Digest::from_bytes([9; 32]);
    elsewhere.assessment.risk = Risk::Low;
    let mut items = WorkItems::default();
    items.apply(Event::Proposed(elsewhere, digest(1))).unwrap();
    let approved = decision(&items, HumanVerb::Approve);
    assert!(matches!(
        apply(&mut items, &approved),
        Err(DecideError::UnknownRules(_))
    ));
    let rejected = decision(&items, HumanVerb::Reject);
    assert_eq!(apply(&mut items, &rejected), Ok(State::Rejected));
}

/// These rules, applied as they are applied now, have this name in every ledger. Whoever changes them, or how they are
/// applied, gives them another name and keeps this one in [`RiskPolicy::is_known`], or old approvals will not be believed.
#[test]
fn the_rules_have_the_name_under_which_they_judged_so_far() {
    let digest = RiskPolicy::built_in().digest().to_string();
    assert_eq!(digest, include_str!("policy_digest.txt").trim_end());
}
