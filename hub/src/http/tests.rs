//! The closure test (`tests/attacks/closure.rs`) knocks at every route in `routes.txt`; these are all there are. And what
//! a test cannot be seen to do from this machine's own address.

use std::{collections::BTreeSet, net::SocketAddr};

use std::sync::Arc;

use axum::{
    body::Body,
    extract::ConnectInfo,
    http::{Request, StatusCode},
};
use protocol::{home::Home, spool::SpoolSecret};
use tokio::sync::watch;
use tower::ServiceExt as _;
use trace_store::Ledger;
use vocabulary::WorkspaceId;

use super::*;
use crate::{
    aftermath::{Aftermath, OwedKey},
    agents::AgentDoor,
    clearing::Clearing,
    dispatch::Surroundings,
    gating::Neighbourhood,
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

/// Everything that is served over HTTP, of a workspace where nothing happened yet.
struct House {
    router: Router,
    ledger: Ledger<Workspace>,
    id: WorkspaceId,
    _folder: tempfile::TempDir,
    _closing: watch::Sender<bool>,
}

fn house() -> House {
    let folder = tempfile::tempdir().unwrap();
    let id = WorkspaceId::new(1, [1; 10]);
    let open = move |store: &_| Workspace::fold(id, store);
    let ledger = Ledger::open(&folder.path().join("store"), store_config(id), open).unwrap();
    let (links, news) = (LinkKey::derive(&[7; 32]), News::default());
    let site = Site::new("127.0.0.1:1".parse().unwrap(), None, false);
    let closing = watch::Sender::new(false);
    let neighbourhood = Arc::new(Neighbourhood::of(
        folder.path(),
        Arc::new(Clearing::derive(&[7; 32])),
    ));
    let (owed, key) = (folder.path().join("owed"), Arc::new(OwedKey::derive(&[7; 32])));
    let aftermath = Aftermath::new(ledger.clone(), Arc::clone(&neighbourhood), owed, key);
    let surroundings = Surroundings {
        inbox: site.url().into(),
        links: links.clone(),
        neighbourhood,
        spool: Arc::new(SpoolSecret::derive(&[7; 32])),
    };
    let home = Home::resolve(Some(folder.path().to_owned()), None, None).unwrap();
    let door = AgentDoor::new(home, ledger.clone(), id, surroundings, news.clone(), aftermath);
    let agents = Agents::new(site.clone(), door, closing.subscribe()).unwrap();
    let inbox = Inbox {
        ledger: ledger.clone(),
        workspace: id,
        site,
        links,
        asking: AskingKey::from_entropy([8; 32]),
        news,
        closing: closing.subscribe(),
    };
    House {
        router: doors(&agents, inbox),
        ledger,
        id,
        _folder: folder,
        _closing: closing,
    }
}

#[tokio::test]
async fn every_route_is_one_that_the_closure_test_knocks_at() {
    let listed: BTreeSet<String> = ROUTES.lines().map(str::to_owned).collect();
    assert_eq!(known(&house().router), listed);
}

#[tokio::test]
async fn an_address_that_asks_without_end_is_told_to_wait_and_recorded_once() {
    let house = house();
    let ask = async |from: [u8; 4]| {
        let request = Request::get("/healthz")
            .header("host", "localhost:1")
            .extension(ConnectInfo(SocketAddr::from((from, 40_000))))
            .body(Body::empty())
            .unwrap();
        house.router.clone().oneshot(request).await.unwrap()
    };
    let (office, other, own) = ([192, 0, 2, 1], [192, 0, 2, 2], [127, 0, 0, 1]);
    let mut refused = 0;
    while refused < 100 {
        let answer = ask(office).await;
        if answer.status() != StatusCode::OK {
            assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
            assert_eq!(answer.headers()["retry-after"], "1");
            refused += 1;
        }
    }
    assert_eq!(ask(other).await.status(), StatusCode::OK);
    assert_eq!(ask(own).await.status(), StatusCode::OK);
    let store = house.ledger.store();
    let chain = trace_store::ChainId::Workspace(house.id);
    assert_eq!(store.head(chain).unwrap().unwrap().next_seq, 1);
}
