//! Secrets are replaced before anything is written.
//!
//! Pure: no clock, no network, no files. A [`Redactor`] holds the rules and a workspace's key. Each secret in a text becomes
//! `[redacted:<rule>:<first 8 hex digits of keyed BLAKE3>]`, so that the same secret is known again within a workspace, and nobody
//! without the key can try secrets against what was recorded. `docs/REDACTION.md` says what is found and what is not.
//!
//! ```
//! let redactor = redaction::Redactor::built_in([7; 32]);
//! let redacted = redactor.redact("postgres://alice:tr0ub4dor&3@db.example.org/app");
//! assert!(redacted.text.starts_with("postgres://alice:[redacted:url-password:"));
//! assert_eq!(redacted.total(), 1);
//! ```

mod assignment;
mod bearer;
mod entropy;
mod finding;
mod json;
mod marker;
mod redactor;
mod repository;
mod rules;
mod search;

pub use marker::has_marker;
pub use redactor::{Redacted, Redactor};
pub use repository::{
    MAX_ALLOWED_BITS, MAX_FILE_BYTES, MAX_REGEX_BYTES, MAX_RULES, MAX_SECRET_BYTES, MIN_SECRET_BYTES,
    RepositoryRules, RulesError,
};
pub use rules::RuleId;
