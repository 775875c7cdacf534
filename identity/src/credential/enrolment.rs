//! Enrolling a credential: a member's own key says that it is theirs. Otherwise an agent would enrol its own, for browsers
//! can be driven, and security keys made of software.

use serde::{Deserialize, Serialize};
use vocabulary::{MemberId, Timestamp, WorkspaceId, shown};

use super::Credential;
use crate::{DecisionKey, DecisionSignature, KeyError, Member, Passkey, PasskeyKeyError, TouchKey};

const PASSKEY_CONTEXT: &str = "auditotter 2026 passkey enrolment v1";
const TOUCH_KEY_CONTEXT: &str = "auditotter 2026 touch key enrolment v1";

const VERSION: u32 = 1;

/// What a member says of a credential.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Enrolment {
    /// In which workspace.
    pub workspace: WorkspaceId,
    /// Whose it is.
    pub member: MemberId,
    /// The credential.
    pub credential: Credential,
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
    #[error("the text is no enrolment of a passkey or touch key: {0}")]
    Malformed(String),
    /// It was made elsewhere.
    #[error("the enrolment is of workspace {0}, not of this one")]
    Workspace(WorkspaceId),
    /// Nobody knows whose it is.
    #[error("{0}, whose it is to be, is no member")]
    NoMember(MemberId),
    /// The passkey is of no use.
    #[error(transparent)]
    Key(#[from] PasskeyKeyError),
    /// The signature does not fit.
    #[error("the enrolment is not signed by the key of {member}: {source}")]
    Signature {
        /// Whose it is to be.
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
    #[serde(default, skip_serializing_if = "Option::is_none")]
    passkey: Option<Passkey>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    touch_key: Option<TouchKey>,
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
            passkey: self.credential.passkey().cloned(),
            touch_key: self.credential.touch_key().cloned(),
            at: self.at,
        };
        let enrolment = text(&words)?;
        let signature = key.sign(context(&self.credential), enrolment.as_bytes());
        Ok(SignedEnrolment { enrolment, signature })
    }
}

impl SignedEnrolment {
    /// The text that was signed, for people to look at.
    #[must_use]
    pub fn text(&self) -> &str {
        &self.enrolment
    }

    /// The enrolment, if the member whose it is to be signed exactly that, in this workspace.
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
        let credential = match (words.passkey, words.touch_key) {
            (Some(passkey), None) => {
                passkey.check()?;
                Credential::Passkey(passkey)
            }
            (None, Some(key)) => Credential::TouchKey(key),
            _ => {
                let why = "it names no passkey and no touch key, or one of each";
                return Err(EnrolmentError::Malformed(why.to_owned()));
            }
        };
        let member = member(words.member)
            .filter(|member| member.id == words.member)
            .ok_or(EnrolmentError::NoMember(words.member))?;
        member
            .decision_key
            .verify(context(&credential), self.enrolment.as_bytes(), &self.signature)
            .map_err(|source| EnrolmentError::Signature {
                member: member.id,
                source,
            })?;
        Ok(Enrolment {
            workspace,
            member: words.member,
            credential,
            at: words.at,
        })
    }
}

/// Each kind is signed under a context of its own, beside having a name of its own.
const fn context(credential: &Credential) -> &'static str {
    match credential {
        Credential::Passkey(_) => PASSKEY_CONTEXT,
        Credential::TouchKey(_) => TOUCH_KEY_CONTEXT,
    }
}

fn text(words: &Words) -> Result<String, EnrolmentError> {
    serde_json_canonicalizer::to_string(words).map_err(|error| EnrolmentError::Malformed(error.to_string()))
}
