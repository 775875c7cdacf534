//! gitleaks' configuration format, as far as a text can meet it.

use serde::Deserialize;

/// A file of rules.
#[derive(Debug, Deserialize)]
pub(crate) struct File {
    #[serde(default)]
    pub(crate) allowlist: Allowlist,
    #[serde(default)]
    pub(crate) rules: Vec<Rule>,
}

/// One rule.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Rule {
    pub(crate) id: String,
    pub(crate) regex: Option<String>,
    #[serde(default)]
    pub(crate) secret_group: usize,
    #[serde(default)]
    pub(crate) entropy: f64,
    #[serde(default)]
    pub(crate) keywords: Vec<String>,
    #[serde(default)]
    pub(crate) allowlists: Vec<Allowlist>,
    /// Ours, not gitleaks': how many kinds of characters there must be, of small, large, digits and signs.
    #[serde(default)]
    pub(crate) kinds: u32,
}

/// What is no secret although a rule says so. `paths` and `commits` cannot hold: a text has neither.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(crate) struct Allowlist {
    #[serde(default)]
    pub(crate) condition: Condition,
    #[serde(default)]
    pub(crate) regex_target: Target,
    #[serde(default)]
    pub(crate) regexes: Vec<String>,
    #[serde(default)]
    pub(crate) stopwords: Vec<String>,
    #[serde(default)]
    pub(crate) paths: Vec<String>,
    #[serde(default)]
    pub(crate) commits: Vec<String>,
}

impl Allowlist {
    /// One expression.
    pub(crate) fn of(regex_target: Target, regex: &str) -> Self {
        Self {
            regex_target,
            regexes: vec![regex.to_owned()],
            ..Self::default()
        }
    }
}

/// Whether one of an allowlist's criteria is enough, or all must hold.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
pub(crate) enum Condition {
    #[default]
    #[serde(rename = "OR", alias = "or", alias = "||")]
    Or,
    #[serde(rename = "AND", alias = "and", alias = "&&")]
    And,
}

/// What an allowlist's expressions are held against.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub(crate) enum Target {
    #[default]
    Secret,
    Match,
    Line,
}
