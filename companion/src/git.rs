//! What git says of a change, asked so that a repository's own settings run nothing and answer nothing else: whoever set
//! it up may be the one whose change is judged.

use std::{
    env, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use anyhow::{Context as _, bail};
use vocabulary::{GitObject, WorkItemId};
use work_items::{Change, RawChange};

/// Where a change begins if nobody says: the first of these that there is.
const BASES: [&str; 5] = ["origin/HEAD", "origin/main", "origin/master", "main", "master"];

/// A repository, by a folder in it.
#[derive(Debug)]
pub(crate) struct Repository(PathBuf);

impl Repository {
    /// The repository that this folder is in.
    pub(crate) fn at(folder: &Path) -> Self {
        Self(folder.to_owned())
    }

    /// Reads the change that ends with this commit.
    pub(crate) fn change(&self, id: WorkItemId, head: &str, base: Option<&str>) -> anyhow::Result<Change> {
        let head = self.commit(head)?;
        let tree = self.object(&format!("{head}^{{tree}}"))?;
        let onto = match base {
            Some(base) => self.commit(base)?,
            None => {
                let mut known = BASES.iter().filter_map(|name| self.commit(name).ok());
                match known.find(|found| *found != head) {
                    Some(found) => found,
                    None => bail!("it is not clear on what {head} is to land; say so with --base"),
                }
            }
        };
        let base: GitObject = self
            .ask(&["merge-base", &head.to_string(), &onto.to_string()])
            .with_context(|| format!("{head} and {onto} have no commit in common"))?
            .trim()
            .parse()?;
        let range = format!("{base}..{head}");
        let commits = self.ask(&["rev-list", "--count", &range])?.trim().parse()?;
        Ok(Change::parse(RawChange {
            work_item: id,
            tree,
            head,
            base,
            commits,
            committers: self.committers(&range)?,
            changed_lines: self.changed_lines(base, head)?,
        })?)
    }

    /// Whether git says of a change what stands in a record; nothing, where it does not know its commits.
    pub(crate) fn agrees(&self, recorded: &Change) -> Option<bool> {
        let (head, base) = (recorded.head().to_string(), recorded.base().to_string());
        self.commit(&head).ok()?;
        self.commit(&base).ok()?;
        let found = self.change(recorded.work_item(), &head, Some(&base));
        Some(found.is_ok_and(|found| {
            let parts = |change: &Change| (change.tree(), change.base(), change.commits());
            parts(&found) == parts(recorded) && found.committers() == recorded.committers()
        }))
    }

    /// Who made these commits: authors, committers, and whom they name as co-authors. Not as a .mailmap would have them (`%aE`):
    /// it is part of the change.
    fn committers(&self, range: &str) -> anyhow::Result<Vec<String>> {
        let format = "--format=%ae%n%ce%n%(trailers:key=Co-authored-by,valueonly,unfold)";
        let listed = self.ask(&["log", "--encoding=UTF-8", format, range])?;
        let address = |line: &str| {
            let bracketed = line.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>'));
            bracketed.map_or(line, |(address, _)| address).trim().to_owned()
        };
        let all = listed.lines().map(address);
        Ok(all.filter(|address| !address.is_empty()).collect())
    }

    /// Lines added and removed; unknown where git takes a part for binary, as a repository's attributes can make it.
    fn changed_lines(&self, base: GitObject, head: GitObject) -> anyhow::Result<Option<u32>> {
        let arguments = [
            "diff-tree",
            "-r",
            "--numstat",
            "--no-renames",
            "--no-ext-diff",
            "--no-textconv",
        ];
        let listed = self.ask(&[&arguments[..], &[&base.to_string(), &head.to_string()]].concat())?;
        let counts = listed.lines().flat_map(|line| line.split('\t').take(2));
        let all: Option<u64> = counts.map(|count| count.parse::<u64>().ok()).sum();
        Ok(all.and_then(|all| u32::try_from(all).ok()))
    }

    fn commit(&self, name: &str) -> anyhow::Result<GitObject> {
        self.object(&format!("{name}^{{commit}}"))
            .with_context(|| format!("`{name}` is no commit of the repository in {}", self.0.display()))
    }

    fn object(&self, name: &str) -> anyhow::Result<GitObject> {
        let found = self.ask(&["rev-parse", "--verify", "--quiet", "--end-of-options", name])?;
        Ok(found.trim().parse()?)
    }

    fn ask(&self, arguments: &[&str]) -> anyhow::Result<String> {
        let mut git = Command::new("git");
        // Neither another repository than this one, nor other objects than it has.
        let inherited = env::vars_os().map(|(name, _)| name);
        for name in inherited.filter(|name| name.as_encoded_bytes().starts_with(b"GIT_")) {
            git.env_remove(name);
        }
        git.env("GIT_GRAFT_FILE", "/dev/null")
            // An empty name: no commit loses its parents (git's shallow.c).
            .env("GIT_SHALLOW_FILE", "")
            .env("GIT_NO_LAZY_FETCH", "1")
            .env("GIT_OPTIONAL_LOCKS", "0")
            .env("GIT_TERMINAL_PROMPT", "0");
        git.arg("-C")
            .arg(&self.0)
            .args(["--no-pager", "--no-replace-objects"])
            .args(["-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null"])
            .args(["-c", "log.showSignature=false", "-c", "core.commitGraph=false"])
            // What a trailer looks like, a repository can redefine.
            .args(["-c", "trailer.separators=:", "-c", "core.commentChar=#"])
            .args(arguments)
            .stdin(Stdio::null());
        let ran = match git.output() {
            Ok(ran) => ran,
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                bail!("there is no git here; whether a change may land is decided where its repository is")
            }
            Err(error) => return Err(error).context("git cannot be run"),
        };
        if !ran.status.success() {
            let told = String::from_utf8_lossy(&ran.stderr);
            bail!(
                "git {} failed: {}",
                arguments.first().unwrap_or(&""),
                vocabulary::shown(told.trim(), 300)
            );
        }
        String::from_utf8(ran.stdout).context("git answered what is no text")
    }
}
