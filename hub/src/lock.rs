//! One home, one hub.

use std::{
    fmt,
    fs::{File, OpenOptions},
    io::{self, Read as _, Seek as _, Write as _},
    os::unix::fs::OpenOptionsExt as _,
    path::PathBuf,
    time::{Duration, Instant},
};

use protocol::home::Home;
use rustix::fs::{FlockOperation, flock};

/// How often a lock that somebody holds is tried again.
const PAUSE: Duration = Duration::from_millis(5);

/// The lock on a home; ends with this value, and with the process however that ends.
#[derive(Debug)]
pub struct Held {
    _file: File,
}

/// Why the home could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    /// Somebody has it.
    #[error("{} is the hub of {home}; use it, or stop it{}", Holder(*holder), holder.map(|pid| format!(" with: kill {pid}")).unwrap_or_default())]
    Taken {
        /// Its process id, where it wrote one.
        holder: Option<u32>,
        /// Which home.
        home: PathBuf,
    },
    /// The lock file cannot be used.
    #[error("{path} cannot be locked: {source}; check that the folder is yours and can be written")]
    Io {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

struct Holder(Option<u32>);

impl fmt::Display for Holder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.0 {
            Some(pid) => write!(f, "process {pid}"),
            None => f.write_str("another process"),
        }
    }
}

impl Held {
    /// Takes the home, or says who has it.
    ///
    /// # Errors
    /// [`LockError`].
    pub fn take(home: &Home) -> Result<Self, LockError> {
        let path = home.lock();
        let failed = |source| LockError::Io {
            path: path.clone(),
            source,
        };
        let mut options = OpenOptions::new();
        options
            .read(true)
            .write(true)
            .create(true)
            .truncate(false)
            .mode(0o600);
        let mut file = options.open(&path).map_err(failed)?;
        match flock(&file, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(rustix::io::Errno::WOULDBLOCK) => {
                let mut holder = String::new();
                let _ = (&mut file).take(20).read_to_string(&mut holder);
                return Err(LockError::Taken {
                    holder: holder.trim().parse().ok(),
                    home: home.path().to_owned(),
                });
            }
            Err(errno) => return Err(failed(errno.into())),
        }
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| writeln!(file, "{}", std::process::id()))
            .map_err(failed)?;
        Ok(Self { _file: file })
    }
}

/// Waits until no hub holds the home, at most for so long: until then a hub that was told to end may still write there.
/// Whether it came to that.
#[must_use]
pub fn let_go(home: &Home, within: Duration) -> bool {
    let since = Instant::now();
    loop {
        match File::open(home.lock()).map(|file| flock(&file, FlockOperation::NonBlockingLockShared)) {
            Ok(Err(rustix::io::Errno::WOULDBLOCK)) if since.elapsed() < within => std::thread::sleep(PAUSE),
            Ok(Err(_)) => return false,
            Ok(Ok(())) => return true,
            Err(error) => return error.kind() == io::ErrorKind::NotFound,
        }
    }
}
