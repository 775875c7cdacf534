//! MCP's Inspector, from the command line: a client that others wrote and that takes nothing on trust, over every transport.

use serde_json::Value;
use testkit::{Home, ListeningHub, clients::NodeProgram, home::Lending, program};

const INSPECTOR: NodeProgram = NodeProgram("@modelcontextprotocol/inspector/clients/launcher/build/index.js");

/// How it reaches the server.
struct Target(Vec<String>);

impl Target {
    fn stdio(home: &Home) -> Self {
        let server = program::path("auditotter-mcp").display().to_string();
        let home = home.path().display().to_string();
        Self(vec![
            "-e".to_owned(),
            format!("AUDITOTTER_HOME={home}"),
            "--transport".to_owned(),
            "stdio".to_owned(),
            server,
        ])
    }

    fn web(home: &Home, hub: &ListeningHub, transport: &str, path: &str) -> Self {
        Self(vec![
            "--transport".to_owned(),
            transport.to_owned(),
            "--server-url".to_owned(),
            format!("{}{path}", hub.url()),
            "--header".to_owned(),
            format!("Authorization: Bearer {}", home.bearer("claude-code")),
        ])
    }

    /// Asks for one thing.
    fn ask(&self, home: &Home, arguments: &[&str]) -> Value {
        let mut inspector = INSPECTOR.command().unwrap();
        inspector
            .current_dir(home.user())
            .env("HOME", home.user())
            .arg("--cli")
            .args(&self.0)
            .args(arguments);
        let ran = program::run(inspector);
        assert_eq!(ran.code, Some(0), "{arguments:?}: {}\n{}", ran.stdout, ran.stderr);
        serde_json::from_str(&ran.stdout).unwrap()
    }
}

fn inspected(home: &Home, target: &Target) {
    // `--strict` fails where a schema is one that some client cannot read.
    let listed = target.ask(home, &["--method", "tools/list", "--strict"]);
    assert_eq!(listed["tools"].as_array().map(Vec::len), Some(10), "{listed}");
    let proposed = target.ask(
        home,
        &[
            "--method",
            "tools/call",
            "--tool-name",
            "propose_work_item",
            "--tool-arg",
            "title=Fix a typo",
        ],
    );
    let item = &proposed["structuredContent"];
    assert_eq!(item["state"], "proposed", "{proposed}");
    let address = format!("auditotter://work-items/{}", item["id"].as_str().unwrap());
    let read = target.ask(home, &["--method", "resources/read", "--uri", &address]);
    let text: Value = serde_json::from_str(read["contents"][0]["text"].as_str().unwrap()).unwrap();
    assert_eq!(text["title"], "Fix a typo", "{read}");
}

#[test]
fn the_inspector_finds_its_way_over_stdio() {
    if INSPECTOR.command().is_none() {
        return;
    }
    let home = Home::lent();
    let _own = home.lend(&Lending::to("inspector-cli"));
    inspected(&home, &Target::stdio(&home));
}

#[test]
fn the_inspector_finds_its_way_over_http() {
    if INSPECTOR.command().is_none() {
        return;
    }
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    inspected(&home, &Target::web(&home, &hub, "http", "/mcp"));
    hub.end();
}

#[test]
fn the_inspector_finds_its_way_over_http_and_sse() {
    if INSPECTOR.command().is_none() {
        return;
    }
    let home = Home::lent();
    let hub = ListeningHub::start(&home);
    inspected(&home, &Target::web(&home, &hub, "sse", "/sse"));
    hub.end();
}
