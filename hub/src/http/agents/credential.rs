//! Reading what a request shows.

use axum::http::{HeaderMap, header};
use delegation::{Bearer, Denial};

use crate::http::guard::only;

/// What a request shows of itself.
#[derive(Debug)]
pub(super) enum Credential<'h> {
    /// Nothing.
    None,
    /// A session token and maybe its key, as `Authorization: Bearer ...` (RFC 6750, section 2.1).
    Bearer(&'h str),
    /// Something of another scheme.
    OtherScheme,
    /// Several, or none that can be read.
    Malformed,
}

impl<'h> Credential<'h> {
    pub(super) fn of(headers: &'h HeaderMap) -> Self {
        if !headers.contains_key(header::AUTHORIZATION) {
            return Self::None;
        }
        let Some(text) = only(headers, &header::AUTHORIZATION) else {
            return Self::Malformed;
        };
        let (scheme, shown) = text.split_once(' ').unwrap_or((text, ""));
        if !scheme.eq_ignore_ascii_case("bearer") {
            return Self::OtherScheme;
        }
        match shown.trim() {
            "" => Self::Malformed,
            shown => Self::Bearer(shown),
        }
    }
}

/// The token in what was shown, for the record of one who is turned away before anybody looks closer.
pub(super) fn token_in(headers: &HeaderMap) -> String {
    match Credential::of(headers) {
        Credential::Bearer(text) => match Bearer::parse(text) {
            Ok(bearer) => bearer.token,
            Err(Denial::TokenTooLarge { .. }) => String::new(),
            // Whatever it is, a key may stand behind the point.
            Err(_) => text.split('.').next().unwrap_or_default().to_owned(),
        },
        Credential::None | Credential::OtherScheme | Credential::Malformed => String::new(),
    }
}
