//! What was there before us, kept beside the skill, so that taking everything out leaves what was.
//!
//! Whoever writes it can have an empty container or an empty file of ours stay or go, and nothing else: it is believed
//! about blanks only, and only empty folders are removed.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// What it is called.
pub(super) const NAME: &str = ".installed.json";

/// What was noted of each file, by the part that it plays.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Receipt {
    #[serde(default)]
    pub(super) files: BTreeMap<String, Noted>,
}

/// What was noted of a file.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Noted {
    /// All that was in it, where that was nothing but blanks; absent where there was no such file, or more in it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) blank: Option<String>,
    /// Whether there was no such file.
    #[serde(default)]
    pub(super) made: bool,
    /// How many of the folders around it were not there.
    #[serde(default)]
    pub(super) folders: usize,
    /// SHA-256 of what was written, where the whole file is ours.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) sha256: Option<String>,
    #[serde(default, skip_serializing_if = "Containers::is_empty")]
    pub(super) containers: Containers,
}

/// The objects and lists that were made, and the blanks in those that were empty.
#[derive(Debug, Default, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub(super) struct Containers(BTreeMap<String, Option<String>>);

impl Containers {
    fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Notes that one was made.
    pub(super) fn made(&mut self, pointer: &str) {
        self.0.insert(pointer.to_owned(), None);
    }

    /// Notes what was in an empty one, unless something is noted: then it was us who emptied it.
    pub(super) fn was_empty(&mut self, pointer: &str, blank: String) {
        self.0.entry(pointer.to_owned()).or_insert(Some(blank));
    }

    /// Whether we made it.
    pub(super) fn was_made(&self, pointer: &str) -> bool {
        self.0.get(pointer) == Some(&None)
    }

    /// What was in it.
    pub(super) fn blank(&self, pointer: &str) -> &str {
        match self.0.get(pointer) {
            Some(Some(blank)) if is_blank(blank) => blank,
            _ => "",
        }
    }
}

/// Whether there is nothing to read in it.
pub(super) fn is_blank(text: &str) -> bool {
    text.chars().all(|c| matches!(c, ' ' | '\t' | '\r' | '\n'))
}
