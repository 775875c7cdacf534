//! What only people can do.

use std::fmt;

/// A human verb. Closed, and apart from the agents' verbs: nothing converts one into the other, in either
/// direction, and no token can hold one of these. No text, and so no message, becomes one either:
///
/// ```compile_fail,E0277
/// let verb: identity::HumanVerb = "approve".parse().unwrap();
/// ```
/// ```compile_fail,E0277
/// let verb: identity::HumanVerb = serde_json::from_str("\"approve\"").unwrap();
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum HumanVerb {
    /// Say that proposed work may begin, or that a change may land.
    Approve,
    /// Say that it may not.
    Reject,
    /// Add a member, or give one a role.
    GrantAccess,
    /// Say that a merged change may be deployed.
    AttestDeploy,
    /// Take a member out.
    RevokeMember,
    /// Erase what an entry said, and leave that it was said.
    EraseBody,
}

impl HumanVerb {
    /// Every human verb.
    pub const ALL: [Self; 6] = [
        Self::Approve,
        Self::Reject,
        Self::GrantAccess,
        Self::AttestDeploy,
        Self::RevokeMember,
        Self::EraseBody,
    ];

    /// The word that stands in records.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Approve => "approve",
            Self::Reject => "reject",
            Self::GrantAccess => "grant_access",
            Self::AttestDeploy => "attest_deploy",
            Self::RevokeMember => "revoke_member",
            Self::EraseBody => "erase_body",
        }
    }

    /// What it is to do that, to follow "only people can".
    #[must_use]
    pub const fn description(self) -> &'static str {
        match self {
            Self::Approve => "say that work may begin or that a change may land",
            Self::Reject => "say that it may not",
            Self::GrantAccess => "add a member or give one a role",
            Self::AttestDeploy => "say that a merged change may be deployed",
            Self::RevokeMember => "take a member out",
            Self::EraseBody => "erase what an entry said, leaving on record that it said something",
        }
    }
}

impl fmt::Display for HumanVerb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::BTreeSet;

    #[test]
    fn the_verbs_are_these_six_and_each_is_described_once() {
        let words = HumanVerb::ALL.map(HumanVerb::as_str);
        assert_eq!(
            words,
            [
                "approve",
                "reject",
                "grant_access",
                "attest_deploy",
                "revoke_member",
                "erase_body"
            ]
        );
        let described: BTreeSet<&str> = HumanVerb::ALL.iter().map(|verb| verb.description()).collect();
        assert_eq!(described.len(), HumanVerb::ALL.len());
    }
}
