//! Who is logged in. Not of the ledger: after a restart people log in again.

use std::{collections::HashMap, hash::Hash};

use base64::{Engine as _, engine::general_purpose::URL_SAFE_NO_PAD};
use identity::Bytes;
use time::Duration;
use vocabulary::{MemberId, Timestamp};

use super::asking::{ASKING, Nonce};

/// How long somebody stays logged in.
pub(super) const STAY: Duration = Duration::hours(12);

/// In how many browsers a member is logged in at a time, and how often one logs in while a nonce lives.
const MOST_OF_ONE: usize = 100;

/// Who is logged in, and by what.
#[derive(Debug, Default)]
pub(crate) struct Visitors {
    /// By the hash of what the browser holds: what is here logs nobody in.
    stays: HashMap<blake3::Hash, Stay>,
    /// What was signed once logs nobody in again.
    spent: HashMap<Nonce, Stay>,
}

/// A member, by which of their passkeys, since when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Stay {
    pub(super) member: MemberId,
    pub(super) passkey: Bytes,
    pub(super) since: Timestamp,
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
    /// Lets a member stay who signed this nonce; what their browser shows from now on is made of these random bits.
    /// A nonce that was spent lets nobody in.
    pub(super) fn enter(&mut self, stay: Stay, nonce: Nonce, secret: &[u8; 32]) -> bool {
        let now = stay.since;
        self.spent.retain(|_, spent| within(spent.since, ASKING, now));
        if self.spent.contains_key(&nonce) || count_of(&self.spent, stay.member) >= MOST_OF_ONE {
            return false;
        }
        self.stays.retain(|_, old| within(old.since, STAY, now));
        if count_of(&self.stays, stay.member) >= MOST_OF_ONE {
            let own = self.stays.iter().filter(|(_, old)| old.member == stay.member);
            let oldest = own.min_by_key(|(_, old)| old.since).map(|(pass, _)| *pass);
            oldest.map(|pass| self.stays.remove(&pass));
        }
        self.spent.insert(nonce, stay.clone());
        self.stays.insert(Pass::of(secret).0, stay);
        true
    }

    /// Who shows this pass.
    pub(super) fn who(&self, pass: Pass, now: Timestamp) -> Option<&Stay> {
        let stay = self.stays.get(&pass.0)?;
        within(stay.since, STAY, now).then_some(stay)
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

fn count_of<K: Eq + Hash>(all: &HashMap<K, Stay>, member: MemberId) -> usize {
    all.values().filter(|stay| stay.member == member).count()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(minutes: i64) -> Timestamp {
        Timestamp::EPOCH.saturating_add(Duration::days(20_000) + Duration::minutes(minutes))
    }

    fn stay(member: u8, since: Timestamp) -> Stay {
        Stay {
            member: MemberId::new(1, [member; 10]),
            passkey: Bytes::new(vec![member]),
            since,
        }
    }

    #[test]
    fn a_stay_ends_with_its_time_and_when_somebody_leaves() {
        let (mut visitors, alice) = (Visitors::default(), stay(1, at(0)));
        assert!(visitors.enter(alice.clone(), [1; 32], &[1; 32]));
        assert!(visitors.enter(alice.clone(), [2; 32], &[2; 32]));
        let pass = Pass::of(&[1; 32]);
        assert_eq!(visitors.who(pass, at(12 * 60 - 1)), Some(&alice));
        assert_eq!(visitors.who(pass, at(12 * 60)), None);
        assert_eq!(visitors.who(pass, at(-1)), None);
        assert_eq!(visitors.who(Pass::of(&[3; 32]), at(0)), None);
        visitors.leave(pass);
        assert_eq!(visitors.who(pass, at(0)), None);
        assert_eq!(visitors.who(Pass::of(&[2; 32]), at(0)), Some(&alice));
    }

    #[test]
    fn what_was_signed_once_lets_nobody_in_again() {
        let mut visitors = Visitors::default();
        assert!(visitors.enter(stay(1, at(0)), [1; 32], &[1; 32]));
        assert!(!visitors.enter(stay(1, at(4)), [1; 32], &[2; 32]));
        assert_eq!(visitors.who(Pass::of(&[2; 32]), at(4)), None);
    }

    #[test]
    fn who_logs_in_ever_more_loses_their_own_stays_and_keeps_nobody_out() {
        let mut visitors = Visitors::default();
        assert!(visitors.enter(stay(2, at(0)), [255; 32], &[255; 32]));
        let (mut let_in, mut nonce) = (0, [0; 32]);
        for number in 0..250_u16 {
            nonce[..2].copy_from_slice(&number.to_be_bytes());
            let since = at(1 + i64::from(number) / 90 * 5);
            let_in += usize::from(visitors.enter(stay(1, since), nonce, &nonce));
        }
        assert_eq!(let_in, 250, "ninety within each five minutes");
        assert_eq!(count_of(&visitors.stays, stay(1, at(0)).member), MOST_OF_ONE);
        assert!(visitors.who(Pass::of(&[255; 32]), at(20)).is_some());
        for number in 0..40_u8 {
            nonce[..2].copy_from_slice(&[255, number]);
            let_in += usize::from(visitors.enter(stay(1, at(11)), nonce, &nonce));
        }
        assert_eq!(let_in, 280, "and no more than a hundred");
    }

    #[test]
    fn a_pass_reads_as_what_was_given_and_rubbish_as_none() {
        let text = URL_SAFE_NO_PAD.encode([1; 32]);
        assert_eq!(Pass::read(&text), Some(Pass::of(&[1; 32])));
        for rubbish in ["", "x", &text[1..], &format!("{text}AA")] {
            assert_eq!(Pass::read(rubbish), None, "{rubbish}");
        }
    }
}
