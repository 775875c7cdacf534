//! May this change land? In what roles people answer, and what of it holds later.

use identity::Email;
use proptest::prelude::*;
use time::Duration;
use vocabulary::{EvidenceKind, EvidenceOutcome, GitObject, ReportedState};

use super::*;
use crate::{
    Change, Finding, Landing, REVIEW_DUE_AFTER, RawChange, RawFinding, RawReport, Report, Role, Stale,
    Verdict,
};

const WHY: &str = "Read it twice; the lock is held throughout.";

fn id() -> WorkItemId {
    WorkItemId::new(1, [0; 10])
}

/// Members 1 to 3; the work is member 1's.
fn person(number: u8) -> MemberId {
    MemberId::new(u64::from(number), [number; 10])
}

fn address(number: u8) -> String {
    let name = ["nobody", "alice", "bob", "carol"][usize::from(number)];
    format!("{name}@example.com")
}

fn team(numbers: &[u8]) -> Vec<(MemberId, Email)> {
    let all = numbers.iter();
    all.map(|number| (person(*number), address(*number).parse().unwrap()))
        .collect()
}

fn tree(number: u8) -> GitObject {
    format!("{number:02x}").repeat(20).parse().unwrap()
}

fn change_of(number: u8, committers: &[u8]) -> Change {
    Change::parse(RawChange {
        work_item: id(),
        tree: tree(number),
        head: tree(0xc0),
        base: tree(0xba),
        commits: 1,
        committers: committers.iter().map(|number| address(*number)).collect(),
        changed_lines: None,
    })
    .unwrap()
}

fn found(kind: EvidenceKind, tree: Option<GitObject>) -> Evidence {
    let finding = Finding::parse(RawFinding {
        kind,
        outcome: EvidenceOutcome::Passed,
        tool: "careful".into(),
        summary: "Read all of it.".into(),
        digest: None,
        changed_lines: None,
        commit: None,
        tree: tree.map(|tree| tree.to_string()),
    });
    Evidence {
        work_item: id(),
        finding: finding.unwrap(),
        on_behalf_of: person(1),
        via: "claude-code".into(),
        delegation: DelegationId::new(1, [2; 10]),
        trace: TraceId::new(1, [3; 10]),
        recorded_at: Timestamp::EPOCH,
    }
}

fn record(items: &mut WorkItems, kind: EvidenceKind, tree: Option<GitObject>, number: u64) {
    items
        .apply(Event::Evidence(found(kind, tree), digest(number)))
        .unwrap();
}

fn withdraw(items: &mut WorkItems) {
    let report = Report::parse(RawReport {
        state: ReportedState::Withdrawn,
        pull_request: None,
        why: None,
    });
    let withdrawn = Reported {
        work_item: id(),
        report: report.unwrap(),
        on_behalf_of: person(1),
        via: "claude-code".into(),
        delegation: DelegationId::new(1, [2; 10]),
        trace: TraceId::new(1, [3; 10]),
        reported_at: Timestamp::EPOCH,
    };
    items.apply(Event::Reported(withdrawn)).unwrap();
}

/// Work that may begin.
fn begun(risk: Risk) -> WorkItems {
    let mut items = items(risk);
    record(&mut items, EvidenceKind::Review, None, 2);
    let yes = Decision {
        member: person(2),
        rationale: Some(WHY.parse().unwrap()),
        tier: Tier::T1,
        ..decision(&items, HumanVerb::Approve)
    };
    assert_eq!(apply(&mut items, &yes), Ok(State::Approved));
    items
}

/// What a member says of a change as it is known now.
fn says(items: &WorkItems, number: u8, verb: HumanVerb, change: &Change) -> Decision {
    let item = items.get(id()).unwrap();
    Decision {
        member: person(number),
        subject: change.subject_of(&item.proposed),
        subject_digest: change.digest(&item.known()).unwrap(),
        rationale: Some(WHY.parse().unwrap()),
        ..decision(items, verb)
    }
}

fn land_as(
    items: &mut WorkItems,
    said: &Decision,
    change: &Change,
    team: &[(MemberId, Email)],
) -> Result<Role, LandError> {
    let decided = LandingDecided {
        signed: signed(said),
        change: change.clone(),
        circumstances: at_once(),
        members: team.to_vec(),
    };
    let may = items.may_land(said, change, team).map(|(_, role)| role);
    match items.apply(Event::Landing(Box::new(decided))) {
        Ok(()) => Ok(items.get(id()).unwrap().landings.last().unwrap().role),
        Err(FoldError::Landing(error)) => {
            assert_eq!(may, Err(error.clone()), "what may be is what is taken in");
            Err(error)
        }
        Err(other) => panic!("{other}"),
    }
}

fn approve(
    items: &mut WorkItems,
    number: u8,
    change: &Change,
    team: &[(MemberId, Email)],
) -> Result<Role, LandError> {
    let said = says(items, number, HumanVerb::Approve, change);
    land_as(items, &said, change, team)
}

fn others(refused: Result<Role, LandError>) -> Vec<String> {
    match refused {
        Err(LandError::Separation { others, .. }) => others,
        other => panic!("{other:?}"),
    }
}

fn verdict(items: &WorkItems, number: u8) -> Verdict<'_> {
    items
        .get(id())
        .unwrap()
        .verdict(tree(number), RiskPolicy::built_in())
}

#[test]
fn neither_the_delegating_human_nor_a_committer_answers_alone_and_a_third_plainly_does() {
    let (mut items, team) = (begun(Risk::Low), team(&[1, 2, 3]));
    let change = change_of(1, &[2]);
    for maker in [1, 2] {
        let refused = approve(&mut items, maker, &change, &team);
        assert_eq!(others(refused), ["carol@example.com"]);
    }
    assert_eq!(verdict(&items, 1), Verdict::Undecided);
    assert_eq!(approve(&mut items, 3, &change, &team), Ok(Role::Independent));
    assert_eq!(verdict(&items, 1), Verdict::May);
    assert_eq!(items.get(id()).unwrap().landings[0].review_due(), None);
    assert_eq!(
        verdict(&items, 2),
        Verdict::Undecided,
        "another tree was decided by nobody"
    );
}

#[test]
fn where_nobody_independent_is_a_member_it_is_an_exception_with_a_due_date() {
    for (members, maker, committers) in [(&[1][..], 1, &[1][..]), (&[1, 2], 2, &[1, 2]), (&[1, 2], 1, &[2])] {
        let (mut items, change) = (begun(Risk::Low), change_of(1, committers));
        assert_eq!(
            approve(&mut items, maker, &change, &team(members)),
            Ok(Role::Exception)
        );
        let item = items.get(id()).unwrap();
        let due = Timestamp::EPOCH.saturating_add(Duration::days(7));
        assert_eq!(REVIEW_DUE_AFTER, Duration::days(7));
        assert_eq!(item.landings[0].review_due(), Some(due));
        assert_eq!(verdict(&items, 1), Verdict::ByException(&item.landings[0]));
        assert!(item.waits_for_review(tree(1)) && !item.waits_for_review(tree(2)));
    }
}

#[test]
fn who_is_a_member_at_the_moment_of_the_decision_counts_and_no_other() {
    let change = change_of(1, &[1]);
    // Bob was let go in between: what would have been refused is an exception.
    let mut items = begun(Risk::Low);
    assert_eq!(
        others(approve(&mut items, 1, &change, &team(&[1, 2]))),
        ["bob@example.com"]
    );
    assert_eq!(approve(&mut items, 1, &change, &team(&[1])), Ok(Role::Exception));
    // Bob was let in in between: what would have been an exception is refused.
    let mut items = begun(Risk::Low);
    let said = says(&items, 1, HumanVerb::Approve, &change);
    assert!(items.may_land(&said, &change, &team(&[1])).is_ok());
    assert_eq!(
        others(land_as(&mut items, &said, &change, &team(&[1, 2]))),
        ["bob@example.com"]
    );
    assert!(items.get(id()).unwrap().landings.is_empty());
}

#[test]
fn an_exception_is_closed_by_somebody_independent_who_approves_the_same_tree_and_by_nothing_else() {
    let (mut items, change) = (begun(Risk::Low), change_of(1, &[2]));
    assert_eq!(
        approve(&mut items, 2, &change, &team(&[1, 2])),
        Ok(Role::Exception)
    );
    let open = |items: &WorkItems| items.get(id()).unwrap().waits_for_review(tree(1));
    // The human for whom it was made is not independent either: a second exception, which closes nothing.
    assert_eq!(
        approve(&mut items, 1, &change, &team(&[1, 2])),
        Ok(Role::Exception)
    );
    assert!(open(&items));
    // Somebody who was let in since looks at another tree.
    let team = team(&[1, 2, 3]);
    let other = change_of(2, &[2]);
    assert_eq!(approve(&mut items, 3, &other, &team), Ok(Role::Independent));
    assert!(open(&items));
    record(&mut items, EvidenceKind::Test, None, 3);
    let no = says(&items, 3, HumanVerb::Reject, &change);
    assert_eq!(land_as(&mut items, &no, &change, &team), Ok(Role::Objection));
    assert!(open(&items), "who says no has not closed it");
    assert!(matches!(verdict(&items, 1), Verdict::MayNot(landing) if landing.decision.member == person(3)));
    record(&mut items, EvidenceKind::Scan, None, 4);
    assert_eq!(approve(&mut items, 3, &change, &team), Ok(Role::Review));
    let item = items.get(id()).unwrap();
    let closed: Vec<(&Landing, Option<&Landing>)> = item.exceptions().collect();
    assert_eq!(closed.len(), 2);
    assert!(closed.iter().all(|(_, review)| *review == item.landings.last()));
    assert_eq!(verdict(&items, 1), Verdict::May);
}

#[test]
fn what_was_put_forward_last_and_what_waits_for_its_review_is_at_issue_and_gives_nobody_anything() {
    let mut items = begun(Risk::Low);
    let put = |items: &mut WorkItems, change: &Change| {
        items.apply(Event::ChangeProposed(change.clone(), Timestamp::EPOCH))
    };
    let at_issue = |items: &WorkItems| -> Vec<Change> {
        items.get(id()).unwrap().at_issue().into_iter().cloned().collect()
    };
    let (first, second) = (change_of(1, &[1]), change_of(2, &[1]));
    assert_eq!(at_issue(&items), []);
    put(&mut items, &first).unwrap();
    assert_eq!(
        (at_issue(&items), verdict(&items, 1)),
        (vec![first.clone()], Verdict::Undecided)
    );
    let known = items.get(id()).unwrap().known();
    put(&mut items, &second).unwrap();
    assert_eq!(at_issue(&items), std::slice::from_ref(&second));
    assert_eq!(
        items.get(id()).unwrap().known(),
        known,
        "nothing that was decided is stale by it"
    );
    // Whom it names as a committer it takes nothing from, either.
    put(&mut items, &change_of(1, &[1, 2, 3])).unwrap();
    assert_eq!(
        items.get(id()).unwrap().independent_of(&first, &team(&[1, 2])),
        [person(2)]
    );
    // An exception stays at issue, whatever is put forward and whatever becomes of the work.
    assert_eq!(approve(&mut items, 1, &first, &team(&[1])), Ok(Role::Exception));
    put(&mut items, &second).unwrap();
    assert_eq!(at_issue(&items), [second.clone(), first.clone()]);
    withdraw(&mut items);
    assert_eq!(at_issue(&items), std::slice::from_ref(&first));
    assert!(matches!(
        put(&mut items, &second),
        Err(FoldError::Landing(LandError::NotNow { .. }))
    ));
    assert_eq!(approve(&mut items, 2, &first, &team(&[1, 2])), Ok(Role::Review));
    assert_eq!(at_issue(&items), []);
}

#[test]
fn who_puts_changes_forward_without_end_is_told_that_it_is_enough() {
    let mut items = begun(Risk::Low);
    let refused = (0..1_000_usize).find_map(|number| {
        let change = change_of(u8::try_from(number % 200).unwrap(), &[1]);
        let put = items.apply(Event::ChangeProposed(change, Timestamp::EPOCH));
        put.err().map(|error| (number, error))
    });
    let many = FoldError::Landing(LandError::ManyProposed(id()));
    assert_eq!(refused, Some((256, many)));
}

#[test]
fn an_exception_is_reviewed_whatever_became_of_the_work_and_nothing_else_is_decided_then() {
    let (mut items, change) = (begun(Risk::Low), change_of(1, &[1]));
    assert_eq!(approve(&mut items, 1, &change, &team(&[1])), Ok(Role::Exception));
    withdraw(&mut items);
    let team = team(&[1, 2]);
    let elsewhere = change_of(2, &[1]);
    let not_now = Err(LandError::NotNow {
        id: id(),
        state: State::Withdrawn,
    });
    assert_eq!(approve(&mut items, 2, &elsewhere, &team), not_now);
    assert_eq!(approve(&mut items, 2, &change, &team), Ok(Role::Review));
    assert!(
        items
            .get(id())
            .unwrap()
            .exceptions()
            .all(|(_, review)| review.is_some())
    );
}

#[test]
fn what_has_not_begun_does_not_land() {
    for (mut items, state) in [
        (items(Risk::Low), State::Proposed),
        (
            {
                let mut items = items(Risk::Low);
                let no = decision(&items, HumanVerb::Reject);
                apply(&mut items, &no).unwrap();
                items
            },
            State::Rejected,
        ),
    ] {
        let refused = approve(&mut items, 3, &change_of(1, &[1]), &team(&[1, 2, 3]));
        assert_eq!(refused, Err(LandError::NotNow { id: id(), state }));
    }
}

#[test]
fn high_risk_takes_a_machine_that_read_this_tree_a_rationale_another_human_and_a_touch() {
    use Missing::{AnotherHuman, EvidenceOfTree, Rationale, Touch};
    for risk in [Risk::High, Risk::Critical] {
        let (mut items, change, team) = (begun(risk), change_of(1, &[2]), team(&[1, 2, 3]));
        let missing = |refused| match refused {
            Err(LandError::Duties { missing, .. }) => missing,
            other => panic!("{other:?}"),
        };
        let hasty = Decision {
            rationale: Some("fine".parse().unwrap()),
            ..says(&items, 1, HumanVerb::Approve, &change)
        };
        let lacking = missing(land_as(&mut items, &hasty, &change, &team));
        assert_eq!(lacking, [EvidenceOfTree, Rationale, AnotherHuman, Touch]);
        record(&mut items, EvidenceKind::Review, Some(tree(2)), 5);
        let whole = |items: &WorkItems| Decision {
            tier: Tier::T1,
            ..says(items, 3, HumanVerb::Approve, &change)
        };
        let of_another_tree = whole(&items);
        assert_eq!(
            missing(land_as(&mut items, &of_another_tree, &change, &team)),
            [EvidenceOfTree]
        );
        record(&mut items, EvidenceKind::Review, Some(tree(1)), 6);
        let untouched = says(&items, 3, HumanVerb::Approve, &change);
        assert_eq!(missing(land_as(&mut items, &untouched, &change, &team)), [Touch]);
        let whole = whole(&items);
        assert_eq!(land_as(&mut items, &whole, &change, &team), Ok(Role::Independent));
        // Who is alone never lands it, by no exception.
        let own = Decision {
            tier: Tier::T1,
            ..says(&items, 1, HumanVerb::Approve, &change)
        };
        assert_eq!(
            missing(land_as(&mut items, &own, &change, &self::team(&[1]))),
            [AnotherHuman]
        );
    }
}

#[test]
fn the_same_is_decided_once_by_each_and_a_second_word_is_refused() {
    let (mut items, change, team) = (begun(Risk::Low), change_of(1, &[1]), team(&[1, 2, 3]));
    let (yes, no) = (
        says(&items, 2, HumanVerb::Approve, &change),
        says(&items, 2, HumanVerb::Reject, &change),
    );
    assert_eq!(land_as(&mut items, &yes, &change, &team), Ok(Role::Independent));
    for again in [&yes, &no] {
        assert_eq!(land_as(&mut items, again, &change, &team), Err(LandError::Twice));
    }
    // Another member's no to the same outweighs it.
    let no = says(&items, 3, HumanVerb::Reject, &change);
    assert_eq!(land_as(&mut items, &no, &change, &team), Ok(Role::Objection));
    assert!(matches!(verdict(&items, 1), Verdict::MayNot(_)));
}

#[test]
fn who_is_named_by_one_cannot_leave_themselves_out() {
    for verb in [HumanVerb::Approve, HumanVerb::Reject] {
        let (mut items, team) = (begun(Risk::Low), team(&[1, 2, 3]));
        let said = says(&items, 3, verb, &change_of(1, &[2]));
        land_as(&mut items, &said, &change_of(1, &[2]), &team).unwrap();
        // Bob's own list names Alice alone.
        let without_bob = change_of(1, &[1]);
        assert_eq!(
            others(approve(&mut items, 2, &without_bob, &team)),
            ["carol@example.com"]
        );
    }
}

#[test]
fn whom_only_a_no_names_leaves_nobody_to_be_excepted() {
    let (mut items, team) = (begun(Risk::Low), team(&[1, 2, 3]));
    // Nobody signed that Bob and Carol made it; Carol says no to what was put forward so, and names nobody by it but Bob.
    let (forged, honest) = (change_of(1, &[2, 3]), change_of(1, &[1]));
    let no = says(&items, 3, HumanVerb::Reject, &forged);
    land_as(&mut items, &no, &forged, &team).unwrap();
    assert_eq!(
        others(approve(&mut items, 1, &honest, &team)),
        ["carol@example.com"]
    );
    // Where Bob says so as well, nobody is left for this tree; Alice is no exception for that.
    let no = says(&items, 2, HumanVerb::Reject, &forged);
    land_as(&mut items, &no, &forged, &team).unwrap();
    let refused = approve(&mut items, 1, &honest, &team);
    assert!(
        refused
            .as_ref()
            .unwrap_err()
            .to_string()
            .contains("amend the change")
    );
    assert_eq!(others(refused), Vec::<String>::new());
    // Another tree is another question.
    let anew = change_of(2, &[1]);
    assert_eq!(
        others(approve(&mut items, 1, &anew, &team)),
        ["bob@example.com", "carol@example.com"]
    );
    assert_eq!(approve(&mut items, 2, &anew, &team), Ok(Role::Independent));
}

#[test]
fn a_decision_on_something_else_than_is_there_is_refused() {
    let (mut items, change, team) = (begun(Risk::Low), change_of(1, &[1]), team(&[1, 2]));
    let said = says(&items, 2, HumanVerb::Approve, &change);
    // The tree, or who made it, was exchanged between showing and recording.
    assert_eq!(
        land_as(&mut items, &said, &change_of(2, &[1]), &team),
        Err(LandError::NotOfChange)
    );
    assert_eq!(
        land_as(&mut items, &said, &change_of(1, &[1, 3]), &team),
        Err(LandError::Changed(id()))
    );
    let Subject::Change {
        id: item,
        tree,
        policy,
        risk,
    } = said.subject
    else {
        panic!("{said:?}")
    };
    for subject in [
        Subject::Change {
            id: item,
            tree,
            policy: digest(9),
            risk,
        },
        Subject::Change {
            id: item,
            tree,
            policy,
            risk: Risk::Medium,
        },
    ] {
        let judged_otherwise = Decision {
            subject,
            ..said.clone()
        };
        assert_eq!(
            land_as(&mut items, &judged_otherwise, &change, &team),
            Err(LandError::Changed(id()))
        );
    }
    let of_work = decision(&items, HumanVerb::Approve);
    assert_eq!(
        land_as(&mut items, &of_work, &change, &team),
        Err(LandError::NotOfChange)
    );
    record(&mut items, EvidenceKind::Test, None, 3);
    assert_eq!(
        land_as(&mut items, &said, &change, &team),
        Err(LandError::Changed(id()))
    );
    // Nor is a word on a change one on the work.
    assert!(matches!(
        apply(&mut items, &said),
        Err(DecideError::NotOfWork(HumanVerb::Approve))
    ));
}

#[test]
fn an_approval_is_stale_once_more_is_known_or_other_rules_hold_and_says_so() {
    let (mut items, change, team) = (begun(Risk::Low), change_of(1, &[1]), team(&[1, 2]));
    approve(&mut items, 2, &change, &team).unwrap();
    let other_rules = RiskPolicy::new([("none/**".to_owned(), Risk::High, "none".to_owned())]).unwrap();
    let item = items.get(id()).unwrap();
    assert_eq!(item.verdict(tree(1), &other_rules), Verdict::Stale(Stale::Rules));
    record(&mut items, EvidenceKind::Test, None, 3);
    let stale = verdict(&items, 1);
    assert_eq!(stale, Verdict::Stale(Stale::Known));
    assert_eq!(
        Stale::Known.to_string(),
        "stale: more was recorded on the work than was shown; look at the change again"
    );
    assert_eq!(approve(&mut items, 2, &change, &team), Ok(Role::Independent));
    assert_eq!(verdict(&items, 1), Verdict::May);
}

#[test]
fn nothing_lands_for_work_that_was_withdrawn_whatever_was_decided_before() {
    let (mut items, change, team) = (begun(Risk::Low), change_of(1, &[1]), team(&[1, 2]));
    approve(&mut items, 2, &change, &team).unwrap();
    record(&mut items, EvidenceKind::Test, None, 3);
    assert_eq!(verdict(&items, 1), Verdict::Stale(Stale::Known));
    withdraw(&mut items);
    assert_eq!(verdict(&items, 1), Verdict::NotNow(State::Withdrawn));
}

/// Something that somebody tries.
#[derive(Debug, Clone)]
struct Try {
    by: u8,
    verb: HumanVerb,
    tree: u8,
    committers: Vec<u8>,
    team: Vec<u8>,
    tier: Tier,
    evidence: Option<(EvidenceKind, u8)>,
}

fn tries() -> impl Strategy<Value = Try> {
    let people = || proptest::sample::subsequence(vec![1_u8, 2, 3], 1..=3);
    let kinds = proptest::sample::select(&EvidenceKind::ALL[..]);
    (
        1..4_u8,
        any::<bool>(),
        1..3_u8,
        people(),
        people(),
        any::<bool>(),
        proptest::option::of((kinds, 1..3_u8)),
    )
        .prop_map(|(by, yes, tree, committers, team, touch, evidence)| Try {
            by,
            verb: if yes {
                HumanVerb::Approve
            } else {
                HumanVerb::Reject
            },
            tree,
            committers,
            team,
            tier: if touch { Tier::T1 } else { Tier::T0 },
            evidence,
        })
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::with_cases(192) })]

    #[test]
    fn nobody_who_made_it_lets_it_through_but_by_exception(
        risk in proptest::sample::select(&Risk::ALL[..]),
        tried in proptest::collection::vec(tries(), 0..16),
    ) {
        let mut items = begun(risk);
        for (number, tried) in (10_u64..).zip(&tried) {
            if let Some((kind, of)) = tried.evidence {
                record(&mut items, kind, Some(tree(of)), number);
            }
            let mut members = tried.team.clone();
            if !members.contains(&tried.by) {
                members.push(tried.by);
            }
            let (team, change) = (team(&members), change_of(tried.tree, &tried.committers));
            let said = Decision { tier: tried.tier, ..says(&items, tried.by, tried.verb, &change) };
            let before = items.clone();
            let approves = tried.verb == HumanVerb::Approve;
            // Who made it, by what is known: everybody who was ever named for this tree, but by their own no.
            let known = before.get(id()).unwrap();
            let free = |counts: fn(&Landing, MemberId) -> bool| {
                let named = |number: u8| {
                    let email = address(number).parse().unwrap();
                    let mut same = known.landings.iter().filter(|landing| {
                        landing.change.tree() == change.tree() && counts(landing, person(number))
                    });
                    change.is_of(&email) || same.any(|landing| landing.change.is_of(&email))
                };
                let members = members.iter().copied();
                members.filter(|number| *number != 1 && !named(*number)).collect::<Vec<u8>>()
            };
            let excepted = free(|landing, _| landing.role != Role::Objection).is_empty();
            let free = free(|landing, member| {
                landing.role != Role::Objection || landing.decision.member != member
            });
            match land_as(&mut items, &said, &change, &team) {
                Ok(Role::Objection) => prop_assert!(!approves),
                Ok(Role::Exception) => prop_assert!(approves && free.is_empty() && excepted),
                Ok(Role::Independent) => {
                    prop_assert!(approves && free.contains(&tried.by) && !known.waits_for_review(change.tree()));
                }
                Ok(Role::Review) => {
                    prop_assert!(approves && free.contains(&tried.by) && known.waits_for_review(change.tree()));
                }
                Err(_) => prop_assert_eq!(items.get(id()), before.get(id())),
            }
            let item = items.get(id()).unwrap();
            if approves && item.landings.len() > known.landings.len() && risk >= Risk::High {
                prop_assert!(tried.by != 1 && tried.tier == Tier::T1 && item.was_reviewed_as(&change));
            }
            // An exception is open for as long as no review of its tree came after it.
            for (exception, review) in item.exceptions() {
                let reviewed = review.is_some_and(|review| review.role == Role::Review && review.change.tree() == exception.change.tree());
                prop_assert_eq!(reviewed, review.is_some());
            }
            for number in 1..3 {
                if matches!(verdict(&items, number), Verdict::May) {
                    let fits = |landing: &&Landing| {
                        matches!(landing.role, Role::Independent | Role::Review)
                            && landing.change.tree() == tree(number)
                            && item.is_stale(landing, RiskPolicy::built_in()).is_none()
                    };
                    prop_assert!(item.landings.iter().any(|landing| fits(&landing)));
                }
            }
        }
    }
}
