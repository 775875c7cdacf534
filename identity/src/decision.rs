//! A decision: what only a human can do, in words that are signed as they stand and never change.
//!
//! What is signed is the canonical JSON (RFC 8785) of everything that the decision rests on: what was decided, the digest of
//! what was shown, the risk and the rules under which it was judged, the ledger up to that moment, and the challenge
//! that makes it count once. It is kept as the very text that was signed, so that whoever checks it needs no
//! writer of canonical JSON.

mod rationale;
mod words;

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use vocabulary::{GitObject, MemberId, Risk, Timestamp, TraceId, WorkItemId, WorkspaceId, text_form};

pub use rationale::{Rationale, RationaleError};
use words::Words;

use crate::{
    Assertion, AssertionError, Credential, DecisionKey, DecisionSignature, HumanVerb, KeyError, Member,
    TouchSignature, TouchSignatureError,
};

const CONTEXT: &str = "auditotter 2026 decision v1";
const SUBJECT_CONTEXT: &str = "auditotter 2026 decision subject v1";
const EVIDENCE_CONTEXT: &str = "auditotter 2026 decision subject with evidence v1";

/// The digest of what is decided on, or of the rules by which it was judged: 32 bytes, in text 64 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Digest([u8; 32]);

/// 128 random bits that make a decision count once: in text 32 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Challenge([u8; 16]);

/// How a decision was signed, weakest first.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Tier {
    /// The member's own key, opened with a passphrase at a terminal.
    T0,
    /// A touch: a passkey or a touch key that verified its user, and signed this very decision.
    T1,
}

/// A ledger up to some moment: what a decision vouches for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct History {
    /// How many entries it had.
    pub size: u64,
    /// The Merkle root over them.
    pub root: Digest,
}

/// What is decided on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Subject {
    /// Proposed work, as it was judged: a decision is bound to the rules and the risk as well.
    WorkItem {
        /// Which.
        id: WorkItemId,
        /// The digest of the rules by which its risk was judged.
        policy: Digest,
        /// How much it could hurt, as it was shown.
        risk: Risk,
    },
    /// A change that is to land for proposed work, as the work was judged.
    Change {
        /// For which work item.
        id: WorkItemId,
        /// What is to land: a tree of git. Whatever else lands was decided by nobody.
        tree: GitObject,
        /// The digest of the rules by which the work's risk was judged.
        policy: Digest,
        /// How much it could hurt, as it was shown.
        risk: Risk,
    },
    /// Somebody who is to be a member, or no longer.
    Member(MemberId),
    /// An entry, whose body is to be erased.
    Entry {
        /// In which trace.
        trace: TraceId,
        /// Where in it.
        seq: u64,
    },
}

/// What was decided, and everything that the decision is bound to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decision {
    /// In which workspace.
    pub workspace: WorkspaceId,
    /// What was decided.
    pub verb: HumanVerb,
    /// On what.
    pub subject: Subject,
    /// The digest of exactly that, as it was shown.
    pub subject_digest: Digest,
    /// Why, where it was said.
    pub rationale: Option<Rationale>,
    /// Who decided.
    pub member: MemberId,
    /// What makes it count once.
    pub challenge: Challenge,
    /// Everything that had happened by then.
    pub history: History,
    /// When, by the clock of whoever decided.
    pub at: Timestamp,
    /// How it is signed.
    pub tier: Tier,
}

/// A decision as it travels and is kept: the text that was signed, and the signature. It says nothing until it is
/// verified.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedDecision {
    decision: String,
    signature: Proof,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(untagged)]
enum Proof {
    /// Over the context, a zero byte and the text.
    Key(DecisionSignature),
    /// Its challenge is [`touch_challenge`] of the text.
    Touch(Assertion),
    /// Over the text, in [`crate::NAMESPACE`].
    TouchKey(TouchSignature),
}

/// Who may be behind a decision: a member, and the passkeys and touch keys that are theirs.
#[derive(Debug, Clone, Copy)]
pub struct Signer<'a> {
    /// The member.
    pub member: &'a Member,
    /// Their passkeys and touch keys.
    pub credentials: &'a [Credential],
}

/// What a passkey is asked to sign in order to make a decision with this text: SHA-256 of the context, a zero byte and the
/// text. So the assertion itself is the signature that anybody can check again.
#[must_use]
pub fn touch_challenge(text: &str) -> [u8; 32] {
    let hasher = Sha256::new_with_prefix(CONTEXT);
    hasher.chain_update([0]).chain_update(text).finalize().into()
}

/// What a member signed. Only [`SignedDecision::verify`] makes one, and applying takes it away.
///
/// ```compile_fail,E0451
/// let made_up = identity::Signed { value: () };
/// ```
/// ```compile_fail,E0599
/// fn twice(signed: identity::Signed<identity::Decision>) {
///     let again = signed.clone();
/// }
/// ```
#[derive(Debug)]
pub struct Signed<T> {
    value: T,
}

/// Why a decision does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum DecisionError {
    /// The text is no decision.
    #[error("the text is no decision: {0}")]
    Malformed(String),
    /// Another text would say the same; only one may be signed.
    #[error("the decision is not in its canonical form")]
    NotCanonical,
    /// It was made elsewhere.
    #[error("the decision is of workspace {found}, not of this one")]
    Workspace {
        /// Where.
        found: WorkspaceId,
    },
    /// Nobody knows who decided.
    #[error("{0}, who is to have decided, is no member")]
    NoMember(MemberId),
    /// The signature does not fit.
    #[error("the decision is not signed by the key of {member}: {source}")]
    Signature {
        /// Who is to have decided.
        member: MemberId,
        /// What is wrong.
        source: KeyError,
    },
    /// The passkey is not one of the member's.
    #[error("the decision is signed by a passkey that is none of {0}'s")]
    NoPasskey(MemberId),
    /// The touch does not fit.
    #[error("the decision is not signed by the passkey of {member}: {source}")]
    Touch {
        /// Who is to have decided.
        member: MemberId,
        /// What is wrong.
        source: AssertionError,
    },
    /// The touch key is not one of the member's.
    #[error("the decision is signed by a touch key that is none of {0}'s")]
    NoTouchKey(MemberId),
    /// The touch key's signature does not fit.
    #[error("the decision is not signed by the touch key of {member}: {source}")]
    TouchKey {
        /// Who is to have decided.
        member: MemberId,
        /// What is wrong.
        source: TouchSignatureError,
    },
    /// It says that it was signed otherwise than it was.
    #[error("the decision says that it is signed {0}, and is signed otherwise")]
    Tier(Tier),
}

impl Digest {
    /// The digest of a subject's bytes, as they were recorded and shown.
    #[must_use]
    pub fn of_subject(bytes: &[u8]) -> Self {
        Self(blake3::derive_key(SUBJECT_CONTEXT, bytes))
    }

    /// The digest of a subject that had this one, with a piece of evidence that was recorded on it since. Both are of one
    /// length, so no two pairs share their bytes.
    #[must_use]
    pub fn with_evidence(&self, evidence: &Self) -> Self {
        Self(blake3::derive_key(
            EVIDENCE_CONTEXT,
            &[self.0, evidence.0].concat(),
        ))
    }

    /// A digest from its 32 bytes.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl Challenge {
    /// A challenge from 16 bytes of good randomness.
    #[must_use]
    pub const fn from_entropy(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }
}

impl Tier {
    /// Its word.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::T0 => "T0",
            Self::T1 => "T1",
        }
    }
}

impl fmt::Display for Tier {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Decision {
    /// Signs with the member's own key.
    ///
    /// # Errors
    /// [`DecisionError::Malformed`], which no decision that could be parsed causes.
    pub fn sign(&self, key: &DecisionKey) -> Result<SignedDecision, DecisionError> {
        let decision = self.text()?;
        let signature = Proof::Key(key.sign(CONTEXT, decision.as_bytes()));
        Ok(SignedDecision { decision, signature })
    }

    /// The one text that says this.
    ///
    /// # Errors
    /// [`DecisionError::Malformed`], which no decision that could be parsed causes.
    pub fn text(&self) -> Result<String, DecisionError> {
        Words::from(self).text()
    }
}

impl SignedDecision {
    /// A decision with this text, as somebody's touch is to have signed it.
    #[must_use]
    pub const fn touched(decision: String, assertion: Assertion) -> Self {
        Self {
            decision,
            signature: Proof::Touch(assertion),
        }
    }

    /// A decision with this text, as somebody's touch key is to have signed it.
    #[must_use]
    pub const fn by_touch_key(decision: String, signature: TouchSignature) -> Self {
        Self {
            decision,
            signature: Proof::TouchKey(signature),
        }
    }

    /// The text that was signed, for people to look at. Whether it says the truth is for [`Self::verify`] to find.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.decision
    }

    /// The size of the ledger for which it is to vouch: a claim, of use for finding the proof of it.
    #[must_use]
    pub fn vouches_for(&self) -> Option<u64> {
        Words::read(&self.decision)
            .ok()
            .map(|claimed| claimed.history.size)
    }

    /// Whether the text is a decision's at all, in the one form that it has. Nothing is said of the signature.
    ///
    /// # Errors
    /// [`DecisionError::Malformed`].
    pub fn check_form(&self) -> Result<(), DecisionError> {
        Words::read(&self.decision).map(drop)
    }

    /// What was decided, if the member who is to have decided it signed exactly that, in this workspace.
    ///
    /// # Errors
    /// [`DecisionError`].
    pub fn verify<'m>(
        &self,
        workspace: WorkspaceId,
        signer: impl FnOnce(MemberId) -> Option<Signer<'m>>,
    ) -> Result<Signed<Decision>, DecisionError> {
        let value = Words::read(&self.decision)?;
        if value.workspace != workspace {
            return Err(DecisionError::Workspace {
                found: value.workspace,
            });
        }
        let signer = signer(value.member)
            .filter(|signer| signer.member.id == value.member)
            .ok_or(DecisionError::NoMember(value.member))?;
        self.check(value.tier, signer)?;
        Ok(Signed { value })
    }

    fn check(&self, tier: Tier, signer: Signer<'_>) -> Result<(), DecisionError> {
        let member = signer.member.id;
        match (tier, &self.signature) {
            (Tier::T0, Proof::Key(signature)) => signer
                .member
                .decision_key
                .verify(CONTEXT, self.decision.as_bytes(), signature)
                .map_err(|source| DecisionError::Signature { member, source }),
            (Tier::T1, Proof::Touch(assertion)) => {
                let mut own = signer.credentials.iter().filter_map(Credential::passkey);
                let passkey = own
                    .find(|passkey| passkey.id == assertion.credential)
                    .ok_or(DecisionError::NoPasskey(member))?;
                assertion
                    .verify(passkey, &touch_challenge(&self.decision))
                    .map_err(|source| DecisionError::Touch { member, source })
            }
            (Tier::T1, Proof::TouchKey(signature)) => {
                let failed = |source| DecisionError::TouchKey { member, source };
                let by = signature.by().map_err(failed)?;
                let mut own = signer.credentials.iter().filter_map(Credential::touch_key);
                let key = own
                    .find(|key| **key == by)
                    .ok_or(DecisionError::NoTouchKey(member))?;
                signature.verify(key, self.decision.as_bytes()).map_err(failed)
            }
            (tier, _) => Err(DecisionError::Tier(tier)),
        }
    }
}

impl<T> Signed<T> {
    /// What was signed.
    #[must_use]
    pub const fn get(&self) -> &T {
        &self.value
    }

    /// What was signed, to be applied.
    #[must_use]
    pub fn into_inner(self) -> T {
        self.value
    }
}

crate::keys::in_hex!(Digest, 32, |bytes| Ok(Digest(bytes)));
crate::keys::in_hex!(Challenge, 16, |bytes| Ok(Challenge(bytes)));
text_form!(Digest, Challenge);

#[cfg(test)]
mod tests;
