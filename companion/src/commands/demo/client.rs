//! The smallest MCP client: one request at a time, over a child's stdin and stdout.

use std::{
    io::{BufRead as _, BufReader, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use anyhow::{Context as _, bail};
use serde_json::{Value, json};

use crate::output;

/// A running server and the conversation with it.
pub(super) struct Client {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
    next_id: u64,
}

/// What a tool answered.
pub(super) struct Answer {
    pub(super) is_error: bool,
}

impl Client {
    pub(super) fn start(mut command: Command) -> anyhow::Result<Self> {
        let mut child = command
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("auditotter-mcp does not run")?;
        let (Some(stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
            bail!("auditotter-mcp has no stdin or stdout");
        };
        let mut client = Self {
            child,
            stdin,
            stdout: BufReader::new(stdout),
            next_id: 1,
        };
        client.request(
            "initialize",
            &json!({
                "protocolVersion": "2025-11-25",
                "capabilities": {},
                "clientInfo": { "name": "claude-code", "version": "demo" },
            }),
        )?;
        client.send(&json!({ "jsonrpc": "2.0", "method": "notifications/initialized" }))?;
        Ok(client)
    }

    /// Calls a tool and tells the person who watches.
    pub(super) fn call(&mut self, tool: &str, arguments: &Value) -> anyhow::Result<Answer> {
        output::line(&format!("  > {tool} {arguments}"));
        let result = self.request("tools/call", &json!({ "name": tool, "arguments": arguments }))?;
        let text = result
            .pointer("/content/0/text")
            .and_then(Value::as_str)
            .unwrap_or_default();
        output::line(&format!("  < {text}"));
        Ok(Answer {
            is_error: result.get("isError").and_then(Value::as_bool).unwrap_or(false),
        })
    }

    /// Closes stdin, as clients do, and waits for the server to end.
    pub(super) fn end(self) -> anyhow::Result<()> {
        let Self { mut child, stdin, .. } = self;
        drop(stdin);
        let status = child.wait()?;
        if status.success() {
            Ok(())
        } else {
            bail!("auditotter-mcp ended with {status}")
        }
    }

    fn request(&mut self, method: &str, params: &Value) -> anyhow::Result<Value> {
        let id = self.next_id;
        self.next_id += 1;
        self.send(&json!({ "jsonrpc": "2.0", "id": id, "method": method, "params": params }))?;
        loop {
            let mut line = String::new();
            if self.stdout.read_line(&mut line)? == 0 {
                bail!("auditotter-mcp ended in the middle of {method}");
            }
            let message: Value =
                serde_json::from_str(&line).context("auditotter-mcp wrote what is no JSON")?;
            if message.get("id").and_then(Value::as_u64) == Some(id) {
                return match message.get("result") {
                    Some(result) => Ok(result.clone()),
                    None => bail!("{method} failed: {message}"),
                };
            }
        }
    }

    fn send(&mut self, message: &Value) -> anyhow::Result<()> {
        writeln!(self.stdin, "{message}")?;
        Ok(self.stdin.flush()?)
    }
}
