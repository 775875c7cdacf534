//! Why a human decided as they did, in their own words.

use std::{fmt, str::FromStr};

use vocabulary::{misleads, text_form};

/// 1 to 2,000 characters that are shown as they are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rationale(String);

/// Why a text is no rationale.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a rationale has 1 to {MAX_CHARS} characters, none of them one that hides or turns what is read; lines may break"
)]
pub struct RationaleError;

const MAX_CHARS: usize = 2_000;

impl FromStr for Rationale {
    type Err = RationaleError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let fine = |c: char| c == '\n' || !misleads(c);
        if (1..=MAX_CHARS).contains(&text.chars().count()) && text.chars().all(fine) {
            Ok(Self(text.to_owned()))
        } else {
            Err(RationaleError)
        }
    }
}

impl fmt::Display for Rationale {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

text_form!(Rationale);
