use super::*;
use crate::Redactor;

const RULE: &str = "[[rule]]\nid = \"acme\"\nregex = 'acme_[a-z0-9]{16,40}'\nkeywords = [\"acme_\"]\n";

fn refused(text: &str) -> RulesError {
    RepositoryRules::parse(text).unwrap_err()
}

fn rule(regex: &str, keyword: &str) -> String {
    format!("[[rule]]\nid = \"x\"\nregex = '''{regex}'''\nkeywords = [\"{keyword}\"]\n")
}

fn allow(regex: &str) -> String {
    format!("[allow]\nregexes = ['''{regex}''']\n")
}

#[test]
fn a_rule_of_a_repository_is_used_and_says_whose_it_is() {
    let redactor = Redactor::built_in([1; 32]).with(&RepositoryRules::parse(RULE).unwrap());
    let redacted = redactor.redact("run with acme_0123456789abcdef now");
    assert!(
        redacted.text.starts_with("run with [redacted:repository/acme:"),
        "{}",
        redacted.text
    );
    assert_eq!(redacted.counts.get("repository/acme"), Some(&1));
    assert_eq!(
        Redactor::built_in([1; 32])
            .redact("run with acme_0123456789abcdef now")
            .total(),
        0
    );
}

#[test]
fn the_built_in_rules_hold_whatever_a_repository_says() {
    let all = format!(
        "{RULE}[allow]\nstopwords = [\"token\", \"ghp\"]\nregexes = ['ghp_.{{0,3}}', '[a-z]{{1,5}}']\n"
    );
    let redactor = Redactor::built_in([1; 32]).with(&RepositoryRules::parse(&all).unwrap());
    let token = format!("ghp_{}", "a1B2c3D4e5F6".repeat(3));
    assert!(!redactor.redact(&format!("token={token}")).text.contains(&token));
}

#[test]
fn a_value_that_is_spelt_out_is_allowed_and_no_other() {
    let rules = "[allow]\nstopwords = ['p@5s!w0rd#24']\nregexes = ['test-key-[0-9]{4}-A!']\n";
    let redactor = Redactor::built_in([1; 32]).with(&RepositoryRules::parse(rules).unwrap());
    for kept in ["DB_PASSWORD=p@5s!w0rd#24", "DB_PASSWORD=test-key-0123-A!"] {
        assert_eq!(redactor.redact(kept).text, kept);
    }
    for replaced in [
        "DB_PASSWORD=p@5s!w0rd#245",
        "DB_PASSWORD=P@5s!w0rd#24",
        "DB_PASSWORD=xtest-key-0123-A!",
        "DB_PASSWORD=test-key-0123-A!x",
    ] {
        assert_eq!(redactor.redact(replaced).total(), 1, "{replaced}");
    }
}

#[test]
fn what_allows_a_kind_of_secrets_is_refused() {
    for regex in [
        ".*",
        "",
        ".{1,100}",
        "ghp_[A-Za-z0-9]{36}",
        "[0-9a-f]{40}",
        "(?:a|[0-9A-Za-z]{12})",
        "\\S+",
        "a*",
    ] {
        if regex.is_empty() {
            // It allows the empty text, which is nobody's secret.
            RepositoryRules::parse(&allow(regex)).unwrap();
            continue;
        }
        assert!(
            matches!(refused(&allow(regex)), RulesError::AllowsTooMuch { index: 0, .. }),
            "{regex}"
        );
    }
    assert!(matches!(
        refused("[allow]\nstopwords = ['', 'long enough']"),
        RulesError::Stopword { index: 0, size: 0 }
    ));
}

#[test]
fn what_would_hide_what_an_agent_did_is_refused() {
    assert!(matches!(
        refused(&rule("acme_[a-z]+", "acme_")),
        RulesError::Length {
            shortest: 6,
            longest: None,
            ..
        }
    ));
    assert!(matches!(
        refused(&rule("acme_[a-z]{1,600}", "acme_")),
        RulesError::Length {
            longest: Some(605),
            ..
        }
    ));
    assert!(matches!(
        refused(&rule("acme", "acme")),
        RulesError::Length { shortest: 4, .. }
    ));
    assert!(matches!(
        refused(&rule("[a-z]{8,20}", "acme")),
        RulesError::Keywords { .. }
    ));
    assert!(matches!(
        refused(&rule("(?:acme_)?[a-z]{8,20}", "acme_")),
        RulesError::Keywords { .. }
    ));
    assert!(matches!(
        refused(&rule("ab[a-z]{8,20}", "ab")),
        RulesError::Keywords { .. }
    ));
    for blanks in ["rm .{8,200}", "curl[^|]{8,200}", r"git\s[a-z]{8,20}"] {
        assert!(
            matches!(
                refused(&rule(blanks, &blanks[..3])),
                RulesError::Blanks { .. } | RulesError::Keywords { .. }
            ),
            "{blanks}"
        );
    }
    assert!(matches!(
        refused(&rule(r"wi_[0-9a-f-]{8,60}", "wi_")),
        RulesError::HidesOrdinaryText { .. }
    ));
}

#[test]
fn what_cannot_be_read_is_refused_whole_and_says_what_to_do() {
    assert!(matches!(refused("[[rule]]"), RulesError::Format(_)));
    assert!(matches!(refused("[allow]\npaths = ['x']"), RulesError::Format(_)));
    assert!(matches!(
        refused(&" ".repeat(MAX_FILE_BYTES + 1)),
        RulesError::TooLong { .. }
    ));
    assert!(matches!(
        refused(&format!("{RULE}{RULE}")),
        RulesError::Twice { .. }
    ));
    assert!(matches!(
        refused(&RULE.replace("\"acme\"", "\"Acme:1\"")),
        RulesError::Id { .. }
    ));
    assert!(matches!(
        refused(&rule("acme_(?=x)[a-z]{16}", "acme_")),
        RulesError::Regex { .. }
    ));
    assert!(matches!(
        refused(&rule("acme_[a-z]{16", "acme_")),
        RulesError::Regex { .. } | RulesError::Length { .. }
    ));
    assert!(matches!(
        refused(&rule(&"a".repeat(MAX_REGEX_BYTES + 1), "aaa")),
        RulesError::RegexTooLong { .. }
    ));
    assert!(matches!(
        refused(&format!("{RULE}entropy = 9.0")),
        RulesError::Entropy { .. }
    ));
    let many: String = (0..=MAX_RULES)
        .map(|at| RULE.replace("\"acme\"", &format!("\"a{at}\"")))
        .collect();
    assert!(matches!(
        refused(&many),
        RulesError::TooMany {
            count: 65,
            most: 64,
            ..
        }
    ));
    assert_eq!(
        refused(&allow("ghp_[0-9a-f]{16}")).to_string(),
        "allow.regexes[0] of redact.toml lets 2^64 values through; 32 bits are allowed. Spell out the values, or use stopwords"
    );
}

#[test]
fn an_expression_that_explodes_is_refused() {
    let error = refused(&rule("acme_(?:(?:[a-z0-9]{1,20}x){1,20}){0,1}", "acme_"));
    assert!(
        matches!(error, RulesError::Length { .. } | RulesError::Regex { .. }),
        "{error}"
    );
}
