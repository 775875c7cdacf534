//! Whoever has a shell can write the store and the home. What they write there convinces nobody.

use std::{
    fs,
    os::unix::net::UnixListener,
    thread::{self, JoinHandle},
};

use delegation::{DelegationToken, RootKey, mint};
use hub::{
    clock,
    companion::{CompanionRequest, MemberRow, Status},
    export_claims::{ProveError, prove},
    kind::EntryKind,
    records::{self, DelegationGranted, MemberAdded},
};
use identity::{Seed, SignedRegistration};
use protocol::frame;
use serde_json::json;
use testkit::{Home, home::Lending};
use time::Duration;
use trace_store::{ChainId, NewEntry, Refs};
use vocabulary::{DelegationId, MemberId, TraceId};

use crate::{
    count,
    wire::{Agent, call, returned},
};

/// A key of the attacker's own, under a member of the attacker's own.
struct Impostor {
    member: MemberId,
    seed: Seed,
}

impl Impostor {
    fn new() -> Self {
        Self {
            member: clock::new_id().unwrap(),
            seed: Seed::from_entropy(clock::random().unwrap()),
        }
    }

    /// The entry that would make this one a member, signed as a member signs.
    fn member_added(&self, home: &Home) -> (ChainId, NewEntry) {
        let registration = SignedRegistration::sign(
            &self.seed,
            self.member,
            "Alice".parse().unwrap(),
            "alice@example.com".parse().unwrap(),
            home.workspace(),
        )
        .unwrap();
        let added = MemberAdded {
            registration,
            root_key_id: 1,
            granted: None,
        };
        entry(home, EntryKind::MemberAdded, Some(self.member), &added)
    }

    fn lends(&self, home: &Home) -> DelegationToken {
        let mut grant = home.grant(&Lending::to("claude-code"));
        grant.on_behalf_of = self.member;
        let key = RootKey::from_secret(&self.seed.delegation_secret());
        mint(&key, 1, &grant, clock::random().unwrap()).unwrap()
    }
}

fn entry(
    home: &Home,
    kind: EntryKind,
    member: Option<MemberId>,
    body: &impl serde::Serialize,
) -> (ChainId, NewEntry) {
    let entry = NewEntry {
        kind: kind.into(),
        on_behalf_of: member,
        via: None,
        delegation: None,
        refs: Refs::new(),
        body: Some(records::write(body).unwrap()),
    };
    (ChainId::Workspace(home.workspace()), entry)
}

#[test]
fn nobody_makes_themselves_a_member() {
    let home = Home::lent();
    let impostor = Impostor::new();
    home.forge(vec![impostor.member_added(&home)]);

    let mut client = home.claude_code();
    let note = client.call("append_trace_note", json!({ "text": "who am I working for?" }));
    assert!(note.is_error);
    for told in ["the hub does not start", "member.added", "whom nobody let in"] {
        assert!(note.text.contains(told), "{told}: {}", note.text);
    }
    client.end();
    // It said so once, and was not started again and again in the hope of something else.
    let log = fs::read_to_string(home.layout().log()).unwrap();
    assert_eq!(log.matches("whom nobody let in").count(), 1, "{log}");
    let doctor = home.run(&["doctor"]);
    assert_eq!(doctor.code, Some(1));
    assert!(doctor.stdout.contains("whom nobody let in"), "{}", doctor.stdout);
}

#[test]
fn an_export_with_a_member_who_let_themselves_in_does_not_hold() {
    let home = Home::lent();
    home.claude_code()
        .call("append_trace_note", json!({ "text": "something" }));
    let trace = home.traces()[0];
    let impostor = Impostor::new();
    let lent = impostor.lends(&home);
    let witness = lent.witness(clock::random().unwrap()).unwrap();
    let granted = DelegationGranted {
        witness: witness.as_str().to_owned(),
    };
    home.forge(vec![
        impostor.member_added(&home),
        entry(
            &home,
            EntryKind::DelegationGranted,
            Some(impostor.member),
            &granted,
        ),
    ]);
    let newest = home.workspace_chain().len() as u64 - 1;
    for context in [vec![0, 1, newest - 1, newest], vec![0, newest - 1, newest]] {
        let why = match prove(home.forged_export(trace, &context, &[]).as_slice()).unwrap_err() {
            ProveError::Claim { why, seq, .. } => {
                assert_eq!(seq, newest - 1);
                why
            }
            other @ ProveError::Export(_) => panic!("{other}"),
        };
        assert!(why.contains("whom nobody let in"), "{why}");
    }
}

/// An entry of a session's trace by this human, under this delegation.
fn noted(trace: TraceId, member: MemberId, delegation: DelegationId) -> (ChainId, NewEntry) {
    let body = json!({ "text": "as agreed", "refs": [] });
    let entry = NewEntry {
        kind: EntryKind::NoteAppended.into(),
        on_behalf_of: Some(member),
        via: Some(trace_store::Via::new("claude-code", None, None).unwrap()),
        delegation: Some(delegation),
        refs: Refs::new(),
        body: Some(records::write(&body).unwrap()),
    };
    (ChainId::Trace(trace), entry)
}

#[test]
fn an_export_that_names_another_human_than_the_one_who_lent_does_not_hold() {
    let home = Home::founded();
    let lent = home.lend(&Lending::to("claude-code"));
    home.claude_code()
        .call("append_trace_note", json!({ "text": "something" }));
    let trace = home.traces()[0];
    let alice = home.grant(&Lending::to("claude-code")).on_behalf_of;
    let proved = prove(home.forged_export(trace, &[0, 1, 2], &[]).as_slice()).unwrap();
    assert_eq!((proved.members.len(), proved.unproved), (1, vec![]));

    // Without the grant in the file, it is only the hub that says for whom it was.
    let proved = prove(home.forged_export(trace, &[0, 1], &[]).as_slice()).unwrap();
    assert_eq!(proved.unproved, [lent]);

    home.forge(vec![noted(trace, clock::new_id().unwrap(), lent)]);
    let whole = home.trace(trace).len() as u64;
    let why = prove(home.forged_export(trace, &[0, 1, 2], &[]).as_slice()).unwrap_err();
    let told = why.to_string();
    assert!(
        matches!(why, ProveError::Claim { seq, .. } if seq == whole - 1),
        "{told}"
    );
    assert!(
        told.contains(&format!("which {alice} lent")) && told.contains(&lent.to_string()),
        "{told}"
    );
}

#[test]
fn an_export_of_what_was_done_after_the_end_does_not_hold() {
    let home = Home::founded();
    let alice = home.grant(&Lending::to("claude-code")).on_behalf_of;
    let ended = delegation::Grant {
        expires_at: hub::words::whole_seconds(clock::now().saturating_add(-Duration::HOUR)),
        ..home.grant(&Lending::to("claude-code"))
    };
    home.register(&home.mint(&ended));
    let trace: TraceId = clock::new_id().unwrap();
    home.forge(vec![noted(trace, alice, ended.id)]);
    let why = prove(home.forged_export(trace, &[0, 1, 2], &[]).as_slice()).unwrap_err();
    assert!(why.to_string().contains("which had ended at"), "{why}");
}

/// Somebody who answers the companion in the hub's place, once.
fn false_hub(home: &Home, status: serde_json::Value) -> JoinHandle<()> {
    let socket = home.layout().companion_socket();
    home.stop_hub();
    let _ = fs::remove_file(&socket);
    let listener = UnixListener::bind(socket).unwrap();
    thread::spawn(move || {
        let (mut stream, _) = listener.accept().unwrap();
        let _: Option<CompanionRequest> = frame::read(&mut stream).unwrap();
        frame::write(&mut stream, &json!({ "done": status })).unwrap();
    })
}

#[test]
fn a_false_hub_does_not_make_people_lend_for_longer_than_they_said() {
    let home = Home::founded();
    let mut status: Status = home.ask(&CompanionRequest::Status);
    status.now = status.now.saturating_add(Duration::days(365));
    let hub = false_hub(&home, serde_json::to_value(&status).unwrap());
    let ran = home.run(&["delegate", "--agent", "claude-code"]);
    assert_eq!(ran.code, Some(1));
    assert!(ran.stderr.contains("set the clock right"), "{}", ran.stderr);
    assert!(
        !ran.stderr.contains("passphrase"),
        "nothing is asked: {}",
        ran.stderr
    );
    hub.join().unwrap();
}

#[test]
fn a_false_hub_does_not_write_to_the_terminal() {
    let home = Home::founded();
    let mut status: Status = home.ask(&CompanionRequest::Status);
    let member = &mut status.members[0];
    *member = MemberRow { ..member.clone() };
    let mut status = serde_json::to_value(&status).unwrap();
    status["members"][0]["name"] = json!("Alice\u{1b}[2J\u{1b}[1;1H");
    let hub = false_hub(&home, status);
    let ran = home.run(&["delegate", "--agent", "claude-code"]);
    assert_eq!(ran.code, Some(1));
    assert!(!ran.stderr.contains('\u{1b}'), "{:?}", ran.stderr);
    hub.join().unwrap();
}

#[test]
fn nothing_is_lent_for_longer_than_thirty_days() {
    let home = Home::founded();
    let grant = home.grant(&Lending {
        ttl: Duration::days(31),
        ..Lending::to("claude-code")
    });
    let witness = home.mint(&grant).witness(clock::random().unwrap()).unwrap();
    let witness = witness.as_str().to_owned();
    let refused = home
        .link()
        .ask::<serde_json::Value>(&CompanionRequest::Grant { witness })
        .unwrap_err();
    assert!(refused.to_string().contains("more than 30 days"), "{refused}");
}

#[test]
fn a_call_that_cannot_be_done_as_it_came_is_recorded_as_it_came() {
    let home = Home::founded();
    let delegation = home.mint(&home.grant(&Lending::to("claude-code")));
    home.register(&delegation);
    let mut wire = Agent::under(&delegation).open(&home).unwrap();
    let protocol::RequestBody::Call(asked) = call(
        "append_trace_note",
        json!({ "text": "numbers", "n": 9_007_199_254_740_993_u64 }),
    ) else {
        unreachable!()
    };
    let named = protocol::Call {
        call_id: Some("x".repeat(300)),
        ..asked
    };
    let reply = wire.ask(clock::new_id().unwrap(), protocol::RequestBody::Call(named));
    let protocol::ReplyBody::Answer(answer) = reply else {
        panic!("{reply:?}")
    };
    let protocol::Outcome::Rejected(refusal) = answer.outcome else {
        panic!("{answer:?}")
    };
    assert_eq!(refusal.code, "malformed_arguments");
    returned(wire.ask(
        clock::new_id().unwrap(),
        call("append_trace_note", json!({ "text": "still here" })),
    ));
    let trace = home.trace(wire.opened.trace);
    assert_eq!(
        (count(&trace, "tool.called"), count(&trace, "tool.rejected")),
        (2, 1)
    );
    assert_eq!(
        trace[1].body["arguments"]["n"],
        json!(9_007_199_254_740_993_u64),
        "as it was received"
    );
}
