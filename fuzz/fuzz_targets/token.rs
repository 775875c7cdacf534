//! No text makes a token's readers panic, what they read is in its one form, and nothing that is not signed is accepted.
//! Seed with a token from a home's `delegations` folder.
#![no_main]

use delegation::{DelegationToken, Keyring, inspect, verify, verify_witness};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = str::from_utf8(bytes) else { return };
    if let Ok(token) = DelegationToken::parse_unverified(text) {
        assert_eq!(token.expose(), text);
        assert!(!token.grant().verbs.is_empty());
    }
    let _ = inspect(text);
    let nobody = Keyring::default();
    assert!(verify(text, &nobody).is_err());
    assert!(verify_witness(text, &nobody).is_err());
});
