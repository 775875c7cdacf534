//! Who is logged in. Not of the ledger: after a restart people log in again.

use std::collections::HashMap;

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use time::Duration;
use vocabulary::{MemberId, Timestamp};

/// How long somebody stays logged in.
pub(super) const STAY: Duration = Duration::hours(12);

/// How long logging in may take.
const ASKING: Duration = Duration::minutes(5);

/// The most people who are logged in, and the most who are about to be.
const MOST: usize = 10_000;

/// Who is logged in, and who is about to be.
#[derive(Debug, Default)]
pub(crate) struct Visitors {
    /// By the hash of what the browser holds: what is here logs nobody in.
    stays: HashMap<blake3::Hash, Stay>,
    asked: HashMap<[u8; 32], Timestamp>,
}

#[derive(Debug)]
struct Stay {
    member: MemberId,
    since: Timestamp,
}

/// What a browser shows to say who is behind it: 256 random bits.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pass(blake3::Hash);

impl Pass {
    /// Of what a cookie says.
    pub(super) fn read(text: &str) -> Option<Self> {
        let bytes = URL_SAFE_NO_PAD.decode(text).ok()?;
        <[u8; 32]>::try_from(bytes).ok().map(|secret| Self::of(&secret))
    }

    fn of(secret: &[u8; 32]) -> Self {
        Self(blake3::hash(secret))
    }
}

impl Visitors {
    /// Asks somebody to touch a passkey over these random bits.
    pub(super) fn ask(&mut self, nonce: [u8; 32], now: Timestamp) {
        self.asked.retain(|_, at| within(*at, ASKING, now));
        drop_oldest(&mut self.asked, |at| *at);
        self.asked.insert(nonce, now);
    }

    /// Whether that was asked, lately, and not answered yet. From now on it is.
    pub(super) fn answer(&mut self, nonce: &[u8; 32], now: Timestamp) -> bool {
        self.asked.remove(nonce).is_some_and(|at| within(at, ASKING, now))
    }

    /// Lets a member stay; what their browser shows from now on is made of these random bits.
    pub(super) fn enter(&mut self, member: MemberId, secret: &[u8; 32], now: Timestamp) {
        self.stays.retain(|_, stay| within(stay.since, STAY, now));
        drop_oldest(&mut self.stays, |stay| stay.since);
        self.stays.insert(Pass::of(secret).0, Stay { member, since: now });
    }

    /// Who shows this pass.
    pub(super) fn who(&self, pass: Pass, now: Timestamp) -> Option<MemberId> {
        let stay = self.stays.get(&pass.0)?;
        within(stay.since, STAY, now).then_some(stay.member)
    }

    /// Ends a stay.
    pub(super) fn leave(&mut self, pass: Pass) {
        self.stays.remove(&pass.0);
    }
}

/// Also a clock that was set back ends it: nobody stays longer than this.
fn within(since: Timestamp, long: Duration, now: Timestamp) -> bool {
    since <= now && now < since.saturating_add(long)
}

fn drop_oldest<K: Clone + Eq + std::hash::Hash, V>(all: &mut HashMap<K, V>, at: impl Fn(&V) -> Timestamp) {
    if all.len() < MOST {
        return;
    }
    let oldest = all
        .iter()
        .min_by_key(|(_, value)| at(value))
        .map(|(key, _)| key.clone());
    if let Some(oldest) = oldest {
        all.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::EPOCH.saturating_add(Duration::days(20_000) + Duration::minutes(minutes))
    }

    #[test]
    fn a_stay_ends_with_its_time_and_when_somebody_leaves() {
        let (mut visitors, alice) = (Visitors::default(), MemberId::new(1, [1; 10]));
        visitors.enter(alice, &[1; 32], at(0));
        visitors.enter(alice, &[2; 32], at(0));
        let pass = Pass::of(&[1; 32]);
        assert_eq!(visitors.who(pass, at(12 * 60 - 1)), Some(alice));
        assert_eq!(visitors.who(pass, at(12 * 60)), None);
        assert_eq!(visitors.who(pass, at(-1)), None);
        assert_eq!(visitors.who(Pass::of(&[3; 32]), at(0)), None);
        visitors.leave(pass);
        assert_eq!(visitors.who(pass, at(0)), None);
        assert_eq!(visitors.who(Pass::of(&[2; 32]), at(0)), Some(alice));
    }

    #[test]
    fn what_was_asked_is_answered_once_and_within_its_time() {
        let mut visitors = Visitors::default();
        visitors.ask([1; 32], at(0));
        visitors.ask([2; 32], at(0));
        assert!(visitors.answer(&[1; 32], at(4)));
        assert!(!visitors.answer(&[1; 32], at(4)));
        assert!(!visitors.answer(&[2; 32], at(5)));
        assert!(!visitors.answer(&[3; 32], at(0)));
    }

    #[test]
    fn a_pass_reads_as_what_was_given_and_rubbish_as_none() {
        let text = URL_SAFE_NO_PAD.encode([1; 32]);
        assert_eq!(Pass::read(&text), Some(Pass::of(&[1; 32])));
        for rubbish in ["", "x", &text[1..], &format!("{text}AA")] {
            assert_eq!(Pass::read(rubbish), None, "{rubbish}");
        }
    }

    #[test]
    fn whoever_asks_for_ever_more_drops_the_oldest_only() {
        let mut visitors = Visitors::default();
        for number in 0..=u32::try_from(MOST).unwrap() {
            let mut nonce = [0; 32];
            nonce[..4].copy_from_slice(&number.to_be_bytes());
            visitors.ask(
                nonce,
                Timestamp::from_unix_micros(at(0).unix_micros() + u64::from(number)).unwrap(),
            );
        }
        assert_eq!(visitors.asked.len(), MOST);
        assert!(!visitors.asked.contains_key(&[0; 32]));
    }
}
