//! The approved work of a session, found by path.

use std::collections::HashMap;

use vocabulary::{RepoPath, Risk, Span, WorkItemId};

/// A work item that a human let begin, and that is not done: approved, in progress or in review.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ApprovedItem {
    /// Which.
    pub id: WorkItemId,
    /// What it plans to change.
    pub paths: Vec<RepoPath>,
    /// The risk at which it was approved.
    pub risk: Risk,
}

/// All of a session's approved work in one repository. Make it when the work changes, not for each call.
///
/// Of the work items that plan a path, only the one approved at the highest risk is kept, and of equals the latest: what that one does
/// not cover, none does.
#[derive(Debug, Clone, Default)]
pub struct ApprovedWork {
    latest: Option<WorkItemId>,
    files: HashMap<String, (Risk, WorkItemId)>,
    trees: HashMap<String, (Risk, WorkItemId)>,
}

impl ApprovedWork {
    /// Arranges work items for finding.
    #[must_use]
    pub fn new(items: impl IntoIterator<Item = ApprovedItem>) -> Self {
        let mut work = Self::default();
        for item in items {
            let this = (item.risk, item.id);
            work.latest = work.latest.max(Some(item.id));
            for path in &item.paths {
                let places = match path.span() {
                    Span::File => &mut work.files,
                    Span::Tree => &mut work.trees,
                };
                let known = places.entry(path.as_str().to_owned()).or_insert(this);
                *known = this.max(*known);
            }
        }
        work
    }

    /// The latest work item; it is said to cover what could be anything.
    pub(crate) const fn latest(&self) -> Option<WorkItemId> {
        self.latest
    }

    /// The work items that plan a path, each with its risk: of those that name the same file or folder, the best.
    pub(crate) fn planning(&self, path: &RepoPath) -> impl Iterator<Item = (Risk, WorkItemId)> {
        let text = path.as_str();
        let exact = (path.span() == Span::File)
            .then(|| self.files.get(text))
            .flatten();
        let above = text.match_indices('/').filter_map(|(at, _)| text.get(..at));
        let folders = ["", text].into_iter().chain(above);
        let trees = folders.filter_map(|folder| self.trees.get(folder));
        exact.into_iter().chain(trees).copied()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id(number: u64) -> WorkItemId {
        WorkItemId::new(number, [1; 10])
    }

    fn planned(paths: &[&str], path: &str) -> bool {
        let paths = paths.iter().map(|path| path.parse().unwrap()).collect();
        let item = ApprovedItem {
            id: id(1),
            paths,
            risk: Risk::Low,
        };
        ApprovedWork::new([item]).planning(&path.parse().unwrap()).count() > 0
    }

    #[test]
    fn a_folder_plans_all_in_it_and_a_file_only_itself() {
        assert!(planned(&["src/**"], "src/a/b.rs"));
        assert!(planned(&["src/**"], "src/a/**"));
        assert!(planned(&["src/**"], "src"));
        assert!(planned(&["**"], "src/a"));
        assert!(planned(&["src/a"], "src/a"));
        assert!(!planned(&["src/a"], "src/a/**"));
        assert!(!planned(&["src/a"], "src/a/b"));
        assert!(!planned(&["src/a/**"], "src/**"));
        assert!(!planned(&["src/**"], "srcs/a"));
        assert!(!planned(&["src/**"], "SRC/a"));
        assert!(!planned(&["src/**"], "**"));
        assert!(!planned(&[], "a"));
    }
}
