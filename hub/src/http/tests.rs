//! The closure test (`tests/attacks/closure.rs`) knocks at every route in `routes.txt`. These are all there are.

use std::collections::BTreeSet;

use protocol::home::Home;
use tokio::sync::watch;
use trace_store::Ledger;
use vocabulary::WorkspaceId;

use super::*;
use crate::{
    agents::AgentDoor,
    dispatch::Surroundings,
    inbox::{AskingKey, LinkKey},
    news::News,
    serve::store_config,
    workspace::Workspace,
};

const ROUTES: &str = include_str!("routes.txt");

/// What axum calls where everything else comes to.
const FALLBACK: &str = "/{*__private__axum_fallback}";

/// The paths that a router knows, as it shows them when it is debugged: axum has no other list.
fn known(router: &Router) -> BTreeSet<String> {
    let shown = format!("{router:?}");
    let quoted = shown.split('"').skip(1).step_by(2);
    quoted
        .filter(|text| text.starts_with('/') && *text != FALLBACK)
        .map(str::to_owned)
        .collect()
}

#[tokio::test]
async fn every_route_is_one_that_the_closure_test_knocks_at() {
    let folder = tempfile::tempdir().unwrap();
    let id = WorkspaceId::new(1, [1; 10]);
    let open = move |store: &_| Workspace::fold(id, store);
    let ledger = Ledger::open(&folder.path().join("store"), store_config(id), open).unwrap();
    let (links, news) = (LinkKey::derive(&[7; 32]), News::default());
    let site = Site::new("127.0.0.1:1".parse().unwrap(), None, false);
    let closing = watch::Sender::new(false);
    let surroundings = Surroundings {
        inbox: site.url().into(),
        links: links.clone(),
    };
    let home = Home::resolve(Some(folder.path().to_owned()), None, None).unwrap();
    let door = AgentDoor::new(home, ledger.clone(), id, surroundings, news.clone());
    let agents = Agents::new(site.clone(), door, closing.subscribe()).unwrap();
    let inbox = Inbox {
        ledger,
        workspace: id,
        site,
        links,
        asking: AskingKey::from_entropy([8; 32]),
        news,
        closing: closing.subscribe(),
    };
    let listed: BTreeSet<String> = ROUTES.lines().map(str::to_owned).collect();
    assert_eq!(known(&doors(&agents, inbox)), listed);
}
