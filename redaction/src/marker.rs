//! What stands where a secret was: `[redacted:<rule>:<8 hex>]`.

use std::ops::Range;

use memchr::memmem;
use zeroize::Zeroizing;

use crate::rules::RuleId;

const OPEN: &str = "[redacted:";
const DIGITS: usize = 8;
/// The longest name of a rule.
pub(crate) const MAX_ID_BYTES: usize = 80;

/// Makes markers under one key.
pub(crate) struct Marking(Zeroizing<[u8; 32]>);

impl Marking {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self(Zeroizing::new(key))
    }

    /// Writes the marker of a secret.
    pub(crate) fn write(&self, rule: &RuleId, secret: &[u8], out: &mut String) {
        let digest = blake3::keyed_hash(&self.0, secret).to_hex();
        out.push_str(OPEN);
        out.push_str(rule.as_str());
        out.push(':');
        out.extend(digest.chars().take(DIGITS));
        out.push(']');
    }
}

/// Whether a secret was replaced in this text.
#[must_use]
pub fn has_marker(text: &[u8]) -> bool {
    !existing(text).is_empty()
}

/// Where markers stand already. They are not read again.
pub(crate) fn existing(text: &[u8]) -> Vec<Range<usize>> {
    memmem::find_iter(text, OPEN)
        .filter_map(|start| {
            let rest = text.get(start + OPEN.len()..)?;
            let id = rest
                .iter()
                .take(MAX_ID_BYTES + 1)
                .position(|byte| *byte == b':')?;
            let named = rest.get(..id)?.iter();
            let proper = id > 0
                && named
                    .clone()
                    .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_' | b'/' | b'.'));
            let digest = rest.get(id + 1..id + 1 + DIGITS)?;
            let hex = digest
                .iter()
                .all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
            let closed = rest.get(id + 1 + DIGITS) == Some(&b']');
            (proper && hex && closed).then_some(start..start + OPEN.len() + id + DIGITS + 2)
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_known_again_and_nothing_like_it() {
        let mut text = String::from("a ");
        Marking::new([1; 32]).write(&RuleId::new("repository/x_1"), b"s3cret", &mut text);
        assert_eq!(existing(text.as_bytes()), vec![2..text.len()]);
        for other in [
            "[redacted::01234567]",
            "[redacted:x:0123456]",
            "[redacted:X:01234567]",
            "[redacted:x:0123456g]",
            "[redacted:x:01234567",
        ] {
            assert!(existing(other.as_bytes()).is_empty(), "{other}");
        }
    }

    #[test]
    fn the_digest_is_the_same_for_the_same_secret_and_key_alone() {
        let marker = |key, secret: &[u8]| {
            let mut out = String::new();
            Marking::new([key; 32]).write(&RuleId::new("x"), secret, &mut out);
            out
        };
        assert_eq!(marker(1, b"one"), marker(1, b"one"));
        assert_ne!(marker(1, b"one"), marker(1, b"two"));
        assert_ne!(marker(1, b"one"), marker(2, b"one"));
    }
}
