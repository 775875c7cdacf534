//! The names under which this hub is asked.

use std::{fmt, net::SocketAddr, str::FromStr, sync::Arc};

use axum::http::Uri;

/// The host name of a hub that only its own machine reaches. Passkeys are made for names, never for addresses.
const OWN_MACHINE: &str = "localhost";

/// The address under which people and agents elsewhere reach a hub: `https://otter.example.com`, and nothing behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PublicUrl {
    scheme: Scheme,
    host: String,
    port: Option<u16>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scheme {
    Http,
    Https,
}

/// Why a text is no public address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum PublicUrlError {
    /// It is no address at all, or says more than where.
    #[error("`{0}` is no address like https://otter.example.com, with nothing behind it")]
    Form(String),
    /// Tokens would travel in the clear.
    #[error("`{0}` is not https, and tokens would travel in the clear; only http://localhost may do without")]
    InTheClear(String),
}

impl PublicUrl {
    /// The host's name, for which passkeys are made.
    #[must_use]
    pub fn host(&self) -> &str {
        &self.host
    }

    /// Whether it names whatever machine it is read on.
    #[must_use]
    pub fn is_own_machine(&self) -> bool {
        self.host == OWN_MACHINE
    }

    /// Whether what travels there is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.scheme == Scheme::Https
    }

    fn authority(&self) -> String {
        match self.port {
            Some(port) => format!("{}:{port}", self.host),
            None => self.host.clone(),
        }
    }
}

impl fmt::Display for PublicUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let scheme = match self.scheme {
            Scheme::Http => "http",
            Scheme::Https => "https",
        };
        write!(f, "{scheme}://{}", self.authority())
    }
}

impl FromStr for PublicUrl {
    type Err = PublicUrlError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let form = || PublicUrlError::Form(text.chars().take(120).collect());
        let uri: Uri = text.parse().map_err(|_| form())?;
        let authority = uri.authority().ok_or_else(form)?;
        let bare = matches!(uri.path(), "" | "/") && uri.query().is_none() && !text.contains('#');
        let host = authority.host().to_ascii_lowercase();
        let named = !host.is_empty()
            && host
                .bytes()
                .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.'));
        if !bare || !named || authority.as_str().contains('@') {
            return Err(form());
        }
        let (scheme, usual) = match uri.scheme_str() {
            Some("https") => (Scheme::Https, 443),
            Some("http") if host == OWN_MACHINE => (Scheme::Http, 80),
            Some("http") => return Err(PublicUrlError::InTheClear(text.chars().take(120).collect())),
            _ => return Err(form()),
        };
        Ok(Self {
            scheme,
            host,
            port: authority.port_u16().filter(|port| *port != usual),
        })
    }
}

/// The names of this hub: the one that it calls itself by, and those under which it answers.
#[derive(Debug, Clone)]
pub struct Site(Arc<Names>);

#[derive(Debug)]
struct Names {
    own: PublicUrl,
    hosts: Vec<String>,
    origins: Vec<String>,
}

impl Site {
    /// Of a hub that listens here and is reached at `public`, or on its own machine only.
    #[must_use]
    pub fn new(listening: SocketAddr, public: Option<PublicUrl>, encrypted: bool) -> Self {
        let port = listening.port();
        let local = PublicUrl {
            scheme: if encrypted { Scheme::Https } else { Scheme::Http },
            host: OWN_MACHINE.to_owned(),
            port: Some(port),
        };
        let mut hosts = vec![
            local.authority(),
            format!("127.0.0.1:{port}"),
            format!("[::1]:{port}"),
        ];
        let scheme = if encrypted { "https" } else { "http" };
        let mut origins: Vec<String> = hosts.iter().map(|host| format!("{scheme}://{host}")).collect();
        if let Some(public) = &public {
            hosts.push(public.authority());
            origins.push(public.to_string());
        }
        let own = public.unwrap_or(local);
        Self(Arc::new(Names { own, hosts, origins }))
    }

    /// The address that the hub gives away, without a trailing slash: also the origin of its pages.
    #[must_use]
    pub fn url(&self) -> String {
        self.0.own.to_string()
    }

    /// The host's name, for which passkeys are made.
    #[must_use]
    pub fn host(&self) -> &str {
        self.0.own.host()
    }

    /// Whether what travels there is encrypted.
    #[must_use]
    pub fn is_encrypted(&self) -> bool {
        self.0.own.is_encrypted()
    }

    /// Whether its name is that of whatever machine it is read on.
    #[must_use]
    pub fn is_own_machine(&self) -> bool {
        self.0.own.is_own_machine()
    }

    /// Whether a request to this host and port is one to this hub.
    pub(crate) fn answers(&self, host: &str) -> bool {
        self.0.hosts.iter().any(|own| own.eq_ignore_ascii_case(host))
    }

    /// The names under which the hub answers, each with its port where it has one.
    pub(crate) fn hosts(&self) -> Vec<String> {
        self.0.hosts.clone()
    }

    /// Whether a page of this origin is one of this hub's own.
    pub(crate) fn is_own_origin(&self, origin: &str) -> bool {
        self.0.origins.iter().any(|own| own.eq_ignore_ascii_case(origin))
    }

    /// Whether a request is one to the address that the hub gives away: its pages have no other.
    pub(crate) fn is_own(&self, host: &str) -> bool {
        self.0.own.authority().eq_ignore_ascii_case(host)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_public_address_says_where_and_nothing_more() {
        for (text, shown) in [
            ("https://otter.example.com", "https://otter.example.com"),
            ("https://Otter.Example.com/", "https://otter.example.com"),
            ("https://otter.example.com:443", "https://otter.example.com"),
            ("https://otter.example.com:8443", "https://otter.example.com:8443"),
            ("http://localhost:7687", "http://localhost:7687"),
        ] {
            assert_eq!(text.parse::<PublicUrl>().unwrap().to_string(), shown);
        }
        for text in [
            "otter.example.com",
            "https://",
            "https://otter.example.com/inbox",
            "https://otter.example.com?x=1",
            "https://otter.example.com#top",
            "https://alice@otter.example.com",
            "https://[::1]",
            "ftp://otter.example.com",
        ] {
            let refused = text.parse::<PublicUrl>().unwrap_err();
            assert!(matches!(refused, PublicUrlError::Form(_)), "{text}: {refused}");
        }
        let clear = "http://otter.example.com".parse::<PublicUrl>().unwrap_err();
        assert!(matches!(clear, PublicUrlError::InTheClear(_)));
    }

    #[test]
    fn a_hub_answers_to_its_own_names_and_gives_away_one() {
        let site = Site::new("127.0.0.1:7687".parse().unwrap(), None, false);
        assert_eq!(site.url(), "http://localhost:7687");
        for host in ["localhost:7687", "127.0.0.1:7687", "[::1]:7687", "LOCALHOST:7687"] {
            assert!(site.answers(host), "{host}");
        }
        for host in ["localhost", "localhost:80", "evil.example:7687", "127.0.0.1", ""] {
            assert!(!site.answers(host), "{host}");
        }
        assert!(site.is_own("localhost:7687") && !site.is_own("127.0.0.1:7687"));
        assert!(site.is_own_machine());
        let public = "https://otter.example.com".parse().unwrap();
        let site = Site::new("10.0.0.1:7687".parse().unwrap(), Some(public), false);
        assert_eq!(
            (site.url().as_str(), site.host()),
            ("https://otter.example.com", "otter.example.com")
        );
        assert!(site.is_own("otter.example.com") && site.is_encrypted() && !site.is_own_machine());
    }
}
