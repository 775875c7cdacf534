//! Allowlists: what is no secret although a rule says so.

use aho_corasick::AhoCorasick;

use super::{
    CompileError,
    format::{Allowlist, Condition, Target},
    pattern::{self, Expression},
};

/// One allowlist of gitleaks'.
#[derive(Debug)]
pub(crate) struct Allow {
    all_must_hold: bool,
    target: Target,
    regexes: Vec<Expression>,
    stopwords: Option<AhoCorasick>,
}

impl Allow {
    /// `None` where it could never hold for a text.
    pub(crate) fn compile(list: &Allowlist, size_limit: usize) -> Result<Option<Self>, CompileError> {
        let all_must_hold = list.condition == Condition::And;
        if all_must_hold && !(list.paths.is_empty() && list.commits.is_empty()) {
            return Ok(None);
        }
        let regexes = list
            .regexes
            .iter()
            .map(|regex| Expression::built_in(&pattern::translate(regex), size_limit))
            .collect::<Vec<_>>();
        let stopwords = match list.stopwords.as_slice() {
            [] => None,
            words => Some(AhoCorasick::builder().ascii_case_insensitive(true).build(words)?),
        };
        Ok((!regexes.is_empty() || stopwords.is_some()).then_some(Self {
            all_must_hold,
            target: list.regex_target,
            regexes,
            stopwords,
        }))
    }

    /// Everything in it that is compiled when it is needed.
    #[cfg(test)]
    pub(crate) fn expressions(&self) -> impl Iterator<Item = &Expression> {
        self.regexes.iter()
    }

    /// Whether this is no secret.
    pub(crate) fn holds(&self, secret: &[u8], matched: &[u8], line: &[u8]) -> bool {
        let target = match self.target {
            Target::Secret => secret,
            Target::Match => matched,
            Target::Line => line,
        };
        let by_regex = || {
            self.regexes
                .iter()
                .any(|expression| expression.regex().is_match(target))
        };
        let by_word = || {
            self.stopwords
                .as_ref()
                .is_some_and(|words| words.is_match(secret))
        };
        if self.all_must_hold {
            (self.regexes.is_empty() || by_regex()) && (self.stopwords.is_none() || by_word())
        } else {
            by_word() || by_regex()
        }
    }
}
