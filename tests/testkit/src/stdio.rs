//! An MCP client that says exactly what a test wants said, also what no well-behaved client would: JSON-RPC,
//! a line a message, over the stdin and stdout of a child.
//!
//! Whatever the child writes on stdout must be JSON-RPC; the first line that is not fails the test. Nothing is
//! waited for longer than [`PATIENCE`].

use std::{
    collections::HashMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    process::{Child, ChildStdin, Command, ExitStatus, Stdio},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread::{self, JoinHandle},
};

use serde_json::{Value, json};

use crate::program::PATIENCE;

/// The newest protocol version that begins with `initialize`.
pub const WITH_INITIALIZE: &str = "2025-11-25";

/// The protocol version without `initialize`: each request says who asks.
pub const STATELESS: &str = "2026-07-28";

/// A running server and the conversation with it.
#[derive(Debug)]
pub struct StdioClient {
    child: Child,
    stdin: Option<ChildStdin>,
    lines: Receiver<String>,
    stderr: Option<JoinHandle<String>>,
    next_id: u64,
    stateless: bool,
    capabilities: Value,
    early: HashMap<String, Value>,
    notices: Vec<Value>,
}

/// A JSON-RPC error.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RpcError {
    /// JSON-RPC's code.
    pub code: i64,
    /// For the one who reads it.
    pub message: String,
    /// What else was said.
    pub data: Value,
}

/// What a tool answered.
#[derive(Debug, Clone)]
pub struct ToolAnswer {
    /// Whether it says that it failed.
    pub is_error: bool,
    /// Its short text.
    pub text: String,
    /// Its structured content; null where there is none.
    pub structured: Value,
}

impl StdioClient {
    /// Starts a server and says nothing yet.
    #[must_use]
    pub fn start(command: &mut Command) -> Self {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap_or_else(|error| panic!("{} does not run: {error}", command.get_program().display()));
        let stdin = child.stdin.take();
        let stdout = child.stdout.take().expect("stdout is piped");
        let mut errors = child.stderr.take().expect("stderr is piped");
        let (arrived, lines) = mpsc::channel();
        thread::spawn(move || {
            for line in BufReader::new(stdout).lines() {
                if arrived.send(line.expect("stdout is UTF-8")).is_err() {
                    return;
                }
            }
        });
        let stderr = thread::spawn(move || {
            let mut text = Vec::new();
            let _ = errors.read_to_end(&mut text);
            String::from_utf8_lossy(&text).into_owned()
        });
        Self {
            child,
            stdin,
            lines,
            stderr: Some(stderr),
            next_id: 1,
            stateless: false,
            capabilities: json!({}),
            early: HashMap::new(),
            notices: Vec::new(),
        }
    }

    /// Starts a server and begins as Claude Code does.
    #[must_use]
    pub fn claude_code(command: &mut Command) -> Self {
        let mut client = Self::start(command);
        client
            .initialize(WITH_INITIALIZE, "claude-code")
            .expect("initialize is answered");
        client
    }

    /// Says from here on what it can do.
    pub fn declare(&mut self, capabilities: Value) {
        self.capabilities = capabilities;
    }

    /// Begins as clients do until 2025-11-25.
    ///
    /// # Errors
    /// What the server answers instead.
    pub fn initialize(&mut self, version: &str, client: &str) -> Result<Value, RpcError> {
        let asked = json!({
            "protocolVersion": version,
            "capabilities": self.capabilities,
            "clientInfo": { "name": client, "version": "1.2.3" },
        });
        let answered = self.request("initialize", asked)?;
        self.notify("notifications/initialized", json!({}));
        Ok(answered)
    }

    /// From here on each request says by itself who asks, as 2026-07-28 wants it.
    pub const fn go_stateless(&mut self) {
        self.stateless = true;
    }

    /// Asks and waits for the answer.
    ///
    /// # Errors
    /// The server's error.
    pub fn request(&mut self, method: &str, params: Value) -> Result<Value, RpcError> {
        let id = self.send(method, params);
        self.answer(id)
    }

    /// Calls a tool and waits for its answer.
    ///
    /// # Panics
    /// Where the answer is a JSON-RPC error.
    pub fn call(&mut self, tool: &str, arguments: Value) -> ToolAnswer {
        self.try_call(tool, arguments)
            .unwrap_or_else(|error| panic!("{tool} was not answered as a tool: {error:?}"))
    }

    /// Calls a tool and waits for its answer.
    ///
    /// # Errors
    /// The server's error, where it does not answer as a tool does.
    pub fn try_call(&mut self, tool: &str, arguments: Value) -> Result<ToolAnswer, RpcError> {
        self.request("tools/call", json!({ "name": tool, "arguments": arguments }))
            .map(|result| ToolAnswer::from(&result))
    }

    /// Asks without waiting.
    pub fn send(&mut self, method: &str, mut params: Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        if self.stateless {
            params["_meta"] = json!({
                "io.modelcontextprotocol/protocolVersion": STATELESS,
                "io.modelcontextprotocol/clientCapabilities": self.capabilities,
                "io.modelcontextprotocol/clientInfo": { "name": "claude-code", "version": "1.2.3" },
            });
        }
        self.message(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        id
    }

    /// Waits for the answer to what was sent.
    ///
    /// # Errors
    /// The server's error.
    pub fn answer(&mut self, id: u64) -> Result<Value, RpcError> {
        self.answer_to(&json!(id))
    }

    /// Waits for the answer to what was sent under an id of the test's own.
    ///
    /// # Errors
    /// The server's error.
    pub fn answer_to(&mut self, id: &Value) -> Result<Value, RpcError> {
        let message = self.addressed_to(id);
        match message.get("error") {
            None => Ok(message["result"].clone()),
            Some(error) => Err(RpcError::from(error)),
        }
    }

    /// Waits for a notification, and returns its parameters.
    ///
    /// # Panics
    /// Where the server ends, or is silent, without it.
    pub fn notice(&mut self, method: &str) -> Value {
        loop {
            let told = self.notices.iter().position(|notice| notice["method"] == method);
            if let Some(place) = told {
                return self.notices.remove(place)["params"].clone();
            }
            let Some(message) = self.next() else {
                panic!("the server ended without telling {method}");
            };
            self.sort_in(message);
        }
    }

    /// Waits for a request of the server's, and returns its id and parameters.
    ///
    /// # Panics
    /// Where the server ends, or is silent, without it.
    pub fn asked(&mut self, method: &str) -> (Value, Value) {
        loop {
            if let Some(place) = self.notices.iter().position(|asked| asked["method"] == method) {
                let asked = self.notices.remove(place);
                return (asked["id"].clone(), asked["params"].clone());
            }
            let Some(message) = self.next() else {
                panic!("the server ended without asking {method}");
            };
            self.sort_in(message);
        }
    }

    /// Whether the server said this, among what came until now.
    #[must_use]
    pub fn has_heard(&self, method: &str) -> bool {
        self.notices.iter().any(|notice| notice["method"] == method)
    }

    /// Answers a request of the server's, with a result or an error.
    pub fn reply(&mut self, id: &Value, answer: &Value) {
        let mut message = json!({ "jsonrpc": "2.0", "id": id });
        for (name, value) in answer.as_object().expect("a result or an error") {
            message[name] = value.clone();
        }
        self.message(&message);
    }

    /// Waits for an error that answers no request in particular.
    pub fn complaint(&mut self) -> RpcError {
        RpcError::from(&self.addressed_to(&Value::Null)["error"])
    }

    /// Tells, and expects no answer.
    pub fn notify(&mut self, method: &str, params: Value) {
        self.message(&json!({ "jsonrpc": "2.0", "method": method, "params": params }));
    }

    /// Withdraws a request.
    pub fn cancel(&mut self, id: u64, reason: &str) {
        self.notify(
            "notifications/cancelled",
            json!({ "requestId": id, "reason": reason }),
        );
    }

    /// Expects no answer any more, but does not mind one that came.
    pub fn forget(&mut self, id: u64) {
        self.early.remove(&id.to_string());
    }

    /// Writes a line as it stands, whatever it is.
    pub fn line(&mut self, bytes: &[u8]) {
        let stdin = self.stdin.as_mut().expect("stdin was closed");
        let written = stdin.write_all(bytes).and_then(|()| stdin.write_all(b"\n"));
        written.expect("the server reads its stdin");
    }

    /// The server's process.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// Closes stdin, as clients do, and waits for the server to end; returns what it said on stderr.
    pub fn end(mut self) -> (ExitStatus, String) {
        self.stdin = None;
        let unexpected = self.next();
        assert_eq!(unexpected, None, "an answer that nobody waited for");
        assert!(
            self.early.is_empty(),
            "answers that nobody waited for: {:?}",
            self.early
        );
        let status = self.child.wait().expect("a child can be waited for");
        let stderr = self.stderr.take().expect("stderr is read until the end");
        (status, stderr.join().expect("reading stderr does not fail"))
    }

    fn message(&mut self, message: &Value) {
        self.line(message.to_string().as_bytes());
    }

    fn addressed_to(&mut self, id: &Value) -> Value {
        if let Some(message) = self.early.remove(&id.to_string()) {
            return message;
        }
        while let Some(message) = self.next() {
            // JSON-RPC wants `null` where the request is not known; MCP leaves the member out.
            let to = message.get("id").cloned().unwrap_or_default();
            if to == *id && message.get("method").is_none() {
                return message;
            }
            self.sort_in(message);
        }
        panic!("the server ended without an answer to request {id}")
    }

    /// Keeps what was not waited for just now.
    fn sort_in(&mut self, message: Value) {
        if message.get("method").is_some() {
            self.notices.push(message);
        } else {
            let to = message.get("id").cloned().unwrap_or_default();
            self.early.insert(to.to_string(), message);
        }
    }

    /// The next message; `None` where the server closed its stdout.
    fn next(&mut self) -> Option<Value> {
        let line = match self.lines.recv_timeout(PATIENCE) {
            Ok(line) => line,
            Err(RecvTimeoutError::Disconnected) => return None,
            Err(RecvTimeoutError::Timeout) => panic!("the server is silent for {PATIENCE:?}"),
        };
        let message: Value = serde_json::from_str(&line)
            .unwrap_or_else(|error| panic!("stdout holds what is no JSON ({error}): {line}"));
        assert_eq!(
            message["jsonrpc"], "2.0",
            "stdout holds what is no JSON-RPC: {line}"
        );
        Some(message)
    }
}

impl Drop for StdioClient {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl From<&Value> for RpcError {
    fn from(error: &Value) -> Self {
        Self {
            code: error["code"].as_i64().expect("an error has a code"),
            message: error["message"]
                .as_str()
                .expect("an error has a message")
                .to_owned(),
            data: error["data"].clone(),
        }
    }
}

impl From<&Value> for ToolAnswer {
    fn from(result: &Value) -> Self {
        Self {
            is_error: result["isError"].as_bool().unwrap_or(false),
            text: result["content"][0]["text"]
                .as_str()
                .expect("a tool answers with a text")
                .to_owned(),
            structured: result["structuredContent"].clone(),
        }
    }
}
