//! What proofs over HTTP are made over: numbers that the hub gives out and changes, and which of their proofs were seen.

use std::{
    collections::{HashSet, VecDeque},
    sync::{Arc, Mutex},
    time::Instant,
};

use protocol::web::NONCE_LIFE;
use vocabulary::RequestId;

use super::guests::lock;
use crate::clock;

/// How many proofs are remembered under one nonce; then the next is given out.
const MOST_SEEN: usize = 100_000;

/// How many nonces are remembered that are over: about a week's.
const MOST_OVER: usize = 2_048;

/// A nonce's bytes.
pub(super) type Nonce = [u8; 32];

/// The nonces that count now. Cheap to clone.
#[derive(Debug, Clone)]
pub(super) struct Nonces(Arc<Mutex<Kept>>);

#[derive(Debug)]
struct Kept {
    current: Given,
    previous: Given,
    over: VecDeque<(Nonce, Instant)>,
}

#[derive(Debug)]
struct Given {
    nonce: Nonce,
    since: Instant,
    seen: HashSet<RequestId>,
}

impl Given {
    fn fresh() -> Result<Self, getrandom::Error> {
        Ok(Self {
            nonce: clock::random()?,
            since: Instant::now(),
            seen: HashSet::new(),
        })
    }

    fn counts(&self) -> bool {
        self.since.elapsed() < 2 * NONCE_LIFE
    }
}

/// Whether proofs over a nonce count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Standing {
    /// They do.
    Good,
    /// They did once: the hub that runs now gave it out, and long ago.
    Over,
    /// It was given out by a hub that ran before, or by nobody, or made room before its time.
    Unknown,
}

/// A proof was seen before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Seen;

impl Nonces {
    /// # Errors
    /// Where the system has no randomness.
    pub(super) fn new() -> Result<Self, getrandom::Error> {
        Ok(Self(Arc::new(Mutex::new(Kept {
            current: Given::fresh()?,
            previous: Given::fresh()?,
            over: VecDeque::new(),
        }))))
    }

    /// The nonce to give out.
    ///
    /// # Errors
    /// Where the system has no randomness.
    pub(super) fn current(&self) -> Result<Nonce, getrandom::Error> {
        let mut kept = lock(&self.0);
        if kept.current.since.elapsed() >= NONCE_LIFE || kept.current.seen.len() >= MOST_SEEN {
            let fresh = Given::fresh()?;
            let previous = std::mem::replace(&mut kept.current, fresh);
            let over = std::mem::replace(&mut kept.previous, previous);
            kept.over.truncate(MOST_OVER - 1);
            kept.over.push_front((over.nonce, over.since));
        }
        Ok(kept.current.nonce)
    }

    /// Whether proofs over this nonce count.
    pub(super) fn standing(&self, nonce: &Nonce) -> Standing {
        let kept = lock(&self.0);
        let Kept {
            current,
            previous,
            over,
        } = &*kept;
        if let Some(given) = [current, previous]
            .into_iter()
            .find(|given| given.nonce == *nonce)
        {
            return if given.counts() {
                Standing::Good
            } else {
                Standing::Over
            };
        }
        // Where so much was asked that a nonce made room before its time, nobody is to blame who shows it.
        let in_time = |since: &Instant| since.elapsed() < 2 * NONCE_LIFE;
        match over.iter().find(|(known, _)| known == nonce) {
            Some((_, since)) if !in_time(since) => Standing::Over,
            _ => Standing::Unknown,
        }
    }

    /// Remembers a proof over a nonce that counts; says whether it was seen before.
    ///
    /// # Errors
    /// [`Seen`], also where the nonce went out of use just now: what was seen over it is not known any more.
    pub(super) fn spend(&self, nonce: &Nonce, attempt: RequestId) -> Result<(), Seen> {
        let mut kept = lock(&self.0);
        let Kept {
            current, previous, ..
        } = &mut *kept;
        let given = [current, previous]
            .into_iter()
            .find(|given| given.nonce == *nonce && given.counts())
            .ok_or(Seen)?;
        if given.seen.insert(attempt) {
            Ok(())
        } else {
            Err(Seen)
        }
    }

    #[cfg(test)]
    fn age(&self, by: std::time::Duration) {
        let mut kept = lock(&self.0);
        kept.current.since -= by;
        kept.previous.since -= by;
        kept.over.iter_mut().for_each(|(_, since)| *since -= by);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_proof_counts_once_and_as_long_as_its_nonce() {
        let nonces = Nonces::new().unwrap();
        let first = nonces.current().unwrap();
        let attempt = clock::new_id().unwrap();
        assert_eq!(nonces.spend(&first, attempt), Ok(()));
        assert_eq!(nonces.spend(&first, attempt), Err(Seen));
        assert_eq!(nonces.spend(&[0; 32], attempt), Err(Seen));
        assert_eq!(nonces.standing(&[0; 32]), Standing::Unknown);
        nonces.age(NONCE_LIFE);
        let second = nonces.current().unwrap();
        assert_ne!(first, second);
        // The one before still counts, and still remembers.
        assert_eq!(nonces.standing(&first), Standing::Good);
        assert_eq!(nonces.spend(&first, attempt), Err(Seen));
        assert_eq!(nonces.spend(&first, clock::new_id().unwrap()), Ok(()));
        assert_eq!(nonces.spend(&second, attempt), Ok(()));
        nonces.age(NONCE_LIFE);
        assert_eq!(nonces.standing(&first), Standing::Over);
        assert_eq!(nonces.spend(&first, clock::new_id().unwrap()), Err(Seen));
        assert_eq!(nonces.standing(&second), Standing::Good);
        // Nor is it forgotten when others have come.
        for _ in 0..3 {
            nonces.age(2 * NONCE_LIFE);
            nonces.current().unwrap();
        }
        assert_eq!(nonces.standing(&first), Standing::Over);
        assert_eq!(nonces.standing(&second), Standing::Over);
    }

    #[test]
    fn a_nonce_goes_out_of_use_before_its_proofs_take_much_room() {
        let nonces = Nonces::new().unwrap();
        let first = nonces.current().unwrap();
        for _ in 0..MOST_SEEN {
            nonces.spend(&first, clock::new_id().unwrap()).unwrap();
        }
        let second = nonces.current().unwrap();
        assert_ne!(second, first);
        assert_eq!(nonces.standing(&first), Standing::Good);
        for _ in 0..MOST_SEEN {
            nonces.spend(&second, clock::new_id().unwrap()).unwrap();
        }
        nonces.current().unwrap();
        assert_eq!(nonces.standing(&first), Standing::Unknown);
    }
}
