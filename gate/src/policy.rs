//! `.auditotter/policy.toml`: how the gate works in a repository.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use vocabulary::shown;

/// How a repository wants its gate.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Policy {
    mode: Mode,
    elsewhere: BTreeSet<String>,
}

/// What a denial does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Mode {
    /// The call does not happen, and that is recorded.
    Enforce,
    /// The call happens, and what would have been denied is recorded.
    Observe,
}

/// A policy, and what is wrong with the file that it was read from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Read {
    /// What holds.
    pub policy: Policy,
    /// Why the file does not.
    pub broken: Option<PolicyError>,
}

/// A policy file that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not TOML, or not of this form.
    #[error(
        "`.auditotter/policy.toml` cannot be read{line}: {reason}; until that is mended, `mode = \"enforce\"` holds",
        line = line.map_or_else(String::new, |line| format!(" (line {line})"))
    )]
    Form {
        /// In which line.
        line: Option<usize>,
        /// What the reader said.
        reason: String,
    },
    /// Not the name of a server.
    #[error(
        "`.auditotter/policy.toml`: `elsewhere` names `{0}`, which is no name of an MCP server (letters, digits, `-`, `_`); until that is \
         mended, `mode = \"enforce\"` holds"
    )]
    Server(String),
    /// Larger than any policy.
    #[error(
        "`.auditotter/policy.toml` has {0} bytes of at most {MAX_BYTES}; until that is mended, `mode = \"enforce\"` holds"
    )]
    Large(usize),
    /// There, and not readable.
    #[error(
        "`.auditotter/policy.toml` is there but not text that can be read; until that is mended, `mode = \"enforce\"` holds"
    )]
    Unreadable,
}

const MAX_BYTES: usize = 64 * 1024;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    mode: Mode,
    #[serde(default)]
    elsewhere: Vec<String>,
}

impl Default for Policy {
    /// What holds where there is no file: nothing is in the way of whoever has not asked for a gate.
    fn default() -> Self {
        Self {
            mode: Mode::Observe,
            elsewhere: BTreeSet::new(),
        }
    }
}

impl Policy {
    /// Parses a policy file.
    ///
    /// # Errors
    /// [`PolicyError`] with the line and what is wrong there.
    pub fn parse(text: &str) -> Result<Self, PolicyError> {
        if text.len() > MAX_BYTES {
            return Err(PolicyError::Large(text.len()));
        }
        let file: File = toml::from_str(text).map_err(|error| PolicyError::Form {
            line: error
                .span()
                .and_then(|span| text.get(..span.start))
                .map(|before| before.matches('\n').count() + 1),
            reason: shown(error.message(), 160),
        })?;
        for name in &file.elsewhere {
            if name.is_empty()
                || !name
                    .bytes()
                    .all(|b| b.is_ascii_alphanumeric() || matches!(b, b'-' | b'_'))
            {
                return Err(PolicyError::Server(shown(name, 48)));
            }
        }
        Ok(Self {
            mode: file.mode,
            elsewhere: file.elsewhere.into_iter().collect(),
        })
    }

    /// What holds, given the file's bytes; `None` where there is no file. A file that cannot be used never opens the gate: hand
    /// in `Some` also where there is one that cannot be opened.
    #[must_use]
    pub fn of_file(bytes: Option<&[u8]>) -> Read {
        let parsed = match bytes {
            None => Ok(Self::default()),
            Some(bytes) => str::from_utf8(bytes)
                .map_err(|_| PolicyError::Unreadable)
                .and_then(Self::parse),
        };
        match parsed {
            Ok(policy) => Read { policy, broken: None },
            Err(error) => Read {
                policy: Self {
                    mode: Mode::Enforce,
                    elsewhere: BTreeSet::new(),
                },
                broken: Some(error),
            },
        }
    }

    /// What a denial does.
    #[must_use]
    pub const fn mode(&self) -> Mode {
        self.mode
    }

    /// Whether the repository says that this MCP server touches none of its files.
    #[must_use]
    pub fn is_elsewhere(&self, server: &str) -> bool {
        self.elsewhere.contains(server)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_file_observes_and_a_broken_one_enforces() {
        assert_eq!(Policy::of_file(None).policy.mode(), Mode::Observe);
        for broken in [
            &b"mode = \"observ\""[..],
            b"",
            b"mode = \"observe\"\nmodes = 1",
            b"\xff",
            b"mode = observe",
            b"[gate]\nmode = \"observe\"",
            b"mode = \"observe\"\nelsewhere = [\"a b\"]",
            b"mode = \"observe\"\nmode = \"enforce\"",
            b"mode = \"observe\"\nelsewhere = [\"\"]",
        ] {
            let read = Policy::of_file(Some(broken));
            assert_eq!(read.policy.mode(), Mode::Enforce);
            assert!(read.broken.is_some());
        }
        let large = vec![b'#'; MAX_BYTES + 1];
        assert_eq!(
            Policy::of_file(Some(&large)).broken,
            Some(PolicyError::Large(MAX_BYTES + 1))
        );
    }

    #[test]
    fn a_policy_says_its_mode_and_which_servers_work_elsewhere() {
        let policy = Policy::parse("mode = \"enforce\"\nelsewhere = [\"linear\"]\n").unwrap();
        assert_eq!(policy.mode(), Mode::Enforce);
        assert!(policy.is_elsewhere("linear"));
        assert!(!policy.is_elsewhere("Linear"));
        assert_eq!(Policy::parse("mode = \"observe\"").unwrap(), Policy::default());
    }

    #[test]
    fn a_broken_file_is_told_to_a_person() {
        let error = Policy::parse("\nmode = \"of\"").unwrap_err();
        assert!(error.to_string().contains("(line 2)"), "{error}");
        assert!(error.to_string().contains("`enforce` or `observe`"), "{error}");
    }
}
