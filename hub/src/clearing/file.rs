//! Clearing what is told of a file: where it lies apart from what it held.

use serde_json::{Map, Value};

use super::Counts;

/// The members that say which file it is, in what is told of one.
const NAMES: [&str; 2] = ["path", "moved_to"];

/// The member that says from which folder it is named.
const FOLDER: &str = "folder";

/// What stands in place of a folder with a secret in its name: no folder at all. With less than all of its name it would be another one, and
/// without any name the file would count as one of the folder in which the session began.
const NO_FOLDER: &str = "[redacted]";

/// How many secrets there were.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct OfFile {
    /// In its name.
    pub(crate) named: Counts,
    /// In everything else that is told of it: who knows the rest of a file can try secrets against its digest.
    pub(crate) held: Counts,
}

impl OfFile {
    /// Clears what is told of a file. A folder's name stays whole, or nothing of it does; it is no secret that the file held.
    pub(crate) fn clear(body: &mut Value, clear: impl Fn(&mut Value) -> Counts) -> Self {
        let Value::Object(members) = body else {
            return Self {
                named: Counts::new(),
                held: clear(body),
            };
        };
        let folder = members.remove(FOLDER);
        let names: Map<String, Value> = NAMES
            .iter()
            .filter_map(|name| members.remove_entry(*name))
            .collect();
        let mut names = Value::Object(names);
        let (named, held) = (clear(&mut names), clear(body));
        if let (Value::Object(members), Value::Object(names)) = (body, names) {
            members.extend(names);
            if let Some(mut folder) = folder {
                if !clear(&mut folder).is_empty() {
                    folder = NO_FOLDER.into();
                }
                members.insert(FOLDER.to_owned(), folder);
            }
        }
        Self { named, held }
    }

    /// All of them together.
    pub(crate) fn all(self) -> Counts {
        let mut all = self.named;
        for (rule, count) in self.held {
            *all.entry(rule).or_default() += count;
        }
        all
    }
}
