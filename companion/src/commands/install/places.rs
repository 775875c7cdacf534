//! Where each client keeps what, as it documents it.

use std::{
    env,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use vocabulary::Client;

use super::files::{self, Found};

/// For whom something is installed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in super::super) enum Scope {
    /// One person, everywhere.
    User,
    /// One folder, everybody.
    Project,
}

/// The files of a client in one scope.
#[derive(Debug)]
pub(super) struct Places {
    pub(super) client: Client,
    pub(super) scope: Scope,
    /// Which servers there are: Claude Code's JSON, Codex's TOML.
    pub(super) servers: PathBuf,
    /// JSON with a member `hooks`.
    pub(super) hooks: PathBuf,
    /// The skill's folder.
    pub(super) skill: PathBuf,
    /// Where hooks are switched off and plugins on: this user's, and the scope's own.
    pub(super) settings: [PathBuf; 2],
    /// Where hooks of the other scope are.
    pub(super) other_hooks: PathBuf,
    /// The project's folder, in which all of its files lie.
    project: PathBuf,
}

impl Places {
    /// Where they are here.
    pub(super) fn of(client: Client, scope: Scope) -> anyhow::Result<Self> {
        let home = env::home_dir()
            .filter(|home| home.is_absolute())
            .context("HOME names no folder; set it to yours")?;
        let project = env::current_dir().context("this folder is not there any more")?;
        if scope == Scope::Project && same(&project, &home) {
            anyhow::bail!(
                "this is your home, not a project; leave out --project, or go to the project's folder"
            );
        }
        Ok(match client {
            Client::ClaudeCode => {
                let own = named("CLAUDE_CONFIG_DIR");
                let folder = own.clone().unwrap_or_else(|| home.join(".claude"));
                let (user, shared) = (
                    folder.join("settings.json"),
                    project.join(".claude/settings.json"),
                );
                match scope {
                    Scope::User => Self {
                        client,
                        settings: [user.clone(), user.clone()],
                        scope,
                        servers: own.unwrap_or(home).join(".claude.json"),
                        hooks: user,
                        skill: folder.join("skills/auditotter"),
                        other_hooks: shared,
                        project,
                    },
                    Scope::Project => Self {
                        client,
                        settings: [user.clone(), shared.clone()],
                        scope,
                        servers: project.join(".mcp.json"),
                        hooks: shared,
                        skill: project.join(".claude/skills/auditotter"),
                        other_hooks: user,
                        project,
                    },
                }
            }
            Client::Codex => {
                let folder = named("CODEX_HOME").unwrap_or_else(|| home.join(".codex"));
                let (user, shared) = (folder.join("hooks.json"), project.join(".codex/hooks.json"));
                let (config, of_project) = (folder.join("config.toml"), project.join(".codex/config.toml"));
                match scope {
                    Scope::User => Self {
                        client,
                        settings: [config.clone(), config.clone()],
                        scope,
                        servers: config,
                        hooks: user,
                        skill: home.join(".agents/skills/auditotter"),
                        other_hooks: shared,
                        project,
                    },
                    Scope::Project => Self {
                        client,
                        settings: [config, of_project.clone()],
                        scope,
                        servers: of_project,
                        hooks: shared,
                        skill: project.join(".agents/skills/auditotter"),
                        other_hooks: user,
                        project,
                    },
                }
            }
        })
    }
}

impl Places {
    /// Reads a file of these.
    ///
    /// # Errors
    /// As [`files::find`], and where a link in a project leads out of it: whoever made the repository chose where to.
    pub(super) fn find(&self, path: &Path) -> anyhow::Result<Found> {
        if self.scope == Scope::Project {
            let existing = path.ancestors().find_map(|path| path.canonicalize().ok());
            let project = self
                .project
                .canonicalize()
                .context("this folder is not there any more")?;
            anyhow::ensure!(
                existing.is_some_and(|existing| existing.starts_with(&project)),
                "{} leads out of the project; it was left alone",
                path.display()
            );
        }
        files::find(path)
    }
}

/// The folder that a variable names.
fn named(variable: &str) -> Option<PathBuf> {
    let named = env::var_os(variable).filter(|named| !named.is_empty())?;
    std::path::absolute(named).ok()
}

fn same(one: &Path, other: &Path) -> bool {
    one == other || matches!((one.canonicalize(), other.canonicalize()), (Ok(one), Ok(other)) if one == other)
}
