//! What people decided on changes that were to land, and what it amounts to.

use identity::{Decision, Digest, Email, HumanVerb};
use time::Duration;
use vocabulary::{GitObject, MemberId, Timestamp};

use crate::{Change, Circumstances, RiskPolicy, Stale, State, WorkItem};

/// How long a change that nobody else could judge waits for a review after the fact.
pub const REVIEW_DUE_AFTER: Duration = Duration::days(7);

/// A change that was put forward, so that people who do not have its repository at hand can say whether it may land. It is the
/// word of whoever put it forward, and nobody signed it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProposedChange {
    /// As git is said to have it.
    pub change: Change,
    /// When.
    pub at: Timestamp,
}

/// In what role somebody decides on a change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    /// As somebody who did not make it, and for whom nobody did.
    Independent,
    /// As one of those who made it, or had it made, for there is nobody else: an exception, listed and due for a review.
    Exception,
    /// As somebody independent who looks after the fact at what was let through by exception.
    Review,
    /// As somebody who says no, as anybody may.
    Objection,
}

impl Role {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Independent => "independent",
            Self::Exception => "exception",
            Self::Review => "review",
            Self::Objection => "objection",
        }
    }
}

/// A decision on whether a change may land.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Landing {
    /// What was decided, by whom.
    pub decision: Decision,
    /// On what.
    pub change: Change,
    /// How it came about.
    pub circumstances: Circumstances,
    /// As whom they decided, by who was a member then.
    pub role: Role,
}

impl Landing {
    /// Until when somebody independent has to look, where nobody independent could decide.
    #[must_use]
    pub fn review_due(&self) -> Option<Timestamp> {
        let recorded = self.circumstances.recorded_at;
        (self.role == Role::Exception).then(|| recorded.saturating_add(REVIEW_DUE_AFTER))
    }
}

/// Whether a tree may land, by everything that people decided on it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Verdict<'a> {
    /// Nobody has decided.
    Undecided,
    /// Somebody who did not make it says so.
    May,
    /// Somebody who made it says so, for there was nobody else, and nobody independent has looked since.
    ByException(&'a Landing),
    /// Somebody says that it may not.
    MayNot(&'a Landing),
    /// What was decided was decided on something else than there is now.
    Stale(Stale),
    /// Whatever was decided: nothing lands for work that stands here.
    NotNow(State),
}

impl WorkItem {
    /// Whether this tree may land, by these rules. One no outweighs any yes on the same; what is stale counts no more.
    #[must_use]
    pub fn verdict(&self, tree: GitObject, rules: &RiskPolicy) -> Verdict<'_> {
        let on_it = || {
            self.landings
                .iter()
                .filter(|landing| landing.change.tree() == tree)
        };
        let holds = || on_it().filter(|landing| self.is_stale(landing, rules).is_none());
        let refused = holds().find(|landing| landing.decision.verb != HumanVerb::Approve);
        if let Some(refused) = refused {
            return Verdict::MayNot(refused);
        }
        if !self.may_still_land() && !self.has_landed() {
            return Verdict::NotNow(self.state);
        }
        if holds().any(|landing| matches!(landing.role, Role::Independent | Role::Review)) {
            return Verdict::May;
        }
        match (holds().next_back(), on_it().next_back()) {
            (Some(exception), _) => Verdict::ByException(exception),
            (None, Some(newest)) => self
                .is_stale(newest, rules)
                .map_or(Verdict::Undecided, Verdict::Stale),
            (None, None) => Verdict::Undecided,
        }
    }

    /// Why a decision on a change fits no more: it was made on exactly what was known of the work, as it was judged.
    #[must_use]
    pub fn is_stale(&self, landing: &Landing, rules: &RiskPolicy) -> Option<Stale> {
        if self.has_landed() {
            return None;
        }
        self.judged_otherwise(rules).or_else(|| {
            let now = landing.change.digest(&self.whole);
            let same = now.is_ok_and(|now: Digest| now == landing.decision.subject_digest);
            (!same).then_some(Stale::Known)
        })
    }

    /// Whether a change for it has landed: what was decided before that was decided then.
    const fn has_landed(&self) -> bool {
        matches!(
            self.state,
            State::Merged | State::Attested | State::Deployed | State::Verified
        )
    }

    /// Whether a change for it may land at all where it stands.
    #[must_use]
    pub const fn may_still_land(&self) -> bool {
        matches!(self.state, State::Approved | State::InProgress | State::InReview)
    }

    /// Which of these members neither made the change nor had it made. Who made it, everybody says who decided on the
    /// same tree: whom somebody else names cannot leave themselves out. Nobody names themselves by saying no to a list
    /// that does.
    #[must_use]
    pub fn independent_of(&self, change: &Change, members: &[(MemberId, Email)]) -> Vec<MemberId> {
        self.independent_by(change, members, |landing, member| {
            landing.role != Role::Objection || landing.decision.member != member
        })
    }

    /// Whether nobody of these members could say so independently, going by what people let through. Who says no answers
    /// for no list of who made it: whoever has a shell can put one forward that names everybody else, and excepts nobody.
    #[must_use]
    pub fn has_nobody_else(&self, change: &Change, members: &[(MemberId, Email)]) -> bool {
        let lets = |landing: &Landing, _| landing.role != Role::Objection;
        self.independent_by(change, members, lets).is_empty()
    }

    fn independent_by(
        &self,
        change: &Change,
        members: &[(MemberId, Email)],
        counts: impl Fn(&Landing, MemberId) -> bool,
    ) -> Vec<MemberId> {
        let same = || {
            let all = self.landings.iter();
            all.filter(|landing| landing.change.tree() == change.tree())
        };
        let made = |member: MemberId, email: &Email| {
            let named = |landing: &Landing| counts(landing, member) && landing.change.is_of(email);
            change.is_of(email) || same().any(named)
        };
        members
            .iter()
            .filter(|(member, email)| *member != self.proposed.on_behalf_of && !made(*member, email))
            .map(|(member, _)| *member)
            .collect()
    }

    /// What was let through by exception, each with the review by which somebody independent closed it later.
    pub fn exceptions(&self) -> impl Iterator<Item = (&Landing, Option<&Landing>)> {
        let all = self.landings.iter().enumerate();
        all.filter(|(_, landing)| landing.role == Role::Exception)
            .map(|(place, landing)| {
                let later = self.landings.iter().skip(place + 1);
                let mut reviews = later.filter(|later| later.role == Role::Review);
                let review = reviews.find(|review| review.change.tree() == landing.change.tree());
                (landing, review)
            })
    }

    /// The changes on which somebody can decide who has nothing but the ledger, newest first: the one that was put forward last, and
    /// those that were let through by exception and wait for a review.
    #[must_use]
    pub fn at_issue(&self) -> Vec<&Change> {
        let newest = self.proposed_changes.last().map(|proposed| &proposed.change);
        let mut found: Vec<&Change> = newest
            .into_iter()
            .filter(|change| self.may_still_land() || self.waits_for_review(change.tree()))
            .collect();
        let mut unreviewed: Vec<&Change> = self
            .exceptions()
            .filter(|(_, review)| review.is_none())
            .map(|(landing, _)| &landing.change)
            .collect();
        unreviewed.reverse();
        for change in unreviewed {
            if !found.contains(&change) {
                found.push(change);
            }
        }
        found
    }

    /// Whether this tree was let through by exception, and nobody independent has approved of it since.
    #[must_use]
    pub fn waits_for_review(&self, tree: GitObject) -> bool {
        self.exceptions()
            .any(|(landing, review)| landing.change.tree() == tree && review.is_none())
    }
}
