//! What a shell command would change.
//!
//! It is read as the shell reads it ([`read`]), and then walked ([`walk`]) with the folders in which each part may run. Commands that
//! are known to read only, and those whose arguments say what they write, stand in closed tables ([`commands`]). Everything else
//! may write anywhere.

use std::path::{Path, PathBuf};

use crate::path::Reach;

mod commands;
mod names;
mod read;
mod syntax;
mod walk;

/// The longest command that is read.
const MAX_BYTES: usize = 64 * 1024;

/// One thing that a command would change, by what it names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Deed {
    pub(crate) what: Named,
    pub(crate) because: String,
}

#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Named {
    /// A file, or a folder with all in it; absolute, and not yet normalized.
    Path(PathBuf, Reach),
    /// It is named, not known to be written: it counts if no agent writes there.
    Mentioned(PathBuf),
    /// Any file of the repository.
    Anywhere,
    /// What git is about to record, or has recorded.
    Commit,
    /// What other machines have.
    Push,
    /// More paths than are looked up.
    TooMany,
    /// Something that no agent writes.
    Protected(&'static str),
}

/// In what a command runs.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Setting<'a> {
    pub(crate) root: &'a Path,
    pub(crate) cwd: &'a Path,
    pub(crate) home: Option<&'a Path>,
}

/// What a command line would change; nothing if it only reads.
pub(crate) fn deeds(command: &str, setting: Setting<'_>) -> Vec<Deed> {
    if command.len() > MAX_BYTES {
        return vec![Deed::anywhere(format!(
            "the command has {} bytes, and more than {MAX_BYTES} are not read",
            command.len()
        ))];
    }
    walk::line(command, setting)
}

/// What a command given word by word would change: no shell reads it.
pub(crate) fn deeds_of_words(words: &[String], setting: Setting<'_>) -> Vec<Deed> {
    if words.iter().map(String::len).sum::<usize>() > MAX_BYTES {
        return vec![Deed::anywhere(format!(
            "the command is longer than {MAX_BYTES} bytes, and is not read"
        ))];
    }
    walk::words(words, setting)
}

impl Deed {
    pub(crate) const fn anywhere(because: String) -> Self {
        Self {
            what: Named::Anywhere,
            because,
        }
    }
}

#[cfg(test)]
mod laws;
#[cfg(test)]
mod tests;
