//! What a client shows that cannot sign: the session token, and the key that it is bound to.
//!
//! `<token>.<private key>`, both in base64url and without padding, which is the `b64token` of RFC 6750, section 2.1.
//! Who has all of it can act as the session until it ends, at most an hour; who has the token alone can do nothing.

use std::fmt;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use zeroize::Zeroizing;

use crate::{Denial, HolderKey, MAX_TOKEN_BYTES, SessionToken};

/// Characters of a private key.
const SECRET_CHARS: usize = 43;

/// The longest credential that is looked at, in bytes.
pub const MAX_BEARER_BYTES: usize = MAX_TOKEN_BYTES.div_ceil(3) * 4 + 1 + SECRET_CHARS;

/// A session token and, where it was shown, its key.
pub struct Bearer {
    /// The token's text, not verified.
    pub token: String,
    /// The private key that was shown with it.
    pub key: Option<HolderKey>,
}

impl Bearer {
    /// The text to show for a session.
    #[must_use]
    pub fn compose(token: &SessionToken, key: &HolderKey) -> Zeroizing<String> {
        let secret = Zeroizing::new(URL_SAFE_NO_PAD.encode(key.secret()));
        let token = token.as_str().trim_end_matches('=');
        Zeroizing::new([token, ".", &secret].concat())
    }

    /// Takes apart what was shown. Nothing is verified: whoever looks up the token compares the key.
    ///
    /// # Errors
    /// [`Denial::TokenTooLarge`], and [`Denial::TokenMalformed`] where what stands behind the token is no key.
    pub fn parse(text: &str) -> Result<Self, Denial> {
        if text.len() > MAX_BEARER_BYTES {
            return Err(Denial::TokenTooLarge { size: text.len() });
        }
        let (token, key) = match text.split_once('.') {
            None => (text, None),
            Some((token, secret)) => (token, Some(read_key(secret)?)),
        };
        // The token's own text is padded.
        let mut token = token.to_owned();
        while !token.len().is_multiple_of(4) {
            token.push('=');
        }
        Ok(Self { token, key })
    }
}

impl fmt::Debug for Bearer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Bearer(..)")
    }
}

fn read_key(secret: &str) -> Result<HolderKey, Denial> {
    let mut bytes = Zeroizing::new([0; 32]);
    let read = URL_SAFE_NO_PAD.decode_slice(secret, bytes.as_mut_slice());
    match read {
        Ok(32) => Ok(HolderKey::from_entropy(*bytes)),
        _ => Err(Denial::TokenMalformed(
            "what stands behind the token is no private key",
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_composed_is_taken_apart_again() {
        let key = HolderKey::from_entropy([7; 32]);
        for text in ["QUJD", "QUI=", "QQ=="] {
            let token = SessionToken::new(text.to_owned());
            let shown = Bearer::compose(&token, &key);
            assert!(!shown.contains('='), "{}", shown.as_str());
            let bearer = Bearer::parse(&shown).unwrap();
            assert_eq!(bearer.token, text);
            assert_eq!(bearer.key.unwrap().public(), key.public());
        }
    }

    #[test]
    fn a_token_alone_shows_no_key_and_half_a_key_is_none() {
        assert!(Bearer::parse("QUJD").unwrap().key.is_none());
        for text in [
            "QUJD.",
            "QUJD.AAAA",
            "QUJD.A.A",
            &format!("QUJD.{}", "!".repeat(43)),
        ] {
            assert!(
                matches!(Bearer::parse(text), Err(Denial::TokenMalformed(_))),
                "{text}"
            );
        }
        let long = "A".repeat(MAX_BEARER_BYTES + 1);
        assert!(matches!(Bearer::parse(&long), Err(Denial::TokenTooLarge { .. })));
    }
}
