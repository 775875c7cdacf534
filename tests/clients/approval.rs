//! The whole story, with real clients, over each way to reach the hub: an agent proposes and waits, Alice approves in
//! Chromium, the agent goes on by itself, and an auditor reads it back.

use std::thread;

use serde_json::{Value, json};
use testkit::{
    Browser, Home, ListeningHub, ScriptedModel, Step,
    clients::{ClaudeCode, Codex, Reach, SERVER, Session},
    scripted_model::ToolResult,
};

use crate::{alice, story::holding_export};

const TITLE: &str = "Fix the password reset bug";

/// Alice's home with a hub that serves her inbox, and a browser in which she is logged in.
struct Desk {
    home: Home,
    served: ListeningHub,
    browser: Browser,
}

impl Desk {
    fn of(agent: &str) -> Option<Self> {
        let mut browser = Browser::start()?;
        let home = alice::settles();
        alice::lends(&home, agent);
        let served = home.serve();
        browser.plug_in(true);
        browser.makes_a_passkey(&home);
        browser.logs_in(served.url());
        Some(Self {
            home,
            served,
            browser,
        })
    }

    /// As agents over HTTP are let in.
    fn credential(&self, agent: &str) -> (String, String) {
        (self.served.url().to_owned(), self.home.bearer(agent))
    }

    /// The agent works, and when what it proposed appears in the inbox, Alice opens it and says yes.
    fn story(mut self, work: impl FnOnce(&Home, &ScriptedModel) -> Session) {
        let item = |seen: &[ToolResult]| seen.first().unwrap().json()["id"].clone();
        let model = ScriptedModel::start(
            SERVER,
            vec![
                Step::call(
                    "propose_work_item",
                    json!({ "title": TITLE, "repository": "acme/shop", "paths": ["src/reset/mail.rs"] }),
                ),
                Step::call_with("await_decision", move |seen| json!({ "id": item(seen) })),
                Step::call_with(
                    "report_progress",
                    move |seen| json!({ "id": item(seen), "state": "in_progress" }),
                ),
                Step::say("Alice approved it, and I began."),
            ],
        );
        let session = thread::scope(|scope| {
            let browser = &mut self.browser;
            let alice = scope.spawn(move || {
                browser.wait_for("main", TITLE);
                browser.click("main a.title");
                browser.wait_for("h1", TITLE);
                browser.click("[data-verdict=yes]");
                browser.wait_for("h1 + .facts", "approved");
            });
            let session = work(&self.home, &model);
            alice.join().unwrap();
            session
        });
        assert_eq!(session.ran.code, Some(0), "{session:#?}");
        let results = model.results();
        let told: Vec<Value> = results.iter().map(ToolResult::json).collect();
        let [proposed, decided, begun] = told.as_slice() else {
            panic!("the model should have seen three answers: {results:#?}");
        };
        assert!(
            proposed["approval_url"]
                .as_str()
                .is_some_and(|url| url.starts_with(self.served.url())),
            "{proposed}"
        );
        assert_eq!(decided["state"], "approved", "{decided}");
        assert_eq!(begun["state"], "in_progress", "{begun}");
        drop(self.served);
        let export = holding_export(&self.home);
        let told = export.verified_by_us().stdout;
        assert!(told.contains("by Alice, signed T1"), "{told}");
        let mut kinds = export.kinds();
        kinds.pop_if(|last| *last == "session.closed");
        assert_eq!(
            kinds,
            [
                "session.opened",
                "tool.called",
                "tool.returned",
                "tool.called",
                "tool.returned",
                "tool.called",
                "tool.returned"
            ]
        );
    }
}

#[test]
fn claude_code_waits_for_alice_over_stdio() {
    let (Some(claude), Some(desk)) = (ClaudeCode::installed(), Desk::of("claude-code")) else {
        return;
    };
    desk.story(|home, model| claude.work(home, model, TITLE));
}

#[test]
fn claude_code_waits_for_alice_over_http() {
    let (Some(claude), Some(desk)) = (ClaudeCode::installed(), Desk::of("claude-code")) else {
        return;
    };
    let (hub, credential) = desk.credential("claude-code");
    let claude = claude.over(Reach::Http { hub, credential });
    desk.story(|home, model| claude.work(home, model, TITLE));
}

#[test]
fn claude_code_waits_for_alice_over_http_and_sse() {
    let (Some(claude), Some(desk)) = (ClaudeCode::installed(), Desk::of("claude-code")) else {
        return;
    };
    let (hub, credential) = desk.credential("claude-code");
    let claude = claude.over(Reach::Sse { hub, credential });
    desk.story(|home, model| claude.work(home, model, TITLE));
}

#[test]
fn codex_waits_for_alice_over_stdio() {
    let (Some(codex), Some(desk)) = (Codex::installed(), Desk::of("codex")) else {
        return;
    };
    desk.story(|home, model| codex.work(home, model, TITLE));
}

#[test]
fn codex_waits_for_alice_over_http() {
    let (Some(codex), Some(desk)) = (Codex::installed(), Desk::of("codex")) else {
        return;
    };
    let (hub, credential) = desk.credential("codex");
    let codex = codex.over(Reach::Http { hub, credential });
    desk.story(|home, model| codex.work(home, model, TITLE));
}
