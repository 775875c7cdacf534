//! Members, their keys, and what only they can do.
//!
//! Pure: randomness and time come in as arguments. The one exception is [`seal`], where `age` draws the salt
//! and the file key itself.

mod credential;
mod decision;
mod keys;
mod member;
mod passkey;
mod registration;
mod sealed;
mod touch_key;
mod verb;

pub use credential::{Credential, CredentialId, Enrolment, EnrolmentError, SignedEnrolment};
pub use decision::{
    Challenge, Decision, DecisionError, Digest, History, Rationale, RationaleError, Signed, SignedDecision,
    Signer, Subject, Tier, touch_challenge,
};
pub use keys::{DecisionKey, DecisionSignature, KeyError, PublicKey, Seed};
pub use member::{Email, EmailError, Member, PersonName, PersonNameError};
pub use passkey::{Assertion, AssertionError, Bytes, BytesError, Passkey, PasskeyKeyError};
pub use registration::{RegistrationError, SignedRegistration};
pub use sealed::{Passphrase, PassphraseError, SealError, UnsealError, WorkFactor, looks_sealed, open, seal};
pub use touch_key::{
    Fingerprint, FingerprintError, NAMESPACE, TouchKey, TouchKeyError, TouchSignature, TouchSignatureError,
};
pub use verb::HumanVerb;
