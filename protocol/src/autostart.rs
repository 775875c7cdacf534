//! Reaching the hub of a home, and starting one where none runs.

use std::{
    ffi::OsStr,
    fs::{self, File, OpenOptions},
    io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom},
    os::unix::{fs::OpenOptionsExt, net::UnixStream},
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use crate::home::Home;

/// The line by which a starting hub says that its sockets are open.
pub const READY: &str = "ready";

/// How a hub ends that finds the home taken: by another hub, which is the one to connect to.
pub const TAKEN: u8 = 75;

/// The hub's log is begun anew when it has grown to this many bytes; the one before it is kept.
const MOST_LOG_BYTES: u64 = 1024 * 1024;

/// How much of the log is searched for a hub's last words.
const LAST_WORDS_BYTES: usize = 4 * 1024;

/// How long a hub may take to start before the attempt counts as failed.
pub const START_DEADLINE: Duration = Duration::from_secs(20);

/// Between two attempts to start a hub.
const RETRY: Duration = Duration::from_millis(50);

/// Variables that a detached hub keeps. Everything else of an agent's environment, where keys and tokens
/// live, stays out of a process that outlives the session.
const KEPT_VARIABLES: [&str; 6] = [
    "HOME",
    "PATH",
    "TMPDIR",
    "XDG_DATA_HOME",
    "XDG_RUNTIME_DIR",
    "AUDITOTTER_LOG",
];

/// Why no hub could be reached.
#[derive(Debug, thiserror::Error)]
pub enum ReachError {
    /// There is no workspace in this home.
    #[error(
        "there is no workspace in {0}; a human creates one with: auditotter init --name NAME --email EMAIL"
    )]
    NoWorkspace(PathBuf),
    /// The hub's binary could not be run.
    #[error("the hub could not be started ({program}): {source}; run `auditotter serve` to see why")]
    Spawn {
        /// What was run.
        program: PathBuf,
        /// Why it did not run.
        source: io::Error,
    },
    /// It was started and ended at once.
    #[error("the hub does not start: {words}; `auditotter doctor` says what can be done")]
    Ended {
        /// Its last words.
        words: String,
    },
    /// It was started, or is said to run, and still does not answer.
    #[error(
        "no hub answers at {socket} ({source}); its last words are in {log}; `auditotter doctor` says more"
    )]
    Silent {
        /// Where it should answer.
        socket: PathBuf,
        /// Where it logs.
        log: PathBuf,
        /// What connecting said last.
        source: io::Error,
    },
}

/// Connects to one of a home's sockets, starting the hub where nothing listens.
///
/// `companion` is the binary that holds the hub; see [`companion_binary`].
///
/// # Errors
/// [`ReachError`] with what a person can do about it.
pub fn connect(home: &Home, socket: &Path, companion: &Path) -> Result<UnixStream, ReachError> {
    connect_within(home, socket, companion, START_DEADLINE)
}

/// The same, for whom a hub that takes as long as this to start is none.
///
/// # Errors
/// [`ReachError`] with what a person can do about it.
pub fn connect_within(
    home: &Home,
    socket: &Path,
    companion: &Path,
    patience: Duration,
) -> Result<UnixStream, ReachError> {
    if let Ok(stream) = dial(home, socket) {
        return Ok(stream);
    }
    if !home.workspace_file().exists() {
        return Err(ReachError::NoWorkspace(home.path().to_owned()));
    }
    let deadline = Instant::now() + patience;
    loop {
        // Returns when the new hub is ready, or gone: because another process won the race to start one, or
        // because the hub before it has not let go of the home yet.
        start(home, companion, patience)?;
        match dial(home, socket) {
            Ok(stream) => return Ok(stream),
            Err(source) if Instant::now() >= deadline => {
                return Err(ReachError::Silent {
                    socket: socket.to_owned(),
                    log: home.log(),
                    source,
                });
            }
            Err(_) => thread::sleep(RETRY),
        }
    }
}

/// Connects without starting anything.
///
/// # Errors
/// As the operating system says.
pub fn dial(home: &Home, socket: &Path) -> io::Result<UnixStream> {
    let reachable = home.reachable(socket)?;
    UnixStream::connect(reachable.path())
}

/// The `auditotter` binary beside this process's own, else the one on `PATH`.
#[must_use]
pub fn companion_binary() -> PathBuf {
    let name = Path::new("auditotter");
    std::env::current_exe()
        .ok()
        .and_then(|own| own.parent().map(|folder| folder.join(name)))
        .filter(|sibling| sibling.exists())
        .unwrap_or_else(|| name.to_owned())
}

fn start(home: &Home, companion: &Path, patience: Duration) -> Result<(), ReachError> {
    let failed = |source| ReachError::Spawn {
        program: companion.to_owned(),
        source,
    };
    let log = open_log(home).map_err(failed)?;
    let before = log.metadata().map_err(failed)?.len();
    let kept = KEPT_VARIABLES
        .into_iter()
        .filter_map(|name| std::env::var_os(name).map(|value| (name, value)));
    let mut child = Command::new(companion)
        .args([
            OsStr::new("--home"),
            home.path().as_os_str(),
            OsStr::new("serve"),
            OsStr::new("--detached"),
        ])
        .env_clear()
        .envs(kept)
        .current_dir("/")
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(log)
        .spawn()
        .map_err(failed)?;
    let Some(output) = child.stdout.take() else {
        return Ok(());
    };
    let (sender, started) = mpsc::channel();
    // The thread also reaps the child, so that a hub which ends early leaves no zombie behind.
    thread::spawn(move || {
        let mut line = String::new();
        let _ = BufReader::new(output).read_line(&mut line);
        if line.trim_end() == READY {
            let _ = sender.send(None);
            let _ = child.wait();
        } else {
            let _ = sender.send(child.wait().ok());
        }
    });
    match started.recv_timeout(patience) {
        Ok(Some(ended)) if ended.code().is_some_and(|code| code != i32::from(TAKEN)) => {
            Err(ReachError::Ended {
                words: last_words(home, before).unwrap_or_else(|| ended.to_string()),
            })
        }
        // Ready, or killed, or gone because another hub holds the home, or slow: either way, what follows is to connect.
        _ => Ok(()),
    }
}

fn open_log(home: &Home) -> io::Result<File> {
    let path = home.log();
    if fs::metadata(&path).is_ok_and(|log| log.len() >= MOST_LOG_BYTES) {
        fs::rename(&path, path.with_extension("log.old"))?;
    }
    OpenOptions::new()
        .create(true)
        .append(true)
        .mode(0o600)
        .open(path)
}

/// The last line that was added to the hub's log since it had this many bytes.
fn last_words(home: &Home, before: u64) -> Option<String> {
    let mut log = File::open(home.log()).ok()?;
    let length = log.metadata().ok()?.len();
    let from = before.max(length.saturating_sub(LAST_WORDS_BYTES as u64));
    log.seek(SeekFrom::Start(from)).ok()?;
    let mut bytes = Vec::new();
    log.take(LAST_WORDS_BYTES as u64).read_to_end(&mut bytes).ok()?;
    let text = String::from_utf8_lossy(&bytes);
    let line = text.lines().rev().find(|line| !line.trim().is_empty())?;
    let words = line.trim().trim_start_matches("auditotter: ");
    Some(vocabulary::shown(words, 500))
}
