//! A work item: what was proposed, how it was judged, and where it stands.

use identity::{Decision, Digest, Subject};
use serde::{Deserialize, Serialize};
use time::Duration;
use vocabulary::{
    DelegationId, EvidenceKind, EvidenceOutcome, MemberId, Risk, Timestamp, TraceId, WorkItemId,
};

use crate::{Assessment, Change, Evidence, Landing, Observed, Proposal, ProposedChange, Reported, State};

/// What kind of work it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ItemType {
    /// Something that should work does not.
    Bug,
    /// Something new.
    Feature,
    /// Upkeep that users do not notice.
    Chore,
    /// Words for people.
    Docs,
    /// A weakness, or what protects against one.
    Security,
    /// Something is broken for users right now.
    Incident,
}

impl ItemType {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bug => "bug",
            Self::Feature => "feature",
            Self::Chore => "chore",
            Self::Docs => "docs",
            Self::Security => "security",
            Self::Incident => "incident",
        }
    }
}

/// What the ledger records when work is proposed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposed {
    /// Which work item.
    pub id: WorkItemId,
    /// What was proposed.
    pub proposal: Proposal,
    /// How it was judged then.
    pub assessment: Assessment,
    /// The human for whom.
    pub on_behalf_of: MemberId,
    /// The agent, as it calls itself.
    pub via: String,
    /// Under which delegation.
    pub delegation: DelegationId,
    /// In which trace.
    pub trace: TraceId,
    /// When.
    pub proposed_at: Timestamp,
}

/// How long a proposal waits for a human.
pub const UNDECIDED_FOR: Duration = Duration::days(14);

/// How a decision came about, as the ledger has it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Circumstances {
    /// When it was shown.
    pub posed_at: Timestamp,
    /// When what was decided arrived.
    pub recorded_at: Timestamp,
    /// How many lines the change had, as the evidence shown said last.
    pub changed_lines: Option<u32>,
}

impl Circumstances {
    /// The time between showing and deciding, by one clock: a signal, not a proof of reading.
    #[must_use]
    pub fn took(&self) -> Duration {
        self.recorded_at.since(self.posed_at)
    }
}

/// A work item, as everything that happened to it leaves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkItem {
    /// As it was proposed.
    pub proposed: Proposed,
    /// The digest of exactly that, as it was recorded, and of every piece of evidence that was recorded before it was
    /// decided: what a decision is about.
    pub digest: Digest,
    /// Where it stands.
    pub state: State,
    /// What people decided, in order.
    pub decisions: Vec<Decision>,
    /// What was run on it, in order, as whoever ran it says.
    pub evidence: Vec<Evidence>,
    /// What agents of its human said became of it, in order.
    pub reports: Vec<Reported>,
    /// The changes that were put forward for it, in order.
    pub proposed_changes: Vec<ProposedChange>,
    /// What people decided on changes that were to land for it, in order.
    pub landings: Vec<Landing>,
    /// What was seen of it, in order. Nobody can record that yet.
    pub observed: Vec<Observed>,
    /// When it ended undecided.
    pub expired_at: Option<Timestamp>,
    /// How each of the decisions came about.
    pub(crate) circumstances: Vec<Circumstances>,
    /// How many pieces of evidence there were when it was decided.
    pub(crate) weighed: Option<usize>,
    /// The digest of everything there is, what came after the decision included.
    pub(crate) whole: Digest,
}

impl WorkItem {
    pub(crate) const fn new(proposed: Proposed, digest: Digest) -> Self {
        Self {
            proposed,
            digest,
            state: State::Proposed,
            decisions: Vec::new(),
            evidence: Vec::new(),
            reports: Vec::new(),
            proposed_changes: Vec::new(),
            landings: Vec::new(),
            observed: Vec::new(),
            expired_at: None,
            circumstances: Vec::new(),
            weighed: None,
            whole: digest,
        }
    }

    /// What a decision that is made now is about: whether it may begin, all that was known when that was decided; later
    /// ones, all that is known.
    #[must_use]
    pub const fn at_stake(&self) -> Digest {
        match self.state {
            State::Proposed => self.digest,
            _ => self.whole,
        }
    }

    /// The evidence of which a decision is about: what there was when it was decided, or is now.
    #[must_use]
    pub fn evidence_shown(&self) -> &[Evidence] {
        let shown = self.weighed.unwrap_or(self.evidence.len());
        self.evidence.get(..shown).unwrap_or_default()
    }

    /// The digest of the proposal and of everything that was recorded on it since.
    #[must_use]
    pub const fn known(&self) -> Digest {
        self.whole
    }

    /// The evidence that a decision which is made now is about.
    #[must_use]
    pub fn evidence_at_stake(&self) -> &[Evidence] {
        match self.state {
            State::Proposed => self.evidence_shown(),
            _ => &self.evidence,
        }
    }

    /// What people decided, each with how it came about.
    pub fn decided(&self) -> impl Iterator<Item = (&Decision, &Circumstances)> {
        self.decisions.iter().zip(&self.circumstances)
    }

    /// How much it could hurt.
    #[must_use]
    pub const fn risk(&self) -> Risk {
        self.proposed.assessment.risk
    }

    /// When it ends if nobody decides.
    #[must_use]
    pub fn expires_at(&self) -> Timestamp {
        self.proposed.proposed_at.saturating_add(UNDECIDED_FOR)
    }

    /// Where the change can be looked at, as an agent said last.
    #[must_use]
    pub fn pull_request(&self) -> Option<&str> {
        let mut newest_first = self.reports.iter().rev();
        newest_first.find_map(|reported| reported.report.pull_request())
    }

    /// How many lines the change has, as the evidence said last.
    #[must_use]
    pub fn changed_lines(&self) -> Option<u32> {
        let mut newest_first = self.evidence.iter().rev();
        newest_first.find_map(|evidence| evidence.finding.changed_lines())
    }

    /// Whether a machine is said to have read the change, and to have found nothing against it.
    #[must_use]
    pub fn was_reviewed_by_a_machine(&self) -> bool {
        self.evidence.iter().any(is_passed_review)
    }

    /// Whether a machine is said to have read exactly this change, and to have found nothing against it.
    #[must_use]
    pub fn was_reviewed_as(&self, change: &Change) -> bool {
        let exactly = |evidence: &&Evidence| {
            evidence.finding.tree() == Some(&change.tree())
                || evidence.finding.commit() == Some(&change.head())
        };
        self.evidence.iter().filter(exactly).any(is_passed_review)
    }

    /// What a decision on it has to name.
    #[must_use]
    pub const fn subject(&self) -> Subject {
        Subject::WorkItem {
            id: self.proposed.id,
            policy: self.proposed.assessment.policy_digest,
            risk: self.proposed.assessment.risk,
        }
    }
}

fn is_passed_review(evidence: &Evidence) -> bool {
    let found = (evidence.finding.kind(), evidence.finding.outcome());
    found == (EvidenceKind::Review, EvidenceOutcome::Passed)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::RawProposal;

    /// What the ledger holds of a proposal: written once, read for years.
    #[test]
    fn what_is_recorded_of_a_proposal_is_fixed() {
        let raw = RawProposal {
            title: "Fix the password reset bug".into(),
            description: Some("The reset link is sent with the old host name.".into()),
            repository: Some("acme/shop".into()),
            paths: vec!["src/reset/mail.rs".into(), "src/auth/**".into()],
            declared_risk: Some(Risk::Medium),
        };
        let proposal = Proposal::parse(raw).unwrap();
        let proposed = Proposed {
            id: WorkItemId::new(1, [1; 10]),
            // Not judged here: better rules may come, the form of a judgement stays.
            assessment: Assessment {
                item_type: ItemType::Bug,
                type_reasons: vec!["the title says \"bug\"".into()],
                risk: Risk::High,
                risk_reasons: vec!["path src/auth/** matches **/auth/** (authentication): high".into()],
                policy_digest: Digest::from_bytes([5; 32]),
            },
            proposal,
            on_behalf_of: MemberId::new(2, [2; 10]),
            via: "claude-code".into(),
            delegation: DelegationId::new(3, [3; 10]),
            trace: TraceId::new(4, [4; 10]),
            proposed_at: "2026-11-21T02:27:37.000000Z".parse().unwrap(),
        };
        let golden = include_str!("item/proposed.json").trim_end();
        assert_eq!(serde_json::to_string_pretty(&proposed).unwrap(), golden);
        assert_eq!(serde_json::from_str::<Proposed>(golden).unwrap(), proposed);
        let more = golden.replacen('{', r#"{"approved": true,"#, 1);
        assert!(
            serde_json::from_str::<Proposed>(&more)
                .unwrap_err()
                .to_string()
                .starts_with("unknown field `approved`")
        );
    }

    #[test]
    fn every_word_reads_back_as_what_it_stands_for() {
        use ItemType::{Bug, Chore, Docs, Feature, Incident, Security};
        for item_type in [Bug, Feature, Chore, Docs, Security, Incident] {
            let text = format!("\"{}\"", item_type.as_str());
            assert_eq!(serde_json::from_str::<ItemType>(&text).unwrap(), item_type);
        }
    }
}
