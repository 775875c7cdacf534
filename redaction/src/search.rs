//! One pass for all keywords, and expressions only where a keyword makes a match possible.
//!
//! A match that contains a keyword lies within its rule's longest match of that keyword. So each keyword opens a window; windows
//! of one rule that touch are one; and each window is searched once, with what stands around it in view. That a search of the
//! whole text finds the same is a test (`search/tests.rs`).

use std::ops::Range;

use aho_corasick::{AhoCorasick, AhoCorasickKind, StartKind};
use regex_automata::{Anchored, Input};

use crate::{
    assignment, bearer,
    finding::Finding,
    rules::{CompileError, Plan, Rule},
};

/// All rules, and how they are looked for.
#[derive(Debug)]
pub(crate) struct Search {
    pub(crate) rules: Vec<Rule>,
    keywords: AhoCorasick,
    /// For each keyword: who wants to know of it.
    wanted: Vec<Vec<Wants>>,
}

/// Who wants to know of a keyword.
#[derive(Debug, Clone, Copy)]
enum Wants {
    Rule(usize),
    Assignment,
}

/// Numbers of what has no expression, behind those of the rules.
const ASSIGNMENT: usize = usize::MAX;
const BEARER: usize = usize::MAX - 1;

/// What is known of one rule while a text is searched.
#[derive(Debug, Clone, Default)]
struct Progress {
    /// Before this, secrets are found already.
    from: usize,
    window: Option<Range<usize>>,
}

impl Search {
    /// Prepares a search for the built-in rules, and for what is assigned to names of secrets.
    pub(crate) fn new(rules: Vec<Rule>) -> Result<Self, CompileError> {
        Self::build(rules, assignment::NAMES)
    }

    /// Prepares a search for the rules of a repository alone.
    pub(crate) fn of_repository(rules: Vec<Rule>) -> Result<Self, CompileError> {
        Self::build(rules, &[])
    }

    fn build(rules: Vec<Rule>, names: &'static [&'static str]) -> Result<Self, CompileError> {
        let mut words: Vec<&str> = Vec::new();
        let mut wanted: Vec<Vec<Wants>> = Vec::new();
        let ours = names.iter().map(|name| (*name, Wants::Assignment));
        let theirs = rules.iter().enumerate().flat_map(|(at, rule)| {
            rule.keywords
                .iter()
                .map(move |word| (word.as_str(), Wants::Rule(at)))
        });
        for (word, wants) in theirs.chain(ours) {
            if let Some(known) = words.iter().position(|known| *known == word) {
                if let Some(all) = wanted.get_mut(known) {
                    all.push(wants);
                }
            } else {
                words.push(word);
                wanted.push(vec![wants]);
            }
        }
        let keywords = AhoCorasick::builder()
            .ascii_case_insensitive(true)
            .kind(Some(AhoCorasickKind::DFA))
            .start_kind(StartKind::Unanchored)
            .build(&words)?;
        Ok(Self {
            rules,
            keywords,
            wanted,
        })
    }

    /// All secrets in a text, in no order; some may overlap.
    pub(crate) fn find(&self, text: &[u8]) -> Vec<Finding> {
        let mut findings = self.find_by_rules(text);
        findings.extend(bearer::find(text).map(|span| Finding {
            span,
            rule: BEARER,
            generic: false,
        }));
        findings
    }

    /// The same without what has no keyword.
    pub(crate) fn find_by_rules(&self, text: &[u8]) -> Vec<Finding> {
        let mut findings = Vec::new();
        let mut progress: Vec<Progress> = Vec::new();
        let mut runs = assignment::Runs::default();
        let mut after_assigned = 0;
        for hit in self.keywords.find_overlapping_iter(text) {
            for wants in self.wanted.get(hit.pattern().as_usize()).into_iter().flatten() {
                match wants {
                    Wants::Rule(at) => {
                        self.meet(*at, hit.range(), text, &mut progress, &mut runs, &mut findings)
                    }
                    Wants::Assignment if hit.start() >= after_assigned => {
                        if let Some(span) = assignment::find(text, hit.range()) {
                            after_assigned = span.end;
                            findings.push(Finding {
                                span,
                                rule: ASSIGNMENT,
                                generic: true,
                            });
                        }
                    }
                    Wants::Assignment => {}
                }
            }
        }
        for (at, known) in progress.iter_mut().enumerate() {
            if let (Some(window), Some(rule)) = (known.window.take(), self.rules.get(at)) {
                search(at, rule, text, window, known, &mut findings);
            }
        }
        findings
    }

    /// A keyword of a rule is here.
    fn meet(
        &self,
        at: usize,
        keyword: Range<usize>,
        text: &[u8],
        progress: &mut Vec<Progress>,
        runs: &mut assignment::Runs,
        findings: &mut Vec<Finding>,
    ) {
        let Some(rule) = self.rules.get(at) else { return };
        let window = match rule.plan {
            Plan::At { longest } => {
                // One byte more than the longest, for what an expression looks at and does not take.
                let end = text.len().min(keyword.start.saturating_add(longest));
                let input = Input::new(text).span(keyword.start..end).anchored(Anchored::Yes);
                if rule.regex.regex().search_half(&input).is_none() {
                    return;
                }
                if progress.is_empty() {
                    progress.resize(self.rules.len(), Progress::default());
                }
                if let Some(known) = progress.get_mut(at)
                    && keyword.start >= known.from
                {
                    evaluate(at, rule, text, &input, known, findings);
                }
                return;
            }
            Plan::Around { before, after } => {
                if !rule.goes_on(text, keyword.end) {
                    return;
                }
                keyword.start.saturating_sub(before)..text.len().min(keyword.end.saturating_add(after))
            }
            Plan::Assigned { around, generic } => {
                let Some(end) = assignment::leads_to(text, keyword.end, generic, runs) else {
                    return;
                };
                let end = if generic { end } else { end.saturating_add(around) };
                keyword.start.saturating_sub(if generic { 64 } else { around })..text.len().min(end)
            }
        };
        if progress.is_empty() {
            progress.resize(self.rules.len(), Progress::default());
        }
        let Some(known) = progress.get_mut(at) else { return };
        match &mut known.window {
            Some(open) if window.start <= open.end => open.end = open.end.max(window.end),
            open => {
                if let Some(full) = open.replace(window) {
                    search(at, rule, text, full, known, findings);
                }
            }
        }
    }

    /// The name of a rule by its number in a finding.
    pub(crate) fn name<'a>(&'a self, rule: usize, own: &'a OwnNames) -> &'a crate::rules::RuleId {
        match rule {
            BEARER => &own.bearer,
            at => self.rules.get(at).map_or(&own.assignment, |rule| &rule.id),
        }
    }
}

/// Names of what has no expression.
#[derive(Debug)]
pub(crate) struct OwnNames {
    pub(crate) assignment: crate::rules::RuleId,
    pub(crate) bearer: crate::rules::RuleId,
}

fn search(
    at: usize,
    rule: &Rule,
    text: &[u8],
    window: Range<usize>,
    known: &mut Progress,
    findings: &mut Vec<Finding>,
) {
    let mut start = window.start.max(known.from);
    let end = end_of_run(text, window.end);
    while start < end {
        let input = Input::new(text).span(start..end);
        let Some(next) = evaluate(at, rule, text, &input, known, findings) else {
            return;
        };
        // A match is never empty, but a rule of a repository is nobody's to trust.
        start = next.max(start + 1);
    }
}

/// Where the letters end among which a window ends: long tokens must not be cut.
fn end_of_run(text: &[u8], end: usize) -> usize {
    const LONGEST: usize = 64 << 10;
    let rest = text.get(end..).unwrap_or_default();
    let run = rest
        .iter()
        .take(LONGEST)
        .take_while(|byte| byte.is_ascii_alphanumeric() || b"+/=_-.%\\".contains(byte))
        .count();
    // And what ends them.
    text.len().min(end + run + 2)
}

/// Looks for one match, keeps it where it is a secret, and says where to go on.
fn evaluate(
    at: usize,
    rule: &Rule,
    text: &[u8],
    input: &Input<'_>,
    known: &mut Progress,
    findings: &mut Vec<Finding>,
) -> Option<usize> {
    let regex = rule.regex.regex();
    let mut captures = regex.create_captures();
    regex.search_captures(input, &mut captures);
    let matched = captures.get_match()?.range();
    let secret = rule.secret(&captures)?;
    let (Some(secret_bytes), Some(matched_bytes)) = (text.get(secret.clone()), text.get(matched.clone()))
    else {
        return Some(matched.end);
    };
    // gitleaks takes no line ends for a part of a secret.
    let trimmed = trim_line_ends(secret_bytes);
    if trimmed.is_empty() || !rule.accepts(trimmed, matched_bytes, line_of(text, &matched)) {
        return Some(matched.end);
    }
    let skipped = secret_bytes.iter().take_while(|byte| **byte == b'\n').count();
    let span = secret.start + skipped..secret.start + skipped + trimmed.len();
    // What ends one secret may begin the next.
    let next = span.end;
    known.from = next;
    findings.push(Finding {
        span,
        rule: at,
        generic: rule.generic,
    });
    Some(next)
}

fn trim_line_ends(bytes: &[u8]) -> &[u8] {
    let start = bytes.iter().take_while(|byte| **byte == b'\n').count();
    let rest = bytes.get(start..).unwrap_or_default();
    let end = rest.iter().rev().take_while(|byte| **byte == b'\n').count();
    rest.get(..rest.len() - end).unwrap_or_default()
}

/// The lines that a match touches, no more than 1 KiB to either side.
fn line_of<'t>(text: &'t [u8], matched: &Range<usize>) -> &'t [u8] {
    const SIDE: usize = 1 << 10;
    let from = matched.start.saturating_sub(SIDE);
    let to = text.len().min(matched.end + SIDE);
    let before = text.get(from..matched.start).unwrap_or_default();
    let after = text.get(matched.end..to).unwrap_or_default();
    let start = memchr::memrchr(b'\n', before).map_or(from, |at| from + at + 1);
    let end = memchr::memchr(b'\n', after).map_or(to, |at| matched.end + at);
    text.get(start..end).unwrap_or_default()
}

#[cfg(test)]
mod tests;
