//! Codex.

use serde_json::{Value, json};
use testkit::{
    clients::{Codex, Session},
    export::Export,
};

use crate::story::{self, Expected, Lent};

/// Codex names its session in its events and with each call; the turn's id only with each call.
fn expected(codex: &Codex, lent: &Lent, session: &Session) -> Expected<'static> {
    let started = session.events_where(|event| event["type"] == "thread.started");
    let thread = &started.first().unwrap()["thread_id"];
    let export = Export::of_the_only_trace(&lent.home);
    let turn: &Value = &export.of_kind("tool.called").first().unwrap().body["client"]["turn_id"];
    assert!(turn.is_string(), "{turn}");
    Expected {
        via: "codex-mcp-client",
        version: codex.version(&lent.home),
        call_id: |turn| format!("call_scripted_{turn}"),
        client: Some(json!({ "session_id": thread, "turn_id": turn, "model": "scripted" })),
    }
}

#[test]
fn what_codex_does_is_told_by_the_ledger() {
    let Some(codex) = Codex::installed() else { return };
    let lent = Lent::to("codex");
    let model = story::proposes_and_is_denied();
    let session = codex.work(&lent.home, &model, "Fix the password reset bug");
    assert_eq!(session.ran.code, Some(0), "{session:#?}");
    story::is_told_by_the_ledger(&lent, &model, &expected(&codex, &lent, &session));
}

#[test]
fn codex_whose_delegation_is_revoked_is_denied_its_next_call() {
    let Some(codex) = Codex::installed() else { return };
    let lent = Lent::to("codex");
    let model = story::is_revoked_between_two_calls(&lent);
    let session = codex.work(&lent.home, &model, "Fix the password reset bug");
    assert_eq!(session.ran.code, Some(0), "{session:#?}");
    story::nothing_follows_the_revocation(&lent, &model, &expected(&codex, &lent, &session));
}
