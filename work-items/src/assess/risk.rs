//! How much it could hurt: the highest of what its paths, its type, its words and its author say.

use std::cmp::Reverse;

use vocabulary::Risk;

use super::{Read, item_type::is_documentation};
use crate::{ItemType, RiskPolicy, policy::Met};

/// More reasons than this tell a reader nothing new.
const MOST_REASONS: usize = 8;

pub(super) fn of(read: &Read<'_>, item_type: ItemType, policy: &RiskPolicy) -> (Risk, Vec<String>) {
    let mut found: Vec<(Risk, String)> = from_paths(read, policy).collect();
    if matches!(item_type, ItemType::Security | ItemType::Incident) {
        let reason = format!("{} work: at least {}", item_type.as_str(), Risk::High);
        found.push((Risk::High, reason));
    }
    found.extend(from_words(read));
    let floor = found.iter().map(|(risk, _)| *risk).max().unwrap_or(Risk::Low);
    if let Some(declared) = read.proposal.declared_risk().filter(|declared| *declared > floor) {
        found.push((declared, format!("declared by its author: {declared}")));
    }
    // Stable: reasons of one weight stay in the order in which they were found.
    found.sort_by_key(|(risk, _)| Reverse(*risk));
    let risk = found.first().map_or(Risk::Low, |(risk, _)| *risk);
    let more = found.len().saturating_sub(MOST_REASONS);
    let mut reasons: Vec<String> = found
        .into_iter()
        .take(MOST_REASONS)
        .map(|(_, reason)| reason)
        .collect();
    if more > 0 {
        reasons.push(format!("and {more} more of the same or lower risk"));
    }
    if read.proposal.paths().is_empty() {
        reasons.push("no paths planned: risk judged by words alone".to_owned());
    } else if reasons.is_empty() {
        reasons.push("no planned path matches a risk rule, and no words say more".to_owned());
    }
    (risk, reasons)
}

fn from_paths<'a>(read: &'a Read<'_>, policy: &'a RiskPolicy) -> impl Iterator<Item = (Risk, String)> + 'a {
    read.proposal.paths().iter().filter_map(|path| {
        let met = policy.highest(path)?;
        let risk = met.risk();
        let reason = match met {
            Met::Rule(rule) => format!("path {path} matches {} ({}): {risk}", rule.glob, rule.label),
            Met::Room(_) if is_documentation(path) => return None,
            Met::Room(rule) => format!(
                "path {path} is a whole folder, in which {} ({}) could lie: {risk}",
                rule.glob, rule.label
            ),
        };
        Some((risk, reason))
    })
}

fn from_words<'a>(read: &'a Read<'_>) -> impl Iterator<Item = (Risk, String)> + 'a {
    RISKY
        .iter()
        .flat_map(|(risk, phrases)| phrases.iter().map(move |phrase| (*risk, *phrase)))
        .filter_map(|(risk, phrase)| {
            let place = if read.title.say(phrase) {
                "title"
            } else if read.description.say(phrase) {
                "description"
            } else {
                return None;
            };
            Some((risk, format!("the {place} says \"{phrase}\": {risk}")))
        })
}

/// Phrases that make work risky wherever it is planned. Few, and each says what is done: "password" or "payment"
/// alone would make a typo in a label risky; the paths say where it happens.
#[rustfmt::skip]
const RISKY: &[(Risk, &[&str])] = &[
    (Risk::Critical, &[
        "drop table", "drop tables", "drop database", "drop the database", "truncate table", "delete all",
        "delete production", "wipe the database", "wipe production", "wipe all", "production data", "prod data",
        "disable auth", "disable authentication", "disable authorization", "bypass auth", "bypass authentication",
        "skip authentication", "remove authentication",
    ]),
    (Risk::High, &[
        "rotate keys", "rotate the keys", "rotate the deploy keys", "rotate secrets", "rotate credentials",
        "force push", "production database", "prod database", "encryption key", "encryption keys", "disable tls",
        "disable certificate", "disable certificate validation", "disable tests", "skip tests",
        "disable branch protection", "disable the audit log", "disable logging", "grant admin", "admin access",
        "alter table",
    ]),
    (Risk::Medium, &[
        "database migration", "schema migration", "data migration", "schema change", "breaking change",
        "breaking changes", "personal data", "disable rate limiting", "update dependencies", "upgrade dependencies",
        "bump dependencies",
    ]),
];
