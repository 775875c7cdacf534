//! What pages are made of beside their text. Files of the hub's own, so that nothing is loaded from elsewhere.

use axum::{
    Router,
    http::{HeaderName, header},
    routing::get,
};

const STYLE: &str = include_str!("../../assets/otter.css");
const SCRIPT: &str = include_str!("../../assets/otter.js");
const ICON: &str = include_str!("../../assets/otter.svg");

/// They may change with each release: a browser asks whether they did.
pub(super) fn routes() -> Router {
    Router::new()
        .route(
            "/assets/otter.css",
            get(|| async { of("text/css; charset=utf-8", STYLE) }),
        )
        .route(
            "/assets/otter.js",
            get(|| async { of("text/javascript; charset=utf-8", SCRIPT) }),
        )
        .route("/assets/otter.svg", get(|| async { of("image/svg+xml", ICON) }))
}

type Asset = ([(HeaderName, &'static str); 3], &'static str);

const fn of(kind: &'static str, text: &'static str) -> Asset {
    let headers = [
        (header::CONTENT_TYPE, kind),
        (header::CACHE_CONTROL, "no-cache"),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    ];
    (headers, text)
}
