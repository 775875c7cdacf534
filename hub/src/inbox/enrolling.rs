//! Making a passkey for this hub. It counts once its owner's key has signed it, and that key is not here: the page shows
//! what to sign, and takes what was signed.

use axum::{
    Json,
    extract::{State, rejection::JsonRejection},
    http::StatusCode,
    response::Response,
};
use identity::SignedEnrolment;

use super::{
    Inbox,
    pages::{EnrolPage, Failure, html},
};
use crate::{decisions, http::Problem};

pub(super) async fn page(State(inbox): State<Inbox>) -> Result<Response, Failure> {
    html(&EnrolPage {
        workspace: inbox.workspace.to_string(),
        host: inbox.site.host().to_owned(),
    })
}

pub(super) async fn enrol(
    State(inbox): State<Inbox>,
    signed: Result<Json<SignedEnrolment>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let Json(signed) = signed.map_err(|error| Problem::unread(&error))?;
    inbox
        .attempt(move |workspace, draft| decisions::enrol(workspace, draft, &signed))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
