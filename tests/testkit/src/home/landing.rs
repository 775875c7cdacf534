//! Whether a change may land, decided without a terminal.

use hub::companion::{CompanionRequest, ShownChange, WorkItemRow};
use identity::{Decision, HumanVerb, SignedDecision};
use vocabulary::WorkItemId;
use work_items::{Change, Proposed, RawChange};

use super::{Home, Person, digest_of};

/// A change for a work item, as somebody's git might have it: a tree that is named by two digits, and who committed.
///
/// # Panics
/// Where it makes no sense.
#[must_use]
pub fn change(id: WorkItemId, tree: &str, committers: &[&str]) -> Change {
    let object = |digits: &str| digits.repeat(20).parse().expect("two hexadecimal digits");
    let raw = RawChange {
        work_item: id,
        tree: object(tree),
        head: object("c0"),
        base: object("ba"),
        commits: 1,
        committers: committers.iter().map(|&address| address.to_owned()).collect(),
        changed_lines: Some(42),
    };
    Change::parse(raw).expect("a change")
}

impl Home {
    /// What the hub shows to somebody who may decide on a change.
    ///
    /// # Panics
    /// Where the hub refuses.
    #[must_use]
    pub fn pose_change(&self, change: &Change) -> ShownChange {
        let change = change.clone();
        self.ask(&CompanionRequest::PoseChange { change })
    }

    /// What Alice would decide on a change that is shown to her.
    ///
    /// # Panics
    /// Where what is shown is none.
    #[must_use]
    pub fn decision_on(
        &self,
        change: &Change,
        shown: &ShownChange,
        verb: HumanVerb,
        why: Option<&str>,
    ) -> Decision {
        let shown = &shown.work_item;
        let proposed: Proposed = serde_json::from_str(&shown.recorded).expect("a work item is shown");
        Decision {
            subject: change.subject_of(&proposed),
            subject_digest: change.digest(&digest_of(shown)).expect("a change has a digest"),
            ..self.decision(shown, verb, why)
        }
    }

    /// Puts a change forward, as whoever has a shell here can.
    ///
    /// # Panics
    /// Where the hub refuses.
    pub fn put_forward(&self, change: &Change) {
        let change = change.clone();
        let _: WorkItemRow = self.ask(&CompanionRequest::ProposeChange { change });
    }

    /// Sends a decision on a change.
    ///
    /// # Errors
    /// What the hub answers.
    pub fn send_landing(&self, change: &Change, signed: SignedDecision) -> Result<WorkItemRow, String> {
        let change = change.clone();
        let asked = self
            .link()
            .ask(&CompanionRequest::DecideChange { change, signed });
        asked.map_err(|error| error.to_string())
    }

    /// Alice decides on a change.
    ///
    /// # Errors
    /// What the hub answers.
    pub fn land(&self, change: &Change, verb: HumanVerb, why: Option<&str>) -> Result<WorkItemRow, String> {
        let said = self.decision_on(change, &self.pose_change(change), verb, why);
        self.send_landing(change, self.sign(&said))
    }
}

impl Person {
    /// They decide on a change, by touch.
    ///
    /// # Errors
    /// What the hub answers.
    pub fn land(
        &self,
        home: &Home,
        change: &Change,
        verb: HumanVerb,
        why: Option<&str>,
    ) -> Result<WorkItemRow, String> {
        let said = Decision {
            member: self.member,
            tier: identity::Tier::T1,
            ..home.decision_on(change, &home.pose_change(change), verb, why)
        };
        home.send_landing(change, self.sign(&said))
    }
}
