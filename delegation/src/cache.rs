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
    tokens: HashMap<TokenDigest, Arc<VerifiedToken>>,
    order: VecDeque<TokenDigest>,
    capacity: usize,
}

impl TokenCache {
    /// A cache for so many tokens.
    #[must_use]
    pub fn new(capacity: usize) -> Self {
        Self {
            tokens: HashMap::new(),
            order: VecDeque::new(),
            capacity: capacity.max(1),
        }
    }

    /// Verifies a token, or finds that it was. The keyring has to be the one of all calls before: members' keys
    /// are added and never changed.
    ///
    /// # Errors
    /// As [`verify`].
    pub fn verify(&mut self, text: &str, keyring: &Keyring) -> Result<Arc<VerifiedToken>, Denial> {
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
