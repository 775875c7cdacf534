//! A hub in the foreground, which serves the inbox.

use std::{
    io::{BufRead as _, BufReader},
    process::{Child, Stdio},
};

use super::{Home, end_hub};
use crate::program::{self, PATIENCE};

/// A running hub with an inbox; it ends when this is dropped.
#[derive(Debug)]
pub struct Served {
    child: Child,
    url: String,
    workspace: std::path::PathBuf,
}

impl Home {
    /// Serves the inbox of this home on a port that is free, until what is returned is dropped.
    ///
    /// # Panics
    /// Where the hub does not open.
    #[must_use]
    pub fn serve(&self) -> Served {
        self.serve_with(&["--listen", "127.0.0.1:0"])
    }

    /// As [`Self::serve`], with these arguments.
    ///
    /// # Panics
    /// Where the hub does not open.
    #[must_use]
    pub fn serve_with(&self, arguments: &[&str]) -> Served {
        // One that was started for the same moment may have waited for its turn.
        while self.stop_hub() {}
        let mut command = self.auditotter(&["serve"]);
        let mut child = command
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::inherit())
            .spawn()
            .expect("auditotter runs");
        let output = child.stdout.take().expect("stdout is piped");
        let url = BufReader::new(output)
            .lines()
            .map_while(Result::ok)
            .find_map(|line| Some(line.strip_prefix("the inbox is at ")?.to_owned()))
            .expect("the hub says where its inbox is");
        Served {
            child,
            url,
            workspace: self.path(),
        }
    }
}

impl Served {
    /// The inbox's address, without a trailing slash.
    #[must_use]
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The host and port of that address.
    #[must_use]
    pub fn authority(&self) -> &str {
        self.url
            .split_once("://")
            .map_or(&self.url, |(_, authority)| authority)
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        end_hub(&self.workspace, rustix::process::Signal::TERM);
        let _ = program::ended(&mut self.child, PATIENCE);
        let _ = self.child.kill();
    }
}
