//! At most so many in a minute: what an unauthorized caller can make the ledger write is bounded.

use time::Duration;
use vocabulary::Timestamp;

/// How many entries strangers can cause in one minute; the rest are counted.
const PER_MINUTE: u32 = 30;

/// Counts, and says which to write.
#[derive(Debug, Default)]
pub(crate) struct Throttle {
    since: Option<Timestamp>,
    written: u32,
    passed_over: u64,
}

impl Throttle {
    /// Whether to write one now; if so, how many were passed over since the last.
    pub(crate) fn admit(&mut self, now: Timestamp) -> Option<u64> {
        let fresh = self
            .since
            .is_none_or(|since| now.since(since) >= Duration::MINUTE);
        if fresh {
            self.since = Some(now);
            self.written = 0;
        }
        if self.written < PER_MINUTE {
            self.written += 1;
            Some(std::mem::take(&mut self.passed_over))
        } else {
            self.passed_over += 1;
            None
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_over_the_limit_is_counted_and_told_with_the_next() {
        let mut throttle = Throttle::default();
        let start = Timestamp::EPOCH;
        let admitted = (0..100).filter(|_| throttle.admit(start).is_some()).count();
        assert_eq!(admitted, PER_MINUTE as usize);
        assert_eq!(
            throttle.admit(start.saturating_add(Duration::MINUTE)),
            Some(100 - u64::from(PER_MINUTE))
        );
        assert_eq!(throttle.admit(start.saturating_add(Duration::MINUTE)), Some(0));
    }
}
