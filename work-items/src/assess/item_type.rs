//! What kind of work it is: the signs are weighed, and the weightiest one decides.

use std::cmp::Reverse;

use vocabulary::{RepoPath, Span};

use super::Read;
use crate::ItemType;
use ItemType::{Bug, Chore, Docs, Feature, Incident, Security};

/// One thing that speaks for a type.
struct Sign<'a> {
    weight: u8,
    item_type: ItemType,
    /// The word or phrase in question, which is named once.
    words: &'a str,
    reason: String,
}

/// Every planned path is documentation: that is what it will be, whatever it is about.
const ONLY_DOCUMENTS: u8 = 12;

/// What its author calls it: `fix: ...`.
const PREFIX: u8 = 8;

/// From this weight on a description names a weakness, and repairing one is security work.
const WEAKNESS: u8 = 4;

/// More reasons than this tell a reader nothing new.
const MOST_REASONS: usize = 3;

pub(super) fn of(read: &Read<'_>) -> (ItemType, Vec<String>) {
    let mut signs: Vec<Sign<'_>> = [only_documents(read), prefix(read).or_else(|| leading_verb(read))]
        .into_iter()
        .flatten()
        .chain(phrases(read))
        .collect();
    // Of equal weights, what is urgent comes before what is usual.
    signs.sort_by_key(|sign| (Reverse(sign.weight), order(sign.item_type)));
    let Some(first) = signs.first() else {
        let reason = "neither title nor description nor paths say what kind of work it is";
        return (Chore, vec![reason.to_owned()]);
    };
    let names_a_weakness = |sign: &Sign<'_>| sign.item_type == Security && sign.weight >= WEAKNESS;
    let item_type = match first.item_type {
        Bug if signs.iter().any(names_a_weakness) => Security,
        found => found,
    };
    let (mut named, mut reasons) = (Vec::new(), Vec::new());
    for sign in signs.into_iter().filter(|sign| sign.item_type == item_type) {
        if reasons.len() < MOST_REASONS && !named.contains(&sign.words) {
            named.push(sign.words);
            reasons.push(sign.reason);
        }
    }
    (item_type, reasons)
}

/// Whether a path is words for people: in a folder `docs`, or by its ending.
pub(super) fn is_documentation(path: &RepoPath) -> bool {
    let path_text = path.as_str().to_lowercase();
    let (folders, name) = path_text.rsplit_once('/').unwrap_or(("", &path_text));
    let in_docs = |folders: &str| folders.split('/').any(|folder| matches!(folder, "docs" | "doc"));
    match path.span() {
        Span::Tree => in_docs(&path_text),
        Span::File => in_docs(folders) || DOCUMENT_ENDINGS.iter().any(|ending| name.ends_with(ending)),
    }
}

/// Not `.txt`: requirements.txt and CMakeLists.txt are no prose.
const DOCUMENT_ENDINGS: [&str; 4] = [".md", ".mdx", ".rst", ".adoc"];

fn only_documents<'a>(read: &'a Read<'_>) -> Option<Sign<'a>> {
    let paths = read.proposal.paths();
    (!paths.is_empty() && paths.iter().all(is_documentation)).then(|| Sign {
        weight: ONLY_DOCUMENTS,
        item_type: Docs,
        words: "",
        reason: "every planned path is documentation".to_owned(),
    })
}

/// The leading word of Conventional Commits 1.0: `fix:`, `feat(api)!:`.
fn prefix<'a>(read: &'a Read<'_>) -> Option<Sign<'a>> {
    let (head, _) = read.proposal.title().as_str().split_once(':')?;
    let word = head
        .trim_end_matches('!')
        .split('(')
        .next()?
        .trim()
        .to_ascii_lowercase();
    let (prefix, item_type) = PREFIXES.iter().find(|(prefix, _)| *prefix == word)?;
    Some(Sign {
        weight: PREFIX,
        item_type: *item_type,
        words: prefix,
        reason: format!("the title begins with \"{prefix}:\""),
    })
}

const PREFIXES: &[(&str, ItemType)] = &[
    ("fix", Bug),
    ("bugfix", Bug),
    ("bug", Bug),
    ("hotfix", Bug),
    ("feat", Feature),
    ("feature", Feature),
    ("docs", Docs),
    ("doc", Docs),
    ("chore", Chore),
    ("refactor", Chore),
    ("style", Chore),
    ("test", Chore),
    ("tests", Chore),
    ("build", Chore),
    ("ci", Chore),
    ("perf", Chore),
    ("revert", Chore),
    ("deps", Chore),
    ("security", Security),
    ("sec", Security),
    ("incident", Incident),
];

/// What the title tells to do, if it begins with a verb. One that may as well be a noun ("Build fails") weighs less
/// than what goes wrong, one that says little ("Update") less still.
fn leading_verb<'a>(read: &'a Read<'_>) -> Option<Sign<'a>> {
    let word = read.title.first()?;
    let (item_type, weight, _) = LEADING_VERBS.iter().find(|(_, _, verbs)| verbs.contains(&word))?;
    Some(Sign {
        weight: *weight,
        item_type: *item_type,
        words: word,
        reason: format!("the title begins with \"{word}\""),
    })
}

#[rustfmt::skip]
const LEADING_VERBS: &[(ItemType, u8, &[&str])] = &[
    (Bug, 7, &["fix", "fixes", "fixed", "repair", "resolve", "correct", "debug"]),
    (Feature, 7, &[
        "add", "adds", "implement", "implements", "introduce", "create", "allow", "allows", "enable", "integrate", "let",
        "expose", "show", "offer", "provide",
    ]),
    (Docs, 7, &["describe", "explain", "clarify"]),
    (Chore, 7, &[
        "bump", "refactor", "rename", "clean", "cleanup", "tidy", "reformat", "simplify", "rework", "rewrite",
        "reorganize", "restructure", "deduplicate", "dedupe", "extract", "migrate", "optimize", "pin", "inline",
    ]),
    (Feature, 5, &["support", "build", "export", "import"]),
    (Docs, 5, &["document", "comment"]),
    (Bug, 5, &["prevent", "avoid", "stop"]),
    (Chore, 5, &[
        "remove", "delete", "drop", "move", "lint", "cover", "test", "split", "merge", "upgrade", "deprecate", "revert",
        "speed", "rotate", "release",
    ]),
    (Feature, 3, &["improve", "make", "extend"]),
    (Bug, 3, &["handle", "ensure"]),
    (Chore, 3, &["update", "replace", "switch", "set", "configure", "change", "adjust", "use", "tune", "disable"]),
];

fn phrases<'a>(read: &'a Read<'_>) -> impl Iterator<Item = Sign<'a>> {
    PHRASES
        .iter()
        .flat_map(|set| set.phrases.iter().map(move |phrase| (set, *phrase)))
        .filter_map(|(set, phrase)| {
            let (weight, place) = if read.title.say(phrase) {
                (set.in_title, "title")
            } else if read.description.say(phrase) {
                (set.in_description, "description")
            } else {
                return None;
            };
            Some(Sign {
                weight,
                item_type: set.item_type,
                words: phrase,
                reason: format!("the {place} says \"{phrase}\""),
            })
        })
}

struct Phrases {
    item_type: ItemType,
    in_title: u8,
    in_description: u8,
    phrases: &'static [&'static str],
}

#[rustfmt::skip]
const PHRASES: &[Phrases] = &[
    // Numbers of advisories: whatever else is said, that is what it is about.
    Phrases { item_type: Security, in_title: 10, in_description: 9, phrases: &["cve", "ghsa", "rustsec"] },
    Phrases { item_type: Security, in_title: 10, in_description: 4, phrases: &[
        "vulnerability", "vulnerabilities", "xss", "csrf", "ssrf", "xxe", "rce", "remote code execution",
        "arbitrary code execution", "sql injection", "command injection", "code injection", "prompt injection",
        "path traversal", "directory traversal", "open redirect", "privilege escalation", "session hijacking",
        "timing attack", "auth bypass", "authentication bypass", "security hole", "security issue", "security bug",
        "security fix", "security patch", "security advisory", "security headers", "secret leak", "leaked secret",
        "leaked secrets", "leaked credentials", "leaked key", "leaked keys", "leaked token", "leaked password",
        "leaks secrets", "leaks tokens", "leaks credentials", "hardcoded secret", "hardcoded password",
        "hardcoded credentials", "exposed secret", "exposed credentials", "rotate keys", "rotate the keys",
        "rotate secrets", "rotate credentials", "compromised key", "compromised credentials",
    ] },
    Phrases { item_type: Security, in_title: 3, in_description: 1, phrases: &["security", "harden", "exploit", "attacker"] },
    Phrases { item_type: Incident, in_title: 10, in_description: 4, phrases: &[
        "outage", "sev0", "sev1", "sev2", "sev 0", "sev 1", "sev 2", "production is down", "prod is down",
        "site is down", "service is down", "hotfix in production", "hotfix production", "hotfix prod",
        "rollback prod", "rollback production", "roll back prod", "roll back production", "production incident",
        "data loss in production",
    ] },
    Phrases { item_type: Incident, in_title: 3, in_description: 1, phrases: &["incident", "postmortem", "emergency"] },
    Phrases { item_type: Bug, in_title: 6, in_description: 3, phrases: &[
        "bug", "bugs", "broken", "crash", "crashes", "crashed", "crashing", "regression", "doesn't work",
        "does not work", "doesn't load", "does not load", "not working", "no longer works", "stopped working", "fails",
        "failing", "hangs", "freezes", "wrong", "incorrect", "incorrectly", "off by one", "race condition", "deadlock",
        "memory leak", "segfault", "null pointer", "panics", "throws", "flaky", "error when", "times out",
    ] },
    Phrases { item_type: Bug, in_title: 3, in_description: 2, phrases: &["fix", "fixes", "panic", "hang", "error", "errors"] },
    Phrases { item_type: Docs, in_title: 8, in_description: 1, phrases: &["typo", "typos", "docstring", "docstrings", "release notes"] },
    Phrases { item_type: Docs, in_title: 6, in_description: 1, phrases: &["readme", "changelog", "documentation", "docs", "tutorial"] },
    Phrases { item_type: Chore, in_title: 8, in_description: 3, phrases: &[
        "add tests", "add a test", "unit tests", "test coverage", "regression test", "regression tests",
    ] },
    Phrases { item_type: Chore, in_title: 6, in_description: 3, phrases: &[
        "refactor", "refactoring", "clean up", "cleanup", "dead code", "update dependencies", "upgrade dependencies",
        "dependabot", "renovate",
    ] },
    Phrases { item_type: Chore, in_title: 2, in_description: 1, phrases: &["dependencies", "unused", "lint", "ci", "tests"] },
    Phrases { item_type: Feature, in_title: 2, in_description: 1, phrases: &["add", "support", "implement", "new", "feature"] },
];

const fn order(item_type: ItemType) -> u8 {
    match item_type {
        Incident => 0,
        Security => 1,
        Bug => 2,
        Docs => 3,
        Chore => 4,
        Feature => 5,
    }
}
