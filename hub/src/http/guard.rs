//! What every request passes first.

use axum::{
    extract::{Request, State},
    http::{HeaderMap, StatusCode, header},
    middleware::Next,
    response::{IntoResponse as _, Response},
};

use super::{problem::Problem, site::Site};

/// Turns away what is asked of another host: a name of somebody else's that points here would make this hub's answers
/// readable to that somebody's pages ("DNS rebinding").
pub(super) async fn own_host(State(site): State<Site>, request: Request, next: Next) -> Response {
    match only(request.headers(), &header::HOST) {
        Some(host) if site.answers(host) => next.run(request).await,
        found => {
            let host: String = found.unwrap_or("none, or several").chars().take(120).collect();
            let detail = format!(
                "this hub is {}, and the request names another host: {host}",
                site.url()
            );
            Problem::new(StatusCode::MISDIRECTED_REQUEST, "other_host", detail).into_response()
        }
    }
}

/// The value of a header that stands there once.
pub(crate) fn only<'h>(headers: &'h HeaderMap, name: &header::HeaderName) -> Option<&'h str> {
    let mut values = headers.get_all(name).iter();
    let value = values.next()?.to_str().ok()?;
    values.next().is_none().then_some(value)
}
