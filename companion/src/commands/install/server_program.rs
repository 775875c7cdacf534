//! Which `auditotter-mcp` a client is to start, and for which home.

use std::{
    env,
    ffi::OsStr,
    os::unix::fs::PermissionsExt as _,
    path::{Path, PathBuf},
};

use anyhow::Context as _;
use vocabulary::Client;

/// What agents' clients start.
pub(super) const NAME: &str = "auditotter-mcp";

/// `auditotter-mcp`, as a client is told to start it.
#[derive(Debug)]
pub(super) struct ServerProgram {
    /// Its name where the `PATH` leads to it, else where it lies.
    pub(super) command: String,
    /// The home, where it is not the platform's.
    home: Option<String>,
    /// Why it is not started by its name.
    pub(super) remark: Option<String>,
}

impl ServerProgram {
    /// The one beside this program.
    pub(super) fn find(home: &Path) -> anyhow::Result<Self> {
        let own = env::current_exe().context("this program cannot find itself")?;
        let beside = own.with_file_name(NAME);
        let found = on_path(NAME);
        let (command, remark) = match (beside.canonicalize(), found) {
            (Ok(beside), Some(found)) if found.canonicalize().is_ok_and(|found| found == beside) => {
                (NAME.to_owned(), None)
            }
            (Ok(_), found) => {
                let why = match found {
                    Some(other) => format!("another one is first on the PATH, {}", other.display()),
                    None => "it is not on the PATH".to_owned(),
                };
                let path = text(&beside)?;
                let remark = format!("{NAME} is named by its place, {path}: {why}.");
                (path, Some(remark))
            }
            (Err(_), Some(_)) => (NAME.to_owned(), None),
            (Err(_), None) => anyhow::bail!(
                "{NAME} is neither beside this program nor on the PATH; install both from one release"
            ),
        };
        let platform = directories::ProjectDirs::from("", "", "auditotter");
        let usual = platform.as_ref().map(directories::ProjectDirs::data_dir);
        let home = match usual {
            Some(usual) if usual == home => None,
            _ => Some(text(home)?),
        };
        Ok(Self {
            command,
            home,
            remark,
        })
    }

    /// Its place, for those who start it without a `PATH` that is known.
    pub(super) fn absolute(&self) -> anyhow::Result<String> {
        if Path::new(&self.command).is_absolute() {
            return Ok(self.command.clone());
        }
        let own = env::current_exe().context("this program cannot find itself")?;
        let beside = own.with_file_name(NAME);
        let found = if beside.exists() {
            Some(beside)
        } else {
            on_path(NAME)
        };
        text(&found.context("auditotter-mcp is not there any more")?)
    }

    #[cfg(test)]
    pub(super) fn named(command: &str, home: Option<&str>) -> Self {
        Self {
            command: command.to_owned(),
            home: home.map(str::to_owned),
            remark: None,
        }
    }

    /// What the server is started with.
    pub(super) fn arguments(&self) -> Vec<String> {
        self.home_arguments().collect()
    }

    /// What a hook of this client is started with.
    pub(super) fn hook_arguments(&self, client: Client) -> Vec<String> {
        let hook = ["hook".to_owned(), client.to_string()];
        hook.into_iter().chain(self.home_arguments()).collect()
    }

    fn home_arguments(&self) -> impl Iterator<Item = String> {
        let named = self
            .home
            .iter()
            .flat_map(|home| ["--home".to_owned(), home.clone()]);
        named.collect::<Vec<_>>().into_iter()
    }
}

/// Whether this is a command of ours, wherever it lies.
pub(super) fn is_ours(command: &str) -> bool {
    Path::new(command).file_name() == Some(OsStr::new(NAME))
}

/// Where the `PATH` leads for a program.
pub(super) fn on_path(name: &str) -> Option<PathBuf> {
    let searched = env::var_os("PATH")?;
    env::split_paths(&searched)
        .filter(|folder| folder.is_absolute())
        .map(|folder| folder.join(name))
        .find(|path| {
            path.metadata()
                .is_ok_and(|meta| meta.is_file() && meta.permissions().mode() & 0o111 != 0)
        })
}

fn text(path: &Path) -> anyhow::Result<String> {
    let text = path.to_str();
    text.map(str::to_owned).with_context(|| {
        format!(
            "{} is no text, and cannot stand in a client's configuration",
            path.display()
        )
    })
}
