//! A command that a shell ran, whatever the client calls the tool.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::event::Used;

/// Body of `command.run`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CommandRun {
    /// The command, as it was given: words that were given apart stand apart.
    pub command: Value,
    /// How it ended, where the client says that: it names the code of a failure only.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub exit_code: Option<i64>,
    /// What it wrote, as the client shows it to the model.
    pub output: String,
    /// What it wrote to its error output, where the client keeps that apart.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub error_output: String,
    /// Whether somebody interrupted it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupted: bool,
    /// Whether it goes on in the background.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub background: bool,
}

/// The tool that runs commands, as both clients call it.
const SHELL: &str = "Bash";

/// The command in a tool's input, where the tool runs one.
pub(crate) fn of(used: &Used) -> Option<Value> {
    let given = used.input.get("command").filter(|_| used.tool == SHELL)?;
    Some(given.clone())
}

/// What is kept of a command that ended.
pub(crate) fn ended(command: Value, response: Value) -> CommandRun {
    let text = |name: &str| {
        let found = response.get(name).and_then(Value::as_str);
        found.unwrap_or_default().to_owned()
    };
    let flag = |name: &str| response.get(name).and_then(Value::as_bool).unwrap_or_default();
    let exit_code = ["exit_code", "exitCode"]
        .iter()
        .find_map(|name| response.get(name).and_then(Value::as_i64));
    let background = response.get("backgroundTaskId").is_some_and(|id| !id.is_null());
    let (stdout, plain) = (text("stdout"), text("output"));
    let (error_output, interrupted) = (text("stderr"), flag("interrupted"));
    let output = match response {
        Value::String(all) => all,
        Value::Object(_) if stdout.is_empty() => plain,
        Value::Object(_) => stdout,
        other => other.to_string(),
    };
    CommandRun {
        command,
        exit_code,
        output,
        error_output,
        interrupted,
        background,
    }
}

/// What is kept of a command that failed: the client tells its code and its output in one text.
pub(crate) fn failed(command: Value, error: String, interrupted: bool) -> CommandRun {
    const BEGINNING: &str = "Exit code ";
    let told = error.strip_prefix(BEGINNING).and_then(|rest| {
        let (code, output) = rest.split_once('\n').unwrap_or((rest, ""));
        Some((code.trim().parse().ok()?, output.to_owned()))
    });
    let (exit_code, output) = match told {
        Some((code, output)) => (Some(code), output),
        None => (None, error),
    };
    CommandRun {
        command,
        exit_code,
        output,
        error_output: String::new(),
        interrupted,
        background: false,
    }
}
