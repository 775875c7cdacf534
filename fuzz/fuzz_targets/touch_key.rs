//! No bytes make the readers of touch keys and of their signatures panic, what they read is in its one form, and nothing that
//! is not signed counts. Seed with `identity/src/touch_key/vectors`, the signatures without their armour.
#![no_main]

use std::sync::LazyLock;

use base64::{Engine as _, engine::general_purpose::STANDARD};
use identity::{Fingerprint, TouchKey, TouchSignature};
use libfuzzer_sys::fuzz_target;

static KNOWN: LazyLock<TouchKey> = LazyLock::new(|| {
    let line = include_str!("../../identity/src/touch_key/vectors/ed25519.pub");
    TouchKey::from_public_file(line).unwrap()
});

fuzz_target!(|bytes: &[u8]| {
    if let Ok(text) = str::from_utf8(bytes) {
        if let Ok(key) = text.parse::<TouchKey>() {
            assert_eq!(key.to_string(), text);
        }
        if let Ok(fingerprint) = text.parse::<Fingerprint>() {
            assert_eq!(fingerprint.to_string(), text);
        }
        let _ = TouchKey::from_public_file(text);
        judge(text.to_owned());
    }
    let encoded = STANDARD.encode(bytes);
    let lines: Vec<&str> = (0..encoded.len())
        .step_by(70)
        .map(|at| &encoded[at..encoded.len().min(at + 70)])
        .collect();
    judge(format!(
        "-----BEGIN SSH SIGNATURE-----\n{}\n-----END SSH SIGNATURE-----\n",
        lines.join("\n")
    ));
});

/// Whatever key it names: these words nobody signed.
fn judge(ssh_signature: String) {
    let signature = TouchSignature { ssh_signature };
    assert!(signature.verify(&KNOWN, b"words that nobody signed").is_err());
    if let Ok(own) = signature.by() {
        assert_eq!(own.to_string().parse().as_ref(), Ok(&own));
    }
}
