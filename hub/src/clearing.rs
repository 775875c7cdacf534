//! Clearing what agents and their clients say of secrets, before anything of it is written.

mod file;

use std::{
    collections::{BTreeMap, HashMap},
    fmt, fs, io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, OnceLock, PoisonError},
    time::SystemTime,
};

use redaction::{Redactor, RepositoryRules};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::gating::place;

pub(crate) use self::file::OfFile;

/// What the key of the workspace's digests is derived for.
const KEY_CONTEXT: &str = "auditotter 2026 redaction key v1";

/// Where a repository adds rules of its own.
const RULES: &str = ".auditotter/redact.toml";

/// Of how many repositories the rules are remembered.
const MOST_REPOSITORIES: usize = 64;

/// How many secrets each rule found.
pub(crate) type Counts = BTreeMap<String, u32>;

/// The rules, the workspace's key, and what repositories add.
pub(crate) struct Clearing {
    key: Zeroizing<[u8; 32]>,
    built_in: OnceLock<Arc<Redactor>>,
    repositories: Mutex<HashMap<PathBuf, Loaded>>,
}

/// A repository's rules, as of a state of their file.
struct Loaded {
    of: (SystemTime, u64),
    redactor: Arc<Redactor>,
}

impl fmt::Debug for Clearing {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Clearing(..)")
    }
}

impl Clearing {
    /// Under a key that follows from the hub's.
    pub(crate) fn derive(seed: &[u8; 32]) -> Self {
        Self {
            key: Zeroizing::new(blake3::derive_key(KEY_CONTEXT, seed)),
            built_in: OnceLock::new(),
            repositories: Mutex::default(),
        }
    }

    /// The rules that hold everywhere. Whoever asks first waits until they are compiled.
    pub(crate) fn built_in(&self) -> Arc<Redactor> {
        let compile = || Arc::new(Redactor::built_in(*self.key));
        Arc::clone(self.built_in.get_or_init(compile))
    }

    /// Replaces each secret in a value, and says how many there were.
    pub(crate) fn clear(&self, value: &mut Value, root: Option<&Path>) -> Counts {
        let redactor = root.map_or_else(|| self.built_in(), |root| self.of(root));
        let counts = redactor.redact_json(value);
        counts
            .into_iter()
            .map(|(rule, count)| (rule.to_string(), count))
            .collect()
    }

    /// Whether a repository adds rules of its own.
    pub(crate) fn has_rules(root: &Path) -> bool {
        fs::metadata(root.join(RULES)).is_ok()
    }

    /// With what a repository adds. Rules that cannot be used add nothing and take nothing away.
    fn of(&self, root: &Path) -> Arc<Redactor> {
        let path = root.join(RULES);
        let Ok(about) = fs::metadata(&path) else {
            return self.built_in();
        };
        let of = (about.modified().unwrap_or(SystemTime::UNIX_EPOCH), about.len());
        let mut known = self.repositories.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(loaded) = known.get(&path).filter(|loaded| loaded.of == of) {
            return Arc::clone(&loaded.redactor);
        }
        let text = place::read(&path).and_then(|bytes| String::from_utf8(bytes).map_err(io::Error::other));
        let rules = text.and_then(|text| RepositoryRules::parse(&text).map_err(io::Error::other));
        let redactor = match rules {
            Ok(rules) => Arc::new(Redactor::built_in(*self.key).with(&rules)),
            Err(error) => {
                tracing::warn!(path = %path.display(), %error, "a repository's rules for secrets are not used");
                self.built_in()
            }
        };
        if known.len() >= MOST_REPOSITORIES {
            known.clear();
        }
        let loaded = Loaded {
            of,
            redactor: Arc::clone(&redactor),
        };
        known.insert(path, loaded);
        redactor
    }
}
