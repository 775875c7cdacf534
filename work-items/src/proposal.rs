//! A proposal, parsed at the door.

use std::fmt;

use serde::{Deserialize, Serialize};
use vocabulary::{RepoPath, RepoPathError, Repository, RepositoryError, Risk, joins, misleads};

/// A proposal as it came.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RawProposal {
    /// One line.
    pub title: String,
    /// More of it.
    #[serde(default)]
    pub description: Option<String>,
    /// Where.
    #[serde(default)]
    pub repository: Option<String>,
    /// On what.
    pub paths: Vec<String>,
    /// The least risk that its author sees in it.
    #[serde(default)]
    pub declared_risk: Option<Risk>,
}

/// What somebody wants to do. What is read back from a ledger comes through the same door as what an agent sends.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "RawProposal")]
pub struct Proposal {
    title: Title,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<Description>,
    #[serde(skip_serializing_if = "Option::is_none")]
    repository: Option<Repository>,
    paths: Vec<RepoPath>,
    #[serde(skip_serializing_if = "Option::is_none")]
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
    #[error(
        "{field} holds U+{:04X}, a control character or one that hides or turns what is read; leave it out",
        u32::from(*.character)
    )]
    Misleads {
        /// Which field.
        field: &'static str,
        /// Which character.
        character: char,
    },
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
            .map(|path| {
                refuse_misleading("paths", path, |_| false)?;
                Ok(path.parse()?)
            })
            .collect::<Result<Vec<RepoPath>, ProposalError>>()?;
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

impl TryFrom<RawProposal> for Proposal {
    type Error = ProposalError;

    fn try_from(raw: RawProposal) -> Result<Self, ProposalError> {
        Self::parse(raw)
    }
}

impl Title {
    fn parse(text: &str) -> Result<Self, ProposalError> {
        let title = text.trim();
        match title.chars().count() {
            0 => return Err(ProposalError::NoTitle),
            1..=MAX_TITLE_CHARS => {}
            long => return Err(ProposalError::LongTitle(long)),
        }
        refuse_misleading("title", title, |_| false)?;
        if title.chars().all(|c| c.is_whitespace() || joins(c)) {
            return Err(ProposalError::NoTitle);
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
        refuse_misleading("description", text, |c| matches!(c, '\n' | '\r' | '\t'))?;
        Ok(Self(text.to_owned()))
    }

    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

fn refuse_misleading(
    field: &'static str,
    text: &str,
    fine: impl Fn(char) -> bool,
) -> Result<(), ProposalError> {
    match text.chars().find(|c| misleads(*c) && !fine(*c)) {
        Some(character) => Err(ProposalError::Misleads { field, character }),
        None => Ok(()),
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
        assert_eq!(titled("\u{200d}"), Err(ProposalError::NoTitle));
        assert_eq!(
            titled("two\nlines").unwrap_err().to_string(),
            "title holds U+000A, a control character or one that hides or turns what is read; leave it out"
        );
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
        assert_eq!(
            Proposal::parse(out).unwrap_err().to_string(),
            "paths: `../x` climbs with `..`; write where it leads"
        );
        let elsewhere = RawProposal {
            title: "x".into(),
            repository: Some("acme".into()),
            ..RawProposal::default()
        };
        assert_eq!(
            Proposal::parse(elsewhere).unwrap_err().to_string(),
            "repository: `acme` is not a repository; write owner/name, each of letters, digits, `.`, `_` and `-`"
        );
    }

    #[test]
    fn what_hides_or_turns_what_is_read_is_refused_in_every_field() {
        for character in [
            '\u{202e}',
            '\u{2066}',
            '\u{200b}',
            '\u{e0041}',
            '\u{1b}',
            '\u{ad}',
        ] {
            let text = format!("safe{character}txt");
            let refused = |field| Err(ProposalError::Misleads { field, character });
            assert_eq!(titled(&text), refused("title"));
            let described = RawProposal {
                title: "x".into(),
                description: Some(text.clone()),
                ..RawProposal::default()
            };
            assert_eq!(Proposal::parse(described), refused("description"));
            let planned = RawProposal {
                title: "x".into(),
                paths: vec![text],
                ..RawProposal::default()
            };
            assert_eq!(Proposal::parse(planned), refused("paths"));
        }
    }

    #[test]
    fn what_people_write_is_taken_as_it_is() {
        for title in [
            "Repariere den Übergang",
            "修复登录",
            "می\u{200c}خواهم",
            "Ship it 👩\u{200d}💻❤\u{fe0f}",
        ] {
            assert_eq!(titled(title).unwrap().title().to_string(), title);
        }
        let text = "# Plan\r\n\n\t- one\n\t- two\n";
        let raw = RawProposal {
            title: "x".into(),
            description: Some(text.into()),
            ..RawProposal::default()
        };
        assert_eq!(
            Proposal::parse(raw).unwrap().description().unwrap().to_string(),
            text
        );
        assert_eq!(
            titled(&"é".repeat(200)).unwrap().title().to_string(),
            "é".repeat(200)
        );
    }

    #[test]
    fn a_record_comes_through_the_same_door() {
        let read = |text: &str| serde_json::from_str::<Proposal>(text).map_err(|error| error.to_string());
        let fixed = r#"{"title":"Fix it","paths":["a.rs","src/auth/**"],"declared_risk":"high"}"#;
        assert_eq!(serde_json::to_string(&read(fixed).unwrap()).unwrap(), fixed);
        let refused = |text: &str| read(text).unwrap_err();
        let many = serde_json::json!({ "title": "x", "paths": vec!["a"; 101] }).to_string();
        assert!(refused(&many).starts_with("paths has 101 entries of at most 100"));
        assert!(refused(r#"{"title":" ","paths":[]}"#).starts_with("title is empty"));
        assert!(refused(r#"{"title":"x","paths":[],"risk":"low"}"#).starts_with("unknown field `risk`"));
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
