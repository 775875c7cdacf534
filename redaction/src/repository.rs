//! `.auditotter/redact.toml`: what a repository adds.
//!
//! An agent may have written this file. So a rule cannot take a whole text away, and what is allowed cannot let a kind of
//! secrets through: only values that the file all but spells out.

mod bits;

use std::{collections::BTreeSet, sync::Arc};

use regex_automata::{Anchored, Input, meta::Regex};
use regex_syntax::hir::{Class, Hir, HirKind};
use serde::Deserialize;

use crate::{
    rules::{CompileError, Rule, RuleId, pattern},
    search::Search,
};

/// The longest file, in bytes.
pub const MAX_FILE_BYTES: usize = 64 << 10;
/// The most rules, the most allowed expressions, and the most stop words.
pub const MAX_RULES: usize = 64;
/// The longest expression, in bytes.
pub const MAX_REGEX_BYTES: usize = 1_000;
/// The shortest secret that a repository's rule may describe, in bytes.
pub const MIN_SECRET_BYTES: usize = 8;
/// The longest secret that a repository's rule may describe, in bytes.
pub const MAX_SECRET_BYTES: usize = 512;
/// How much an allowed expression may leave open: it describes at most 2 to the power of this many values.
pub const MAX_ALLOWED_BITS: f64 = 32.0;

/// The shortest keyword and stop word, in bytes.
const MIN_WORD_BYTES: usize = 3;
const MAX_WORDS: usize = 16;
const MAX_STOPWORDS: usize = 256;
const MAX_STOPWORD_BYTES: usize = 256;
const SIZE_LIMIT: usize = 1 << 20;

/// A repository's own rules, checked.
#[derive(Debug, Clone, Default)]
pub struct RepositoryRules {
    search: Option<Arc<Search>>,
    allowed: Arc<Allowed>,
}

/// Why a repository's rules are not used.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum RulesError {
    /// The file is too long.
    #[error("redact.toml has {size} bytes; {MAX_FILE_BYTES} are read. Shorten it")]
    TooLong {
        /// Its size in bytes.
        size: usize,
    },
    /// It is no TOML, or has fields that nobody knows.
    #[error("redact.toml cannot be read: {0}. Correct it there")]
    Format(#[from] toml::de::Error),
    /// There is too much of something.
    #[error("redact.toml has {count} of {what}; {most} are used. Remove some")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        most: usize,
    },
    /// A rule's name cannot stand in a marker.
    #[error("rule {id:?} of redact.toml: its id needs 1 to 40 of a-z, 0-9, - and _. Rename it")]
    Id {
        /// The name.
        id: String,
    },
    /// Two rules have one name.
    #[error("redact.toml has two rules {id:?}. Rename one")]
    Twice {
        /// The name.
        id: String,
    },
    /// An expression is too long.
    #[error("{entry} of redact.toml: its regex has {size} bytes; {MAX_REGEX_BYTES} are read. Shorten it")]
    RegexTooLong {
        /// Which rule or allowed expression.
        entry: String,
        /// Its size in bytes.
        size: usize,
    },
    /// An expression cannot be compiled.
    #[error(
        "{entry} of redact.toml: its regex cannot be used: {reason}. Correct it; look-around and back-references do not exist here"
    )]
    Regex {
        /// Which rule or allowed expression.
        entry: String,
        /// What the engine says.
        reason: String,
    },
    /// A rule would match too short or too long texts.
    #[error(
        "rule {id:?} of redact.toml matches from {shortest} to {} bytes; it may match from {MIN_SECRET_BYTES} to {MAX_SECRET_BYTES}, so that it \
         hides secrets and not what an agent did. Say how many there are: [a-z]{{16,40}} in place of [a-z]+",
        longest.map_or_else(|| "any number of".to_owned(), |longest| longest.to_string())
    )]
    Length {
        /// The rule.
        id: String,
        /// The shortest match, in bytes.
        shortest: usize,
        /// The longest; `None` where there is none.
        longest: Option<usize>,
    },
    /// A rule could take blanks.
    #[error(
        "rule {id:?} of redact.toml could match blanks or line ends, and so hide sentences and commands. Secrets have none: use \\S or the \
         letters in question in place of . and \\s"
    )]
    Blanks {
        /// The rule.
        id: String,
    },
    /// A rule's matches need not contain one of its keywords.
    #[error(
        "rule {id:?} of redact.toml: each match has to contain one of its keywords, of {MIN_WORD_BYTES} letters or more, or the rule would \
         hide anything of that shape. Put what all these secrets begin with into the regex and into keywords"
    )]
    Keywords {
        /// The rule.
        id: String,
    },
    /// A rule's entropy is no number of bits a byte.
    #[error("rule {id:?} of redact.toml: entropy is {entropy}; it is from 0 to 8 bits a byte. Correct it")]
    Entropy {
        /// The rule.
        id: String,
        /// What was given.
        entropy: f64,
    },
    /// A rule hides ordinary text.
    #[error(
        "rule {id:?} of redact.toml would hide ordinary text such as {hidden:?}. Describe the secret more narrowly"
    )]
    HidesOrdinaryText {
        /// The rule.
        id: String,
        /// What it would hide.
        hidden: &'static str,
    },
    /// An allowed expression would let a kind of secrets through.
    #[error(
        "allow.regexes[{index}] of redact.toml lets 2^{bits:.0} values through; {MAX_ALLOWED_BITS:.0} bits are allowed. Spell out the values, or use stopwords"
    )]
    AllowsTooMuch {
        /// Which one, from 0.
        index: usize,
        /// How many values it lets through, as a power of two.
        bits: f64,
    },
    /// A stop word is too short or too long.
    #[error(
        "allow.stopwords[{index}] of redact.toml has {size} bytes; {MIN_WORD_BYTES} to {MAX_STOPWORD_BYTES} are allowed. A stop word is a whole value"
    )]
    Stopword {
        /// Which one, from 0.
        index: usize,
        /// Its size in bytes.
        size: usize,
    },
    /// All rules together cannot be prepared.
    #[error("the rules of redact.toml are too many or too large together. Remove some")]
    Together,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct File {
    #[serde(default, rename = "rule")]
    rules: Vec<RawRule>,
    #[serde(default)]
    allow: RawAllow,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawRule {
    id: String,
    regex: String,
    keywords: Vec<String>,
    #[serde(default)]
    entropy: f64,
}

#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
struct RawAllow {
    #[serde(default)]
    regexes: Vec<String>,
    #[serde(default)]
    stopwords: Vec<String>,
}

impl RepositoryRules {
    /// Reads and checks a file's text.
    ///
    /// # Errors
    /// [`RulesError`]: nothing of a file counts when a part of it is refused. The built-in rules hold regardless.
    pub fn parse(text: &str) -> Result<Self, RulesError> {
        if text.len() > MAX_FILE_BYTES {
            return Err(RulesError::TooLong { size: text.len() });
        }
        let file: File = toml::from_str(text)?;
        at_most("rules", file.rules.len(), MAX_RULES)?;
        let mut ids = BTreeSet::new();
        let mut rules = Vec::with_capacity(file.rules.len());
        for raw in &file.rules {
            if !ids.insert(raw.id.as_str()) {
                return Err(RulesError::Twice { id: raw.id.clone() });
            }
            rules.push(raw.check()?);
        }
        let search = match rules.as_slice() {
            [] => None,
            _ => Some(Arc::new(
                Search::of_repository(rules).map_err(|_| RulesError::Together)?,
            )),
        };
        let allowed = Arc::new(file.allow.check()?);
        Ok(Self { search, allowed })
    }

    pub(crate) fn search(&self) -> Option<Arc<Search>> {
        self.search.clone()
    }

    pub(crate) fn allowed(&self) -> Arc<Allowed> {
        Arc::clone(&self.allowed)
    }
}

/// What a repository says is no secret: whole values.
#[derive(Debug, Default)]
pub(crate) struct Allowed {
    regexes: Vec<Regex>,
    values: BTreeSet<Box<[u8]>>,
}

impl Allowed {
    pub(crate) fn holds(&self, secret: &[u8]) -> bool {
        self.values.contains(secret)
            || self.regexes.iter().any(|regex| {
                let whole = Input::new(secret).anchored(Anchored::Yes);
                regex
                    .search_half(&whole)
                    .is_some_and(|end| end.offset() == secret.len())
            })
    }
}

impl RawRule {
    fn check(&self) -> Result<Rule, RulesError> {
        let id = || self.id.clone();
        let named = (1..=40).contains(&self.id.len())
            && self
                .id
                .bytes()
                .all(|byte| matches!(byte, b'a'..=b'z' | b'0'..=b'9' | b'-' | b'_'));
        if !named {
            return Err(RulesError::Id { id: id() });
        }
        let entry = || format!("rule {:?}", self.id);
        let hir = parse(&self.regex, &entry)?;
        let (shortest, longest) = (hir.properties().minimum_len(), hir.properties().maximum_len());
        match (shortest, longest) {
            (Some(shortest), Some(longest))
                if shortest >= MIN_SECRET_BYTES && longest <= MAX_SECRET_BYTES => {}
            _ => {
                return Err(RulesError::Length {
                    id: id(),
                    shortest: shortest.unwrap_or(0),
                    longest,
                });
            }
        }
        if takes_blanks(&hir) {
            return Err(RulesError::Blanks { id: id() });
        }
        if !(0.0..=8.0).contains(&self.entropy) {
            return Err(RulesError::Entropy {
                id: id(),
                entropy: self.entropy,
            });
        }
        at_most("keywords in one rule", self.keywords.len(), MAX_WORDS)?;
        let keywords: Vec<String> = self
            .keywords
            .iter()
            .map(|word| word.to_ascii_lowercase())
            .collect();
        let long_enough = keywords
            .iter()
            .all(|word| (MIN_WORD_BYTES..=64).contains(&word.len()));
        if keywords.is_empty() || !long_enough || !pattern::contains(&hir, &keywords) {
            return Err(RulesError::Keywords { id: id() });
        }
        let rule = RuleId::new(&format!("repository/{}", self.id));
        let rule = Rule::of_repository(rule, &self.regex, keywords, self.entropy, SIZE_LIMIT)
            .map_err(|error| refused(&entry, &error))?;
        match ORDINARY
            .iter()
            .find(|line| rule.regex.regex().is_match(line.as_bytes()))
        {
            Some(hidden) => Err(RulesError::HidesOrdinaryText { id: id(), hidden }),
            None => Ok(rule),
        }
    }
}

impl RawAllow {
    fn check(&self) -> Result<Allowed, RulesError> {
        at_most("allow.regexes", self.regexes.len(), MAX_RULES)?;
        at_most("allow.stopwords", self.stopwords.len(), MAX_STOPWORDS)?;
        let mut regexes = Vec::with_capacity(self.regexes.len());
        for (index, regex) in self.regexes.iter().enumerate() {
            let entry = || format!("allow.regexes[{index}]");
            let bits = bits::left_open(&parse(regex, &entry)?);
            if bits > MAX_ALLOWED_BITS {
                return Err(RulesError::AllowsTooMuch { index, bits });
            }
            // Whole values: of all alternatives the one that reaches the end.
            let whole = format!("(?:{regex})\\z");
            let compiled =
                pattern::compile(&whole, SIZE_LIMIT).map_err(|error| refused(&entry, &error.into()))?;
            regexes.push(compiled);
        }
        let mut values = BTreeSet::new();
        for (index, word) in self.stopwords.iter().enumerate() {
            if !(MIN_WORD_BYTES..=MAX_STOPWORD_BYTES).contains(&word.len()) {
                return Err(RulesError::Stopword {
                    index,
                    size: word.len(),
                });
            }
            values.insert(word.as_bytes().into());
        }
        Ok(Allowed { regexes, values })
    }
}

/// What a rule must not hide: what agents do, and what records say of it.
const ORDINARY: &[&str] = &[
    "git push --force origin main && git commit --amend --no-verify",
    "rm -rf / --no-preserve-root; sudo chmod -R 777 /var/lib",
    "curl -fsSL https://example.org/install.sh | sudo bash",
    "cat /etc/passwd ~/.ssh/id_ed25519 .env .auditotter/redact.toml",
    "DROP TABLE users; DELETE FROM audit_log WHERE 1 = 1;",
    "The quick brown fox jumps over the lazy dog, and nobody approved it.",
    "pub fn authorize(token: &str, request: &Request) -> Result<Decision, Denial> {",
    "diff --git a/src/auth/password.rs b/src/auth/password.rs",
    "npm install && npm test -- --coverage; kubectl delete namespace production",
    "auditotter approve wi_01890a5d-ac96-774b-bcce-b302099a8057",
    "error[E0308]: mismatched types --> hub/src/dispatch.rs:120:9",
];

/// Whether a class of an expression has a blank or a line end in it. A blank that is spelt out is part of a fixed text.
fn takes_blanks(hir: &Hir) -> bool {
    const BLANKS: [u8; 6] = [b' ', b'\t', b'\n', b'\r', 11, 12];
    match hir.kind() {
        HirKind::Class(Class::Bytes(class)) => class.iter().any(|range| {
            BLANKS
                .iter()
                .any(|blank| (range.start()..=range.end()).contains(blank))
        }),
        HirKind::Class(Class::Unicode(class)) => class.iter().any(|range| {
            BLANKS
                .iter()
                .any(|blank| (range.start()..=range.end()).contains(&char::from(*blank)))
        }),
        HirKind::Capture(capture) => takes_blanks(&capture.sub),
        HirKind::Repetition(repetition) => takes_blanks(&repetition.sub),
        HirKind::Concat(parts) | HirKind::Alternation(parts) => parts.iter().any(takes_blanks),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Look(_) => false,
    }
}

fn at_most(what: &'static str, count: usize, most: usize) -> Result<(), RulesError> {
    if count > most {
        return Err(RulesError::TooMany { what, count, most });
    }
    Ok(())
}

fn parse(regex: &str, entry: &dyn Fn() -> String) -> Result<Hir, RulesError> {
    if regex.len() > MAX_REGEX_BYTES {
        return Err(RulesError::RegexTooLong {
            entry: entry(),
            size: regex.len(),
        });
    }
    pattern::parse(regex).map_err(|error| refused(entry, &error.into()))
}

fn refused(entry: &dyn Fn() -> String, error: &CompileError) -> RulesError {
    RulesError::Regex {
        entry: entry(),
        reason: error.to_string(),
    }
}

#[cfg(test)]
mod tests;
