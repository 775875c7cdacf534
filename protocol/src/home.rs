//! Where things lie in a workspace's home. Every process finds the same files by the same names.

use std::{
    ffi::OsString,
    fs::File,
    io,
    os::fd::AsRawFd,
    path::{Path, PathBuf},
};

/// The environment variable that names the home.
pub const HOME_VARIABLE: &str = "AUDITOTTER_HOME";

/// A workspace's home: the folder that holds its store, keys, tokens and sockets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Home(PathBuf);

/// No home was named, and the platform names none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no home folder: set AUDITOTTER_HOME, or HOME, or pass --home DIR")]
pub struct NoHome;

impl Home {
    /// The home that was asked for, else the variable's, else the platform's data folder.
    ///
    /// # Errors
    /// [`NoHome`] where none of the three names a folder.
    pub fn resolve(
        asked: Option<PathBuf>,
        variable: Option<OsString>,
        platform: Option<&Path>,
    ) -> Result<Self, NoHome> {
        asked
            .or_else(|| variable.filter(|value| !value.is_empty()).map(PathBuf::from))
            .or_else(|| platform.map(Path::to_path_buf))
            .map(Self)
            .ok_or(NoHome)
    }

    /// The folder itself.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.0
    }

    /// The workspace's settings and public facts; its presence says that there is a workspace.
    #[must_use]
    pub fn workspace_file(&self) -> PathBuf {
        self.0.join("workspace.json")
    }

    /// Members' encrypted seeds.
    #[must_use]
    pub fn keys(&self) -> PathBuf {
        self.0.join("keys")
    }

    /// The hub's own signing seed, for checkpoints.
    #[must_use]
    pub fn hub_key(&self) -> PathBuf {
        self.0.join("hub.key")
    }

    /// Delegations lent on this machine, one file each.
    #[must_use]
    pub fn delegations(&self) -> PathBuf {
        self.0.join("delegations")
    }

    /// How far the ledger had come, beside the store so that an older copy of it is noticed.
    #[must_use]
    pub fn mark(&self) -> PathBuf {
        self.0.join("ledger.mark")
    }

    /// What is to be recorded of stores that were refused, until one is served again.
    #[must_use]
    pub fn refused_stores(&self) -> PathBuf {
        self.0.join("ledger.refused")
    }

    /// The ledger.
    #[must_use]
    pub fn store(&self) -> PathBuf {
        self.0.join("store")
    }

    /// Records that wait for a hub.
    #[must_use]
    pub fn spool(&self) -> PathBuf {
        self.0.join("spool")
    }

    /// Sessions that several processes of a client act in.
    #[must_use]
    pub fn sessions(&self) -> PathBuf {
        self.0.join("sessions")
    }

    /// What the hub has not looked at yet, one file a session: the next hub goes on with it.
    #[must_use]
    pub fn owed(&self) -> PathBuf {
        self.0.join("owed")
    }

    /// To whom what a hook keeps in the spool is sealed: the hub's public key for that.
    #[must_use]
    pub fn spool_key(&self) -> PathBuf {
        self.0.join("spool.key")
    }

    /// Held by the one hub of this home; holds its process id.
    #[must_use]
    pub fn lock(&self) -> PathBuf {
        self.0.join("hub.lock")
    }

    /// What a hub that nobody watches has to say.
    #[must_use]
    pub fn log(&self) -> PathBuf {
        self.0.join("hub.log")
    }

    /// The door for agent-side processes.
    #[must_use]
    pub fn agent_socket(&self) -> PathBuf {
        self.0.join("agents.sock")
    }

    /// The door for the companion.
    #[must_use]
    pub fn companion_socket(&self) -> PathBuf {
        self.0.join("companion.sock")
    }
}

/// A path by which a socket can be bound or reached, valid as long as this value lives.
///
/// A socket's address holds at most 107 bytes, and a home may lie deeper; such a socket is addressed through
/// an open handle of its folder.
#[derive(Debug)]
pub struct Reachable {
    path: PathBuf,
    _folder: Option<File>,
}

/// Bytes of path that fit into a socket's address on every Unix that we know (`sun_path` is 104 on macOS).
const SOCKET_PATH_BYTES: usize = 103;

impl Reachable {
    /// The path to bind or connect to.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }
}

impl Home {
    /// How one of this home's sockets is addressed.
    ///
    /// # Errors
    /// Where the home itself cannot be opened.
    pub fn reachable(&self, socket: &Path) -> io::Result<Reachable> {
        match socket.file_name() {
            Some(name) if socket.as_os_str().len() > SOCKET_PATH_BYTES => {
                let folder = File::open(&self.0)?;
                let path = Path::new("/proc/self/fd")
                    .join(folder.as_raw_fd().to_string())
                    .join(name);
                Ok(Reachable {
                    path,
                    _folder: Some(folder),
                })
            }
            _ => Ok(Reachable {
                path: socket.to_owned(),
                _folder: None,
            }),
        }
    }
}

impl From<PathBuf> for Home {
    fn from(path: PathBuf) -> Self {
        Self(path)
    }
}
