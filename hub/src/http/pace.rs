//! Not too fast: what one address and one session may ask for in a second. Whoever asks for more is told when to come
//! again, and that is recorded once a minute, not once a request.
//!
//! Addresses of this machine are not counted, for they tell nobody apart; who shows a session's token is counted by
//! session, wherever it comes from.

use std::{
    collections::HashMap,
    hash::Hash,
    num::NonZeroU32,
    sync::{
        Mutex, PoisonError,
        atomic::{AtomicU32, Ordering},
    },
    time::{Duration, Instant},
};

use axum::{
    extract::{Request, State},
    http::{HeaderValue, StatusCode, header},
    middleware::Next,
    response::Response,
};
use governor::{
    DefaultKeyedRateLimiter, Quota, RateLimiter,
    clock::{Clock as _, DefaultClock},
};
use protocol::{Refusal, RefusalCode};

use super::{
    Agents, Problem,
    guard::{address, network},
};

/// What may be asked for in a second, all the time, and how much at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Rate {
    a_second: NonZeroU32,
    at_once: NonZeroU32,
}

/// What one address may: an office of many agents is one address.
pub(super) const OF_ADDRESS: Rate = Rate::new(1_000, 5_000);

/// What one session may: more than any agent thinks of.
pub(super) const OF_SESSION: Rate = Rate::new(500, 1_000);

/// How often it is recorded of one that it was too fast.
const WINDOW: Duration = Duration::from_secs(60);

/// After how many requests those are forgotten who ask for little.
const SWEEP_AFTER: u32 = 65_536;

/// How fast everybody of one kind is.
#[derive(Debug)]
pub(super) struct Pace<K: Hash + Eq + Clone> {
    rate: Rate,
    limiter: DefaultKeyedRateLimiter<K>,
    told: Mutex<HashMap<K, Told>>,
    asked: AtomicU32,
}

/// When it was recorded of one that it was too fast, and how often it was since.
#[derive(Debug, Clone, Copy)]
struct Told {
    at: Instant,
    since: u64,
}

/// Somebody was too fast.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooFast {
    rate: Rate,
    wait: Duration,
    /// Whether this one is to be recorded, and then how many were not since the last.
    unrecorded: Option<u64>,
}

impl Rate {
    const fn new(a_second: u32, at_once: u32) -> Self {
        match (NonZeroU32::new(a_second), NonZeroU32::new(at_once)) {
            (Some(a_second), Some(at_once)) => Self { a_second, at_once },
            // Evaluated by the compiler only.
            _ => Self {
                a_second: NonZeroU32::MIN,
                at_once: NonZeroU32::MIN,
            },
        }
    }
}

impl<K: Hash + Eq + Clone> Pace<K> {
    pub(super) fn new(rate: Rate) -> Self {
        Self {
            rate,
            limiter: RateLimiter::keyed(Quota::per_second(rate.a_second).allow_burst(rate.at_once)),
            told: Mutex::default(),
            asked: AtomicU32::new(0),
        }
    }

    /// Counts one request.
    pub(super) fn check(&self, who: &K) -> Result<(), TooFast> {
        if self.asked.fetch_add(1, Ordering::Relaxed) % SWEEP_AFTER == SWEEP_AFTER - 1 {
            self.limiter.retain_recent();
            self.told().retain(|_, told| told.at.elapsed() < WINDOW);
        }
        let Err(early) = self.limiter.check_key(who) else {
            return Ok(());
        };
        let mut told = self.told();
        let unrecorded = match told.get_mut(who) {
            Some(told) if told.at.elapsed() < WINDOW => {
                told.since += 1;
                None
            }
            known => Some(known.map_or(0, |told| told.since)),
        };
        if unrecorded.is_some() {
            let now = Told {
                at: Instant::now(),
                since: 0,
            };
            told.insert(who.clone(), now);
        }
        Err(TooFast {
            rate: self.rate,
            wait: early.wait_time_from(DefaultClock::default().now()),
            unrecorded,
        })
    }

    fn told(&self) -> std::sync::MutexGuard<'_, HashMap<K, Told>> {
        self.told.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl TooFast {
    /// What is to be recorded of it, if something is.
    pub(super) fn refusal(self, who: &str) -> Option<Refusal> {
        let before = match self.unrecorded? {
            0 => String::new(),
            more => format!("; so it was {more} times more since that was last recorded"),
        };
        let message = format!("{who} asks for more than {}{before}", self.rate);
        Some(Refusal::new(RefusalCode::TooFast, &message))
    }

    /// What is answered (RFC 6585, section 4).
    pub(super) fn answer(self) -> Box<Response> {
        let seconds = self.wait.as_secs().saturating_add(1);
        let detail = format!(
            "more than {} is not answered; come again in {seconds} s",
            self.rate
        );
        let code = RefusalCode::TooFast.as_str();
        let mut response = Problem::new(StatusCode::TOO_MANY_REQUESTS, code, detail).boxed();
        response
            .headers_mut()
            .insert(header::RETRY_AFTER, HeaderValue::from(seconds));
        response
    }
}

impl std::fmt::Display for Rate {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(
            f,
            "{} requests a second, or {} at once",
            self.a_second, self.at_once
        )
    }
}

/// Lets pass who is not too fast for where it comes from.
pub(super) async fn of_address(State(agents): State<Agents>, request: Request, next: Next) -> Response {
    let from = address(request.extensions());
    if from.is_loopback() {
        return next.run(request).await;
    }
    match agents.addresses().check(&network(from)) {
        Ok(()) => next.run(request).await,
        Err(too_fast) => {
            if let Some(refusal) = too_fast.refusal(&format!("{from}, over HTTP,")) {
                agents.turn_away(refusal, request.headers()).await;
            }
            *too_fast.answer()
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn whoever_is_too_fast_is_told_when_to_come_again_and_recorded_once() {
        let pace = Pace::new(Rate::new(1, 3));
        for _ in 0..3 {
            assert_eq!(pace.check(&"alice"), Ok(()));
        }
        let first = pace.check(&"alice").unwrap_err();
        assert_eq!(first.unrecorded, Some(0));
        assert!(first.wait <= Duration::from_secs(1), "{first:?}");
        assert!(first.refusal("alice").is_some());
        for _ in 0..5 {
            let again = pace.check(&"alice").unwrap_err();
            assert_eq!(again.unrecorded, None);
            assert_eq!(again.refusal("alice"), None);
        }
        let answer = first.answer();
        assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
        assert_eq!(answer.headers()[header::RETRY_AFTER], "1");
        // Nobody else is to wait for that.
        assert_eq!(pace.check(&"bob"), Ok(()));
        // A minute later the rest is told with the next.
        pace.told().get_mut("alice").unwrap().at -= WINDOW;
        let later = pace.check(&"alice").unwrap_err();
        assert_eq!(later.unrecorded, Some(5));
        assert!(later.refusal("alice").unwrap().message.contains("5 times more"));
    }

    #[test]
    fn those_are_forgotten_who_ask_for_little() {
        let pace = Pace::new(Rate::new(1_000_000, 1_000_000));
        for who in 0..SWEEP_AFTER {
            pace.check(&who).unwrap();
        }
        assert!(pace.limiter.len() < 10_000, "{}", pace.limiter.len());
    }
}
