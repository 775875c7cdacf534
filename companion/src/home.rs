//! The workspace that a command is about.

use std::path::PathBuf;

use anyhow::Context as _;
use hub::companion::CompanionLink;
use protocol::home::{HOME_VARIABLE, Home};

/// A home, and how its hub is asked.
#[derive(Debug)]
pub(crate) struct Workspace {
    pub(crate) home: Home,
}

impl Workspace {
    /// The home that was named, or the one that is found.
    pub(crate) fn resolve(asked: Option<PathBuf>) -> anyhow::Result<Self> {
        let platform = directories::ProjectDirs::from("", "", "auditotter");
        let home = Home::resolve(
            asked,
            std::env::var_os(HOME_VARIABLE),
            platform.as_ref().map(directories::ProjectDirs::data_dir),
        )?;
        // A hub that is started from here runs elsewhere; the home has to mean the same there.
        let absolute = std::path::absolute(home.path()).context("the home has no absolute path")?;
        Ok(Self {
            home: absolute.into(),
        })
    }

    /// The hub, started when it is first asked.
    pub(crate) fn hub(&self) -> anyhow::Result<CompanionLink> {
        let own = std::env::current_exe().context("this program cannot find itself to start the hub")?;
        Ok(CompanionLink::new(self.home.clone(), own))
    }
}
