//! A work item: what was proposed, how it was judged, and where it stands.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use vocabulary::{DelegationId, MemberId, Timestamp, TraceId, WorkItemId};

use crate::{Assessment, Proposal};

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

/// Where a work item stands. What people decide, and what follows from it, is not part of this version: a work item
/// is proposed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum State {
    /// A human has yet to decide.
    Proposed,
}

/// A word that is no state.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no state; the states are: proposed")]
pub struct StateError(String);

impl State {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Proposed => "proposed",
        }
    }
}

impl FromStr for State {
    type Err = StateError;

    fn from_str(word: &str) -> Result<Self, Self::Err> {
        match word {
            "proposed" => Ok(Self::Proposed),
            other => Err(StateError(other.chars().take(48).collect())),
        }
    }
}

impl fmt::Display for State {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
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

/// A work item, as everything that happened to it leaves it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkItem {
    /// As it was proposed.
    pub proposed: Proposed,
    /// Where it stands.
    pub state: State,
}

impl From<Proposed> for WorkItem {
    fn from(proposed: Proposed) -> Self {
        Self {
            proposed,
            state: State::Proposed,
        }
    }
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
            declared_risk: Some(vocabulary::Risk::Medium),
        };
        let proposal = Proposal::parse(raw).unwrap();
        let proposed = Proposed {
            id: WorkItemId::new(1, [1; 10]),
            // Not judged here: better rules may come, the form of a judgement stays.
            assessment: Assessment {
                item_type: ItemType::Bug,
                type_reasons: vec!["the title says \"bug\"".into()],
                risk: vocabulary::Risk::High,
                risk_reasons: vec!["path src/auth/** matches **/auth/** (authentication): high".into()],
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
        assert_eq!("proposed".parse(), Ok(State::Proposed));
        assert_eq!(
            "approved".parse::<State>().unwrap_err().to_string(),
            "`approved` is no state; the states are: proposed"
        );
    }
}
