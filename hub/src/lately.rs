//! Who told something lately: a bounded memory, for those who come without a connection that stays.

use std::collections::VecDeque;

use vocabulary::SessionId;

/// How many are remembered: more than one machine has agents at work.
const MOST: usize = 256;

/// The sessions that told something, the latest last.
#[derive(Debug, Default)]
pub(crate) struct Lately(VecDeque<SessionId>);

impl Lately {
    /// Takes note of one, and says whose turn it is to be forgotten.
    pub(crate) fn note(&mut self, session: SessionId) -> Option<SessionId> {
        if self.0.back() == Some(&session) {
            return None;
        }
        if let Some(known) = self.0.iter().position(|known| *known == session) {
            self.0.remove(known);
        }
        self.0.push_back(session);
        (self.0.len() > MOST).then(|| self.0.pop_front())?
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_was_silent_longest_is_forgotten_first() {
        let mut lately = Lately::default();
        let sessions: Vec<_> = (0..=MOST as u64)
            .map(|number| SessionId::new(number, [1; 10]))
            .collect();
        for session in &sessions[..MOST] {
            assert_eq!(lately.note(*session), None);
            assert_eq!(lately.note(*session), None);
        }
        assert_eq!(lately.note(sessions[0]), None, "it spoke again");
        assert_eq!(lately.note(sessions[MOST]), Some(sessions[1]));
    }
}
