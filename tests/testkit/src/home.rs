//! A home of its own for each test, with everything that it starts ended behind it.

mod founded;
mod landing;
mod ledger;
mod person;
mod session;

use std::{
    ffi::OsStr,
    fs::{self, File},
    path::{Path, PathBuf},
    process::Command,
    time::Duration,
};

use rustix::{
    fs::{FlockOperation, flock},
    process::{Pid, Signal, kill_process},
};
use tempfile::TempDir;

use founded::Founder;
pub use founded::{Lending, digest_of};
pub use landing::change;
pub use ledger::Recorded;
pub use person::Person;
pub use session::HOSTILE;

use crate::program::{self, Ran};

/// How long a hub that was asked to end may take before it is killed.
const ENDING: Duration = Duration::from_secs(10);

/// Variables of the surroundings that programs need and that name nobody.
const KEPT_VARIABLES: [&str; 3] = ["TMPDIR", "LLVM_PROFILE_FILE", "RUST_BACKTRACE"];

/// A folder with a user's home and a workspace's home in it, under a path with a space.
///
/// Programs run here see nothing of the surroundings' environment. When it is dropped, the hub of its workspace
/// ends, and the folder goes.
#[derive(Debug)]
pub struct Home {
    folder: TempDir,
    founder: Option<Founder>,
}

impl Home {
    /// A home without a workspace.
    ///
    /// # Panics
    /// Where no folder can be made.
    #[must_use]
    pub fn empty() -> Self {
        let folder = tempfile::Builder::new()
            .prefix("audit otter ")
            .tempdir()
            .expect("a temporary folder can be made");
        fs::create_dir(folder.path().join("user")).expect("a folder can be made");
        Self {
            folder,
            founder: None,
        }
    }

    /// The workspace's home: what `AUDITOTTER_HOME` names here.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.folder.path().join("workspace")
    }

    /// Where things lie in it.
    #[must_use]
    pub fn layout(&self) -> protocol::home::Home {
        self.path().into()
    }

    /// The user's home: what `HOME` names here.
    #[must_use]
    pub fn user(&self) -> PathBuf {
        self.folder.path().join("user")
    }

    /// A path for some other file of the test.
    #[must_use]
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// A command that sees this home and nothing else of the surroundings.
    #[must_use]
    pub fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = Command::new(program);
        self.isolate(&mut command);
        command
    }

    fn isolate(&self, command: &mut Command) {
        let user = self.user();
        let searched = std::env::var_os("PATH").unwrap_or_default();
        let own = std::iter::once(program::folder());
        let searched = std::env::join_paths(own.chain(std::env::split_paths(&searched)))
            .expect("the paths of PATH fit into PATH");
        command
            .env_clear()
            .envs(
                KEPT_VARIABLES
                    .into_iter()
                    .filter_map(|name| Some((name, std::env::var_os(name)?))),
            )
            .env("PATH", searched)
            .env("LANG", "C.UTF-8")
            .env("HOME", &user)
            .env("XDG_CONFIG_HOME", user.join(".config"))
            .env("XDG_DATA_HOME", user.join(".local/share"))
            .env("XDG_STATE_HOME", user.join(".local/state"))
            .env("XDG_CACHE_HOME", user.join(".cache"))
            .env("AUDITOTTER_HOME", self.path())
            .current_dir(&user);
    }

    /// `auditotter` with these arguments, in this home.
    #[must_use]
    pub fn auditotter(&self, arguments: &[&str]) -> Command {
        let mut command = self.command(program::path("auditotter"));
        command.args(arguments);
        command
    }

    /// A client runs its hook for this event.
    ///
    /// # Panics
    /// Where it cannot be run.
    #[must_use]
    pub fn hook(&self, client: &str, event: &str) -> Ran {
        program::run_with(self.auditotter_mcp(&["hook", client]), event.as_bytes())
    }

    /// `auditotter-mcp` with these arguments, in this home.
    #[must_use]
    pub fn auditotter_mcp(&self, arguments: &[&str]) -> Command {
        // It starts the other one, from beside itself.
        let _ = program::path("auditotter");
        let mut command = self.command(program::path("auditotter-mcp"));
        command.args(arguments);
        command
    }

    /// Runs `auditotter` to its end, without input and without a terminal.
    #[must_use]
    pub fn run(&self, arguments: &[&str]) -> Ran {
        program::run(self.auditotter(arguments))
    }

    /// The process of this home's hub, while one runs.
    #[must_use]
    pub fn hub(&self) -> Option<u32> {
        running_hub(&self.path()).and_then(|pid| u32::try_from(pid.as_raw_pid()).ok())
    }

    /// Kills this home's hub as a crash would, and waits until it is gone. Says whether there was one.
    pub fn kill_hub(&self) -> bool {
        end_hub(&self.path(), Signal::KILL)
    }

    /// Asks this home's hub to end, and waits until it has. Says whether there was one.
    pub fn stop_hub(&self) -> bool {
        end_hub(&self.path(), Signal::TERM)
    }
}

impl Drop for Home {
    fn drop(&mut self) {
        if !end_hub(&self.path(), Signal::TERM) || running_hub(&self.path()).is_none() {
            return;
        }
        end_hub(&self.path(), Signal::KILL);
    }
}

/// Signals the hub and waits until it has let go of the home, as long as it may take.
fn end_hub(workspace: &Path, signal: Signal) -> bool {
    let Some(pid) = running_hub(workspace) else {
        return false;
    };
    if kill_process(pid, signal).is_ok() {
        program::until(ENDING, || (running_hub(workspace) != Some(pid)).then_some(()));
    }
    true
}

/// Who holds the home's lock. A number that is left in the file of a hub that ended may be anybody's by now, so it
/// counts only while the lock is held.
fn running_hub(workspace: &Path) -> Option<Pid> {
    let path = protocol::home::Home::from(workspace.to_owned()).lock();
    let file = File::open(&path).ok()?;
    if flock(&file, FlockOperation::NonBlockingLockShared).is_ok() {
        return None;
    }
    let pid = fs::read_to_string(path).ok()?.trim().parse().ok()?;
    Pid::from_raw(pid)
}
