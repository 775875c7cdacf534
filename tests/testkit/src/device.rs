//! A passkey device made of software: what an agent with a shell can always have.

use ed25519_dalek::{Signer as _, SigningKey};
use identity::{Assertion, Bytes, Passkey, touch_challenge};
use sha2::{Digest as _, Sha256};

/// Somebody was present, and the device knows who.
pub const VERIFIED: u8 = 5;

/// Somebody was present.
pub const PRESENT: u8 = 1;

/// A device with one passkey, whose user touches whatever they are asked to.
#[derive(Debug)]
pub struct Device {
    key: SigningKey,
    id: Vec<u8>,
}

impl Device {
    /// The device whose key and name are made of this byte.
    #[must_use]
    pub fn new(number: u8) -> Self {
        Self {
            key: SigningKey::from_bytes(&[number; 32]),
            id: vec![number; 16],
        }
    }

    /// Its passkey, for `localhost`.
    #[must_use]
    pub fn passkey(&self) -> Passkey {
        let mut spki = vec![
            0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00,
        ];
        spki.extend_from_slice(self.key.verifying_key().as_bytes());
        Passkey {
            id: Bytes::new(self.id.clone()),
            public_key: Bytes::new(spki),
            rp_id: "localhost".to_owned(),
        }
    }

    /// What a browser would make of a touch for the decision with this text.
    #[must_use]
    pub fn touches(&self, text: &str) -> Assertion {
        self.asserts(&Bytes::new(touch_challenge(text).to_vec()).to_string(), VERIFIED)
    }

    /// What a browser would make of a touch over this challenge, with these flags (section 6.1), on a page of this machine.
    #[must_use]
    pub fn asserts(&self, challenge: &str, flags: u8) -> Assertion {
        self.asserts_at("http://localhost:1", challenge, flags)
    }

    /// The same, on a page of this origin.
    #[must_use]
    pub fn asserts_at(&self, origin: &str, challenge: &str, flags: u8) -> Assertion {
        let client = format!(
            r#"{{"type":"webauthn.get","challenge":"{challenge}","origin":"{origin}","crossOrigin":false}}"#
        );
        let device = [&Sha256::digest("localhost")[..], &[flags, 0, 0, 0, 0]].concat();
        let signature = self
            .key
            .sign(&[device.as_slice(), &Sha256::digest(&client)].concat());
        Assertion {
            credential: self.passkey().id,
            authenticator_data: Bytes::new(device),
            client_data: Bytes::new(client.into_bytes()),
            signature: Bytes::new(signature.to_vec()),
        }
    }
}
