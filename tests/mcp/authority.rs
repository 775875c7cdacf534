//! What a session without authority meets: nothing happens, the error says what to do, and the attempt is on
//! record wherever there is a hub to record it.

use delegation::{AgentVerb, Grant};
use hub::companion::CompanionRequest;
use serde_json::{Value, json};
use testkit::{Home, StdioClient, home::Lending, stdio::ToolAnswer};
use time::Duration;

fn try_a_note(home: &Home, arguments: &[&str]) -> ToolAnswer {
    let mut client = StdioClient::claude_code(&mut home.auditotter_mcp(arguments));
    let answer = client.call("append_trace_note", json!({ "text": "may I?" }));
    let (status, stderr) = client.end();
    assert!(status.success(), "{stderr}");
    answer
}

/// The code of every denial in the workspace's own chain.
fn denials(home: &Home) -> Vec<String> {
    home.workspace_chain()
        .iter()
        .filter(|recorded| recorded.kind == "access.denied")
        .map(|recorded| recorded.body["refusal"]["code"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn without_a_workspace_the_agent_is_told_what_to_ask_for() {
    let home = Home::empty();
    let answer = try_a_note(&home, &[]);
    assert!(answer.is_error);
    assert!(
        answer.text.contains("auditotter delegate --agent claude-code"),
        "{}",
        answer.text
    );
    assert!(
        answer.text.contains("not recorded, nothing done"),
        "{}",
        answer.text
    );
}

#[test]
fn a_token_without_a_workspace_says_how_one_is_made() {
    let (home, elsewhere) = (Home::empty(), Home::founded());
    let token = elsewhere.mint(&elsewhere.grant(&Lending::to("claude-code")));
    let file = home.file("lent.token");
    std::fs::write(&file, token.expose()).unwrap();
    let answer = try_a_note(&home, &["--delegation", file.to_str().unwrap()]);
    assert!(answer.is_error);
    assert!(
        answer.text.contains("auditotter init --name NAME --email EMAIL"),
        "{}",
        answer.text
    );
}

#[test]
fn with_nothing_lent_the_agent_is_told_what_to_ask_for() {
    let home = Home::founded();
    home.lend(&Lending::to("codex"));
    let answer = try_a_note(&home, &[]);
    assert!(answer.is_error);
    assert!(
        answer.text.contains("nothing is lent to `claude-code`")
            && answer.text.contains("auditotter delegate --agent claude-code"),
        "{}",
        answer.text
    );
}

#[test]
fn a_delegation_file_that_cannot_be_used_is_named() {
    let home = Home::founded();
    let damaged = home.store_token("damaged", "bm90IGEgdG9rZW4=");
    let large = home.store_token("large", &"x".repeat(1024 * 1024));
    let missing = home.file("missing.token");
    for (file, told) in [
        (damaged, "is no delegation"),
        (large, "is no delegation"),
        (missing, "cannot be read"),
    ] {
        let file = file.to_str().unwrap();
        let answer = try_a_note(&home, &["--delegation", file]);
        assert!(answer.is_error);
        assert!(
            answer.text.contains(file) && answer.text.contains(told),
            "{}",
            answer.text
        );
        assert!(answer.text.contains("auditotter delegate"), "{}", answer.text);
    }
}

#[test]
fn an_expired_delegation_is_refused_with_the_remedy_and_recorded() {
    let home = Home::founded();
    let grant = Grant {
        expires_at: hub::words::whole_seconds(hub::clock::now().saturating_add(-Duration::HOUR)),
        ..home.grant(&Lending::to("claude-code"))
    };
    let token = home.mint(&grant);
    home.store_token("expired", token.expose());
    let answer = try_a_note(&home, &[]);
    assert!(answer.is_error);
    assert!(
        answer.text.contains(&grant.id.to_string()) && answer.text.contains("expired at"),
        "{}",
        answer.text
    );
    assert!(
        answer
            .text
            .contains("ask Alice to run: auditotter delegate --agent claude-code"),
        "{}",
        answer.text
    );
    assert_eq!(denials(&home), ["expired"]);
    assert_eq!(home.traces(), []);
}

#[test]
fn a_delegation_of_which_the_ledger_does_not_know_is_refused_and_recorded() {
    let home = Home::founded();
    let token = home.mint(&home.grant(&Lending::to("claude-code")));
    home.store_token("unregistered", token.expose());
    let answer = try_a_note(&home, &[]);
    assert!(answer.is_error);
    assert!(
        answer.text.contains("[delegation_not_recorded]"),
        "{}",
        answer.text
    );
    assert_eq!(denials(&home), ["delegation_not_recorded"]);
}

#[test]
fn what_a_member_signs_beside_the_record_opens_nothing() {
    let home = Home::founded();
    let bob = home.bob();
    let mut lending = Lending::to("claude-code");
    lending.verbs = vec![AgentVerb::ReadTrace];
    let recorded = home.grant(&lending);
    home.register(&home.mint(&recorded));
    let wider = Grant {
        verbs: AgentVerb::ALL.into(),
        ..recorded.clone()
    };
    let lasting = Grant {
        expires_at: recorded.expires_at.saturating_add(Duration::days(300)),
        ..recorded.clone()
    };
    let in_bobs_name = Grant {
        on_behalf_of: bob.member,
        ..recorded.clone()
    };
    for beside in [home.mint(&wider), home.mint(&lasting), bob.mint(&in_bobs_name)] {
        let witness = beside.witness([1; 32]).unwrap().as_str().to_owned();
        let again = home.link().ask::<Value>(&CompanionRequest::Grant { witness });
        assert!(again.unwrap_err().to_string().contains("something else"));
        let file = home.store_token("beside", beside.expose());
        let answer = try_a_note(&home, &["--delegation", file.to_str().unwrap()]);
        assert!(
            answer.text.contains("[delegation_not_recorded]"),
            "{}",
            answer.text
        );
    }
    assert_eq!(denials(&home), ["delegation_not_recorded"; 3]);
    assert_eq!(home.traces(), []);
    // What was recorded lends what it says, and no more.
    let file = home.store_token("recorded", home.mint(&recorded).expose());
    let answer = try_a_note(&home, &["--delegation", file.to_str().unwrap()]);
    assert!(answer.text.contains("(verb_not_lent)"), "{}", answer.text);
    assert_eq!(home.traces().len(), 1);
}

#[test]
fn a_delegation_that_another_key_signed_is_refused_and_recorded() {
    let (home, mallory) = (Home::founded(), Home::founded());
    let grant = Grant {
        on_behalf_of: home.grant(&Lending::to("claude-code")).on_behalf_of,
        ..mallory.grant(&Lending::to("claude-code"))
    };
    home.store_token("forged", mallory.mint(&grant).expose());
    let answer = try_a_note(&home, &[]);
    assert!(answer.is_error);
    assert_eq!(denials(&home), ["bad_signature"], "{}", answer.text);
}

#[test]
fn a_delegation_that_was_changed_anywhere_gets_nowhere() {
    let home = Home::founded();
    let token = home.mint(&home.grant(&Lending::to("claude-code").within("acme/shop", "src/**")));
    home.register(&token);
    let text = token.expose();
    // Every bit of a token is tried in the delegation room; here, that the whole system holds to it.
    for place in (0..text.len() - 1).step_by(text.len() / 8) {
        let mut changed = text.as_bytes().to_vec();
        changed[place] = if changed[place] == b'A' { b'B' } else { b'A' };
        home.store_token("changed", std::str::from_utf8(&changed).unwrap());
        let answer = try_a_note(&home, &[]);
        assert!(answer.is_error, "byte {place}: {}", answer.text);
    }
    assert_eq!(home.traces(), []);
    home.store_token("changed", text);
    let answer = try_a_note(&home, &[]);
    assert!(!answer.is_error, "unchanged it is good: {}", answer.text);
}

#[test]
fn what_was_not_lent_is_denied_with_a_code_and_recorded_in_the_trace() {
    let home = Home::founded();
    let lending = Lending {
        verbs: vec![AgentVerb::ProposeWorkItem],
        ..Lending::to("claude-code").within("acme/shop", "src/**")
    };
    home.lend(&lending);
    let mut client = home.claude_code();
    let asked = [
        (
            "propose_work_item",
            json!({ "title": "Rotate keys", "repository": "acme/shop", "paths": ["infra/keys.tf"] }),
            "path_not_lent",
        ),
        (
            "propose_work_item",
            json!({ "title": "Elsewhere", "repository": "acme/bank", "paths": ["src/a.rs"] }),
            "repository_not_lent",
        ),
        ("append_trace_note", json!({ "text": "x" }), "verb_not_lent"),
        ("read_trace", json!({}), "verb_not_lent"),
    ];
    for (tool, arguments, code) in &asked {
        let answer = client.call(tool, arguments.clone());
        assert!(answer.is_error, "{tool}");
        assert!(
            answer.text.starts_with(&format!("denied ({code}): ")),
            "{}",
            answer.text
        );
    }
    client.end();
    let trace = home.trace(home.traces()[0]);
    let denied: Vec<&str> = trace
        .iter()
        .filter(|recorded| recorded.kind == "tool.denied")
        .map(|recorded| recorded.body["denied"]["code"].as_str().unwrap())
        .collect();
    assert_eq!(denied, asked.map(|(_, _, code)| code));
}

#[test]
fn a_revoked_delegation_is_refused_on_the_next_call() {
    let home = Home::founded();
    let id = home.lend(&Lending::to("claude-code"));
    let mut client = home.claude_code();
    assert!(
        !client
            .call("append_trace_note", json!({ "text": "before" }))
            .is_error
    );
    let revoked = home.run(&["revoke", &id.to_string(), "--why", "Alice changed her mind"]);
    assert_eq!(revoked.code, Some(0), "{}", revoked.stderr);
    let answer = client.call("append_trace_note", json!({ "text": "after" }));
    assert!(answer.is_error);
    assert!(answer.text.contains("delegation_revoked"), "{}", answer.text);
    let again = client.call("propose_work_item", json!({ "title": "once more" }));
    assert!(again.is_error, "{}", again.text);
    client.end();
    let notes = home.trace(home.traces()[0]);
    let notes = notes.iter().filter(|recorded| recorded.kind == "note.appended");
    assert_eq!(notes.count(), 1);
}

#[test]
fn a_new_delegation_is_taken_up_without_restarting_the_client() {
    let home = Home::founded();
    let id = home.lend(&Lending::to("claude-code"));
    let mut client = home.claude_code();
    client.call("append_trace_note", json!({ "text": "before" }));
    assert_eq!(home.run(&["revoke", &id.to_string()]).code, Some(0));
    assert!(
        client
            .call("append_trace_note", json!({ "text": "refused" }))
            .is_error
    );
    let next = home.lend(&Lending::to("claude-code"));
    let answer = client.call("describe_delegation", json!({}));
    assert!(!answer.is_error, "{}", answer.text);
    assert_eq!(answer.structured["delegation"], next.to_string());
    assert_eq!(answer.structured["on_behalf_of"], "Alice (via claude-code)");
}
