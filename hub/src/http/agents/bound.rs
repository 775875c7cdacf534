//! Whose each protocol session is, and how many there may be: of one credential, of what one delegation lends, and in all.

use std::{
    collections::{HashMap, HashSet},
    sync::{Arc, Mutex},
};

use vocabulary::DelegationId;

use super::guests::{Name, lock};

/// How many protocol sessions one credential may have; beyond that its oldest ends.
const MOST_OF_CREDENTIAL: usize = 16;

/// How many one delegation may have, which lends to any number of credentials; beyond that its oldest ends.
pub(super) const MOST_OF_DELEGATION: usize = 2_048;

/// How many there may be; beyond that nobody's begins.
pub(super) const MOST_IN_ALL: usize = 4_096;

/// How many are remembered before those that ended are looked for.
const SWEEP_AT: usize = 1_024;

/// Whose a protocol session is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Owner {
    pub(super) name: Name,
    pub(super) delegation: DelegationId,
}

/// Whose each protocol session is.
#[derive(Debug, Default)]
pub(super) struct Bound(Mutex<Sessions>);

#[derive(Debug, Default)]
struct Sessions {
    known: HashMap<Arc<str>, (u64, Owner)>,
    begun: u64,
}

/// There are as many as there may be.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Bound {
    /// Whose it is; nobody's, where there is none.
    pub(super) fn owner(&self, id: &str) -> Option<Owner> {
        lock(&self.0).known.get(id).map(|(_, owner)| *owner)
    }

    /// Whether it is time to look for those that ended.
    pub(super) fn is_to_be_swept(&self) -> bool {
        lock(&self.0).known.len() >= SWEEP_AT
    }

    /// Forgets those that ended; says which live whose owner is nobody any more.
    pub(super) fn sweep(&self, living: &HashSet<Arc<str>>, is_here: impl Fn(&Name) -> bool) -> Vec<Arc<str>> {
        let mut sessions = lock(&self.0);
        sessions.known.retain(|id, _| living.contains(id));
        sessions.end(|owner| !is_here(&owner.name))
    }

    /// Says whose a session is that began; and which others end with that.
    ///
    /// # Errors
    /// [`Full`]: it is nobody's.
    pub(super) fn bind(&self, id: &str, owner: Owner) -> Result<Vec<Arc<str>>, Full> {
        let mut sessions = lock(&self.0);
        let mut surplus = Vec::new();
        surplus.extend(sessions.oldest(MOST_OF_CREDENTIAL, |known| known.name == owner.name));
        surplus.extend(sessions.oldest(MOST_OF_DELEGATION, |known| known.delegation == owner.delegation));
        if sessions.known.len() >= MOST_IN_ALL {
            return Err(Full);
        }
        sessions.begun += 1;
        let order = sessions.begun;
        sessions.known.insert(id.into(), (order, owner));
        Ok(surplus)
    }

    /// Forgets one.
    pub(super) fn forget(&self, id: &str) {
        lock(&self.0).known.remove(id);
    }

    /// Forgets everything of a credential, and says what that is.
    pub(super) fn take(&self, name: &Name) -> Vec<Arc<str>> {
        lock(&self.0).end(|owner| owner.name == *name)
    }
}

impl Sessions {
    /// Takes the oldest out of those that there may be only so many of, where there is no room for one more.
    fn oldest(&mut self, most: usize, of: impl Fn(&Owner) -> bool) -> Option<Arc<str>> {
        let of = self.known.iter().filter(|(_, (_, owner))| of(owner));
        let (count, oldest) = of.fold(
            (0, None::<(u64, &Arc<str>)>),
            |(count, oldest), (id, (order, _))| {
                let older = oldest.is_none_or(|(first, _)| *order < first);
                (count + 1, if older { Some((*order, id)) } else { oldest })
            },
        );
        let oldest = oldest.filter(|_| count >= most).map(|(_, id)| Arc::clone(id))?;
        self.known.remove(&oldest);
        Some(oldest)
    }

    fn end(&mut self, which: impl Fn(&Owner) -> bool) -> Vec<Arc<str>> {
        self.known
            .extract_if(|_, (_, owner)| which(owner))
            .map(|(id, _)| id)
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn owner(credential: usize, delegation: u8) -> Owner {
        let mut name = [delegation; 32];
        name[..8].copy_from_slice(&credential.to_be_bytes());
        Owner {
            name,
            delegation: DelegationId::new(0, [delegation; 10]),
        }
    }

    fn count(bound: &Bound, delegation: u8) -> usize {
        let delegation = owner(0, delegation).delegation;
        let sessions = lock(&bound.0);
        let of = sessions.known.values();
        of.filter(|(_, owner)| owner.delegation == delegation).count()
    }

    #[test]
    fn a_thousand_agents_work_under_one_delegation_and_flood_nobody_elses() {
        let bound = Bound::default();
        assert_eq!(bound.bind("bob's", owner(0, 2)), Ok(Vec::new()));
        for agent in 0..1_000 {
            assert_eq!(bound.bind(&format!("a{agent}"), owner(agent, 1)), Ok(Vec::new()));
        }
        for more in 1_000..3 * MOST_OF_DELEGATION {
            let ended = bound.bind(&format!("a{more}"), owner(more, 1)).unwrap();
            assert_eq!(ended.len(), usize::from(more >= MOST_OF_DELEGATION));
        }
        assert_eq!((count(&bound, 1), count(&bound, 2)), (MOST_OF_DELEGATION, 1));
        assert!(bound.owner("a0").is_none() && bound.owner("bob's").is_some());
    }

    #[test]
    fn one_credential_ends_its_own_oldest() {
        let bound = Bound::default();
        for number in 0..MOST_OF_CREDENTIAL {
            assert_eq!(bound.bind(&number.to_string(), owner(1, 1)), Ok(Vec::new()));
        }
        assert_eq!(bound.bind("other", owner(2, 1)), Ok(Vec::new()));
        assert_eq!(bound.bind("more", owner(1, 1)), Ok(vec!["0".into()]));
        assert_eq!(bound.take(&owner(1, 1).name).len(), MOST_OF_CREDENTIAL);
        assert!(bound.owner("other").is_some() && bound.owner("more").is_none());
    }

    #[test]
    fn where_there_is_no_room_nobody_is_sent_away_for_somebody_new() {
        let bound = Bound::default();
        for number in 0..MOST_IN_ALL {
            let delegation = u8::try_from(number % 4).unwrap();
            assert_eq!(
                bound.bind(&number.to_string(), owner(number, delegation)),
                Ok(Vec::new())
            );
        }
        assert_eq!(bound.bind("more", owner(MOST_IN_ALL, 5)), Err(Full));
        assert_eq!(lock(&bound.0).known.len(), MOST_IN_ALL);
        let living = (0..100).map(|number: usize| number.to_string().into()).collect();
        let here = owner(4, 0).name;
        assert_eq!(bound.sweep(&living, |name| *name == here).len(), 99);
        assert_eq!(bound.bind("more", owner(MOST_IN_ALL, 5)), Ok(Vec::new()));
    }
}
