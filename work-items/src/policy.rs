//! What counts as risky: path rules. They set a floor; nothing lowers it.

use std::{cmp::Reverse, sync::LazyLock};

use globset::{Glob, GlobBuilder, GlobSet, GlobSetBuilder};
use identity::Digest;
use vocabulary::{RepoPath, Risk, Span};

mod built_in;
mod reach;

use reach::{Reach, Segments};

/// Names the rules together with the way in which they are applied: whoever changes how a proposal is judged, in here or in
/// `assess`, makes this another version.
const DIGEST_CONTEXT: &str = "auditotter 2026 risk policy v1";

/// Rules from path globs to risk, matched without regard to ASCII case, for not every disk regards it.
#[derive(Debug, Clone)]
pub struct RiskPolicy {
    rules: Vec<Rule>,
    /// The rules' globs, in their order.
    files: GlobSet,
    /// Names the rules; made once, for every decision and every page asks for it.
    digest: Digest,
}

#[derive(Debug, Clone)]
pub(crate) struct Rule {
    pub(crate) glob: String,
    pub(crate) risk: Risk,
    pub(crate) label: String,
    segments: Segments,
}

/// What a planned path meets.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Met<'a> {
    /// A rule.
    Rule(&'a Rule),
    /// No rule, but it is a whole folder, and below it there is room for what this rule names.
    Room(&'a Rule),
}

/// A rule that cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PolicyError {
    /// Not a glob.
    #[error("`{0}` is no path glob; write it relative to the repository, as src/auth/**")]
    NotAGlob(String),
    /// A glob that no path of a repository meets: it would look like protection and be none.
    #[error(
        "`{0}` matches no path; write it relative to the repository and end folders in /**, as src/auth/**"
    )]
    NeverMatches(String),
    /// More or larger rules than can be compiled together.
    #[error("the {0} rules are too large together; use fewer or shorter globs")]
    TooLarge(usize),
}

impl RiskPolicy {
    /// The rules that hold when a repository says nothing.
    ///
    /// # Panics
    /// Never: every built-in glob is compiled by a test.
    #[must_use]
    #[expect(clippy::expect_used, reason = "constants, compiled by a test")]
    pub fn built_in() -> &'static Self {
        static RULES: LazyLock<RiskPolicy> =
            LazyLock::new(|| RiskPolicy::new(built_in::rules()).expect("built-in globs compile"));
        &RULES
    }

    /// Rules of one's own: a glob, the risk of what it matches, and what that is called. The highest rule that a
    /// path meets counts; of equals, the first.
    ///
    /// # Errors
    /// [`PolicyError`] with the glob that is none.
    pub fn new(rules: impl IntoIterator<Item = (String, Risk, String)>) -> Result<Self, PolicyError> {
        let mut files = GlobSetBuilder::new();
        let rules = rules
            .into_iter()
            .map(|(glob, risk, label)| {
                files.add(compile(&glob)?);
                let segments = Segments::of(&glob);
                Ok(Rule {
                    glob,
                    risk,
                    label,
                    segments,
                })
            })
            .collect::<Result<Vec<_>, PolicyError>>()?;
        let files = files.build().map_err(|_| PolicyError::TooLarge(rules.len()))?;
        let digest = digest_of(&rules);
        Ok(Self { rules, files, digest })
    }

    /// Names exactly these rules: what was judged by others was judged otherwise.
    #[must_use]
    pub const fn digest(&self) -> Digest {
        self.digest
    }

    /// Whether a digest names rules by which work was ever judged: these, and those of earlier versions, whose approvals
    /// stay approvals. Whoever changes the rules adds the digest that they had.
    #[must_use]
    pub fn is_known(digest: &Digest) -> bool {
        *digest == Self::built_in().digest()
    }

    /// The risk of changing a path: that of the highest rule which it meets, and low where it meets none.
    #[must_use]
    pub fn risk_of(&self, path: &RepoPath) -> Risk {
        self.highest(path).map_or(Risk::Low, |met| met.risk())
    }

    /// The highest rule that a path meets. A folder meets every rule that is known to match something below it, and
    /// so does a path that is not said to be a folder but would be one for the rule: whoever plans `src/auth` may
    /// well mean all of it.
    pub(crate) fn highest(&self, path: &RepoPath) -> Option<Met<'_>> {
        let mut met = self.files.matches(path.as_str());
        met.extend(self.files.matches(format!("{}/any", path.as_str())));
        let mut room: Option<&Rule> = None;
        for (index, rule) in self.rules.iter().enumerate() {
            match rule.segments.reach_into(path.as_str()) {
                Reach::Known => met.push(index),
                Reach::Room if path.span() == Span::Tree && rule.risk >= Risk::High => {
                    room = room.filter(|known| known.risk >= rule.risk).or(Some(rule));
                }
                Reach::Room | Reach::None => {}
            }
        }
        let rules = met
            .into_iter()
            .filter_map(|index| Some((index, self.rules.get(index)?)));
        rules
            .max_by_key(|(index, rule)| (rule.risk, Reverse(*index)))
            .map(|(_, rule)| Met::Rule(rule))
            .filter(|met| room.is_none() || met.risk() >= Met::ROOM)
            .or_else(|| room.map(Met::Room))
    }
}

impl Met<'_> {
    /// How risky a folder is at least in which something risky could lie: shown apart, still one click. More, and
    /// every folder would be as risky as the worst file it could hold; less, and `src/**` would say less than it
    /// lets one do.
    const ROOM: Risk = Risk::Medium;

    pub(crate) const fn risk(&self) -> Risk {
        match self {
            Self::Rule(rule) => rule.risk,
            Self::Room(_) => Self::ROOM,
        }
    }
}

fn digest_of(rules: &[Rule]) -> Digest {
    let mut hasher = blake3::Hasher::new_derive_key(DIGEST_CONTEXT);
    for rule in rules {
        for part in [&*rule.glob, rule.risk.as_str(), &*rule.label] {
            hasher.update(&(part.len() as u64).to_le_bytes());
            hasher.update(part.as_bytes());
        }
    }
    Digest::from_bytes(*hasher.finalize().as_bytes())
}

fn compile(glob: &str) -> Result<Glob, PolicyError> {
    let shown = || glob.chars().take(80).collect();
    let impossible = glob.starts_with('!')
        || glob.contains('\\')
        || glob.split('/').any(|segment| matches!(segment, "" | "." | ".."));
    if impossible {
        return Err(PolicyError::NeverMatches(shown()));
    }
    GlobBuilder::new(glob)
        .literal_separator(true)
        .case_insensitive(true)
        .backslash_escape(false)
        .build()
        .map_err(|_| PolicyError::NotAGlob(shown()))
}

#[cfg(test)]
mod tests;
