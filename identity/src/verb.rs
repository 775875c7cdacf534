//! What only people can do.

use std::fmt;

/// A human verb. Closed, and apart from the agents' verbs: nothing converts one into the other, in either
/// direction, and no token can hold one of these.
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
}

impl fmt::Display for HumanVerb {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}
