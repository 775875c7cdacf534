//! A rule's regular expression: translated from Go's dialect, and what can be known of its matches before any search.
//!
//! gitleaks is written for RE2, whose classes (`\w`, `\s`, `\b`, `(?i)`) are those of ASCII. So Unicode is off here too; a dot is
//! one byte, and what is replaced is widened to whole characters.

use std::{borrow::Cow, collections::BTreeSet, sync::OnceLock};

use regex_automata::{
    meta::{BuildError, Regex},
    util::syntax,
};
use regex_syntax::{
    ParserBuilder,
    hir::{Class, Hir, HirKind},
};

/// How many beginnings of matches are told apart, and how long each.
const MAX_BEGINNINGS: usize = 128;
const MAX_BEGINNING_BYTES: usize = 40;

/// Writes in Rust's dialect what Go allows: a brace that counts nothing, and a bracket within brackets, mean themselves.
pub(crate) fn translate(go: &str) -> Cow<'_, str> {
    let bytes = go.as_bytes();
    let mut out = Vec::with_capacity(bytes.len());
    let (mut at, mut in_class) = (0, false);
    while let Some(&byte) = bytes.get(at) {
        let next = bytes.get(at + 1).copied();
        match byte {
            b'\\' => {
                out.push(byte);
                out.extend(next);
                at += 2;
                continue;
            }
            b'[' if in_class && next != Some(b':') => out.push(b'\\'),
            b'&' | b'~' if in_class => out.push(b'\\'),
            b'[' if !in_class => {
                in_class = true;
                out.push(byte);
                at += 1;
                // A class may begin with what would end it.
                if bytes.get(at) == Some(&b'^') {
                    out.push(b'^');
                    at += 1;
                }
                if bytes.get(at) == Some(&b']') {
                    out.extend(b"\\]");
                    at += 1;
                }
                continue;
            }
            b']' if in_class => in_class = false,
            b'{' if !in_class && !counts(bytes.get(at + 1..).unwrap_or_default()) => out.push(b'\\'),
            _ => {}
        }
        out.push(byte);
        at += 1;
    }
    if out == bytes {
        return Cow::Borrowed(go);
    }
    // Only ASCII was put in before ASCII.
    String::from_utf8(out).map_or(Cow::Borrowed(go), Cow::Owned)
}

/// Whether what follows a brace is `3}`, `3,}` or `3,7}`.
fn counts(rest: &[u8]) -> bool {
    let Some(end) = rest.iter().position(|byte| *byte == b'}') else {
        return false;
    };
    let inner = rest.get(..end).unwrap_or_default();
    inner.first().is_some_and(u8::is_ascii_digit)
        && inner.iter().all(|byte| byte.is_ascii_digit() || *byte == b',')
        && inner.iter().filter(|byte| **byte == b',').count() <= 1
}

/// Reads a pattern.
pub(crate) fn parse(pattern: &str) -> Result<Hir, Box<regex_syntax::Error>> {
    ParserBuilder::new()
        .unicode(false)
        .utf8(false)
        .nest_limit(64)
        .build()
        .parse(pattern)
        .map_err(Box::new)
}

/// A pattern, compiled when something is looked for with it: of some two hundred rules a session meets a handful, and each takes
/// a tenth of a megabyte.
#[derive(Debug)]
pub(crate) struct Expression {
    pattern: Box<str>,
    size_limit: usize,
    compiled: OnceLock<Regex>,
}

impl Expression {
    /// Of a pattern that this crate brings along.
    pub(crate) fn built_in(pattern: &str, size_limit: usize) -> Self {
        Self {
            pattern: pattern.into(),
            size_limit,
            compiled: OnceLock::new(),
        }
    }

    /// Of a pattern that somebody else wrote.
    pub(crate) fn compiled(pattern: &str, size_limit: usize) -> Result<Self, Box<BuildError>> {
        Ok(Self {
            compiled: OnceLock::from(compile(pattern, size_limit)?),
            ..Self::built_in(pattern, size_limit)
        })
    }

    /// The pattern, ready to look with.
    #[expect(
        clippy::expect_used,
        reason = "what is not compiled yet is constant data, and a test compiles all of it"
    )]
    pub(crate) fn regex(&self) -> &Regex {
        let compile = || compile(&self.pattern, self.size_limit).expect("a built-in pattern compiles");
        self.compiled.get_or_init(compile)
    }
}

/// Compiles a pattern.
pub(crate) fn compile(pattern: &str, size_limit: usize) -> Result<Regex, Box<BuildError>> {
    Regex::builder()
        .syntax(syntax::Config::new().unicode(false).utf8(false).nest_limit(64))
        .configure(
            Regex::config()
                .utf8_empty(false)
                .nfa_size_limit(Some(size_limit))
                .hybrid_cache_capacity(1 << 20),
        )
        .build(pattern)
        .map_err(Box::new)
}

/// Whether every match begins with one of the keywords, in whatever case.
pub(crate) fn begins_with(hir: &Hir, keywords: &[String]) -> bool {
    let begins = beginnings(hir);
    !keywords.is_empty()
        && begins
            .texts
            .iter()
            .all(|text| keywords.iter().any(|keyword| text.starts_with(keyword)))
}

/// Whether every match contains one of the keywords, in whatever case.
pub(crate) fn contains(hir: &Hir, keywords: &[String]) -> bool {
    let found = |hir: &Hir| {
        let begins = beginnings(hir);
        begins
            .texts
            .iter()
            .all(|text| keywords.iter().any(|keyword| text.contains(keyword.as_str())))
    };
    if found(hir) {
        return true;
    }
    match hir.kind() {
        HirKind::Concat(parts) => {
            parts.iter().any(|part| contains(part, keywords))
                || (1..parts.len()).any(|from| {
                    parts
                        .get(from..)
                        .is_some_and(|rest| found(&Hir::concat(rest.to_vec())))
                })
        }
        HirKind::Alternation(branches) => branches.iter().all(|branch| contains(branch, keywords)),
        HirKind::Capture(capture) => contains(&capture.sub, keywords),
        HirKind::Repetition(repetition) => repetition.min > 0 && contains(&repetition.sub, keywords),
        HirKind::Empty | HirKind::Literal(_) | HirKind::Class(_) | HirKind::Look(_) => false,
    }
}

/// All texts with which a match can begin, in small letters; `complete` where nothing follows them.
struct Beginnings {
    texts: BTreeSet<String>,
    complete: bool,
}

fn beginnings(hir: &Hir) -> Beginnings {
    let only = |text: String, complete| Beginnings {
        texts: BTreeSet::from([text]),
        complete,
    };
    let unknown = || only(String::new(), false);
    match hir.kind() {
        HirKind::Empty | HirKind::Look(_) => only(String::new(), true),
        HirKind::Literal(literal) => match str::from_utf8(&literal.0) {
            Ok(text) => only(text.to_ascii_lowercase(), true),
            Err(_) => unknown(),
        },
        HirKind::Class(class) => letters(class).map_or_else(unknown, |letters| Beginnings {
            texts: letters.into_iter().map(String::from).collect(),
            complete: true,
        }),
        HirKind::Capture(capture) => beginnings(&capture.sub),
        HirKind::Repetition(repetition) => match (repetition.min, repetition.max) {
            (1, Some(1)) => beginnings(&repetition.sub),
            (0, Some(1)) => {
                let mut sub = beginnings(&repetition.sub);
                sub.texts.insert(String::new());
                if sub.complete { sub } else { unknown() }
            }
            (min, _) if min > 0 => Beginnings {
                complete: false,
                ..beginnings(&repetition.sub)
            },
            _ => unknown(),
        },
        HirKind::Concat(parts) => parts.iter().fold(only(String::new(), true), |before, part| {
            if before.complete {
                joined(before, &beginnings(part))
            } else {
                before
            }
        }),
        HirKind::Alternation(branches) => {
            let mut all = Beginnings {
                texts: BTreeSet::new(),
                complete: true,
            };
            for branch in branches {
                let one = beginnings(branch);
                all.complete &= one.complete;
                all.texts.extend(one.texts);
            }
            if all.texts.len() > MAX_BEGINNINGS {
                unknown()
            } else {
                all
            }
        }
    }
}

fn joined(before: Beginnings, after: &Beginnings) -> Beginnings {
    let too_long = before.texts.iter().any(|text| text.len() >= MAX_BEGINNING_BYTES);
    if too_long || before.texts.len() * after.texts.len() > MAX_BEGINNINGS {
        return Beginnings {
            complete: false,
            ..before
        };
    }
    let pairs = before
        .texts
        .iter()
        .flat_map(|first| after.texts.iter().map(move |second| format!("{first}{second}")));
    Beginnings {
        texts: pairs.collect(),
        complete: after.complete,
    }
}

/// The few characters of a class, in small letters; `None` for more than a few.
fn letters(class: &Class) -> Option<BTreeSet<char>> {
    let ranges: Vec<(u32, u32)> = match class {
        Class::Unicode(class) => class
            .iter()
            .map(|range| (range.start().into(), range.end().into()))
            .collect(),
        Class::Bytes(class) => class
            .iter()
            .map(|range| (range.start().into(), range.end().into()))
            .collect(),
    };
    let all: u32 = ranges.iter().map(|(start, end)| end - start + 1).sum();
    if all > 8 || ranges.iter().any(|(_, end)| *end > 127) {
        return None;
    }
    Some(
        ranges
            .iter()
            .flat_map(|(start, end)| *start..=*end)
            .filter_map(char::from_u32)
            .map(|letter| letter.to_ascii_lowercase())
            .collect(),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keywords(words: &[&str]) -> Vec<String> {
        words.iter().map(|word| (*word).to_owned()).collect()
    }

    #[test]
    fn what_go_takes_for_itself_is_escaped() {
        assert_eq!(translate(r"\$?{{[^}]+}}"), r"\$?\{\{[^}]+}}");
        assert_eq!(translate(r"^%\w{3,7}{2}[[&~]$"), r"^%\w{3,7}{2}[\[\&\~]$");
        assert_eq!(translate(r"[]a]x{a}"), r"[\]a]x\{a}");
        assert_eq!(translate(r"\[[^]]+]"), r"\[[^\]]+]");
    }

    #[test]
    fn where_a_match_begins_and_what_it_contains_is_known() {
        let hir = |pattern| parse(pattern).unwrap();
        assert!(begins_with(
            &hir(r"\b((?:ghu|ghs)_[0-9a-z]{36})"),
            &keywords(&["ghu_", "ghs_"])
        ));
        assert!(!begins_with(
            &hir(r"\b((?:ghu|ghs|x)_[0-9a-z]{36})"),
            &keywords(&["ghu_", "ghs_"])
        ));
        assert!(begins_with(&hir(r"(?i)key[_-]?x"), &keywords(&["key"])));
        assert!(contains(
            &hir(r"(?i)[\w.-]{0,50}?(?:linked[_-]?in)z"),
            &keywords(&["linkedin", "linked_in", "linked-in"])
        ));
        assert!(!contains(
            &hir(r"(?i)[\w.-]{0,50}?(?:linked[_-]?in)z"),
            &keywords(&["linkedin"])
        ));
        assert!(!contains(&hir(r"(key)?[a-f]{40}"), &keywords(&["key"])));
    }
}
