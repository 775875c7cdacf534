//! A client of `/sse`, as clients of MCP 2024-11-05 are.

use std::{
    io::{BufRead as _, BufReader},
    sync::mpsc::{self, Receiver, RecvTimeoutError},
    thread,
};

use serde_json::{Value, json};

use super::{ListeningHub, WebAnswer, WebClient};
use crate::{program::PATIENCE, stdio::ToolAnswer};

/// A stream of events, and the address for messages that its first event named.
#[derive(Debug)]
pub struct EventClient {
    /// What posts the messages; tests may let it show something else.
    pub poster: WebClient,
    endpoint: String,
    events: Receiver<(String, String)>,
    next_id: u64,
}

impl EventClient {
    /// Opens a stream.
    ///
    /// # Panics
    /// Where the hub does not open one.
    #[must_use]
    pub fn open(hub: &ListeningHub, credential: String) -> Self {
        let poster = WebClient::new(hub, Some(credential));
        let response = poster.stream("/sse");
        assert_eq!(response.status().as_u16(), 200);
        let reader = BufReader::new(response.into_body().into_reader());
        let (arrived, events) = mpsc::channel();
        thread::spawn(move || {
            let mut event = (String::new(), String::new());
            for line in reader.lines().map_while(Result::ok) {
                if let Some(name) = line.strip_prefix("event:") {
                    name.trim().clone_into(&mut event.0);
                } else if let Some(data) = line.strip_prefix("data:") {
                    event.1.push_str(data.trim());
                } else if line.is_empty()
                    && !event.0.is_empty()
                    && arrived.send(std::mem::take(&mut event)).is_err()
                {
                    return;
                }
            }
        });
        let (name, endpoint) = events.recv_timeout(PATIENCE).expect("the first event arrives");
        assert_eq!(name, "endpoint");
        Self {
            poster,
            endpoint,
            events,
            next_id: 1,
        }
    }

    /// Begins as clients of that time do.
    ///
    /// # Panics
    /// Where the server says no.
    #[must_use]
    pub fn initialized(mut self) -> Self {
        let answer = self.request(
            "initialize",
            &json!({
                "protocolVersion": "2024-11-05",
                "capabilities": {},
                "clientInfo": { "name": "claude-code", "version": "2.1.0" },
            }),
        );
        assert_eq!(answer["result"]["protocolVersion"], "2024-11-05", "{answer}");
        let accepted = self.post(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }));
        assert_eq!(accepted.status, 202, "{accepted:?}");
        self
    }

    /// Posts a message to the stream's address.
    #[must_use]
    pub fn post(&self, message: &Value) -> WebAnswer {
        self.poster
            .post_to(&self.endpoint, message.to_string().as_bytes())
    }

    /// Posts a request, and returns its identifier.
    ///
    /// # Panics
    /// Where it is not accepted.
    pub fn ask(&mut self, method: &str, params: &Value) -> u64 {
        let id = self.next_id;
        self.next_id += 1;
        let accepted = self.post(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }));
        assert_eq!(accepted.status, 202, "{accepted:?}");
        id
    }

    /// Posts a request and waits for what the stream answers.
    pub fn request(&mut self, method: &str, params: &Value) -> Value {
        let id = self.ask(method, params);
        self.answer_to(id)
    }

    /// What the stream answers to a request.
    ///
    /// # Panics
    /// Where it answers nothing.
    #[must_use]
    pub fn answer_to(&self, id: u64) -> Value {
        loop {
            let message = self.message().expect("the stream goes on");
            if message["id"] == json!(id) && message.get("method").is_none() {
                return message;
            }
        }
    }

    /// Calls a tool.
    #[must_use]
    pub fn call(&mut self, tool: &str, arguments: &Value) -> ToolAnswer {
        let answer = self.request("tools/call", &json!({ "name": tool, "arguments": arguments }));
        ToolAnswer::from(&answer["result"])
    }

    /// The next message; `None` where the stream ended.
    ///
    /// # Panics
    /// Where neither happens in time.
    #[must_use]
    pub fn message(&self) -> Option<Value> {
        match self.events.recv_timeout(PATIENCE) {
            Ok((name, data)) => {
                assert_eq!(name, "message");
                Some(serde_json::from_str(&data).expect("a message is JSON"))
            }
            Err(RecvTimeoutError::Disconnected) => None,
            Err(RecvTimeoutError::Timeout) => panic!("the stream is silent for {PATIENCE:?}"),
        }
    }
}
