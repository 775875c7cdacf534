//! What every request passes first.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{Extensions, HeaderMap, HeaderValue, StatusCode, header, uri::Authority},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use protocol::{Refusal, RefusalCode};
use vocabulary::shown;

use super::{Agents, problem::Problem};

/// Turns away what is asked of another host: a name of somebody else's that points here would make this hub's answers
/// readable to that somebody's pages ("DNS rebinding"). Who tried is on record.
pub(super) async fn own_host(State(agents): State<Agents>, mut request: Request, next: Next) -> Response {
    let site = agents.site();
    match host(&request) {
        Some(host) if site.answers(host) => {
            // From here on it stands where HTTP/1.1 has it, as RFC 9113, section 8.3.1 asks of who passes a request on.
            if let Ok(named) = HeaderValue::from_str(host) {
                request.headers_mut().insert(header::HOST, named);
            }
            next.run(request).await
        }
        found => {
            let host = shown(found.unwrap_or("none, or several"), 120);
            let message = format!(
                "this hub is {}, and the request names another host: {host}; asked over HTTP from {}",
                site.url(),
                address(request.extensions())
            );
            let refusal = Refusal::new(RefusalCode::OtherHost, &message);
            let refusal = agents.turn_away(refusal, request.headers()).await;
            Problem::new(StatusCode::MISDIRECTED_REQUEST, &refusal.code, refusal.message).into_response()
        }
    }
}

/// The host that a request names: with its target, as HTTP/2 does (`:authority`, RFC 9113, section 8.3.1), or in its one
/// `Host`. Where both stand there they have to be the same (RFC 9112, section 3.2.2).
fn host(request: &Request) -> Option<&str> {
    let named = request.uri().authority().map(Authority::as_str);
    if named.is_some() && !request.headers().contains_key(header::HOST) {
        return named;
    }
    let host = only(request.headers(), &header::HOST)?;
    named
        .is_none_or(|named| named.eq_ignore_ascii_case(host))
        .then_some(host)
}

/// Where a request comes from.
pub(crate) fn address(extensions: &Extensions) -> IpAddr {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |from| {
            from.0.ip().to_canonical()
        })
}

/// Whom an address stands for: with IPv6 whoever has one has 2^64 of them (RFC 4291, section 2.5.1).
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(six) if !six.is_loopback() => {
            let [a, b, c, d, ..] = six.segments();
            IpAddr::V6(Ipv6Addr::new(a, b, c, d, 0, 0, 0, 0))
        }
        other => other,
    }
}

/// The value of a header that stands there once.
pub(crate) fn only<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}

#[cfg(test)]
mod tests {
    use axum::body::Body;

    use super::*;

    #[test]
    fn a_request_names_one_host_wherever_that_stands() {
        let asked = |target: &str, hosts: &[&str]| {
            let mut request = Request::builder().uri(target);
            for host in hosts {
                request = request.header(header::HOST, *host);
            }
            host(&request.body(Body::empty()).unwrap()).map(str::to_owned)
        };
        let own = Some("localhost:1".to_owned());
        assert_eq!(asked("/", &["localhost:1"]), own);
        assert_eq!(asked("https://localhost:1/", &[]), own);
        assert_eq!(
            asked("https://localhost:1/", &["LocalHost:1"]).map(|host| host.to_lowercase()),
            own
        );
        for (target, hosts) in [
            ("/", &[][..]),
            ("/", &["localhost:1", "localhost:1"]),
            ("https://localhost:1/", &["localhost:1", "localhost:1"]),
            ("https://localhost:1/", &["evil.example"]),
            ("https://evil.example/", &["localhost:1"]),
        ] {
            assert_eq!(asked(target, hosts), None, "{target} {hosts:?}");
        }
    }

    #[test]
    fn a_network_of_ipv6_is_one_address() {
        let network = |text: &str| network(text.parse().unwrap());
        assert_eq!(network("2001:db8:1:2::3"), network("2001:db8:1:2:ffff::1"));
        assert_ne!(network("2001:db8:1:2::3"), network("2001:db8:1:3::3"));
        assert_ne!(network("192.0.2.1"), network("192.0.2.2"));
    }
}
