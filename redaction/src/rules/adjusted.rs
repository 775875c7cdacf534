//! What is said differently from gitleaks' file, rule by rule, and why.

use super::format::Target;

/// Rules that are not used, and why.
pub(crate) const LEFT_OUT: &[(&str, &str)] = &[
    (
        "pkcs12-file",
        "names files, and has no expression: a text has no path",
    ),
    (
        "hashicorp-tf-password",
        "is for Terraform files alone, and a text has no path: it would take any quoted word for a password; \
         secret-assignment finds what is one",
    ),
];

/// Rules with another expression.
pub(crate) const REWRITTEN: &[Rewritten] = &[Rewritten {
    id: "sourcegraph-access-token",
    regex: r"(?i)\b(sgp_(?:(?:[a-fA-F0-9]{16}|local)_)?[a-fA-F0-9]{40})\b",
    keywords: &["sgp_"],
    why: "any 40 hex digits would count as soon as a text names Sourcegraph: so every commit of git",
}];

/// A rule with another expression.
pub(crate) struct Rewritten {
    pub(crate) id: &'static str,
    pub(crate) regex: &'static str,
    pub(crate) keywords: &'static [&'static str],
    /// Asserted to be said.
    #[cfg_attr(not(test), expect(dead_code, reason = "for whoever reads, and the test"))]
    pub(crate) why: &'static str,
}

/// Rules with keywords that stand in every match too and are rarer: what they find is the same.
pub(crate) const RARER_KEYWORDS: &[Rarer] = &[
    // Both keywords stand in the secret, and "test_" in every second line of tests.
    Rarer {
        id: "lob-api-key",
        keywords: &["lob"],
        followed_by: "",
    },
    Rarer {
        id: "lob-pub-api-key",
        keywords: &["lob"],
        followed_by: "",
    },
    // "secret" is in every second file.
    Rarer {
        id: "kubernetes-secret-yaml",
        keywords: &["kind:"],
        followed_by: "secret",
    },
];

/// A rule with rarer keywords.
pub(crate) struct Rarer {
    pub(crate) id: &'static str,
    pub(crate) keywords: &'static [&'static str],
    /// What comes next but for blanks and quotation marks, in small letters.
    pub(crate) followed_by: &'static str,
}

/// What a rule takes for a secret and is none, besides the file's own allowlists.
pub(crate) const ALSO_ALLOWED: &[Also] = &[
    Also {
        id: "generic-api-key",
        target: Target::Match,
        regex: r"(?i)(?:cache|sort|partition|row|map|dict|group|lookup|object|storage|routing|dedup|dedupe|order|hash|translation|i18n|query|index|idempotency)[_.-]?keys?\b",
    },
    // Names of constants and fields: words with a number or two.
    Also {
        id: "generic-api-key",
        target: Target::Secret,
        regex: r"^(?:[A-Z]+[0-9]{0,5}(?:_[A-Z]{2,}[0-9]{0,2}){2,}|[a-z]+[0-9]{0,5}(?:_[a-z]{2,}[0-9]{0,2}){2,})$",
    },
];

/// One of these.
pub(crate) struct Also {
    pub(crate) id: &'static str,
    pub(crate) target: Target,
    pub(crate) regex: &'static str,
}
