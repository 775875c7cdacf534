//! Audit Otter's own credentials over HTTP, which have no keyword: `<token>.<private key>` (`delegation/src/bearer.rs`).

use std::ops::Range;

use memchr::memchr_iter;

/// Characters of a private key, 32 bytes in base64url.
const SECRET_CHARS: usize = 43;
/// No Biscuit that lends anything is shorter.
const MIN_TOKEN_CHARS: usize = 150;
/// A Biscuit begins with its authority block's field and length: `0x12`, and a first length byte above 127.
const FIRST: u8 = b'E';
const SECOND: Range<u8> = b'o'..b'w';

/// Finds credentials: each dot which 43 characters of base64url follow, and a Biscuit's worth of them precedes.
pub(crate) fn find(text: &[u8]) -> impl Iterator<Item = Range<usize>> {
    // No token is read twice: what precedes a dot begins after the dot before it.
    let mut after_last_dot = 0;
    memchr_iter(b'.', text).filter_map(move |dot| {
        let from = std::mem::replace(&mut after_last_dot, dot + 1);
        let secret = text.get(dot + 1..dot + 1 + SECRET_CHARS)?;
        let ended = text
            .get(dot + 1 + SECRET_CHARS)
            .is_none_or(|byte| !is_base64url(*byte));
        if dot - from < MIN_TOKEN_CHARS || !ended || !secret.iter().all(|byte| is_base64url(*byte)) {
            return None;
        }
        let before = text.get(from..dot)?;
        let length = before
            .iter()
            .rev()
            .take_while(|byte| is_base64url(**byte))
            .count();
        let token = before.get(before.len() - length..)?;
        let biscuit = token.first() == Some(&FIRST) && token.get(1).is_some_and(|byte| SECOND.contains(byte));
        (length >= MIN_TOKEN_CHARS && biscuit).then_some(dot - length..dot + 1 + SECRET_CHARS)
    })
}

const fn is_base64url(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_credential_is_found_whole_and_a_token_alone_is_not() {
        let token = format!("Ep{}", "aB3_".repeat(50));
        let key = "k".repeat(43);
        let text = format!("run. {token}.{key}\n");
        assert_eq!(find(text.as_bytes()).collect::<Vec<_>>(), vec![5..text.len() - 1]);
        for other in [
            format!("{token} "),
            format!("{token}.{key}x"),
            format!("X{token}.{key}"),
            format!("{token}.{}", &key[1..]),
        ] {
            assert_eq!(find(other.as_bytes()).count(), 0, "{other}");
        }
    }
}
