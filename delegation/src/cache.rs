//! Session tokens that were verified before: signatures and shape of a text do not change.

use std::{
    collections::{HashMap, VecDeque},
    sync::Arc,
};

use crate::{Denial, Keyring, TokenDigest, VerifiedToken, verify};

/// Verified tokens by the digest of their text; the oldest make room. What was refused is not kept: an attacker
/// would push out what is good.
#[derive(Debug)]
pub struct TokenCache {
    /// By which they were verified.
    keyring: Keyring,
    tokens: HashMap<TokenDigest, Arc<VerifiedToken>>,
    order: VecDeque<TokenDigest>,
    capacity: usize,
}

impl TokenCache {
    /// A cache for so many tokens.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            keyring: Keyring::default(),
            tokens: HashMap::new(),
            order: VecDeque::new(),
            capacity: capacity.max(1),
        }
    }

    /// Verifies a token, or finds that it was, by these keys: what was verified by others is forgotten.
    ///
    /// # Errors
    /// As [`verify`].
    pub fn verify(&mut self, text: &str, keyring: &Keyring) -> Result<Arc<VerifiedToken>, Denial> {
        if !self.keyring.is(keyring) {
            self.tokens.clear();
            self.order.clear();
            self.keyring = keyring.clone();
        }
        let digest = TokenDigest::of(text);
        if let Some(known) = self.tokens.get(&digest) {
            return Ok(Arc::clone(known));
        }
        let token = Arc::new(verify(text, keyring)?);
        if self.order.len() == self.capacity
            && let Some(oldest) = self.order.pop_front()
        {
            self.tokens.remove(&oldest);
        }
        self.order.push_back(digest);
        self.tokens.insert(digest, Arc::clone(&token));
        Ok(token)
    }
}
