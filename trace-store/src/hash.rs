//! The three kinds of 32-byte value that this crate computes, kept apart by type.

use std::{fmt, str::FromStr};

/// A text that is not 64 lower-case hexadecimal digits.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not 64 lower-case hexadecimal digits")]
pub struct HashError(String);

macro_rules! hashes {
    ($($(#[$doc:meta])* $name:ident;)*) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name([u8; 32]);

        impl $name {
            /// The value with these bytes.
            #[must_use]
            pub const fn from_bytes(bytes: [u8; 32]) -> Self {
                Self(bytes)
            }

            /// The bytes.
            #[must_use]
            pub const fn as_bytes(&self) -> &[u8; 32] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = HashError;

            fn from_str(text: &str) -> Result<Self, Self::Err> {
                from_hex(text.as_bytes())
                    .map(Self)
                    .ok_or_else(|| HashError(text.chars().take(80).collect()))
            }
        }

        impl serde::Serialize for $name {
            fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.collect_str(self)
            }
        }

        impl<'de> serde::Deserialize<'de> for $name {
            fn deserialize<D: serde::Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(deserializer)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    )*};
}

hashes! {
    /// BLAKE3 of an entry's canonical bytes under the context of entries.
    EntryHash;
    /// BLAKE3 of a body keyed with its salt: says nothing about the body without the salt.
    Commitment;
    /// RFC 6962 SHA-256 hash of the ledger's Merkle tree, or of one of its nodes.
    TreeHash;
}

impl EntryHash {
    /// What the first entry of a chain has as its previous hash.
    pub const NONE: Self = Self([0; 32]);
}

/// Reads exactly 64 lower-case hexadecimal digits.
#[inline]
pub(crate) fn from_hex(text: &[u8]) -> Option<[u8; 32]> {
    let text: &[u8; 64] = text.try_into().ok()?;
    let mut bytes = [0; 32];
    let mut wrong = 0;
    for (byte, [high, low]) in bytes.iter_mut().zip(text.as_chunks::<2>().0) {
        let (high, low) = (DIGITS[usize::from(*high)], DIGITS[usize::from(*low)]);
        // Valid digits use four bits.
        wrong |= high | low;
        *byte = (high << 4) | (low & 15);
    }
    (wrong < 16).then_some(bytes)
}

/// The value of each lower-case hexadecimal digit, and 255 for what is none.
const DIGITS: [u8; 256] = {
    let mut table = [255; 256];
    let alphabet = b"0123456789abcdef";
    let mut value = 0;
    while value < 16 {
        table[alphabet[value as usize] as usize] = value;
        value += 1;
    }
    table
};

/// The 64 lower-case hexadecimal digits of these bytes, appended.
pub(crate) fn push_hex(out: &mut Vec<u8>, bytes: &[u8; 32]) {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    for byte in bytes {
        out.push(DIGITS[usize::from(byte >> 4)]);
        out.push(DIGITS[usize::from(byte & 15)]);
    }
}
