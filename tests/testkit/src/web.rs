//! A hub that listens, and a client that says over HTTP exactly what a test wants said.

mod certificates;
mod elsewhere;
mod events;
mod http2;
mod shower;

pub use certificates::Certificates;
pub use elsewhere::Elsewhere;
pub use events::EventClient;
pub use http2::{Http2Answer, Http2Client};
pub use hyper::{Method, Version};
pub use shower::Shower;

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Command, Stdio},
    sync::mpsc::{self, RecvTimeoutError},
    thread,
};

use serde_json::{Value, json};
use ureq::{Agent, http::Response};

use crate::{
    Home,
    program::{self, PATIENCE},
    stdio::{RpcError, STATELESS, ToolAnswer, WITH_INITIALIZE},
};

/// A hub that serves HTTP in the foreground. When it is dropped, it ends.
#[derive(Debug)]
pub struct ListeningHub {
    child: Child,
    url: String,
}

impl ListeningHub {
    /// Starts a home's hub on any port that is free, in the place of one that nobody watches.
    ///
    /// # Panics
    /// Where it does not say in time where it is.
    #[must_use]
    pub fn start(home: &Home) -> Self {
        // One that was started for the same moment may have waited for its turn, and come before this one.
        let begun = (0..3).find_map(|_| {
            while home.stop_hub() {}
            let begun = Self::try_run(&mut home.auditotter(&["serve", "--listen", "127.0.0.1:0"]));
            assert!(
                begun.is_some() || home.hub().is_some(),
                "it ended, and no other hub is there"
            );
            begun
        });
        begun.expect("the hub says where it is")
    }

    /// Starts a home's hub as [`Self::start`] does, on the port where one was that ended.
    #[must_use]
    pub fn start_again(home: &Home, port: u16) -> Self {
        home.stop_hub();
        let address = format!("127.0.0.1:{port}");
        Self::run(&mut home.auditotter(&["serve", "--listen", &address]))
    }

    /// Starts a home's hub as [`Self::start`] does, with a certificate.
    ///
    /// # Panics
    /// Where the paths are no text.
    #[must_use]
    pub fn start_encrypted(home: &Home, certificates: &Certificates) -> Self {
        home.stop_hub();
        let mut command = home.auditotter(&["serve", "--listen", "127.0.0.1:0", "--tls-cert"]);
        command
            .arg(certificates.chain())
            .arg("--tls-key")
            .arg(certificates.key());
        Self::run(&mut command)
    }

    /// Runs a command that becomes a hub.
    ///
    /// # Panics
    /// Where it does not say in time where it is.
    #[must_use]
    pub fn run(command: &mut Command) -> Self {
        Self::try_run(command).expect("the hub says where it is")
    }

    /// Runs a command that becomes a hub, if it does.
    ///
    /// # Panics
    /// Where it does nothing in time.
    #[must_use]
    pub fn try_run(command: &mut Command) -> Option<Self> {
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .spawn()
            .expect("the hub runs");
        let stdout = child.stdout.take().expect("stdout is piped");
        let (said, heard) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines().map_while(Result::ok) {
                let _ = said.send(line);
            }
        });
        let url = loop {
            let line = match heard.recv_timeout(PATIENCE) {
                Ok(line) => line,
                Err(RecvTimeoutError::Disconnected) => {
                    child.wait().expect("a child can be waited for");
                    return None;
                }
                Err(RecvTimeoutError::Timeout) => panic!("the hub does not say where it is"),
            };
            if let Some(url) = line.strip_prefix("the inbox is at ") {
                break url.to_owned();
            }
        };
        Some(Self { child, url })
    }

    /// Where it is, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// Its port.
    ///
    /// # Panics
    /// Where its address has none.
    #[must_use]
    pub fn port(&self) -> u16 {
        let (_, port) = self.url.rsplit_once(':').expect("an address with a port");
        port.parse().expect("a port is a number")
    }

    /// The host and port that requests to it name.
    #[must_use]
    pub fn host(&self) -> String {
        format!("localhost:{}", self.port())
    }

    /// Asks it to end, and does not wait.
    ///
    /// # Panics
    /// Where it is gone already.
    pub fn ask_to_end(&self) {
        let pid = rustix::process::Pid::from_child(&self.child);
        rustix::process::kill_process(pid, rustix::process::Signal::TERM).expect("it runs");
    }

    /// Asks it to end, and waits until it has.
    ///
    /// # Panics
    /// Where it does not end well in time.
    pub fn end(mut self) {
        self.ask_to_end();
        let status = program::ended(&mut self.child, PATIENCE).expect("the hub ends in time");
        assert!(status.success(), "the hub ended badly: {status}");
    }

    /// Kills it as a crash would.
    ///
    /// # Panics
    /// Where it cannot be waited for.
    pub fn kill(mut self) {
        let _ = self.child.kill();
        self.child.wait().expect("a child can be waited for");
    }
}

impl Drop for ListeningHub {
    fn drop(&mut self) {
        if self.child.try_wait().is_ok_and(|ended| ended.is_none()) {
            self.ask_to_end();
            if program::ended(&mut self.child, PATIENCE).is_none() {
                let _ = self.child.kill();
                let _ = self.child.wait();
            }
        }
    }
}

/// What was answered over HTTP.
#[derive(Debug, Clone)]
pub struct WebAnswer {
    /// The status.
    pub status: u16,
    /// The headers, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, as text.
    pub text: String,
}

impl WebAnswer {
    fn of(mut response: Response<ureq::Body>) -> Self {
        let headers = response
            .headers()
            .iter()
            .map(|(name, value)| {
                (
                    name.to_string(),
                    String::from_utf8_lossy(value.as_bytes()).into_owned(),
                )
            })
            .collect();
        Self {
            status: response.status().as_u16(),
            headers,
            text: response.body_mut().read_to_string().expect("a body can be read"),
        }
    }

    /// A header's value; empty where there is none.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .iter()
            .find(|(known, _)| known == name)
            .map_or("", |(_, value)| value)
    }

    /// The body's JSON: of an event stream, its last message.
    ///
    /// # Panics
    /// Where there is none.
    #[must_use]
    pub fn json(&self) -> Value {
        let last = self.messages().pop();
        last.unwrap_or_else(|| panic!("{} without JSON: {}", self.status, self.text))
    }

    /// Every JSON message in the body.
    #[must_use]
    pub fn messages(&self) -> Vec<Value> {
        if self.header("content-type").starts_with("text/event-stream") {
            let data = self.text.lines().filter_map(|line| line.strip_prefix("data:"));
            data.filter_map(|json| serde_json::from_str(json).ok()).collect()
        } else {
            serde_json::from_str(&self.text).into_iter().collect()
        }
    }

    /// The code of the problem in the body; empty where it is none.
    #[must_use]
    pub fn code(&self) -> String {
        let json: Value = serde_json::from_str(&self.text).unwrap_or_default();
        json["code"].as_str().unwrap_or_default().to_owned()
    }
}

/// A client of `/mcp`, in either era.
#[derive(Debug, Clone)]
pub struct WebClient {
    agent: Agent,
    url: String,
    /// What it shows.
    pub credential: Option<String>,
    /// The protocol session that it is in.
    pub session: Option<String>,
    /// What it says beside that.
    pub headers: Vec<(String, String)>,
    version: String,
    next_id: u64,
}

impl WebClient {
    /// A client of this hub that said nothing yet and speaks the newest version.
    #[must_use]
    pub fn new(hub: &ListeningHub, credential: Option<String>) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .timeout_global(Some(PATIENCE))
            .build();
        Self {
            agent: config.into(),
            url: format!("{}/mcp", hub.url()),
            credential,
            session: None,
            headers: Vec::new(),
            version: STATELESS.to_owned(),
            next_id: 1,
        }
    }

    /// A client with a session of its own under what is lent to Claude Code.
    #[must_use]
    pub fn lent(home: &Home, hub: &ListeningHub) -> Self {
        Self::new(hub, Some(home.bearer("claude-code")))
    }

    /// Begins as clients did before the stateless era.
    ///
    /// # Panics
    /// Where the server says no.
    #[must_use]
    pub fn with_initialize(mut self, capabilities: &Value) -> Self {
        WITH_INITIALIZE.clone_into(&mut self.version);
        let answer = self.send(
            "initialize",
            json!({
                "protocolVersion": WITH_INITIALIZE,
                "capabilities": capabilities,
                "clientInfo": { "name": "claude-code", "version": "2.1.0" },
            }),
        );
        assert_eq!(answer.status, 200, "{answer:?}");
        self.session = Some(answer.header("mcp-session-id").to_owned());
        let accepted = self.post(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        assert_eq!(accepted.status, 202, "{accepted:?}");
        self
    }

    /// Says something else beside each request.
    #[must_use]
    pub fn saying(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.to_owned(), value.to_owned()));
        self
    }

    /// Sends a request.
    pub fn send(&mut self, method: &str, params: Value) -> WebAnswer {
        let message = self.message(method, params);
        self.post(&message)
    }

    /// A request, as it would be sent.
    pub fn message(&mut self, method: &str, mut params: Value) -> Value {
        let id = self.next_id;
        self.next_id += 1;
        if self.version == STATELESS {
            let meta = &mut params["_meta"];
            meta["io.modelcontextprotocol/protocolVersion"] = json!(STATELESS);
            if meta["io.modelcontextprotocol/clientCapabilities"].is_null() {
                meta["io.modelcontextprotocol/clientCapabilities"] = json!({});
            }
            meta["io.modelcontextprotocol/clientInfo"] = json!({ "name": "claude-code", "version": "2.1.0" });
        }
        json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params })
    }

    /// Posts a message, with the headers that belong to it.
    #[must_use]
    pub fn post(&self, message: &Value) -> WebAnswer {
        let mut extra = vec![("mcp-protocol-version".to_owned(), self.version.clone())];
        if self.version == STATELESS {
            let said = |name: &str, value: &Value| Some((name.to_owned(), value.as_str()?.to_owned()));
            extra.extend(said("mcp-method", &message["method"]));
            let params = &message["params"];
            let name = if params["name"].is_null() {
                &params["uri"]
            } else {
                &params["name"]
            };
            extra.extend(said("mcp-name", name));
        }
        if message["method"] == "initialize" {
            extra.clear();
        }
        self.post_bytes(message.to_string().as_bytes(), &extra)
    }

    /// Posts whatever it is.
    ///
    /// # Panics
    /// Where nothing is answered.
    #[must_use]
    pub fn post_bytes(&self, bytes: &[u8], extra: &[(String, String)]) -> WebAnswer {
        let mut request = self
            .agent
            .post(&self.url)
            .header("content-type", "application/json")
            .header("accept", "application/json, text/event-stream");
        for (name, value) in self.shown().iter().chain(extra) {
            request = request.header(name, value);
        }
        WebAnswer::of(request.send(bytes).expect("the hub answers"))
    }

    /// Posts to a path of the hub, with what each request shows and nothing beside.
    ///
    /// # Panics
    /// Where nothing is answered.
    #[must_use]
    pub fn post_to(&self, path: &str, bytes: &[u8]) -> WebAnswer {
        let base = self.url.trim_end_matches("/mcp");
        let mut request = self
            .agent
            .post(format!("{base}{path}"))
            .header("content-type", "application/json");
        for (name, value) in self.shown() {
            request = request.header(name, value);
        }
        WebAnswer::of(request.send(bytes).expect("the hub answers"))
    }

    /// Gets a path of the hub, as an event stream or whatever it is.
    #[must_use]
    pub fn get(&self, path: &str) -> WebAnswer {
        WebAnswer::of(self.stream(path))
    }

    /// Gets a path of the hub, whose body is not read yet.
    ///
    /// # Panics
    /// Where nothing is answered.
    #[must_use]
    pub fn stream(&self, path: &str) -> Response<ureq::Body> {
        let base = self.url.trim_end_matches("/mcp");
        let mut request = self
            .agent
            .get(format!("{base}{path}"))
            .header("accept", "text/event-stream, application/json");
        for (name, value) in self.shown() {
            request = request.header(name, value);
        }
        request.call().expect("the hub answers")
    }

    /// Ends the protocol session.
    ///
    /// # Panics
    /// Where nothing is answered.
    #[must_use]
    pub fn delete(&self) -> WebAnswer {
        let mut request = self.agent.delete(&self.url);
        for (name, value) in self.shown() {
            request = request.header(name, value);
        }
        WebAnswer::of(request.call().expect("the hub answers"))
    }

    /// What each request shows.
    #[must_use]
    pub fn shown(&self) -> Vec<(String, String)> {
        let mut shown = self.headers.clone();
        if let Some(credential) = &self.credential {
            shown.push(("authorization".to_owned(), format!("Bearer {credential}")));
        }
        if let Some(session) = &self.session {
            shown.push(("mcp-session-id".to_owned(), session.clone()));
        }
        shown
    }

    /// Sends a request and takes its result.
    ///
    /// # Errors
    /// [`RpcError`].
    ///
    /// # Panics
    /// Where what is answered is no JSON-RPC.
    pub fn request(&mut self, method: &str, params: Value) -> Result<Value, RpcError> {
        let answered = self.send(method, params).json();
        match &answered["error"] {
            Value::Null => Ok(answered["result"].clone()),
            error => Err(RpcError::from(error)),
        }
    }

    /// Calls a tool.
    ///
    /// # Panics
    /// Where that is answered with an error of the protocol.
    pub fn call(&mut self, tool: &str, arguments: Value) -> ToolAnswer {
        match self.request("tools/call", json!({ "name": tool, "arguments": arguments })) {
            Ok(result) => ToolAnswer::from(&result),
            Err(error) => panic!("{tool}: {error:?}"),
        }
    }
}

impl Home {
    /// Serves this home's inbox on a port that is free, until what is returned is dropped.
    #[must_use]
    pub fn serve(&self) -> ListeningHub {
        ListeningHub::start(self)
    }

    /// What a client shows over HTTP that acts under what was lent to this agent: a new session's credential.
    ///
    /// # Panics
    /// Where nothing was lent.
    #[must_use]
    pub fn bearer(&self, agent: &str) -> String {
        let printed = program::run(self.auditotter_mcp(&["bearer", "--agent", agent])).expect_success();
        printed.trim().to_owned()
    }
}
