//! What passes between a client and the server, word for word.

use std::{fs, os::unix::fs::PermissionsExt as _, path::PathBuf};

use serde_json::Value;

use crate::{Home, program};

/// A command that is `auditotter-mcp` with both its streams written down.
#[derive(Debug)]
pub struct Wire {
    command: PathBuf,
    sent: PathBuf,
    answered: PathBuf,
}

impl Wire {
    /// Taps the server of this home.
    ///
    /// # Panics
    /// Where the command cannot be written.
    #[must_use]
    pub fn tap(home: &Home) -> Self {
        let (command, sent, answered) = (home.file("tapped"), home.file("sent"), home.file("answered"));
        let script = format!(
            "#!/bin/sh\ntee -a '{}' | '{}' \"$@\" | tee -a '{}'\n",
            sent.display(),
            program::path("auditotter-mcp").display(),
            answered.display()
        );
        fs::write(&command, script).expect("a file can be written");
        fs::set_permissions(&command, fs::Permissions::from_mode(0o700)).expect("it is ours");
        Self {
            command,
            sent,
            answered,
        }
    }

    /// What a client starts.
    #[must_use]
    pub const fn command(&self) -> &PathBuf {
        &self.command
    }

    /// What the client sent, in order.
    ///
    /// # Panics
    /// Where it sent nothing, or what is no JSON.
    #[must_use]
    pub fn sent(&self) -> Vec<Value> {
        lines(&self.sent)
    }

    /// What the server answered, in order.
    ///
    /// # Panics
    /// Where it answered nothing, or what is no JSON.
    #[must_use]
    pub fn answered(&self) -> Vec<Value> {
        lines(&self.answered)
    }
}

fn lines(path: &PathBuf) -> Vec<Value> {
    let text = fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    text.lines()
        .map(|line| serde_json::from_str(line).unwrap_or_else(|error| panic!("{error}: {line}")))
        .collect()
}
