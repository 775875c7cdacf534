//! What a proposal is, and how much it could hurt; each with the reasons.

use serde::{Deserialize, Serialize};
use vocabulary::Risk;

use crate::{ItemType, Proposal, RiskPolicy, words::Words};

/// A judgement, with what it rests on.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Assessment {
    /// What kind of work it is.
    pub item_type: ItemType,
    /// Why.
    pub type_reasons: Vec<String>,
    /// How much it could hurt.
    pub risk: Risk,
    /// Why, the weightiest first.
    pub risk_reasons: Vec<String>,
}

/// What a leading word in the form of Conventional Commits 1.0 says.
const PREFIXES: &[(&str, ItemType)] = &[
    ("fix", ItemType::Bug),
    ("bugfix", ItemType::Bug),
    ("feat", ItemType::Feature),
    ("feature", ItemType::Feature),
    ("docs", ItemType::Docs),
    ("doc", ItemType::Docs),
    ("chore", ItemType::Chore),
    ("refactor", ItemType::Chore),
    ("style", ItemType::Chore),
    ("test", ItemType::Chore),
    ("build", ItemType::Chore),
    ("ci", ItemType::Chore),
    ("perf", ItemType::Chore),
    ("security", ItemType::Security),
    ("sec", ItemType::Security),
    ("incident", ItemType::Incident),
];

/// Phrases by type, in the order in which types win: what is urgent or dangerous before what is usual.
const PHRASES: &[(ItemType, &[&str])] = &[
    (
        ItemType::Incident,
        &[
            "outage",
            "incident",
            "sev0",
            "sev1",
            "sev 1",
            "production is down",
            "prod is down",
            "site is down",
            "service is down",
            "postmortem",
            "hotfix in production",
            "roll back production",
            "rollback production",
            "rollback prod",
            "emergency fix",
            "data loss in production",
        ],
    ),
    (
        ItemType::Security,
        &[
            "vulnerability",
            "vulnerabilities",
            "cve",
            "xss",
            "csrf",
            "ssrf",
            "rce",
            "sql injection",
            "command injection",
            "path traversal",
            "privilege escalation",
            "security hole",
            "security issue",
            "security fix",
            "security patch",
            "exploit",
            "leaked secret",
            "leaked secrets",
            "secret leak",
            "leaked credentials",
            "leaked key",
            "leaked token",
            "hardcoded secret",
            "hardcoded password",
            "harden",
            "rotate keys",
            "rotate the keys",
            "rotate secrets",
            "rotate credentials",
        ],
    ),
    (
        ItemType::Bug,
        &[
            "bug",
            "bugs",
            "fix",
            "fixes",
            "broken",
            "crash",
            "crashes",
            "crashing",
            "regression",
            "doesn't work",
            "does not work",
            "not working",
            "fails",
            "failing",
            "error when",
            "wrong",
            "incorrect",
            "incorrectly",
            "off by one",
            "race condition",
            "deadlock",
            "memory leak",
            "panic",
            "panics",
            "typo in code",
            "flaky",
            "hang",
            "hangs",
            "null pointer",
            "segfault",
            "repair",
        ],
    ),
    (
        ItemType::Docs,
        &[
            "document",
            "documents",
            "documentation",
            "docs",
            "readme",
            "changelog",
            "docstring",
            "docstrings",
            "typo",
            "typos",
            "tutorial",
            "comment",
            "comments",
        ],
    ),
    (
        ItemType::Chore,
        &[
            "bump",
            "upgrade",
            "update dependencies",
            "update dependency",
            "update deps",
            "refactor",
            "rename",
            "clean up",
            "cleanup",
            "remove dead code",
            "reformat",
            "lint",
            "linting",
            "tidy",
            "migrate to",
            "move",
            "extract",
            "simplify",
            "dependabot",
            "renovate",
            "test coverage",
            "add tests",
            "unit tests",
            "speed up",
            "optimize",
            "ci",
        ],
    ),
    (
        ItemType::Feature,
        &[
            "add",
            "adds",
            "implement",
            "implements",
            "support",
            "supports",
            "introduce",
            "create",
            "allow",
            "allows",
            "enable",
            "new",
            "build",
            "integrate",
            "feature",
            "let users",
            "show",
            "export",
            "import",
        ],
    ),
];

/// Phrases that make work risky wherever it is planned.
const RISKY: &[(Risk, &str)] = &[
    (Risk::Critical, "drop table"),
    (Risk::Critical, "drop database"),
    (Risk::Critical, "drop the database"),
    (Risk::Critical, "truncate table"),
    (Risk::Critical, "delete all"),
    (Risk::Critical, "delete production"),
    (Risk::Critical, "wipe"),
    (Risk::Critical, "disable auth"),
    (Risk::Critical, "disable authentication"),
    (Risk::Critical, "bypass auth"),
    (Risk::Critical, "bypass authentication"),
    (Risk::Critical, "skip authentication"),
    (Risk::Critical, "production data"),
    (Risk::Critical, "prod data"),
    (Risk::High, "rotate keys"),
    (Risk::High, "rotate the deploy keys"),
    (Risk::High, "rotate secrets"),
    (Risk::High, "rotate credentials"),
    (Risk::High, "force push"),
    (Risk::High, "production database"),
    (Risk::High, "prod database"),
    (Risk::High, "disable tls"),
    (Risk::High, "disable certificate"),
    (Risk::High, "disable tests"),
    (Risk::High, "skip tests"),
    (Risk::High, "disable branch protection"),
    (Risk::High, "grant admin"),
    (Risk::High, "admin access"),
    (Risk::High, "encryption key"),
    (Risk::High, "encryption keys"),
    (Risk::Medium, "migration"),
    (Risk::Medium, "migrate"),
    (Risk::Medium, "breaking change"),
    (Risk::Medium, "feature flag"),
    (Risk::Medium, "rate limit"),
    (Risk::Medium, "rate limits"),
    (Risk::Medium, "personal data"),
    (Risk::Medium, "dependencies"),
];

const DOCUMENT_ENDINGS: [&str; 5] = [".md", ".mdx", ".rst", ".adoc", ".txt"];

/// Judges a proposal. The rules set the floor, the author may raise it, nothing lowers it. Says the same of the same
/// proposal, always.
#[must_use]
pub fn assess(proposal: &Proposal, policy: &RiskPolicy) -> Assessment {
    let title = Words::of(proposal.title().as_str());
    let description = Words::of(proposal.description().map_or("", |text| text.as_str()));
    let (item_type, type_reasons) = type_of(proposal, &title, &description);
    let (risk, risk_reasons) = risk_of(proposal, policy, item_type, &title, &description);
    Assessment {
        item_type,
        type_reasons,
        risk,
        risk_reasons,
    }
}

fn type_of(proposal: &Proposal, title: &Words, description: &Words) -> (ItemType, Vec<String>) {
    let urgent = |found: &(ItemType, String)| matches!(found.0, ItemType::Incident | ItemType::Security);
    let in_title = phrase_in(title).map(|(kind, phrase)| (kind, format!("the title says \"{phrase}\"")));
    let in_text =
        phrase_in(description).map(|(kind, phrase)| (kind, format!("the description says \"{phrase}\"")));
    let prefix = prefix_of(proposal.title().as_str());
    // What is urgent wins over how the title is dressed, then the author's own prefix, then what the paths are.
    let found = in_title
        .clone()
        .filter(urgent)
        .or(prefix)
        .or_else(|| in_text.clone().filter(urgent))
        .or_else(|| only_documents(proposal))
        .or(in_title)
        .or(in_text);
    match found {
        Some((kind, reason)) => (kind, vec![reason]),
        None => (
            ItemType::Chore,
            vec!["nothing in title, description or paths says more".to_owned()],
        ),
    }
}

fn prefix_of(title: &str) -> Option<(ItemType, String)> {
    let (head, _) = title.split_once(':')?;
    let word = head.trim_end_matches('!').split('(').next()?.to_ascii_lowercase();
    let (prefix, kind) = PREFIXES.iter().find(|(prefix, _)| *prefix == word)?;
    Some((*kind, format!("the title begins with \"{prefix}:\"")))
}

fn only_documents(proposal: &Proposal) -> Option<(ItemType, String)> {
    let is_document = |path: &str| {
        let path = path.to_lowercase();
        path == "docs"
            || path.starts_with("docs/")
            || DOCUMENT_ENDINGS.iter().any(|ending| path.ends_with(ending))
    };
    let paths = proposal.paths();
    (!paths.is_empty() && paths.iter().all(|path| is_document(path.as_str())))
        .then(|| (ItemType::Docs, "every planned path is documentation".to_owned()))
}

fn phrase_in(words: &Words) -> Option<(ItemType, &'static str)> {
    PHRASES.iter().find_map(|(kind, phrases)| {
        phrases
            .iter()
            .find(|phrase| words.has(phrase))
            .map(|phrase| (*kind, *phrase))
    })
}

fn risk_of(
    proposal: &Proposal,
    policy: &RiskPolicy,
    item_type: ItemType,
    title: &Words,
    description: &Words,
) -> (Risk, Vec<String>) {
    let mut found: Vec<(Risk, String)> = Vec::new();
    for path in proposal.paths() {
        if let Some(rule) = policy.highest(path) {
            found.push((
                rule.risk,
                format!("path {path} meets {} ({}): {}", rule.glob, rule.label, rule.risk),
            ));
        }
    }
    if matches!(item_type, ItemType::Security | ItemType::Incident) {
        found.push((
            Risk::High,
            format!("{} work is at least high", item_type.as_str()),
        ));
    }
    for (risk, phrase) in RISKY {
        let place = if title.has(phrase) {
            "title"
        } else if description.has(phrase) {
            "description"
        } else {
            continue;
        };
        found.push((*risk, format!("the {place} says \"{phrase}\": {risk}")));
    }
    if let Some(declared) = proposal.declared_risk() {
        let floor = found.iter().map(|(risk, _)| *risk).max().unwrap_or(Risk::Low);
        if declared > floor {
            found.push((declared, format!("the author raised it to {declared}")));
        }
    }
    // Stable: reasons of one weight stay in the order in which they were found.
    found.sort_by_key(|(risk, _)| std::cmp::Reverse(*risk));
    let risk = found.first().map_or(Risk::Low, |(risk, _)| *risk);
    let mut reasons: Vec<String> = found
        .into_iter()
        .map(|(_, reason)| reason)
        .take(MOST_REASONS)
        .collect();
    if proposal.paths().is_empty() {
        reasons.push("no paths planned: judged by words alone".to_owned());
    } else if reasons.is_empty() {
        reasons.push("no planned path meets a risk rule".to_owned());
    }
    (risk, reasons)
}

/// More reasons than this tell a reader nothing new.
const MOST_REASONS: usize = 8;

#[cfg(test)]
mod tests;
