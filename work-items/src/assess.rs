//! What a proposal is, and how much it could hurt; each with the reasons.

use identity::Digest;
use serde::{Deserialize, Serialize};
use vocabulary::Risk;

use crate::{ItemType, Proposal, RiskPolicy, words::Words};

mod item_type;
mod risk;

/// A judgement, with what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assessment {
    /// What kind of work it is.
    pub item_type: ItemType,
    /// Why, the weightiest first.
    pub type_reasons: Vec<String>,
    /// How much it could hurt.
    pub risk: Risk,
    /// Why, the weightiest first.
    pub risk_reasons: Vec<String>,
    /// The digest of the rules by which the risk was judged.
    pub policy_digest: Digest,
}

/// A proposal with its words at hand.
struct Read<'a> {
    proposal: &'a Proposal,
    title: Words,
    description: Words,
}

/// Judges a proposal. The rules set the floor, the author may raise it, nothing lowers it. Says the same of the same
/// proposal, always.
#[must_use]
pub fn assess(proposal: &Proposal, policy: &RiskPolicy) -> Assessment {
    let read = Read {
        proposal,
        title: Words::of(proposal.title().as_str()),
        description: Words::of(proposal.description().map_or("", |text| text.as_str())),
    };
    let (item_type, type_reasons) = item_type::of(&read);
    let (risk, risk_reasons) = risk::of(&read, item_type, policy);
    Assessment {
        item_type,
        type_reasons,
        risk,
        risk_reasons,
        policy_digest: policy.digest(),
    }
}

#[cfg(test)]
mod tests;
