//! One after the other within a session, a few sessions at a time: what is looked at takes long, and a later look must not be
//! written before an earlier one.

use std::{
    collections::{HashMap, VecDeque},
    fmt,
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use tokio::sync::{Semaphore, watch};
use vocabulary::SessionId;

/// How many sessions are looked at side by side.
const SIDE_BY_SIDE: usize = 2;

/// How many looks of one session wait; more are not needed, for a later one sees what an earlier one would have. There is room for one at
/// each agent that is waited for, and for a few more.
const MOST_WAITING: usize = 64;

/// How long a look may take before the other sessions go on without it: the largest tree that is compared takes less.
pub(super) const LONGEST_LOOK: Duration = Duration::from_secs(180);

/// How many looks that do not come to their end others go on without: each keeps a thread.
const MOST_HANGING: usize = 64;

type Look = Box<dyn FnOnce() + Send>;

/// The looks that wait, by session.
#[derive(Debug, Clone)]
pub(super) struct Lanes(Arc<Inner>);

struct Inner {
    waiting: Mutex<HashMap<SessionId, VecDeque<Look>>>,
    places: Semaphore,
    hanging: Semaphore,
    longest: Duration,
    sessions: watch::Sender<usize>,
}

impl Default for Lanes {
    fn default() -> Self {
        Self::with(LONGEST_LOOK)
    }
}

impl Lanes {
    fn with(longest: Duration) -> Self {
        Self(Arc::new(Inner {
            waiting: Mutex::default(),
            places: Semaphore::new(SIDE_BY_SIDE),
            hanging: Semaphore::new(MOST_HANGING),
            longest,
            sessions: watch::Sender::new(0),
        }))
    }

    /// Lets a look wait for its turn. Called within a runtime, which does the looking.
    pub(super) fn enter(&self, session: SessionId, look: impl FnOnce() + Send + 'static) {
        let mut waiting = self.0.waiting();
        let begins = !waiting.contains_key(&session);
        let lane = waiting.entry(session).or_default();
        if lane.len() == MOST_WAITING {
            lane.pop_front();
        }
        lane.push_back(Box::new(look));
        let sessions = waiting.len();
        drop(waiting);
        if begins {
            self.0.sessions.send_replace(sessions);
            tokio::spawn(Arc::clone(&self.0).work_off(session));
        }
    }

    /// Waits until nothing waits.
    pub(super) async fn empty(&self) {
        let mut sessions = self.0.sessions.subscribe();
        // The sender lives as long as we do.
        let _ = sessions.wait_for(|sessions| *sessions == 0).await;
    }
}

impl Inner {
    fn waiting(&self) -> MutexGuard<'_, HashMap<SessionId, VecDeque<Look>>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn work_off(self: Arc<Self>, session: SessionId) {
        loop {
            // Never closed; without a place one would only be quicker.
            let place = self.places.acquire().await;
            let Some(look) = self.next(session) else { return };
            let mut looking = tokio::task::spawn_blocking(look);
            let looked = match tokio::time::timeout(self.longest, &mut looking).await {
                Ok(looked) => looked,
                Err(_) => {
                    tracing::error!(%session, "a look does not come to its end; others go on without it");
                    let hanging = self.hanging.try_acquire();
                    let _place = place.ok().filter(|_| hanging.is_err());
                    // Those of its own session wait: two at once would each write what the other does.
                    looking.await
                }
            };
            if let Err(error) = looked {
                tracing::error!(%error, "a look broke off");
            }
        }
    }

    /// The next of a session; its lane ends with the last.
    fn next(&self, session: SessionId) -> Option<Look> {
        let mut waiting = self.waiting();
        let look = waiting.get_mut(&session).and_then(VecDeque::pop_front);
        if look.is_none() {
            waiting.remove(&session);
            let sessions = waiting.len();
            self.sessions.send_replace(sessions);
        }
        look
    }
}

impl fmt::Debug for Inner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let sessions: Vec<SessionId> = self.waiting().keys().copied().collect();
        f.debug_struct("Lanes").field("sessions", &sessions).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_looks_of_a_session_come_one_after_the_other() {
        let lanes = Lanes::default();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let sessions: Vec<_> = (0..4).map(|number| SessionId::new(number, [1; 10])).collect();
        for number in 0..8 {
            for session in &sessions {
                let (seen, session) = (Arc::clone(&seen), *session);
                lanes.enter(session, move || seen.lock().unwrap().push((session, number)));
            }
        }
        lanes.empty().await;
        let seen = seen.lock().unwrap();
        assert_eq!(seen.len(), 32);
        for session in sessions {
            let numbers: Vec<_> = seen
                .iter()
                .filter(|(of, _)| *of == session)
                .map(|(_, number)| *number)
                .collect();
            assert_eq!(numbers, (0..8).collect::<Vec<_>>());
        }
    }

    #[tokio::test]
    async fn a_look_that_hangs_holds_up_its_own_session_and_no_other() {
        let lanes = Lanes::with(Duration::from_millis(1));
        let session = |number| SessionId::new(number, [1; 10]);
        let seen = Arc::new(Mutex::new(Vec::new()));
        let looks = |what: &'static str| {
            let seen = Arc::clone(&seen);
            move || seen.lock().unwrap().push(what)
        };
        let mut answers = Vec::new();
        // More than there are places.
        for number in 0..=SIDE_BY_SIDE as u64 {
            let (answer, disk) = std::sync::mpsc::channel::<()>();
            let looked = looks("looked at last");
            lanes.enter(session(number), move || {
                let _ = disk.recv();
                looked();
            });
            lanes.enter(session(number), looks("looked at after it"));
            answers.push(answer);
        }
        let (done, told) = tokio::sync::oneshot::channel();
        lanes.enter(session(9), move || done.send(()).unwrap());
        told.await.unwrap();
        assert_eq!(*seen.lock().unwrap(), Vec::<&str>::new());
        for answer in answers {
            drop(answer);
        }
        lanes.empty().await;
        let seen = seen.lock().unwrap();
        let before = |what: &str| seen.iter().filter(|seen| **seen == what).count();
        assert_eq!(before("looked at last"), SIDE_BY_SIDE + 1);
        assert_eq!(before("looked at after it"), SIDE_BY_SIDE + 1);
    }

    #[tokio::test]
    async fn a_look_that_breaks_off_holds_up_no_other() {
        let lanes = Lanes::default();
        let session = SessionId::new(0, [1; 10]);
        let (done, told) = tokio::sync::oneshot::channel();
        lanes.enter(session, || panic!("broken"));
        lanes.enter(session, move || done.send(()).unwrap());
        told.await.unwrap();
        lanes.empty().await;
    }
}
