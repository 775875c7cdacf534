//! Who asks too much, too slowly, or while the hub ends.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    thread,
    time::Instant,
};

use serde_json::json;
use testkit::{
    Home, ListeningHub, WebClient,
    program::{self, PATIENCE},
};

use crate::{kinds, turned_away};

fn connect(hub: &ListeningHub) -> TcpStream {
    let stream = TcpStream::connect(("127.0.0.1", hub.port())).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

/// Many requests at once on one connection, and how many of them were answered with each status.
fn all_at_once(hub: &ListeningHub, shown: &str, many: usize) -> (usize, usize, String) {
    let request = format!(
        "DELETE /mcp HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {shown}\r\nmcp-session-id: none\r\n\r\n",
        hub.host()
    );
    let last = request.replace("\r\n\r\n", "\r\nconnection: close\r\n\r\n");
    let mut stream = connect(hub);
    let mut writer = stream.try_clone().unwrap();
    let asking = thread::spawn(move || {
        writer.write_all(request.repeat(many - 1).as_bytes()).unwrap();
        writer.write_all(last.as_bytes()).unwrap();
    });
    let mut answers = String::new();
    stream.read_to_string(&mut answers).unwrap();
    asking.join().unwrap();
    let count = |status: &str| answers.matches(status).count();
    (count("HTTP/1.1 404 "), count("HTTP/1.1 429 "), answers)
}

#[test]
fn a_session_that_asks_without_end_is_told_to_wait_and_recorded_once() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let (hasty, patient) = (home.bearer("claude-code"), home.bearer("claude-code"));
    let mut client = WebClient::new(&hub, Some(hasty.clone()));
    assert!(client.request("tools/list", json!({})).is_ok());
    const MANY: usize = 20_000;
    let (heard, told_to_wait, answers) = all_at_once(&hub, &hasty, MANY);
    assert_eq!(heard + told_to_wait, MANY, "each is answered");
    assert!(heard >= 900, "{heard}");
    assert!(told_to_wait > 0);
    let refused = answers.split("HTTP/1.1 429 ").nth(1).unwrap();
    assert!(refused.contains("retry-after: 1\r\n"), "{refused:.600}");
    assert!(refused.contains("\"code\":\"too_fast\""), "{refused:.600}");
    // Another session of the same delegation, from the same address, does not wait for that.
    assert!(
        WebClient::new(&hub, Some(patient))
            .request("tools/list", json!({}))
            .is_ok()
    );
    // Nor does this one for long.
    let heard_again = program::until(PATIENCE, || {
        (client.send("tools/list", json!({})).status == 200).then_some(())
    });
    assert_eq!(heard_again, Some(()));
    hub.end();
    let recorded = turned_away(&home);
    assert_eq!(recorded.len(), 1, "{recorded:#?}");
    assert_eq!(recorded[0].0, "too_fast");
    assert!(recorded[0].1.contains("500 requests a second"), "{recorded:#?}");
}

/// What of a request is sent before nothing more is.
fn beginnings(hub: &ListeningHub, shown: &str) -> Vec<(&'static str, String)> {
    let head = |request: &str| {
        format!(
            "{request} HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {shown}\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\ncontent-length: 100\r\n",
            hub.host()
        )
    };
    vec![
        ("nothing", String::new()),
        ("half of what begins HTTP/2", "PRI * HTTP/2".to_owned()),
        ("half of a head", head("POST /mcp")),
        (
            "half of a message",
            format!("{}\r\n{{\"jsonrpc\":", head("POST /mcp")),
        ),
        (
            "half of a message for the inbox",
            format!("{}\r\n{{\"id\":", head("POST /login")),
        ),
        (
            "half of an older client's message",
            format!("{}\r\n{{", head("POST /sse/messages?session=x")),
        ),
    ]
}

#[test]
fn nobody_holds_a_connection_by_saying_nothing() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let shown = home.bearer("claude-code");
    thread::scope(|scope| {
        for (what, beginning) in beginnings(&hub, &shown) {
            let mut stream = connect(&hub);
            scope.spawn(move || {
                let began = Instant::now();
                stream.write_all(beginning.as_bytes()).unwrap();
                let mut answer = Vec::new();
                // It ends, with a word of why or without; also where the rest would have come a byte at a time.
                let ended = stream.read_to_end(&mut answer);
                assert!(
                    ended.is_ok()
                        || ended.is_err_and(|error| error.kind() == std::io::ErrorKind::ConnectionReset),
                    "{what} was still waited for after {:?}",
                    began.elapsed()
                );
                assert!(!answer.starts_with(b"HTTP/1.1 2"), "{what}");
            });
        }
        // A head that comes a byte at a time has no more time than one that does not come.
        let mut stream = connect(&hub);
        scope.spawn(move || {
            let dripped = program::until(PATIENCE, || stream.write_all(b"G").is_err().then_some(()));
            assert_eq!(dripped, Some(()));
        });
    });
    // Others are served meanwhile and after.
    assert!(
        WebClient::new(&hub, Some(shown))
            .request("tools/list", json!({}))
            .is_ok()
    );
    hub.end();
}

#[test]
fn what_is_under_way_when_the_hub_is_told_to_end_is_answered() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let mut client = WebClient::lent(&home, &hub);
    let message = client.message(
        "tools/call",
        json!({ "name": "append_trace_note", "arguments": { "text": "the last one" } }),
    );
    let body = message.to_string();
    let (first, rest) = body.split_at(body.len() / 2);
    let mut stream = connect(&hub);
    let head = format!(
        "POST /mcp HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
         accept: application/json, text/event-stream\r\nmcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\n\
         mcp-name: append_trace_note\r\nexpect: 100-continue\r\ncontent-length: {}\r\n\r\n",
        hub.host(),
        client.credential.clone().unwrap(),
        body.len()
    );
    stream.write_all(head.as_bytes()).unwrap();
    // The hub asks for the body: so the call is under way.
    let mut going_on = [0; 25];
    stream.read_exact(&mut going_on).unwrap();
    assert_eq!(&going_on, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(first.as_bytes()).unwrap();
    hub.ask_to_end();
    // Its doors are closed by now.
    let closed = program::until(PATIENCE, || {
        (!home.layout().agent_socket().exists()).then_some(())
    });
    assert_eq!(closed, Some(()));
    stream.write_all(rest.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    assert!(answer.contains("\"isError\":false"), "{answer}");
    hub.end();
    let [trace] = home.traces().try_into().unwrap();
    let recorded = home.trace(trace);
    assert_eq!(
        kinds(&recorded),
        ["session.opened", "tool.called", "note.appended", "tool.returned"]
    );
}
