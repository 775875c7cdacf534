//! The fold: from what happened to what is.

use std::collections::{BTreeMap, btree_map::Entry};

use vocabulary::WorkItemId;

use crate::{Proposed, WorkItem};

/// Something that happened to a work item.
#[derive(Debug, Clone)]
pub enum Event {
    /// It was proposed.
    Proposed(Proposed),
}

/// What happened cannot have happened.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FoldError {
    /// Two with one name.
    #[error("work item {0} was proposed before")]
    Twice(WorkItemId),
}

/// All work items of a workspace. Their identifiers sort by the time at which they were proposed.
#[derive(Debug, Clone, Default)]
pub struct WorkItems(BTreeMap<WorkItemId, WorkItem>);

impl WorkItems {
    /// Takes in what happened.
    ///
    /// # Errors
    /// [`FoldError`]; nothing has changed then.
    pub fn apply(&mut self, event: Event) -> Result<(), FoldError> {
        match event {
            Event::Proposed(proposed) => match self.0.entry(proposed.id) {
                Entry::Occupied(_) => Err(FoldError::Twice(proposed.id)),
                Entry::Vacant(place) => {
                    place.insert(proposed.into());
                    Ok(())
                }
            },
        }
    }

    /// One work item.
    #[must_use]
    pub fn get(&self, id: WorkItemId) -> Option<&WorkItem> {
        self.0.get(&id)
    }

    /// Work items from the newest on, or from the newest that is older than `after`.
    pub fn newest_first(&self, after: Option<WorkItemId>) -> impl Iterator<Item = &WorkItem> {
        let older = match after {
            Some(id) => self.0.range(..id),
            None => self.0.range(..),
        };
        older.rev().map(|(_, item)| item)
    }

    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Proposal, RawProposal, RiskPolicy, assess};
    use vocabulary::{DelegationId, MemberId, Timestamp, TraceId};

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
            items.apply(Event::Proposed(proposed(number))).unwrap();
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
        items.apply(Event::Proposed(proposed(1))).unwrap();
        let again = items.apply(Event::Proposed(proposed(1)));
        assert_eq!(again, Err(FoldError::Twice(WorkItemId::new(1, [0; 10]))));
        assert_eq!(items.len(), 1);
    }
}
