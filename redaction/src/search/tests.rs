use std::collections::BTreeSet;

use super::*;
use crate::rules::{adjusted, format, pattern};

const FILES: [&str; 2] = [
    include_str!("../../rules/gitleaks/gitleaks.toml"),
    include_str!("../../rules/auditotter.toml"),
];

#[path = "../../tests/corpus/samples.rs"]
#[expect(dead_code, reason = "labels are for the test of recall")]
mod samples;

fn raw() -> Vec<format::Rule> {
    FILES
        .iter()
        .flat_map(|text| toml::from_str::<format::File>(text).unwrap().rules)
        .collect()
}

fn built_in() -> Search {
    let used = |raw: &format::Rule| adjusted::LEFT_OUT.iter().all(|(id, _)| *id != raw.id);
    let raw = raw();
    let rules = raw
        .iter()
        .filter(|raw| used(raw))
        .map(|raw| Rule::compile(raw).unwrap().unwrap());
    Search::new(rules.collect()).unwrap()
}

#[test]
fn every_rule_of_the_files_is_compiled_or_named_with_a_reason() {
    let left_out: BTreeSet<&str> = adjusted::LEFT_OUT.iter().map(|(id, _)| *id).collect();
    let all = raw();
    let mut compiled = 0;
    for rule in &all {
        let result = Rule::compile(rule);
        if !left_out.contains(rule.id.as_str()) {
            let rule = result.unwrap_or_else(|error| panic!("{}: {error}", rule.id));
            assert!(rule.is_some_and(|rule| !rule.keywords.is_empty()));
            compiled += 1;
        }
    }
    assert_eq!(compiled + left_out.len(), all.len());
    assert!(compiled > 220, "{compiled}");
    let known = |id: &str| all.iter().any(|rule| rule.id == id);
    assert!(
        adjusted::LEFT_OUT
            .iter()
            .all(|(id, why)| known(id) && why.len() > 20)
    );
    assert!(
        adjusted::REWRITTEN
            .iter()
            .all(|other| known(other.id) && other.why.len() > 20)
    );
    assert!(adjusted::RARER_KEYWORDS.iter().all(|rarer| known(rarer.id)));
    assert!(adjusted::ALSO_ALLOWED.iter().all(|also| known(also.id)));
}

#[test]
fn every_match_contains_a_keyword_but_for_the_rules_named_here() {
    let raw = raw();
    let search = built_in();
    let without: Vec<&str> = search
        .rules
        .iter()
        .filter(|rule| {
            let raw = raw.iter().find(|raw| raw.id == rule.id.as_str()).unwrap();
            let rewritten = adjusted::REWRITTEN.iter().find(|other| other.id == raw.id);
            let regex = rewritten.map_or_else(|| raw.regex.as_deref().unwrap(), |other| other.regex);
            let hir = pattern::parse(&pattern::translate(regex)).unwrap();
            !pattern::contains(&hir, &rule.keywords)
        })
        .map(|rule| rule.id.as_str())
        .collect();
    // Of the first, the keyword is only near: it is looked for around it. Of the others, a dot of the keyword is any character in
    // the expression: gitleaks, too, finds only what has the dot.
    assert_eq!(
        without,
        [
            "facebook-access-token",
            "sidekiq-sensitive-url",
            "slack-config-access-token",
            "slack-webhook-url"
        ]
    );
}

/// What gitleaks does: every rule of which a keyword is anywhere searches all of the text.
fn find_in_whole_text(search: &Search, text: &[u8]) -> Vec<(String, Range<usize>)> {
    let small = text.to_ascii_lowercase();
    let mut findings = Vec::new();
    for (at, rule) in search.rules.iter().enumerate() {
        let near = rule
            .keywords
            .iter()
            .any(|word| memchr::memmem::find(&small, word.as_bytes()).is_some());
        if near {
            let mut known = Progress::default();
            super::search(at, rule, text, 0..text.len(), &mut known, &mut findings);
        }
    }
    named(search, findings)
}

fn find_by_windows(search: &Search, text: &[u8]) -> Vec<(String, Range<usize>)> {
    let found = search.find_by_rules(text);
    named(
        search,
        found
            .into_iter()
            .filter(|found| found.rule != ASSIGNMENT)
            .collect(),
    )
}

fn named(search: &Search, findings: Vec<Finding>) -> Vec<(String, Range<usize>)> {
    let mut all: Vec<_> = findings
        .into_iter()
        .map(|found| (search.rules[found.rule].id.to_string(), found.span))
        .collect();
    all.sort_by(|a, b| (&a.0, a.1.start).cmp(&(&b.0, b.1.start)));
    all
}

#[test]
fn windows_find_what_a_search_of_the_whole_text_finds() {
    let search = built_in();
    let (mut findings, mut texts) = (0, 0);
    let mut whole = String::new();
    for sample in samples::all(1) {
        whole.push_str(&sample.text);
        whole.push('\n');
        texts += 1;
        let expected = find_in_whole_text(&search, sample.text.as_bytes());
        findings += expected.len();
        assert_eq!(
            find_by_windows(&search, sample.text.as_bytes()),
            expected,
            "{}",
            sample.text
        );
    }
    // And all in one, where windows of many keywords touch.
    assert_eq!(
        find_by_windows(&search, whole.as_bytes()),
        find_in_whole_text(&search, whole.as_bytes())
    );
    for file in samples::sources().into_iter().take(150) {
        let text = file.text.as_bytes();
        assert_eq!(
            find_by_windows(&search, text),
            find_in_whole_text(&search, text),
            "{}",
            file.path
        );
    }
    assert!(texts > 150 && findings > 100, "{findings} in {texts}");
}

#[test]
fn a_token_longer_than_a_window_is_found_whole() {
    let search = built_in();
    let body = "abcdefghijklmnoprstuvwxz0123456789".repeat(1_000);
    let text = format!("x eyJhbGciOiJSUzI1NiJ9abc.eyJ{body}.{} y", "Q1".repeat(40));
    assert_eq!(
        find_by_windows(&search, text.as_bytes()),
        find_in_whole_text(&search, text.as_bytes())
    );
    assert!(find_by_windows(&search, text.as_bytes()).contains(&("jwt".to_owned(), 2..text.len() - 2)));
}

proptest::proptest! {
    /// Texts made of what expressions are about: names, operators, quotation marks, and things like secrets.
    #[test]
    fn windows_find_the_same_in_texts_made_of_pieces(pieces in proptest::collection::vec(piece(), 0..60)) {
        static SEARCH: std::sync::LazyLock<Search> = std::sync::LazyLock::new(built_in);
        let text = pieces.concat();
        proptest::prop_assert_eq!(find_by_windows(&SEARCH, text.as_bytes()), find_in_whole_text(&SEARCH, text.as_bytes()));
    }
}

fn piece() -> impl proptest::strategy::Strategy<Value = String> {
    use proptest::prelude::*;
    prop_oneof![
        prop::sample::select(vec![
            "key",
            "api_",
            "token",
            "secret",
            "password",
            "auth",
            "access",
            "lob",
            "test_",
            "live_",
            "datadog",
            "twitter",
            "curl ",
            "-H ",
            "-u ",
            "s.",
            "SK",
            "sk-",
            "ghp_",
            "kind: Secret",
            "data:",
            "discord",
            "okta",
            "-----BEGIN PRIVATE KEY-----",
            "cookie: ",
            "session=",
            "://",
            "bearer ",
            "mysql ",
            " -p",
            "\n",
            "\r\n",
            "facebook",
            "[redacted:generic-api-key:01234567]",
            "ß",
            "…",
        ])
        .prop_map(str::to_owned),
        prop::sample::select(vec![
            "=", ":", " = ", "\"", "'", "`", ": \"", " => ", "\\n", ";", ",", "@", " ", "/", "."
        ])
        .prop_map(str::to_owned),
        "[a-z0-9]{8,40}",
        "[A-Za-z0-9+/_-]{16,64}={0,2}",
        "[0-9a-f]{32,64}",
        "[ -~]{1,12}",
    ]
}
