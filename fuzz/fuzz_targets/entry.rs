//! Bytes that are read as an entry are written back as the very same bytes.
//! Seed with the `entry` members of `trace-store/tests/golden/session.jsonl`.
#![no_main]

use libfuzzer_sys::fuzz_target;
use trace_store::Entry;

fuzz_target!(|bytes: &[u8]| {
    if let Ok(entry) = Entry::from_bytes(bytes) {
        assert_eq!(entry.to_bytes(), bytes);
    }
});
