//! The session's own key: a token is worth something only to the process that can sign with it.

use std::{fmt, str::FromStr};

use ed25519_dalek::{Signature, Signer as _, SigningKey, VerifyingKey};
use vocabulary::{RequestId, SessionId, WorkspaceId};
use zeroize::Zeroizing;

use crate::Denial;

const HANDSHAKE: &[u8] = b"auditotter 2026 handshake v1\0";
const REQUEST: &[u8] = b"auditotter 2026 request v1\0";
const WEB_REQUEST: &[u8] = b"auditotter 2026 http request v1\0";

/// The private half of a session's key. It never leaves the process that made it.
pub struct HolderKey(SigningKey);

/// The public half, which the session token names.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct HolderPublicKey([u8; 32]);

/// A signature by a [`HolderKey`]; in text 128 hexadecimal digits.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Proof([u8; 64]);

/// Some bytes are no session's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("this is no session's public key of 64 hexadecimal digits")]
pub struct HolderKeyError;

/// What a handshake is signed over: this hub's workspace, this connection's nonce, this very token.
#[derive(Debug, Clone, Copy)]
pub struct HandshakeSubject<'a> {
    /// The hub's workspace.
    pub workspace: WorkspaceId,
    /// What the hub sent on this connection.
    pub nonce: [u8; 32],
    /// The session token's text.
    pub token: &'a str,
}

impl HandshakeSubject<'_> {
    fn bytes(&self) -> Vec<u8> {
        let token = blake3::hash(self.token.as_bytes());
        [
            HANDSHAKE,
            &self.workspace.to_bytes(),
            &self.nonce,
            token.as_bytes(),
        ]
        .concat()
    }
}

/// What a request over HTTP is signed over: to which hub, what, when by its nonce, under which token, and with which body.
/// The idea is that of RFC 9449 (DPoP), with the hub's nonce in place of a clock.
#[derive(Debug, Clone, Copy)]
pub struct WebRequestSubject<'a> {
    /// The hub's workspace.
    pub workspace: WorkspaceId,
    /// HTTP's method, as `POST`.
    pub method: &'a str,
    /// The path that is asked, as `/agents`.
    pub path: &'a str,
    /// What the hub gave out last.
    pub nonce: [u8; 32],
    /// The session token's text.
    pub token: &'a str,
    /// The body, byte for byte.
    pub body: &'a [u8],
    /// Names this one attempt: a proof counts once.
    pub attempt: RequestId,
}

impl WebRequestSubject<'_> {
    fn bytes(&self) -> Vec<u8> {
        // Each part has one length, so that no two subjects read alike.
        [
            WEB_REQUEST,
            &self.workspace.to_bytes(),
            blake3::hash(self.method.as_bytes()).as_bytes(),
            blake3::hash(self.path.as_bytes()).as_bytes(),
            &self.nonce,
            blake3::hash(self.token.as_bytes()).as_bytes(),
            blake3::hash(self.body).as_bytes(),
            &self.attempt.to_bytes(),
        ]
        .concat()
    }
}

fn request_bytes(session: SessionId, request: RequestId, body_digest: &[u8; 32]) -> Vec<u8> {
    [REQUEST, &session.to_bytes(), &request.to_bytes(), body_digest].concat()
}

impl HolderKey {
    /// A key from 32 bytes of good randomness.
    #[must_use]
    pub fn from_entropy(bytes: [u8; 32]) -> Self {
        Self(SigningKey::from_bytes(&bytes))
    }

    /// The public half.
    #[must_use]
    pub fn public(&self) -> HolderPublicKey {
        HolderPublicKey(self.0.verifying_key().to_bytes())
    }

    /// The private half itself, for a client that cannot sign and so has to show it.
    #[must_use]
    pub fn secret(&self) -> Zeroizing<[u8; 32]> {
        Zeroizing::new(self.0.to_bytes())
    }

    /// Proves that one request over HTTP is by who holds the token's key.
    #[must_use]
    pub fn sign_web_request(&self, subject: &WebRequestSubject<'_>) -> Proof {
        Proof(self.0.sign(&subject.bytes()).to_bytes())
    }

    /// Proves to a hub, on one connection, that the token's key is held.
    #[must_use]
    pub fn sign_handshake(&self, subject: &HandshakeSubject<'_>) -> Proof {
        Proof(self.0.sign(&subject.bytes()).to_bytes())
    }

    /// Proves that one request, by the BLAKE3 digest of its body, is this session's.
    #[must_use]
    pub fn sign_request(&self, session: SessionId, request: RequestId, body_digest: &[u8; 32]) -> Proof {
        Proof(
            self.0
                .sign(&request_bytes(session, request, body_digest))
                .to_bytes(),
        )
    }
}

impl fmt::Debug for HolderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "HolderKey({})", self.public())
    }
}

impl HolderPublicKey {
    pub(crate) fn from_bytes(bytes: &[u8]) -> Option<Self> {
        let bytes: [u8; 32] = bytes.try_into().ok()?;
        let key = VerifyingKey::from_bytes(&bytes).ok()?;
        (!key.is_weak()).then_some(Self(bytes))
    }

    /// Its 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Checks a handshake.
    ///
    /// # Errors
    /// [`Denial::BadProof`].
    pub fn check_handshake(&self, subject: &HandshakeSubject<'_>, proof: &str) -> Result<(), Denial> {
        self.check(&subject.bytes(), proof)
    }

    /// Checks a request's proof.
    ///
    /// # Errors
    /// [`Denial::BadProof`].
    pub fn check_request(
        &self,
        session: SessionId,
        request: RequestId,
        body_digest: &[u8; 32],
        proof: &str,
    ) -> Result<(), Denial> {
        self.check(&request_bytes(session, request, body_digest), proof)
    }

    /// Checks the proof of a request over HTTP.
    ///
    /// # Errors
    /// [`Denial::BadProof`].
    pub fn check_web_request(&self, subject: &WebRequestSubject<'_>, proof: &str) -> Result<(), Denial> {
        self.check(&subject.bytes(), proof)
    }

    fn check(&self, message: &[u8], proof: &str) -> Result<(), Denial> {
        let mut bytes = [0; 64];
        hex::decode_to_slice(proof, &mut bytes).map_err(|_| Denial::BadProof)?;
        VerifyingKey::from_bytes(&self.0)
            .and_then(|key| key.verify_strict(message, &Signature::from_bytes(&bytes)))
            .map_err(|_| Denial::BadProof)
    }
}

impl fmt::Display for HolderPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for HolderPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for HolderPublicKey {
    type Err = HolderKeyError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        hex::decode(text)
            .ok()
            .and_then(|bytes| Self::from_bytes(&bytes))
            .ok_or(HolderKeyError)
    }
}

impl fmt::Display for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&hex::encode(self.0))
    }
}

impl fmt::Debug for Proof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Proof(..)")
    }
}
