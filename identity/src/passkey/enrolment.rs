//! Enrolling a passkey: a member's own key says that it is theirs. Otherwise an agent would enrol its own, for browsers
//! can be driven, with devices made of software.

use serde::{Deserialize, Serialize};
use vocabulary::{MemberId, Timestamp, WorkspaceId, shown};

use super::{Passkey, PasskeyKeyError};
use crate::{DecisionKey, DecisionSignature, KeyError, Member};

const CONTEXT: &str = "auditotter 2026 passkey enrolment v1";

const VERSION: u32 = 1;

/// What a member says of a passkey.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// In which workspace.
    pub workspace: WorkspaceId,
    /// Whose it is.
    pub member: MemberId,
    /// The passkey.
    pub passkey: Passkey,
    /// When it was enrolled, by the clock of whoever did.
    pub at: Timestamp,
}

/// An enrolment as it travels and is kept: the text that was signed, and the signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SignedEnrolment {
    enrolment: String,
    signature: DecisionSignature,
}

/// Why an enrolment does not count.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EnrolmentError {
    /// The text is none.
    #[error("the text is no enrolment of a passkey: {0}")]
    Malformed(String),
    /// It was made elsewhere.
    #[error("the enrolment is of workspace {0}, not of this one")]
    Workspace(WorkspaceId),
    /// Nobody knows whose it is.
    #[error("{0}, whose passkey it is to be, is no member")]
    NoMember(MemberId),
    /// The passkey is of no use.
    #[error(transparent)]
    Key(#[from] PasskeyKeyError),
    /// The signature does not fit.
    #[error("the enrolment is not signed by the key of {member}: {source}")]
    Signature {
        /// Whose passkey it is to be.
        member: MemberId,
        /// What is wrong.
        source: KeyError,
    },
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    version: u32,
    workspace: WorkspaceId,
    member: MemberId,
    passkey: Passkey,
    at: Timestamp,
}

impl Enrolment {
    /// Signs with the member's own key.
    ///
    /// # Errors
    /// [`EnrolmentError::Malformed`], which no enrolment that could be parsed causes.
    pub fn sign(&self, key: &DecisionKey) -> Result<SignedEnrolment, EnrolmentError> {
        let words = Words {
            version: VERSION,
            workspace: self.workspace,
            member: self.member,
            passkey: self.passkey.clone(),
            at: self.at,
        };
        let enrolment = text(&words)?;
        let signature = key.sign(CONTEXT, enrolment.as_bytes());
        Ok(SignedEnrolment { enrolment, signature })
    }
}

impl SignedEnrolment {
    /// The text that was signed, for people to look at.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.enrolment
    }

    /// The enrolment, if the member whose passkey it is to be signed exactly that, in this workspace.
    ///
    /// # Errors
    /// [`EnrolmentError`].
    pub fn verify<'m>(
        &self,
        workspace: WorkspaceId,
        member: impl FnOnce(MemberId) -> Option<&'m Member>,
    ) -> Result<Enrolment, EnrolmentError> {
        let words: Words = serde_json::from_str(&self.enrolment)
            .map_err(|error| EnrolmentError::Malformed(shown(&error.to_string(), 200)))?;
        if words.version != VERSION || text(&words)? != self.enrolment {
            let why = "it is of another version, or not in its canonical form";
            return Err(EnrolmentError::Malformed(why.to_owned()));
        }
        if words.workspace != workspace {
            return Err(EnrolmentError::Workspace(words.workspace));
        }
        words.passkey.check()?;
        let member = member(words.member)
            .filter(|member| member.id == words.member)
            .ok_or(EnrolmentError::NoMember(words.member))?;
        member
            .decision_key
            .verify(CONTEXT, self.enrolment.as_bytes(), &self.signature)
            .map_err(|source| EnrolmentError::Signature {
                member: member.id,
                source,
            })?;
        Ok(Enrolment {
            workspace,
            member: words.member,
            passkey: words.passkey,
            at: words.at,
        })
    }
}

fn text(words: &Words) -> Result<String, EnrolmentError> {
    serde_json_canonicalizer::to_string(words).map_err(|error| EnrolmentError::Malformed(error.to_string()))
}
