//! Where edited files lie in a repository, and under which revision git has exactly what an edit left.

use std::{
    collections::BTreeMap,
    path::{Component, Path, PathBuf},
};

use formats::Located;
use vocabulary::{GitObject, TraceId};

use crate::git::Repository;

/// No edit that is on record left a larger file.
const LARGEST: u64 = 64 << 20;

/// A repository, as far as the edits of one trace are concerned.
#[derive(Debug)]
pub(super) struct Places {
    repository: Option<Repository>,
    /// The top folders of its worktrees; without a repository, the one in which the client works counts.
    folders: Vec<PathBuf>,
    /// The commits that name the trace, oldest first.
    commits: Vec<GitObject>,
    /// The digests of what files held in them.
    held: BTreeMap<(GitObject, String), Option<String>>,
}

impl Places {
    /// Looks at a repository, where one is named.
    pub(super) fn of(folder: Option<&Path>, trace: TraceId) -> anyhow::Result<Self> {
        let repository = folder.map(Repository::at);
        let (folders, commits) = match &repository {
            Some(repository) => (repository.worktrees()?, repository.naming(trace)?),
            None => (Vec::new(), Vec::new()),
        };
        Ok(Self {
            repository,
            folders,
            commits,
            held: BTreeMap::new(),
        })
    }

    /// Where a file lies of which an edit left what has this digest.
    pub(super) fn locate(&mut self, name: &str, from: Option<&str>, after: Option<&str>) -> Located {
        let Some(path) = self.within(name, from) else {
            return Located::Outside;
        };
        let revision = after.and_then(|after| self.revision(&path, after));
        Located::Within { path, revision }
    }

    /// The path from the top folder.
    fn within(&self, name: &str, from: Option<&str>) -> Option<String> {
        let (name, from) = (Path::new(name), from.map(Path::new));
        let found = if self.repository.is_none() {
            match from {
                Some(from) if name.is_absolute() => name.strip_prefix(from).ok()?.to_owned(),
                _ => name.to_owned(),
            }
        } else {
            // A name without a folder is one from the top already.
            let whole = from.map_or_else(|| name.to_owned(), |from| from.join(name));
            // A worktree may lie within another: the innermost folder is the one in which the file is.
            let folders = self.folders.iter();
            let within = folders.filter_map(|folder| whole.strip_prefix(folder).ok());
            match within.min_by_key(|within| within.components().count()) {
                Some(within) => within.to_owned(),
                None if from.is_none() => whole,
                None => return None,
            }
        };
        let mut steps = Vec::new();
        for step in found.components() {
            match step {
                Component::Normal(step) => steps.push(step.to_str()?),
                Component::CurDir => {}
                Component::ParentDir | Component::RootDir | Component::Prefix(_) => return None,
            }
        }
        (!steps.is_empty()).then(|| steps.join("/"))
    }

    /// The first of the commits in which the file is exactly that.
    fn revision(&mut self, path: &str, after: &str) -> Option<String> {
        let repository = self.repository.as_ref()?;
        let held = &mut self.held;
        let found = self.commits.iter().find(|commit| {
            let held = held.entry((**commit, path.to_owned())).or_insert_with(|| {
                let bytes = repository.held(**commit, path, LARGEST)?;
                Some(blake3::hash(&bytes).to_hex().to_string())
            });
            held.as_deref() == Some(after)
        });
        found.map(ToString::to_string)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_from_the_top_folder_or_none() {
        let places = |repository: Option<&str>| Places {
            repository: repository.map(|folder| Repository::at(Path::new(folder))),
            folders: repository.map(PathBuf::from).into_iter().collect(),
            commits: Vec::new(),
            held: BTreeMap::new(),
        };
        let (known, unknown) = (places(Some("/home/alice/shop")), places(None));
        let cwd = Some("/home/alice/shop/web");
        for (name, from, with, without) in [
            ("/home/alice/shop/web/a.ts", cwd, Some("web/a.ts"), Some("a.ts")),
            ("a.ts", cwd, Some("web/a.ts"), Some("a.ts")),
            ("./a.ts", cwd, Some("web/a.ts"), Some("a.ts")),
            ("src/a.rs", None, Some("src/a.rs"), Some("src/a.rs")),
            ("/etc/passwd", cwd, None, None),
            ("/etc/passwd", None, None, None),
            ("../a.rs", cwd, None, None),
            ("/home/alice/shop", cwd, None, None),
            ("", None, None, None),
        ] {
            assert_eq!(known.within(name, from).as_deref(), with, "{name}");
            assert_eq!(unknown.within(name, from).as_deref(), without, "{name}");
        }
    }

    #[test]
    fn a_file_in_a_worktree_within_another_is_in_the_inner_one() {
        let (outer, inner) = ("/home/alice/shop", "/home/alice/shop/.claude/worktrees/fix");
        for folders in [[outer, inner], [inner, outer]] {
            let places = Places {
                repository: Some(Repository::at(Path::new(outer))),
                folders: folders.map(PathBuf::from).into(),
                commits: Vec::new(),
                held: BTreeMap::new(),
            };
            for name in [
                "/home/alice/shop/src/a.rs",
                "/home/alice/shop/.claude/worktrees/fix/src/a.rs",
            ] {
                assert_eq!(
                    places.within(name, Some(inner)).as_deref(),
                    Some("src/a.rs"),
                    "{name}"
                );
            }
        }
    }
}
