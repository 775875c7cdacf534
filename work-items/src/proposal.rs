//! A proposal, parsed at the door.

use std::fmt;

use serde::{Deserialize, Serialize, de};
use vocabulary::{RepoPath, RepoPathError, Repository, RepositoryError, Risk};

/// A proposal as it came.
#[derive(Debug, Clone, Default)]
pub struct RawProposal {
    /// One line.
    pub title: String,
    /// More of it.
    pub description: Option<String>,
    /// Where.
    pub repository: Option<String>,
    /// On what.
    pub paths: Vec<String>,
    /// The least risk that its author sees in it.
    pub declared_risk: Option<Risk>,
}

/// What somebody wants to do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Proposal {
    title: Title,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    description: Option<Description>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    repository: Option<Repository>,
    paths: Vec<RepoPath>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    declared_risk: Option<Risk>,
}

/// What will change and why, on one line of 1 to 200 characters.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Title(String);

/// What, why and how, in at most 16 KiB.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Description(String);

/// Why a proposal was not taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ProposalError {
    /// Nothing there.
    #[error("title is empty; say in one line what will change and why")]
    NoTitle,
    /// Too long for a line that people read.
    #[error("title has {0} characters of at most {MAX_TITLE_CHARS}; put the rest into description")]
    LongTitle(usize),
    /// It would not be shown as it is read.
    #[error("{0} holds a control character, or one that turns the reading direction; leave it out")]
    Hidden(&'static str),
    /// Too long.
    #[error("description has {0} bytes of at most {MAX_DESCRIPTION_BYTES}; shorten it")]
    LongDescription(usize),
    /// Not a repository.
    #[error("repository: {0}")]
    Repository(#[from] RepositoryError),
    /// Not a path.
    #[error("paths: {0}")]
    Path(#[from] RepoPathError),
    /// More than a person looks at.
    #[error("paths has {0} entries of at most {MAX_PATHS}; name folders, as src/auth/**")]
    ManyPaths(usize),
}

const MAX_TITLE_CHARS: usize = 200;
const MAX_DESCRIPTION_BYTES: usize = 16 * 1024;
const MAX_PATHS: usize = 100;

impl Proposal {
    /// Parses a proposal. Paths are normalized, sorted and named once.
    ///
    /// # Errors
    /// [`ProposalError`] with the field, its limit, and what to do.
    pub fn parse(raw: RawProposal) -> Result<Self, ProposalError> {
        if raw.paths.len() > MAX_PATHS {
            return Err(ProposalError::ManyPaths(raw.paths.len()));
        }
        let mut paths = raw
            .paths
            .iter()
            .map(|path| path.parse())
            .collect::<Result<Vec<RepoPath>, _>>()?;
        paths.sort();
        paths.dedup();
        let description = raw.description.filter(|text| !text.trim().is_empty());
        Ok(Self {
            title: Title::parse(&raw.title)?,
            description: description.map(|text| Description::parse(&text)).transpose()?,
            repository: raw.repository.map(|name| name.parse()).transpose()?,
            paths,
            declared_risk: raw.declared_risk,
        })
    }

    /// What will change and why.
    #[must_use]
    pub const fn title(&self) -> &Title {
        &self.title
    }

    /// More of it.
    #[must_use]
    pub const fn description(&self) -> Option<&Description> {
        self.description.as_ref()
    }

    /// Where.
    #[must_use]
    pub const fn repository(&self) -> Option<&Repository> {
        self.repository.as_ref()
    }

    /// On what.
    #[must_use]
    pub fn paths(&self) -> &[RepoPath] {
        &self.paths
    }

    /// The least risk that its author sees in it.
    #[must_use]
    pub const fn declared_risk(&self) -> Option<Risk> {
        self.declared_risk
    }
}

/// Characters by which a text could look like another: they turn the reading direction or take no room.
fn hides(c: char) -> bool {
    matches!(c, '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2060}'..='\u{2069}' | '\u{feff}')
}

impl Title {
    fn parse(text: &str) -> Result<Self, ProposalError> {
        let title = text.trim();
        match title.chars().count() {
            0 => return Err(ProposalError::NoTitle),
            1..=MAX_TITLE_CHARS => {}
            long => return Err(ProposalError::LongTitle(long)),
        }
        if title
            .chars()
            .any(|c| c.is_control() || hides(c) || matches!(c, '\u{2028}' | '\u{2029}'))
        {
            return Err(ProposalError::Hidden("title"));
        }
        Ok(Self(title.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl Description {
    fn parse(text: &str) -> Result<Self, ProposalError> {
        if text.len() > MAX_DESCRIPTION_BYTES {
            return Err(ProposalError::LongDescription(text.len()));
        }
        if text
            .chars()
            .any(|c| (c.is_control() && !matches!(c, '\n' | '\r' | '\t')) || hides(c))
        {
            return Err(ProposalError::Hidden("description"));
        }
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

macro_rules! as_text {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(&self.0)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                Self::parse(&text).map_err(de::Error::custom)
            }
        }
    )*};
}

as_text!(Title, Description);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn titled(title: &str) -> Result<Proposal, ProposalError> {
        Proposal::parse(RawProposal {
            title: title.to_owned(),
            ..RawProposal::default()
        })
    }

    #[test]
    fn each_limit_is_told_with_what_to_do() {
        assert_eq!(titled("  "), Err(ProposalError::NoTitle));
        assert_eq!(
            titled(&"x".repeat(1 << 20)),
            Err(ProposalError::LongTitle(1 << 20))
        );
        assert_eq!(titled("two\nlines"), Err(ProposalError::Hidden("title")));
        assert_eq!(titled("safe\u{202e}exe.txt"), Err(ProposalError::Hidden("title")));
        let long = RawProposal {
            title: "x".into(),
            description: Some("x".repeat(16_385)),
            ..RawProposal::default()
        };
        assert_eq!(Proposal::parse(long), Err(ProposalError::LongDescription(16_385)));
        let many = RawProposal {
            title: "x".into(),
            paths: vec!["a".into(); 101],
            ..RawProposal::default()
        };
        assert_eq!(Proposal::parse(many), Err(ProposalError::ManyPaths(101)));
        let out = RawProposal {
            title: "x".into(),
            paths: vec!["../x".into()],
            ..RawProposal::default()
        };
        assert!(
            Proposal::parse(out)
                .unwrap_err()
                .to_string()
                .starts_with("paths: `../x` climbs")
        );
    }

    #[test]
    fn paths_are_named_once_and_in_order() {
        let raw = RawProposal {
            title: " Fix it ".into(),
            paths: vec!["b".into(), "./a".into(), "a".into()],
            ..RawProposal::default()
        };
        let proposal = Proposal::parse(raw).unwrap();
        let names: Vec<String> = proposal.paths().iter().map(ToString::to_string).collect();
        assert_eq!(
            (proposal.title().to_string(), names),
            ("Fix it".to_owned(), vec!["a".to_owned(), "b".to_owned()])
        );
    }

    proptest! {
        #[test]
        fn what_was_accepted_reads_back_the_same(title in "\\PC{1,60}", description in "(?s).{0,80}", path in "[a-z/.*]{1,12}") {
            let raw = RawProposal { title, description: Some(description), paths: vec![path], ..RawProposal::default() };
            if let Ok(proposal) = Proposal::parse(raw) {
                let text = serde_json::to_string(&proposal).unwrap();
                prop_assert_eq!(serde_json::from_str::<Proposal>(&text).unwrap(), proposal);
            }
        }
    }
}
