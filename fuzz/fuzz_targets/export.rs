//! No file makes the verifier panic, and none that it was not given whole is accepted.
//! Seed with `trace-store/tests/golden/session.jsonl`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trace_store::export;

fuzz_target!(|bytes: &[u8]| {
    if export::verify(bytes).is_ok() {
        assert!(bytes.ends_with(b"}}\n"));
        assert!(export::verify(&bytes[..bytes.len() - 1]).is_err());
    }
});
