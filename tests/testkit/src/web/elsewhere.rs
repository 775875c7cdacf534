//! Another machine: a home that holds what was lent and nothing else, and knows where the hub is.

use std::{
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use crate::{Home, StdioClient};

/// A home on another machine, as far as a test goes.
#[derive(Debug)]
pub struct Elsewhere<'h> {
    home: &'h Home,
    folder: PathBuf,
    hub: String,
    authority: Option<PathBuf>,
}

impl<'h> Elsewhere<'h> {
    /// A machine to which everything was brought that is lent in this home.
    ///
    /// # Panics
    /// Where it cannot be copied.
    #[must_use]
    pub fn of(home: &'h Home, hub: &str) -> Self {
        let folder = home.file("elsewhere");
        let there = protocol::home::Home::from(folder.clone()).delegations();
        fs::create_dir_all(&there).expect("a folder can be made");
        for lent in fs::read_dir(home.layout().delegations()).expect("something is lent") {
            let lent = lent.expect("a folder can be read");
            fs::copy(lent.path(), there.join(lent.file_name())).expect("a file can be copied");
        }
        Self {
            home,
            folder,
            hub: hub.to_owned(),
            authority: None,
        }
    }

    /// A machine that trusts this certificate beside its own.
    #[must_use]
    pub fn trusting(mut self, authority: &Path) -> Self {
        self.authority = Some(authority.to_owned());
        self
    }

    /// The home's folder there.
    #[must_use]
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// `auditotter-mcp`, as a client there starts it.
    #[must_use]
    pub fn auditotter_mcp(&self) -> Command {
        let mut command = self.home.auditotter_mcp(&[]);
        command
            .env("AUDITOTTER_HOME", &self.folder)
            .env("AUDITOTTER_HUB", &self.hub);
        if let Some(authority) = &self.authority {
            command.env("AUDITOTTER_HUB_CA", authority);
        }
        command
    }

    /// Claude Code, at work there.
    #[must_use]
    pub fn claude_code(&self) -> StdioClient {
        StdioClient::claude_code(&mut self.auditotter_mcp())
    }
}
