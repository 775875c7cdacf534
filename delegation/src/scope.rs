//! Where and on what: the repositories and paths that a delegation covers.

use std::{collections::BTreeSet, fmt};

use globset::{GlobBuilder, GlobMatcher};
use unicode_normalization::is_nfc;
use vocabulary::{RepoPath, Repository, Span};

/// The repositories that a delegation covers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Repositories {
    /// Every repository, and work that names none.
    Any,
    /// These and no other.
    Only(BTreeSet<Repository>),
}

/// How "any" stands in a token.
pub(crate) const ANY_REPOSITORY: &str = "*";

impl Repositories {
    /// Whether a repository is covered.
    #[must_use]
    pub fn covers(&self, repository: &Repository) -> bool {
        match self {
            Self::Any => true,
            Self::Only(lent) => lent.contains(repository),
        }
    }

    /// Their names; `*` for any.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        match self {
            Self::Any => vec![ANY_REPOSITORY.to_owned()],
            Self::Only(lent) => lent.iter().map(ToString::to_string).collect(),
        }
    }
}

impl fmt::Display for Repositories {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Any => f.write_str("any"),
            Self::Only(_) => f.write_str(&self.names().join(", ")),
        }
    }
}

/// The paths that a delegation covers: 1 to 32 globs, in which `*` stays within a folder and `**` does not.
#[derive(Debug, Clone)]
pub struct PathGlobs(Vec<(String, GlobMatcher)>);

/// Why some texts are no [`PathGlobs`].
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PathGlobsError {
    /// None, or more than can be shown to a person.
    #[error("{0} path globs; a delegation covers 1 to {MAX_GLOBS}")]
    Count(usize),
    /// One that could cover something else than it seems to.
    #[error(
        "`{0}` is no path glob; write it relative to the repository, without `..`, as src/** or docs/*.md"
    )]
    Glob(String),
}

const MAX_GLOBS: usize = 32;
const MAX_GLOB_BYTES: usize = 256;
const EVERYTHING: &str = "**";

impl PathGlobs {
    /// All paths.
    #[must_use]
    pub fn everything() -> Self {
        Self(
            compile(EVERYTHING)
                .into_iter()
                .map(|glob| (EVERYTHING.to_owned(), glob))
                .collect(),
        )
    }

    /// Parses globs; `src/` means `src/**`. Duplicates are dropped, the order does not matter.
    ///
    /// # Errors
    /// [`PathGlobsError`].
    pub fn parse<S: AsRef<str>>(texts: &[S]) -> Result<Self, PathGlobsError> {
        let mut texts: Vec<&str> = texts.iter().map(AsRef::as_ref).collect();
        texts.sort_unstable();
        texts.dedup();
        // Before any is compiled: a token can name one many times.
        if texts.len() > MAX_GLOBS {
            return Err(PathGlobsError::Count(texts.len()));
        }
        let mut globs = Vec::with_capacity(texts.len());
        for text in texts {
            let whole = if text.ends_with('/') {
                format!("{text}**")
            } else {
                text.to_owned()
            };
            let refused = || PathGlobsError::Glob(text.chars().take(80).collect());
            if !is_plain(&whole) {
                return Err(refused());
            }
            globs.push((whole.clone(), compile(&whole).ok_or_else(refused)?));
        }
        globs.sort_by(|(a, _), (b, _)| a.cmp(b));
        globs.dedup_by(|(a, _), (b, _)| a == b);
        if (1..=MAX_GLOBS).contains(&globs.len()) {
            Ok(Self(globs))
        } else {
            Err(PathGlobsError::Count(globs.len()))
        }
    }

    /// Whether a path is covered. A folder is only where a glob provably covers all of it: `**`, or `P/**` for
    /// the folder or one above it.
    #[must_use]
    pub fn covers(&self, path: &RepoPath) -> bool {
        self.0.iter().any(|(text, glob)| match path.span() {
            Span::File => glob.is_match(path.as_str()),
            Span::Tree => match text.strip_suffix(EVERYTHING) {
                Some("") => true,
                Some(folder) if !folder.contains(['*', '?', '[', '{']) => {
                    format!("{}/", path.as_str()).starts_with(folder)
                }
                Some(_) | None => false,
            },
        })
    }

    /// Whether everything is covered.
    #[must_use]
    pub fn covers_everything(&self) -> bool {
        self.0.iter().any(|(text, _)| text == EVERYTHING)
    }

    /// The globs' texts, sorted.
    #[must_use]
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(|(text, _)| text.clone()).collect()
    }
}

impl PartialEq for PathGlobs {
    fn eq(&self, other: &Self) -> bool {
        self.names() == other.names()
    }
}

impl Eq for PathGlobs {}

impl fmt::Display for PathGlobs {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.names().join(", "))
    }
}

fn compile(text: &str) -> Option<GlobMatcher> {
    GlobBuilder::new(text)
        .literal_separator(true)
        .backslash_escape(false)
        .build()
        .ok()
        .map(|glob| glob.compile_matcher())
}

/// Relative, normal, and printable: the same rules by which the paths themselves are normalized, so that a glob
/// cannot name what no path can be.
fn is_plain(text: &str) -> bool {
    let segments_normal = text.split('/').all(|segment| !matches!(segment, "" | "." | ".."));
    text.len() <= MAX_GLOB_BYTES
        && segments_normal
        && !text.starts_with('~')
        && !text.contains(['\\', '"'])
        && !text.chars().any(char::is_control)
        && !matches!(text.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic())
        // Paths are in Unicode form C when they are matched; a glob in another form would cover nothing.
        && is_nfc(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn covers(globs: &[&str], path: &str) -> bool {
        PathGlobs::parse(globs).unwrap().covers(&path.parse().unwrap())
    }

    #[test]
    fn a_star_stays_within_a_folder() {
        assert!(covers(&["src/*.rs"], "src/main.rs"));
        assert!(!covers(&["src/*.rs"], "src/auth/main.rs"));
        assert!(covers(&["src/**"], "src/auth/main.rs"));
        assert!(!covers(&["src/**"], "srcs/main.rs"));
        assert!(!covers(&["src/**"], "Src/main.rs"), "matching is by case");
        assert!(covers(&["src/"], "src/a"));
    }

    #[test]
    fn a_folder_is_covered_only_where_all_of_it_is() {
        assert!(covers(&["**"], "src/**"));
        assert!(covers(&["src/**"], "src/"));
        assert!(covers(&["src/**"], "src/auth/**"));
        assert!(!covers(&["src/auth/**"], "src/**"));
        assert!(!covers(&["src/*"], "src/**"));
        assert!(!covers(&["*/**"], "src/**"));
        assert!(!covers(&["src/**"], "srcs/**"));
        assert!(!covers(&["src/**"], "**"));
    }

    #[test]
    fn what_seems_to_lie_inside_and_leads_out_matches_nothing() {
        for glob in [
            "src/../**",
            "../**",
            "/etc/**",
            "./src/**",
            "src//a",
            "~/x",
            "C:/x",
            "src/\\*",
            "a\"b",
            "[",
            "e\u{301}/**",
            "",
        ] {
            assert!(PathGlobs::parse(&[glob]).is_err(), "{glob}");
        }
        assert!("src/../../x".parse::<RepoPath>().is_err());
        assert_eq!(PathGlobs::parse::<&str>(&[]), Err(PathGlobsError::Count(0)));
    }

    #[test]
    fn brackets_in_a_planned_path_are_letters() {
        assert!(covers(&["app/**"], "app/[id]/page.tsx"));
    }

    proptest! {
        #[test]
        fn a_covered_folder_covers_every_path_in_it(
            glob in "(src|docs|a)(/(b|c))?/\\*\\*", folder in "(src|docs|a)(/(b|c)){0,2}", file in "[a-z]{1,4}(/[a-z]{1,4})?",
        ) {
            let globs = PathGlobs::parse(&[glob]).unwrap();
            let inside = format!("{folder}/{file}").parse().unwrap();
            if globs.covers(&format!("{folder}/**").parse().unwrap()) {
                let covered = globs.covers(&inside);
                prop_assert!(covered);
            }
        }
    }
}
