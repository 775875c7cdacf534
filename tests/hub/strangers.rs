//! Who comes with a good token and is not who it was made for, comes after the end, or comes again and again.

use hub::clock;
use protocol::{Answer, Observation, Outcome, ReplyBody, RequestBody};
use serde_json::json;
use testkit::{Home, home::Lending};
use time::Duration;
use vocabulary::SessionId;

use crate::{
    count,
    wire::{Agent, call, returned},
};

/// What the throttle lets strangers write in a minute.
const PER_MINUTE: usize = 30;

fn denials(home: &Home) -> Vec<String> {
    home.workspace_chain()
        .iter()
        .filter(|recorded| recorded.kind == "access.denied")
        .map(|recorded| recorded.body["refusal"]["code"].as_str().unwrap().to_owned())
        .collect()
}

#[test]
fn a_token_without_its_key_opens_nothing() {
    let home = Home::founded();
    let delegation = home.mint(&home.grant(&Lending::to("claude-code")));
    home.register(&delegation);
    let refusal = Agent::under(&delegation).stolen().open(&home).err().unwrap();
    assert_eq!(denials(&home), [refusal.code.as_str()]);
    assert!(
        refusal.message.contains("holder") || refusal.message.contains("key"),
        "{refusal}"
    );
    assert_eq!(home.traces(), []);
}

#[test]
fn a_session_is_not_given_to_whoever_knows_its_name() {
    let home = Home::founded();
    let delegation = home.mint(&home.grant(&Lending::to("claude-code")));
    home.register(&delegation);
    let owner = Agent::under(&delegation);
    let mut wire = owner.open(&home).unwrap();
    for _ in 0..2 {
        let thief = Agent::posing_as(&delegation, owner.session);
        assert_eq!(thief.open(&home).err().unwrap().code, "session_taken");
        // The same is true when nobody is connected and the hub has only the ledger to go by.
        drop(wire);
        home.kill_hub();
        let thief = Agent::posing_as(&delegation, owner.session);
        assert_eq!(thief.open(&home).err().unwrap().code, "session_taken");
        wire = owner.open(&home).unwrap();
    }
    returned(wire.ask(
        clock::new_id().unwrap(),
        call("append_trace_note", json!({ "text": "still mine" })),
    ));
    let trace = wire.opened.trace;
    assert_eq!(denials(&home), ["session_taken"; 4]);
    assert_eq!(count(&home.trace(trace), "session.resumed"), 2);
}

#[test]
fn a_session_that_was_closed_stays_closed() {
    let home = Home::founded();
    let delegation = home.mint(&home.grant(&Lending::to("claude-code")));
    home.register(&delegation);
    let agent = Agent::under(&delegation);
    let mut wire = agent.open(&home).unwrap();
    let closed = wire.ask(clock::new_id().unwrap(), RequestBody::Close);
    assert!(matches!(closed, ReplyBody::Recorded(_)), "{closed:?}");
    let late = wire.ask(
        clock::new_id().unwrap(),
        call("append_trace_note", json!({ "text": "late" })),
    );
    assert!(
        matches!(&late, ReplyBody::Failed(refusal) if refusal.code == "session_closed"),
        "{late:?}"
    );
    assert_eq!(agent.open(&home).err().unwrap().code, "session_closed");
    home.kill_hub();
    assert_eq!(agent.open(&home).err().unwrap().code, "session_closed");
    let trace = home.trace(wire.opened.trace);
    assert_eq!(trace.last().unwrap().kind, "session.closed");
}

#[test]
fn a_session_begins_when_it_says_and_lasts_as_long_as_one_may() {
    let home = Home::founded();
    let delegation = home.mint(&home.grant(&Lending {
        ttl: Duration::days(1),
        ..Lending::to("claude-code")
    }));
    home.register(&delegation);
    let now = clock::now().unix_millis();
    for millis in [0, now - 3_600_000, now + 3_600_000] {
        let session = SessionId::new(millis, clock::random().unwrap());
        let refused = Agent::posing_as(&delegation, session).open(&home).err().unwrap();
        assert_eq!(refused.code, "clock_mismatch", "{millis}: {refused}");
    }
    let long = Agent::lasting(&delegation, clock::new_id().unwrap(), Duration::hours(8));
    let refused = long.open(&home).err().unwrap();
    assert_eq!(refused.code, "clock_mismatch", "{refused}");
    assert_eq!(denials(&home), ["clock_mismatch"; 4]);
    assert_eq!(home.traces(), []);
}

#[test]
fn two_connections_of_one_session_are_one_session() {
    let home = Home::founded();
    let delegation = home.mint(&home.grant(&Lending::to("claude-code")));
    home.register(&delegation);
    let agent = Agent::under(&delegation);
    let (mut one, mut other) = (agent.open(&home).unwrap(), agent.open(&home).unwrap());
    let asked = clock::new_id().unwrap();
    let first = one.ask(asked, call("append_trace_note", json!({ "text": "once" })));
    drop(one);
    let again = other.ask(asked, call("append_trace_note", json!({ "text": "once" })));
    assert_eq!(returned(first), returned(again));
    let mut one = agent.open(&home).unwrap();
    one.ask(clock::new_id().unwrap(), RequestBody::Close);
    drop(one);
    let late = other.ask(
        clock::new_id().unwrap(),
        call("append_trace_note", json!({ "text": "late" })),
    );
    assert!(
        matches!(&late, ReplyBody::Failed(refusal) if refusal.code == "session_closed"),
        "{late:?}"
    );
    assert_eq!(count(&home.trace(other.opened.trace), "note.appended"), 1);
}

#[test]
fn a_flood_of_strangers_is_told_no_each_time_and_fills_no_ledger() {
    const STRANGERS: usize = 200;
    let home = Home::founded();
    let delegation = home.mint(&home.grant(&Lending::to("claude-code")));
    home.register(&delegation);
    let owner = Agent::under(&delegation);
    let mut wire = owner.open(&home).unwrap();
    let elsewhere = Home::founded();
    let foreign = elsewhere.mint(&elsewhere.grant(&Lending::to("claude-code")));
    let codes: Vec<String> = (0..STRANGERS)
        .map(|_| Agent::under(&foreign).open(&home).err().unwrap().code)
        .collect();
    assert!(codes.iter().all(|code| *code == codes[0]), "{codes:?}");
    let note = call("append_trace_note", json!({ "text": "business as usual" }));
    returned(wire.ask(clock::new_id().unwrap(), note));
    // Nor does it hide what somebody does who is known.
    let thief = Agent::posing_as(&delegation, owner.session).open(&home);
    assert_eq!(thief.err().unwrap().code, "session_taken");
    let chain = home.workspace_chain();
    let known: Vec<_> = chain
        .iter()
        .filter(|recorded| recorded.body["refusal"]["code"] == "session_taken")
        .map(|recorded| {
            (
                recorded.stored.entry.on_behalf_of,
                recorded.stored.entry.delegation,
            )
        })
        .collect();
    let grant = delegation.grant();
    assert_eq!(known, [(Some(grant.on_behalf_of), Some(grant.id))]);
    let written = denials(&home).len() - known.len();
    // The flood may run into a second minute.
    assert!(
        (PER_MINUTE..=2 * PER_MINUTE).contains(&written),
        "{written} entries"
    );
}

#[test]
fn who_asks_much_and_listens_late_hears_everything_in_order_and_keeps_nobody_waiting() {
    const QUESTIONS: usize = 150;
    let home = Home::founded();
    let delegation = home.mint(&home.grant(&Lending::to("claude-code")));
    home.register(&delegation);
    let mut late = Agent::under(&delegation).open(&home).unwrap();
    for _ in 0..4 {
        let note = call("append_trace_note", json!({ "text": "x".repeat(8 * 1024) }));
        returned(late.ask(clock::new_id().unwrap(), note));
    }
    let asked: Vec<_> = (0..QUESTIONS).map(|_| clock::new_id().unwrap()).collect();
    for id in &asked {
        let read = call("read_trace", json!({ "bodies": true, "limit": 4 }));
        late.send(*id, read);
    }
    let mut other = Agent::under(&delegation).open(&home).unwrap();
    let note = call("append_trace_note", json!({ "text": "meanwhile" }));
    returned(other.ask(clock::new_id().unwrap(), note));
    let heard: usize = asked
        .iter()
        .map(|id| returned(late.hear(*id)).to_string().len())
        .sum();
    // More than any socket holds, so that answers had to wait for their reader.
    assert!(heard > 512 * 1024, "{heard} bytes");
}

#[test]
fn a_revoked_session_writes_nothing_in_its_humans_name_but_that_it_tried() {
    const TRIES: usize = 50;
    let home = Home::founded();
    let delegation = home.mint(&home.grant(&Lending::to("claude-code")));
    home.register(&delegation);
    let mut wire = Agent::under(&delegation).open(&home).unwrap();
    let note = |text: &str| call("append_trace_note", json!({ "text": text }));
    returned(wire.ask(clock::new_id().unwrap(), note("before")));
    let id = delegation.grant().id.to_string();
    let _ = home.run(&["revoke", &id]).expect_success();
    let seen = || {
        RequestBody::Observe(Observation::ProtocolError {
            method: None,
            code: -32_700,
            message: "in Alice's name".to_owned(),
            received: String::new(),
        })
    };
    for _ in 0..TRIES {
        let refused = wire.ask(clock::new_id().unwrap(), seen());
        assert!(
            matches!(&refused, ReplyBody::Failed(refusal) if refusal.code == "delegation_revoked"),
            "{refused:?}"
        );
    }
    for _ in 0..TRIES {
        let refused = wire.ask(clock::new_id().unwrap(), note(&"x".repeat(100_000)));
        let code = match &refused {
            ReplyBody::Answer(Answer {
                outcome: Outcome::Denied(refusal),
                ..
            })
            | ReplyBody::Failed(refusal) => &refusal.code,
            other => panic!("{other:?}"),
        };
        assert_eq!(code, "delegation_revoked");
    }
    let trace = home.trace(wire.opened.trace);
    assert_eq!(count(&trace, "protocol.error"), 0);
    let called = trace.iter().filter(|recorded| recorded.kind == "tool.called");
    assert!(
        called
            .skip(1)
            .all(|recorded| recorded.body.to_string().len() < 4_096),
        "what comes to nothing is kept by its beginning"
    );
    let tried = denials(&home).len() + count(&trace, "tool.denied");
    // The flood may run into another minute, and the first entry of that tells how many were passed over.
    assert!(
        (PER_MINUTE..=2 * PER_MINUTE + 1).contains(&tried),
        "{tried} entries"
    );
}

#[test]
fn what_is_denied_or_rejected_is_kept_by_its_beginning() {
    let home = Home::founded();
    let delegation = home.mint(&home.grant(&Lending {
        verbs: vec![delegation::AgentVerb::ReadTrace],
        ..Lending::to("claude-code")
    }));
    home.register(&delegation);
    let mut wire = Agent::under(&delegation).open(&home).unwrap();
    let long = "ö".repeat(500_000);
    for asked in [
        call("append_trace_note", json!({ "text": "ö".repeat(8_000) })),
        call("append_trace_note", json!({ "text": long })),
        call("read_trace", json!({ &long: 1 })),
        call("read_trace", json!({ "trace": long })),
        call(&long, json!({})),
        RequestBody::Observe(Observation::ProtocolError {
            method: Some(long.clone()),
            code: 0,
            message: long.clone(),
            received: long.clone(),
        }),
        RequestBody::Observe(Observation::Cancelled {
            request: long.clone(),
            reason: Some(long.clone()),
        }),
    ] {
        let answered = wire.ask(clock::new_id().unwrap(), asked);
        assert!(!matches!(answered, ReplyBody::Failed(_)), "{answered:?}");
    }
    let trace = home.trace(wire.opened.trace);
    let sizes: Vec<(&str, usize)> = trace
        .iter()
        .map(|recorded| (recorded.kind.as_str(), recorded.body.to_string().len()))
        .collect();
    assert_eq!(sizes.len(), 1 + 5 * 2 + 2, "{sizes:?}");
    assert!(sizes.iter().all(|(_, size)| *size < 8_192), "{sizes:?}");
    assert_eq!(trace[1].body["cut"], json!(r#"{"text":""}"#.len() + 16_000));
    let kept = trace[1].body["arguments"].as_str().unwrap();
    assert!(kept.starts_with(r#"{"text":"öö"#), "{kept}");
}
