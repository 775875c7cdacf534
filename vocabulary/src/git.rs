//! Objects of git, as names: nothing here looks into a repository.

use std::{fmt, str::FromStr};

use crate::{shown, text_form};

/// A commit or a tree of git by its full name: 40 hexadecimal digits in lower case, or 64 where the repository uses SHA-256
/// (gitformat-hash-function-transition(5)). A shortened name may come to mean another object, so none is taken.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct GitObject(Name);

#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
enum Name {
    Sha1([u8; 20]),
    Sha256([u8; 32]),
}

/// A text that names no object of git.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is no full name of a git object; write its 40 or 64 hexadecimal digits, as git rev-parse prints them"
)]
pub struct GitObjectError(String);

impl FromStr for GitObject {
    type Err = GitObjectError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let digits = |b: u8| matches!(b, b'0'..=b'9' | b'a'..=b'f');
        let (mut sha1, mut sha256) = ([0; 20], [0; 32]);
        if !text.bytes().all(digits) {
            Err(GitObjectError(shown(text, 72)))
        } else if hex::decode_to_slice(text, &mut sha1).is_ok() {
            Ok(Self(Name::Sha1(sha1)))
        } else if hex::decode_to_slice(text, &mut sha256).is_ok() {
            Ok(Self(Name::Sha256(sha256)))
        } else {
            Err(GitObjectError(shown(text, 72)))
        }
    }
}

impl fmt::Display for GitObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&match &self.0 {
            Name::Sha1(name) => hex::encode(name),
            Name::Sha256(name) => hex::encode(name),
        })
    }
}

impl fmt::Debug for GitObject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

text_form!(GitObject);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_full_name_in_its_one_form_names_an_object() {
        for good in ["0123456789abcdef0123456789abcdef01234567", &"ab".repeat(32)] {
            assert_eq!(good.parse::<GitObject>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "HEAD",
            "0123456",
            &"A".repeat(40),
            &"a".repeat(41),
            &"g".repeat(40),
            &"é".repeat(20),
        ] {
            assert!(bad.parse::<GitObject>().is_err(), "{bad}");
        }
    }
}
