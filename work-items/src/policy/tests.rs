use super::*;
use proptest::prelude::*;

fn own(rules: &[(&str, Risk)]) -> RiskPolicy {
    RiskPolicy::new(
        rules
            .iter()
            .map(|(glob, risk)| ((*glob).to_owned(), *risk, "ours".to_owned())),
    )
    .unwrap()
}

fn risk_under(policy: &RiskPolicy, path: &str) -> Option<Risk> {
    policy.highest(&path.parse().unwrap()).map(|met| met.risk())
}

fn risk(path: &str) -> Option<Risk> {
    risk_under(RiskPolicy::built_in(), path)
}

#[test]
fn risky_places_are_known_by_their_path() {
    use Risk::{Critical, High, Medium};
    #[rustfmt::skip]
    let cases = [
        ("src/auth/login.rs", Some(High)), ("auth/login.rs", Some(High)), ("SRC/Auth/login.rs", Some(High)),
        ("src/auth.rs", Some(High)), ("src/auth_service.rs", Some(High)), ("src/user-auth.ts", Some(High)),
        ("services/auth-api/main.go", Some(High)), ("app/AuthController.php", Some(High)), ("web/login.tsx", Some(High)),
        ("src/author/name.rs", None), ("src/authors.rs", None), ("src/reset/mail.rs", None), ("src/blogin.rs", None),
        ("lib/permissions.ex", Some(High)), ("src/encryption/aead.rs", Some(High)), ("src/billing.py", Some(High)),
        ("db/migrations/0001_init.up", Some(High)), ("schema.sql", Some(High)), ("src/immigration.rs", None),
        (".github/workflows/ci.yml", Some(High)), (".github/ISSUE_TEMPLATE/bug.md", None), ("CODEOWNERS", Some(High)),
        ("infra/keys.tf", Some(High)), ("certs/server.pem", Some(Critical)), ("app/.env", Some(Critical)),
        (".env.production", Some(Critical)), (".env.staging.local", Some(Critical)), (".env.example", Some(Medium)),
        ("config/secrets.yml", Some(Critical)), ("src/secrets.rs", None), ("Cargo.lock", Some(Medium)),
        ("crates/a/Cargo.toml", Some(Medium)), ("Dockerfile", Some(Medium)), ("README.md", None),
        ("CLAUDE.md", Some(High)), ("sub/.mcp.json", Some(High)), (".husky/pre-commit", Some(Medium)),
    ];
    for (path, expected) in cases {
        assert_eq!(risk(path), expected, "{path}");
    }
}

#[test]
fn a_folder_is_as_risky_as_what_is_known_to_lie_in_it() {
    assert_eq!(risk("src/auth/**"), Some(Risk::High));
    assert_eq!(risk("src/auth/handlers/**"), Some(Risk::High));
    assert_eq!(risk(".github/**"), Some(Risk::High));
    assert_eq!(risk("deploy/secrets/**"), Some(Risk::Critical));
    assert_eq!(risk("**"), Some(Risk::Critical));
}

#[test]
fn a_folder_with_room_for_risky_files_is_medium() {
    assert_eq!(risk("src/**"), Some(Risk::Medium));
    assert_eq!(risk("web/components/"), Some(Risk::Medium));
    assert_eq!(risk("src/reset"), None, "not said to be a folder");
}

#[test]
fn a_folder_that_is_named_like_a_file_counts_as_the_folder() {
    assert_eq!(risk("src/auth"), Some(Risk::High));
    assert_eq!(risk(".github"), Some(Risk::High));
    assert_eq!(risk("deploy/secrets"), Some(Risk::Critical));
}

#[test]
fn a_rule_that_starts_at_a_folder_counts_for_every_folder_on_its_way() {
    let policy = own(&[
        ("src/**/keys/*.rs", Risk::Critical),
        ("api/v[12]/{pay,bill}/**", Risk::High),
    ]);
    for (path, expected) in [
        ("src/**", Some(Risk::Critical)),
        ("src/api/**", Some(Risk::Critical)),
        ("SRC/api/keys/**", Some(Risk::Critical)),
        ("src/api/keys/a.rs", Some(Risk::Critical)),
        ("src/api/keys/a.go", Some(Risk::Critical)),
        ("lib/**", None),
        ("api/**", Some(Risk::High)),
        ("api/v1/**", Some(Risk::High)),
        ("api/v3/**", None),
        ("api/v2/pay/x/y.rs", Some(Risk::High)),
        ("api/v2/play/**", None),
    ] {
        // `a.go` could be a folder by that name, in which a `keys/x.rs` could lie.
        assert_eq!(risk_under(&policy, path), expected, "{path}");
    }
    assert_eq!(
        risk_under(&own(&[("{a,b/c}/**", Risk::High)]), "elsewhere/**"),
        Some(Risk::High)
    );
    assert_eq!(risk_under(&own(&[("**", Risk::Low)]), "src/**"), Some(Risk::Low));
}

#[test]
fn a_rule_that_floats_counts_once_its_first_name_is_met() {
    let policy = own(&[("**/keys/live/*.rs", Risk::Critical)]);
    for (path, expected) in [
        ("src/**", Risk::Medium),
        ("src/keys/**", Risk::Critical),
        ("src/keys/live/**", Risk::Critical),
        ("src/keys/test/**", Risk::Medium),
        ("**", Risk::Critical),
    ] {
        assert_eq!(risk_under(&policy, path), Some(expected), "{path}");
    }
}

#[test]
fn of_several_rules_the_highest_counts_and_of_equals_the_first() {
    let policy = own(&[
        ("a/**", Risk::Low),
        ("a/b/**", Risk::High),
        ("a/b/c.rs", Risk::High),
        ("**/*.rs", Risk::Medium),
    ]);
    let Some(Met::Rule(rule)) = policy.highest(&"a/b/c.rs".parse().unwrap()) else {
        panic!("no rule is met");
    };
    assert_eq!((rule.glob.as_str(), rule.risk), ("a/b/**", Risk::High));
}

#[test]
fn a_rule_that_is_none_or_protects_nothing_is_named() {
    let refused = |glob: &str| {
        RiskPolicy::new([(glob.to_owned(), Risk::High, "x".to_owned())])
            .unwrap_err()
            .to_string()
    };
    assert_eq!(
        refused("["),
        "`[` is no path glob; write it relative to the repository, as src/auth/**"
    );
    for glob in [
        "",
        "/src/**",
        "src/auth/",
        "./src/**",
        "src/../x",
        "a//b",
        "!src/**",
        "src\\auth",
    ] {
        assert_eq!(
            refused(glob),
            format!(
                "`{glob}` matches no path; write it relative to the repository and end folders in /**, as src/auth/**"
            )
        );
    }
}

proptest! {
    /// The law by which folders are judged: whatever a file in it meets, a folder on a rule's way meets as well.
    #[test]
    fn a_folder_is_never_less_risky_than_a_file_in_it_for_rules_with_a_root(
        glob in "[ab](/([ab*]|\\*\\*|[ab]\\*)){0,3}", folder in "[ab](/[ab]){0,2}", below in "[ab](/[ab]){0,2}",
    ) {
        let policy = own(&[(&glob, Risk::Critical)]);
        let (file, tree) = (format!("{folder}/{below}"), format!("{folder}/**"));
        if policy.files.is_match(&file) {
            prop_assert_eq!(risk_under(&policy, &tree), Some(Risk::Critical), "{} {}", glob, file);
        }
    }

    #[test]
    fn no_glob_and_no_path_make_judging_panic(glob in "\\PC{0,20}", path in "\\PC{0,20}") {
        if let (Ok(policy), Ok(path)) = (RiskPolicy::new([(glob, Risk::High, String::new())]), path.parse()) {
            let _ = policy.highest(&path);
        }
    }
}
