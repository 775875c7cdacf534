//! Repositories and the paths within them, as names: nothing here looks at a disk.

use std::{fmt, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use unicode_normalization::UnicodeNormalization;

use crate::{shown, text_form};

/// A repository as `owner/name`, compared without regard to ASCII case, as its hosts do.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Repository(String);

/// Why a text names no repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a repository; write owner/name, each of letters, digits, `.`, `_` and `-`")]
pub struct RepositoryError(String);

impl Repository {
    /// The name, in lower case.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Repository {
    type Err = RepositoryError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || RepositoryError(shown(text, 48));
        let (owner, name) = text.split_once('/').ok_or_else(error)?;
        let part = |part: &str| {
            !part.is_empty()
                && part.len() <= 100
                && part.chars().any(|c| c != '.')
                && part
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'.' | b'_' | b'-'))
        };
        if part(owner) && part(name) {
            Ok(Self(text.to_ascii_lowercase()))
        } else {
            Err(error())
        }
    }
}

/// A path inside a repository: relative, `/`-separated, in Unicode form C, free of `.` and `..`. It
/// names one file, or with a trailing `/` or `/**` everything below a folder.
///
/// `..` is refused and not resolved: with symbolic links in play, resolving by text gives an answer that
/// the disk need not share.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RepoPath {
    path: String,
    span: Span,
}

/// How much a [`RepoPath`] covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Span {
    /// One file.
    File,
    /// A folder and everything below it.
    Tree,
}

/// Why a text is no path within a repository.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum RepoPathError {
    /// Nothing there.
    #[error("a path is empty; write it relative to the repository, or `**` for all of it")]
    Empty,
    /// Longer than any real path.
    #[error("a path has {0} bytes; at most {MAX_PATH_BYTES} are allowed")]
    TooLong(usize),
    /// Starts at a root.
    #[error("`{0}` is absolute; write it relative to the repository")]
    Absolute(String),
    /// Has a `..` segment.
    #[error("`{0}` climbs with `..`; write where it leads")]
    Climbs(String),
    /// Holds a control character or a backslash.
    #[error("`{0}` holds a control character or a backslash; separate with `/`")]
    Character(String),
    /// Holds `*` other than in a final `/**`. Brackets and braces are letters: `app/[id]/page.tsx` is a real file.
    #[error("`{0}` is a pattern; plan files, or a folder as `src/auth/**`")]
    Pattern(String),
}

/// Longest accepted path, in bytes.
const MAX_PATH_BYTES: usize = 1_024;

impl RepoPath {
    /// The path without a trailing slash or pattern; empty for the whole repository.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.path
    }

    /// Whether it is a file or everything below a folder.
    #[must_use]
    pub const fn span(&self) -> Span {
        self.span
    }
}

impl FromStr for RepoPath {
    type Err = RepoPathError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shown = || shown(text, 80);
        if text.is_empty() {
            return Err(RepoPathError::Empty);
        }
        if text.len() > MAX_PATH_BYTES {
            return Err(RepoPathError::TooLong(text.len()));
        }
        let text: String = text.nfc().collect();
        if is_absolute(&text) {
            return Err(RepoPathError::Absolute(shown()));
        }
        if text.chars().any(|c| c.is_control() || c == '\\') {
            return Err(RepoPathError::Character(shown()));
        }
        let (body, span) = match text.strip_suffix("**") {
            Some(folder) if folder.is_empty() || folder.ends_with('/') => (folder, Span::Tree),
            _ if text.ends_with('/') => (text.as_str(), Span::Tree),
            _ => (text.as_str(), Span::File),
        };
        let segments: Vec<&str> = body.split('/').filter(|s| !s.is_empty() && *s != ".").collect();
        if segments.contains(&"..") {
            return Err(RepoPathError::Climbs(shown()));
        }
        if body.contains('*') {
            return Err(RepoPathError::Pattern(shown()));
        }
        let path = segments.join("/");
        // Once more in its one form, which is what is written and read again: normalizing uncovers and lengthens.
        if is_absolute(&path) {
            return Err(RepoPathError::Absolute(shown()));
        }
        let span = if path.is_empty() { Span::Tree } else { span };
        let parsed = Self { path, span };
        let written = parsed.to_string().len();
        if written > MAX_PATH_BYTES {
            return Err(RepoPathError::TooLong(written));
        }
        Ok(parsed)
    }
}

/// Whether a path begins at a root, at a home or at a drive.
fn is_absolute(path: &str) -> bool {
    let drive = matches!(path.as_bytes(), [letter, b':', ..] if letter.is_ascii_alphabetic());
    path.starts_with(['/', '~']) || drive
}

impl fmt::Display for RepoPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (self.path.as_str(), self.span) {
            ("", _) => f.write_str("**"),
            (path, Span::File) => f.write_str(path),
            (path, Span::Tree) => write!(f, "{path}/**"),
        }
    }
}

impl fmt::Display for Repository {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

macro_rules! schema_of_text {
    ($($name:ident),*) => {$(
        impl JsonSchema for $name {
            fn inline_schema() -> bool {
                true
            }

            fn schema_name() -> std::borrow::Cow<'static, str> {
                stringify!($name).into()
            }

            fn json_schema(_: &mut SchemaGenerator) -> Schema {
                json_schema!({ "type": "string" })
            }
        }
    )*};
}

schema_of_text!(RepoPath, Repository);
text_form!(RepoPath, Repository);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(text: &str) -> Result<RepoPath, RepoPathError> {
        text.parse()
    }

    #[test]
    fn a_path_is_normalized_to_one_text() {
        for (given, kept, span) in [
            ("src/a.rs", "src/a.rs", Span::File),
            ("./src//a.rs", "src/a.rs", Span::File),
            ("src/", "src", Span::Tree),
            ("src/**", "src", Span::Tree),
            ("**", "", Span::Tree),
            (".", "", Span::Tree),
            ("e\u{301}.md", "\u{e9}.md", Span::File),
            ("src/..a", "src/..a", Span::File),
            ("app/[id]/{x}?.tsx", "app/[id]/{x}?.tsx", Span::File),
        ] {
            let parsed = path(given).unwrap();
            assert_eq!((parsed.as_str(), parsed.span()), (kept, span), "{given}");
        }
    }

    #[test]
    fn what_could_lead_out_or_hide_is_refused() {
        assert_eq!(path(""), Err(RepoPathError::Empty));
        assert!(matches!(path("/etc/passwd"), Err(RepoPathError::Absolute(_))));
        assert!(matches!(path("~/x"), Err(RepoPathError::Absolute(_))));
        assert!(matches!(path("C:/x"), Err(RepoPathError::Absolute(_))));
        assert!(matches!(path("src/../../x"), Err(RepoPathError::Climbs(_))));
        assert!(matches!(path("src/../**"), Err(RepoPathError::Climbs(_))));
        assert!(matches!(path("src\\x"), Err(RepoPathError::Character(_))));
        assert!(matches!(path("src/\0"), Err(RepoPathError::Character(_))));
        assert!(matches!(path("src/*.rs"), Err(RepoPathError::Pattern(_))));
        assert!(matches!(path("src**"), Err(RepoPathError::Pattern(_))));
        assert_eq!(path(&"a".repeat(1_025)), Err(RepoPathError::TooLong(1_025)));
    }

    #[test]
    fn a_repository_is_owner_and_name() {
        assert_eq!("Acme/Shop".parse::<Repository>().unwrap().as_str(), "acme/shop");
        for bad in ["acme", "acme/", "/shop", "a/b/c", "../x", "a/..", "a b/c", "é/x"] {
            assert!(bad.parse::<Repository>().is_err(), "{bad}");
        }
    }

    proptest! {
        #[test]
        fn normalizing_twice_changes_nothing(text in "\\PC{0,40}") {
            if let Ok(once) = path(&text) {
                prop_assert_eq!(path(&once.to_string()).unwrap(), once);
            }
        }

        #[test]
        fn what_normalizing_uncovers_is_judged_too(text in "[./~:*aC\u{958}]{0,12}") {
            if let Ok(once) = path(&text) {
                prop_assert_eq!(path(&once.to_string()).unwrap(), once);
            }
        }
    }

    #[test]
    fn a_path_is_as_long_as_it_is_written() {
        let longer_when_composed = "\u{958}".repeat(341);
        assert!(path(&longer_when_composed).is_err());
        for hidden in ["./~/x", "./C:/x", ".//~"] {
            assert!(path(hidden).is_err(), "{hidden}");
        }
    }
}
