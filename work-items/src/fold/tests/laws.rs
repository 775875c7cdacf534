//! Whatever happens, in whatever order: only a human's decision leads to where only humans lead.

use proptest::prelude::*;
use vocabulary::{EvidenceKind, EvidenceOutcome, ReportedState};

use super::*;
use crate::{Finding, RawFinding, RawReport, Report, Seen};

/// Something that somebody tries, whether or not it can happen.
#[derive(Debug, Clone, Copy)]
enum Try {
    Propose(Risk),
    Evidence(EvidenceKind, EvidenceOutcome, u8),
    Report(ReportedState, u8),
    Expire(i64),
    Observe(u8),
    Decide {
        verb: HumanVerb,
        member: u8,
        tier: Tier,
        why: bool,
        stale: bool,
    },
}

fn tries() -> impl Strategy<Value = Try> {
    use ReportedState::{InProgress, InReview, Withdrawn};
    let one_of = |verbs: &'static [HumanVerb]| proptest::sample::select(verbs);
    let decides: &'static [HumanVerb] = &[
        HumanVerb::Approve,
        HumanVerb::Reject,
        HumanVerb::Approve,
        HumanVerb::AttestDeploy,
    ];
    prop_oneof![
        1 => proptest::sample::select(&Risk::ALL[..]).prop_map(Try::Propose),
        4 => (
            proptest::sample::select(&EvidenceKind::ALL[..]),
            proptest::sample::select(&EvidenceOutcome::ALL[..]),
            1..3_u8,
        )
            .prop_map(|(kind, outcome, member)| Try::Evidence(kind, outcome, member)),
        4 => (proptest::sample::select(&[InProgress, InReview, Withdrawn][..]), 1..3_u8)
            .prop_map(|(state, member)| Try::Report(state, member)),
        1 => (0..20_i64).prop_map(Try::Expire),
        3 => (0..3_u8).prop_map(Try::Observe),
        6 => (one_of(decides), 1..3_u8, any::<bool>(), any::<bool>(), 0..8_u8).prop_map(
            |(verb, member, touch, why, stale)| Try::Decide {
                verb,
                member,
                tier: if touch { Tier::T1 } else { Tier::T0 },
                why,
                stale: stale == 0,
            }
        ),
    ]
}

fn event(items: &WorkItems, tried: Try, number: u64) -> Option<Event> {
    let id = WorkItemId::new(1, [0; 10]);
    let member = |number: u8| MemberId::new(u64::from(number), [number; 10]);
    Some(match tried {
        Try::Propose(risk) => {
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
            Event::Proposed(proposed, digest(1))
        }
        Try::Evidence(kind, outcome, by) => {
            let finding = Finding::parse(RawFinding {
                kind,
                outcome,
                tool: "tool".into(),
                summary: "found".into(),
                digest: None,
                changed_lines: None,
                commit: None,
                tree: None,
            });
            let evidence = Evidence {
                work_item: id,
                finding: finding.unwrap(),
                on_behalf_of: member(by),
                via: "claude-code".into(),
                delegation: DelegationId::new(1, [2; 10]),
                trace: TraceId::new(1, [3; 10]),
                recorded_at: Timestamp::EPOCH,
            };
            Event::Evidence(evidence, digest(number))
        }
        Try::Report(state, by) => {
            let report = Report::parse(RawReport {
                state,
                pull_request: None,
                why: None,
            });
            Event::Reported(Reported {
                work_item: id,
                report: report.unwrap(),
                on_behalf_of: member(by),
                via: "claude-code".into(),
                delegation: DelegationId::new(1, [2; 10]),
                trace: TraceId::new(1, [3; 10]),
                reported_at: Timestamp::EPOCH,
            })
        }
        Try::Observe(what) => {
            let seen = match what {
                0 => Seen::Merged("c0".repeat(20).parse().unwrap()),
                1 => Seen::Deployed("production".to_owned()),
                _ => Seen::Verified,
            };
            Event::Observed(Observed::supposed(id, seen, member(2)))
        }
        Try::Expire(days) => {
            let at = Timestamp::EPOCH.saturating_add(time::Duration::days(days));
            Event::Expired(id, at)
        }
        Try::Decide {
            verb,
            member: by,
            tier,
            why,
            stale,
        } => {
            items.get(id)?;
            let honest = decision(items, verb);
            let decided = Decision {
                member: member(by),
                tier,
                rationale: why.then(|| "I read it all and it is fine.".parse().unwrap()),
                subject_digest: if stale {
                    digest(99)
                } else {
                    items.get(id)?.at_stake()
                },
                ..honest
            };
            Event::Decided(signed(&decided), at_once())
        }
    })
}

fn fold(tried: &[Try]) -> WorkItems {
    let mut items = WorkItems::default();
    for (number, tried) in (2..).zip(tried) {
        let before = items.clone();
        let Some(event) = event(&items, *tried, number) else {
            continue;
        };
        if items.apply(event).is_err() {
            let id = WorkItemId::new(1, [0; 10]);
            assert_eq!(items.get(id), before.get(id), "what is refused changes nothing");
        }
    }
    items
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(192))]

    #[test]
    fn only_a_decision_with_all_that_it_takes_leads_to_where_humans_lead(tried in proptest::collection::vec(tries(), 0..24)) {
        let items = fold(&tried);
        if let Some(item) = items.get(WorkItemId::new(1, [0; 10])) {
            let approvals: Vec<&Decision> =
                item.decisions.iter().filter(|decision| decision.verb == HumanVerb::Approve).collect();
            let of = |verb| item.decisions.iter().filter(|decision| decision.verb == verb).count();
            let seen = |wanted| item.observed.iter().filter(|seen| seen.step() == wanted).count();
            let (rejections, attestations) = (of(HumanVerb::Reject), of(HumanVerb::AttestDeploy));
            let (merged, deployed) = (seen(Step::Merge), seen(Step::Deploy));
            let begun = (approvals.len(), rejections) == (1, 0);
            let attested = attestations == usize::from(item.risk() >= Risk::High);
            let as_it_must = match item.state {
                State::Approved | State::InProgress | State::InReview => begun && attestations + merged == 0,
                State::Rejected => rejections == 1 && approvals.is_empty(),
                State::Proposed | State::Expired => item.decisions.is_empty(),
                State::Withdrawn => rejections == 0 && merged == 0,
                State::Merged => begun && merged == 1 && attestations + deployed == 0,
                State::Attested => begun && merged == 1 && attestations == 1 && deployed == 0,
                State::Deployed => begun && merged == 1 && attested && deployed == 1,
                State::Verified => {
                    begun && merged == 1 && attested && deployed == 1 && seen(Step::Verify) == 1
                }
            };
            prop_assert!(as_it_must, "{item:?}");
            if item.risk() >= Risk::High {
                for approval in approvals {
                    prop_assert_ne!(approval.member, item.proposed.on_behalf_of);
                    prop_assert_eq!(approval.tier, Tier::T1);
                    prop_assert!(approval.rationale.is_some());
                    let shown = item.evidence_shown().iter();
                    let reviewed = shown.filter(|found| {
                        (found.finding.kind(), found.finding.outcome())
                            == (EvidenceKind::Review, EvidenceOutcome::Passed)
                    });
                    prop_assert!(reviewed.count() > 0);
                }
            }
        }
    }

    #[test]
    fn the_same_past_has_the_same_present(tried in proptest::collection::vec(tries(), 0..24)) {
        let (once, again) = (fold(&tried), fold(&tried));
        prop_assert!(once.newest_first(None).eq(again.newest_first(None)));
    }
}
