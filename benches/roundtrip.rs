//! A traced and durable tool call over stdio, against a bare rmcp echo server and one fdatasync; how soon a client is
//! answered after it started `auditotter-mcp`; and what the hub weighs when nobody asks it anything.
//!
//! `cargo build --release && cargo bench -p benches --bench roundtrip`, with `-- quick` for a hundredth of the entries,
//! or `-- call` for the first row alone.

#![expect(
    clippy::unwrap_used,
    reason = "a bench that cannot measure has nothing to return"
)]

use std::{
    fs::File,
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
    time::Duration,
};

use benches::{Amount, Row, in_turns, percentile, print, resident, timed};
use rmcp::{
    ServerHandler, ServiceExt as _,
    model::{
        CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, ErrorData, ServerCapabilities,
        ServerConfig,
    },
    service::{RequestContext, RoleServer},
};
use serde_json::{Value, json};
use testkit::{Home, home::Lending};

const NOTE: &str = "Reading the session code first; the expiry is compared with the wrong clock.";

const CALLS: usize = 2_000;
const STARTS: usize = 30;

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.iter().any(|argument| argument == "echo") {
        return echo();
    }
    let quick = arguments.iter().any(|argument| argument == "quick");
    let home = Home::founded();
    home.lend(&Lending::to("claude-code"));
    let mut rows = vec![call(&home)];
    if arguments.iter().any(|argument| argument == "call") {
        return print(&rows);
    }
    rows.extend(starts(&home, "a new store"));
    home.fill(if quick { 10_000 } else { 1_000_000 });
    rows.extend(starts(&home, "1,000,000 entries"));
    let hub = home.hub().unwrap();
    rows.push(Row {
        name: "hub, resident when idle with 1,000,000 entries, against 60 MiB".into(),
        ours: resident(hub).unwrap(),
        baseline: Amount::Kibibytes(60 * 1024),
        at_most: 1.0,
    });
    print(&rows);
}

/// The same arguments through both servers; the baseline then makes as many bytes durable as a call takes in the ledger.
fn call(home: &Home) -> Row {
    let mut ours = Client::started(&mut home.auditotter_mcp(&[]));
    let mut bare = Client::started(Command::new(std::env::current_exe().unwrap()).arg("echo"));
    let mut file = File::create(home.file("baseline")).unwrap();
    let (ours, baseline) = in_turns(
        CALLS,
        || ours.note(),
        || {
            bare.note();
            file.write_all(&[7; 2 * 1024]).unwrap();
            file.sync_data().unwrap();
        },
    );
    Row {
        name: "stdio tool call, traced and durable, p50, against a bare echo server and one fdatasync".into(),
        ours: ours.into(),
        baseline: baseline.into(),
        at_most: 1.5,
    }
}

/// From starting `auditotter-mcp` until it answered `initialize`, with the hub up and with none; and until its first
/// call is on record, which is what needs the hub.
fn starts(home: &Home, store: &str) -> [Row; 3] {
    let begin = || drop(Client::started(&mut home.auditotter_mcp(&[])));
    let first_call = || Client::started(&mut home.auditotter_mcp(&[])).note();
    first_call();
    let median = |action: &dyn Fn(), hub_is_up: bool| {
        let mut samples: Vec<Duration> = (0..STARTS)
            .map(|_| {
                if !hub_is_up {
                    home.stop_hub();
                }
                timed(action)
            })
            .collect();
        percentile(&mut samples, 0.5)
    };
    let row = |what: &str, ours: Duration, milliseconds: u64| Row {
        name: format!("{what}, {store}, against {milliseconds} ms").into(),
        ours: ours.into(),
        baseline: Duration::from_millis(milliseconds).into(),
        at_most: 1.0,
    };
    let up = median(&begin, true);
    let down = median(&begin, false);
    let starting = median(&first_call, false);
    [
        row("start to `initialize` answered, hub up", up, 30),
        row("start to `initialize` answered, no hub yet", down, 150),
        row("start to first call answered, starting the hub", starting, 150),
    ]
}

/// A client that adds as little as can be: it writes a line and reads a line.
struct Client {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    line: String,
}

impl Client {
    fn started(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let mut client = Self {
            stdin: child.stdin.take().unwrap(),
            stdout: BufReader::new(child.stdout.take().unwrap()),
            child,
            line: String::new(),
        };
        client.ask(&json!({
            "jsonrpc": "2.0", "id": 1, "method": "initialize",
            "params": {
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": { "name": "claude-code", "version": "1.2.3" },
            },
        }));
        let initialized = json!({ "jsonrpc": "2.0", "method": "notifications/initialized" });
        client.say(&initialized);
        client
    }

    fn note(&mut self) {
        let answer = self.ask(&json!({
            "jsonrpc": "2.0", "id": 2, "method": "tools/call",
            "params": { "name": "append_trace_note", "arguments": { "text": NOTE } },
        }));
        assert_ne!(answer["result"]["isError"], json!(true), "{answer}");
    }

    fn say(&mut self, message: &Value) {
        // In one write, as clients do.
        self.stdin.write_all(format!("{message}\n").as_bytes()).unwrap();
    }

    fn ask(&mut self, message: &Value) -> Value {
        self.say(message);
        self.line.clear();
        self.stdout.read_line(&mut self.line).unwrap();
        let answer: Value = serde_json::from_str(&self.line).unwrap();
        assert!(answer["result"].is_object(), "{answer}");
        answer
    }
}

impl Drop for Client {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The least server that rmcp allows: it answers every call with the call's own arguments.
struct Echo;

impl ServerHandler for Echo {
    fn get_info(&self) -> ServerConfig {
        ServerConfig::new(ServerCapabilities::builder().enable_tools().build())
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        _context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        let arguments = Value::Object(request.arguments.unwrap_or_default());
        Ok(CallToolResult::success(vec![ContentBlock::text(arguments.to_string())]).into())
    }
}

fn echo() {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    runtime.block_on(async {
        let service = Echo.serve(rmcp::transport::stdio()).await.unwrap();
        service.waiting().await.unwrap();
    });
}
