//! What a member decides with by a touch, beside their own key: passkeys and touch keys.

mod enrolment;

use crate::{Bytes, Fingerprint, Passkey, TouchKey};

pub use enrolment::{Enrolment, EnrolmentError, SignedEnrolment};

/// Something that signs only when a human touches it, and is a member's once their own key says so.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Credential {
    /// One of a browser's.
    Passkey(Passkey),
    /// One of OpenSSH's.
    TouchKey(TouchKey),
}

/// By which a credential is known, and none is known twice.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum CredentialId {
    /// A passkey's identifier.
    Passkey(Bytes),
    /// A touch key's fingerprint.
    TouchKey(Fingerprint),
}

impl Credential {
    /// By which it is known.
    #[must_use]
    pub fn id(&self) -> CredentialId {
        match self {
            Self::Passkey(passkey) => CredentialId::Passkey(passkey.id.clone()),
            Self::TouchKey(key) => CredentialId::TouchKey(key.fingerprint()),
        }
    }

    /// The passkey, where it is one.
    #[must_use]
    pub const fn passkey(&self) -> Option<&Passkey> {
        match self {
            Self::Passkey(passkey) => Some(passkey),
            Self::TouchKey(_) => None,
        }
    }

    /// The touch key, where it is one.
    #[must_use]
    pub const fn touch_key(&self) -> Option<&TouchKey> {
        match self {
            Self::TouchKey(key) => Some(key),
            Self::Passkey(_) => None,
        }
    }
}

#[cfg(test)]
mod tests;
