//! Starting, being the only one, and ending.

use std::{
    fs,
    io::{BufRead as _, BufReader},
    os::unix::fs::PermissionsExt as _,
    process::Stdio,
    thread,
};

use rustix::process::{Pid, Signal, kill_process};
use serde_json::json;
use testkit::{
    Home,
    program::{self, PATIENCE},
};

use crate::count;

#[test]
fn the_first_call_starts_a_hub_and_the_next_ones_use_it() {
    let home = Home::lent();
    home.stop_hub();
    assert_eq!(home.hub(), None);
    let mut client = home.claude_code();
    assert_eq!(home.hub(), None, "looking around needs no hub");
    let note = client.call("append_trace_note", json!({ "text": "one" }));
    assert!(!note.is_error, "{}", note.text);
    let first = home.hub().expect("a hub runs");
    client.call("append_trace_note", json!({ "text": "two" }));
    home.claude_code()
        .call("append_trace_note", json!({ "text": "three" }));
    assert_eq!(home.hub(), Some(first));
}

#[test]
fn a_hub_outlives_the_client_that_started_it() {
    let home = Home::lent();
    home.stop_hub();
    let mut client = home.claude_code();
    client.call("append_trace_note", json!({ "text": "one" }));
    let hub = home.hub();
    client.end();
    let mut next = home.claude_code();
    next.call("append_trace_note", json!({ "text": "two" }));
    assert_eq!(home.hub(), hub);
}

#[test]
fn a_second_hub_says_who_holds_the_home_and_exits_one() {
    let home = Home::lent();
    let holder = home.hub().expect("lending started a hub");
    let second = home.run(&["serve"]);
    assert_eq!(second.code, Some(1));
    assert_eq!(second.stdout, "");
    assert!(
        second.stderr.contains(&format!("process {holder} is the hub of")),
        "{}",
        second.stderr
    );
    assert_eq!(home.hub(), Some(holder), "the first is untouched");
}

#[test]
fn a_detached_hub_ends_by_itself_when_nobody_comes() {
    let home = Home::lent();
    home.stop_hub();
    let mut hub = home
        .auditotter(&["serve", "--detached", "--idle", "1"])
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    let mut ready = String::new();
    BufReader::new(hub.stdout.take().unwrap())
        .read_line(&mut ready)
        .unwrap();
    assert_eq!(ready, "ready\n");
    let ended = program::ended(&mut hub, PATIENCE);
    assert!(ended.is_some_and(|status| status.success()), "{ended:?}");
    assert!(!home.layout().agent_socket().exists());
    assert!(!home.layout().companion_socket().exists());
}

#[test]
fn everything_in_a_home_is_its_owners_alone() {
    let home = Home::lent();
    let mut client = home.claude_code();
    client.call("append_trace_note", json!({ "text": "so that there is a trace" }));
    // The store keeps what it likes; what counts is that nobody else comes past the home's own door.
    let home_itself = fs::metadata(home.path()).unwrap();
    assert_eq!(home_itself.permissions().mode() & 0o777, 0o700);
    let layout = home.layout();
    for folder in [home.path(), layout.keys(), layout.delegations()] {
        for entry in fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let mode = entry.metadata().unwrap().permissions().mode() & 0o777;
            let private = mode & 0o077 == 0 || entry.path() == layout.store();
            assert!(private, "{} is {mode:o}", entry.path().display());
        }
    }
    for socket in [home.layout().agent_socket(), home.layout().companion_socket()] {
        let mode = fs::metadata(&socket).unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", socket.display());
    }
}

#[test]
fn eight_sessions_at_once_start_one_hub_and_lose_nothing() {
    const CALLS: usize = 50;
    let home = Home::lent();
    home.stop_hub();
    let clients: Vec<_> = (0..8).map(|_| home.claude_code()).collect();
    let sessions: Vec<_> = clients
        .into_iter()
        .enumerate()
        .map(|(agent, mut client)| {
            thread::spawn(move || {
                let asked: Vec<u64> = (0..CALLS)
                    .map(|n| {
                        let arguments = json!({ "text": format!("agent {agent} note {n}") });
                        client.send(
                            "tools/call",
                            json!({ "name": "append_trace_note", "arguments": arguments }),
                        )
                    })
                    .collect();
                let mut trace = String::new();
                for id in asked {
                    let answer = client.answer(id).unwrap();
                    assert_ne!(answer["isError"], json!(true), "{answer}");
                    trace = answer["structuredContent"]["trace"].as_str().unwrap().to_owned();
                }
                client.end();
                trace.parse().unwrap()
            })
        })
        .collect();
    // All of them first: reading the store stops the hub, and who still works would start the next.
    let traces: Vec<_> = sessions
        .into_iter()
        .map(|session| session.join().unwrap())
        .collect();
    for (agent, trace) in traces.into_iter().enumerate() {
        let trace = home.trace(trace);
        assert_eq!(count(&trace, "note.appended"), CALLS);
        assert_eq!(count(&trace, "tool.returned"), CALLS);
        let own = format!("agent {agent} ");
        for note in trace.iter().filter(|recorded| recorded.kind == "note.appended") {
            assert!(note.body["text"].as_str().unwrap().starts_with(&own));
        }
        assert_eq!(trace.last().unwrap().kind, "session.closed");
    }
    let verified = home.run(&["trace", "verify"]).expect_success();
    assert_eq!(verified.lines().count(), 8 + 2, "{verified}");
}

#[test]
fn a_hub_that_was_stopped_keeps_nobody_waiting_for_ever() {
    let home = Home::lent();
    let hub = home.hub().and_then(|pid| i32::try_from(pid).ok()).unwrap();
    let hub = Pid::from_raw(hub).unwrap();
    kill_process(hub, Signal::STOP).unwrap();
    let mut client = home.claude_code();
    let note = client.call("append_trace_note", json!({ "text": "is anybody there?" }));
    assert!(note.is_error);
    assert!(
        note.text.contains("has its process been stopped?") && note.text.contains("nothing done"),
        "{}",
        note.text
    );
    let (status, stderr) = client.end();
    assert!(status.success(), "{stderr}");
    kill_process(hub, Signal::CONT).unwrap();
    assert_eq!(home.traces(), []);
}

#[test]
fn a_workspace_made_in_a_folder_that_others_can_read_is_its_owners_alone() {
    let mut home = Home::empty();
    fs::create_dir(home.path()).unwrap();
    fs::set_permissions(home.path(), fs::Permissions::from_mode(0o755)).unwrap();
    home.found();
    let mode = fs::metadata(home.path()).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o700);
    let doctor = home.run(&["doctor"]);
    assert!(
        !doctor.stdout.contains("is open to other users"),
        "{}",
        doctor.stdout
    );
}
