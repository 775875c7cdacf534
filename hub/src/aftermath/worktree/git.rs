//! Which files git knows of, and what it has of their contents: asked so that nothing of the repository is run. The repository is
//! the adversary's: its settings name programs for nearly everything that git does with a working tree, so git is asked for
//! lists and objects only, and reads no file of the tree but those that say what is ignored.

use std::{
    collections::HashMap,
    env, fmt,
    io::{self, Read as _, Write as _},
    os::unix::process::CommandExt as _,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
    sync::mpsc,
    thread,
    time::{Duration, Instant},
};

use rustix::process::{Pid, Signal, kill_process_group};

use crate::records::Unwatched;

/// Where systems have git. Only where it is nowhere there, `PATH` is searched: whoever starts a hub says what stands in that.
const USUAL: [&str; 5] = [
    "/usr/bin/git",
    "/usr/local/bin/git",
    "/opt/homebrew/bin/git",
    "/run/current-system/sw/bin/git",
    "/bin/git",
];

/// The longest list that is read: of as many files as are looked at, with long names.
const MOST_LIST_BYTES: u64 = 64 << 20;

/// How long git may take for an answer.
const PATIENCE: Duration = Duration::from_secs(20);

/// What is set whatever the repository says (git-config(1)). None of it should matter to what is asked; all of it names programs
/// or ways to other machines.
const SETTINGS: [&str; 11] = [
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "core.untrackedCache=false",
    "core.attributesFile=/dev/null",
    "core.sshCommand=false",
    "core.askPass=false",
    "core.alternateRefsCommand=false",
    "credential.helper=",
    "protocol.allow=never",
    "submodule.recurse=false",
    // A folder that only looks like a repository is none.
    "safe.bareRepository=explicit",
];

/// The name that git gives to a content: SHA-1 or SHA-256, in hex.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Oid {
    Sha1([u8; 20]),
    Sha256([u8; 32]),
}

impl Oid {
    fn of_hex(hex: &[u8]) -> Option<Self> {
        let mut bytes = [0; 32];
        match hex.len() {
            40 => {
                let mut short = [0; 20];
                hex::decode_to_slice(hex, &mut short).ok()?;
                Some(Self::Sha1(short))
            }
            64 => {
                hex::decode_to_slice(hex, &mut bytes).ok()?;
                Some(Self::Sha256(bytes))
            }
            _ => None,
        }
    }

    /// The name of a content in a repository whose names are of this form.
    pub(super) fn of(format: Format, content: &[u8]) -> Self {
        use sha2::Digest as _;

        let head = format!("blob {}\0", content.len());
        match format {
            Format::Sha1 => {
                let hasher = sha1::Sha1::new().chain_update(head).chain_update(content);
                Self::Sha1(hasher.finalize().into())
            }
            Format::Sha256 => {
                let hasher = sha2::Sha256::new().chain_update(head).chain_update(content);
                Self::Sha256(hasher.finalize().into())
            }
        }
    }
}

impl fmt::Display for Oid {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sha1(bytes) => f.write_str(&hex::encode(bytes)),
            Self::Sha256(bytes) => f.write_str(&hex::encode(bytes)),
        }
    }
}

/// By which hash a repository names what it holds.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) enum Format {
    #[default]
    Sha1,
    Sha256,
}

/// The files of a working tree, as git sees them: paths below its root.
#[derive(Debug, Default)]
pub(super) struct Listed {
    /// What the index has, and which content it was when it was added.
    pub(super) tracked: HashMap<Box<[u8]>, Oid>,
    /// What it has not, and no rule ignores.
    pub(super) others: Vec<Box<[u8]>>,
    pub(super) format: Format,
}

/// Git, in one repository.
#[derive(Debug)]
pub(super) struct Git<'r> {
    program: PathBuf,
    root: &'r Path,
}

impl<'r> Git<'r> {
    /// In the repository whose root this is.
    pub(super) fn at(root: &'r Path) -> Result<Self, Unwatched> {
        Ok(Self {
            program: program(root).ok_or(Unwatched::NoGit)?,
            root,
        })
    }

    /// Which files there are.
    pub(super) fn list(&self) -> Result<Listed, Unwatched> {
        let staged = self.ask(
            &["ls-files", "-z", "--stage", "--full-name"],
            &[],
            MOST_LIST_BYTES,
        )?;
        let mut listed = Listed::default();
        for line in staged.split(|byte| *byte == 0).filter(|line| !line.is_empty()) {
            let tab = line.iter().position(|byte| *byte == b'\t');
            let (about, path) = line.split_at(tab.ok_or(Unwatched::GitFailed)?);
            let mut words = about.split(|byte| *byte == b' ');
            let (mode, oid) = (words.next(), words.next().and_then(Oid::of_hex));
            // Another repository within this one.
            if mode == Some(b"160000") {
                continue;
            }
            let oid = oid.ok_or(Unwatched::GitFailed)?;
            if matches!(oid, Oid::Sha256(_)) {
                listed.format = Format::Sha256;
            }
            listed.tracked.insert(path[1..].into(), oid);
        }
        let others = ["ls-files", "-z", "--others", "--exclude-standard", "--full-name"];
        let others = self.ask(&others, &[], MOST_LIST_BYTES)?;
        // With a slash at its end it is another repository as well.
        listed.others = others
            .split(|byte| *byte == 0)
            .filter(|path| !path.is_empty() && !path.ends_with(b"/"))
            .map(Into::into)
            .collect();
        Ok(listed)
    }

    /// The contents of these names, as far as they are there and not larger than so much, all together than so much.
    pub(super) fn contents(&self, wanted: &[Oid], most: u64, all: u64) -> HashMap<Oid, Vec<u8>> {
        let mut found = HashMap::new();
        if wanted.is_empty() {
            return found;
        }
        let asked: String = wanted.iter().map(|oid| format!("{oid}\n")).collect();
        let limit = all.saturating_add(wanted.len() as u64 * 128);
        let Ok(answer) = self.ask(&["cat-file", "--batch", "--buffer"], asked.as_bytes(), limit) else {
            return found;
        };
        let mut rest = answer.as_slice();
        while let Some(end) = rest.iter().position(|byte| *byte == b'\n') {
            let (head, after) = (&rest[..end], &rest[end + 1..]);
            let mut words = head.split(|byte| *byte == b' ');
            let (oid, kind) = (words.next().and_then(Oid::of_hex), words.next());
            let size = words
                .next()
                .and_then(|size| str::from_utf8(size).ok()?.parse().ok());
            let Some(size): Option<usize> = size else {
                // Missing.
                rest = after;
                continue;
            };
            let Some(content) = after.get(..size) else { break };
            if let (Some(oid), true) = (oid, kind == Some(b"blob") && size as u64 <= most) {
                found.insert(oid, content.to_owned());
            }
            rest = after.get(size + 1..).unwrap_or_default();
        }
        found
    }

    /// What git answers to that.
    fn ask(&self, arguments: &[&str], input: &[u8], most: u64) -> Result<Vec<u8>, Unwatched> {
        let mut child = self.command(arguments).spawn().map_err(|error| {
            if error.kind() == io::ErrorKind::NotFound {
                Unwatched::NoGit
            } else {
                Unwatched::GitFailed
            }
        })?;
        let answered = answer(&mut child, input, most);
        if answered.is_err() {
            end(&child);
        }
        let ended = child.wait();
        let answered = answered?;
        match ended {
            Ok(status) if status.success() => Ok(answered),
            _ => Err(Unwatched::GitFailed),
        }
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut git = Command::new(&self.program);
        git.env_clear().env("PATH", "/usr/bin:/bin").env("LC_ALL", "C");
        // The user's own settings say whose repositories are safe, and what they have ignored everywhere.
        for name in ["HOME", "XDG_CONFIG_HOME"] {
            if let Some(value) = env::var_os(name) {
                git.env(name, value);
            }
        }
        if let Some(above) = self.root.parent() {
            git.env("GIT_CEILING_DIRECTORIES", above);
        }
        git.env("GIT_WORK_TREE", self.root)
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0")
            .env("GIT_NO_LAZY_FETCH", "1")
            // A git that does not know that either has no way to fetch.
            .env("GIT_ALLOW_PROTOCOL", "none")
            .env("GIT_ATTR_NOSYSTEM", "1")
            .env("GIT_TRACE2", "0")
            .env("GIT_TRACE2_EVENT", "0")
            .env("GIT_TRACE2_PERF", "0");
        git.arg("-C").arg(self.root).args([
            "--no-pager",
            "--no-replace-objects",
            "--no-optional-locks",
            "--literal-pathspecs",
        ]);
        for setting in SETTINGS {
            git.args(["-c", setting]);
        }
        git.args(arguments)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            // A group of its own: whatever it should start ends with it.
            .process_group(0);
        git
    }
}

/// Tells a program its input, and reads what it says until it says no more.
fn answer(child: &mut Child, input: &[u8], most: u64) -> Result<Vec<u8>, Unwatched> {
    let until = Instant::now() + PATIENCE;
    let (Some(mut stdin), Some(stdout)) = (child.stdin.take(), child.stdout.take()) else {
        return Err(Unwatched::GitFailed);
    };
    let (said, heard) = mpsc::sync_channel(1);
    thread::spawn(move || {
        let mut all = Vec::new();
        let read = stdout.take(most + 1).read_to_end(&mut all);
        // Who waited too long for it is gone.
        let _ = said.send(read.map(|_| all));
    });
    // Short enough for a pipe to hold it, so nobody waits for who does not read.
    stdin.write_all(input).map_err(|_| Unwatched::GitFailed)?;
    drop(stdin);
    let all = heard
        .recv_timeout(until.saturating_duration_since(Instant::now()))
        .map_err(|_| Unwatched::TooLong)?
        .map_err(|_| Unwatched::GitFailed)?;
    if all.len() as u64 > most {
        return Err(Unwatched::TooManyFiles);
    }
    Ok(all)
}

/// Ends a child of ours, and what it may have started.
fn end(child: &Child) {
    let group = i32::try_from(child.id()).ok().and_then(Pid::from_raw);
    if let Some(group) = group {
        // It may have ended by itself.
        let _ = kill_process_group(group, Signal::KILL);
    }
}

/// Which git. None that lies in the repository.
fn program(root: &Path) -> Option<PathBuf> {
    let searched = env::var_os("PATH").unwrap_or_default();
    let named: Vec<PathBuf> = env::split_paths(&searched)
        .map(|folder| folder.join("git"))
        .collect();
    USUAL
        .iter()
        .map(PathBuf::from)
        .chain(named)
        .filter(|path| path.is_absolute())
        .filter_map(|path| path.canonicalize().ok().map(|real| (path, real)))
        .find(|(_, real)| real.is_file() && !real.starts_with(root))
        .map(|(path, _)| path)
}

#[cfg(test)]
mod tests;
