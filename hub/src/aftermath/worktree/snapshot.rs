//! How a working tree was when it was looked at.

use std::{
    collections::{BTreeMap, HashMap},
    path::Path,
    sync::Arc,
    time::Duration,
};

use blake3::Hash;
use vocabulary::Timestamp;

use super::{
    git::{Git, Oid},
    walk::Walk,
};
use crate::{clock, records::Unwatched};

/// How much is looked at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// How many files a tree may have.
    pub(super) files: usize,
    /// How much is read in one look.
    pub(super) bytes: u64,
    /// Of a larger file only its size and times are compared.
    pub(super) file: u64,
    /// How long a look may take.
    pub(super) patience: Duration,
    /// How much is remembered of what git has not, and how much of one file.
    pub(super) remembered: usize,
    pub(super) remembered_of_one: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            files: 100_000,
            bytes: 4 << 30,
            file: 256 << 20,
            patience: Duration::from_secs(30),
            remembered: 2 << 20,
            remembered_of_one: 256 << 10,
        }
    }
}

/// A path below a tree's root, as its bytes are.
pub(super) type Name = Box<[u8]>;

/// What the system says of a file; where it says the same, the file is the same.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Mark {
    pub(super) device: u64,
    pub(super) inode: u64,
    pub(super) size: u64,
    pub(super) executable: bool,
    pub(super) modified: (i64, u64),
    pub(super) changed_at: (i64, u64),
    /// When anything of it changed last: nobody but the system sets that.
    pub(super) changed: Timestamp,
}

/// What a file holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// This.
    File(Hash),
    /// A link with this text.
    Link(Hash),
    /// More than is read.
    Large,
    /// It is no file, or may not be read.
    Strange,
}

/// One file, as it was seen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Seen {
    pub(super) mark: Option<Mark>,
    pub(super) holds: Holds,
    /// What clients tell in place of its digest, where that is another.
    pub(super) text: Option<Hash>,
    /// What git would call it.
    pub(super) oid: Option<Oid>,
    /// Whether its mark is enough to know that it is still the same.
    pub(super) settled: bool,
}

impl Seen {
    pub(super) const fn strange(mark: Option<Mark>) -> Self {
        Self {
            mark,
            holds: Holds::Strange,
            text: None,
            oid: None,
            settled: false,
        }
    }

    pub(super) const fn digest(&self) -> Option<Hash> {
        match self.holds {
            Holds::File(digest) | Holds::Link(digest) => Some(digest),
            Holds::Large | Holds::Strange => None,
        }
    }

    pub(super) fn executable(&self) -> bool {
        matches!(self.holds, Holds::File(_) | Holds::Large)
            && self.mark.as_ref().is_some_and(|mark| mark.executable)
    }

    /// When anything of it changed last.
    pub(super) fn changed(&self) -> Option<Timestamp> {
        self.mark.as_ref().map(|mark| mark.changed)
    }

    /// Whether a client means this by a digest.
    pub(super) fn is_told_as(&self, digest: Hash) -> bool {
        matches!(self.holds, Holds::File(own) if own == digest || self.text == Some(digest))
    }

    /// Whether nothing changed of it that is compared.
    pub(super) fn is_like(&self, other: &Self) -> bool {
        let times = |seen: &Self| {
            let mark = seen.mark.as_ref();
            mark.map(|mark| (mark.size, mark.modified))
        };
        let same = match (self.holds, other.holds) {
            (Holds::Large, Holds::Large) => times(self) == times(other),
            (one, another) => one == another,
        };
        same && self.executable() == other.executable()
    }
}

/// A working tree, as it was seen.
#[derive(Debug)]
pub(super) struct Snapshot {
    pub(super) files: BTreeMap<Name, Seen>,
    /// What git has not, by its digest, as far as there was room.
    pub(super) contents: HashMap<Hash, Arc<[u8]>>,
    /// Between which moments it was looked at.
    pub(super) since: Timestamp,
    pub(super) until: Timestamp,
}

impl Default for Snapshot {
    fn default() -> Self {
        Self {
            files: BTreeMap::new(),
            contents: HashMap::new(),
            since: Timestamp::EPOCH,
            until: Timestamp::EPOCH,
        }
    }
}

/// What changed, as it was read just now.
pub(super) type Fresh = HashMap<Hash, Arc<[u8]>>;

impl Snapshot {
    /// Looks at a tree. What was seen before is looked for again, whether or not it is ignored since; what has the same mark as
    /// before is not read.
    pub(super) fn take(
        root: &Path,
        git: &Git<'_>,
        before: Option<&Self>,
        limits: &Limits,
    ) -> Result<(Self, Fresh), Unwatched> {
        let since = clock::now();
        let listed = git.list()?;
        let nothing = BTreeMap::new();
        let known = before.map_or(&nothing, |before| &before.files);
        let mut names: Vec<&[u8]> = listed
            .tracked
            .keys()
            .chain(&listed.others)
            .chain(known.keys())
            .map(|name| &**name)
            .collect();
        names.sort_unstable();
        names.dedup();
        if names.len() > limits.files {
            return Err(Unwatched::TooManyFiles);
        }
        let mut walk = Walk::begin(root, listed.format, limits)?;
        let mut taken = Self {
            since,
            ..Self::default()
        };
        let mut fresh = Fresh::new();
        let (mut room, mut fresh_room) = (limits.remembered, MOST_FRESH);
        for name in names {
            let Some((seen, whole)) = walk.look(name, known.get(name))? else {
                continue;
            };
            let short = |content: &[u8]| content.len() <= limits.remembered_of_one;
            let content: Option<Arc<[u8]>> = match (&whole, seen.digest()) {
                (Some(whole), _) => short(whole).then(|| Arc::from(whole.as_slice())),
                (None, Some(digest)) => before.and_then(|before| before.contents.get(&digest).cloned()),
                (None, None) => None,
            };
            if let (Some(content), Some(digest)) = (content, seen.digest()) {
                let in_git = seen.oid.is_some() && listed.tracked.get(name) == seen.oid.as_ref();
                let other = before.is_some() && known.get(name).and_then(Seen::digest) != Some(digest);
                if other && content.len() <= fresh_room {
                    fresh_room -= content.len();
                    fresh.insert(digest, Arc::clone(&content));
                }
                if !in_git && content.len() <= room {
                    room -= content.len();
                    taken.contents.insert(digest, content);
                }
            }
            taken.files.insert(name.into(), seen);
        }
        taken.until = clock::now();
        Ok((taken, fresh))
    }
}

impl Snapshot {
    /// Leaves these files as they were seen before.
    pub(super) fn keep(&mut self, names: &[Name], before: &Self) {
        for name in names {
            match before.files.get(name) {
                Some(seen) => {
                    if let Some((digest, content)) = seen
                        .digest()
                        .and_then(|digest| before.contents.get_key_value(&digest))
                    {
                        self.contents.insert(*digest, Arc::clone(content));
                    }
                    self.files.insert(name.clone(), seen.clone());
                }
                None => {
                    self.files.remove(name);
                }
            }
        }
    }
}

/// How much of what changed is kept until it is told.
const MOST_FRESH: usize = 16 << 20;
