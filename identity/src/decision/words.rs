//! The text of a decision: one for each decision, and one decision for each text.

use serde::{Deserialize, Serialize};
use vocabulary::{GitObjectError, IdError, MemberId, Risk, Timestamp, WorkspaceId, shown};

use super::{Challenge, Decision, DecisionError, Digest, History, Rationale, Subject, Tier};
use crate::HumanVerb;

/// The version of this text.
const VERSION: u32 = 1;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    version: u32,
    workspace: WorkspaceId,
    verb: String,
    subject: String,
    subject_digest: Digest,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy_digest: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    risk: Option<Risk>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rationale: Option<Rationale>,
    member: MemberId,
    challenge: Challenge,
    ledger_size: u64,
    ledger_root: Digest,
    at: Timestamp,
    tier: Tier,
}

impl From<&Decision> for Words {
    fn from(decision: &Decision) -> Self {
        let (subject, policy_digest, risk) = match decision.subject {
            Subject::WorkItem { id, policy, risk } => (id.to_string(), Some(policy), Some(risk)),
            Subject::Change {
                id,
                tree,
                policy,
                risk,
            } => (format!("{id}@{tree}"), Some(policy), Some(risk)),
            Subject::Member(id) => (id.to_string(), None, None),
            Subject::Entry { trace, seq } => (format!("{trace}#{seq}"), None, None),
        };
        Self {
            version: VERSION,
            workspace: decision.workspace,
            verb: decision.verb.as_str().to_owned(),
            subject,
            subject_digest: decision.subject_digest,
            policy_digest,
            risk,
            rationale: decision.rationale.clone(),
            member: decision.member,
            challenge: decision.challenge,
            ledger_size: decision.history.size,
            ledger_root: decision.history.root,
            at: decision.at,
            tier: decision.tier,
        }
    }
}

impl Words {
    pub(super) fn text(&self) -> Result<String, DecisionError> {
        serde_json_canonicalizer::to_string(self).map_err(|error| DecisionError::Malformed(error.to_string()))
    }

    /// The decision that a text says; the only way from a word to a human verb.
    pub(super) fn read(text: &str) -> Result<Decision, DecisionError> {
        let words: Self = serde_json::from_str(text)
            .map_err(|error| DecisionError::Malformed(shown(&error.to_string(), 200)))?;
        if words.version != VERSION {
            let newer = format!("its version is {}, and this one knows {VERSION}", words.version);
            return Err(DecisionError::Malformed(newer));
        }
        if words.text()? != text {
            return Err(DecisionError::NotCanonical);
        }
        let verb = HumanVerb::ALL
            .into_iter()
            .find(|verb| verb.as_str() == words.verb)
            .ok_or_else(|| DecisionError::Malformed("it decides what nobody can".to_owned()))?;
        Ok(Decision {
            workspace: words.workspace,
            verb,
            subject: words.subject(verb)?,
            subject_digest: words.subject_digest,
            rationale: words.rationale,
            member: words.member,
            challenge: words.challenge,
            history: History {
                size: words.ledger_size,
                root: words.ledger_root,
            },
            at: words.at,
            tier: words.tier,
        })
    }

    /// The subject that a verb is about, and no other.
    fn subject(&self, verb: HumanVerb) -> Result<Subject, DecisionError> {
        let malformed = |error: IdError| DecisionError::Malformed(error.to_string());
        let change = self.subject.split_once('@');
        match (verb, self.policy_digest, self.risk) {
            (HumanVerb::Approve | HumanVerb::Reject, Some(policy), Some(risk)) if change.is_some() => {
                let (id, tree) = change.unwrap_or_default();
                let tree = tree.parse();
                Ok(Subject::Change {
                    id: id.parse().map_err(malformed)?,
                    tree: tree
                        .map_err(|error: GitObjectError| DecisionError::Malformed(error.to_string()))?,
                    policy,
                    risk,
                })
            }
            (HumanVerb::Approve | HumanVerb::Reject | HumanVerb::AttestDeploy, Some(policy), Some(risk)) => {
                Ok(Subject::WorkItem {
                    id: self.subject.parse().map_err(malformed)?,
                    policy,
                    risk,
                })
            }
            (HumanVerb::GrantAccess | HumanVerb::RevokeMember, None, None) => {
                Ok(Subject::Member(self.subject.parse().map_err(malformed)?))
            }
            (HumanVerb::EraseBody, None, None) => {
                let (trace, seq) = self.subject.split_once('#').unwrap_or((&self.subject, ""));
                let number = seq.parse().ok().filter(|number: &u64| number.to_string() == seq);
                let number = number.ok_or_else(|| {
                    DecisionError::Malformed("the entry has no number, as tr_...#12".to_owned())
                })?;
                Ok(Subject::Entry {
                    trace: trace.parse().map_err(malformed)?,
                    seq: number,
                })
            }
            _ => Err(DecisionError::Malformed(format!(
                "it does not say what a decision to {verb} says, as this version knows it"
            ))),
        }
    }
}
