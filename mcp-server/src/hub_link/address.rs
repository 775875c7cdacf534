//! Where a hub on another machine is.

use std::{fmt, net::IpAddr, str::FromStr};

use hyper::Uri;
use hyper::http::uri::{Authority, Scheme};

/// The address of a hub elsewhere, as `https://otter.example.com`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HubAddress {
    scheme: Scheme,
    authority: Authority,
}

/// A text is no address of a hub.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum HubAddressError {
    /// It is no address at all, or says more than where.
    #[error("`{0}` is no hub's address like https://otter.example.com, with nothing behind it")]
    Form(String),
    /// What is sent could be read on the way.
    #[error(
        "`{0}` is not https, and what is sent could be read on the way; only this machine itself may do without"
    )]
    InTheClear(String),
}

impl HubAddress {
    /// The address of one path there.
    pub(super) fn at(&self, path: &'static str) -> Result<Uri, hyper::http::Error> {
        Uri::builder()
            .scheme(self.scheme.clone())
            .authority(self.authority.clone())
            .path_and_query(path)
            .build()
    }
}

impl fmt::Display for HubAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.authority)
    }
}

impl FromStr for HubAddress {
    type Err = HubAddressError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let shown = || text.chars().take(120).collect();
        let parts = text
            .parse::<Uri>()
            .map_err(|_| HubAddressError::Form(shown()))?
            .into_parts();
        let bare = parts.path_and_query.is_none_or(|path| path == "/") && !text.contains('#');
        let (Some(scheme), Some(authority), true) = (parts.scheme, parts.authority, bare) else {
            return Err(HubAddressError::Form(shown()));
        };
        if authority.as_str().contains('@') || authority.host().is_empty() {
            return Err(HubAddressError::Form(shown()));
        }
        if scheme == Scheme::HTTP {
            if !is_this_machine(authority.host()) {
                return Err(HubAddressError::InTheClear(shown()));
            }
        } else if scheme != Scheme::HTTPS {
            return Err(HubAddressError::Form(shown()));
        }
        Ok(Self { scheme, authority })
    }
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    host.eq_ignore_ascii_case("localhost") || bare.parse::<IpAddr>().is_ok_and(|ip| ip.is_loopback())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_asked_in_the_clear() {
        for text in [
            "https://otter.example.com",
            "https://10.0.0.1:7687",
            "http://localhost:7687",
            "http://127.0.0.1:7687",
            "http://[::1]:7687",
        ] {
            let address: HubAddress = text.parse().unwrap();
            assert_eq!(address.to_string(), text);
        }
        for text in [
            "http://otter.example.com",
            "http://10.0.0.1:7687",
            "http://localhost.evil.example",
        ] {
            let refused = text.parse::<HubAddress>().unwrap_err();
            assert!(matches!(refused, HubAddressError::InTheClear(_)), "{text}");
        }
        for text in [
            "otter.example.com",
            "https://",
            "https://otter.example.com/hub",
            "https://otter.example.com?x",
            "https://alice@otter.example.com",
            "ftp://otter.example.com",
            "",
        ] {
            let refused = text.parse::<HubAddress>().unwrap_err();
            assert!(matches!(refused, HubAddressError::Form(_)), "{text}");
        }
    }
}
