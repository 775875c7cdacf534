//! Where a call may write, as the gate sees it.

use std::path::{Path, PathBuf};

use gate::{Effect, What};

/// The folders and files that a call may write.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Reach {
    /// Any file in these folders: it cannot be told which.
    anywhere: Vec<PathBuf>,
    /// These, and what they hold.
    named: Vec<PathBuf>,
}

impl Reach {
    /// Adds what a call would change in a repository.
    pub(crate) fn add(&mut self, root: &Path, effect: &Effect) {
        for change in effect.changes() {
            match &change.what {
                // Whatever a repository has git start at a commit or a push may write anywhere in it.
                What::Anywhere | What::Commit | What::Push | What::Unnameable(_) => self.add_all(root),
                What::Path(path) => self.add_named(root, path.as_str()),
                What::Outside(path) => self.named.push(path.clone()),
                // What is shown shortened names nothing that could be compared.
                What::Protected { path, .. } if path.starts_with('/') && !path.contains('…') => {
                    self.named.push(path.into());
                }
                What::Protected { .. } => self.add_all(root),
                What::Elsewhere(_) => {}
            }
        }
    }

    pub(crate) fn add_all(&mut self, root: &Path) {
        if !self.anywhere.iter().any(|known| known == root) {
            self.anywhere.push(root.to_owned());
        }
    }

    fn add_named(&mut self, root: &Path, path: &str) {
        // A pattern names everything below the folder that it begins with.
        let plain: Vec<&str> = path
            .split('/')
            .take_while(|part| !part.contains('*') && !part.is_empty())
            .collect();
        if plain.is_empty() {
            self.add_all(root);
        } else {
            self.named.push(root.join(plain.join("/")));
        }
    }

    /// Whether it writes nothing.
    pub(crate) const fn is_nothing(&self) -> bool {
        self.anywhere.is_empty() && self.named.is_empty()
    }

    /// Whether it may write a file.
    pub(crate) fn may_write(&self, path: &Path) -> bool {
        self.names(path) || self.anywhere.iter().any(|folder| path.starts_with(folder))
    }

    /// Whether it says that it writes this file, or its folder.
    pub(crate) fn names(&self, path: &Path) -> bool {
        self.named.iter().any(|named| path.starts_with(named))
    }
}
