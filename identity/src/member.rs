//! A member: a named human with two public keys.

use std::{fmt, str::FromStr};

use serde::{Deserialize, Serialize};
use vocabulary::{MemberId, joins, misleads, text_form};

use crate::PublicKey;

/// A named human who answers for what is done under their delegations.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Member {
    /// Which.
    pub id: MemberId,
    /// What people call them.
    pub name: PersonName,
    /// Where they are written to.
    pub email: Email,
    /// What they lend with.
    pub delegation_key: PublicKey,
    /// What they decide with.
    pub decision_key: PublicKey,
}

/// A person's name: 1 to 100 characters that are shown as they are read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonName(String);

/// Why a text is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "a name has 1 to {MAX_NAME_CHARS} characters, none of them a line break or one that hides or turns what is read"
)]
pub struct PersonNameError;

/// An address, kept as typed; two that differ only in ASCII case are one.
#[derive(Debug, Clone)]
pub struct Email(String);

/// Why a text is no address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{}` is not an address like alice@example.com, of at most {MAX_EMAIL_BYTES} bytes",
    .0.escape_debug()
)]
pub struct EmailError(String);

const MAX_NAME_CHARS: usize = 100;

/// RFC 5321, section 4.5.3.1.3: a path of 256 octets, less its two brackets.
const MAX_EMAIL_BYTES: usize = 254;

impl FromStr for PersonName {
    type Err = PersonNameError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let name = text.trim();
        let count = name.chars().count();
        let seen = name.chars().any(|c| !c.is_whitespace() && !joins(c));
        if (1..=MAX_NAME_CHARS).contains(&count) && seen && !name.chars().any(misleads) {
            Ok(Self(name.to_owned()))
        } else {
            Err(PersonNameError)
        }
    }
}

impl FromStr for Email {
    type Err = EmailError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let error = || EmailError(text.chars().take(64).collect());
        let (local, domain) = text.split_once('@').ok_or_else(error)?;
        let plain = |c: char| {
            !c.is_whitespace() && !misleads(c) && !joins(c) && !matches!(c, '<' | '>' | '@' | ',' | ';' | '"')
        };
        let whole = !local.is_empty()
            && !domain.is_empty()
            && !domain.starts_with('.')
            && !domain.ends_with('.')
            && text.len() <= MAX_EMAIL_BYTES
            && local.chars().all(plain)
            && domain.chars().all(plain);
        if whole {
            Ok(Self(text.to_owned()))
        } else {
            Err(error())
        }
    }
}

impl PartialEq for Email {
    fn eq(&self, other: &Self) -> bool {
        self.0.eq_ignore_ascii_case(&other.0)
    }
}

impl Eq for Email {}

macro_rules! shown_as_kept {
    ($($name:ident),*) => {$(
        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&self.0)
            }
        }
    )*};
}

shown_as_kept!(PersonName, Email);
text_form!(PersonName, Email);

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn what_is_accepted_reads_back_the_same(name in "(?s).{0,30}", email in "\\PC{1,9}@\\PC{1,9}") {
            if let Ok(name) = name.parse::<PersonName>() {
                prop_assert_eq!(name.to_string().parse(), Ok(name));
            }
            if let Ok(parsed) = email.parse::<Email>() {
                prop_assert_eq!(parsed.to_string(), email);
            }
        }
    }

    #[test]
    fn names_are_shown_as_they_are_read() {
        assert_eq!(
            "  Alice Ångström ".parse::<PersonName>().unwrap().to_string(),
            "Alice Ångström"
        );
        for good in ["李", "O'Brien-Smith", "علی\u{200c}رضا", &"é".repeat(100)] {
            assert_eq!(good.parse::<PersonName>().unwrap().to_string(), good);
        }
        for bad in [
            "",
            "  ",
            "Al\nice",
            "Alice\u{202e}",
            "\u{200b}",
            "\u{200d}",
            "Alice\u{e0042}",
            &"a".repeat(101),
        ] {
            assert_eq!(bad.parse::<PersonName>(), Err(PersonNameError), "{bad:?}");
        }
    }

    #[test]
    fn a_refused_address_is_shown_without_what_it_would_do_to_a_terminal() {
        assert_eq!(
            "a\u{1b}[2J@b".parse::<Email>().unwrap_err().to_string(),
            r"`a\u{1b}[2J@b` is not an address like alice@example.com, of at most 254 bytes"
        );
    }

    #[test]
    fn addresses_have_one_at_sign_and_nothing_that_mail_would_misread() {
        let typed: Email = "Alice@Example.com".parse().unwrap();
        assert_eq!(typed.to_string(), "Alice@Example.com");
        assert_eq!(typed, "alice@example.com".parse().unwrap());
        for bad in [
            "alice",
            "@x",
            "a@",
            "a@b@c",
            "a b@c",
            "<a>@b",
            "a@b\n",
            "a@.b",
            "a@b.",
            "al\u{202e}ice@b",
            "alice@b\u{200d}",
            &format!("{}@b.c", "a".repeat(252)),
        ] {
            assert!(bad.parse::<Email>().is_err(), "{bad}");
        }
    }
}
