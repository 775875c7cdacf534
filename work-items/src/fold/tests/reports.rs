//! What agents say of work, and what comes of nobody deciding.

use time::Duration;
use vocabulary::ReportedState;

use super::*;
use crate::{RawReport, Report, UNDECIDED_FOR};

fn id() -> WorkItemId {
    WorkItemId::new(1, [0; 10])
}

fn reported(state: ReportedState) -> Reported {
    Reported {
        work_item: id(),
        report: Report::parse(RawReport {
            state,
            pull_request: Some("https://github.com/acme/shop/pull/7".into()),
            why: None,
        })
        .unwrap(),
        on_behalf_of: MemberId::new(1, [1; 10]),
        via: "claude-code".into(),
        delegation: DelegationId::new(1, [2; 10]),
        trace: TraceId::new(1, [3; 10]),
        reported_at: Timestamp::EPOCH,
    }
}

fn report(items: &mut WorkItems, reported: Reported) -> Result<State, ReportedError> {
    match items.apply(Event::Reported(reported)) {
        Ok(()) => Ok(items.get(id()).unwrap().state),
        Err(FoldError::Reported(error)) => Err(error),
        Err(other) => panic!("{other}"),
    }
}

fn approved() -> WorkItems {
    let mut items = items(Risk::Low);
    let decision = decision(&items, HumanVerb::Approve);
    apply(&mut items, &decision).unwrap();
    items
}

#[test]
fn approved_work_goes_on_step_by_step_and_no_step_is_left_out() {
    use ReportedState::{InProgress, InReview};
    let mut items = approved();
    let skipped = report(&mut items, reported(InReview)).unwrap_err();
    assert_eq!(
        skipped.to_string(),
        format!(
            "{} is approved, and so cannot become in_review; from there it can become withdrawn, in_progress",
            id()
        )
    );
    assert_eq!(report(&mut items, reported(InProgress)), Ok(State::InProgress));
    assert!(report(&mut items, reported(InProgress)).is_err(), "not twice");
    assert_eq!(report(&mut items, reported(InReview)), Ok(State::InReview));
    let item = items.get(id()).unwrap();
    assert_eq!(item.pull_request(), Some("https://github.com/acme/shop/pull/7"));
    assert_eq!(item.reports.len(), 2);
}

#[test]
fn what_nobody_approved_is_not_begun() {
    for state in [ReportedState::InProgress, ReportedState::InReview] {
        assert!(matches!(
            report(&mut items(Risk::Low), reported(state)),
            Err(ReportedError::Transition(_))
        ));
    }
}

#[test]
fn what_is_withdrawn_is_decided_and_reported_on_no_more() {
    for mut items in [items(Risk::Low), approved()] {
        let shown = decision(&items, HumanVerb::Approve);
        assert_eq!(
            report(&mut items, reported(ReportedState::Withdrawn)),
            Ok(State::Withdrawn)
        );
        assert!(matches!(
            apply(&mut items, &shown),
            Err(DecideError::Transition(_))
        ));
        for state in [
            ReportedState::InProgress,
            ReportedState::InReview,
            ReportedState::Withdrawn,
        ] {
            assert!(report(&mut items, reported(state)).is_err());
        }
    }
}

#[test]
fn only_agents_of_its_own_human_report_on_a_work_item() {
    let mut items = approved();
    let of_another = Reported {
        on_behalf_of: MemberId::new(2, [2; 10]),
        ..reported(ReportedState::Withdrawn)
    };
    assert_eq!(
        report(&mut items, of_another),
        Err(ReportedError::NotTheirs(id()))
    );
    let misleading = Reported {
        via: "claude\u{202e}".into(),
        ..reported(ReportedState::Withdrawn)
    };
    assert_eq!(report(&mut items, misleading), Err(ReportedError::Via(id())));
    let unknown = Reported {
        work_item: WorkItemId::new(2, [0; 10]),
        ..reported(ReportedState::Withdrawn)
    };
    assert!(matches!(
        report(&mut items, unknown),
        Err(ReportedError::Unknown(_))
    ));
}

#[test]
fn what_nobody_decides_ends_after_two_weeks_and_not_before() {
    let mut items = items(Risk::Low);
    let end = items.get(id()).unwrap().expires_at();
    assert_eq!(end, Timestamp::EPOCH.saturating_add(UNDECIDED_FOR));
    let before = end.saturating_add(-Duration::MICROSECOND);
    assert_eq!(items.overdue(before).count(), 0);
    assert_eq!(
        items.apply(Event::Expired(id(), before)),
        Err(FoldError::NotExpired(id()))
    );
    let overdue: Vec<WorkItemId> = items.overdue(end).map(|item| item.proposed.id).collect();
    assert_eq!(overdue, [id()]);
    items.apply(Event::Expired(id(), end)).unwrap();
    let item = items.get(id()).unwrap();
    assert_eq!((item.state, item.expired_at), (State::Expired, Some(end)));
    assert_eq!(items.overdue(end).count(), 0);
    let late = decision(&items, HumanVerb::Approve);
    assert!(matches!(
        apply(&mut items, &late),
        Err(DecideError::Transition(_))
    ));
    assert!(items.apply(Event::Expired(id(), end)).is_err(), "not twice");
}

#[test]
fn what_was_decided_does_not_expire() {
    let mut items = approved();
    let end = items.get(id()).unwrap().expires_at();
    assert_eq!(items.overdue(end).count(), 0);
    assert_eq!(
        items.apply(Event::Expired(id(), end)),
        Err(FoldError::NotExpired(id()))
    );
}
