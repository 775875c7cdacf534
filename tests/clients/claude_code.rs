//! Claude Code.

use testkit::clients::{ClaudeCode, Wire};

use crate::story::{self, Expected, Lent};

fn expected(claude: &ClaudeCode, lent: &Lent) -> Expected<'static> {
    Expected {
        via: "claude-code",
        version: claude.version(&lent.home),
        call_id: |turn| format!("toolu_scripted_{turn}"),
        client: None,
    }
}

#[test]
fn what_claude_code_does_is_told_by_the_ledger() {
    let Some(claude) = ClaudeCode::installed() else {
        return;
    };
    let lent = Lent::to("claude-code");
    let model = story::proposes_and_is_denied();
    let session = claude.work(&lent.home, &model, "Fix the password reset bug");
    assert_eq!(session.ran.code, Some(0), "{session:#?}");
    story::is_told_by_the_ledger(&lent, &model, &expected(&claude, &lent));
    // It waits for the server to end, so that the end is on record.
    assert_eq!(
        story::holding_export(&lent.home).kinds().last(),
        Some(&"session.closed")
    );
}

#[test]
fn claude_code_whose_delegation_is_revoked_is_denied_its_next_call() {
    let Some(claude) = ClaudeCode::installed() else {
        return;
    };
    let lent = Lent::to("claude-code");
    let model = story::is_revoked_between_two_calls(&lent);
    let session = claude.work(&lent.home, &model, "Fix the password reset bug");
    assert_eq!(session.ran.code, Some(0), "{session:#?}");
    story::nothing_follows_the_revocation(&lent, &model, &expected(&claude, &lent));
}

#[test]
fn claude_code_needs_no_initialize() {
    let Some(claude) = ClaudeCode::installed() else {
        return;
    };
    let lent = Lent::to("claude-code");
    let (wire, model) = (Wire::tap(&lent.home), story::proposes_and_is_denied());
    let claude = claude.through(&wire);
    let session = claude.work(&lent.home, &model, "Fix the password reset bug");
    let sent = wire.sent();
    assert!(
        sent.iter().all(|message| message["method"] != "initialize"),
        "{sent:#?}"
    );
    for message in sent.iter().filter(|message| message["method"] == "tools/call") {
        assert_eq!(
            message["params"]["_meta"]["io.modelcontextprotocol/protocolVersion"],
            "2026-07-28"
        );
    }
    assert_eq!(session.ran.code, Some(0), "{session:#?}");
    story::is_told_by_the_ledger(&lent, &model, &expected(&claude, &lent));
}

#[test]
fn claude_code_may_begin_with_initialize() {
    let Some(claude) = ClaudeCode::installed() else {
        return;
    };
    let lent = Lent::to("claude-code");
    let (wire, model) = (Wire::tap(&lent.home), story::proposes_and_is_denied());
    let claude = claude.with_initialize().through(&wire);
    let session = claude.work(&lent.home, &model, "Fix the password reset bug");
    let answered = wire.answered();
    assert_eq!(
        answered.first().unwrap()["result"]["protocolVersion"],
        "2025-11-25",
        "{answered:#?}"
    );
    assert_eq!(session.ran.code, Some(0), "{session:#?}");
    story::is_told_by_the_ledger(&lent, &model, &expected(&claude, &lent));
}
