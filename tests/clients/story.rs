//! What the scripted model does in every client, and what the ledger must say of it afterwards.

use serde_json::{Value, json};
use testkit::{
    Home, ScriptedModel, Step,
    clients::SERVER,
    export::{Export, Exported},
    program,
    scripted_model::ToolResult,
};

use crate::alice;

const NOTE: &str = "The host name is read once at start; it must be read per mail.";

/// Who was lent what.
#[derive(Debug)]
pub(crate) struct Lent {
    pub(crate) home: Home,
    pub(crate) agent: &'static str,
    pub(crate) delegation: String,
}

impl Lent {
    pub(crate) fn to(agent: &'static str) -> Self {
        let home = alice::settles();
        let delegation = alice::lends(&home, agent);
        Self {
            home,
            agent,
            delegation,
        }
    }
}

/// How a client shows itself in the ledger.
#[derive(Debug)]
pub(crate) struct Expected<'a> {
    /// What it calls itself.
    pub(crate) via: &'a str,
    pub(crate) version: String,
    /// The model's id for its call at this turn.
    pub(crate) call_id: fn(usize) -> String,
    /// What it says of its session and turn with each call.
    pub(crate) client: Option<Value>,
}

fn proposal() -> Value {
    json!({
        "title": "Fix the password reset bug",
        "description": "The reset link is sent with the old host name.",
        "repository": "acme/shop",
        "paths": ["src/reset/mail.rs"],
    })
}

fn out_of_scope() -> Value {
    json!({ "title": "Rotate the deploy keys", "repository": "acme/shop", "paths": ["infra/keys.tf"] })
}

fn the_item(seen: &[ToolResult]) -> Value {
    seen.first().unwrap().json()["id"].clone()
}

/// A session in which an agent proposes, notes, reads back, verifies, and tries what it was not lent.
pub(crate) fn proposes_and_is_denied() -> ScriptedModel {
    ScriptedModel::start(
        SERVER,
        vec![
            Step::call("propose_work_item", proposal()),
            Step::call_with(
                "append_trace_note",
                |seen| json!({ "text": NOTE, "refs": [the_item(seen)] }),
            ),
            Step::call_with("get_work_item", |seen| json!({ "id": the_item(seen) })),
            Step::call("read_trace", json!({})),
            Step::call("verify_trace", json!({})),
            Step::call("propose_work_item", out_of_scope()),
            Step::say("I proposed the fix, and was not lent the deploy keys."),
        ],
    )
}

/// Asserts on all that the session left behind.
pub(crate) fn is_told_by_the_ledger(lent: &Lent, model: &ScriptedModel, expected: &Expected<'_>) {
    let results = model.results();
    let [proposed, noted, got, read, verified, denied] = results.as_slice() else {
        panic!("the model should have seen six answers: {results:#?}");
    };
    let item = &proposed.json();
    assert_eq!(
        (&item["type"], &item["risk"], &item["state"]),
        (&json!("bug"), &json!("low"), &json!("proposed"))
    );
    assert!(
        item["approval_url"]
            .as_str()
            .unwrap()
            .starts_with("http://localhost:7687/d/"),
        "{item}"
    );
    assert_eq!(got.json()["title"], proposal()["title"]);
    assert_eq!(verified.json()["holds"], true);
    let kinds_read: Vec<Value> = read.json()["entries"]
        .as_array()
        .unwrap()
        .iter()
        .map(|entry| entry["kind"].clone())
        .collect();
    assert!(kinds_read.contains(&json!("note.appended")), "{kinds_read:?}");
    // What an agent can act on: what was not lent, and what its human could type.
    for part in [
        "path_not_lent",
        "infra/keys.tf",
        "src/**",
        "Alice",
        &format!("auditotter delegate --agent {}", lent.agent),
    ] {
        assert!(denied.text.contains(part), "`{part}` is missing: {}", denied.text);
    }

    let export = holding_export(&lent.home);
    let mut kinds = export.kinds();
    // Told at the very end; a client may kill the server before it can.
    kinds.pop_if(|last| *last == "session.closed");
    assert_eq!(
        kinds,
        [
            "session.opened",
            "tool.called",
            "tool.returned",
            "tool.called",
            "note.appended",
            "tool.returned",
            "tool.called",
            "tool.returned",
            "tool.called",
            "tool.returned",
            "tool.called",
            "tool.returned",
            "tool.called",
            "tool.denied",
        ]
    );
    everything_is_attributed(&export, lent, expected);

    let called = [
        ("propose_work_item", proposal()),
        ("append_trace_note", json!({ "text": NOTE, "refs": [item["id"]] })),
        ("get_work_item", json!({ "id": item["id"] })),
        ("read_trace", json!({})),
        ("verify_trace", json!({})),
        ("propose_work_item", out_of_scope()),
    ];
    for (turn, (entry, (tool, arguments))) in export.of_kind("tool.called").iter().zip(called).enumerate() {
        let mut said = json!({ "tool": tool, "arguments": arguments });
        if let Some(client) = &expected.client {
            said["client"] = client.clone();
        }
        assert_eq!(entry.body, said);
        assert_eq!(entry.entry["refs"]["call"], (expected.call_id)(turn));
    }
    // The model was shown what the ledger keeps, word for word.
    let kept: Vec<&Value> = export
        .of_kind("tool.returned")
        .iter()
        .map(|entry| &entry.body["returned"])
        .collect();
    let shown: Vec<Value> = [proposed, noted, got, read, verified]
        .map(ToolResult::json)
        .into();
    assert_eq!(kept, shown.iter().collect::<Vec<_>>());
    assert_eq!(
        export.of_kind("note.appended").first().unwrap().body,
        json!({ "text": NOTE, "refs": [item["id"]] })
    );
    let refusal = &export.of_kind("tool.denied").first().unwrap().body["denied"];
    assert_eq!(refusal["code"], "path_not_lent");
    assert!(
        denied.text.contains(refusal["message"].as_str().unwrap()),
        "{refusal}"
    );

    let in_workspace: Vec<&Exported> = export
        .context
        .iter()
        .filter(|entry| entry.kind == "work_item.proposed")
        .collect();
    let [proposal] = in_workspace.as_slice() else {
        panic!("one proposal should stand in the workspace's chain: {in_workspace:#?}");
    };
    assert_eq!(proposal.entry["refs"]["work_item"], item["id"]);
    assert_eq!(proposal.entry["delegation"], lent.delegation.as_str());
}

/// A session whose delegation Alice takes back between the first call and the second.
pub(crate) fn is_revoked_between_two_calls(lent: &Lent) -> ScriptedModel {
    let revoke = lent
        .home
        .auditotter(&["revoke", &lent.delegation, "--why", "it is going astray"]);
    ScriptedModel::start(
        SERVER,
        vec![
            Step::call("propose_work_item", proposal()),
            Step::call_with("append_trace_note", move |_| {
                let _ = program::run(revoke).expect_success();
                json!({ "text": "After the revocation." })
            }),
            Step::call("read_trace", json!({})),
            Step::say("I was stopped."),
        ],
    )
}

/// Asserts that nothing went through after the revocation, and that the attempts are on record.
pub(crate) fn nothing_follows_the_revocation(lent: &Lent, model: &ScriptedModel, expected: &Expected<'_>) {
    let results = model.results();
    let [proposed, note, read] = results.as_slice() else {
        panic!("the model should have seen three answers: {results:#?}");
    };
    assert_eq!(proposed.json()["state"], "proposed");
    for refused in [note, read] {
        for part in ["delegation_revoked", &lent.delegation, "Alice"] {
            assert!(
                refused.text.contains(part),
                "`{part}` is missing: {}",
                refused.text
            );
        }
    }
    let export = holding_export(&lent.home);
    let mut kinds = export.kinds();
    kinds.pop_if(|last| *last == "session.closed");
    assert_eq!(
        kinds,
        [
            "session.opened",
            "tool.called",
            "tool.returned",
            "tool.called",
            "tool.denied",
            "tool.called",
            "tool.denied",
        ]
    );
    everything_is_attributed(&export, lent, expected);
    for denied in export.of_kind("tool.denied") {
        assert_eq!(denied.body["denied"]["code"], "delegation_revoked");
    }
    let revoked = export
        .context
        .iter()
        .find(|entry| entry.kind == "delegation.revoked")
        .unwrap();
    assert_eq!(
        revoked.body,
        json!({ "delegation": lent.delegation, "why": "it is going astray" })
    );
}

/// The only trace's export, which two programs that share no code say holds.
pub(crate) fn holding_export(home: &Home) -> Export {
    let export = Export::of_the_only_trace(home);
    let ours = export.verified_by_us().expect_success();
    for part in [
        "holds",
        "Alice",
        "signed for by that member's own key",
        "signed by its lender",
    ] {
        assert!(ours.contains(part), "`{part}` is missing: {ours}");
    }
    if let Some(python) = export.verified_by_python() {
        let theirs = python.expect_success();
        assert!(
            theirs.contains(&format!("{} entries, each linked", export.trace.len())),
            "{theirs}"
        );
    }
    export
}

fn everything_is_attributed(export: &Export, lent: &Lent, expected: &Expected<'_>) {
    let member = export
        .context
        .iter()
        .find(|entry| entry.kind == "member.added")
        .unwrap();
    let alice = &member.entry["on_behalf_of"];
    assert!(alice.as_str().unwrap().starts_with("me_"), "{alice}");
    for entry in &export.trace {
        let Exported { kind, entry, .. } = entry;
        assert_eq!(&entry["on_behalf_of"], alice, "{kind}");
        assert_eq!(entry["delegation"], lent.delegation.as_str(), "{kind}");
        assert_eq!(entry["via"]["agent"], expected.via, "{kind}");
        assert_eq!(entry["via"]["version"], expected.version.as_str(), "{kind}");
    }
}
