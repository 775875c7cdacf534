//! Agents over HTTP: tool calls of 64 connections at once against what the store itself makes durable, alone and behind bare HTTP, and 1,000
//! sessions that propose for a minute.
//!
//! `cargo build --release && cargo bench -p benches --bench agents`, with `-- quick` for a tenth of both, or `-- calls`
//! for the first two rows alone.

#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a bench that cannot measure has nothing to return, and prints what it measured"
)]

use std::{
    collections::HashSet,
    convert::Infallible,
    future::IntoFuture as _,
    io::{Read as _, Write as _},
    net::TcpStream,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use axum::{body::Bytes, extract::Path};
use benches::{Amount, Row, in_turns, print, resident};
use delegation::{Bearer, DelegationToken, HolderKey, Narrowing};
use hub::clock;
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_json::{Value, json};
use testkit::{Home, ListeningHub, home::Lending};
use trace_store::{Config, Draft, Kind, Ledger, NewEntry, Refs, Salt, SaltedBody, Store, Via};
use vocabulary::{TraceId, WorkspaceId};

/// As in `roundtrip`.
const NOTE: &str = "Reading the session code first; the expiry is compared with the wrong clock.";

const CONNECTIONS: usize = 64;

/// What a call leaves in the ledger: `tool.called`, `note.appended` and `tool.returned`.
const ENTRIES: usize = 3;

/// How many sessions propose, each once a second.
const SESSIONS: usize = 1_000;

const PACE: Duration = Duration::from_secs(1);

fn main() {
    let has = |word: &str| std::env::args().any(|argument| argument == word);
    let quick = has("quick");
    take_all_files();
    let each = if quick { 20 } else { 200 };
    let mut rows = vec![calls(each), calls_against_bare_http(each)];
    if !has("calls") {
        rows.push(sessions(Duration::from_secs(if quick { 6 } else { 60 })));
    }
    print(&rows);
}

/// Each connection is a file, at this end too, and shells allow 1,024.
fn take_all_files() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let all = Rlimit {
        current: maximum,
        maximum,
    };
    setrlimit(Resource::Nofile, all).unwrap();
}

/// As many calls on each connection, and as many entries by as many writers of the store alone, in turns.
fn calls(each: usize) -> Row {
    let dir = tempfile::tempdir().unwrap();
    let ledger = open(&dir);
    against("the store alone", each, || {
        thread::scope(|scope| {
            for writer in 0..CONNECTIONS {
                let ledger = &ledger;
                scope.spawn(move || (0..each).for_each(|_| append(ledger, writer)));
            }
        });
    })
}

/// The same calls, and as many requests of the same clients to the barest server over HTTP that makes as many entries
/// durable before it answers: what is left is what MCP, delegation and the record cost.
fn calls_against_bare_http(each: usize) -> Row {
    let dir = tempfile::tempdir().unwrap();
    let ledger = Arc::new(open(&dir));
    // As the hub has it: one thread for all sockets, and the ledger's own.
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_all()
        .build()
        .unwrap();
    let listener = runtime
        .block_on(tokio::net::TcpListener::bind(("127.0.0.1", 0)))
        .unwrap();
    let port = listener.local_addr().unwrap().port();
    let appending = move |Path(writer): Path<usize>, _read: Bytes| {
        let (answer, answered) = tokio::sync::oneshot::channel();
        ledger
            .submit(appends(writer), move |result| answer.send(result).unwrap())
            .unwrap();
        async {
            answered.await.unwrap().unwrap();
            NOTE
        }
    };
    let app = axum::Router::new().route("/{writer}", axum::routing::post(appending));
    thread::spawn(move || runtime.block_on(axum::serve(listener, app).into_future()));
    let mut clients: Vec<Agent> = (0..CONNECTIONS).map(|writer| Agent::bare(port, writer)).collect();
    against("behind bare HTTP", each, || {
        thread::scope(|scope| {
            for client in &mut clients {
                scope.spawn(move || {
                    let request = json!({ "text": NOTE });
                    (0..each).for_each(|_| client.send(&request, ""));
                    assert!(client.answer.starts_with(b"HTTP/1.1 200 "));
                });
            }
        });
    })
}

/// As many calls on each connection against something that leaves as many entries, in turns.
fn against(what: &str, each: usize, baseline: impl FnMut()) -> Row {
    let home = Home::founded();
    let delegation = lent(&home);
    let hub = ListeningHub::start(&home);
    let mut agents: Vec<Agent> = (0..CONNECTIONS)
        .map(|_| Agent::connected(&hub, &delegation))
        .collect();
    let (ours, baseline) = in_turns(
        9,
        || {
            thread::scope(|scope| {
                for agent in &mut agents {
                    scope.spawn(move || {
                        for _ in 0..each {
                            let noted = agent.call("append_trace_note", &json!({ "text": NOTE }));
                            assert_eq!(noted["isError"], false, "{noted}");
                        }
                    });
                }
            });
        },
        baseline,
    );
    let rate = |time: Duration| {
        let entries = u32::try_from(CONNECTIONS * each * ENTRIES).unwrap();
        f64::from(entries) / time.as_secs_f64()
    };
    println!(
        "{CONNECTIONS} connections: ours {:.0} entries/s, {what} {:.0}/s",
        rate(ours),
        rate(baseline)
    );
    drop(agents);
    hub.end();
    Row {
        name: format!(
            "/mcp tool calls, traced and durable, 64 connections, against {what} (time; at most 1/0.8)"
        )
        .into(),
        ours: ours.into(),
        baseline: baseline.into(),
        at_most: 1.0 / 0.8,
    }
}

/// Every session proposes once a second, on a connection and in a protocol session of its own.
fn sessions(lasting: Duration) -> Row {
    let home = Home::founded();
    let delegation = lent(&home);
    let hub = ListeningHub::start(&home);
    let pid = home.hub().unwrap();
    let mut agents: Vec<Agent> = (0..SESSIONS)
        .map(|_| Agent::connected(&hub, &delegation))
        .collect();
    agents.iter_mut().for_each(Agent::initialize);
    println!("{SESSIONS} sessions connected: {}", resident(pid).unwrap());
    let over = AtomicBool::new(false);
    let began = Instant::now();
    let (proposed, slowest, most) = thread::scope(|scope| {
        let proposing: Vec<_> = agents
            .iter_mut()
            .enumerate()
            .map(|(number, agent)| {
                let own = thread::Builder::new().stack_size(256 * 1024);
                own.spawn_scoped(scope, move || propose(agent, number, began, lasting))
                    .unwrap()
            })
            .collect();
        let over = &over;
        let watching = scope.spawn(move || {
            let mut most = 0;
            while !over.load(Ordering::Relaxed) {
                if let Amount::Kibibytes(now) = resident(pid).unwrap() {
                    most = most.max(now);
                }
                thread::sleep(PACE / 10);
            }
            most
        });
        let mut ids = HashSet::new();
        let mut slowest = Duration::ZERO;
        for proposing in proposing {
            let (own, slow) = proposing.join().unwrap();
            slowest = slowest.max(slow);
            for id in own {
                assert!(ids.insert(id), "two proposals are one");
            }
        }
        over.store(true, Ordering::Relaxed);
        (ids.len(), slowest, watching.join().unwrap())
    });
    let took = began.elapsed();
    drop(agents);
    hub.end();
    let chain = home.workspace_chain();
    let count = |kind: &str| chain.iter().filter(|entry| entry.kind == kind).count();
    assert_eq!(
        count("work_item.proposed"),
        proposed,
        "what was answered is on record"
    );
    assert_eq!(count("access.denied"), 0);
    println!("{proposed} proposals in {took:.1?}, none refused, none lost; the slowest took {slowest:.1?}");
    Row {
        name: "hub, resident at most while 1,000 sessions propose each second, against 400 MiB".into(),
        ours: Amount::Kibibytes(most),
        baseline: Amount::Kibibytes(400 * 1024),
        at_most: 1.0,
    }
}

fn propose(agent: &mut Agent, number: usize, began: Instant, lasting: Duration) -> (Vec<String>, Duration) {
    let mut ids = Vec::new();
    let mut slowest = Duration::ZERO;
    // Not all within the same moment of each second.
    let mut next = PACE * u32::try_from(number).unwrap() / u32::try_from(SESSIONS).unwrap();
    while next < lasting {
        thread::sleep(next.saturating_sub(began.elapsed()));
        let start = Instant::now();
        let title = format!("Fix the reset link of tenant {number}");
        let proposed = agent.call("propose_work_item", &json!({ "title": title }));
        assert_eq!(proposed["isError"], false, "{proposed}");
        ids.push(proposed["structuredContent"]["id"].as_str().unwrap().to_owned());
        slowest = slowest.max(start.elapsed());
        next += PACE;
    }
    (ids, slowest)
}

fn lent(home: &Home) -> DelegationToken {
    let delegation = home.mint(&home.grant(&Lending::to("claude-code")));
    home.register(&delegation);
    delegation
}

/// A client that adds as little as can be: a connection, and requests whose head was written once.
struct Agent {
    stream: TcpStream,
    head: String,
    initialized: bool,
    answer: Vec<u8>,
}

impl Agent {
    fn connected(hub: &ListeningHub, delegation: &DelegationToken) -> Self {
        let holder = HolderKey::from_entropy(clock::random().unwrap());
        let narrowing = Narrowing {
            session: clock::new_id().unwrap(),
            holder: holder.public(),
            verbs: delegation.grant().verbs.clone(),
            expires_at: hub::words::whole_seconds(clock::now().saturating_add(time::Duration::minutes(50))),
        };
        let token = delegation
            .attenuate(&narrowing, clock::random().unwrap())
            .unwrap();
        let shown = Bearer::compose(&token, &holder);
        let stream = TcpStream::connect(("127.0.0.1", hub.port())).unwrap();
        stream.set_nodelay(true).unwrap();
        let head = format!(
            "POST /mcp HTTP/1.1\r\nhost: {}\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\n\
             accept: application/json, text/event-stream\r\n",
            hub.host(),
            shown.as_str()
        );
        Self {
            stream,
            head,
            initialized: false,
            answer: Vec::new(),
        }
    }

    /// A client of a server that wants nothing to be shown.
    fn bare(port: u16, writer: usize) -> Self {
        let stream = TcpStream::connect(("127.0.0.1", port)).unwrap();
        stream.set_nodelay(true).unwrap();
        Self {
            stream,
            head: format!("POST /{writer} HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"),
            initialized: false,
            answer: Vec::new(),
        }
    }

    /// Begins a protocol session; without, each request is one by itself (2026-07-28).
    fn initialize(&mut self) {
        let client = json!({ "name": "claude-code", "version": "2.1.0" });
        let params = json!({ "protocolVersion": "2025-11-25", "capabilities": {}, "clientInfo": client });
        self.send(
            &json!({ "jsonrpc": "2.0", "id": 1, "method": "initialize", "params": params }),
            "",
        );
        let head = String::from_utf8_lossy(&self.answer).into_owned();
        let session = head
            .lines()
            .find_map(|line| line.strip_prefix("mcp-session-id: "))
            .unwrap();
        self.head += &format!("mcp-session-id: {session}\r\nmcp-protocol-version: 2025-11-25\r\n");
        self.send(
            &json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }),
            "",
        );
        self.initialized = true;
    }

    fn call(&mut self, tool: &str, arguments: &Value) -> Value {
        let mut params = json!({ "name": tool, "arguments": arguments });
        let mut head = String::new();
        if !self.initialized {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": "2026-07-28",
                "io.modelcontextprotocol/clientCapabilities": {},
                "io.modelcontextprotocol/clientInfo": { "name": "claude-code", "version": "2.1.0" },
            });
            head =
                format!("mcp-protocol-version: 2026-07-28\r\nmcp-method: tools/call\r\nmcp-name: {tool}\r\n");
        }
        self.send(
            &json!({ "jsonrpc": "2.0", "id": 2, "method": "tools/call", "params": params }),
            &head,
        );
        let text = std::str::from_utf8(&self.answer).unwrap();
        assert!(text.starts_with("HTTP/1.1 200 "), "{text}");
        let results = text
            .lines()
            .map(|line| line.strip_prefix("data:").unwrap_or(line));
        let mut answered = results.filter_map(|line| serde_json::from_str::<Value>(line).ok());
        answered
            .find_map(|message| message.get("result").cloned())
            .unwrap_or_else(|| unanswered(text))
    }

    /// Sends a message, and reads what is answered to its end.
    fn send(&mut self, message: &Value, head: &str) {
        let body = message.to_string();
        let request = format!("{}{head}content-length: {}\r\n\r\n{body}", self.head, body.len());
        self.stream.write_all(request.as_bytes()).unwrap();
        self.answer.clear();
        let mut chunk = [0; 8 * 1024];
        while !is_whole(&self.answer) {
            let read = self.stream.read(&mut chunk).unwrap();
            assert!(
                read > 0,
                "the hub closed the connection: {}",
                String::from_utf8_lossy(&self.answer)
            );
            self.answer.extend_from_slice(&chunk[..read]);
        }
    }
}

#[expect(clippy::panic, reason = "a bench that cannot measure has nothing to return")]
fn unanswered(text: &str) -> ! {
    panic!("no result: {text}")
}

/// Whether an answer has come to its end, by its length or by its last chunk.
fn is_whole(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|part| part == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&answer[..end]);
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.parse::<usize>().ok());
    match length {
        Some(length) => answer.len() >= end + 4 + length,
        None => answer.ends_with(b"0\r\n\r\n"),
    }
}

fn open(dir: &tempfile::TempDir) -> Ledger<()> {
    let config = Config {
        workspace: WorkspaceId::new(1, [1; 10]),
        clock: Box::new(clock::now),
        entropy: Box::new(|bytes| getrandom::fill(bytes).unwrap()),
    };
    Ledger::open(dir.path(), config, |_: &Store| Ok::<_, Infallible>(())).unwrap()
}

fn append(ledger: &Ledger<()>, writer: usize) {
    ledger.call(appends(writer)).unwrap();
}

/// As many entries, with bodies as long, as a call of `append_trace_note` leaves.
fn appends(writer: usize) -> impl FnOnce(&mut (), &mut Draft<'_>) + Send + 'static {
    let trace = TraceId::new(2, [u8::try_from(writer).unwrap(); 10]);
    let entries: Vec<_> = (0..ENTRIES)
        .map(|_| {
            let salt = Salt::from_bytes(clock::random().unwrap());
            let body = SaltedBody::new(salt, vec![7; 150]);
            let entry = NewEntry {
                kind: Kind::from_static("tool.called"),
                on_behalf_of: Some(vocabulary::MemberId::new(3, [3; 10])),
                via: Some(Via::new("claude-code", Some("2.1.0"), Some("http 127.0.0.1")).unwrap()),
                delegation: Some(vocabulary::DelegationId::new(4, [4; 10])),
                refs: Refs::new().with("tool", "append_trace_note").unwrap(),
                body: None,
            };
            (entry, body)
        })
        .collect();
    move |(), draft| {
        for (entry, body) in entries {
            draft.append_salted(trace, entry, body).unwrap();
        }
    }
}
