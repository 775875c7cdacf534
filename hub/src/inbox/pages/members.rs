//! `/members`: who is one, and with what they sign. Who comes in and goes is decided with a passphrase, in the terminal.

use askama::Template;
use axum::{extract::State, response::Response};

use super::{Failure, html};
use crate::inbox::{Inbox, door::Visitor};

#[derive(Debug, Template)]
#[template(path = "members.html")]
struct Page {
    who: String,
    members: Vec<Row>,
}

#[derive(Debug)]
struct Row {
    id: String,
    name: String,
    email: String,
    passkeys: Vec<String>,
    touch_keys: Vec<String>,
    you: bool,
}

pub(in crate::inbox) async fn members(
    State(inbox): State<Inbox>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    let own = visitor.member;
    let members = inbox
        .run(move |workspace, _| {
            let all = workspace.members.all().map(|member| Row {
                id: member.id.to_string(),
                name: member.name.to_string(),
                email: member.email.to_string(),
                passkeys: workspace
                    .members
                    .passkeys_of(member.id)
                    .map(|passkey| passkey.rp_id.clone())
                    .collect(),
                touch_keys: workspace
                    .members
                    .touch_keys_of(member.id)
                    .map(|key| key.fingerprint().to_string())
                    .collect(),
                you: member.id == own,
            });
            all.collect()
        })
        .await?;
    html(&Page {
        who: visitor.name,
        members,
    })
}
