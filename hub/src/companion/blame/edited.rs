//! What an edit says: which file it changed, and which lines it added.

use std::{
    borrow::Cow,
    collections::{BTreeMap, BTreeSet},
    path::{Component, Path, PathBuf},
};

use redaction::has_marker;
use serde::Deserialize;

use super::{AskedLines, MOST_FOLDERS, line_digest};

/// Lines that are asked for, by their names: where they stand in the question.
pub(super) type Places<'a> = BTreeMap<&'a str, Vec<usize>>;

/// What an edit says.
#[derive(Debug, Deserialize)]
pub(super) struct Edited {
    path: String,
    #[serde(default)]
    moved_to: Option<String>,
    /// Where names that do not say it begin.
    #[serde(default)]
    folder: Option<PathBuf>,
    #[serde(default)]
    pub(super) tool: Option<String>,
    #[serde(default)]
    diff: Option<String>,
    #[serde(default)]
    pub(super) between_turns: bool,
}

/// How certain it is that a name is that of the file that is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Fit {
    /// It lies in one of its folders.
    Here,
    /// Only the end of the name fits: it lies in another folder.
    Elsewhere,
    /// Only the end of the name fits, and nobody knows in which folder.
    Unknown,
}

impl Edited {
    /// Whether it is of no use without the folder in which the session worked.
    pub(super) fn needs_folder(&self) -> bool {
        self.folder.is_none() && self.names().any(|name| !Path::new(name).is_absolute())
    }

    /// Under which name it is of the file that is asked for, in a session that worked in this folder.
    pub(super) fn of(&self, asked: &AskedLines, worked_in: Option<&Path>) -> Option<(&str, Fit)> {
        let folder = self.folder.as_deref().or(worked_in);
        let mut found = None;
        for name in self.names() {
            match fit(name, folder, asked) {
                Some(Fit::Here) => return Some((name, Fit::Here)),
                Some(fit) => found = Some((name, fit)),
                None => {}
            }
        }
        found
    }

    /// Which of the lines it added.
    pub(super) fn adds(&self, lines: &Places<'_>) -> Vec<usize> {
        let diff = self.diff.as_deref().unwrap_or_default();
        let added = diff.split('\n').filter_map(|line| line.strip_prefix('+'));
        let places: BTreeSet<usize> = added
            .filter_map(|line| lines.get(line_digest(line.as_bytes()).as_str()))
            .flatten()
            .copied()
            .collect();
        places.into_iter().collect()
    }

    fn names(&self) -> impl Iterator<Item = &str> {
        [Some(self.path.as_str()), self.moved_to.as_deref()]
            .into_iter()
            .flatten()
    }
}

/// Whether a name, from this folder where it does not say one itself, is that of the file; nothing where it is another's.
fn fit(name: &str, folder: Option<&Path>, asked: &AskedLines) -> Option<Fit> {
    let (name, path) = (Path::new(name), Path::new(&asked.path));
    let steps = |path: &Path| path.components().any(|step| matches!(step, Component::ParentDir));
    let is_named = name.components().any(|step| matches!(step, Component::Normal(_)));
    if steps(name) || !is_named || asked.path.is_empty() {
        return None;
    }
    let whole = if name.is_absolute() {
        Cow::Borrowed(name)
    } else if let Some(folder) = folder.filter(|folder| folder.is_absolute() && !steps(folder)) {
        Cow::Owned(folder.join(name))
    } else {
        // It may lie within the repository, and in any other folder.
        let name = name.strip_prefix(".").unwrap_or(name);
        return path.ends_with(name).then_some(Fit::Unknown);
    };
    // A worktree may lie within another: the innermost folder is the one in which the file is.
    let folders = asked.folders.iter().take(MOST_FOLDERS);
    let within = folders.filter_map(|folder| whole.strip_prefix(folder).ok());
    match within.min_by_key(|within| within.components().count()) {
        Some(within) => (within == path).then_some(Fit::Here),
        // What stood where a secret was replaced, nobody knows.
        None if !whole.ends_with(path) => None,
        None if has_marker(whole.as_os_str().as_encoded_bytes()) => Some(Fit::Unknown),
        None => Some(Fit::Elsewhere),
    }
}

#[cfg(test)]
mod tests {
    use vocabulary::TraceId;

    use super::*;

    fn asked() -> AskedLines {
        AskedLines {
            trace: TraceId::new(1, [0; 10]),
            path: "src/reset.rs".to_owned(),
            folders: vec![
                "/home/alice/shop".to_owned(),
                "/home/alice/other tree".to_owned(),
                "/home/alice/shop/.claude/worktrees/fix".to_owned(),
            ],
            lines: Vec::new(),
        }
    }

    #[test]
    fn a_whole_name_is_known_by_its_folder_or_else_by_its_end() {
        for (name, expected) in [
            ("/home/alice/shop/src/reset.rs", Some(Fit::Here)),
            ("/home/alice/other tree/src/reset.rs", Some(Fit::Here)),
            ("/home/alice/shop/old/src/reset.rs", None),
            (
                "/home/alice/shop/.claude/worktrees/fix/src/reset.rs",
                Some(Fit::Here),
            ),
            ("/home/alice/shop/.claude/worktrees/fix/old/src/reset.rs", None),
            ("/home/alice/shop/.claude/worktrees/src/reset.rs", None),
            ("/home/alice/shop/../shop/src/reset.rs", None),
            ("/home/alice/clone/src/reset.rs", Some(Fit::Elsewhere)),
            ("/home/alice/clone/xsrc/reset.rs", None),
            ("/home/[redacted:x:01234567]/src/reset.rs", Some(Fit::Unknown)),
            ("/", None),
        ] {
            // Where the session worked is of no matter then.
            for folder in [None, Some("/srv/clone"), Some("/home/alice/shop")] {
                assert_eq!(fit(name, folder.map(Path::new), &asked()), expected, "{name}");
            }
        }
    }

    #[test]
    fn a_name_from_where_the_session_worked_is_taken_from_there() {
        for (name, folder, expected) in [
            ("src/reset.rs", Some("/home/alice/shop"), Some(Fit::Here)),
            ("./src/reset.rs", Some("/home/alice/shop/"), Some(Fit::Here)),
            ("reset.rs", Some("/home/alice/shop/src"), Some(Fit::Here)),
            (
                "src/reset.rs",
                Some("/home/alice/shop/.claude/worktrees/fix"),
                Some(Fit::Here),
            ),
            ("src/reset.rs", Some("/home/alice/shop/web"), None),
            ("reset.rs", Some("/home/alice/shop"), None),
            ("src/reset.rs", Some("/srv/clone"), Some(Fit::Elsewhere)),
            ("reset.rs", Some("/srv/clone/src"), Some(Fit::Elsewhere)),
            ("reset.rs", Some("/srv/clone"), None),
            ("../src/reset.rs", Some("/home/alice/shop/web"), None),
            ("src/reset.rs", None, Some(Fit::Unknown)),
            ("./src/reset.rs", None, Some(Fit::Unknown)),
            ("reset.rs", None, Some(Fit::Unknown)),
            ("reset", None, None),
            ("../src/reset.rs", None, None),
            ("", None, None),
            (".", None, None),
            ("", Some("/srv/src/reset.rs"), None),
            // What is no folder says nothing.
            ("src/reset.rs", Some("shop"), Some(Fit::Unknown)),
            ("src/reset.rs", Some("[redacted]"), Some(Fit::Unknown)),
            (
                "src/reset.rs",
                Some("/home/alice/shop/../clone"),
                Some(Fit::Unknown),
            ),
        ] {
            assert_eq!(
                fit(name, folder.map(Path::new), &asked()),
                expected,
                "{name} from {folder:?}"
            );
        }
    }

    #[test]
    fn the_folder_that_an_edit_names_comes_before_the_one_in_which_its_session_began() {
        let edited = |folder: Option<&str>| Edited {
            path: "src/reset.rs".to_owned(),
            moved_to: None,
            folder: folder.map(PathBuf::from),
            tool: None,
            diff: None,
            between_turns: false,
        };
        let (here, there) = ("/home/alice/shop", "/srv/clone");
        let asked = asked();
        for (own, worked_in, expected) in [
            (Some(there), Some(here), Fit::Elsewhere),
            (Some(here), Some(there), Fit::Here),
            (None, Some(here), Fit::Here),
            (None, None, Fit::Unknown),
        ] {
            let edited = edited(own);
            assert_eq!(edited.needs_folder(), own.is_none());
            let (_, fit) = edited.of(&asked, worked_in.map(Path::new)).unwrap();
            assert_eq!(fit, expected, "{own:?} {worked_in:?}");
        }
    }

    #[test]
    fn an_edit_added_the_lines_behind_its_plus_signs() {
        let asked = [line_digest(b"b"), line_digest(b"a"), line_digest(b"b\r")];
        let mut lines = Places::new();
        for (place, line) in asked.iter().enumerate() {
            lines.entry(line).or_default().push(place);
        }
        let edited = Edited {
            path: String::new(),
            moved_to: None,
            folder: None,
            tool: None,
            between_turns: false,
            diff: Some("@@ -1,2 +1,2 @@\n a\n-a\n+b\r\n".to_owned()),
        };
        assert_eq!(edited.adds(&lines), [0, 2]);
    }
}
