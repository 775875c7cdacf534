//! What counts as risky: path rules. They set a floor; nothing lowers it.

use std::sync::LazyLock;

use globset::{GlobBuilder, GlobMatcher};
use vocabulary::{RepoPath, Risk, Span};

/// Rules from path globs to risk.
#[derive(Debug, Clone)]
pub struct RiskPolicy(Vec<Rule>);

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) glob: String,
    pub(crate) risk: Risk,
    pub(crate) label: String,
    matcher: GlobMatcher,
}

/// A rule that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is no path glob; write it relative to the repository, as src/auth/**")]
pub struct PolicyError(String);

/// What is risky wherever it stands. Names are matched without regard to case, for no convention rules here.
const BUILT_IN: &[(Risk, &str, &[&str])] = &[
    (
        Risk::Critical,
        "private keys and secrets",
        &[
            "**/*.pem",
            "**/*.p12",
            "**/*.pfx",
            "**/id_rsa*",
            "**/id_ed25519*",
            "**/secrets/**",
            "**/.env",
            "**/.env.*",
        ],
    ),
    (
        Risk::High,
        "authentication",
        &[
            "**/auth/**",
            "**/auth.*",
            "**/authn/**",
            "**/login/**",
            "**/oauth/**",
            "**/oauth2/**",
            "**/sso/**",
            "**/saml/**",
            "**/jwt/**",
            "**/passkeys/**",
        ],
    ),
    (
        Risk::High,
        "authorization",
        &[
            "**/authz/**",
            "**/permissions/**",
            "**/permissions.*",
            "**/iam/**",
            "**/rbac/**",
            "**/acl/**",
            "**/policies/**",
        ],
    ),
    (
        Risk::High,
        "cryptography",
        &["**/crypto/**", "**/crypto.*", "**/cryptography/**", "**/tls/**"],
    ),
    (
        Risk::High,
        "payments",
        &[
            "**/payment/**",
            "**/payments/**",
            "**/billing/**",
            "**/checkout/**",
            "**/invoices/**",
        ],
    ),
    (
        Risk::High,
        "database migrations",
        &["**/migrations/**", "**/migration/**", "**/migrate/**", "**/*.sql"],
    ),
    (
        Risk::High,
        "build and release pipeline",
        &[
            ".github/workflows/**",
            ".github/actions/**",
            ".gitlab-ci.yml",
            ".circleci/**",
            "**/jenkinsfile",
            "**/codeowners",
            ".ci/**",
        ],
    ),
    (
        Risk::High,
        "infrastructure",
        &[
            "**/terraform/**",
            "**/*.tf",
            "**/*.tfvars",
            "**/k8s/**",
            "**/kubernetes/**",
            "**/helm/**",
            "**/ansible/**",
            "**/infra/**",
            "**/pulumi/**",
        ],
    ),
    (
        Risk::High,
        "what guards the work of agents",
        &[
            ".auditotter/**",
            ".claude/**",
            ".codex/**",
            "**/claude.md",
            "**/agents.md",
            ".mcp.json",
        ],
    ),
    (
        Risk::Medium,
        "containers",
        &[
            "**/dockerfile",
            "**/dockerfile.*",
            "**/docker-compose*.yml",
            "**/compose.yaml",
        ],
    ),
    (
        Risk::Medium,
        "dependencies",
        &[
            "**/cargo.toml",
            "**/cargo.lock",
            "**/package.json",
            "**/package-lock.json",
            "**/pnpm-lock.yaml",
            "**/yarn.lock",
            "**/go.mod",
            "**/go.sum",
            "**/requirements*.txt",
            "**/pyproject.toml",
            "**/poetry.lock",
            "**/uv.lock",
            "**/gemfile",
            "**/gemfile.lock",
            "**/pom.xml",
            "**/build.gradle*",
        ],
    ),
    (
        Risk::Medium,
        "configuration",
        &["config/**", "**/*.env.example", "**/nginx/**"],
    ),
];

impl RiskPolicy {
    /// The rules that hold when a repository says nothing.
    ///
    /// # Panics
    /// Never: every built-in glob is compiled by a test.
    #[must_use]
    #[expect(clippy::expect_used, reason = "constants, compiled by a test")]
    pub fn built_in() -> &'static Self {
        static RULES: LazyLock<RiskPolicy> = LazyLock::new(|| {
            let rules = BUILT_IN.iter().flat_map(|(risk, label, globs)| {
                globs
                    .iter()
                    .map(|glob| ((*glob).to_owned(), *risk, (*label).to_owned()))
            });
            RiskPolicy::new(rules).expect("built-in globs compile")
        });
        &RULES
    }

    /// Rules of one's own: a glob, the risk of what it matches, and what that is called.
    ///
    /// # Errors
    /// [`PolicyError`] with the glob that is none.
    pub fn new(rules: impl IntoIterator<Item = (String, Risk, String)>) -> Result<Self, PolicyError> {
        rules
            .into_iter()
            .map(|(glob, risk, label)| {
                let matcher = GlobBuilder::new(&glob)
                    .literal_separator(true)
                    .case_insensitive(true)
                    .backslash_escape(false)
                    .build()
                    .map_err(|_| PolicyError(glob.chars().take(80).collect()))?
                    .compile_matcher();
                Ok(Rule {
                    glob,
                    risk,
                    label,
                    matcher,
                })
            })
            .collect::<Result<_, _>>()
            .map(Self)
    }

    /// The highest rule that a path meets. A folder meets every rule that could match something below it.
    pub(crate) fn highest(&self, path: &RepoPath) -> Option<&Rule> {
        let meets = |rule: &&Rule| match path.span() {
            Span::File => rule.matcher.is_match(path.as_str()),
            Span::Tree => rule.reaches_into(path.as_str()),
        };
        self.0.iter().filter(meets).max_by_key(|rule| rule.risk)
    }
}

impl Rule {
    /// Whether something below a folder is known to match: the folder lies within the rule's, or the rule's own
    /// folder lies within it. A rule for a name that may stand anywhere (`**/*.pem`) counts only for the whole
    /// repository, or every folder would be as risky as the worst file it could hold.
    fn reaches_into(&self, folder: &str) -> bool {
        let probe = if folder.is_empty() {
            "any".to_owned()
        } else {
            format!("{folder}/any")
        };
        let fixed: &str = self.glob.split("/**").next().unwrap_or_default();
        let rooted = !fixed.is_empty() && !fixed.contains('*');
        let below = rooted
            && format!("{}/", fixed.to_lowercase()).starts_with(&format!("{}/", folder.to_lowercase()));
        folder.is_empty() || below || self.matcher.is_match(&probe)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn risk(path: &str) -> Option<Risk> {
        RiskPolicy::built_in()
            .highest(&path.parse().unwrap())
            .map(|rule| rule.risk)
    }

    #[test]
    fn risky_places_are_known_by_their_path() {
        for (path, expected) in [
            ("src/auth/login.rs", Some(Risk::High)),
            ("auth/login.rs", Some(Risk::High)),
            ("SRC/Auth/login.rs", Some(Risk::High)),
            ("src/author/name.rs", None),
            ("src/reset/mail.rs", None),
            ("db/migrations/0001_init.up", Some(Risk::High)),
            ("schema.sql", Some(Risk::High)),
            (".github/workflows/ci.yml", Some(Risk::High)),
            ("infra/keys.tf", Some(Risk::High)),
            ("certs/server.pem", Some(Risk::Critical)),
            ("app/.env", Some(Risk::Critical)),
            ("Cargo.lock", Some(Risk::Medium)),
            ("crates/a/Cargo.toml", Some(Risk::Medium)),
            ("Dockerfile", Some(Risk::Medium)),
            ("README.md", None),
            ("CLAUDE.md", Some(Risk::High)),
        ] {
            assert_eq!(risk(path), expected, "{path}");
        }
    }

    #[test]
    fn a_folder_is_as_risky_as_what_is_known_to_lie_in_it() {
        assert_eq!(risk("src/auth/**"), Some(Risk::High));
        assert_eq!(risk(".github/**"), Some(Risk::High));
        assert_eq!(risk("docs/**"), None);
        assert_eq!(risk("**"), Some(Risk::Critical));
    }

    #[test]
    fn a_rule_that_is_none_is_named() {
        let bad = RiskPolicy::new([("[".to_owned(), Risk::High, "x".to_owned())]);
        assert_eq!(
            bad.unwrap_err().to_string(),
            "`[` is no path glob; write it relative to the repository, as src/auth/**"
        );
    }
}
