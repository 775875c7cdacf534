//! Approvals of what is no longer so.

use identity::{Decision, HumanVerb};
use vocabulary::Risk;

use crate::{RiskPolicy, WorkItem, assess};

/// Why an approval is stale. What it was given for stays on record; what there is now was approved by nobody.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Stale {
    /// By the rules that hold now it is more or less risky.
    #[error("stale: by the rules that hold now it is of {0} risk; propose it again")]
    Risk(Risk),
    /// Other rules hold now.
    #[error("stale: it was judged by other rules than hold now; propose it again")]
    Rules,
    /// More was recorded than was shown.
    #[error("stale: {failed} of {later} pieces of evidence that came later say that something failed")]
    Evidence {
        /// How many pieces came after it.
        later: usize,
        /// How many of them failed.
        failed: usize,
    },
    /// A change was judged on less than is known of its work now.
    #[error("stale: more was recorded on the work than was shown; look at the change again")]
    Known,
}

impl WorkItem {
    /// Why the approval of this no longer fits, by these rules; nothing where it does, or where there is none.
    #[must_use]
    pub fn stale(&self, rules: &RiskPolicy) -> Option<Stale> {
        let approval = |decision: &Decision| decision.verb == HumanVerb::Approve;
        if !self.decisions.iter().any(approval) {
            return None;
        }
        if let Some(stale) = self.judged_otherwise(rules) {
            return Some(stale);
        }
        let later = self
            .evidence
            .get(self.evidence_shown().len()..)
            .unwrap_or_default();
        let failed = later.iter().filter(|evidence| evidence.failed()).count();
        (failed > 0).then_some(Stale::Evidence {
            later: later.len(),
            failed,
        })
    }

    /// Why these rules do not judge it as it was judged.
    pub(crate) fn judged_otherwise(&self, rules: &RiskPolicy) -> Option<Stale> {
        let judged = &self.proposed.assessment;
        if judged.policy_digest == rules.digest() {
            return None;
        }
        let now = assess(&self.proposed.proposal, rules).risk;
        Some(if now == judged.risk {
            Stale::Rules
        } else {
            Stale::Risk(now)
        })
    }
}
