//! No text makes redaction panic, what is redacted stays as it is, and no repository's rules do harm.
//! Seed with `redaction/tests/corpus/samples.rs` and `redaction/rules/auditotter.toml`.
#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use redaction::{Redactor, RepositoryRules};

static REDACTOR: LazyLock<Redactor> = LazyLock::new(|| Redactor::built_in([7; 32]));

fuzz_target!(|bytes: &[u8]| {
    let Ok(text) = str::from_utf8(bytes) else { return };
    let once = REDACTOR.redact(text);
    let twice = REDACTOR.redact(&once.text);
    assert_eq!(twice.text, once.text);
    assert_eq!(twice.total(), 0);
    // What stands before an empty line may be the rules of a repository, and the rest what they are used on.
    let (rules, rest) = text.split_once("\n\n").unwrap_or((text, text));
    if let Ok(rules) = RepositoryRules::parse(rules) {
        let redactor = Redactor::built_in([7; 32]).with(&rules);
        let once = redactor.redact(rest);
        assert_eq!(redactor.redact(&once.text).text, once.text);
    }
});
