//! A certificate authority of a test's own, and a certificate by it for this machine.

use std::{
    fs,
    path::{Path, PathBuf},
};

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

use crate::Home;

/// Where an authority's certificate lies, and one for `localhost` and 127.0.0.1 with its key.
#[derive(Debug)]
pub struct Certificates {
    authority: PathBuf,
    chain: PathBuf,
    key: PathBuf,
}

impl Certificates {
    /// Makes all three, in the folder of a test.
    ///
    /// # Panics
    /// Where they cannot be made.
    #[must_use]
    pub fn make(home: &Home, name: &str) -> Self {
        let mut of_authority = CertificateParams::new(Vec::new()).expect("no names are good names");
        of_authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let key = KeyPair::generate().expect("a key can be made");
        let authority = CertifiedIssuer::self_signed(of_authority, key).expect("it can be signed");
        let names = ["localhost", "127.0.0.1"].map(str::to_owned).to_vec();
        let key = KeyPair::generate().expect("a key can be made");
        let own = CertificateParams::new(names)
            .and_then(|own| own.signed_by(&key, &authority))
            .expect("it can be signed");
        let keep = |kind: &str, text: String| {
            let path = home.file(&format!("{name}.{kind}.pem"));
            fs::write(&path, text).expect("a file can be written");
            path
        };
        Self {
            authority: keep("authority", authority.pem()),
            chain: keep("chain", own.pem()),
            key: keep("key", key.serialize_pem()),
        }
    }

    /// The authority's certificate.
    #[must_use]
    pub fn authority(&self) -> &Path {
        &self.authority
    }

    /// The hub's certificate.
    #[must_use]
    pub fn chain(&self) -> &Path {
        &self.chain
    }

    /// The hub's private key.
    #[must_use]
    pub fn key(&self) -> &Path {
        &self.key
    }
}
