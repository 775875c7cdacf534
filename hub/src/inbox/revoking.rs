//! Taking back what was lent: power is taken away more easily than it is given, so being logged in is enough.

use axum::{
    Json,
    extract::{Path, State, rejection::JsonRejection},
    http::StatusCode,
};
use serde::Deserialize;
use vocabulary::DelegationId;

use super::{Inbox, door::Visitor};
use crate::{companion::lending, http::Problem};

/// Why, for the record.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Reason {
    #[serde(default)]
    why: Option<String>,
}

pub(super) async fn revoke(
    State(inbox): State<Inbox>,
    Path(id): Path<DelegationId>,
    visitor: Visitor,
    reason: Result<Json<Reason>, JsonRejection>,
) -> Result<StatusCode, Problem> {
    let Json(reason) = reason.map_err(|error| Problem::unread(&error))?;
    let why = reason.why.filter(|why| !why.trim().is_empty());
    inbox
        .attempt(move |workspace, draft| lending::revoke(workspace, draft, id, why, Some(visitor.member)))
        .await?;
    Ok(StatusCode::NO_CONTENT)
}
