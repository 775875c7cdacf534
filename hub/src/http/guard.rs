//! What every request passes first.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

use axum::{
    extract::{ConnectInfo, Request, State},
    http::{Extensions, HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use protocol::{Refusal, RefusalCode};

use super::{Agents, problem::Problem};

/// Turns away what is asked of another host: a name of somebody else's that points here would make this hub's answers
/// readable to that somebody's pages ("DNS rebinding"). Who tried is on record.
pub(super) async fn own_host(State(agents): State<Agents>, request: Request, next: Next) -> Response {
    let site = agents.site();
    match only(request.headers(), &header::HOST) {
        Some(host) if site.answers(host) => next.run(request).await,
        found => {
            let host: String = found.unwrap_or("none, or several").chars().take(120).collect();
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

/// Where a request comes from.
pub(crate) fn address(extensions: &Extensions) -> IpAddr {
    extensions
        .get::<ConnectInfo<SocketAddr>>()
        .map_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED), |from| {
            from.0.ip().to_canonical()
        })
}

/// The value of a header that stands there once.
pub(crate) fn only<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
