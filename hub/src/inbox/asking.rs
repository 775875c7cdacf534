//! What a browser is to sign in order to log in. Nothing is kept of what was asked, so that nobody can ask somebody else's
//! question away: a nonce says itself when it was made, and that this hub made it.

use std::{fmt, sync::Arc};

use subtle::ConstantTimeEq as _;
use time::Duration;
use vocabulary::Timestamp;
use zeroize::Zeroizing;

/// How long logging in may take.
pub(super) const ASKING: Duration = Duration::minutes(5);

/// A time, random bytes, and a keyed hash of both.
pub(super) type Nonce = [u8; 32];

const TIME: usize = 8;
const SAID: usize = 16;

/// What makes nonces: of one process, so that after a restart people are asked anew. Cheap to clone.
#[derive(Clone)]
pub(crate) struct AskingKey(Arc<Zeroizing<[u8; 32]>>);

impl fmt::Debug for AskingKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AskingKey(..)")
    }
}

impl AskingKey {
    /// A key of these random bits.
    pub(crate) fn from_entropy(entropy: [u8; 32]) -> Self {
        Self(Arc::new(Zeroizing::new(entropy)))
    }

    /// A nonce that was made now.
    pub(super) fn ask(&self, now: Timestamp, random: [u8; 8]) -> Nonce {
        let mut nonce = [0; 32];
        nonce[..TIME].copy_from_slice(&now.unix_micros().to_be_bytes());
        nonce[TIME..SAID].copy_from_slice(&random);
        let seal = self.seal(&nonce);
        nonce[SAID..].copy_from_slice(&seal);
        nonce
    }

    /// Whether this was asked here, and lately.
    pub(super) fn asked(&self, nonce: &Nonce, now: Timestamp) -> bool {
        let own = bool::from(self.seal(nonce)[..].ct_eq(&nonce[SAID..]));
        let mut micros = [0; TIME];
        micros.copy_from_slice(&nonce[..TIME]);
        own && Timestamp::from_unix_micros(u64::from_be_bytes(micros))
            .is_ok_and(|at| at <= now && now < at.saturating_add(ASKING))
    }

    fn seal(&self, nonce: &Nonce) -> [u8; SAID] {
        let hash = blake3::keyed_hash(&self.0, &nonce[..SAID]);
        let mut seal = [0; SAID];
        seal.copy_from_slice(&hash.as_bytes()[..SAID]);
        seal
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_asked_here_may_be_answered_for_five_minutes() {
        let key = AskingKey::from_entropy([1; 32]);
        let at = |seconds: i64| {
            Timestamp::EPOCH.saturating_add(Duration::days(20_000) + Duration::seconds(seconds))
        };
        let nonce = key.ask(at(0), [2; 8]);
        assert!(key.asked(&nonce, at(0)) && key.asked(&nonce, at(299)));
        for (when, why) in [(300, "it is over"), (-1, "it is not made yet")] {
            assert!(!key.asked(&nonce, at(when)), "{why}");
        }
        assert!(!AskingKey::from_entropy([3; 32]).asked(&nonce, at(0)));
        for place in 0..nonce.len() {
            let mut other = nonce;
            other[place] ^= 1;
            assert!(!key.asked(&other, at(1)), "{place}");
        }
    }
}
