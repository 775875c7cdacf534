//! The validated texts inside an entry.

use std::{borrow::Cow, collections::BTreeMap, fmt, str::FromStr};

/// Why a text is not allowed in its field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum FieldError {
    /// Not words of `a-z` and `_` joined by dots, or longer than 64 bytes.
    #[error("`{0}` is not a kind; write at most 64 of a-z and _ in words joined by dots, as tool.called")]
    Kind(String),
    /// A reference's name is not of `a-z` and `_`, or longer than 64 bytes.
    #[error("`{0}` is not a reference's name; write at most 64 of a-z and _")]
    RefKey(String),
    /// A reference's value is too long.
    #[error("the reference {key} has {found} bytes; at most {MAX_REF_BYTES} are allowed")]
    RefValue {
        /// The reference.
        key: String,
        /// How long its value is.
        found: usize,
    },
    /// Too many references.
    #[error("an entry carries at most {MAX_REFS} references")]
    RefCount,
    /// An agent's name, version or instance is empty or too long.
    #[error("an agent's {field} has {found} bytes; it must have 1 to {MAX_VIA_BYTES}")]
    Via {
        /// Which of the three.
        field: &'static str,
        /// How long it is.
        found: usize,
    },
}

/// Most references of an entry.
pub(super) const MAX_REFS: usize = 16;
/// Longest value of a reference, in bytes.
pub(super) const MAX_REF_BYTES: usize = 256;
/// Longest kind, and longest name of a reference, in bytes.
const MAX_NAME_BYTES: usize = 64;
/// Longest agent name, version or instance, in bytes.
const MAX_VIA_BYTES: usize = 128;

/// What happened: words of `a-z` and `_` joined by dots, as `tool.called`.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Kind(Cow<'static, str>);

impl Kind {
    /// A kind written in source.
    ///
    /// # Panics
    /// When evaluated on a text that is no kind; in a `const` that is a compile error.
    #[must_use]
    pub const fn from_static(text: &'static str) -> Self {
        assert!(is_kind(text.as_bytes()), "not a kind");
        Self(Cow::Borrowed(text))
    }

    /// The text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for Kind {
    type Err = FieldError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if is_kind(text.as_bytes()) {
            Ok(Self(Cow::Owned(text.to_owned())))
        } else {
            Err(FieldError::Kind(text.chars().take(80).collect()))
        }
    }
}

impl fmt::Display for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Kind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Whether these bytes are `[a-z][a-z_]*(\.[a-z][a-z_]*)*`, of at most 64.
pub(super) const fn is_kind(bytes: &[u8]) -> bool {
    let mut word_starts = true;
    let mut rest = bytes;
    while let [byte, tail @ ..] = rest {
        match byte {
            b'a'..=b'z' => word_starts = false,
            b'_' if !word_starts => {}
            b'.' if !word_starts => word_starts = true,
            _ => return false,
        }
        rest = tail;
    }
    !word_starts && bytes.len() <= MAX_NAME_BYTES
}

/// Which agent acted: as it says itself, so recorded and never authoritative.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Via {
    agent: String,
    version: Option<String>,
    instance: Option<String>,
}

impl Via {
    /// An agent by its name, and where known its version and which running instance of it.
    ///
    /// # Errors
    /// [`FieldError::Via`] for an empty text or one above 128 bytes.
    pub fn new(agent: &str, version: Option<&str>, instance: Option<&str>) -> Result<Self, FieldError> {
        let checked = |field, text: &str| match text.len() {
            1..=MAX_VIA_BYTES => Ok(text.to_owned()),
            found => Err(FieldError::Via { field, found }),
        };
        Ok(Self {
            agent: checked("name", agent)?,
            version: version.map(|text| checked("version", text)).transpose()?,
            instance: instance.map(|text| checked("instance", text)).transpose()?,
        })
    }

    /// Its name, as `claude-code`.
    #[must_use]
    pub fn agent(&self) -> &str {
        &self.agent
    }

    /// Its version.
    #[must_use]
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// Which running instance of it.
    #[must_use]
    pub fn instance(&self) -> Option<&str> {
        self.instance.as_deref()
    }
}

/// What an entry is about: at most 16 names, each with a short value, sorted by name.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Refs(BTreeMap<String, String>);

impl Refs {
    /// None.
    #[must_use]
    pub const fn new() -> Self {
        Self(BTreeMap::new())
    }

    /// These and one more, which replaces one of the same name.
    ///
    /// # Errors
    /// [`FieldError`] when the name, the value or the number of references is not allowed.
    pub fn with(mut self, key: &str, value: impl fmt::Display) -> Result<Self, FieldError> {
        self.insert(key, value.to_string())?;
        Ok(self)
    }

    /// Adds one, replacing one of the same name.
    ///
    /// # Errors
    /// [`FieldError`] when the name, the value or the number of references is not allowed.
    pub fn insert(&mut self, key: &str, value: String) -> Result<(), FieldError> {
        if !is_ref_key(key.as_bytes()) {
            return Err(FieldError::RefKey(key.chars().take(80).collect()));
        }
        if value.len() > MAX_REF_BYTES {
            return Err(FieldError::RefValue {
                key: key.to_owned(),
                found: value.len(),
            });
        }
        if self.0.len() >= MAX_REFS && !self.0.contains_key(key) {
            return Err(FieldError::RefCount);
        }
        self.0.insert(key.to_owned(), value);
        Ok(())
    }

    /// The value under this name.
    #[must_use]
    pub fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).map(String::as_str)
    }

    /// All, sorted by name.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(key, value)| (key.as_str(), value.as_str()))
    }

    /// Whether there are none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

/// Whether these bytes may name a reference.
pub(super) fn is_ref_key(bytes: &[u8]) -> bool {
    matches!(bytes.len(), 1..=MAX_NAME_BYTES) && bytes.iter().all(|byte| matches!(byte, b'a'..=b'z' | b'_'))
}

/// Whether a text may be an agent's name, version or instance.
pub(super) const fn is_via(text: &str) -> bool {
    matches!(text.len(), 1..=MAX_VIA_BYTES)
}
