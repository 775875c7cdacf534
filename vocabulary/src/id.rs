//! Typed identifiers: `wi_01jd3x…`, a prefix that says what it names and a UUIDv7 that sorts by time.
//!
//! The text form is that of the TypeID specification 0.3 (<https://github.com/jetify-com/typeid>): the
//! UUID's 128 bits as 26 characters of lower-case Crockford base32.

use std::{fmt, hash, marker::PhantomData, str::FromStr};

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Serialize, de};
use uuid::Uuid;

use crate::shown;

/// What an [`Id`] can name. Closed: the kinds are those of this module.
pub trait Kind: sealed::Sealed + 'static {
    /// The prefix of the text form, without the underscore.
    const PREFIX: &'static str;
}

mod sealed {
    pub trait Sealed {}
}

macro_rules! kinds {
    ($($(#[$doc:meta])* $alias:ident = $kind:ident, $prefix:literal;)*) => {$(
        #[doc(hidden)]
        #[derive(Debug)]
        pub enum $kind {}
        impl sealed::Sealed for $kind {}
        impl Kind for $kind {
            const PREFIX: &'static str = $prefix;
        }
        $(#[$doc])*
        pub type $alias = Id<$kind>;
    )*};
}

kinds! {
    /// One team's ledger, members and work.
    WorkspaceId = Workspace, "ws";
    /// A named human.
    MemberId = Member, "me";
    /// What a member lent an agent.
    DelegationId = Delegation, "dl";
    /// One agent session.
    SessionId = Session, "se";
    /// The hash chain of one agent session.
    TraceId = Trace, "tr";
    /// What was proposed.
    WorkItemId = WorkItem, "wi";
    /// One request to the hub; a retry carries the same one.
    RequestId = Request, "rq";
}

/// A typed, time-ordered identifier. Its text form sorts as the identifier does.
pub struct Id<K> {
    uuid: Uuid,
    kind: PhantomData<fn() -> K>,
}

/// Why a text is not the identifier it should be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum IdError {
    /// It names something else, or nothing.
    #[error("`{found}` is not an identifier that starts with `{prefix}_`")]
    Prefix {
        /// The prefix that was expected.
        prefix: &'static str,
        /// What was given, shortened.
        found: String,
    },
    /// The part after the prefix is not 26 base32 characters of a 128-bit number.
    #[error("`{found}` is damaged: after `{prefix}_` come 26 characters of 0-9 and a-z without i, l, o, u")]
    Suffix {
        /// The prefix that was expected.
        prefix: &'static str,
        /// What was given, shortened.
        found: String,
    },
}

const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
const SUFFIX_LEN: usize = 26;

impl<K: Kind> Id<K> {
    /// Makes an identifier from its moment and ten bytes of randomness, so that callers own both.
    #[must_use]
    pub fn new(unix_millis: u64, random: [u8; 10]) -> Self {
        Self::from_uuid(uuid::Builder::from_unix_timestamp_millis(unix_millis, &random).into_uuid())
    }

    /// The identifier with this UUID.
    #[must_use]
    pub const fn from_uuid(uuid: Uuid) -> Self {
        Self {
            uuid,
            kind: PhantomData,
        }
    }

    /// The UUID inside.
    #[must_use]
    pub const fn uuid(self) -> Uuid {
        self.uuid
    }

    /// The moment it says it was made at, in milliseconds since 1970. Whoever made it chose that.
    #[must_use]
    pub fn unix_millis(self) -> u64 {
        (self.uuid.as_u128() >> 80) as u64
    }

    /// The 16 bytes that stand for this identifier in keys and hashes; they sort as the text does.
    #[must_use]
    pub const fn to_bytes(self) -> [u8; 16] {
        self.uuid.into_bytes()
    }
}

impl<K: Kind> fmt::Display for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let number = self.uuid.as_u128();
        let mut suffix = [0_u8; SUFFIX_LEN];
        for (position, character) in suffix.iter_mut().enumerate() {
            let shift = 5 * (SUFFIX_LEN - 1 - position);
            let digit = usize::try_from((number >> shift) & 31).unwrap_or(0);
            *character = ALPHABET[digit];
        }
        let suffix = str::from_utf8(&suffix).map_err(|_| fmt::Error)?;
        write!(f, "{}_{suffix}", K::PREFIX)
    }
}

impl<K: Kind> FromStr for Id<K> {
    type Err = IdError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let found = || shown(text, 48);
        let suffix = text
            .strip_prefix(K::PREFIX)
            .and_then(|rest| rest.strip_prefix('_'))
            .ok_or_else(|| IdError::Prefix {
                prefix: K::PREFIX,
                found: found(),
            })?;
        let damaged = || IdError::Suffix {
            prefix: K::PREFIX,
            found: found(),
        };
        // 26 characters hold 130 bits: the first may not use its upper two.
        if suffix.len() != SUFFIX_LEN || !matches!(suffix.as_bytes().first(), Some(b'0'..=b'7')) {
            return Err(damaged());
        }
        let mut number = 0_u128;
        for byte in suffix.bytes() {
            let digit = ALPHABET
                .iter()
                .position(|&letter| letter == byte)
                .ok_or_else(damaged)?;
            number = (number << 5) | digit as u128;
        }
        Ok(Self::from_uuid(Uuid::from_u128(number)))
    }
}

impl<K: Kind> fmt::Debug for Id<K> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

// Written out because deriving would ask the same of the kind.
impl<K> Clone for Id<K> {
    fn clone(&self) -> Self {
        *self
    }
}
impl<K> Copy for Id<K> {}
impl<K> PartialEq for Id<K> {
    fn eq(&self, other: &Self) -> bool {
        self.uuid == other.uuid
    }
}
impl<K> Eq for Id<K> {}
impl<K> PartialOrd for Id<K> {
    fn partial_cmp(&self, other: &Self) -> Option<std::cmp::Ordering> {
        Some(self.cmp(other))
    }
}
impl<K> Ord for Id<K> {
    fn cmp(&self, other: &Self) -> std::cmp::Ordering {
        self.uuid.cmp(&other.uuid)
    }
}
impl<K> hash::Hash for Id<K> {
    fn hash<H: hash::Hasher>(&self, state: &mut H) {
        self.uuid.hash(state);
    }
}

impl<K: Kind> Serialize for Id<K> {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, K: Kind> Deserialize<'de> for Id<K> {
    fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

impl<K: Kind> JsonSchema for Id<K> {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> std::borrow::Cow<'static, str> {
        K::PREFIX.into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({ "type": "string" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// Vectors from the TypeID specification 0.3, `valid.yml`, under a prefix of ours.
    #[test]
    fn the_text_form_is_that_of_the_typeid_specification() {
        for (suffix, uuid) in [
            (
                "00000000000000000000000000",
                "00000000-0000-0000-0000-000000000000",
            ),
            (
                "00000000000000000000000001",
                "00000000-0000-0000-0000-000000000001",
            ),
            (
                "0000000000000000000000000g",
                "00000000-0000-0000-0000-000000000010",
            ),
            (
                "7zzzzzzzzzzzzzzzzzzzzzzzzz",
                "ffffffff-ffff-ffff-ffff-ffffffffffff",
            ),
            (
                "0123456789abcdefghjkmnpqrs",
                "0110c853-1d09-52d8-d73e-1194e95b5f19",
            ),
            (
                "01h455vb4pex5vsknk084sn02q",
                "01890a5d-ac96-774b-bcce-b302099a8057",
            ),
        ] {
            let id = WorkItemId::from_uuid(uuid.parse().unwrap());
            assert_eq!(id.to_string(), format!("wi_{suffix}"));
            assert_eq!(format!("wi_{suffix}").parse(), Ok(id));
        }
    }

    #[test]
    fn an_identifier_of_another_kind_or_a_damaged_one_is_refused() {
        let trace = TraceId::new(1, [7; 10]).to_string();
        assert!(matches!(
            trace.parse::<WorkItemId>(),
            Err(IdError::Prefix { prefix: "wi", .. })
        ));
        for bad in [
            "tr_",
            "tr_8zzzzzzzzzzzzzzzzzzzzzzzzz",
            "tr_0123456789ABCDEFGHJKMNPQRS",
            "tr_é",
        ] {
            assert!(
                matches!(bad.parse::<TraceId>(), Err(IdError::Suffix { .. })),
                "{bad}"
            );
        }
    }

    proptest! {
        #[test]
        fn text_returns_to_the_same_identifier_and_sorts_alike(a: u128, b: u128) {
            let (a, b) = (TraceId::from_uuid(Uuid::from_u128(a)), TraceId::from_uuid(Uuid::from_u128(b)));
            prop_assert_eq!(a.to_string().parse::<TraceId>().unwrap(), a);
            prop_assert_eq!(a.cmp(&b), a.to_string().cmp(&b.to_string()));
        }
    }
}
