//! `/delegations`: what is lent, with a button that takes it back.

use askama::Template;
use axum::{extract::State, response::Response};
use vocabulary::Timestamp;

use super::{Failure, Moment, html};
use crate::{
    companion::{DelegationRow, lending},
    inbox::{Inbox, door::Visitor},
};

/// How many of those that are lent no more stand on the page.
const PAST: usize = 50;

/// How much of a reason is shown, in characters.
const WHY_CHARS: usize = 500;

#[derive(Debug, Template)]
#[template(path = "delegations.html")]
struct Page {
    who: String,
    lent: Vec<Row>,
    past: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    id: String,
    lent_by: String,
    agent: String,
    verbs: String,
    repositories: String,
    paths: String,
    risk: String,
    since: Moment,
    until: String,
    state: String,
    why: Option<String>,
}

pub(in crate::inbox) async fn delegations(
    State(inbox): State<Inbox>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    let (rows, now) = inbox
        .run(|workspace, draft| (lending::rows(workspace, draft.now()), draft.now()))
        .await?;
    let (lent, past): (Vec<_>, Vec<_>) = rows.into_iter().rev().partition(|row| row.state == "lent");
    html(&Page {
        who: visitor.name,
        lent: lent.into_iter().map(|row| shown(row, now)).collect(),
        past: past.into_iter().take(PAST).map(|row| shown(row, now)).collect(),
    })
}

fn shown(row: DelegationRow, now: Timestamp) -> Row {
    Row {
        id: row.id.to_string(),
        lent_by: row.lent_by,
        agent: row.agent,
        verbs: row.verbs.join(", "),
        repositories: row.repositories.join(", "),
        paths: row.paths.join(", "),
        risk: row.risk_ceiling.to_string(),
        since: Moment::new(row.granted_at, now),
        until: crate::words::moment(row.expires_at),
        state: row.state,
        why: row.why.map(|why| vocabulary::shown(&why, WHY_CHARS)),
    }
}
