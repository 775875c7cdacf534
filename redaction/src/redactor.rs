//! Rules and a key: what replaces secrets.

use std::{
    borrow::Cow,
    collections::BTreeMap,
    fmt,
    ops::Range,
    sync::{Arc, LazyLock},
};

use crate::{
    finding::{self, Finding},
    marker::{self, Marking},
    repository::{Allowed, RepositoryRules},
    rules::{CompileError, Rule, RuleId, adjusted, allow::Allow, format},
    search::{OwnNames, Search},
};

const FILES: [&str; 2] = [
    include_str!("../rules/gitleaks/gitleaks.toml"),
    include_str!("../rules/auditotter.toml"),
];

/// A text is searched again after something was replaced, for that may bring forth what it hid: so often at most.
pub(crate) const ROUNDS: usize = 8;

/// Replaces secrets.
pub struct Redactor {
    built_in: &'static BuiltIn,
    repository: Option<Arc<Search>>,
    allowed: Arc<Allowed>,
    marking: Marking,
}

/// A text without secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Redacted<'t> {
    /// The text; borrowed where nothing had to be replaced.
    pub text: Cow<'t, str>,
    /// How many secrets each rule found.
    pub counts: BTreeMap<RuleId, u32>,
}

impl Redacted<'_> {
    /// How many secrets were replaced.
    #[must_use]
    pub fn total(&self) -> u32 {
        self.counts
            .values()
            .fold(0, |sum, count| sum.saturating_add(*count))
    }
}

/// What is compiled once a process.
struct BuiltIn {
    search: Search,
    /// So many of the rules, the first, are gitleaks'.
    gitleaks: usize,
    /// What is no secret, whichever of gitleaks' rules says so.
    allow: Vec<Allow>,
    names: OwnNames,
    unsettled: RuleId,
}

#[expect(
    clippy::expect_used,
    reason = "constant data; a test compiles every rule of it"
)]
static BUILT_IN: LazyLock<BuiltIn> =
    LazyLock::new(|| BuiltIn::compile().expect("the built-in rules compile"));

impl BuiltIn {
    fn compile() -> Result<Self, BuiltInError> {
        let mut rules = Vec::new();
        let mut allow = Vec::new();
        let mut gitleaks = 0;
        for (at, text) in FILES.into_iter().enumerate() {
            let file: format::File = toml::from_str(text)?;
            allow.extend(Allow::compile(&file.allowlist, 1 << 24)?);
            for raw in &file.rules {
                if adjusted::LEFT_OUT.iter().all(|(id, _)| *id != raw.id) {
                    rules.extend(Rule::compile(raw)?);
                }
            }
            if at == 0 {
                gitleaks = rules.len();
            }
        }
        Ok(Self {
            search: Search::new(rules)?,
            gitleaks,
            allow,
            names: OwnNames {
                assignment: RuleId::new("secret-assignment"),
                bearer: RuleId::new("auditotter-bearer"),
            },
            unsettled: RuleId::new("unsettled-text"),
        })
    }
}

#[derive(Debug, thiserror::Error)]
enum BuiltInError {
    #[error(transparent)]
    File(#[from] toml::de::Error),
    #[error(transparent)]
    Rule(#[from] CompileError),
}

impl Redactor {
    /// With gitleaks' rules and our own, and the key of a workspace's digests.
    ///
    /// The first call in a process compiles all rules; the others share them.
    #[must_use]
    pub fn built_in(key: [u8; 32]) -> Self {
        Self {
            built_in: &BUILT_IN,
            repository: None,
            allowed: Arc::default(),
            marking: Marking::new(key),
        }
    }

    /// The same, with what a repository adds.
    #[must_use]
    pub fn with(mut self, rules: &RepositoryRules) -> Self {
        self.repository = rules.search();
        self.allowed = rules.allowed();
        self
    }

    /// Replaces each secret in a text.
    ///
    /// What is redacted already stays as it is, whoever's key it was redacted with.
    #[must_use]
    pub fn redact<'t>(&self, text: &'t str) -> Redacted<'t> {
        let mut redacted = Redacted {
            text: Cow::Borrowed(text),
            counts: BTreeMap::new(),
        };
        for _ in 0..ROUNDS {
            let findings = self.find(&redacted.text);
            if findings.is_empty() {
                return redacted;
            }
            let text = self.replace(&redacted.text, &findings, &mut redacted.counts);
            redacted.text = Cow::Owned(text);
        }
        if self.find(&redacted.text).is_empty() {
            return redacted;
        }
        let whole = self.unsettled(&redacted.text);
        for (rule, count) in whole.counts {
            *redacted.counts.entry(rule).or_default() += count;
        }
        redacted.text = whole.text;
        redacted
    }

    /// Replaces a text as a whole: one that brings forth secrets however often some are replaced is made to do so, and is not
    /// recorded in part.
    pub(crate) fn unsettled(&self, text: &str) -> Redacted<'static> {
        let rule = &self.built_in.unsettled;
        let mut whole = String::new();
        self.marking.write(rule, text.as_bytes(), &mut whole);
        Redacted {
            text: Cow::Owned(whole),
            counts: BTreeMap::from([(rule.clone(), 1)]),
        }
    }

    /// What is to be replaced: in order, apart from each other, on whole characters.
    pub(crate) fn find(&self, text: &str) -> Vec<Finding> {
        let bytes = text.as_bytes();
        let mut findings = self.built_in.search.find(bytes);
        let offset = self.built_in.search.rules.len();
        if let Some(repository) = &self.repository {
            findings.extend(repository.find_by_rules(bytes).into_iter().map(|found| Finding {
                rule: found.rule + offset,
                ..found
            }));
        }
        if findings.is_empty() {
            return findings;
        }
        findings.retain_mut(|found| {
            found.span = whole_characters(text, &found.span);
            let secret = bytes.get(found.span.clone()).unwrap_or_default();
            let by_gitleaks = found.rule < self.built_in.gitleaks;
            let excused = by_gitleaks
                && self
                    .built_in
                    .allow
                    .iter()
                    .any(|allow| allow.holds(secret, secret, secret));
            !excused && !self.allowed.holds(secret)
        });
        finding::settle(findings, &marker::existing(bytes), bytes)
    }

    pub(crate) fn replace(
        &self,
        text: &str,
        findings: &[Finding],
        counts: &mut BTreeMap<RuleId, u32>,
    ) -> String {
        let mut out = String::with_capacity(text.len() + findings.len() * 32);
        let mut from = 0;
        for found in findings {
            out.push_str(text.get(from..found.span.start).unwrap_or_default());
            let rule = self.name(found.rule);
            let secret = text.get(found.span.clone()).unwrap_or_default();
            self.marking.write(rule, secret.as_bytes(), &mut out);
            match counts.get_mut(rule) {
                Some(count) => *count = count.saturating_add(1),
                None => {
                    counts.insert(rule.clone(), 1);
                }
            }
            from = found.span.end;
        }
        out.push_str(text.get(from..).unwrap_or_default());
        out
    }

    fn name(&self, rule: usize) -> &RuleId {
        let own = self.built_in.search.rules.len();
        let repository = self
            .repository
            .as_ref()
            .and_then(|search| search.rules.get(rule.checked_sub(own)?));
        repository.map_or_else(
            || self.built_in.search.name(rule, &self.built_in.names),
            |rule| &rule.id,
        )
    }
}

impl fmt::Debug for Redactor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Redactor(..)")
    }
}

fn whole_characters(text: &str, span: &Range<usize>) -> Range<usize> {
    text.floor_char_boundary(span.start)..text.ceil_char_boundary(span.end)
}

#[cfg(test)]
mod tests;
