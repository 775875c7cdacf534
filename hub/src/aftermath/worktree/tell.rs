//! What changed and nobody told, as entries: with what was and is there where that is text and short, and without secrets.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    path::Path,
    sync::Arc,
    time::Duration,
};

use blake3::Hash;
use capture::Change;
use serde_json::Value;
use similar::TextDiff;
use trace_store::{FieldError, Refs};

use super::{
    compare::{State, Unexplained},
    git::{Git, Oid},
    snapshot::{Fresh, Holds, Limits, Snapshot},
};
use crate::{
    clearing::{Counts, OfFile},
    gating::Neighbourhood,
    record::RecordError,
    records::{FileChanged, Sort},
};

/// How many bytes a diff may have; of what has more, digests are kept.
const MOST_DIFF: usize = 64 << 10;

/// And all diffs of one look.
const MOST_DIFFS: usize = 2 << 20;

/// What is asked of git in one look.
const MOST_ASKED: u64 = 32 << 20;

/// How long the shortest diff is looked for; then a longer one does.
const DIFF_PATIENCE: Duration = Duration::from_millis(200);

/// What is known of contents.
#[derive(Debug)]
pub(super) struct Contents<'c> {
    before: &'c Snapshot,
    fresh: &'c Fresh,
    git: HashMap<Hash, Vec<u8>>,
}

impl<'c> Contents<'c> {
    /// What was remembered, what was read just now, and what git has of the rest.
    pub(super) fn of(
        changes: &[Unexplained],
        before: &'c Snapshot,
        fresh: &'c Fresh,
        git: &Git<'_>,
        limits: &Limits,
    ) -> Self {
        let mut known = Self {
            before,
            fresh,
            git: HashMap::new(),
        };
        let most = limits.remembered_of_one as u64;
        let mut wanted: Vec<Oid> = Vec::new();
        let mut asked = HashSet::new();
        let mut all = 0;
        for change in changes {
            let State::Seen(seen) = &change.before else {
                continue;
            };
            let (Some(oid), Some(mark), Some(digest)) = (seen.oid, &seen.mark, seen.digest()) else {
                continue;
            };
            let fits = mark.size <= most && all + mark.size <= MOST_ASKED;
            if fits && known.at(digest).is_none() && asked.insert(oid) {
                all += mark.size;
                wanted.push(oid);
            }
        }
        let found = git.contents(&wanted, most, all);
        known.git = found
            .into_values()
            .map(|content| (blake3::hash(&content), content))
            .collect();
        known
    }

    fn at(&self, digest: Hash) -> Option<&[u8]> {
        let remembered = self
            .before
            .contents
            .get(&digest)
            .or_else(|| self.fresh.get(&digest));
        let own = || self.git.get(&digest).map(Vec::as_slice);
        remembered.map(Arc::as_ref).or_else(own)
    }

    /// The text of what was or is at a path.
    fn text(&self, state: &State) -> Option<&str> {
        let content = match state {
            State::Nothing => &[],
            _ => self.at(state.digest()?)?,
        };
        let text = str::from_utf8(content).ok()?;
        (!text.contains('\0')).then_some(text)
    }
}

/// An entry that is to be written.
#[derive(Debug)]
pub(super) struct Entry {
    pub(super) refs: Refs,
    pub(super) body: Value,
}

/// The entries of what changed.
pub(super) fn entries(
    changes: &[Unexplained],
    contents: &Contents<'_>,
    around: &Neighbourhood,
    root: &Path,
    between_turns: bool,
) -> Result<Vec<Entry>, RecordError> {
    let root = root.to_str();
    let mut room = MOST_DIFFS;
    changes
        .iter()
        .map(|change| {
            let mut body = body(change, root, between_turns);
            let mut counts = Counts::new();
            let before = contents.text(&change.before);
            let after = contents.text(&change.after);
            let before = before.map(|text| cleared(text, around, root));
            let after = after.map(|text| cleared(text, around, root));
            for (_, found) in [&before, &after].into_iter().flatten() {
                counts = most_of(counts, found.clone());
            }
            if let (Some((before, _)), Some((after, _))) = (&before, &after)
                && before != after
            {
                let diff = diff(before, after);
                if diff.len() <= MOST_DIFF.min(room) {
                    room -= diff.len();
                    body.diff = Some(diff);
                }
            }
            let mut body = serde_json::to_value(&body)?;
            let path = body.get("path").cloned();
            let found = OfFile::clear(&mut body, |value| around.clear(value, root));
            let held = !counts.is_empty() || !found.held.is_empty();
            for (rule, count) in found.all() {
                *counts.entry(rule).or_default() += count;
            }
            if let Value::Object(members) = &mut body
                && members.get("path") != path.as_ref()
            {
                // The same name once more, in other letters.
                members.remove("path_bytes");
            }
            if let (Value::Object(members), true) = (&mut body, held) {
                members.remove("before");
                members.remove("after");
            }
            if let (Value::Object(members), false) = (&mut body, counts.is_empty()) {
                members.insert("redacted".to_owned(), serde_json::to_value(&counts)?);
            }
            Ok(Entry {
                refs: refs(change)?,
                body,
            })
        })
        .collect()
}

fn body(change: &Unexplained, root: Option<&str>, between_turns: bool) -> FileChanged {
    let digest = |state: &State| state.digest().map(|digest| digest.to_hex().to_string());
    let text = str::from_utf8(&change.name);
    let sort = match &change.after {
        State::Seen(seen) => match seen.holds {
            Holds::File(_) => None,
            Holds::Link(_) => Some(Sort::Link),
            Holds::Large => Some(Sort::Large),
            Holds::Strange => Some(Sort::Strange),
        },
        _ => None,
    };
    FileChanged {
        path: String::from_utf8_lossy(&change.name).into_owned(),
        folder: root.map(str::to_owned),
        path_bytes: text.is_err().then(|| hex::encode(&change.name)),
        change: match (&change.before, &change.after) {
            (State::Nothing, _) => Change::Created,
            (_, State::Nothing) => Change::Deleted,
            _ => Change::Changed,
        },
        sort,
        before: digest(&change.before),
        after: digest(&change.after),
        executable: change.executable,
        diff: None,
        between_turns,
        redacted: BTreeMap::new(),
    }
}

fn refs(change: &Unexplained) -> Result<Refs, FieldError> {
    let mut refs = Refs::new();
    if let Some(followed) = &change.call {
        refs.insert("call", followed.call.clone())?;
        if let Some(by) = &followed.by {
            refs.insert("agent", by.clone())?;
        }
    }
    Ok(refs)
}

/// A whole text without secrets: of one that spans lines, a diff might show a part that nobody recognizes.
fn cleared(text: &str, around: &Neighbourhood, root: Option<&str>) -> (String, Counts) {
    let mut value = Value::String(text.to_owned());
    let counts = around.clear(&mut value, root);
    let Value::String(text) = value else {
        return (String::new(), counts);
    };
    (text, counts)
}

/// What stands in both is one secret.
fn most_of(mut one: Counts, other: Counts) -> Counts {
    for (rule, count) in other {
        let known = one.entry(rule).or_default();
        *known = count.max(*known);
    }
    one
}

fn diff(before: &str, after: &str) -> String {
    let mut config = TextDiff::configure();
    config.timeout(DIFF_PATIENCE);
    config.diff_lines(before, after).unified_diff().to_string()
}

#[cfg(test)]
mod tests;
