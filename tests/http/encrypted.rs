//! A hub that encrypts by itself, asked as browsers ask it: over HTTP/2, which has no `Host`.

use testkit::{
    Certificates, Home, ListeningHub,
    web::{Http2Client, Method, Version},
};

use crate::turned_away;

const INITIALIZE: &str = r#"{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"claude-code","version":"2.1.0"}}}"#;

#[test]
fn people_and_agents_are_served_over_http_2() {
    let home = Home::lent();
    let certificates = Certificates::make(&home, "own");
    let hub = ListeningHub::start_encrypted(&home, &certificates);
    let client = Http2Client::new(&hub, certificates.authority());
    let page = client.ask(Method::GET, "/login", &[], "");
    assert_eq!((page.version, page.status), (Version::HTTP_2, 200), "{page:?}");
    assert!(page.body.contains("<html"), "{}", page.body);
    // A browser would remember it for every other server on this machine.
    assert_eq!(page.header("strict-transport-security"), None);
    let shown = format!("Bearer {}", home.bearer("claude-code"));
    let shown = [
        ("authorization", shown.as_str()),
        ("accept", "application/json, text/event-stream"),
    ];
    let opened = client.ask(Method::POST, "/mcp", &shown, INITIALIZE);
    assert_eq!(
        (opened.version, opened.status),
        (Version::HTTP_2, 200),
        "{opened:?}"
    );
    assert!(opened.header("mcp-session-id").is_some(), "{opened:?}");
    hub.end();
    assert_eq!(turned_away(&home), []);
}

#[test]
fn two_hosts_in_one_request_are_nobodys() {
    let home = Home::lent();
    let certificates = Certificates::make(&home, "own");
    let hub = ListeningHub::start_encrypted(&home, &certificates);
    let client = Http2Client::new(&hub, certificates.authority());
    let asked = client.ask(Method::GET, "/login", &[("host", "evil.example")], "");
    assert_eq!(asked.status, 421, "{asked:?}");
    hub.end();
    let [(code, _)] = turned_away(&home).try_into().unwrap();
    assert_eq!(code, "other_host");
}
