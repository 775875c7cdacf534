//! What is wrong with a request, for programs (RFC 9457).

use axum::{
    Json,
    extract::rejection::JsonRejection,
    http::{HeaderValue, StatusCode, Uri, header},
    response::{IntoResponse, Response},
};
use protocol::{Refusal, RefusalCode};
use serde::Serialize;

/// A problem, answered in place of what was asked for.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Problem {
    #[serde(skip)]
    status: StatusCode,
    /// The reason, as a stable code: `about:blank` problems are told apart by it.
    code: String,
    title: &'static str,
    detail: String,
}

impl Problem {
    pub(crate) fn new(status: StatusCode, code: &str, detail: String) -> Self {
        Self {
            status,
            code: code.to_owned(),
            title: status.canonical_reason().unwrap_or("Refused"),
            detail,
        }
    }
}

impl Problem {
    /// The answer itself, boxed, as those hand it on who answer with something else where all is well.
    pub(crate) fn boxed(self) -> Box<Response> {
        Box::new(self.into_response())
    }

    /// Its status.
    pub(crate) const fn status(&self) -> StatusCode {
        self.status
    }

    /// A refusal, as HTTP says it.
    pub(crate) fn of(refusal: &Refusal) -> Self {
        let known = |code| refusal.is(code);
        let status = if known(RefusalCode::NotFound) {
            StatusCode::NOT_FOUND
        } else if known(RefusalCode::MalformedArguments) {
            StatusCode::UNPROCESSABLE_ENTITY
        } else if known(RefusalCode::DecisionUnproved) || known(RefusalCode::LoginRefused) {
            StatusCode::FORBIDDEN
        } else if known(RefusalCode::NotRecorded) || known(RefusalCode::StoreRefused) {
            StatusCode::SERVICE_UNAVAILABLE
        } else if known(RefusalCode::NoEntropy) || known(RefusalCode::NotExpressible) {
            StatusCode::INTERNAL_SERVER_ERROR
        } else {
            StatusCode::CONFLICT
        };
        Self::new(status, &refusal.code, refusal.message.clone())
    }

    /// What was sent is not what is read here.
    pub(crate) fn unread(rejection: &JsonRejection) -> Self {
        Self::new(rejection.status(), "malformed_arguments", rejection.body_text())
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let status = self.status;
        let mut response = (status, Json(self)).into_response();
        response.headers_mut().insert(
            header::CONTENT_TYPE,
            HeaderValue::from_static("application/problem+json"),
        );
        response
    }
}

/// For whatever no door answers.
pub(super) async fn not_found(uri: Uri) -> Problem {
    let path: String = uri.path().chars().take(200).collect();
    Problem::new(
        StatusCode::NOT_FOUND,
        "not_found",
        format!("there is nothing at {path}"),
    )
}
