//! What a hub remembers of those who ask is bounded, and a thousand agents fit in.

use std::{io::ErrorKind, net::TcpStream, process::Command};

use serde_json::json;
use testkit::{Home, ListeningHub, WebClient, web::EventClient};

use crate::kinds;

#[test]
fn an_id_is_short_for_every_answer_repeats_it() {
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let credential = home.bearer("claude-code");
    let client = WebClient::new(&hub, Some(credential.clone()));
    let stream = EventClient::open(&hub, credential);
    let long = "x".repeat(3_900_000);
    let client_info = json!({ "name": "claude-code", "version": long });
    let initialize =
        json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client_info });
    let by_token = json!({ "name": "describe_delegation", "_meta": { "progressToken": long } });
    for message in [
        json!({ "jsonrpc": "2.0", "id": long, "method": "ping" }),
        json!({ "jsonrpc": "2.0", "id": long, "method": "other", "params": [1] }),
        json!({ "jsonrpc": "2.0", "id": 1, "method": "tools/call", "params": by_token }),
        json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": initialize }),
    ] {
        for answer in [client.post(&message), stream.post(&message)] {
            assert_eq!(
                (answer.status, &answer.json()["error"]["code"]),
                (400, &json!(-32_600))
            );
            assert!(answer.text.len() < 1_024, "{} bytes", answer.text.len());
        }
    }
    let mut short = client.with_initialize(&json!({}));
    assert!(short.request("ping", json!({})).is_ok());
    let unknown = json!({ "uri": format!("other://{long}") });
    let answer = short.send("resources/read", unknown);
    assert!(answer.text.len() < 2_048, "{} bytes", answer.text.len());
    hub.end();
    let [trace] = home.traces().try_into().unwrap();
    let trace = home.trace(trace);
    assert_eq!(
        kinds(&trace),
        [&["session.opened"], &["protocol.error"; 9][..]].concat()
    );
    assert!(
        trace
            .iter()
            .all(|recorded| recorded.body.to_string().len() < 4_096)
    );
}

#[test]
fn a_thousand_agents_work_under_one_delegation() {
    const OF_ONE: usize = 16;
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    let mut clients: Vec<WebClient> = Vec::new();
    for _ in 0..1_000_usize.div_ceil(OF_ONE) {
        let client = WebClient::lent(&home, &hub);
        clients.extend((0..OF_ONE).map(|_| client.clone().with_initialize(&json!({}))));
    }
    assert!(clients.len() >= 1_000);
    for client in &mut clients {
        assert!(client.request("ping", json!({})).is_ok());
    }
    hub.end();
}

#[test]
fn who_connects_and_says_nothing_leaves_the_hub_to_those_who_speak() {
    const SILENT: usize = 366;
    let home = Home::lent();
    home.stop_hub();
    let serve = home.auditotter(&["serve", "--listen", "127.0.0.1:0"]);
    let mut few_files = Command::new("sh");
    few_files
        .args(["-c", "ulimit -n 256; exec \"$0\" \"$@\""])
        .arg(serve.get_program())
        .args(serve.get_args());
    for (name, value) in serve.get_envs() {
        match value {
            Some(value) => few_files.env(name, value),
            None => few_files.env_remove(name),
        };
    }
    let hub = ListeningHub::run(&mut few_files);
    let silent: Vec<TcpStream> = (0..SILENT)
        .map(|_| TcpStream::connect(("127.0.0.1", hub.port())).unwrap())
        .collect();
    let lent = home.run(&["delegations"]).expect_success();
    assert!(lent.contains("claude-code"), "{lent}");
    let mut client = home.claude_code();
    let noted = client.call("append_trace_note", json!({ "text": "business as usual" }));
    assert!(!noted.is_error, "{}", noted.text);
    client.end();
    // They are held all the while, and not only answered once they were let go of.
    silent[0].set_nonblocking(true).unwrap();
    let nothing = silent[0].peek(&mut [0]).unwrap_err();
    assert_eq!(nothing.kind(), ErrorKind::WouldBlock);
    drop(silent);
    hub.end();
}
