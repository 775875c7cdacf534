//! How git is asked.

use std::{
    env,
    ffi::{OsStr, OsString},
    io,
    os::unix::ffi::OsStringExt as _,
    path::PathBuf,
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};

use super::Repository;

/// What a repository's settings may not do while it is asked: run a program, or answer something else.
const SETTINGS: [&str; 7] = [
    "core.fsmonitor=false",
    "core.hooksPath=/dev/null",
    "log.showSignature=false",
    "core.commitGraph=false",
    "core.warnAmbiguousRefs=true",
    // Empty: whatever was named before it is not looked at.
    "blame.ignoreRevsFile=",
    "core.quotePath=false",
];

/// Who made a commit is not what a file in it says.
const NO_MAILMAP: [&str; 2] = ["log.mailmap=false", "mailmap.file=/dev/null"];

impl Repository {
    /// What git answers, as text.
    pub(super) fn ask(&self, arguments: &[&str]) -> anyhow::Result<String> {
        self.tell(arguments).map(|(answer, _)| answer)
    }

    /// The same, where bytes that are no text do not matter: a mark stands in their place.
    pub(super) fn ask_loosely(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        Ok(String::from_utf8_lossy(&self.bytes(&arguments)?).into_owned())
    }

    /// What git answers, and what it warns of.
    pub(super) fn tell(&self, arguments: &[&str]) -> anyhow::Result<(String, String)> {
        let arguments: Vec<&OsStr> = arguments.iter().map(OsStr::new).collect();
        let (answer, told) = run(self.hardened(), &arguments)?;
        let answer = String::from_utf8(answer).context("git answered what is no text")?;
        Ok((answer, told))
    }

    /// What git answers, whatever bytes these are.
    pub(super) fn bytes(&self, arguments: &[&OsStr]) -> anyhow::Result<Vec<u8>> {
        run(self.hardened(), arguments).map(|(answer, _)| answer)
    }

    /// Where git looks for this repository's hooks, and whether its settings say so in place of git itself.
    pub(crate) fn hooks_folder(&self) -> anyhow::Result<(PathBuf, bool)> {
        let folder = self.place(&["--git-path", "hooks"])?;
        let own = self.common_folder()?.join("hooks");
        let elsewhere = folder != own;
        Ok((folder, elsewhere))
    }

    /// The repository's own folder, which all its worktrees share.
    pub(super) fn common_folder(&self) -> anyhow::Result<PathBuf> {
        self.place(&["--git-common-dir"])
    }

    /// The top folder of the worktree that this is.
    pub(super) fn top_folder(&self) -> anyhow::Result<PathBuf> {
        self.place(&["--show-toplevel"])
    }

    /// A place of this repository, as its settings say.
    fn place(&self, what: &[&str]) -> anyhow::Result<PathBuf> {
        let arguments = ["rev-parse", "--path-format=absolute"].iter().chain(what);
        let arguments: Vec<&OsStr> = arguments.map(OsStr::new).collect();
        let (mut answer, _) = run(self.git(), &arguments)?;
        if answer.last() == Some(&b'\n') {
            answer.pop();
        }
        Ok(OsString::from_vec(answer).into())
    }

    fn hardened(&self) -> Command {
        let mut git = self.git();
        for setting in SETTINGS.iter().chain(&NO_MAILMAP) {
            git.args(["-c", setting]);
        }
        git
    }

    /// Git in this repository: neither in another one, nor with other objects than it has.
    fn git(&self) -> Command {
        let mut git = Command::new("git");
        let inherited = env::vars_os().map(|(name, _)| name);
        for name in inherited.filter(|name| name.as_encoded_bytes().starts_with(b"GIT_")) {
            git.env_remove(name);
        }
        git.env("GIT_GRAFT_FILE", "/dev/null")
            // An empty name: no commit loses its parents (git's shallow.c).
            .env("GIT_SHALLOW_FILE", "")
            .env("GIT_NO_LAZY_FETCH", "1")
            // A git that does not know that either has no way to fetch.
            .env("GIT_ALLOW_PROTOCOL", "none")
            .env("LC_ALL", "C")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0");
        git.arg("-C")
            .arg(&self.0)
            .args(["--no-pager", "--no-replace-objects"])
            .stdin(Stdio::null());
        git
    }
}

fn run(mut git: Command, arguments: &[&OsStr]) -> anyhow::Result<(Vec<u8>, String)> {
    let ran = match git.args(arguments).output() {
        Ok(ran) => ran,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            bail!("there is no git here; run this where the repository is")
        }
        Err(error) => return Err(error).context("git cannot be run"),
    };
    let told = String::from_utf8_lossy(&ran.stderr);
    if !ran.status.success() {
        bail!(
            "git {} failed: {}",
            arguments.first().copied().unwrap_or_default().display(),
            vocabulary::shown(told.trim(), 300)
        );
    }
    Ok((ran.stdout, told.into_owned()))
}
