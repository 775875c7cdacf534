//! `/d/…`: where the link of a proposal leads. Looking at it spends nothing: what is spent is a challenge, by deciding.

use askama::Template;
use axum::{
    extract::{Path, State},
    http::StatusCode,
    response::{Html, IntoResponse as _, Response},
};
use protocol::{Refusal, RefusalCode};
use vocabulary::WorkItemId;
use work_items::{Proposed, State as Standing};

use super::{Failure, work_item};
use crate::{
    inbox::{Inbox, door::Visitor, links::LINK_TTL},
    records,
};

#[derive(Debug, Template)]
#[template(path = "link.html")]
struct Page {
    who: String,
    heading: &'static str,
    words: String,
    id: WorkItemId,
}

enum Leads {
    Straight(WorkItemId),
    On(WorkItemId, &'static str, String),
    Nowhere,
}

pub(in crate::inbox) async fn link(
    State(inbox): State<Inbox>,
    Path(nonce): Path<String>,
    visitor: Visitor,
) -> Result<Response, Failure> {
    let named = inbox.links.item(&nonce);
    let leads = inbox
        .run(move |workspace, draft| {
            let Some(item) = named.and_then(|id| workspace.work_items.get(id)) else {
                return Leads::Nowhere;
            };
            let (id, proposed) = (item.proposed.id, &item.proposed);
            if item.state != Standing::Proposed {
                let words = match item.decisions.first() {
                    Some(decision) => format!(
                        "{} said so at {}: this work item is {}.",
                        workspace.name_of(decision.member),
                        crate::words::moment(decision.at),
                        item.state
                    ),
                    None => format!("This work item is {}.", item.state),
                };
                Leads::On(id, "This link is spent", words)
            } else if !is_as_proposed(proposed, &item.digest) {
                let words = "What is to be decided is not any more what this link was made for.".to_owned();
                Leads::On(id, "This link is superseded", words)
            } else if draft.now().since(proposed.proposed_at) >= LINK_TTL {
                let words =
                    "A link leads straight to the decision for 15 minutes. Nothing is lost: it still waits.";
                Leads::On(id, "This link has expired", words.to_owned())
            } else {
                Leads::Straight(id)
            }
        })
        .await?;
    match leads {
        Leads::Straight(id) => work_item::shown(&inbox, visitor, id).await,
        Leads::On(id, heading, words) => {
            let page = Page {
                who: visitor.name,
                heading,
                words,
                id,
            };
            Ok((StatusCode::GONE, Html(page.render()?)).into_response())
        }
        Leads::Nowhere => Err(Failure::Refused(Refusal::new(
            RefusalCode::NotFound,
            &"this link leads to nothing that was proposed here",
        ))),
    }
}

/// Whether a decision is still about what was proposed, and nothing more.
fn is_as_proposed(proposed: &Proposed, digest: &identity::Digest) -> bool {
    records::write(proposed).is_ok_and(|bytes| identity::Digest::of_subject(&bytes) == *digest)
}
