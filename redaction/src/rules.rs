//! The rules: what a secret looks like.

pub(crate) mod adjusted;
pub(crate) mod allow;
pub(crate) mod format;
pub(crate) mod pattern;

use std::{borrow::Borrow, fmt, sync::Arc};

use serde::{Serialize, Serializer};

use allow::Allow;
use pattern::Expression;

/// Which rule found a secret, as the marker names it.
///
/// gitleaks' and our own have plain names; those of a repository begin with `repository/`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RuleId(Arc<str>);

impl RuleId {
    pub(crate) fn new(id: &str) -> Self {
        Self(id.into())
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl Serialize for RuleId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl fmt::Display for RuleId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Borrow<str> for RuleId {
    fn borrow(&self) -> &str {
        &self.0
    }
}

/// What an expression may take, compiled.
const SIZE_LIMIT: usize = 16 << 20;

/// How far around a keyword is looked where a match has no longest length.
const REACH: usize = 4 << 10;
/// The same for blocks of private keys.
const REACH_OF_BLOCKS: usize = 64 << 10;
/// A longer match is looked for in windows: many keywords in a row must not make many long searches.
const LONGEST_AT_ONCE: usize = 1 << 10;

/// A rule, ready to look with.
#[derive(Debug)]
pub(crate) struct Rule {
    pub(crate) id: RuleId,
    pub(crate) regex: Expression,
    pub(crate) keywords: Vec<String>,
    pub(crate) plan: Plan,
    /// Yields to rules that know more.
    pub(crate) generic: bool,
    followed_by: &'static str,
    secret_group: usize,
    entropy: f64,
    kinds: u32,
    allow: Vec<Allow>,
}

/// Where matches of a rule can be, given that one of its keywords is at some place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Plan {
    /// They begin there, and are not longer than this.
    At { longest: usize },
    /// Within so many bytes before and after it.
    Around { before: usize, after: usize },
    /// Within so many bytes around it, and only where something is assigned to it: see [`crate::assignment::leads_to`].
    Assigned { around: usize, generic: bool },
}

/// The part of gitleaks' expressions which says that something is assigned, between keyword and secret.
const ASSIGNED: &str = r#"(?:[ \t\w.-]{0,20})[\s'"]{0,3}(?:=|>|:{1,3}=|\|\||:|=>|\?=|,)[\x60'"\s=]{0,5}("#;
/// What it calls the names of things that are secret: each is a keyword, or continues one.
const GENERIC: &str = "generic-api-key";

/// A rule cannot be compiled.
#[derive(Debug, thiserror::Error)]
pub(crate) enum CompileError {
    #[error(transparent)]
    Syntax(#[from] Box<regex_syntax::Error>),
    #[error(transparent)]
    Regex(#[from] Box<regex_automata::meta::BuildError>),
    #[error(transparent)]
    Words(#[from] aho_corasick::BuildError),
}

impl Rule {
    /// Compiles a rule as gitleaks writes it; `None` for one without an expression.
    pub(crate) fn compile(raw: &format::Rule) -> Result<Option<Self>, CompileError> {
        let rewritten = adjusted::REWRITTEN.iter().find(|other| other.id == raw.id);
        let rarer = adjusted::RARER_KEYWORDS.iter().find(|rarer| rarer.id == raw.id);
        let Some(regex) = rewritten.map(|other| other.regex).or(raw.regex.as_deref()) else {
            return Ok(None);
        };
        let keywords: Vec<String> = match (rewritten, rarer) {
            (Some(other), _) => other.keywords.iter().map(|word| (*word).to_owned()).collect(),
            (None, Some(rarer)) => rarer.keywords.iter().map(|word| (*word).to_owned()).collect(),
            (None, None) => raw
                .keywords
                .iter()
                .map(|word| word.to_ascii_lowercase())
                .collect(),
        };
        let regex = pattern::translate(regex);
        let also: Vec<_> = adjusted::ALSO_ALLOWED
            .iter()
            .filter(|also| also.id == raw.id)
            .map(|also| format::Allowlist::of(also.target, also.regex))
            .collect();
        let allow = raw
            .allowlists
            .iter()
            .chain(&also)
            .filter_map(|list| Allow::compile(list, SIZE_LIMIT).transpose())
            .collect::<Result<_, _>>()?;
        Ok(Some(Self {
            id: RuleId::new(&raw.id),
            plan: plan(&raw.id, &regex, &keywords)?,
            regex: Expression::built_in(&regex, SIZE_LIMIT),
            keywords,
            followed_by: rarer.map_or("", |rarer| rarer.followed_by),
            generic: raw.id == GENERIC,
            secret_group: raw.secret_group,
            entropy: raw.entropy,
            kinds: raw.kinds,
            allow,
        }))
    }

    /// A rule that a repository adds: no allowlists, and matches of a known length.
    pub(crate) fn of_repository(
        id: RuleId,
        pattern: &str,
        keywords: Vec<String>,
        entropy: f64,
        size_limit: usize,
    ) -> Result<Self, CompileError> {
        Ok(Self {
            plan: plan(id.as_str(), pattern, &keywords)?,
            regex: Expression::compiled(pattern, size_limit)?,
            id,
            keywords,
            followed_by: "",
            generic: false,
            secret_group: 0,
            entropy,
            kinds: 0,
            allow: Vec::new(),
        })
    }

    /// Everything in it that is compiled when it is needed.
    #[cfg(test)]
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expression> {
        let allowed = self.allow.iter().flat_map(Allow::expressions);
        std::iter::once(&self.regex).chain(allowed)
    }

    /// Whether what must follow a keyword does.
    pub(crate) fn goes_on(&self, text: &[u8], keyword_end: usize) -> bool {
        if self.followed_by.is_empty() {
            return true;
        }
        let rest = text.get(keyword_end..).unwrap_or_default();
        let blanks = rest
            .iter()
            .take_while(|byte| matches!(byte, b' ' | b'\t' | b'"' | b'\''))
            .count();
        let next = rest.get(blanks..blanks + self.followed_by.len());
        next.is_some_and(|next| next.eq_ignore_ascii_case(self.followed_by.as_bytes()))
    }

    /// The group that holds the secret: the named one, or the first that took part, or the whole match.
    pub(crate) fn secret(
        &self,
        captures: &regex_automata::util::captures::Captures,
    ) -> Option<std::ops::Range<usize>> {
        let groups = match self.secret_group {
            0 => 1..captures.group_len(),
            group => group..group + 1,
        };
        groups
            .filter_map(|group| captures.get_group(group))
            .find(|span| !span.is_empty())
            .or_else(|| captures.get_group(0))
            .map(|span| span.start..span.end)
    }

    /// Whether a match is a secret, by entropy, kinds and allowlists.
    pub(crate) fn accepts(&self, secret: &[u8], matched: &[u8], line: &[u8]) -> bool {
        if self.entropy > 0.0 && crate::entropy::shannon(secret) <= self.entropy {
            return false;
        }
        if self.kinds > 0 && crate::entropy::kinds(secret).count() < self.kinds {
            return false;
        }
        !self.allow.iter().any(|allow| allow.holds(secret, matched, line))
    }
}

fn plan(id: &str, regex: &str, keywords: &[String]) -> Result<Plan, CompileError> {
    let hir = pattern::parse(regex)?;
    let longest = hir.properties().maximum_len();
    let unbounded = if id.starts_with("private-key") {
        REACH_OF_BLOCKS
    } else {
        REACH
    };
    let reach = longest.unwrap_or(unbounded);
    if pattern::begins_with(&hir, keywords) {
        return Ok(match longest {
            Some(longest) if longest <= LONGEST_AT_ONCE => Plan::At { longest },
            _ => Plan::Around {
                before: 0,
                after: reach,
            },
        });
    }
    let generic = id == GENERIC;
    if generic || assigned(regex, keywords) {
        return Ok(Plan::Assigned {
            around: longest.unwrap_or(512),
            generic,
        });
    }
    Ok(Plan::Around {
        before: reach,
        after: reach,
    })
}

/// Whether the expression is: something, one of exactly the keywords, and an assignment.
fn assigned(regex: &str, keywords: &[String]) -> bool {
    let Some((head, _)) = regex.split_once(ASSIGNED) else {
        return false;
    };
    let named = head.strip_suffix(')').and_then(|head| head.rsplit_once("(?:"));
    named.is_some_and(|(_, names)| {
        names
            .split('|')
            .all(|name| keywords.iter().any(|keyword| name.eq_ignore_ascii_case(keyword)))
    })
}
