//! The rules of repositories, as a session met them. Whoever may run a program may have it remove the file in which they stand: what was
//! enforced once stays so for as long as the session lasts, and each change is on record.

use std::{
    collections::{BTreeMap, BTreeSet, HashMap},
    path::{Path, PathBuf},
    sync::{Mutex, MutexGuard, PoisonError},
};

use gate::{Effect, Mode, What};
use serde::{Deserialize, Serialize};
use trace_store::{BodyState, ChainId, ReadError, Store};
use vocabulary::TraceId;

use super::place;
use crate::{kind::EntryKind, records};

/// Of how many roots the rules are remembered; a session works in a handful.
const MOST: usize = 64;

/// Of how many sessions that is remembered; of others it stands in their traces.
const MOST_SESSIONS: usize = 1_024;

/// How many entries are read at a time, without their bodies.
const PAGE: usize = 1_024;

/// Body of `gate.rules`: the rules of a repository, when a session first met them and whenever they were others.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct GateRules {
    /// The folder in and below which they hold.
    pub root: String,
    /// What they say that a denial does; nothing, where there are none any more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub mode: Option<Mode>,
    /// Of the file's bytes, BLAKE3.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<String>,
}

/// The folders in which this hub saw rules stand: one from which they were removed is looked at all the same.
#[derive(Debug, Default)]
pub(super) struct Ruled(Mutex<BTreeSet<PathBuf>>);

impl Ruled {
    /// Rules stand there.
    pub(super) fn note(&self, root: &Path) {
        let mut known = self.known();
        if known.len() < MOST && !known.contains(root) {
            known.insert(root.to_owned());
        }
    }

    /// Whether rules stood there.
    pub(super) fn knows(&self, root: &Path) -> bool {
        self.known().contains(root)
    }

    /// The root that a path belongs to.
    pub(super) fn root_of(&self, path: &Path) -> PathBuf {
        let found = place::root_of(path);
        let known = self.known();
        let stood = path.ancestors().find(|folder| known.contains(*folder));
        match stood {
            Some(stood) if place::policy_of(&found).is_none() => stood.to_owned(),
            _ => found,
        }
    }

    fn known(&self) -> MutexGuard<'_, BTreeSet<PathBuf>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The rules that a session met.
#[derive(Debug, Default)]
pub(crate) struct Met(BTreeMap<PathBuf, Rules>);

/// What sessions met, by their traces.
#[derive(Debug, Default)]
pub(crate) struct Remembered(HashMap<TraceId, Met>);

impl Remembered {
    /// What a session met, found in its trace where nobody asked for it lately.
    ///
    /// # Errors
    /// Where that cannot be read.
    pub(crate) fn of(&mut self, store: &Store, trace: TraceId) -> Result<&mut Met, ReadError> {
        if !self.0.contains_key(&trace) {
            if self.0.len() == MOST_SESSIONS {
                self.0.clear();
            }
            self.0.insert(trace, Met::recall(store, trace)?);
        }
        Ok(self.0.entry(trace).or_default())
    }

    /// The same where it was asked for lately.
    pub(crate) fn known(&self, trace: TraceId) -> Option<&Met> {
        self.0.get(&trace)
    }
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Rules {
    /// Whether they were enforced at any time.
    enforced: bool,
    digest: Option<String>,
}

impl Met {
    /// Takes note of what was found for a folder. Says what is to be recorded: what is new, or gone.
    pub(crate) fn meet(&mut self, root: &Path, found: Option<(Mode, String)>) -> Option<GateRules> {
        match found {
            Some((mode, digest)) => {
                if !self.0.contains_key(root) && self.0.len() == MOST {
                    return None;
                }
                let known = self.0.entry(root.to_owned()).or_default();
                known.enforced |= mode == Mode::Enforce;
                if known.digest.as_ref() == Some(&digest) {
                    return None;
                }
                known.digest = Some(digest.clone());
                Some(GateRules {
                    root: root.display().to_string(),
                    mode: Some(mode),
                    digest: Some(digest),
                })
            }
            // Above a folder without rules, none hold.
            None => {
                let above = root.ancestors().find(|folder| self.0.contains_key(*folder))?;
                let known = self.0.get_mut(above)?;
                known.digest.take()?;
                Some(GateRules {
                    root: above.display().to_string(),
                    mode: None,
                    digest: None,
                })
            }
        }
    }

    /// What a session's trace says that it met: all of it, however long ago.
    ///
    /// # Errors
    /// Where it cannot be read.
    pub(crate) fn recall(store: &Store, trace: TraceId) -> Result<Self, ReadError> {
        let (chain, mut next, mut met) = (ChainId::Trace(trace), 0, Self::default());
        loop {
            let page = store.entries(chain, next, PAGE)?;
            let Some(last) = page.last() else { return Ok(met) };
            next = last.seq + 1;
            let kind = EntryKind::GateRules.as_str();
            for entry in page.iter().filter(|entry| entry.kind.as_str() == kind) {
                let stored = store.entry(chain, entry.seq)?;
                if let Some(BodyState::Present(body)) = stored.map(|stored| stored.body)
                    && let Ok(said) = records::read::<GateRules>(kind, &body)
                {
                    met.take_up(said);
                }
            }
        }
    }

    fn take_up(&mut self, said: GateRules) {
        let known = self.0.entry(said.root.into()).or_default();
        known.enforced |= said.mode == Some(Mode::Enforce);
        known.digest = said.digest;
    }

    /// Whether a call that is done under a root would change what was under rules that were enforced, or may, where the root
    /// has no rules of its own.
    pub(crate) fn enforce(&self, root: &Path, effect: &Effect, ruled: bool) -> bool {
        let mut enforced = self.0.iter().filter(|(_, rules)| rules.enforced).peekable();
        if enforced.peek().is_none() {
            return false;
        }
        let enforced: Vec<&PathBuf> = enforced.map(|(root, _)| root).collect();
        let within = |path: &Path| enforced.iter().any(|root| path.starts_with(root));
        within(root)
            || effect.changes().iter().any(|change| match &change.what {
                What::Path(path) => within(&root.join(path.as_str())),
                What::Outside(path) => within(path),
                What::Anywhere => !ruled,
                What::Commit
                | What::Push
                | What::Elsewhere(_)
                | What::Protected { .. }
                | What::Unnameable(_) => false,
            })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(mode: Mode, digest: &str) -> Option<(Mode, String)> {
        Some((mode, digest.to_owned()))
    }

    #[test]
    fn each_change_is_said_once_and_what_was_enforced_stays_so() {
        let (shop, lib, beside) = (Path::new("/shop"), Path::new("/shop/lib"), Path::new("/beside"));
        let nothing = Effect::default();
        let mut met = Met::default();
        assert_eq!(met.meet(shop, None), None, "there never were any");
        assert!(met.meet(shop, found(Mode::Observe, "1")).is_some());
        assert!(!met.enforce(shop, &nothing, false));
        let said = met.meet(shop, found(Mode::Enforce, "2")).unwrap();
        assert_eq!(met.meet(shop, found(Mode::Enforce, "2")), None);
        assert!(met.enforce(shop, &nothing, false) && met.enforce(lib, &nothing, false));
        assert!(!met.enforce(beside, &nothing, false));
        // Gone, and looked for from a folder below.
        let gone = met.meet(lib, None).unwrap();
        assert_eq!((&*gone.root, gone.mode), ("/shop", None));
        assert_eq!(met.meet(lib, None), None);
        assert!(met.enforce(lib, &nothing, false));

        let mut again = Met::default();
        again.take_up(said);
        again.take_up(gone);
        assert_eq!(again.meet(lib, None), None);
        assert!(again.enforce(lib, &nothing, false));
    }

    #[test]
    fn no_more_than_so_many_are_remembered_and_none_is_forgotten() {
        let mut met = Met::default();
        for number in 0..2 * MOST {
            met.meet(Path::new(&format!("/{number}")), found(Mode::Enforce, "1"));
        }
        assert_eq!(met.0.len(), MOST);
        assert!(met.enforce(Path::new("/0/src"), &Effect::default(), false));
    }
}
